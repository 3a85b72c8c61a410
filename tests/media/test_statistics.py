"""Jitter, order and gaps of packets."""

from __future__ import annotations

import pytest

from certsuite.media.statistics import StreamStatistics

SSRC, CLOCK = 7, 8000


def arrive(statistics: StreamStatistics, *packets: tuple[int, float], ssrc: int = SSRC) -> StreamStatistics:
    """(sequence number, arrival in milliseconds); each holds 20 ms."""
    for sequence, at_ms in packets:
        statistics.add(ssrc, sequence & 0xFFFF, 1000 + sequence * 160, CLOCK, 50 + at_ms / 1000)
    return statistics


def test_packets_in_time_have_no_jitter() -> None:
    measured = arrive(StreamStatistics(), *((number, number * 20.0) for number in range(50)))
    assert (measured.packets, measured.duplicates, measured.reordered) == (50, 0, 0)
    assert measured.jitter_ms == pytest.approx(0, abs=1e-6)
    assert measured.longest_gap_s == pytest.approx(0.02)


def test_jitter_is_that_of_rfc_3550() -> None:
    measured = arrive(StreamStatistics(), (1, 20), (2, 56), (3, 60))
    # |D| is 16 ms twice: 16/16, then 1 + (16 - 1) / 16.
    assert measured.jitter_ms == pytest.approx(1.9375)
    assert measured.jitter_max_ms == pytest.approx(1.9375)


def test_doubles_and_late_ones_are_counted_apart() -> None:
    measured = arrive(StreamStatistics(), (1, 20), (3, 60), (2, 61), (3, 62), (4, 80))
    assert (measured.packets, measured.duplicates, measured.reordered) == (5, 1, 1)


def test_a_roll_over_is_no_disorder() -> None:
    measured = arrive(StreamStatistics(), (65535, 0), (65536, 20), (65537, 40))
    assert measured.reordered == 0


def test_another_source_begins_anew_and_a_pause_is_no_gap() -> None:
    measured = arrive(StreamStatistics(), (1, 20), (2, 40))
    measured.pause()
    arrive(measured, (3, 5000), (4, 5020))
    arrive(measured, (900, 9000), ssrc=8)
    assert measured.longest_gap_s == pytest.approx(0.02)
    assert measured.jitter_max_ms == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("came", "skew_ms"), [((100, 121, 142, 161), 2), ((100, 118, 137, 160), -3), ((100,), 0)])
def test_skew_is_the_most_that_packets_were_off(came: tuple[int, ...], skew_ms: float) -> None:
    measured = arrive(StreamStatistics(), *enumerate(came, 5))
    assert measured.skew_ms == pytest.approx(skew_ms)


def test_skew_begins_anew_with_the_timestamps() -> None:
    measured = StreamStatistics()
    for sequence, timestamp, came in [(1, 0, 0.0), (2, 160, 0.02), (3, 9_000_000, 0.04), (4, 9_000_160, 0.061)]:
        measured.add(7, sequence, timestamp, 8000, came)
    assert measured.skew_ms == pytest.approx(1)
