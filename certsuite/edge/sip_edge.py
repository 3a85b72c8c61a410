"""One emulated access SBC: SIP over TLS on its own address, and the ports where a wrong device would knock."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from certsuite.core.capture import Capture
from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import BenchChanged, Cleartext, FlowClosed, FlowOpened
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.edge.failing import SERVES, Failure, Listening, SynHole
from certsuite.edge.flow import CROWD, DEVICE, STRANGER_S, Flow, FlowNames, FlowUser, ends, stop_accepting, waiting
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse, response_to
from certsuite.tls.server import TlsBehaviour

L = TypeVar("L")

CLEARTEXT_PORT = 5060
DEFAULT_TLS_PORT = 5061
_SHOWN = 512
_ACCEPTED_AT_A_TIME = 8
"In one turn of the loop and of one listener, so that a flood leaves room for the rest of the bench."
_QUEUE = 4096
"Connections that the kernel keeps until they are accepted; it refuses none while a flood is worked off."


class SipEdge:
    """Primary or secondary: its listener, its flows and how it behaves now."""

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        tls: TlsBehaviour,
        *,
        journal: Journal,
        capture: Capture,
        names: FlowNames,
        user: FlowUser,
        stamp: int,
    ) -> None:
        self.name = name
        self.address = address
        self.port = port
        self.tls = tls
        self.failure = SERVES
        "How it fails now."
        self.sse = Sse(address, port, stamp)
        self.flows: dict[str, Flow] = {}
        self.own_ports: frozenset[int] = frozenset()
        "Ports from which it connects to itself, so that nobody else can."
        self._journal = journal
        self._capture = capture
        self._names = names
        self._user = user
        self._server: asyncio.Server | None = None
        self._hole: SynHole | None = None
        self._strays: list[asyncio.Server | asyncio.DatagramTransport] = []
        self._stray_connections: set[_Stray] = set()

    async def start(self) -> None:
        """Listen. Raises :class:`AddressUnavailable` if the SIP port, or one of the wrong ones, is taken."""
        await self._listen()
        loop = asyncio.get_running_loop()
        for port, role in ((DEFAULT_TLS_PORT, "sip-tls-default"), (CLEARTEXT_PORT, "sip-cleartext")):
            if port != self.port:
                make = partial(_Stray, self, role)
                self._strays.append(await _listening(make, self.address, port))
        transport, _ = await _bound(
            loop.create_datagram_endpoint(lambda: _StrayDatagrams(self), (self.address, CLEARTEXT_PORT)),
            self.address,
            CLEARTEXT_PORT,
        )
        self._strays.append(transport)

    async def stop(self) -> None:
        """Stop listening and end every flow."""
        if self._server is not None:
            server, self._server = self._server, None
            await stop_accepting(server)
        self.end_flows("rst")
        self._close_hole()
        for stray in self._strays:
            stray.close()
        for connection in list(self._stray_connections):
            connection.close()

    # --- behaviour

    @property
    def accepts(self) -> bool:
        """Whether connections are accepted rather than refused."""
        return self._server is not None

    @property
    def swallows(self) -> bool:
        """Whether a SYN is answered by nothing."""
        return self._hole is not None

    async def behave(self, name: str, *, tls: TlsBehaviour | None = None, accepts: bool = True) -> None:
        """Behave so from now on; flows that are open stay as they are, but for those on which it was failing. The
        record keeps ``name``."""
        self.failure = SERVES
        self.tls = tls or self.tls
        await self._listen_as(Listening.ACCEPTS if accepts else Listening.REFUSES)
        self._record_change(name, {})
        for flow in list(self.flows.values()):
            # Who comes back after a silence knows nothing of what was open before it.
            if flow.failure.silent:
                flow.close("rst")
            flow.failure = SERVES

    async def fail(self, failure: Failure, *, tls: TlsBehaviour, stood: Mapping[str, Any]) -> None:
        """Fail so from now on. ``stood`` is for the record: what was registered and subscribed to, and where."""
        self.failure = failure
        self.tls = tls
        await self._listen_as(failure.listening)
        on_open = failure.on_open and not failure.serves and not failure.ends_open
        self._record_change(
            failure.name,
            {"failure": failure.description, "cut": on_open, "serves": failure.serves, **stood},
        )
        for flow in self.flows.values():
            if failure.on_open:
                flow.failure = failure
        if failure.ends_open:
            self.end_flows(failure.ends_open)

    @property
    def fails(self) -> bool:
        """Whether it fails, or a flow of it does."""
        return self.failure is not SERVES or any(flow.failure is not SERVES for flow in self.flows.values())

    def end_flows(self, how: str = "fin") -> None:
        """End every flow of this edge."""
        for flow in list(self.flows.values()):
            flow.close(how)

    # --- inside

    async def _listen_as(self, listening: Listening) -> None:
        """Raises :class:`AddressUnavailable`."""
        if listening is not Listening.ACCEPTS and self._server is not None:
            await stop_accepting(self._server)
            self._server = None
        if listening is not Listening.IGNORES:
            self._close_hole()
        if listening is Listening.ACCEPTS and self._server is None:
            await self._listen()
        elif listening is Listening.IGNORES and self._hole is None:
            self._hole = SynHole(self.address, self.port)
            self.own_ports = self._hole.ports

    def _close_hole(self) -> None:
        if self._hole is not None:
            self._hole.close()
            self._hole = None

    def _record_change(self, name: str, detail: dict[str, Any]) -> None:
        tls = {"presentation": self.tls.presentation.name, "versions": list(self.tls.versions)}
        self._journal.record(
            BenchChanged(f"{self.name} edge", name, {**tls, "accepts": self.accepts, **detail}), edge=self.name
        )

    async def _listen(self) -> None:
        self._server = await _listening(self._make_flow, self.address, self.port)

    def _make_flow(self) -> Flow:
        failure = self.failure if self.failure.on_new else SERVES
        return Flow(self.name, lambda: self.tls, self._journal, self._capture, self._names, self, self._opened, failure)

    def _opened(self, flow: Flow) -> None:
        self.flows[flow.id] = flow

    # The edge is its flows' user: it keeps its table and hands everything on.

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        return self._user.owner_of(remote, local, transport, said)

    def line_of(self, message: SipMessage) -> int | None:
        return self._user.line_of(message)

    def on_message(self, flow: Flow, message: SipMessage) -> None:
        failure = flow.failure
        if failure.silent:
            return
        if failure.late_s:
            asyncio.get_running_loop().call_later(failure.late_s, self._hand_on, flow, message)
        elif failure.ends_at_request and message.is_request:
            flow.close(failure.ends_at_request)
        elif failure.status and message.is_request and message.method != "ACK":
            wait = [] if failure.retry_after_s is None else [("Retry-After", str(failure.retry_after_s))]
            response = response_to(message, failure.status, failure.reason, to_tag=self.sse.tag(), headers=wait)
            flow.send(response, line=self._user.line_of(message))
        else:
            self._user.on_message(flow, message)

    def _hand_on(self, flow: Flow, message: SipMessage) -> None:
        if not flow.closed:
            self._user.on_message(flow, message)

    def on_closed(self, flow: Flow) -> None:
        self.flows.pop(flow.id, None)
        self._user.on_closed(flow)

    def stray_opened(
        self, stray: _Stray, remote: tuple[str, int], local: tuple[str, int], role: str, said: Callable[[], bytes]
    ) -> str:
        """Someone connected to a port that the SRV record does not name; gives the flow's name, none to one of a
        crowd."""
        owner = self._user.owner_of(remote, local, "tcp", said)
        if owner == CROWD:
            return ""
        self._stray_connections.add(stray)
        flow = self._names.next(owner)
        self._journal.record(
            FlowOpened(f"{local[0]}:{local[1]}", f"{remote[0]}:{remote[1]}", owner, role),
            flow=flow,
            edge=self.name,
            direction=IN,
        )
        return flow

    def stray_data(self, transport: str, source: tuple[str, int], data: bytes, flow: str | None) -> None:
        """Something came in the clear."""
        frame, owner = None, DEVICE
        if transport == "udp":
            owner = self._user.owner_of(source, (self.address, CLEARTEXT_PORT), "udp", lambda: data)
            if owner == CROWD:
                return
            at_ns = int(self._journal.clock.utc() * 1e9)
            frame = self._capture.udp((source, (self.address, CLEARTEXT_PORT), data, at_ns))
        self._journal.record(
            Cleartext(transport, f"{source[0]}:{source[1]}", data[:_SHOWN], owner),
            flow=flow,
            edge=self.name,
            direction=IN,
            frame=frame,
        )

    def stray_closed(self, stray: _Stray, flow: str, *, by: str) -> None:
        """Its connection ended."""
        self._stray_connections.discard(stray)
        self._journal.record(FlowClosed(by, "fin"), flow=flow, edge=self.name, direction=IN if by == "device" else OUT)


class _Stray(asyncio.Protocol):
    """A TCP connection to a port that no SRV record names: noted, read once if in the clear, and closed."""

    def __init__(self, edge: SipEdge, role: str) -> None:
        self._edge = edge
        self._role = role
        self._flow = ""
        self._remote = ("", 0)
        self._closed_by = "device"
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        local, self._remote = ends(transport)
        self._flow = self._edge.stray_opened(self, self._remote, local, self._role, lambda: waiting(transport))
        if not self._flow:
            transport.abort()
        elif self._flow.startswith("x"):
            self._patience = asyncio.get_running_loop().call_later(STRANGER_S, self.close)

    def data_received(self, data: bytes) -> None:
        if self._flow and self._role == "sip-cleartext":
            self._edge.stray_data("tcp", self._remote, data, self._flow)
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self._flow:
            self._edge.stray_closed(self, self._flow, by=self._closed_by)

    def close(self) -> None:
        """End it."""
        self._closed_by = "bench"
        if self._transport is not None:
            self._transport.close()


class _StrayDatagrams(asyncio.DatagramProtocol):
    """SIP over UDP, which no device under test may use."""

    def __init__(self, edge: SipEdge) -> None:
        self._edge = edge

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._edge.stray_data("udp", (addr[0], addr[1]), data, None)


async def _listening(make: Callable[[], asyncio.Protocol], address: str, port: int) -> asyncio.Server:
    """A listener, or :class:`AddressUnavailable` in words."""
    loop = asyncio.get_running_loop()
    server = await _bound(loop.create_server(make, address, port, backlog=_ACCEPTED_AT_A_TIME), address, port)
    # asyncio has one number for how many it accepts in a turn and how many the kernel keeps.
    for listener in server.sockets:
        with listener.dup() as same:
            same.listen(_QUEUE)
    return server


async def _bound(listening: Awaitable[L], address: str, port: int) -> L:
    """The listener, or :class:`AddressUnavailable` in words."""
    try:
        return await listening
    except OSError as error:
        reason = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
        raise AddressUnavailable(f"cannot listen on {address} port {port}: {reason}") from error
