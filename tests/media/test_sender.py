"""The sending half: what is in its packets, one after the other."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from certsuite.media import codecs
from certsuite.media.rtp import RtpPacket
from certsuite.media.sender import StreamSender
from certsuite.media.setup import prepare
from certsuite.media.srtp import Unprotector
from certsuite.media.tones import detect_tone
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement, PayloadFormat
from certsuite.sdp.session import Direction

PLAIN = Agreement(
    codec=PayloadFormat("PCMU", 8000, 1, 0, 0),
    dtmf=PayloadFormat("telephone-event", 8000, 1, 101, 101),
    local_crypto=None,
    remote_crypto=None,
    remote=("192.0.2.1", 4000),
    direction=Direction.SENDRECV,
)


def sender_for(agreement: Agreement) -> StreamSender:
    sender = StreamSender(ssrc=7, sequence=0xFFFF, timestamp=0xFFFFFFFF)
    sender.configure(prepare(agreement))
    return sender


def packets(sender: StreamSender, count: int) -> list[RtpPacket]:
    made = [sender.next_packet() for _ in range(count)]
    return [RtpPacket.unpack(data) for data in made if data is not None]


def test_nothing_is_sent_before_an_agreement() -> None:
    sender = StreamSender(ssrc=7, sequence=1, timestamp=1)
    assert sender.next_packet() is None
    with pytest.raises(ValueError, match="telephone-event"):
        sender.queue_digits("1")


def test_numbers_go_up_and_roll_over() -> None:
    made = packets(sender_for(PLAIN), 4)
    assert [packet.sequence for packet in made] == [0x7FFF, 0x8000, 0x8001, 0x8002]
    assert [packet.timestamp for packet in made] == [0xFFFFFFFF, 159, 319, 479]
    assert [packet.marker for packet in made] == [True, False, False, False]
    assert {packet.ssrc for packet in made} == {7}


def test_a_tone_changes_with_the_next_packet() -> None:
    sender = sender_for(PLAIN)
    silence = packets(sender, 1)[0].payload
    assert silence == b"\xff" * 160
    decoder = codecs.decoder("PCMU")
    for hz in (440.0, 1200.0):
        sender.tone_hz = hz
        heard = np.concatenate([decoder.decode(packet.payload) for packet in packets(sender, 5)])
        assert abs(detect_tone(heard, 8000).hz - hz) < 1


def test_digits_take_the_place_of_audio() -> None:
    sender = sender_for(PLAIN)
    packets(sender, 1)
    sender.queue_digits("9")
    kinds = [packet.payload_type for packet in packets(sender, 12)]
    assert kinds == [101] * 7 + [0] * 5


def test_while_muted_or_held_time_goes_on_without_packets() -> None:
    sender = sender_for(PLAIN)
    (first,) = packets(sender, 1)
    sender.muted = True
    assert packets(sender, 3) == []
    sender.muted = False
    (second,) = packets(sender, 1)
    assert second.sequence == first.sequence + 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 4 * 160
    assert second.marker
    for agreement in (replace(PLAIN, direction=Direction.RECVONLY), replace(PLAIN, remote=None)):
        sender.configure(prepare(agreement))
        assert packets(sender, 1) == []
    assert sender.sent == 2


def test_a_new_agreement_goes_on_with_the_numbers_and_the_key() -> None:
    crypto = Crypto.mint(1, "AES_CM_128_HMAC_SHA1_80", os.urandom)
    secure = replace(PLAIN, local_crypto=crypto, remote_crypto=Crypto.mint(1, crypto.suite, os.urandom))
    parts = prepare(secure)
    sender, reader = StreamSender(ssrc=7, sequence=5, timestamp=0), Unprotector(crypto)
    sender.configure(parts)
    sender.queue_digits("1")
    first = sender.next_packet()
    sender.configure(prepare(replace(secure, codec=PayloadFormat("opus", 48000, 2, 99, 99)), parts))
    rest = [sender.next_packet() for _ in range(20)]
    read = [RtpPacket.unpack(reader.unprotect(data)) for data in (first, *rest) if data is not None]
    assert [packet.sequence for packet in read] == list(range(5, 26))
    assert {packet.payload_type for packet in read[:7]} == {101}
    assert read[-1].payload_type == 99
    assert read[-1].timestamp - read[-2].timestamp == 960
    sender.configure(prepare(replace(secure, dtmf=None), parts))
    with pytest.raises(ValueError, match="telephone-event"):
        sender.queue_digits("1")


# --- a stream that passes on what comes on another


def relayed(sender: StreamSender, source: Agreement, *packets_of_source: RtpPacket) -> list[RtpPacket]:
    made = [sender.pass_on(packet, prepare(source)) for packet in packets_of_source]
    return [RtpPacket.unpack(data) for data in made if data is not None]


def test_what_is_passed_on_keeps_its_timing_and_markers_under_numbers_of_its_own() -> None:
    sender = sender_for(PLAIN)
    sender.bridged = True
    assert sender.next_packets() == []
    came = [
        RtpPacket(0, 9, 1000, 5, b"\xff" * 160, True),
        RtpPacket(0, 10, 1160, 5, b"\xff" * 160),
        RtpPacket(101, 13, 1480, 5, b"\x05\x0a\x00\xa0", True),
        RtpPacket(72, 14, 1480, 5, b"?"),
    ]
    first, second, digit = relayed(sender, PLAIN, *came)
    assert [one.ssrc for one in (first, second, digit)] == [7, 7, 7]
    assert [one.sequence - first.sequence for one in (second, digit)] == [1, 2]
    assert [(one.timestamp - first.timestamp) & 0xFFFFFFFF for one in (second, digit)] == [160, 480]
    assert [one.marker for one in (first, second, digit)] == [True, False, True]
    assert (digit.payload_type, digit.payload) == (101, b"\x05\x0a\x00\xa0")
    assert sender.sent == 3


def test_another_law_of_g711_is_taken_over_into_the_own_one() -> None:
    alaw = replace(PLAIN, codec=PayloadFormat("PCMA", 8000, 1, 8, 8))
    samples = np.array([-8000, -100, 0, 100, 8000] * 32, np.int16)
    came = RtpPacket(8, 1, 0, 5, codecs.encoder("PCMA").encode(samples))
    (made,) = relayed(sender_for(PLAIN), alaw, came)
    assert made.payload_type == 0
    assert np.abs(codecs.decoder("PCMU").decode(made.payload).astype(int) - samples).max() < 400


def test_digits_that_were_not_agreed_on_here_are_not_passed_on() -> None:
    digit = RtpPacket(101, 1, 0, 5, b"\x05\x0a\x00\xa0")
    assert relayed(sender_for(replace(PLAIN, dtmf=None)), PLAIN, digit) == []
    assert relayed(sender_for(replace(PLAIN, direction=Direction.RECVONLY)), PLAIN, digit) == []


def test_timestamps_go_on_when_the_source_changes() -> None:
    first, second = relayed(
        sender_for(PLAIN), PLAIN, RtpPacket(0, 1, 5000, 5, b"\xff" * 160), RtpPacket(0, 1, 99, 6, b"\xff" * 160)
    )
    assert second.timestamp == first.timestamp


def test_comfort_noise_stands_for_audio_and_time_goes_on() -> None:
    sender = sender_for(replace(PLAIN, noise=PayloadFormat("CN", 8000, 1, 13, 13)))
    packets(sender, 1)
    sender.fall_silent(20)
    made = [sender.next_packet() for _ in range(21)]
    assert [number for number, data in enumerate(made) if data is not None] == [0, 10, 20]
    read = [RtpPacket.unpack(data) for data in made if data is not None]
    assert [(one.payload_type, len(one.payload), one.marker) for one in read] == [
        (13, 1, False),
        (13, 1, False),
        (0, 160, True),
    ]
    assert [one.timestamp - read[0].timestamp for one in read] == [0, 1600, 3200]
    assert [one.sequence - read[0].sequence for one in read] == [0, 1, 2]


def test_what_a_report_says_of_the_present_source() -> None:
    sender = sender_for(PLAIN)
    packets(sender, 3)
    assert (sender.source_packets, sender.source_octets) == (3, 480)
    sender.change_source(8, 1)
    assert (sender.source_packets, sender.source_octets, sender.sent) == (0, 0, 3)
