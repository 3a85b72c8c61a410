"""Failover as cases see it: an edge fails in one phase, comes back, and what the device made of it is stated."""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import TYPE_CHECKING, Any

from certsuite.bench.device import Unreachable
from certsuite.bench.expecting import CannotJudge, ExpectationNotMet, NotApplicable
from certsuite.checks.span import Span
from certsuite.core.cases import State
from certsuite.core.events import Note
from certsuite.core.journal import Journal
from certsuite.core.verdicts import Verdict
from certsuite.edge.call_leg import CallLeg
from certsuite.edge.failing import FAILURES

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_BETWEEN_REFRESHES_S = 4
"What is granted at least where no refresh may come before a request of the device is made."
_REFRESHED_WITHIN_S = 1.0
"How long a device may take to refresh its registrations when it is told to, before it is made to connect anew."
_LEFT_WITHIN_S = 1.0
"How long a device may take to close the connection that it has moved from, before it is taken to keep it."
TIMES_LATE = 4
"So many times as long as answers are late a registration is granted for at least, to outlast its refresh."
_BEYOND_EXPIRY = 1.1
"Granted expiries after which no registration lasts that was not refreshed."
DOWN_EXPIRIES = 1.5
"Granted expiries for which both targets are down from when the device is served no more, at least."
_ANSWERED_WITHIN_S = 1.0
"How long an answer to OPTIONS is waited for that nothing depends on."
WATCHED_EXPIRIES = 1.5
"Granted expiries for which a device is watched once both edges serve: it refreshes at least once in each."


