"""What becomes of packets on their way."""

from __future__ import annotations

from certsuite.media.outgoing import Disturbance, Outgoing


def sent(outgoing: Outgoing, count: int, first: int = 1) -> list[list[int]]:
    """What arrives in each period when one packet is made in each."""
    return [[one[0] for one in outgoing.pass_on([bytes([number])])] for number in range(first, first + count)]


def disturbed(**how: int) -> Outgoing:
    outgoing = Outgoing()
    outgoing.disturbance = Disturbance(**how)
    return outgoing


def test_a_good_network_changes_nothing() -> None:
    assert sent(Outgoing(), 3) == [[1], [2], [3]]


def test_each_third_is_lost() -> None:
    assert sent(disturbed(loses=3), 6) == [[1], [2], [], [4], [5], []]


def test_each_second_comes_twice() -> None:
    assert sent(disturbed(doubles=2), 4) == [[1], [2, 2], [3], [4, 4]]


def test_one_comes_behind_the_next() -> None:
    assert sent(disturbed(swaps=2), 5) == [[1], [], [3, 2], [], [5, 4]]


def test_one_that_is_swapped_is_not_lost_with_the_next() -> None:
    assert sent(disturbed(swaps=2, loses=3), 3) == [[1], [], [2]]


def test_a_late_one_holds_up_those_behind_it() -> None:
    assert sent(disturbed(delays=3, delay_periods=2), 5) == [[1], [2], [], [], [3, 4, 5]]


def test_what_was_held_back_comes_when_the_network_is_good_again() -> None:
    outgoing = disturbed(delays=1, delay_periods=3)
    assert sent(outgoing, 1) == [[]]
    outgoing.disturbance = Disturbance()
    assert [one for period in sent(outgoing, 3, first=2) for one in period] == [1, 2, 3, 4]


def test_what_was_sent_before_is_replayed() -> None:
    outgoing = Outgoing()
    sent(outgoing, 2)
    outgoing.keep_anew()
    sent(outgoing, 2, first=3)
    assert not outgoing.replays
    outgoing.replay()
    assert [outgoing.next_replay(), outgoing.next_replay()] == [b"\1", b"\2"]
    assert not outgoing.replays


def test_no_more_than_the_beginning_is_kept() -> None:
    outgoing = Outgoing()
    sent(outgoing, 100)
    outgoing.keep_anew()
    outgoing.replay()
    replayed = []
    while outgoing.replays:
        replayed.append(outgoing.next_replay()[0])
    assert replayed == list(range(1, 31))


def test_what_was_lost_is_counted_up_to_a_number() -> None:
    outgoing = disturbed(loses=2)
    for number in (65_533, 65_534, 65_535, 0, 1, 2):
        outgoing.pass_on([b"\x80\x08" + number.to_bytes(2)])
    assert [outgoing.withheld_until(number) for number in (65_533, 65_534, 65_535, 0, 1, 2)] == [0, 1, 1, 2, 2, 3]
