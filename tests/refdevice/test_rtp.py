"""RTP packets and the jitter buffer."""

from __future__ import annotations

import pytest

from certsuite.refdevice.rtp import FRAME, JitterBuffer, Packet, parse, telephone_event
from certsuite.refdevice.srtp import SrtpError

_SILENCE = b"\xd5" * FRAME


def _frame(number: int) -> bytes:
    return bytes([number & 0xFF]) * FRAME


def _put(buffer: JitterBuffer, *numbers: int, ssrc: int = 1) -> None:
    for number in numbers:
        buffer.put(Packet(8, number & 0xFFFF, 0, ssrc, b""), _frame(number), _SILENCE)


def _taken(buffer: JitterBuffer) -> list[bytes]:
    taken = []
    while (frame := buffer.take()) is not None:
        taken.append(frame)
    return taken


def test_a_packet_there_and_back() -> None:
    packet = Packet(8, 65_535, 160, 4711, b"audio", True)
    assert parse(packet.to_bytes()) == packet


def test_padding_is_dropped() -> None:
    data = bytearray(Packet(8, 1, 2, 3, b"audio\0\0\3").to_bytes())
    data[0] |= 0x20
    assert parse(bytes(data)).payload == b"audio"
    data[-1] = 200
    with pytest.raises(SrtpError):
        parse(bytes(data))


def test_a_telephone_event() -> None:
    assert telephone_event(11, 960, end=True) == bytes([11, 0x8A, 0x03, 0xC0])


def test_gives_nothing_until_it_holds_some() -> None:
    buffer = JitterBuffer()
    _put(buffer, 1, 2)
    assert buffer.take() is None
    _put(buffer, 3)
    assert _taken(buffer) == [_frame(1), _frame(2), _frame(3)]
    _put(buffer, 4)
    assert buffer.take() is None


def test_puts_right_what_came_out_of_order_across_the_roll_over() -> None:
    buffer = JitterBuffer()
    _put(buffer, 65_534, 65_536, 65_535, 65_537)
    assert _taken(buffer) == [_frame(number) for number in range(65_534, 65_538)]


def test_what_is_lost_becomes_silence() -> None:
    buffer = JitterBuffer()
    _put(buffer, 1, 3, 4, 5)
    assert _taken(buffer) == [_frame(1), _SILENCE, _frame(3), _frame(4), _frame(5)]


def test_what_is_late_or_repeated_is_dropped() -> None:
    buffer = JitterBuffer()
    _put(buffer, 1, 2, 3, 2, 1)
    assert len(_taken(buffer)) == 3


def test_a_jump_and_a_new_source_begin_anew() -> None:
    buffer = JitterBuffer()
    _put(buffer, 1, 2, 5000, 5001)
    _put(buffer, 9, 10, ssrc=2)
    assert [frame[0] for frame in _taken(buffer)] == [1, 2, 5000 & 0xFF, 5001 & 0xFF, 9, 10]


def test_too_much_is_cut_to_what_it_begins_with() -> None:
    buffer = JitterBuffer()
    _put(buffer, *range(13))
    assert [frame[0] for frame in _taken(buffer)] == [10, 11, 12]


def test_cleared() -> None:
    buffer = JitterBuffer()
    _put(buffer, 1, 2, 3)
    buffer.clear()
    assert buffer.take() is None


def test_a_source_that_goes_on_with_older_numbers_has_begun_anew() -> None:
    buffer = JitterBuffer()
    _put(buffer, 1000, 1001, 1002)
    assert len(_taken(buffer)) == 3
    _put(buffer, 10, 11, 12)
    assert _taken(buffer) == []
    _put(buffer, 13, 14, 15, 16)
    assert _taken(buffer) == [_frame(13), _frame(14), _frame(15), _frame(16)]


def test_what_is_no_g711_is_given_out_as_it_came() -> None:
    buffer = JitterBuffer()
    buffer.clear(0)
    for number, size in enumerate((3, 50, 7)):
        buffer.put(Packet(99, number, 0, 1, b""), bytes(size), b"")
    assert [len(frame) for frame in _taken(buffer)] == [3, 50, 7]


def test_a_faulty_one_waits_for_what_was_lost() -> None:
    buffer = JitterBuffer(waits_for_lost=True)
    _put(buffer, 1, 2, 3, 5, 6, 7, 8, 9)
    assert _taken(buffer) == [_frame(1), _frame(2), _frame(3)]
