"""One TCP connection of the device, and what is said over it: TLS, then SIP (RFC 5626 calls it a flow)."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable
from typing import Protocol

from certsuite.core.capture import Capture
from certsuite.core.events import (
    Cleartext,
    ClientHelloSeen,
    ClientKeyExchangeSeen,
    Event,
    FlowClosed,
    FlowOpened,
    LoopLag,
    SipGarbage,
    SipKeepAlive,
    SipMessageSeen,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
    TrafficClass,
)
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.edge.failing import SERVES, Failure, Handshake
from certsuite.edge.slow_writer import SlowWriter
from certsuite.edge.traffic_class import dscp_of_connection
from certsuite.sip.framer import Framed, Garbage, KeepAlive, StreamFramer
from certsuite.sip.message import SipMessage, read
from certsuite.sip.strict import strict_error
from certsuite.tls.client_hello import NotTls
from certsuite.tls.server import AlertSeen, ApplicationData, PeerClosed, SecretLine, TlsBehaviour, TlsEvent, TlsServer

_PEEKED = 4096
_SHOWN = 512
"Bytes of something unreadable that are kept in the record; the capture has all of them."
_FOREIGN = "x"
_RECORD_HEADER = 5
"Bytes before a TLS record's content; the last two are its length (RFC 8446 section 5.1)."
_NARROW = 1200
"Bytes of a TLS record that fit into one packet where the path takes 1300."
_BACKLOG_LIMIT = 4_000_000
"Unsent bytes after which a device that does not read is cut off."
_KEEP_ALIVES_AT_MOST = 1000
"In a row; a phone that sends one each 30 seconds registers anew long before."
HANDSHAKE_S = 120.0
"Seconds after which a connection without a session is ended: well past those that a phone waits for one that stalls."
STRANGER_S = 10.0
"Seconds that another program's connection lasts, at most."
STRANGER_BYTES = 16_384
"Bytes that are taken from another program on one connection."
STRANGER_EVENTS = 50
"Observations of another program's connection that are recorded, beside its end."
_LATE_MS = 50.0
"Milliseconds for which a connection may wait to be accepted, untold."
_LAST_DATA_AT = 52
"Offset of tcpi_last_data_recv in the kernel's struct tcp_info (linux/tcp.h)."

DEVICE, CROWD = "device", "crowd"


OwnerOf = Callable[[tuple[str, int], tuple[str, int], str, Callable[[], bytes]], str]
"As :meth:`FlowUser.owner_of`."


class FlowUser(Protocol):
    """What an edge does with what comes over its flows."""

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        """Whose a connection or a datagram that comes is: ``device``, ``foreign``, or ``crowd``, one foreigner too many
        to be looked at. ``said`` gives what has come already."""

    def line_of(self, message: SipMessage) -> int | None:
        """The line that a message is about."""

    def on_message(self, flow: Flow, message: SipMessage) -> None:
        """A SIP message came in."""

    def on_closed(self, flow: Flow) -> None:
        """The flow ended."""


class FlowNames:
    """Names flows in the order in which they are opened; those that are not the device's begin with ``x``."""

    def __init__(self) -> None:
        self._count = 0

    def next(self, owner: str) -> str:
        self._count += 1
        return f"{'f' if owner == DEVICE else _FOREIGN}{self._count}"


