"""The bench's DNS server: UDP and TCP on one port, every question in the record and in the capture."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from itertools import count

from certsuite.core.capture import Capture, Endpoint
from certsuite.core.errors import AddressUnavailable, BenchError
from certsuite.core.events import BenchChanged
from certsuite.core.journal import Journal
from certsuite.core.observations import IN
from certsuite.dns.behaviour import GOOD, DnsBehaviour
from certsuite.dns.responder import Reaction, answer
from certsuite.dns.zone import Zone
from certsuite.edge.flow import CROWD, DEVICE, OwnerOf, ends, waiting

IDLE_S = 10.0
"Seconds without a question after which a TCP connection is closed."
CONNECTIONS_AT_MOST = 64
"TCP connections of the device at a time, and as many of others; further ones are closed at once."

_AT_A_TIME = 16
"Datagrams read, and connections accepted, in one turn of the loop: a flood leaves room for the rest of the bench."
_STRANGER_QUESTIONS = 16
"Questions that another program than the device may ask over one TCP connection."
_QUEUE = 4096
"Connections that the kernel keeps until they are accepted."
_DATAGRAM = 65_535
_PORT_ATTEMPTS = 16
# Linux's number (asm-generic/socket.h); Python 3.11 has no name for it. The control message has the same.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")


class DnsServer:
    """Answers questions from a zone that may be replaced at any moment."""

    def __init__(
        self,
        journal: Journal,
        capture: Capture,
        zone: Zone,
        address: str,
        port: int = 0,
        *,
        idle_s: float = IDLE_S,
        owner_of: OwnerOf = lambda *_: DEVICE,
    ) -> None:
        self.zone = zone
        "What is answered from now on."
        self.behaviour = GOOD
        "How it is answered from now on."
        self._journal = journal
        self._capture = capture
        self._address = address
        self._port = port
        self._idle_s = idle_s
        self._owner_of = owner_of
        self._udp: socket.socket | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: set[_TcpConnection] = set()
        self._flows = count(1)
        self._delayed: set[asyncio.TimerHandle] = set()

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens. Raises :class:`BenchError` before :meth:`start`."""
        if self._udp is None:
            raise BenchError("the DNS server does not run")
        return self._address, self._port

    async def start(self) -> None:
        """Listen. Raises :class:`AddressUnavailable` if the address or the port cannot be had."""
        udp, tcp = _bind_both(self._address, self._port)
        self._port = udp.getsockname()[1]
        loop = asyncio.get_running_loop()
        try:
            self._tcp = await loop.create_server(
                lambda: _TcpConnection(self, self._idle_s), sock=tcp, backlog=_AT_A_TIME
            )
            # asyncio has one number for how many it accepts in a turn and how many the kernel keeps.
            tcp.listen(_QUEUE)
        except OSError as error:
            udp.close()
            tcp.close()
            raise AddressUnavailable(f"DNS over TCP on {self._address} port {self._port}: {error}") from error
        self._udp = udp
        loop.add_reader(udp, self._read_datagrams)

    def behave(self, name: str, *, zone: Zone | None = None, behaviour: DnsBehaviour = GOOD) -> None:
        """Answer so from now on: from another zone, or in another way. The record keeps ``name``."""
        if zone is not None:
            self.zone = zone
        self.behaviour = behaviour
        srv = [f"{one.name} {one.data}" for one in self.zone.records if one.type == "SRV"]
        about = {"srv": srv, "types": sorted(behaviour.types), "names": sorted(behaviour.names)}
        self._journal.record(BenchChanged("DNS", name, {key: value for key, value in about.items() if value}))

    async def stop(self) -> None:
        """Close everything; a server that does not run stays so."""
        for timer in self._delayed:
            timer.cancel()
        self._delayed.clear()
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp)
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            self._tcp.close()
            open_connections = list(self._connections)
            for connection in open_connections:
                connection.abort()
            for connection in open_connections:
                await connection.lost.wait()
            await self._tcp.wait_closed()
            self._tcp = None

    def _read_datagrams(self) -> None:
        udp = self._udp
        assert udp is not None
        for _ in range(_AT_A_TIME):
            try:
                data, ancillary, _, peer = udp.recvmsg(_DATAGRAM, socket.CMSG_SPACE(_TIMESPEC.size))
            except BlockingIOError:
                return
            except OSError:
                # An earlier reply could not be delivered: the asker is gone, and the socket is as good as before.
                continue
            self._answer_datagram(udp, data, peer, _age_ns(ancillary))

    def _answer_datagram(self, udp: socket.socket, data: bytes, peer: Endpoint, age_ns: int) -> None:
        asker = (peer[0], peer[1])
        t_mono_ns, t_ns = self._received(age_ns)
        owner = self._owner_of(asker, self.endpoint, "udp", lambda: data)
        if owner == CROWD:
            return
        frame = self._capture.udp((asker, self.endpoint, data, t_ns))
        reaction = answer(data, self.zone, self.behaviour, transport="udp", source=_text(asker))
        flow = None if owner == DEVICE else self._flow_of(owner)
        self._journal.record(reaction.event, t_mono_ns=t_mono_ns, flow=flow, direction=IN, frame=frame)
        self._send(reaction, lambda reply: self._send_datagram(udp, reply, peer))

    def _send(self, reaction: Reaction, send: Callable[[bytes], None]) -> None:
        """Send what is due, when it is due."""
        if reaction.delay_s == 0:
            for reply in reaction.replies:
                send(reply)
            return

        def due() -> None:
            self._delayed.discard(timer)
            for reply in reaction.replies:
                send(reply)

        timer = asyncio.get_running_loop().call_later(reaction.delay_s, due)
        self._delayed.add(timer)

    def _send_datagram(self, udp: socket.socket, reply: bytes, peer: Endpoint) -> None:
        try:
            udp.sendto(reply, peer)
        except OSError:
            # A datagram that cannot be sent is lost, as on any network; the question is in the record.
            return
        self._capture.udp((self.endpoint, (peer[0], peer[1]), reply, self._received(0)[1]))

    def _flow_of(self, owner: str) -> str:
        """A name for a connection; it begins with ``x`` if it is not the device's."""
        return f"{'' if owner == DEVICE else 'x'}dns-{next(self._flows)}"

    def _received(self, age_ns: int) -> tuple[int, int]:
        """Monotonic and UTC time, in nanoseconds, of something that came ``age_ns`` ago."""
        clock = self._journal.clock
        return clock.monotonic_ns() - age_ns, int(clock.utc() * 1e9) - age_ns


