"""Waiting for a fact outside the test's own process, where only looking again can tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from certsuite.bench.expecting import Watch
from certsuite.core.observations import Observation


def until(fact: Callable[[], bool], seconds: float = 20.0) -> None:
    """Look until it is so; :class:`AssertionError` if it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not so within {seconds} s: {fact}"
        threading.Event().wait(0.02)


class WatchOfAll(Watch):
    """Tells of what other programs than the device do as well, which no expectation waits for."""

    def _observed(self, observation: Observation) -> None:
        self._loop.call_soon_threadsafe(self._tell)