class Flow(asyncio.Protocol):
    """A connection to the SIP-over-TLS port of an edge."""

    port_role = "sip-tls"
    "As in :class:`FlowOpened`."

    def __init__(
        self,
        edge: str,
        behaviour: Callable[[], TlsBehaviour],
        journal: Journal,
        capture: Capture,
        names: FlowNames,
        user: FlowUser,
        on_opened: Callable[[Flow], None],
        failure: Failure = SERVES,
    ) -> None:
        self.id = ""
        self.failure = failure
        "How the edge fails on it."
        self.edge = edge
        self.closed = False
        self.remote: tuple[str, int] = ("", 0)
        self.local: tuple[str, int] = ("", 0)
        # What it is when the connection is made: a flow that is not in the edge's table yet has the newest one.
        self._behaviour_now = behaviour
        self._behaviour: TlsBehaviour
        self._tls: TlsServer
        self._framer = StreamFramer()
        self._journal = journal
        self._capture = capture
        self._names = names
        self._user = user
        self._on_opened = on_opened
        self._transport: asyncio.Transport | None = None
        self._ended: tuple[str, str] | None = None
        self._unacknowledged = 0
        self._stalled = False
        "Whether the one record of a handshake that stalls was sent."
        self.presented = False
        "Whether the device has sent a ClientHello, to which the behaviour's chain is the answer."
        self._patience: asyncio.TimerHandle | None = None
        self._received = 0
        self._recorded = 0
        self._keep_alives = 0
        self._writer = SlowWriter(self._write)

    # --- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._behaviour = self._behaviour_now()
        self._tls = TlsServer(self._behaviour)
        self.local, self.remote = ends(transport)
        owner = self._user.owner_of(self.remote, self.local, "tcp", lambda: waiting(transport))
        if owner == CROWD:
            self.closed = True
            transport.abort()
            return
        patience_s = HANDSHAKE_S if owner == DEVICE else STRANGER_S
        self._patience = asyncio.get_running_loop().call_later(patience_s, self._lose_patience)
        if owner == DEVICE and (late_ms := waited_ms(transport)) > _LATE_MS:
            self._journal.record(LoopLag(late_ms))
        self.id = self._names.next(owner)
        self._capture.tcp_opened(self.id, self.remote, self.local, self._utc_ns())
        self._record(FlowOpened(_text(self.local), _text(self.remote), owner, self.port_role), IN)
        dscp = dscp_of_connection(transport.get_extra_info("socket")) if owner == DEVICE else None
        if dscp is not None:
            self._record(TrafficClass(dscp, "sip"), IN)
        self._on_opened(self)

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        if not self.is_the_devices:
            data = data[: STRANGER_BYTES - self._received]
            self._received += len(data)
        events = self._tls.receive(data)
        self._keep_secrets(events)
        frame = self._capture.tcp(self.id, from_device=True, data=data, t_ns=self._utc_ns())
        for event in events:
            self._take(event, frame)
        self._flush()
        if self._received == STRANGER_BYTES or self._recorded >= STRANGER_EVENTS:
            self.close("rst")

    def eof_received(self) -> bool:
        self._note_end("device", "fin")
        for event in self._tls.eof():
            self._take(event, None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is None:
            return
        self._patience.cancel()
        if exc is not None:
            self._note_end(*blame(exc))
        self.closed = True
        self._writer.cancel()
        by, how = self._ended or ("bench", "fin")
        reset = how in ("rst", "timeout")
        self._capture.tcp_closed(self.id, by_device=by == "device", reset=reset, t_ns=self._utc_ns())
        self._record(FlowClosed(by, how, self._unacknowledged), IN if by == "device" else OUT)
        self._user.on_closed(self)

    # --- what the edge does

    @property
    def is_the_devices(self) -> bool:
        """Whether it is known to be the device's: foreign ones are recorded and never judged."""
        return bool(self.id) and not self.id.startswith(_FOREIGN)

    @property
    def usable(self) -> bool:
        """Whether SIP can be sent over it."""
        return self._tls.established and not self.closed and self._ended is None and not self.failure.silent

    def send(self, message: SipMessage, *, line: int | None = None, over_s: float = 0.0) -> None:
        """Send a message in BroadWorks' compact form. Nothing is sent on a flow that has ended.

        ``over_s`` is for a narrow path: TLS records are then no longer than a packet, and come over so many seconds.
        """
        if not self.usable:
            return
        raw = message.to_bytes(compact=True)
        size = _NARROW if over_s else len(raw)
        for start in range(0, len(raw), size):
            self._keep_secrets(self._tls.send(raw[start : start + size]))
        self._flush(over_s)
        frame = self._capture.sip(self.id, from_device=False, data=raw, t_ns=self._utc_ns())
        self._record(SipMessageSeen(raw), OUT, frame=frame, line=line)

    def close(self, how: str = "fin") -> None:
        """End the connection: ``fin`` in order, ``rst`` at once."""
        if self.closed or self._transport is None:
            return
        self._note_end("bench", how)
        self._writer.cancel()
        if how == "rst":
            raw_socket = self._transport.get_extra_info("socket")
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
            return
        self._keep_secrets(self._tls.close())
        self._flush()
        self._transport.close()

    # --- inside

    def _take(self, event: TlsEvent, frame: int | None) -> None:
        match event:
            case ClientHelloSeen():
                self._record(event, IN, frame=frame)
                self._present()
            case AlertSeen():
                self._record(event.alert, event.direction, frame=frame)
                if event.direction == IN and event.alert.description != 0:
                    self._note_end("device", f"alert {event.alert.description}")
            case TlsEstablished() | ClientKeyExchangeSeen():
                self._record(event, IN, frame=frame)
                if self._patience is not None and self.is_the_devices and isinstance(event, TlsEstablished):
                    self._patience.cancel()
            case TlsFailed():
                self._record(event, IN, frame=frame)
                self.close("fin")
            case NotTls():
                self._record(Cleartext("tcp", _text(self.remote), event.data[:_SHOWN]), IN, frame=frame)
                self.close("fin")
            case ApplicationData():
                self._take_data(event.data)
            case PeerClosed():
                self._note_end("device", "close_notify")
                self.close("fin")
            case SecretLine():
                pass

    def _present(self) -> None:
        if not self.presented and self.failure.handshake is Handshake.DONE:
            self.presented = True
            tls = self._behaviour
            self._record(
                TlsPresented(
                    tls.presentation.name, tls.versions, tls.ciphers or "", tls.asks_for_certificate, tls.manner
                ),
                OUT,
            )

    def _take_data(self, data: bytes) -> None:
        for framed in self._framer.feed(data):
            match framed:
                case Framed():
                    self._keep_alives = 0
                    self._take_message(framed.raw)
                case KeepAlive():
                    self._keep_alives += 1
                    if self._keep_alives > _KEEP_ALIVES_AT_MOST:
                        problem = f"more than {_KEEP_ALIVES_AT_MOST} keep-alives without a message between them"
                        self._record(SipGarbage(data[:_SHOWN], len(data), problem), IN)
                        self._framer.broken = True
                        self.close("rst")
                        return
                    self._record(SipKeepAlive(framed.form), IN)
                    if framed.form == "ping" and self.usable:
                        self._keep_secrets(self._tls.send(b"\r\n"))
                        self._flush()
                        self._record(SipKeepAlive("pong"), OUT)
                case Garbage():
                    self._record(SipGarbage(framed.data[:_SHOWN], len(framed.data), framed.problem), IN)
                    # Where the next message begins cannot be known: RFC 3261 section 18.3 has no way to go on.
                    self.close("rst")

    def _take_message(self, raw: bytes) -> None:
        frame = self._capture.sip(self.id, from_device=True, data=raw, t_ns=self._utc_ns())
        message = read(raw)
        line = self._user.line_of(message) if message else None
        self._record(SipMessageSeen(raw, strict_error(raw)), IN, frame=frame, line=line)
        if message is not None:
            self._user.on_message(self, message)

    def _keep_secrets(self, events: list[TlsEvent]) -> None:
        for event in events:
            if isinstance(event, SecretLine):
                self._capture.tls_secret(event.text)

    def _flush(self, over_s: float = 0.0) -> None:
        data = self._within_handshake(self._tls.output())
        slow = not self._tls.established and self._ended is None
        self._writer.write(data, over_s=self._behaviour.spread_s if slow else over_s)

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._capture.tcp(self.id, from_device=False, data=data, t_ns=self._utc_ns())
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > _BACKLOG_LIMIT:
            self.close("rst")

    def _lose_patience(self) -> None:
        """A device that has begun no session after this time begins none, and a stranger has no business here."""
        if self.is_the_devices and self._ended is None:
            self._record(TlsFailed(f"the handshake was not complete after {HANDSHAKE_S:g} s"), IN)
        self._note_end("bench", "timeout")
        self.close("rst")

    def _within_handshake(self, data: bytes) -> bytes:
        """What of it is sent, by how far the edge lets the handshake come."""
        match self.failure.handshake:
            case Handshake.DONE:
                return data
            case Handshake.STALLED if not self._stalled and data:
                self._stalled = True
                return data[: _RECORD_HEADER + int.from_bytes(data[3:_RECORD_HEADER])]
            case _:
                return b""

    def _note_end(self, by: str, how: str) -> None:
        """Who ended it is who began to."""
        if self._ended is None:
            self._ended = (by, how)
            self._unacknowledged = _unacknowledged(self._transport)

    def _record(self, event: Event, direction: str, *, frame: int | None = None, line: int | None = None) -> None:
        if not self.is_the_devices and not isinstance(event, FlowClosed):
            if self._recorded >= STRANGER_EVENTS:
                return
            self._recorded += 1
        self._journal.record(event, flow=self.id, edge=self.edge, direction=direction, frame=frame, line=line)

    def _utc_ns(self) -> int:
        return int(self._journal.clock.utc() * 1e9)


def ends(transport: asyncio.BaseTransport) -> tuple[tuple[str, int], tuple[str, int]]:
    """(ours, theirs) of a connection; theirs is not known of one that was reset before it was accepted."""
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    return (ours[0], ours[1]), (theirs[0], theirs[1]) if theirs else ("0.0.0.0", 0)


async def stop_accepting(server: asyncio.Server) -> None:
    """Refuse connections from now on, without losing one that was just accepted.

    asyncio makes the transport of an accepted connection in the loop's next turn, and drops it without a word if its
    server is closed before that: the device would hang on a connection that nobody has. The protocol learns of it a
    turn later.
    """
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(2):
        await asyncio.sleep(0)
    server.close()


def _unacknowledged(transport: asyncio.Transport | None) -> int:
    """Bytes that were written and that the other end's TCP has not acknowledged (tcp(7), SIOCOUTQ)."""
    if transport is None:
        return 0
    queued = bytearray(4)
    try:
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queued)
    except OSError:
        # The socket is gone, and with it the knowledge: what cannot be shown to have arrived counts as if it had not.
        return 1
    return int(struct.unpack("i", queued)[0]) + transport.get_write_buffer_size()


def waiting(transport: asyncio.BaseTransport) -> bytes:
    """What has come over a connection and nobody has read yet: its beginning."""
    with transport.get_extra_info("socket").dup() as copy:
        try:
            return bytes(copy.recv(_PEEKED, socket.MSG_PEEK))
        except OSError:
            return b""


def waited_ms(transport: asyncio.BaseTransport) -> int:
    """For how long a connection, or what came over it last, has been waiting to be taken, in milliseconds."""
    info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_AT + 4)
    return int.from_bytes(info[_LAST_DATA_AT:], sys.byteorder)


def blame(error: Exception) -> tuple[str, str]:
    """(by whom, how) a connection was lost."""
    match error:
        case ConnectionResetError() | BrokenPipeError():
            return "device", "rst"
        case TimeoutError():
            return "network", "timeout"
        case OSError():
            return "network", str(error)
        case _:
            # Ours: asyncio closes a connection whose protocol raises, and reports it to the loop's handler.
            return "bench", repr(error)


def _text(endpoint: tuple[str, int]) -> str:
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
