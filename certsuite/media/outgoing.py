"""What becomes of a party's packets on their way: they pass, or are lost, doubled, swapped, late or replayed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_KEPT = 30


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A network that is not good: what happens to each so many-th packet; 0 is never."""

    loses: int = 0
    doubles: int = 0
    swaps: int = 0
    "With the packet behind it."
    delays: int = 0
    delay_periods: int = 2
    "For how many periods a packet is held back that is delayed; the ones behind it wait for it."


class Outgoing:
    """Packets of one stream on their way, a period at a time."""

    def __init__(self) -> None:
        self.disturbance = Disturbance()
        self._count = 0
        self._kept: list[bytes] = []
        "The first packets since :meth:`keep_anew`."
        self._before: list[bytes] = []
        "The first packets of before it."
        self._replays: deque[bytes] = deque()
        self._swapped: bytes | None = None
        self._held: list[bytes] = []
        self._held_for = 0
        self._withheld: list[int] = []
        "Sequence numbers of what was lost."

    def withheld_until(self, sequence: int) -> int:
        """How many packets were lost up to a sequence number, which is not further than half of all numbers away."""
        return sum((sequence - lost) & 0xFFFF < 0x8000 for lost in self._withheld)

    def keep_anew(self) -> None:
        """What is sent from now on is another thing than before."""
        self._before, self._kept = self._kept, []

    def replay(self) -> None:
        """Send the beginning of the thing before the present one again, as it was, one packet a period; until then
        nothing else is to be sent."""
        self._replays.extend(self._before)

    @property
    def replays(self) -> bool:
        """Whether packets are left to be sent again."""
        return bool(self._replays)

    def next_replay(self) -> bytes:
        """The packet that is sent again in this period."""
        return self._replays.popleft()

    def pass_on(self, packets: list[bytes]) -> list[bytes]:
        """What reaches the network in this period of what was made in it and before."""
        for packet in packets:
            if len(self._kept) < _KEPT:
                self._kept.append(packet)
        if self.disturbance == Disturbance() and not self._held and self._swapped is None:
            return packets
        arrives = [one for packet in packets for one in self._disturbed(packet)]
        if self._held_for:
            self._held_for -= 1
            self._held += arrives
            return []
        arrives, self._held = [*self._held, *arrives], []
        return arrives

    def _disturbed(self, packet: bytes) -> list[bytes]:
        how = self.disturbance
        self._count += 1
        before, self._swapped = self._swapped, None
        if _turn(self._count, how.loses):
            self._withheld.append(int.from_bytes(packet[2:4]))
            return [before] if before else []
        if _turn(self._count, how.swaps):
            self._swapped = packet
            return [before] if before else []
        if _turn(self._count, how.delays):
            self._held_for = how.delay_periods
        copies = 2 if _turn(self._count, how.doubles) else 1
        return [packet] * copies + ([before] if before else [])


def _turn(count: int, every: int) -> bool:
    return bool(every) and count % every == 0
