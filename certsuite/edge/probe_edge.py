"""One step of a root probe on the network: what connects is asked by one chain, and its answer goes into the record."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from certsuite.core.capture import Capture
from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import (
    Cleartext,
    ClientHelloSeen,
    Event,
    FlowClosed,
    FlowOpened,
    RootProbeAnswer,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
)
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.core.redaction import printable
from certsuite.edge.flow import (
    CROWD,
    DEVICE,
    HANDSHAKE_S,
    STRANGER_S,
    FlowNames,
    OwnerOf,
    blame,
    ends,
    stop_accepting,
    waiting,
)
from certsuite.tls.client_hello import NotTls
from certsuite.tls.probe_chains import ServedChain, Step
from certsuite.tls.probe_server import PATIENCE_S, Answered, AnswerKind, ProbeEvent, probe_engine
from certsuite.tls.server import AlertSeen, ApplicationData, SecretLine

EDGE = "root-probe"
"The edge that the record names, whichever step it is."
_SHOWN = 80
"Signs of what a device sent that are shown with its answer."


class ProbeEdge:
    """Serves one step of a probe to whoever connects."""

    def __init__(
        self,
        step: Step,
        chain: ServedChain,
        *,
        root: str,
        journal: Journal,
        capture: Capture,
        names: FlowNames,
        owner_of: OwnerOf,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """``root`` is the SHA-256 of the root that is asked for; ``patience_s`` is how long silence takes."""
        self.step = step
        self.chain = chain
        self.root = root
        self.patience_s = patience_s
        self.journal = journal
        self.capture = capture
        self.names = names
        self.owner_of = owner_of
        self.contacted = False
        "Whether the device has come, and has answered."
        self.accepted = False
        "Whether it sent data over a connection: it goes no further."
        self.given_up = False
        "Whether it is being stopped: what ends now is no answer of the device."
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def name(self) -> str:
        """What it is called in the record."""
        return f"{self.step.mode} {self.step.role} {self.step.round + 1}"

    async def listen(self, address: str, port: int) -> None:
        """Serve there. Raises :class:`AddressUnavailable`."""
        self.given_up = False
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(partial(_Connection, self), address, port, family=socket.AF_INET)
        except OSError as error:
            raise AddressUnavailable(f"cannot listen on {address} port {port}: {error.strerror}") from error

    async def stop(self) -> None:
        """Serve no more. A connection that has not answered yet has not answered."""
        self.given_up = True
        if self._server is not None:
            server, self._server = self._server, None
            await stop_accepting(server)
        for connection in list(self._connections):
            connection.close()

    @property
    def busy(self) -> bool:
        """Whether a connection of the device is open."""
        return any(connection.is_the_devices for connection in self._connections)

    def opened(self, connection: _Connection) -> None:
        """A connection was accepted."""
        self._connections.add(connection)

    def closed(self, connection: _Connection) -> None:
        """It ended."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """One connection to a step."""

    def __init__(self, station: ProbeEdge) -> None:
        self._station = station
        self._engine = probe_engine(station.step.mode, station.chain, patience_s=station.patience_s)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._remote = ("", 0)
        self._flow = ""
        self._owner = ""
        self._sent = ""
        self._told = False
        self._ended: tuple[str, str] | None = None

    # --- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        station = self._station
        local, self._remote = ends(transport)
        self._owner = station.owner_of(self._remote, local, "tcp", lambda: waiting(transport))
        if self._owner == CROWD:
            transport.abort()
            return
        # Who says nothing is asked nothing, and is not kept.
        patience_s = HANDSHAKE_S if self.is_the_devices else STRANGER_S
        self._patience = self._loop.call_later(patience_s + station.patience_s, self.close)
        self._flow = station.names.next(self._owner)
        station.opened(self)
        station.capture.tcp_opened(self._flow, self._remote, local, self._utc_ns())
        opened = FlowOpened(_text(local), _text(self._remote), self._owner, "sip-tls")
        self._record(opened, IN)

    def data_received(self, data: bytes) -> None:
        if self._told or self._station.given_up:
            return
        events = self._engine.receive(data, self._loop.time())
        self._keep_secrets(events)
        frame = self._station.capture.tcp(self._flow, from_device=True, data=data, t_ns=self._utc_ns())
        self._take(events, frame)

    def eof_received(self) -> bool:
        self._note_end("device", "fin")
        self._take_end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is None:
            return
        self._patience.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if exc is not None:
            self._note_end(*blame(exc))
        self._take_end()
        by, how = self._ended or ("bench", "fin")
        self._station.capture.tcp_closed(self._flow, by_device=by == "device", reset=how == "rst", t_ns=self._utc_ns())
        self._record(FlowClosed(by, how), IN if by == "device" else OUT)
        self._station.closed(self)

    # --- what its step does

    @property
    def is_the_devices(self) -> bool:
        """Whether the far end is the device."""
        return self._owner == DEVICE

    def close(self) -> None:
        """End it from this side."""
        self._note_end("bench", "fin")
        self._keep_secrets(self._engine.close())
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # --- inside

    def _take_end(self) -> None:
        ended_here = self._ended is not None and self._ended[0] == "bench"
        if not (self._told or ended_here or self._station.given_up):
            self._take(self._engine.eof(self._loop.time()), None)

    def _tick(self) -> None:
        self._timer = None
        if self._station.given_up:
            return
        self._take(self._engine.tick(self._loop.time()), None)

    def _take(self, events: list[ProbeEvent], frame: int | None) -> None:
        for event in events:
            self._show(event, frame)
        self._flush()
        if self._told:
            self.close()
        elif self._timer is None and self._engine.deadline is not None:
            self._timer = self._loop.call_at(self._engine.deadline, self._tick)

    def _show(self, event: ProbeEvent, frame: int | None) -> None:
        match event:
            case ClientHelloSeen():
                self._record(event, IN, frame)
                mode = self._station.step.mode
                self._record(TlsPresented(f"{mode.technique}-{self._station.step.role}", (mode.version,)), OUT)
            case AlertSeen():
                self._record(event.alert, event.direction, frame)
                if event.direction == IN and event.alert.description != 0:
                    self._note_end("device", f"alert {event.alert.description}")
            case TlsEstablished() | TlsFailed():
                self._record(event, IN, frame)
            case NotTls():
                self._record(Cleartext("tcp", _text(self._remote), event.data[:512], self._owner), IN, frame)
            case ApplicationData():
                self._sent = printable(event.data.decode("latin-1"), at_most=_SHOWN)
            case Answered():
                self._answer(event, frame)

    def _answer(self, answered: Answered, frame: int | None) -> None:
        """The device has answered: this is what the probe is about."""
        self._told = True
        station, step, answer = self._station, self._station.step, answered.answer
        after_s = None if answered.after_s is None else round(answered.after_s, 4)
        self._record(
            RootProbeAnswer(
                root=station.root,
                technique=step.mode.technique,
                version=step.mode.version,
                role=step.role,
                round=step.round,
                answer=answer.kind,
                alert=answer.alert,
                established=answer.established,
                after_s=after_s,
                detail=printable(answered.detail, at_most=_SHOWN) or self._sent,
            ),
            IN,
            frame,
        )
        if self.is_the_devices:
            station.contacted = True
            station.accepted = station.accepted or answer.kind is AnswerKind.APPLICATION_DATA

    def _keep_secrets(self, events: list[ProbeEvent]) -> None:
        for event in events:
            if isinstance(event, SecretLine):
                self._station.capture.tls_secret(event.text)

    def _flush(self) -> None:
        data = self._engine.output()
        if data and self._transport is not None and not self._transport.is_closing():
            self._station.capture.tcp(self._flow, from_device=False, data=data, t_ns=self._utc_ns())
            self._transport.write(data)

    def _note_end(self, by: str, how: str) -> None:
        """Who ended it is who began to."""
        if self._ended is None:
            self._ended = (by, how)

    def _record(self, event: Event, direction: str, frame: int | None = None) -> None:
        self._station.journal.record(event, flow=self._flow, edge=EDGE, direction=direction, frame=frame)

    def _utc_ns(self) -> int:
        return int(self._station.journal.clock.utc() * 1e9)


def _text(endpoint: tuple[str, int]) -> str:
    return f"{endpoint[0]}:{endpoint[1]}"
