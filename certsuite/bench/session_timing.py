"""Session timers as a case sees them (RFC 4028): calls with an interval, in which one side or the other refreshes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from certsuite.bench.expecting import NotApplicable
from certsuite.edge.call_leg import LegState
from certsuite.edge.reoffer import offer_again
from certsuite.sip.invite_forms import Edit, replacing
from certsuite.sip.session_timer import LOWEST_S, min_se, session_timer

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.party import Call

USUAL_S = 1800
"What the access SBC and most phones ask for."
_UNTIL_NOTED_S = 0.05
"After the end of what is waited for, until the record says so."


class SessionTiming:
    """Makes calls with session timers."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def are_as_claimed(self) -> None:
        """The device shows session timers if it claims them, in a call that it takes and in one that it places."""
        bench = self._bench
        taken = await self._calls(self._offer(USUAL_S, "uac"))
        await taken.hangs_up()
        placed = await self._is_called()
        placed.leg.ring()
        placed.leg.refuse(486, "Busy Here")
        await bench.device.until(lambda: placed.leg.state is LegState.ENDED, bench.patience_s("call.ends"))
        await bench.expect("timer.claim", claimed=bench.device.profile.claims("session_timers"))

    async def begins_as_refresher(self) -> TimedCall:
        """The party calls the device and is the refresher: the device agrees."""
        return await self._agreed(USUAL_S, "uac")

    async def makes_the_device_refresh(self) -> TimedCall:
        """The party calls the device, which is to refresh soon: the device agrees."""
        return await self._agreed(self._smallest_s, "uas")

    async def begins_and_never_refreshes(self) -> TimedCall:
        """The party calls the device, is to refresh soon, and will not: the device agrees."""
        return await self._agreed(self._smallest_s, "uac")

    async def is_called_as_refresher(self) -> TimedCall:
        """The device calls, and the party, who answers, is the refresher."""
        return await self._answered(USUAL_S, "uas")

    async def is_called_and_makes_the_device_refresh(self) -> TimedCall:
        """The device calls, and is to refresh soon."""
        return await self._answered(self._smallest_s, "uac")

    async def asks_for_more(self) -> None:
        """The device calls, and is told that its interval is too small: it calls again, with a larger one."""
        bench = self._bench
        refused = await self._is_called()
        offered = session_timer(refused.leg.invite_sent)
        if offered is None:
            raise NotApplicable("no-session-expires", "the device's INVITE has no Session-Expires to be refused")
        least = 2 * offered.interval_s
        refused.leg.refuse(422, "Session Interval Too Small", headers=[("Min-SE", str(least))])
        await bench.expect("timer.raises-interval")
        call = await bench.colleague.is_called(as_control=True)
        call.leg.grants = _granted(least, "uac")
        await call.party_answers()
        await call.hangs_up()

    async def asks_for_too_little(self) -> None:
        """The party calls with an interval below the device's smallest: the device rings, or names one that is not, and
        rings when it is called with that."""
        call = await self._invites(self._offer(self._smallest_s - 1, "uac"))
        await call.expect("timer.minds-interval")
        if call.leg.refused_by is not None:
            call = await self._invites(self._offer(min_se(call.leg.refused_by) or USUAL_S, "uac"))
        await call.rings()
        await self._bench.phone.answers()
        await call.is_answered()
        await call.hangs_up()

    # --- inside

    @property
    def _smallest_s(self) -> int:
        return self._bench.device.profile.values.session_interval_s

    async def _agreed(self, interval_s: int, refresher: str) -> TimedCall:
        call = await self._calls(self._offer(interval_s, refresher))
        await call.expect("timer.is-agreed")
        return TimedCall(self._bench, call, interval_s)

    async def _answered(self, interval_s: int, refresher: str) -> TimedCall:
        call = await self._is_called()
        await call.expect("timer.claim", claimed=True)
        invite = call.leg.invite_sent
        if (offered := session_timer(invite)) is not None:
            # It may be lowered, and not below Min-SE, nor raised (RFC 4028 section 9).
            interval_s = min(max(interval_s, min_se(invite) or LOWEST_S), offered.interval_s)
        call.leg.grants = _granted(interval_s, refresher)
        call.leg.ring()
        call.leg.accept()
        about = {"call_id": call.leg.call_id, "line": 1, "since": call.since}
        await self._bench.control("call.is-acknowledged", **about)
        return TimedCall(self._bench, call, interval_s)

    def _offer(self, interval_s: int, refresher: str) -> Edit:
        return replacing(
            ("Supported", "timer"),
            ("Session-Expires", f"{interval_s};refresher={refresher}"),
            *([("Min-SE", str(min(interval_s, LOWEST_S)))] if interval_s >= self._smallest_s else []),
        )

    async def _invites(self, edit: Edit) -> Call:
        return await self._bench.colleague.calls(self._bench.phone.line(1), edit=edit)

    async def _calls(self, edit: Edit) -> Call:
        call = await self._invites(edit)
        await call.rings()
        await self._bench.phone.answers()
        await call.is_answered()
        return call

    async def _is_called(self) -> Call:
        await self._bench.phone.dials(self._bench.colleague)
        return await self._bench.colleague.is_called(as_control=True)


class TimedCall:
    """A call in which a session timer runs."""

    def __init__(self, bench: Bench, call: Call, interval_s: int) -> None:
        self._bench = bench
        self._call = call
        self._interval_s = interval_s

    async def is_kept_by_the_party(self) -> None:
        """The party refreshes by re-INVITE, and by UPDATE if the device allows it: each time the timer goes on."""
        for method in ("INVITE", "UPDATE"):
            if method == "UPDATE" and not self._bench.has_allowed("UPDATE"):
                continue
            since = self._bench.here
            timer = [("Supported", "timer"), ("Session-Expires", f"{self._interval_s};refresher=uac")]
            request = offer_again(self._call.leg, method, headers=timer)
            call_id, number = self._call.leg.call_id, request.cseq[0]
            await self._bench.expect(
                "timer.takes-refresh", call_id=call_id, line=1, since=since, method=method, cseq=number
            )

    async def is_kept_by_the_device(self) -> None:
        """The device refreshes before the session is over."""
        await self._runs_for("timer.refreshes", self._interval_s)

    async def is_ended_by_the_device(self) -> None:
        """Nobody refreshes, and the device ends the call before the session is over."""
        await self._runs_for("timer.ends-session", self._interval_s + self._bench.limit("action_s"))

    async def hangs_up(self) -> None:
        """The party hangs up, and the device takes it."""
        await self._call.hangs_up()

    async def _runs_for(self, check: str, seconds: float) -> None:
        """Expect something for so long; that the time is over is put into the record."""
        loop = asyncio.get_running_loop()
        over = loop.call_later(seconds + _UNTIL_NOTED_S, self._bench.note, f"{seconds:g} s of the session are over")
        try:
            deadline = loop.time() + seconds + 2 * _UNTIL_NOTED_S
            about = {"call_id": self._call.leg.call_id, "line": 1, "since": self._call.since}
            await self._bench.expect(check, deadline=deadline, **about)
        finally:
            over.cancel()


def _granted(interval_s: int, refresher: str) -> list[tuple[str, str]]:
    """What a 2xx of the party says of the session timer."""
    return [("Require", "timer"), ("Session-Expires", f"{interval_s};refresher={refresher}")]
