"""A DNS client of its own (RFC 1035): SRV and A over UDP, over TCP if truncated, and the choice of RFC 2782."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

A, CNAME, SRV = 1, 5, 33
_NO_ERROR, _NAME_ERROR = 0, 3
_TIMEOUT_S = 2.0
_NAME_LIMIT = 255
_HEADER = struct.Struct("!HHHHHH")
_TRUNCATED, _RESPONSE, _RECURSION_DESIRED = 0x0200, 0x8000, 0x0100


class DnsError(Exception):
    """The name could not be resolved: no answer, a refusal, or bytes that are no answer."""


@dataclass(frozen=True, slots=True)
class Record:
    """A resource record; ``data`` is an address, a name or ``(priority, weight, port, target)``."""

    name: str
    type: int
    ttl: int
    data: str | tuple[int, int, int, str]


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str
    ttl: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, read."""

    code: int
    truncated: bool
    answers: tuple[Record, ...]
    additional: tuple[Record, ...]


def query(identifier: int, name: str, type_: int) -> bytes:
    """A query for one record type of one name. Raises :class:`DnsError` if the name cannot be written."""
    labels = b""
    for label in name.rstrip(".").split("."):
        try:
            raw = label.encode("ascii")
        except UnicodeEncodeError as error:
            raise DnsError(f"{name} is no host name") from error
        if not 0 < len(raw) < 64:
            raise DnsError(f"{name} is no host name")
        labels += bytes([len(raw)]) + raw
    return _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", type_, 1)


def parse_reply(data: bytes, asked: bytes) -> Reply:
    """Read the response to a query. Raises :class:`DnsError` if it is none, or is the answer to something else."""
    try:
        identifier, flags, questions, answers, authority, additional = _HEADER.unpack_from(data)
        if not flags & _RESPONSE or identifier != _HEADER.unpack_from(asked)[0]:
            raise DnsError("not an answer to this query")
        at = _HEADER.size
        for _ in range(questions):
            name, at = _name(data, at)
            if name.lower() != _name(asked, _HEADER.size)[0].lower():
                raise DnsError("an answer to another question")
            at += 4
        sections: list[list[Record]] = []
        for count in (answers, authority, additional):
            section: list[Record] = []
            for _ in range(count):
                record, at = _record(data, at)
                if record is not None:
                    section.append(record)
            sections.append(section)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        if len(data) >= _HEADER.size and struct.unpack_from("!H", data, 2)[0] & _TRUNCATED:
            return Reply(_NO_ERROR, True, (), ())
        raise DnsError("a malformed answer") from error
    return Reply(flags & 0x000F, bool(flags & _TRUNCATED), tuple(sections[0]), tuple(sections[2]))


def _record(data: bytes, at: int) -> tuple[Record | None, int]:
    name, at = _name(data, at)
    type_, _, ttl, length = struct.unpack_from("!HHIH", data, at)
    at += 10
    end = at + length
    if end > len(data):
        raise IndexError("a record beyond the end")
    if type_ == A and length == 4:
        return Record(name, type_, ttl, socket.inet_ntoa(data[at:end])), end
    if type_ == CNAME:
        return Record(name, type_, ttl, _name(data, at)[0]), end
    if type_ == SRV:
        priority, weight, port = struct.unpack_from("!HHH", data, at)
        return Record(name, type_, ttl, (priority, weight, port, _name(data, at + 6)[0])), end
    return None, end


def _name(data: bytes, at: int) -> tuple[str, int]:
    """The name at an offset, and the offset after it. A pointer must lead back, so that no loop can be."""
    labels: list[str] = []
    after: int | None = None
    lowest = at
    while length := data[at]:
        if length >= 0xC0:
            pointer = struct.unpack_from("!H", data, at)[0] & 0x3FFF
            if pointer >= lowest:
                raise IndexError("a pointer that does not lead back")
            after = at + 2 if after is None else after
            at = lowest = pointer
            continue
        if length >= 64 or sum(map(len, labels)) + len(labels) + length > _NAME_LIMIT:
            raise IndexError("no name")
        label = data[at + 1 : at + 1 + length]
        if len(label) != length:
            raise IndexError("a name beyond the end")
        labels.append(label.decode("ascii"))
        at += 1 + length
    return ".".join(labels), at + 1 if after is None else after


