"""How well a stream arrived: jitter, order and gaps of its packets (RFC 3550 section 6.4.1)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_REMEMBERED = 512
_RESTART_MS = 5000.0


@dataclass
class StreamStatistics:
    """Counts packets of audio as they come; ``now`` is in seconds."""

    packets: int = 0
    duplicates: int = 0
    reordered: int = 0
    jitter_ms: float = 0.0
    "Interarrival jitter, as a receiver report has it."
    jitter_max_ms: float = 0.0
    longest_gap_s: float = 0.0
    "Between two packets."
    skew_ms: float = 0.0
    "The most by which a packet came later, or with a minus earlier, than the timestamps since the first one say."

    def __post_init__(self) -> None:
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._highest: int | None = None
        self._ssrc = 0
        self._transit = 0.0
        self._first_transit = 0.0
        self._arrived = 0.0

    def pause(self) -> None:
        """What follows begins anew: nothing was to come meanwhile."""
        self._highest = None

    def add(self, ssrc: int, sequence: int, timestamp: int, clock_rate: int, now: float) -> None:
        """Count a packet of audio."""
        self.packets += 1
        transit = now - timestamp / clock_rate
        if self._highest is None or ssrc != self._ssrc:
            self._ssrc, self._highest, self._first_transit = ssrc, sequence, transit
            self._seen.clear()
        else:
            self._compare(sequence, transit, now)
        self._seen[sequence] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        self._transit, self._arrived = transit, now

    def _compare(self, sequence: int, transit: float, now: float) -> None:
        assert self._highest is not None
        if sequence in self._seen:
            self.duplicates += 1
        elif (sequence - self._highest) & 0xFFFF >= 0x8000:
            self.reordered += 1
        else:
            self._highest = sequence
        # A device that begins to count its timestamps anew, as some do after a hold, has no transit to compare.
        change_ms = abs(transit - self._transit) * 1000
        if change_ms < _RESTART_MS:
            self.jitter_ms += (change_ms - self.jitter_ms) / 16
            self.jitter_max_ms = max(self.jitter_max_ms, self.jitter_ms)
            skew_ms = (transit - self._first_transit) * 1000
            self.skew_ms = max(self.skew_ms, skew_ms, key=abs)
        else:
            self._first_transit += transit - self._transit
        self.longest_gap_s = max(self.longest_gap_s, now - self._arrived)
