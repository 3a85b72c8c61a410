"""A 2xx to an INVITE is sent again until its ACK comes, over a reliable transport too (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_T1 = 0.5
_T2 = 4.0
_TIMER_H = 32.0
"Seconds after which a 2xx that nobody acknowledges is no longer sent again."


class Retransmission:
    """The 2xx of one call that waits for its ACK, one at a time."""

    def __init__(self, gives_up: Callable[[], None]) -> None:
        self.number: int | None = None
        "CSeq number of the INVITE whose 2xx has met no ACK yet."
        self._gives_up = gives_up
        self._timer: asyncio.TimerHandle | None = None

    def start(self, number: int, send: Callable[[], None]) -> None:
        """Send the 2xx to the INVITE of that CSeq number again and again, in place of any other."""
        self.stop()
        self.number = number
        self._again_in(_T1, _T1, send)

    def stop(self) -> None:
        """The ACK came, or the call is over."""
        self.number = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again_in(self, interval: float, elapsed: float, send: Callable[[], None]) -> None:
        def again() -> None:
            if elapsed >= _TIMER_H:
                self.stop()
                self._gives_up()
                return
            send()
            longer = min(interval * 2, _T2)
            self._again_in(longer, elapsed + longer, send)

        self._timer = asyncio.get_running_loop().call_later(interval, again)