def in_order(records: list[SrvRecord], chance: Callable[[int], int] = random.randrange) -> list[SrvRecord]:
    """SRV records in the order to try them (RFC 2782): by priority, among equals at random by weight.

    ``chance(n)`` gives a number from 0 up to but not n.
    """
    ordered: list[SrvRecord] = []
    for priority in sorted({record.priority for record in records}):
        # Those of weight 0 stand first, which gives them a small chance and no more.
        rest = sorted((record for record in records if record.priority == priority), key=lambda r: r.weight)
        while rest:
            chosen = chance(sum(record.weight for record in rest) + 1)
            running = 0
            for record in rest:
                running += record.weight
                if running >= chosen:
                    break
            ordered.append(record)
            rest.remove(record)
    return ordered


class Resolver:
    """Asks one DNS server, from the device's own address."""

    def __init__(self, server: tuple[str, int], local_address: str, *, takes_long_answers: bool = True) -> None:
        """``takes_long_answers``: whether what is truncated over UDP is asked for over TCP (RFC 7766 section 5)."""
        self._server = server
        self._local = (local_address, 0)
        self._takes_long_answers = takes_long_answers

    async def srv(self, name: str) -> tuple[list[SrvRecord], dict[str, list[str]]]:
        """SRV records of a name and the addresses that came with them. Raises :class:`DnsError`.

        Records without a target (``.``) are left out: the service is not there.
        """
        reply = await self._ask(name, SRV)
        records = [
            SrvRecord(*record.data, ttl=record.ttl)
            for record in reply.answers
            if record.type == SRV and isinstance(record.data, tuple) and record.data[3]
        ]
        addresses: dict[str, list[str]] = {}
        for record in reply.additional:
            if record.type == A and isinstance(record.data, str):
                addresses.setdefault(record.name.lower(), []).append(record.data)
        return records, addresses

    async def addresses(self, name: str) -> list[str]:
        """IPv4 addresses of a host, as the answer orders them. Raises :class:`DnsError`."""
        reply = await self._ask(name, A)
        return [record.data for record in reply.answers if record.type == A and isinstance(record.data, str)]

    async def _ask(self, name: str, type_: int) -> Reply:
        for last in (False, True):
            asked = query(secrets.randbelow(65_536), name, type_)
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    reply = await self._over_udp(asked)
                    if reply.truncated:
                        if not self._takes_long_answers:
                            raise DnsError(f"{name}: the answer is too long")
                        reply = await self._over_tcp(asked)
                break
            except (OSError, asyncio.IncompleteReadError) as error:  # TimeoutError is an OSError
                if last:
                    reason = "no answer" if isinstance(error, TimeoutError) else str(error)
                    raise DnsError(f"{name}: {reason}") from error
        if reply.code not in (_NO_ERROR, _NAME_ERROR):
            raise DnsError(f"{name}: the server answered with code {reply.code}")
        return reply

    async def _over_udp(self, asked: bytes) -> Reply:
        loop = asyncio.get_running_loop()
        transport, waiter = await loop.create_datagram_endpoint(
            lambda: _Waiter(asked, loop), local_addr=self._local, remote_addr=self._server
        )
        try:
            transport.sendto(asked)
            return await waiter.reply
        finally:
            transport.close()

    async def _over_tcp(self, asked: bytes) -> Reply:
        reader, writer = await asyncio.open_connection(*self._server, local_addr=self._local)
        try:
            writer.write(struct.pack("!H", len(asked)) + asked)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            return parse_reply(await reader.readexactly(length), asked)
        finally:
            writer.close()


class _Waiter(asyncio.DatagramProtocol):
    """Takes the first datagram that answers the query; others are not ours (RFC 5452 section 9.1)."""

    def __init__(self, asked: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._asked = asked
        self.reply: asyncio.Future[Reply] = loop.create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.reply.done():
            return
        try:
            self.reply.set_result(parse_reply(data, self._asked))
        except DnsError:
            return

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)
