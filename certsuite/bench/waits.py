"""The time that was spent waiting: the union of all open waits. What remains of a run is the suite's own overhead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Waits:
    """Counts the time in which at least one wait is open. ``now`` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open = 0
        self._since = 0.0
        self._total = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A wait, open while the block runs."""
        if self._open == 0:
            self._since = self._now()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            if self._open == 0:
                self._total += self._now() - self._since

    @property
    def total_s(self) -> float:
        """Seconds waited so far."""
        return self._total + (self._now() - self._since if self._open else 0.0)
