"""Telephone-events: sent, lost in part, and put together again."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.events import DtmfEvent
from certsuite.media.dtmf import DIGITS, DtmfReceiver, DtmfSender, digit_of
from certsuite.media.rtp import RtpPacket


def event(sequence: int, timestamp: int, code: int, duration: int, *, end: bool = False) -> RtpPacket:
    return RtpPacket(101, sequence, timestamp, 7, struct.pack("!BBH", code, 0x80 * end | 10, duration))


def sent(digits: str, clock_rate: int = 8000) -> list[RtpPacket]:
    sender = DtmfSender(clock_rate)
    sender.queue(digits)
    packets = []
    timestamp = 0xFFFFFF00
    sequence = 65500
    while sender.busy:
        frame = sender.next(timestamp)
        if frame is not None:
            packets.append(RtpPacket(101, sequence & 0xFFFF, frame.timestamp, 7, frame.payload, frame.marker))
        sequence += 1
        timestamp = (timestamp + clock_rate // 50) & 0xFFFFFFFF
    return packets


def received(packets: list[RtpPacket], clock_rate: int = 8000) -> list[DtmfEvent]:
    receiver = DtmfReceiver("call", clock_rate)
    events = []
    for number, packet in enumerate(packets):
        events += receiver.receive(packet, number * 0.02)
    return events + receiver.poll(len(packets) * 0.02 + 1)


@pytest.mark.parametrize("clock_rate", [8000, 48000])
def test_all_digits_come_back(clock_rate: int) -> None:
    events = received(sent(DIGITS, clock_rate), clock_rate)
    assert "".join(item.digit for item in events) == DIGITS
    assert {(item.duration_ms, item.end_packets, item.packets, item.volume) for item in events} == {(100.0, 3, 7, 10)}
    assert events[0].call_id == "call"


def test_the_sequence_of_one_digit() -> None:
    packets = sent("5")
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert {packet.timestamp for packet in packets} == {0xFFFFFF00}
    fields = [struct.unpack("!BBH", packet.payload) for packet in packets]
    assert [code for code, _, _ in fields] == [5] * 7
    assert [duration for _, _, duration in fields] == [160, 320, 480, 640, 800, 800, 800]
    assert [flags >> 7 for _, flags, _ in fields] == [0, 0, 0, 0, 1, 1, 1]


def test_audio_has_its_turn_between_digits() -> None:
    sender = DtmfSender(8000)
    sender.queue("1d")
    turns = [sender.next(160 * number) is not None for number in range(24)]
    assert turns == ([True] * 7 + [False] * 5) * 2
    assert not sender.busy
    with pytest.raises(ValueError, match="'X'"):
        sender.queue("1x")


@given(st.sets(st.integers(0, 13)))
def test_any_loss_leaves_each_digit_that_has_a_packet_left(lost: set[int]) -> None:
    kept = [packet for number, packet in enumerate(sent("12")) if number not in lost]
    expected = "".join(digit for digit, numbers in (("1", range(7)), ("2", range(7, 14))) if not set(numbers) <= lost)
    events = received(kept)
    assert "".join(item.digit for item in events) == expected
    assert sum(item.packets for item in events) == len(kept)


def test_an_event_without_end_closes_by_time() -> None:
    receiver = DtmfReceiver("call", 8000)
    assert receiver.receive(event(1, 1000, 3, 160), 10.0) == []
    assert receiver.poll(10.49) == []
    (closed,) = receiver.poll(10.51)
    assert (closed.digit, closed.duration_ms, closed.end_packets) == ("3", 20.0, 0)
    assert receiver.poll(11) == receiver.finish() == []


def test_an_event_that_is_open_when_the_stream_ends() -> None:
    receiver = DtmfReceiver("call", 8000)
    receiver.receive(event(1, 1000, 16, 160), 10.0)
    assert [item.digit for item in receiver.finish()] == ["flash"]
    assert digit_of(33) == "event-33"


def test_late_and_doubled_packets_make_no_further_digit() -> None:
    packets = sent("1")
    extra = event(packets[-1].sequence + 1, packets[0].timestamp, 1, 800, end=True)
    events = received([*packets, packets[-1], extra])
    assert [(item.digit, item.packets) for item in events] == [("1", 7)]
    receiver = DtmfReceiver("call", 8000)
    receiver.receive(event(9, 5000, 2, 160), 0)
    assert receiver.receive(event(8, 4000, 1, 160), 0) == []
    assert receiver.receive(RtpPacket(101, 10, 5000, 7, b"\2"), 0) == []
    assert [item.digit for item in receiver.finish()] == ["2"]


def test_a_long_event_goes_on_in_segments() -> None:
    packets = [event(1, 0, 9, 0x8000), event(2, 0, 9, 0xFFFF), event(3, 0xFFFF, 9, 0x4000)]
    packets += [event(number, 0xFFFF, 9, 0x4001, end=True) for number in (4, 5, 6)]
    (only,) = received(packets, 48000)
    assert only.duration_ms == round((0xFFFF + 0x4001) / 48, 3)
    assert (only.packets, only.end_packets) == (6, 3)


def test_the_same_key_pressed_twice_is_two_digits() -> None:
    assert "".join(item.digit for item in received(sent("11"))) == "11"
