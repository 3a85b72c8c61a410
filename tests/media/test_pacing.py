"""Deadlines and lateness, on a clock of the test's own."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from certsuite.media.pacing import PERIOD_NS, SLOT_NS, SLOTS, Lateness, Schedule


@given(st.integers(1, 60), st.integers(0, 10**10))
def test_each_member_is_due_once_a_period(count: int, joined_ns: int) -> None:
    schedule: Schedule[int] = Schedule(1000)
    for number in range(count):
        schedule.add(number, 1000 + joined_ns)
    due: dict[int, list[int]] = {number: [] for number in range(count)}
    sizes = []
    while any(len(times) < 3 for times in due.values()):
        at = schedule.next_due()
        assert at is not None
        assert at >= 1000 + joined_ns
        members = schedule.take()
        sizes.append(len(members))
        for number in members:
            due[number].append(at)
    for times in due.values():
        assert {later - sooner for sooner, later in pairwise(times)} == {PERIOD_NS}
        assert times[0] < 1000 + joined_ns + PERIOD_NS + SLOT_NS
    assert max(sizes) - min(sizes) <= 1


def test_two_members_are_far_from_each_other() -> None:
    schedule: Schedule[str] = Schedule(0)
    schedule.add("a", 0)
    schedule.add("b", 0)
    first = schedule.next_due()
    assert first == 0
    assert schedule.take() == ("a",)
    assert schedule.next_due() == 16 * SLOT_NS


def test_members_go() -> None:
    schedule: Schedule[str] = Schedule(0)
    schedule.add("a", 0)
    schedule.remove("a")
    schedule.remove("a")
    assert schedule.next_due() is None
    schedule.add("b", 5 * PERIOD_NS + 1)
    due = schedule.next_due()
    assert due is not None
    assert 5 * PERIOD_NS < due <= 6 * PERIOD_NS + SLOT_NS


def test_a_stall_leaves_whole_periods_out() -> None:
    schedule: Schedule[str] = Schedule(0)
    schedule.add("a", 0)
    schedule.take()
    assert schedule.skip_missed(PERIOD_NS * 3, 10 * PERIOD_NS) == 0
    assert schedule.next_due() == PERIOD_NS
    assert schedule.skip_missed(PERIOD_NS * 31 + 5, 10 * PERIOD_NS) == 30
    assert schedule.next_due() == 31 * PERIOD_NS


def test_percentiles_of_lateness() -> None:
    lateness = Lateness()
    assert lateness.percentile_ms(99) == 0
    for number in range(100):
        lateness.add(number * 100_000)
    lateness.add(-5)
    assert lateness.count == 101
    assert lateness.max_ms == 9.9
    assert 4.8 <= lateness.percentile_ms(50) <= 5.1
    assert lateness.percentile_ms(100) == 9.9
    lateness.add(10**12)
    assert lateness.percentile_ms(100) == lateness.max_ms == 10**6
    assert "102 packets" in str(lateness)
    assert SLOTS * SLOT_NS == PERIOD_NS
