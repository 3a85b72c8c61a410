"""The device's clock as cases see it: wrong at its start, as that of a phone without a battery, and set later on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certsuite.bench.expecting import NotApplicable
from certsuite.checks.span import Span
from certsuite.core.events import BenchChanged, FlowClosed
from certsuite.core.journal import Journal

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_SOME_HOURS_S = 7 * 3600
"What the clock shows of 1970 at the start."


class ClockControl:
    """Sets the device's clock, where its driver can."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal

    async def is_of_1970_and_set_later(self) -> None:
        """The device starts with a clock of 1970, meets the edges with it, and then has its clock set, as by NTP.

        Raises :class:`NotApplicable` where the device's clock cannot be set.
        """
        device, now = self._bench.device, self._bench.network.now
        if cannot := device.driver.cannot_set_clock:
            raise NotApplicable("no-clock", cannot)
        await device.stop()
        try:
            device.driver.set_clock(_SOME_HOURS_S - int(now.timestamp()))
            await device.restart()
            self._journal.record(BenchChanged("clock", "1970"))
            await device.until(lambda: device.registered or self._has_met(1), device.register_patience_s)
            # It has nothing left but to try again. One that meets no further edge is not waited for as long.
            met_all = len(self._bench.network.edges)
            await device.until(lambda: device.registered or self._has_met(met_all), device.own_retry_patience_s)
        finally:
            device.driver.set_clock(0)
            self._journal.record(BenchChanged("clock", "right"))

    def _has_met(self, edges: int) -> bool:
        """Whether it has had to do with so many edges, and what began there is over."""
        closed = Span(self._journal.since(self._bench.device.attempt_seq)).of(FlowClosed)
        return len({seen.at.edge for seen in closed}) >= edges
