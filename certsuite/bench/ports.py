"""Every port of a gateway at once: a call on each, with audio that no other call has."""

from __future__ import annotations

import random
from itertools import permutations
from typing import TYPE_CHECKING

from certsuite.checks.media import is_heard
from certsuite.checks.span import Span
from certsuite.core.errors import BenchError
from certsuite.core.events import MediaWindow
from certsuite.core.journal import Journal
from certsuite.edge.call_leg import CallLeg, LegState

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_TONES_HZ = (420, 480, 560, 640, 740, 860, 980, 1120, 1280, 1480, 1700, 1940)
"More than a twentieth of an octave apart: 132 pairs in order, one for each port."
_random = random.SystemRandom()


class Ports:
    """Calls on all lines of the device."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal

    async def are_all_called(self) -> None:
        """Each line is called, is told to answer, and its far end plays two tones that no other plays in this order."""
        bench, control = self._bench, self._bench.network.control
        bench.needs_echo()
        since, legs = bench.here, {}
        for line in bench.phone.lines:
            try:
                legs[line] = control.call(line, party=bench.colleague.number, caller=bench.colleague.name)
            except BenchError as problem:
                bench.note(str(problem))
        await self._come_to(legs, LegState.EARLY, "call.rings")
        for line, leg in legs.items():
            if leg.state is LegState.EARLY:
                await bench.phone.answers(line=line)
        await self._come_to(legs, LegState.CONFIRMED, "call.is-answered")
        pairs = _random.sample(list(permutations(_TONES_HZ, 2)), len(legs))
        tones = dict(zip(legs, pairs, strict=True))
        for turn in (0, 1):
            for line, leg in legs.items():
                leg.stream.send_tone(tones[line][turn])
            await self._are_heard({leg.call_id: tones[line][turn] for line, leg in legs.items()})
        calls = [[line, leg.call_id, *tones[line]] for line, leg in legs.items()]
        await bench.expect("ports.own-audio", calls=calls, lines=len(bench.phone.lines), since=since)

    async def all_end(self) -> None:
        """The far ends hang up, and every call is over."""
        control = self._bench.network.control
        control.hang_up_all()
        await self._bench.device.until(lambda: not control.legs, self._bench.patience_s("call.ends"))

    async def _come_to(self, legs: dict[int, CallLeg], state: LegState, check: str) -> None:
        """Wait until every call is in a state, or over."""
        wanted = (state, LegState.CONFIRMED, LegState.ENDED)
        patience = self._bench.patience_s(check)
        await self._bench.device.until(lambda: all(leg.state in wanted for leg in legs.values()), patience)

    async def _are_heard(self, tones: dict[str, int]) -> None:
        """Wait until each call's tone came back, or patience is over: what was heard is judged afterwards."""
        silent, last = dict(tones), self._journal.next_seq - 1
        deviation = self._bench.limit("tone_deviation")

        def all_heard() -> bool:
            # Thousands of windows come in a few seconds: each is looked at once.
            nonlocal last
            new = self._journal.since(last + 1)
            last += len(new)
            for seen in Span(new).of(MediaWindow):
                tone = silent.get(seen.event.call_id)
                if tone is not None and is_heard(seen.event, tone, deviation):
                    del silent[seen.event.call_id]
            return not silent

        await self._bench.device.until(all_heard, self._bench.patience_s("ports.own-audio"))
