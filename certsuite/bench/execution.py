"""Runs cases on the bench: brings the device to the state that each needs, and writes what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from certsuite.bench.bench import Bench, CannotJudge, Deferred, ExpectationNotMet, NotApplicable
from certsuite.bench.device import Unreachable
from certsuite.bench.party import Call
from certsuite.bench.phone import Phone
from certsuite.bench.waits import Waits
from certsuite.catalogue import Catalogue
from certsuite.core.cases import Case, Disturbance, State
from certsuite.core.errors import DriverError
from certsuite.core.events import CaseBlocked, CaseFinished, CaseNotApplicable, CaseStarted, StateNotReached, ToolError
from certsuite.core.journal import Journal
from certsuite.core.verdicts import Verdict

CaseFunction = Callable[[Bench, Phone], Awaitable[Deferred | None]]
_CALLS_END_S = 2.0


@dataclass
class _Pending:
    """A case whose verdict is settled later."""

    case: Case
    deferred: Deferred
    began: float
    waited_s: float
    restarts: int


class Execution:
    """Runs the cases of one run, one after the other."""

    def __init__(self, bench: Bench, journal: Journal, waits: Waits, catalogue: Catalogue) -> None:
        self._bench = bench
        self._journal = journal
        self._waits = waits
        self._catalogue = catalogue
        self._pending: list[_Pending] = []

    async def run(self, case: Case, function: CaseFunction) -> None:
        """Run one case. What it expected, found or stumbled over is in the record afterwards."""
        await self._settle(lambda pending: any(item in case.disturbs for item in pending.deferred.spoiled_by))
        loop = asyncio.get_running_loop()
        began, waited, starts = loop.time(), self._waits.total_s, self._bench.device.starts
        self._journal.case, self._journal.variant = case.id, case.variant
        level, mark = self._catalogue.level_and_mark(case.requirements)
        self._journal.record(CaseStarted(case.title, level, mark, case.requirements))
        try:
            deferred = await self._judged(case, function)
            await self._clear()
            restarts = max(self._bench.device.starts - max(starts, 1), 0)
            waited_s = self._waits.total_s - waited
            # One that is interrupted never comes here: it did not end, so a resumed run has it again.
            if deferred is None:
                self._journal.record(CaseFinished(round(loop.time() - began, 4), round(waited_s, 4), restarts))
            else:
                self._pending.append(_Pending(case, deferred, began, waited_s, restarts))
        finally:
            self._journal.case = self._journal.variant = ""

    async def finish(self) -> None:
        """Settle what was deferred: what takes time first, then what is judged over the whole record."""
        await self._settle(lambda pending: not pending.deferred.at_end)
        await self._settle(lambda pending: True)

    @property
    def pending(self) -> list[Case]:
        """Cases whose verdict is still open."""
        return [one.case for one in self._pending]

    # --- inside

    async def _judged(self, case: Case, function: CaseFunction) -> Deferred | None:
        """Run the case's function in the state that it needs; gives what it deferred."""
        bench, journal = self._bench, self._journal
        missing = [claim for claim in case.claims if not bench.device.profile.claims(claim)]
        if missing:
            reason = f"the profile does not claim {', '.join(missing)}"
            journal.record(CaseNotApplicable(reason, "not-claimed"))
            return None
        try:
            await bench.device.reach(case.needs)
            bench.begin(case)
            if case.needs is State.IN_CALL:
                await self._call()
                bench.begin(case)
            return await function(bench, bench.phone)
        except ExpectationNotMet as unmet:
            self._explain(case, unmet)
        except NotApplicable as absent:
            journal.record(absent.event)
        except CannotJudge as mute:
            journal.record(mute.event)
        except Unreachable as unreachable:
            explained_by = unreachable.explained_by if unreachable.explained_by != case.id else ""
            journal.record(CaseBlocked(unreachable.reason, unreachable.code, explained_by))
        except DriverError as error:
            journal.record(CaseBlocked(str(error), "device-not-driven"))
        except Exception as error:  # noqa: BLE001 - whatever else a case raises is the tool's fault, and is told as such
            journal.record(ToolError("".join(traceback.format_exception(error))[-4000:]))
        return None

    def _explain(self, case: Case, unmet: ExpectationNotMet) -> None:
        """A step on the way to the registration that was never come to: name the case of the step that broke."""
        if unmet.judgement.verdict is not Verdict.INCONCLUSIVE:
            return
        found = self._bench.device.diagnosis()
        if self._bench.device.gone:
            self._journal.record(CaseBlocked(found.reason, "device-exited"))
        elif case.needs is State.STARTED and found.case not in ("", case.id):
            self._journal.record(CaseBlocked(found.reason, "earlier-step-failed", found.case))

    async def _call(self) -> None:
        """A call with audio, for cases that need one. It is judged by a case of its own."""
        bench = self._bench
        try:
            call = await bench.colleague.calls(bench.phone.line(1))
            bench.colleague.current = call
            if not await self._comes(call, "call.rings"):
                raise Unreachable(State.IN_CALL, "the device does not ring", "no-call", "WXC-CALL-060")
            await bench.phone.answers()
            if not await self._comes(call, "call.is-answered"):
                raise Unreachable(State.IN_CALL, "the device does not answer", "no-call", "WXC-CALL-060")
        except Unreachable as given_up:
            self._journal.record(StateNotReached(State.IN_CALL, "call", 0.0, given_up.reason))
            raise

    async def _comes(self, call: Call, check: str) -> bool:
        stated = self._bench.stated(check, call_id=call.leg.call_id, since=call.since)
        deadline = asyncio.get_running_loop().time() + self._bench.patience_s(check)
        judgement = await self._bench.expecting.settles(stated, deadline)
        return judgement.settled and not judgement.findings

    async def _clear(self) -> None:
        """Clear faults, end calls, and wait until they are over."""
        bench = self._bench
        await bench.network.restore()
        await bench.provisioning.restore()
        bench.colleague.forget()
        bench.third.forget()
        bench.pstn.forget()
        if bench.network.control.legs:
            await bench.device.until(lambda: not bench.network.control.legs, _CALLS_END_S)
            left = list(bench.network.control.legs.values())
            unheard = any(leg.is_unheard for leg in left)
            for leg in left:
                leg.close()
            if unheard and bench.device.driver.running:
                await self._begin_anew()

    async def _begin_anew(self) -> None:
        """Have the device connect anew: one that says nothing to a call waits for the rest of it, as far as it can
        tell, and takes the next case's messages for that rest."""
        await self._settle(lambda pending: Disturbance.REGISTRATION in pending.deferred.spoiled_by)
        # If it cannot be made to, the next case comes to that as well, and says so.
        with contextlib.suppress(DriverError):
            await self._bench.device.connect_anew()

    async def _settle(self, chosen: Callable[[_Pending], bool]) -> None:
        """Wait for deferred expectations, and write their verdicts in the name of their cases."""
        loop = asyncio.get_running_loop()
        for pending in [one for one in self._pending if chosen(one)]:
            waited = self._waits.total_s
            name = (pending.case.id, pending.case.variant)
            if not pending.deferred.at_end:
                await self._bench.expecting.settles(pending.deferred.stated, pending.deferred.deadline)
            self._bench.expecting.write(pending.deferred.stated, case=name)
            waited_s = pending.waited_s + self._waits.total_s - waited
            finished = CaseFinished(round(loop.time() - pending.began, 4), round(waited_s, 4), pending.restarts)
            self._journal.record(finished, case=name)
            self._pending.remove(pending)
