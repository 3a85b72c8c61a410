"""Each benchmark in its smallest form: that it measures, never how fast."""

from __future__ import annotations

import asyncio
import re
import shutil

import pytest

from benchmarks import answered_calls, concurrent_calls
from benchmarks.machine import BareTimer, Cpu


def test_calls_at_once_are_measured() -> None:
    figures = concurrent_calls.measure(calls=2, seconds=0.2)
    assert figures.result is not None
    text = str(figures)
    assert "right on 4 of 4 directions" in text
    assert re.search(r"send lateness +[1-9]\d* packets", text)
    assert figures.timer_ms[2] >= figures.timer_ms[1] > 0


def test_calls_a_second_are_measured() -> None:
    missing = [name for name in answered_calls.PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    figures = asyncio.run(answered_calls.measure(calls=5))
    assert (figures.edge.calls, figures.edge.failed) == (5, 0)
    assert (figures.uas.calls, figures.uas.failed) == (5, 0)
    assert "of SIPp's" in str(figures)


def test_a_timer_counts_from_when_it_is_told() -> None:
    timer = BareTimer()
    timer.begin()
    half, most, all_ = timer.stop()
    assert 0 <= half <= most <= all_


def test_the_machine_is_told_in_words() -> None:
    before = Cpu(1000, 10, 500)
    assert Cpu(2000, 20, 1400).since(before).endswith("processors 10 % busy, 1.0 % stolen")
