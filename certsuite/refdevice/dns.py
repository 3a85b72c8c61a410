"""A DNS client of its own (RFC 1035): SRV and A over UDP, over TCP if truncated, and the choice of RFC 2782."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from certsuite.refdevice.behaviour import Behaviour

A, CNAME, AAAA, SRV = 1, 5, 28, 33
_NO_ERROR, _NAME_ERROR = 0, 3
_CODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
COMPLIANT = Behaviour()
_NAME_LIMIT = 255
_ALIASES_AT_MOST = 8
_OPT = struct.pack("!BHHIH", 0, 41, 1232, 0, 0)
"An empty OPT record (RFC 6891 section 6.1.2)."
_HEADER = struct.Struct("!HHHHHH")
_TRUNCATED, _RESPONSE, _RECURSION_DESIRED = 0x0200, 0x8000, 0x0100


class DnsError(Exception):
    """The name could not be resolved: no answer, a refusal, or bytes that are no answer."""

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        "``no answer``, or the response code's name; empty if it is neither."


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


def query(identifier: int, name: str, type_: int, *, edns: bool = False) -> bytes:
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
    header = _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, int(edns))
    return header + labels + b"\0" + struct.pack("!HH", type_, 1) + (_OPT if edns else b"")


def _either_case(letter: str) -> str:
    return letter.upper() if secrets.randbits(1) else letter.lower()


def parse_reply(data: bytes, asked: bytes, behaviour: Behaviour = COMPLIANT) -> Reply:
    """Read the response to a query. Raises :class:`DnsError` if it is none, or is the answer to something else."""
    try:
        identifier, flags, questions, answers, authority, additional = _HEADER.unpack_from(data)
        own = not behaviour.compares_id or identifier == _HEADER.unpack_from(asked)[0]
        if not flags & _RESPONSE or not own:
            raise DnsError("not an answer to this query")
        at = _HEADER.size
        for _ in range(questions):
            name, at = _name(data, at)
            mine = _name(asked, _HEADER.size)[0]
            if name != mine and (behaviour.heeds_letter_case or name.lower() != mine.lower()):
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
    return Reply(
        flags & 0x000F, bool(flags & _TRUNCATED), tuple(sections[0][: behaviour.records_per_answer]), tuple(sections[2])
    )


def _record(data: bytes, at: int) -> tuple[Record | None, int]:
    name, at = _name(data, at)
    type_, _, ttl, length = struct.unpack_from("!HHIH", data, at)
    at += 10
    end = at + length
    if end > len(data):
        raise IndexError("a record beyond the end")
    if type_ == A and length == 4:
        return Record(name, type_, ttl, socket.inet_ntoa(data[at:end])), end
    if type_ == AAAA and length == 16:
        return Record(name, type_, ttl, socket.inet_ntop(socket.AF_INET6, data[at:end])), end
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

    def __init__(self, server: tuple[str, int], local_address: str, behaviour: Behaviour = COMPLIANT) -> None:
        self._server = server
        self._local = (local_address, 0)
        self._behaviour = behaviour

    async def srv(self, name: str) -> tuple[list[SrvRecord], dict[str, list[str]]]:
        """SRV records of a name and the addresses that came with them. Raises :class:`DnsError`.

        A record with an empty target says that the service is not there.
        """
        found, reply = await self._find(name, SRV)
        records = [SrvRecord(*record.data, ttl=record.ttl) for record in found if isinstance(record.data, tuple)]
        addresses: dict[str, list[str]] = {}
        for record in reply.additional:
            if record.type == A and isinstance(record.data, str):
                addresses.setdefault(record.name.lower(), []).append(record.data)
        return records, addresses

    async def addresses(self, name: str) -> list[str]:
        """Addresses of a host to connect to, as the answer orders them. Raises :class:`DnsError`."""
        ipv6 = (await self._find(name, AAAA))[0] if self._behaviour.asks_ipv6 else []
        found, reply = await self._find(name, A)
        if not found and reply.code == _NAME_ERROR:
            raise DnsError(f"{name}: there is no such name", _CODES[_NAME_ERROR])
        chosen = ipv6 if ipv6 and self._behaviour.ipv6_alone else found
        return [record.data for record in chosen if isinstance(record.data, str)]

    async def _find(self, name: str, type_: int) -> tuple[list[Record], Reply]:
        """Records of a name, through aliases (RFC 1034 section 3.6.2), and the reply that had them."""
        for _ in range(_ALIASES_AT_MOST):
            reply = await self._ask(name, type_)
            owner = self._without_aliases(name.rstrip(".").lower(), reply)
            found = [record for record in reply.answers if record.type == type_ and record.name.lower() == owner]
            if found or owner == name.rstrip(".").lower():
                return found, reply
            name = owner
        raise DnsError(f"{name}: too many aliases")

    def _without_aliases(self, name: str, reply: Reply) -> str:
        """The name that the answer's aliases lead to."""
        aliases = {record.name.lower(): record.data for record in reply.answers if record.type == CNAME}
        if self._behaviour.follows_cname:
            for _ in range(_ALIASES_AT_MOST):
                name = str(aliases.get(name, name)).lower()
        return name

    async def _ask(self, name: str, type_: int) -> Reply:
        for last in (False, True):
            written = "".join(map(_either_case, name)) if self._behaviour.mixes_letters else name
            asked = query(secrets.randbelow(65_536), written, type_, edns=self._behaviour.insists_on_edns)
            try:
                async with asyncio.timeout(self._behaviour.dns_timeout_s):
                    reply = await self._over_udp(asked)
                    if reply.truncated:
                        if not self._behaviour.takes_long_answers:
                            raise DnsError(f"{name}: the answer is too long")
                        reply = await self._over_tcp(asked)
                break
            except (OSError, asyncio.IncompleteReadError) as error:  # TimeoutError is an OSError
                if last:
                    silent = isinstance(error, TimeoutError)
                    raise DnsError(f"{name}: {'no answer' if silent else error}", "no answer") from error
        if reply.code not in (_NO_ERROR, _NAME_ERROR):
            raise DnsError(f"{name}: the server answered with code {reply.code}", _CODES.get(reply.code, ""))
        return reply

    async def _over_udp(self, asked: bytes) -> Reply:
        loop = asyncio.get_running_loop()
        transport, waiter = await loop.create_datagram_endpoint(
            lambda: _Waiter(asked, loop, self._behaviour), local_addr=self._local, remote_addr=self._server
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
            return parse_reply(await reader.readexactly(length), asked, self._behaviour)
        finally:
            writer.close()


class _Waiter(asyncio.DatagramProtocol):
    """Takes the first datagram that answers the query; others are not ours (RFC 5452 section 9.1)."""

    def __init__(self, asked: bytes, loop: asyncio.AbstractEventLoop, behaviour: Behaviour) -> None:
        self._asked = asked
        self._behaviour = behaviour
        self.reply: asyncio.Future[Reply] = loop.create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.reply.done():
            return
        try:
            self.reply.set_result(parse_reply(data, self._asked, self._behaviour))
        except DnsError:
            return

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)
