"""Waiting for a fact outside the test's own process, where only looking again can tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(fact: Callable[[], bool], seconds: float = 20.0) -> None:
    """Look until it is so; :class:`AssertionError` if it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not so within {seconds} s: {fact}"
        threading.Event().wait(0.02)