class Failover:
    """Leads the device through one failure at a time, from the primary and back to a registration."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal
        self._stays_away = ""
        "The case in which the device did not return to the primary by itself, if there was one."
        self._never_left = False
        "Whether it did not go to the secondary when the primary refused connections: it will not in a harder phase."
        self._lost_a_request = False
        "Whether the last request that was to be saved was not."
        self._mute = False
        "Whether it has left an OPTIONS unanswered: it is not waited for again."
        self._numbers = itertools.count(1)

    async def meets(self, phase: str, *, elsewhere: bool = True, sourced: bool = True) -> None:
        """The primary fails in ``phase``, and the device is served again; then the primary is back.

        ``elsewhere``: only another edge will do. ``sourced``: a source asks for it; else it is a warning at most.
        """
        late_s = FAILURES[phase].late_s if phase in FAILURES else 0.0
        await self.begins(at_least_s=max(math.ceil(TIMES_LATE * late_s), 1))
        unmet = await self._moves_on(phase, elsewhere=elsewhere, sourced=sourced)
        if unmet is None:
            await self._is_asked()
        await self._bench.primary.comes_back()
        await self.recovers(phase)
        if unmet is not None:
            raise unmet

    async def uses_the_secondary(self) -> None:
        """The device goes to the secondary. Raises :class:`ExpectationNotMet`; no other phase is tried then."""
        try:
            await self._bench.expect("fo.uses-secondary", lines=self._lines)
        except ExpectationNotMet:
            self._never_left = True
            raise

    async def begins(self, *, at_least_s: int = 1) -> None:
        """Every line is registered at the primary, for a short while each time. Raises :class:`Unreachable`."""
        bench, device = self._bench, self._bench.device
        if self._never_left:
            raise Unreachable(
                State.REGISTERED_SECONDARY,
                "the device does not go to the secondary even when the primary refuses connections",
                "no-failover",
                "WXC-FO-005",
            )
        if State.REGISTERED_SECONDARY in device.unreachable:
            raise device.unreachable[State.REGISTERED_SECONDARY]
        granted = max(round(device.profile.values.failover_expiry * device.time_scale), at_least_s)
        registrar = bench.network.registrar
        if registrar.granted_expiry_s != granted:
            bench.network.grant(granted)
        if not (self._is_short(granted) or self._lost_a_request) and device.registered:
            await bench.phone.refreshes()
            await device.until(lambda: self._is_short(granted), _REFRESHED_WITHIN_S)
        if not self._is_short(granted):
            # A request that is lost may leave it in a call, which a restart ends if there is no cheaper means.
            await (device.connect_anew() if self._lost_a_request else device.reconnect())
            self._lost_a_request = False
            await device.until(lambda: self._is_short(granted), device.register_patience_s)
        if not self._is_short(granted):
            raise Unreachable(
                State.REGISTERED,
                "the device did not register at the primary, both targets being good",
                "not-at-primary",
            )
        bench.begin(bench.case)

    async def begins_between_refreshes(self) -> None:
        """The same, with no refresh in sight: a request of the device is to meet the failure."""
        await self.begins(at_least_s=_BETWEEN_REFRESHES_S)

    async def fails(self, phase: str, *, edge: str = "primary") -> None:
        """An edge fails, by the name of a failure or of what its network loses."""
        control = self._bench.primary if edge == "primary" else self._bench.secondary
        match phase:
            case "packets dropped":
                await control.falls_silent()
            case "address lost":
                await control.loses_its_address()
            case _:
                await control.fails(phase)

    async def moves_on(self, phase: str, *, elsewhere: bool = True, sourced: bool = True) -> None:
        """The device is served again although the primary fails. Raises :class:`ExpectationNotMet`."""
        about: dict[str, Any] = {"phase": phase, "lines": self._lines, "elsewhere": elsewhere, "sourced": sourced}
        await self._bench.expect("fo.moves-on", **about)

    async def recovers(self, phase: str) -> None:
        """Every line is served now that the primary is good; the device's own way back is waited for and measured."""
        bench, loop = self._bench, asyncio.get_running_loop()
        stated = bench.stated("fo.recovers", phase=phase, lines=self._lines)
        if self._stays_away:
            self._journal.record(Note(f"its way back is not waited for: it did not return in {self._stays_away}"))
            await bench.device.until(lambda: bench.device.registered, bench.patience_s("fo.recovers"))
            await bench.expecting.expect(stated, loop.time())
            return
        deadline = loop.time() + bench.failback_patience_s
        await bench.expecting.settles(stated, deadline)
        if bench.device.registered_at("secondary"):
            self._stays_away = bench.case.id + (f"[{bench.case.variant}]" if bench.case.variant else "")
        elif not bench.device.registered:
            deadline = loop.time() + bench.patience_s("fo.recovers")
        await bench.expecting.expect(stated, deadline)

    async def stays(self, phase: str) -> None:
        """The device does not wander between the edges for some refreshes."""
        note = await self._lasts(WATCHED_EXPIRIES * self._bench.network.registrar.granted_expiry_s)
        deadline = asyncio.get_running_loop().time()
        await self._bench.expect("fo.settles-down", deadline=deadline, phase=phase, lines=self._lines, until=note)

    async def both_fail(self, phase: str) -> None:
        """Both edges fail, from when it is served no more for as long as the profile says, and are good again: the
        device recovers unattended."""
        await self.begins()
        await self.fails(phase)
        await self.fails(phase, edge="secondary")
        await self._both_come_back(phase)

    async def _both_come_back(self, phase: str) -> None:
        """Both edges stay as they are, from when the device is served no more for as long as the profile says, and are
        good again: the device recovers."""
        device, granted = self._bench.device, self._bench.network.registrar.granted_expiry_s
        # It may notice at its refresh alone, and has to try more than once from then on.
        await device.until(lambda: not device.registered, _BEYOND_EXPIRY * granted)
        await self._lasts(max(device.profile.values.both_down_s * device.time_scale, DOWN_EXPIRIES * granted))
        await self._bench.secondary.comes_back()
        await self._bench.primary.comes_back()
        await self.recovers(phase)

    async def fails_in_turn(self, first: str, second: str) -> None:
        """The primary fails in one way, then in another while the secondary fails too; then both are good again."""
        bench = self._bench
        await self.begins()
        await self.fails(first)
        moved = bench.stated("fo.moves-on", phase=first, lines=self._lines)
        await bench.expecting.settles(moved, asyncio.get_running_loop().time() + bench.patience_s("fo.moves-on"))
        await self.fails(second)
        await self.fails(first, edge="secondary")
        await self._both_come_back(first)

    async def subscribes_anew(self, phase: str) -> None:
        """What the device had subscribed to, it subscribes to again where it has moved to."""
        await self._bench.expect("fo.resubscribes", phase=phase, lines=self._lines)

    async def saves(self, method: str, phase: str, *, call_id: str | None = None, sourced: bool = True) -> None:
        """A request of the device that met the failure is served elsewhere."""
        about: dict[str, Any] = {"method": method, "phase": phase, "lines": self._lines, "sourced": sourced}
        self._lost_a_request = True
        judgement = await self._bench.expect("fo.saves", call_id=call_id, **about)
        self._lost_a_request = judgement.verdict is not Verdict.PASS

    async def calls_over_the_secondary(self) -> CallLeg:
        """A call comes over a connection to the secondary, while the device is registered at the primary.

        Raises :class:`NotApplicable` if it holds none: then nothing can come from there.
        """
        network, colleague = self._bench.network, self._bench.colleague
        # It may be closing the one that it came from.
        await self._bench.device.until(lambda: not network.edges["secondary"].flows, _LEFT_WITHIN_S)
        flows = [flow for flow in network.edges["secondary"].flows.values() if flow.is_the_devices and flow.usable]
        # One that registers at both by turns is there now and again.
        if not await self._bench.device.until(lambda: self._bench.device.registered_at("primary"), _LEFT_WITHIN_S):
            raise CannotJudge("not-at-primary", "the device did not return to the primary, so this was not come to")
        if not flows:
            raise NotApplicable(
                "no-flow-to-secondary", "registered at the primary, the device holds no connection to the secondary"
            )
        return network.control.call(1, party=colleague.number, caller=colleague.name, over=flows[0])

    # --- inside

    @property
    def _lines(self) -> int:
        return self._bench.device.profile.lines

    async def _moves_on(self, phase: str, *, elsewhere: bool, sourced: bool) -> ExpectationNotMet | None:
        """What was not met, so that the primary can come back before the case ends."""
        await self.fails(phase)
        try:
            await self.moves_on(phase, elsewhere=elsewhere, sourced=sourced)
        except ExpectationNotMet as unmet:
            return unmet
        return None

    async def _is_asked(self) -> None:
        """The edge that serves the device now asks it with OPTIONS: for the report's matrix, and judged by no one."""
        bench = self._bench
        if self._mute or not bench.device.registered:
            return
        since, call_id = self._journal.next_seq, bench.network.control.options(1)

        def is_answered() -> bool:
            seen = Span(self._journal.since(since))
            return bool(seen.messages(method="OPTIONS", status=range(200, 700), call_id=call_id))

        self._mute = not await bench.device.until(is_answered, _ANSWERED_WITHIN_S)

    async def _lasts(self, seconds: float) -> str:
        """So much time passes; gives the note that says so in the record."""
        text = f"{seconds:g} s have passed ({self._bench.case.id}, {next(self._numbers)})"
        passed: list[bool] = []

        def note() -> None:
            passed.append(True)
            self._journal.record(Note(text))

        asyncio.get_running_loop().call_later(seconds, note)
        await self._bench.device.until(lambda: bool(passed), seconds + 1.0)
        return text

    def _is_short(self, granted: int) -> bool:
        """Whether every line is registered at the primary for no longer than that."""
        bindings = self._bench.network.registrar.bindings.values()
        return self._bench.device.registered_at("primary") and all(one.granted_s <= granted for one in bindings)
