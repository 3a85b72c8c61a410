"""The certificate battery as cases see it: every chain that the run's cases want shown, in one target walk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from certsuite.bench.expecting import NotApplicable
from certsuite.bench.network import Network, Place
from certsuite.bench.target_walk import TargetWalk
from certsuite.checks.span import Span
from certsuite.core.errors import BenchError, DriverError
from certsuite.core.events import ClientHelloSeen, Note, TlsPresented
from certsuite.core.journal import Journal
from certsuite.edge.flow import Flow
from certsuite.edge.sip_edge import SipEdge
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import response_to
from certsuite.tls.recipes import recipe
from certsuite.tls.server import TlsBehaviour

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_COMPARED_FOR_S = 2.0
"Seconds that showing chains one by one may take, to compare that with a walk."


class FaultyTarget:
    """A target that presents one certificate chain. Whoever speaks SIP to it is sent on (RFC 3261 section 21.5.4)."""

    def __init__(self, name: str, tls: TlsBehaviour, network: Network) -> None:
        self.name = name
        self.accepted = False
        self._tls = tls
        self._network = network
        self._edge: SipEdge | None = None
        self._left = False
        "Whether a connection that was shown the chain has ended."

    async def listen(self, place: Place) -> None:
        """Be there. Raises :class:`AddressUnavailable`."""
        self._edge = self._network.edge(self.name, place.address, self._tls, self)
        await self._edge.start()

    async def stop(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        if self._edge is not None:
            self._edge.end_flows()
            await self._edge.stop()

    @property
    def contacted(self) -> bool:
        """Whether the device connected and was shown the chain."""
        return self._left or any(flow.presented for flow in self._flows)

    @property
    def busy(self) -> bool:
        """Whether a connection of the device is open."""
        return bool(self._flows)

    @property
    def undecided(self) -> bool:
        """Whether the device has completed a handshake, and neither speaks nor leaves."""
        return not self.accepted and any(flow.usable for flow in self._flows)

    @property
    def _flows(self) -> list[Flow]:
        flows = self._edge.flows.values() if self._edge else ()
        return [flow for flow in flows if flow.is_the_devices]

    # --- what the edge does with what comes over its flows

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        return self._network.owner_of(remote, local, transport, said)

    def line_of(self, message: SipMessage) -> int | None:
        return self._network.control.line_of(message)

    def on_message(self, flow: Flow, message: SipMessage) -> None:
        self.accepted = self.accepted or flow.is_the_devices
        if message.is_request and message.method != "ACK":
            flow.send(response_to(message, 503, "Service Unavailable"))

    def on_closed(self, flow: Flow) -> None:
        self._left = self._left or (flow.is_the_devices and flow.presented)


class Gauntlet:
    """Shows the device certificate chains, all in one walk, and states what it must make of each."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal
        self.planned: tuple[str, ...] = ()
        "Chains that the run's cases want to be shown, in order."
        self._walked_since: dict[str, int] = {}
        "Number of the first observation of the walk in which a chain was shown."
        self._alone = False
        "Whether each case shows its own chain alone, since a walk of many came to grief."

    async def is_refused(self, *, finding: str, hint: str) -> None:
        """The device refuses the chain that the running case presents, before any SIP is sent."""
        name, since = await self._shown()
        due = recipe(name).due
        if due.only_if_offered is not None and not self._offered(due.only_if_offered, since):
            raise NotApplicable("not-offered", f"no ClientHello offers what {recipe(name).description!r} needs")
        await self._expect("tls.refuses", name, since, finding=finding, hint=hint)
        await self._bench.control("tls.trusts", since=since, presentation="good")

    async def is_accepted(self, *, finding: str, hint: str) -> None:
        """The device accepts the chain that the running case presents, and SIP comes over the connection."""
        name, since = await self._shown()
        await self._expect("tls.accepts", name, since, finding=finding, hint=hint)

    async def is_noted(self) -> None:
        """Whether the device accepts the chain that the running case presents: this is recorded, and either is good."""
        name, since = await self._shown()
        await self._expect("tls.accepts-or-refuses", name, since)
        await self._bench.control("tls.trusts", since=since, presentation="good")

    async def is_compared_with_one_by_one(self) -> None:
        """What the walk cost is measured, and what one by one would: some chains are shown alone as well."""
        await self._shown()
        loop = asyncio.get_running_loop()
        until = loop.time() + _COMPARED_FOR_S * self._bench.device.time_scale
        for name in self._walked_since:
            await self._walk([name], one_by_one=True)
            if loop.time() > until:
                break
        await self._bench.expect("walk.measured", deadline=loop.time(), since=0, target=self._bench.case.presents)

    # --- inside

    async def _shown(self) -> tuple[str, int]:
        """(name, number of the first observation of the walk) of the running case's chain, shown if it was not yet."""
        name = self._bench.case.presents
        if name not in self._walked_since and not self._alone:
            await self._show_all([name, *(one for one in self.planned if one not in (name, *self._walked_since))])
        if name not in self._walked_since:
            self._walked_since[name] = self._journal.next_seq
            await self._walk([name])
        return name, self._walked_since[name]

    async def _show_all(self, names: Sequence[str]) -> None:
        """Lead the device past all of these. What breaks the walk must not cost the verdicts of all cases: then each
        shows what the device has not come to alone."""
        since, whole = self._journal.next_seq, False
        try:
            await self._walk(names)
            whole = True
        except (BenchError, DriverError) as error:
            self._journal.record(Note(f"the walk past {len(names)} chains broke off: {error}"))
        finally:
            # Of a whole walk, what was not come to is not tried again: nothing will have changed.
            shown = {seen.at.edge for seen in Span(self._journal.since(since)).of(TlsPresented)}
            self._walked_since |= dict.fromkeys((one for one in names if whole or one in shown), since)
            self._alone = not whole

    async def _walk(self, names: Sequence[str], *, one_by_one: bool = False) -> None:
        network = self._bench.network
        chains = await asyncio.to_thread(lambda: [network.present(name) for name in names])
        stations = [
            FaultyTarget(name, TlsBehaviour(chain, network.good.versions), network)
            for name, chain in zip(names, chains, strict=True)
        ]
        patience_s = self._bench.patience_s("tls.refuses")
        walk = TargetWalk(self._bench.device, self._journal, patience_s=patience_s, one_by_one=one_by_one)
        await walk.past(stations)

    async def _expect(self, check: str, name: str, since: int, **about: str) -> None:
        what = recipe(name).description
        deadline = asyncio.get_running_loop().time()
        await self._bench.expect(
            check, deadline=deadline, since=since, edge=name, presentation=name, what=what, **about
        )

    def _offered(self, extension: int, since: int) -> bool:
        hellos = Span(self._journal.since(since)).of(ClientHelloSeen)
        return not hellos or any(extension in seen.event.extensions for seen in hellos)
