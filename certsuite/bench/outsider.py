"""Someone who is no server of the device's, and sends it SIP wherever it can be reached.

It knows what a registrar knows of the device: its address of record and its Contact. What it lacks is a flow that the
device opened to it, and the device's password.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from certsuite.bench.ownership import Door
from certsuite.core.events import DoorsSeen, OutsideMessage
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.sip.message import SipMessage

_HANDSHAKE_S = 0.5
"How long a door may take for a TLS handshake: one that knows no TLS says nothing."
_READ_AT_MOST = 65_536
_WAYS = {"udp": ("udp",), "tcp": ("tcp", "tls")}


@dataclass(frozen=True, slots=True)
class Order:
    """A request of an event package outside of any dialog, as a registrar sends it."""

    event: str
    aor: str
    contact: str
    "The device's, which is the Request-URI."

    def as_sent(self, transport: str, sent_by: str) -> bytes:
        """The NOTIFY over this transport, from ``address:port``."""
        headers = (
            ("Via", f"SIP/2.0/{transport.upper()} {sent_by};branch=z9hG4bK{secrets.token_hex(8)};rport"),
            ("From", f"<sip:{self.aor}>;tag={secrets.token_hex(4)}"),
            ("To", f"<sip:{self.aor}>"),
            ("Call-ID", secrets.token_hex(8)),
            ("CSeq", "1 NOTIFY"),
            ("Max-Forwards", "69"),
            ("Event", self.event),
            ("Subscription-State", "terminated"),
            ("Contact", f"<sip:{sent_by};transport={transport}>"),
        )
        return SipMessage("NOTIFY", self.contact, headers=headers).to_bytes()


class Outsider:
    """An async context manager: what it opened is closed at its end. It belongs to one event loop."""

    def __init__(self, journal: Journal, address: str) -> None:
        """``address`` is its own."""
        self._journal = journal
        self._address = address
        self._open: list[asyncio.BaseTransport] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for transport in self._open:
            transport.close()

    async def sends(self, order: Order, doors: Sequence[Door]) -> None:
        """Send an order to every door. What is answered later is recorded as it comes; a door that is shut is none."""
        self._journal.record(DoorsSeen(tuple(map(str, doors))))
        ways = [(door, way) for door in doors for way in _WAYS[door.transport]]
        await asyncio.gather(*(self._send(order, door, way) for door, way in ways))

    async def _send(self, order: Order, door: Door, transport: str) -> None:
        loop = asyncio.get_running_loop()
        said = _Said(self._journal, f"{transport} {door.address}:{door.port}")
        there, here = (door.address, door.port), (self._address, 0)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_HANDSHAKE_S):
                if transport == "udp":
                    way, _ = await loop.create_datagram_endpoint(lambda: said, local_addr=here, remote_addr=there)
                    self._open.append(way)
                    way.sendto(self._recorded(order, said, way))
                    return
                tls = _context() if transport == "tls" else None
                stream, _ = await loop.create_connection(lambda: said, *there, local_addr=here, ssl=tls)
                self._open.append(stream)
                stream.write(self._recorded(order, said, stream))

    def _recorded(self, order: Order, said: _Said, way: asyncio.BaseTransport) -> bytes:
        address, port = way.get_extra_info("sockname")[:2]
        raw = order.as_sent(said.door.partition(" ")[0], f"{address}:{port}")
        self._journal.record(OutsideMessage(said.door, raw), direction=OUT)
        return raw


class _Said(asyncio.DatagramProtocol, asyncio.Protocol):
    """What comes back through one door."""

    def __init__(self, journal: Journal, door: str) -> None:
        self.door = door
        self._journal = journal
        self._left = _READ_AT_MOST

    def datagram_received(self, data: bytes, addr: tuple[str | None, int]) -> None:
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if data and len(data) <= self._left:
            self._left -= len(data)
            self._journal.record(OutsideMessage(self.door, data), direction=IN)


def _context() -> ssl.SSLContext:
    """The device is the server here, and whose certificate it has is not what is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
