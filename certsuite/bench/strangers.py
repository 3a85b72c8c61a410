"""Programs other than the device that come to the bench's ports: some are recorded one by one, the rest is counted."""

from __future__ import annotations

import asyncio
from collections import Counter

from certsuite.core.events import StrangersCounted
from certsuite.core.journal import Journal

RECORDED_AT_MOST = 200
"Connections of a run, and as many datagrams, that are recorded one by one."
_TOLD_EVERY_S = 5.0
_SOURCES_TOLD = 16
"Addresses that one event names, at most; the rest goes under ``others``."


class Strangers:
    """Bounds what a run's record keeps of them. It belongs to one event loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._recorded = {"tcp": 0, "udp": 0}
        self._counted = {"tcp": 0, "udp": 0}
        self._sources: Counter[str] = Counter()
        self._ports: Counter[str] = Counter()
        self._telling: asyncio.TimerHandle | None = None

    def admits(self, remote: tuple[str, int], local: tuple[str, int], transport: str) -> bool:
        """Whether another connection or datagram is recorded; if not it is counted, and told of with the others."""
        if self._recorded[transport] < RECORDED_AT_MOST:
            self._recorded[transport] += 1
            return True
        self._counted[transport] += 1
        known = remote[0] in self._sources or len(self._sources) < _SOURCES_TOLD
        self._sources[remote[0] if known else "others"] += 1
        self._ports[f"{local[0]}:{local[1]}"] += 1
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TOLD_EVERY_S, self.tell)
        return False

    def tell(self) -> None:
        """Record what was counted since the last time, if anything was."""
        if self._telling is None:
            return
        self._telling.cancel()
        self._telling = None
        counted = StrangersCounted(self._counted["tcp"], self._counted["udp"], dict(self._sources), dict(self._ports))
        self._journal.record(counted)
        self._counted = {"tcp": 0, "udp": 0}
        self._sources.clear()
        self._ports.clear()
