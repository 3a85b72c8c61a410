"""Pacing: when which stream's packet is due, and how late packets really were."""

from __future__ import annotations

from typing import Generic, TypeVar

from certsuite.media.codecs import FRAME_MS

PERIOD_NS = FRAME_MS * 1_000_000
"Nanoseconds between two packets of a stream."
SLOTS = 20
"Moments in a period at which packets leave: streams are spread over them, so that none waits for all others."
SLOT_NS = PERIOD_NS // SLOTS

_SPREAD = sorted(range(SLOTS), key=lambda slot: int(f"{slot:05b}"[::-1], 2))
"Slots in the order in which they are occupied: each far from those before (the bits of its number reversed)."
_BUCKET_NS = 50_000
_BUCKETS = 1000

T = TypeVar("T")


class Schedule(Generic[T]):
    """Which member is due when: each once a period, in the least occupied slot, on absolute deadlines."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._slots: list[list[T]] = [[] for _ in range(SLOTS)]
        self._members: dict[T, int] = {}
        self._turn = 0
        "Number of the slot that is served next, counted from the start."

    def add(self, member: T, now_ns: int) -> None:
        """Take a member in; it is due within one period."""
        if not self._members:
            self._turn = max(self._turn, -((self._start_ns - now_ns) // SLOT_NS))
        slot = min(_SPREAD, key=lambda number: len(self._slots[number]))
        self._slots[slot].append(member)
        self._members[member] = slot

    def remove(self, member: T) -> None:
        """Let a member go; one that is not in is none the less gone."""
        slot = self._members.pop(member, None)
        if slot is not None:
            self._slots[slot].remove(member)

    def next_due(self) -> int | None:
        """When the next member is due, in nanoseconds; none without members."""
        if not self._members:
            return None
        while not self._slots[self._turn % SLOTS]:
            self._turn += 1
        return self._start_ns + self._turn * SLOT_NS

    def take(self) -> tuple[T, ...]:
        """The members that are due at :meth:`next_due`; the following slot is next."""
        members = tuple(self._slots[self._turn % SLOTS])
        self._turn += 1
        return members

    def skip_missed(self, now_ns: int, tolerated_ns: int) -> int:
        """After a stall of more than ``tolerated_ns`` leave whole periods out; gives how many."""
        behind = now_ns - self._start_ns - self._turn * SLOT_NS
        if behind <= tolerated_ns:
            return 0
        periods = behind // PERIOD_NS
        self._turn += periods * SLOTS
        return periods


class Lateness:
    """How late packets left, as a histogram of 0.05 ms steps."""

    def __init__(self) -> None:
        self._buckets = [0] * (_BUCKETS + 1)
        self.count = 0
        self.max_ms = 0.0

    def add(self, late_ns: int) -> None:
        """Count one packet."""
        self.count += 1
        self._buckets[min(max(late_ns, 0) // _BUCKET_NS, _BUCKETS)] += 1
        if late_ns > self.max_ms * 1e6:
            self.max_ms = late_ns / 1e6

    def percentile_ms(self, percent: float) -> float:
        """What ``percent`` of the packets were at most late, in milliseconds, rounded up to a step."""
        wanted = self.count * percent / 100
        seen = 0
        for number, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return self.max_ms if number == _BUCKETS else min((number + 1) * _BUCKET_NS / 1e6, self.max_ms)
        return 0.0

    def __str__(self) -> str:
        half, most = self.percentile_ms(50), self.percentile_ms(99)
        return f"{self.count} packets: half at most {half:.2f} ms late, 99 % {most:.2f} ms, all {self.max_ms:.2f} ms"
