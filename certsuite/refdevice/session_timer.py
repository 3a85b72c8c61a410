"""The session timer of one call (RFC 4028): who refreshes, when, and what becomes of a call that nobody refreshes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.messages import Header, options
from certsuite.sip.message import SipMessage, parameter

ASKED_S = 1800
"What the device asks for in calls that it places."
_BEFORE_END_S = 32


def interval_of(message: SipMessage, name: str = "Session-Expires") -> int:
    """Seconds of Session-Expires or Min-SE; 0 if there are none."""
    value = (message.get(name) or "").partition(";")[0].strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0


class SessionTimer:
    """What was agreed on last, and the clock that goes by it."""

    def __init__(
        self, behaviour: Behaviour, minimum_s: int, *, refresh: Callable[[], None], over: Callable[[], None]
    ) -> None:
        """``refresh`` is called when the device is to refresh, ``over`` when the far end should have."""
        self._behaviour = behaviour
        self._minimum_s = minimum_s
        self._refresh = refresh
        self._over = over
        self._interval_s = 0
        "0: there is none."
        self._is_ours = False
        "Whether the device refreshes."
        self._clock: asyncio.TimerHandle | None = None

    def is_too_small(self, request: SipMessage) -> bool:
        """Whether a request asks for a smaller interval than the device takes."""
        asked = request.get("Session-Expires") is not None and self._behaviour.knows_session_timers
        return asked and interval_of(request) < self._minimum_s

    def least(self) -> list[Header]:
        """Headers of a 422."""
        return [("Min-SE", str(self._minimum_s))] if self._behaviour.names_least_interval else []

    def offered(self, least_s: int = 0) -> list[Header]:
        """Headers of an INVITE that makes a call; ``least_s`` is what an earlier one was refused for."""
        if not self._behaviour.knows_session_timers:
            return []
        minimum = str(max(self._minimum_s, least_s))
        return [("Session-Expires", str(max(ASKED_S, least_s))), ("Min-SE", minimum)]

    def asked(self) -> list[Header]:
        """Headers of a request within the call: what was agreed on goes on."""
        if not self._interval_s:
            return []
        refresher = "uac" if self._is_ours else "uas"
        return [("Supported", "timer"), ("Session-Expires", f"{self._interval_s};refresher={refresher}")]

    def grant(self, request: SipMessage) -> list[Header]:
        """Headers of a 2xx to the far end's request, by which the timer is set (RFC 4028 section 9)."""
        if not self._behaviour.knows_session_timers:
            return []
        asked = interval_of(request)
        if not asked or (self._interval_s and not self._behaviour.goes_on_with_timer):
            return []
        refresher = parameter(request.get("Session-Expires") or "", "refresher").lower() or "uac"
        if "timer" not in options(request, "Supported"):
            refresher = "uas"
        self._set(asked, is_ours=refresher == "uas")
        required = [("Require", "timer")] if refresher == "uac" else []
        return [*required, ("Session-Expires", f"{asked};refresher={refresher}")]

    def take(self, response: SipMessage) -> None:
        """Set the timer as a 2xx to a request of the device says."""
        refresher = parameter(response.get("Session-Expires") or "", "refresher").lower()
        if self._behaviour.knows_session_timers:
            self._set(interval_of(response), is_ours=refresher != "uas")

    def stop(self) -> None:
        """The call is over."""
        if self._clock is not None:
            self._clock.cancel()

    def _set(self, interval_s: int, *, is_ours: bool) -> None:
        self.stop()
        self._interval_s, self._is_ours = interval_s, is_ours
        if not interval_s:
            return
        loop = asyncio.get_running_loop()
        if is_ours and self._behaviour.refreshes_sessions:
            self._clock = loop.call_later(interval_s / 2, self._refresh)
        elif not is_ours and self._behaviour.ends_expired_sessions:
            # RFC 4028 section 10: a little before the end.
            self._clock = loop.call_later(interval_s - min(_BEFORE_END_S, interval_s / 3), self._over)
