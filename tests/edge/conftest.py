"""What the tests of the edge share: two edges with all that stands behind them, and hand-made clients."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from certsuite.bench.addresses import LoopbackNet
from certsuite.core.capture import Datagram, Endpoint
from certsuite.core.events import Event, FlowClosed, SipMessageSeen
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import OUT, Observation
from certsuite.core.redaction import Secret
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.call_control import CallControl
from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import FlowNames
from certsuite.edge.media import MediaLoop
from certsuite.edge.registrar import Registrar
from certsuite.edge.sip_edge import SipEdge
from certsuite.sip.message import SipMessage, read
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.server import TlsBehaviour
from tests.clients.phone import HandPhone
from tests.clients.wire import PATIENCE_S, Wire, client_context
from tests.waiting import WatchOfAll

E = TypeVar("E", bound=Event)

HOST = "obp.lab.example"
DOMAIN = "98079822.lab.invalid"
PORT = 8934


def ending(event: Event) -> tuple[str, str]:
    """By whom and how a connection was ended: what was still on its way then depends on the moment."""
    assert isinstance(event, FlowClosed)
    return event.by, event.how


class Frames:
    """A capture that keeps who ended which connection, and the datagrams."""

    def __init__(self) -> None:
        self.count = 0
        self.closed: dict[str, tuple[bool, bool]] = {}
        "(by device, reset) by flow."
        self.secrets: list[str] = []

    def _next(self) -> int:
        self.count += 1
        return self.count

    def tcp_opened(self, flow: str, device: Endpoint, bench: Endpoint, t_ns: int) -> None:
        self._next()

    def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        return self._next()

    def tcp_closed(self, flow: str, *, by_device: bool, reset: bool, t_ns: int) -> None:
        self.closed[flow] = (by_device, reset)

    def tls_secret(self, line: str) -> None:
        self.secrets.append(line)

    def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        return self._next()

    def udp(self, *datagrams: Datagram) -> int:
        return self._next()


class World:
    """Two edges on addresses of their own, and what they record."""

    def __init__(self, pki: Pki) -> None:
        self.journal = Journal(SystemClock())
        self.watch = WatchOfAll(self.journal)
        self.frames = Frames()
        self.net = LoopbackNet()
        self.owner = "device"
        self.good = TlsBehaviour(pki.presentation("good"))
        self.pki = pki
        accounts = [
            Account(line, f"line{line}", DOMAIN, f"auth{line}", Secret(f'pass"{line}\\word'), f"Line {line}")
            for line in (1, 2)
        ]
        self.registrar = Registrar(self.journal, Accounts(accounts), granted_expiry_s=60)
        self.media = MediaLoop(self.journal, self.frames)
        self.control = CallControl(self.journal, self.registrar, self.media, owner_of=self._owner_of)
        names = FlowNames()
        self.primary, self.secondary = (
            self._edge(name, number, names) for name, number in (("primary", 11), ("secondary", 12))
        )
        self.control.edges = {"primary": self.primary, "secondary": self.secondary}
        self.calls: list[tuple[CallLeg, str]] = []
        self.control.on_call = lambda leg, number: self.calls.append((leg, number))
        self.loop_errors: list[dict[str, Any]] = []
        self.wires: list[Wire] = []

    def _owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        return self.owner

    def _edge(self, name: str, number: int, names: FlowNames) -> SipEdge:
        return SipEdge(
            name,
            self.net.host(number),
            PORT,
            self.good,
            journal=self.journal,
            capture=self.frames,
            names=names,
            user=self.control,
            stamp=number,
        )

    async def start(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.loop_errors.append(context))
        self.media.start()
        for edge in self.control.edges.values():
            await edge.start()

    async def stop(self) -> None:
        for wire in self.wires:
            wire.disappear()
        for edge in self.control.edges.values():
            await edge.stop()
        self.control.stop()
        self.media.stop()
        self.net.release()
        await asyncio.sleep(0)

    # --- clients

    def context(self) -> ssl.SSLContext:
        return client_context(self.pki.root_pem)

    async def connect(self, edge: SipEdge | None = None, *, receives: int = 65_536) -> Wire:
        """A client on a TLS connection."""
        to = edge or self.primary
        wire = await Wire.connect((to.address, to.port), self.context(), HOST, receives=receives)
        self.wires.append(wire)
        return wire

    async def connect_plain(self, port: int = PORT) -> Wire:
        """A client on a TCP connection."""
        wire = await Wire.connect((self.primary.address, port))
        self.wires.append(wire)
        return wire

    def phone(self, wire: Wire, line: int = 1) -> HandPhone:
        """A phone with a line's own credentials."""
        account = self.registrar.accounts.of_line(line)
        return HandPhone(
            wire,
            user=account.user,
            domain=account.domain,
            auth_user=account.auth_user,
            # As it stands within quotation marks and in the hash: neither changes it.
            password=account.password.reveal(),
        )

    async def registered(self, line: int = 1, edge: SipEdge | None = None) -> HandPhone:
        """A phone that has registered."""
        phone = self.phone(await self.connect(edge), line)
        answer = await phone.register()
        assert answer.status == 200, answer
        return phone

    # --- the record

    def events(self, kind: type[E]) -> list[E]:
        """Everything of a kind so far."""
        return [seen.event for seen in self.journal.since(0) if isinstance(seen.event, kind)]

    async def observed(self, kind: type[E], matches: Callable[[E], bool] = lambda event: True) -> Observation:
        """The first observation of a kind that matches, as soon as there is one."""

        def found() -> Observation | None:
            for seen in self.journal.since(0):
                if isinstance(seen.event, kind) and matches(seen.event):
                    return seen
            return None

        await self.watch.until(lambda: found() is not None, asyncio.get_running_loop().time() + PATIENCE_S)
        observation = found()
        assert observation is not None, f"no {kind.__name__} was observed"
        return observation

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait for a fact that an observation brings."""
        assert await self.watch.until(fact, asyncio.get_running_loop().time() + PATIENCE_S)

    def sent(self, method: str = "", status: int = 0) -> list[SipMessage]:
        """What the edges sent: requests of a method, or responses with a status."""
        messages = [
            read(seen.event.raw)
            for seen in self.journal.since(0)
            if isinstance(seen.event, SipMessageSeen) and seen.direction == OUT
        ]
        return [one for one in messages if one is not None and one.method == method and one.status == status]


@pytest.fixture(scope="session")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names(HOST), keys)


@pytest_asyncio.fixture
async def world(pki: Pki) -> AsyncIterator[World]:
    """Edges that listen. Whatever a client does, nothing on the loop may raise."""
    raised = World(pki)
    await raised.start()
    yield raised
    await raised.stop()
    assert raised.loop_errors == []


@pytest.fixture
def sink() -> Iterator[socket.socket]:
    """A UDP socket that takes what a party sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taking:
        taking.bind(("127.0.0.1", 0))
        yield taking