class _TcpConnection(asyncio.Protocol):
    """One connection: questions with their length in front, answered in their order (RFC 7766)."""

    def __init__(self, server: DnsServer, idle_s: float) -> None:
        self._server = server
        self._idle_s = idle_s
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._buffer = bytearray()
        self._flow = ""
        self._asker: Endpoint = ("", 0)
        self._aborted = False
        self._asked = 0
        self.lost = asyncio.Event()
        "Set once the connection is gone and the capture knows."

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._server._udp is None:
            transport.abort()
            return
        local, self._asker = ends(transport)
        owner = self._server._owner_of(self._asker, local, "tcp", lambda: waiting(transport))
        others = [one for one in self._server._connections if one.is_foreign == (owner != DEVICE)]
        if owner == CROWD or len(others) >= CONNECTIONS_AT_MOST:
            transport.abort()
            return
        self._flow = self._server._flow_of(owner)
        self._server._connections.add(self)
        self._server._capture.tcp_opened(self._flow, self._asker, self._server.endpoint, self._now_ns())
        self._restart_idle()

    def data_received(self, data: bytes) -> None:
        if self not in self._server._connections:
            return
        frame = self._server._capture.tcp(self._flow, from_device=True, data=data, t_ns=self._now_ns())
        self._buffer += data
        while len(self._buffer) >= 2:
            length = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < 2 + length:
                break
            question = bytes(self._buffer[2 : 2 + length])
            del self._buffer[: 2 + length]
            self._asked += 1
            if self.is_foreign and self._asked > _STRANGER_QUESTIONS:
                self.abort()
                return
            self._restart_idle()
            self._answer(question, frame)

    def _answer(self, question: bytes, frame: int) -> None:
        server = self._server
        reaction = answer(question, server.zone, server.behaviour, transport="tcp", source=_text(self._asker))
        server._journal.record(reaction.event, flow=self._flow, direction=IN, frame=frame)
        server._send(reaction, self._reply)

    def _reply(self, reply: bytes) -> None:
        if self._transport is None:
            return
        framed = len(reply).to_bytes(2, "big") + reply
        self._transport.write(framed)
        self._server._capture.tcp(self._flow, from_device=False, data=framed, t_ns=self._now_ns())

    def pause_writing(self) -> None:
        # Who does not take its answers asks no further questions.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._idle is not None:
            self._idle.cancel()
        if self in self._server._connections:
            self._server._connections.discard(self)
            self._server._capture.tcp_closed(
                self._flow, by_device=not self._aborted, reset=error is not None, t_ns=self._now_ns()
            )
        self.lost.set()

    @property
    def is_foreign(self) -> bool:
        """Whether another program than the device made it."""
        return self._flow.startswith("x")

    def abort(self) -> None:
        """Close at once, without waiting for what is not sent."""
        self._aborted = True
        if self._transport is not None:
            self._transport.abort()

    def _restart_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_s, self.abort)

    def _now_ns(self) -> int:
        return self._server._received(0)[1]


def _bind_both(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket on one port; any that is free on both if ``port`` is 0."""
    problem: OSError | None = None
    for _ in range(1 if port else _PORT_ATTEMPTS):
        try:
            udp = _bind(address, port, socket.SOCK_DGRAM)
        except OSError as error:
            raise AddressUnavailable(f"DNS over UDP on {address} port {port}: {error}") from error
        try:
            tcp = _bind(address, udp.getsockname()[1], socket.SOCK_STREAM)
            tcp.listen()
        except OSError as error:
            udp.close()
            problem = error
            continue
        return udp, tcp
    raise AddressUnavailable(f"DNS over TCP on {address} port {port}: {problem}") from problem


def _bind(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        made.setblocking(False)
        if kind is socket.SOCK_DGRAM:
            made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


def _age_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds since the kernel received a datagram; 0 if it does not say, or the machine's clock was set back."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return max(time.time_ns() - (int(seconds) * 1_000_000_000 + int(nanoseconds)), 0)
    return 0


def _text(endpoint: Endpoint) -> str:
    return f"{endpoint[0]}:{endpoint[1]}"
