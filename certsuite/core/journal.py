"""The journal: where everything that is observed goes, numbered and stamped, and from where it is spread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from certsuite.core.events import Event
from certsuite.core.observations import Observation, utc_text


class Clock(Protocol):
    """The bench's clock service: what the device is told the time is, and the bench's own."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that only go forward."""

    def utc(self) -> float:
        """Seconds since 1970, as the bench tells them to the device."""


class SystemClock:
    """The machine's clock."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def utc(self) -> float:
        return time.time()


class Journal:
    """Numbers and stamps observations, keeps them in memory, and hands each to its subscribers.

    It may be called from any thread. Subscribers are called under its lock, in the order of the observations: the
    record's writer first, so that nothing is acted on that is not written.
    """

    def __init__(self, clock: Clock, *, segment: int = 0, first_seq: int = 0) -> None:
        self.clock = clock
        self.segment = segment
        self._first_seq = first_seq
        self._observations: list[Observation] = []
        self._subscribers: list[Callable[[Observation], None]] = []
        self._mask: Callable[[Event], Event] = lambda event: event
        self._lock = threading.RLock()
        self.case = ""
        "Id of the case that runs now; observations carry it."
        self.variant = ""

    def subscribe(self, subscriber: Callable[[Observation], None]) -> None:
        """Call ``subscriber`` with every observation from now on."""
        with self._lock:
            self._subscribers.append(subscriber)

    def mask_by(self, mask: Callable[[Event], Event]) -> None:
        """Hand every event through ``mask`` from now on, before anyone sees it: what is secret in it stays outside."""
        with self._lock:
            self._mask = mask

    def record(
        self,
        event: Event,
        *,
        t_mono_ns: int | None = None,
        line: int | None = None,
        flow: str | None = None,
        edge: str | None = None,
        direction: str | None = None,
        frame: int | None = None,
        case: tuple[str, str] | None = None,
    ) -> Observation:
        """Add an event. ``t_mono_ns`` is when it happened, if that is known better than now; ``case`` is (id, variant)
        of the case that it belongs to, if not the running one."""
        with self._lock:
            now_ns = self.clock.monotonic_ns()
            at_ns = now_ns if t_mono_ns is None else t_mono_ns
            case_id, variant = (self.case, self.variant) if case is None else case
            observation = Observation(
                seq=self._first_seq + len(self._observations),
                segment=self.segment,
                t_mono_ns=at_ns,
                t_utc=utc_text(self.clock.utc() - (now_ns - at_ns) / 1e9),
                event=self._mask(event),
                case=case_id,
                variant=variant,
                line=line,
                flow=flow,
                edge=edge,
                direction=direction,
                frame=frame,
            )
            self._observations.append(observation)
            for subscriber in self._subscribers:
                subscriber(observation)
            return observation

    @property
    def next_seq(self) -> int:
        """Number that the next observation will have."""
        return self._first_seq + len(self._observations)

    def since(self, seq: int, last: int | None = None) -> Sequence[Observation]:
        """Observations numbered ``seq`` to ``last`` (inclusive; without it, to the newest)."""
        start = max(seq - self._first_seq, 0)
        stop = None if last is None else max(last - self._first_seq + 1, 0)
        return self._observations[start:stop]
