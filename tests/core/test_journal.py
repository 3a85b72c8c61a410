"""The journal: order, place and time of what is observed."""

from __future__ import annotations

import threading

from certsuite.core.events import Note
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import Observation


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.ns = 10_000_000_000

    def monotonic_ns(self) -> int:
        return self.ns

    def utc(self) -> float:
        return 1_795_292_100.0 + self.ns / 1e9


def test_observations_are_numbered_stamped_and_placed() -> None:
    clock = Clock()
    journal = Journal(clock, segment=2, first_seq=40)
    journal.case, journal.variant = "WXC-TLS-010", "ecdsa"
    first = journal.record(Note("a"), line=1, flow="f1", edge="primary", direction="in", frame=7)
    clock.ns += 1_500_000_000
    second = journal.record(Note("b"), case=("WXC-FO-060", ""))
    assert first == Observation(
        seq=40,
        segment=2,
        t_mono_ns=10_000_000_000,
        t_utc="2026-11-21T20:15:10.000000Z",
        event=Note("a"),
        case="WXC-TLS-010",
        variant="ecdsa",
        line=1,
        flow="f1",
        edge="primary",
        direction="in",
        frame=7,
    )
    assert (second.seq, second.case, second.variant) == (41, "WXC-FO-060", "")
    assert second.t_utc == "2026-11-21T20:15:11.500000Z"
    assert journal.next_seq == 42


def test_what_happened_earlier_is_stamped_so_on_both_clocks() -> None:
    journal = Journal(Clock())
    seen = journal.record(Note("a"), t_mono_ns=9_750_000_000)
    assert seen.t == 9.75
    assert seen.t_utc == "2026-11-21T20:15:09.750000Z"


def test_a_part_of_it() -> None:
    journal = Journal(Clock(), first_seq=10)
    for text in "abcde":
        journal.record(Note(text))

    def texts(seq: int, last: int | None = None) -> str:
        return "".join(one.event.text for one in journal.since(seq, last) if isinstance(one.event, Note))

    assert texts(0) == "abcde"
    assert texts(12) == "cde"
    assert texts(11, 13) == "bcd"
    assert texts(0, 10) == "a"
    assert texts(13, 12) == ""
    assert texts(0, 9) == "", "all of it is before this segment"
    assert texts(0, 8) == ""
    assert texts(15) == ""


def test_subscribers_are_called_in_order_and_before_the_call_returns() -> None:
    journal = Journal(Clock())
    told: list[str] = []
    journal.record(Note("before"))
    journal.subscribe(lambda seen: told.append(f"writer {seen.seq}"))
    journal.subscribe(lambda seen: told.append(f"watch {seen.seq}"))
    journal.record(Note("after"))
    assert told == ["writer 1", "watch 1"]


def test_a_subscriber_may_record() -> None:
    journal = Journal(Clock())
    told: list[int] = []

    def reacts(seen: Observation) -> None:
        told.append(seen.seq)
        if seen.event == Note("cause"):
            journal.record(Note("effect"))

    journal.subscribe(reacts)
    journal.record(Note("cause"))
    assert told == [0, 1]
    assert [one.seq for one in journal.since(0)] == [0, 1]


def test_threads_do_not_get_each_other_s_numbers() -> None:
    journal = Journal(SystemClock())
    told: list[int] = []
    journal.subscribe(lambda seen: told.append(seen.seq))
    each = 200
    threads = [
        threading.Thread(target=lambda: [journal.record(Note("x")) for _ in range(each)], daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == list(range(4 * each))
    assert [one.seq for one in journal.since(0)] == told


def test_the_machine_s_clock_goes_forward() -> None:
    clock = SystemClock()
    assert clock.monotonic_ns() <= clock.monotonic_ns()
    assert clock.utc() > 1_700_000_000
