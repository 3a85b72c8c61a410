"""The root probe on the bench: the device is led through its steps, and then to a good edge of the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from certsuite.bench.network import MODERN, OUTBOUND_PROXY, TARGETS, Place
from certsuite.bench.target_walk import TargetWalk
from certsuite.core.cases import Case
from certsuite.core.journal import Journal
from certsuite.edge.probe_edge import ProbeEdge
from certsuite.tls.pki import SYSTEM_BUNDLE, Names, Presentation
from certsuite.tls.probe_chains import ProbeChains, ProbeKeys, TrustedRoot, schedule
from certsuite.tls.probe_roots import IDENTRUST, ProbedRoot, known_root
from certsuite.tls.probe_server import PATIENCE_S
from certsuite.tls.server import TlsBehaviour

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

REQUIREMENT = "TLS-ROOT"
_OF_NO_REQUIREMENT = "TLS-ROOT-OTHER"
"What is said of another root says nothing about that of Webex."
HOST = "root-probe.hosted-lab.bcld.test"
"Where the device is sent if no genuine chain says under which name it is valid."
ROUNDS = 2
_CONNECTION_S = 2.0
"What a connection takes beside silence."


@dataclass(frozen=True)
class _Prepared:
    """What takes time to make."""

    chains: ProbeChains
    good: Presentation
    "What the good edges present under the probe's host name."
    clock_offset_s: int
    "By how much the device's clock is set."
    chain: str
    "``none``, ``valid`` or ``expired`` by the device's clock."


class ProbedTarget:
    """A step of the probe as a station of a walk."""

    undecided: Final = False
    "It ends each connection by itself: silence is an answer too."

    def __init__(self, step: ProbeEdge) -> None:
        self.name = step.name
        self._step = step

    async def listen(self, place: Place) -> None:
        """Be there. Raises :class:`AddressUnavailable`."""
        await self._step.listen(place.address, place.port)

    async def stop(self) -> None:
        """Refuse connections from now on."""
        await self._step.stop()

    @property
    def contacted(self) -> bool:
        """Whether the device has come, and has answered."""
        return self._step.contacted

    @property
    def accepted(self) -> bool:
        """Whether the device sent data."""
        return self._step.accepted

    @property
    def busy(self) -> bool:
        """Whether a connection of the device is open."""
        return self._step.busy


class RootProbing:
    """Asks the device for one root."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self.asked = ProbedRoot.by(known_root(IDENTRUST))
        "What is asked for; to be set before :meth:`begin`."
        self._bench = bench
        self._journal = journal
        self._making: asyncio.Future[_Prepared] | None = None

    @property
    def host(self) -> str:
        """The outbound proxy's name while the probe lasts: that of the genuine chain, which a device compares."""
        return self.asked.host or HOST

    def begin_for(self, planned: Sequence[Case]) -> None:
        """Begin to make keys and chains in the background if a case of the run needs them."""
        if any(REQUIREMENT in case.requirements for case in planned):
            self._begin()

    async def ask(self) -> None:
        """Lead the device through every step, and state what is expected of it.

        The device registers under the probe's host name in between; it is left stopped, to be started with what it was
        configured with before.
        """
        bench, device = self._bench, self._bench.device
        made = await self._begin()
        patience_s = max(PATIENCE_S * device.time_scale, 0.5)
        root = self.asked.certificate.fingerprint
        steps = [
            bench.network.probe_edge(step, made.chains.chain(step.mode, step.role), root, patience_s)
            for step in schedule(made.chains.modes, rounds=ROUNDS)
        ]
        try:
            await self._move(made)
            for number in range(ROUNDS):
                walk = TargetWalk(
                    device,
                    self._journal,
                    patience_s=patience_s + _CONNECTION_S,
                    proxy=self.host,
                    places=bench.network.places_of(self.host),
                )
                await walk.past([ProbedTarget(one) for one in steps if one.step.round == number])
            # The control: with nothing in its way, the device registers under that very name.
            if not device.registered:
                await device.connect_anew()
                await device.until(lambda: device.registered, device.register_patience_s)
            now = asyncio.get_running_loop().time()
            await bench.control("reg.registers", since=device.attempt_seq, deadline=now)
            await bench.expect(
                "trust.root",
                deadline=now,
                requirement=REQUIREMENT if self.asked.is_of_webex else _OF_NO_REQUIREMENT,
                root=self.asked.certificate.fingerprint,
                name=self.asked.name,
                modes=[str(mode) for mode in made.chains.modes],
                rounds=ROUNDS,
                store=self._store,
                chain=made.chain,
            )
        finally:
            await self._move_back()

    # --- inside

    def _begin(self) -> asyncio.Future[_Prepared]:
        if self._making is None:
            self._making = asyncio.get_running_loop().run_in_executor(None, self._make)
        return self._making

    def _make(self) -> _Prepared:
        network, now = self._bench.network, self._bench.network.now
        clock = now if self._bench.device.driver.cannot_set_clock else self.asked.valid_at(now)
        trusted = TrustedRoot.of(network.pki.lab.root, network.pki.lab.root_key)
        chains = ProbeChains.make(
            self.asked.certificate, trusted, ProbeKeys(), host=self.host, now=clock, genuine=self.asked.chain
        )
        good = network.pki.of(Names(self.host, tuple(TARGETS.values())), clock).presentation("good")
        valid = "valid" if self.asked.valid_at(clock) == clock else "expired"
        return _Prepared(chains, good, round((clock - now).total_seconds()), valid if self.asked.chain else "none")

    @property
    def _store(self) -> str:
        """What the device trusts on the bench: as its profile says, or ``missing`` if that is not on this machine."""
        store = self._bench.device.profile.trust.shipped_store
        return "missing" if store == "system" and not SYSTEM_BUNDLE.exists() else store

    async def _move(self, made: _Prepared) -> None:
        """Configure the device for the probe's host name, and let the good edges present it."""
        network, device = self._bench.network, self._bench.device
        await device.stop()
        network.outbound_proxy = self.host
        device.renew()
        if made.clock_offset_s:
            device.driver.set_clock(made.clock_offset_s)
        network.resolve(network.zone(self.host))
        for edge in network.edges.values():
            await edge.behave(f"good for {self.host}", tls=TlsBehaviour(made.good, MODERN))

    async def _move_back(self) -> None:
        network, device = self._bench.network, self._bench.device
        await device.stop()
        network.outbound_proxy = OUTBOUND_PROXY
        network.resolve(network.zone())
        device.renew()
        for edge in network.edges.values():
            await edge.behave("good", tls=network.good)
