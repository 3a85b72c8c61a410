"""Waited time is the union of the open waits."""

from __future__ import annotations

import pytest

from certsuite.bench.waits import Waits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_waits_one_after_the_other_add_up_and_time_between_does_not_count(clock: Clock) -> None:
    waits = Waits(clock)
    for _ in range(2):
        with waits.waiting():
            clock.now += 3
        clock.now += 10
    assert waits.total_s == 6


def test_waits_within_and_across_each_other_count_once(clock: Clock) -> None:
    waits = Waits(clock)
    first, second = waits.waiting(), waits.waiting()
    first.__enter__()
    clock.now += 2
    second.__enter__()
    clock.now += 3
    first.__exit__(None, None, None)
    clock.now += 4
    assert waits.total_s == 9
    second.__exit__(None, None, None)
    clock.now += 5
    assert waits.total_s == 9


def test_a_wait_that_ends_by_an_error_has_ended(clock: Clock) -> None:
    waits = Waits(clock)

    def breaks() -> None:
        with waits.waiting():
            clock.now += 1
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        breaks()
    clock.now += 1
    assert waits.total_s == 1
