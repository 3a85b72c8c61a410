"""The receiving half, fed packet by packet on a clock of the test's own."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.events import DtmfEvent, MediaWindow
from certsuite.media.codecs import encoder
from certsuite.media.receiver import Seen, SequenceCounter, StreamReceiver, endpoint_text
from certsuite.media.rtp import RtpPacket
from certsuite.media.sender import StreamSender
from certsuite.media.setup import prepare
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement, PayloadFormat
from certsuite.sdp.session import Direction

SUITE = "AES_CM_128_HMAC_SHA1_80"
DEVICE = ("192.0.2.9", 6000)
SECURE = Agreement(
    codec=PayloadFormat("PCMU", 8000, 1, 0, 0),
    dtmf=PayloadFormat("telephone-event", 8000, 1, 101, 101),
    local_crypto=Crypto.mint(1, SUITE, os.urandom),
    remote_crypto=Crypto.mint(1, SUITE, os.urandom),
    remote=DEVICE,
    direction=Direction.SENDRECV,
)
PLAIN = replace(SECURE, local_crypto=None, remote_crypto=None)


def mirrored(agreement: Agreement) -> Agreement:
    return replace(agreement, local_crypto=agreement.remote_crypto, remote_crypto=agreement.local_crypto)


class Wire:
    """A device's sender and the receiver that it sends to, with 20 ms between packets."""

    def __init__(self, agreement: Agreement = SECURE, sends: Agreement | None = None) -> None:
        self.receiver = StreamReceiver()
        self.parts = prepare(agreement)
        self.now = 100.0
        self.receiver.configure(self.parts, "call", self.now)
        self.device = StreamSender(ssrc=77, sequence=32767, timestamp=5)
        self.device.configure(prepare(mirrored(sends or agreement)))
        self.seen: list[Seen] = []
        self.sent = 0
        self.sent_tone: float | None = None
        self.ticks = 0

    def tick(self, *, lose: bool = False, source: tuple[str, int] = DEVICE) -> bytes | None:
        data = self.device.next_packet()
        if data is not None and not lose:
            self.seen += self.receiver.receive(data, source, self.now, self.ticks)
        self.poll()
        return data

    def poll(self) -> None:
        self.ticks += 1
        self.now = 100.0 + self.ticks * 0.02
        self.seen += self.receiver.poll(self.now, sent_tone_hz=self.sent_tone, sent=self.sent)

    def windows(self) -> list[MediaWindow]:
        return [item.event for item in self.seen if isinstance(item.event, MediaWindow)]


def test_a_window_tells_what_was_heard() -> None:
    wire = Wire()
    wire.device.tone_hz = 440.0
    for number in range(10):
        wire.sent, wire.sent_tone = number + 1, 900.0
        wire.tick()
    first, second = wire.windows()
    assert (first.packets, first.lost, first.duration_s, first.call_id) == (5, 0, 0.1, "call")
    assert (first.source, first.ssrc, first.sent_tone_hz, first.sent_packets) == ("192.0.2.9:6000", 77, 900.0, 5)
    assert abs(second.tone_hz - 440) < 1
    assert second.tone_purity > 0.99
    assert [item.at for item in wire.seen] == pytest.approx([100.1, 100.2])
    assert [item.frame for item in wire.seen] == [4, 9]


def test_a_changed_tone_is_heard_in_the_next_whole_window() -> None:
    wire = Wire()
    for hz in (400.0, 1000.0):
        wire.device.tone_hz = hz
        for _ in range(5):
            wire.tick()
        assert abs(wire.windows()[-1].tone_hz - hz) < hz * 0.02


def test_nothing_is_told_before_an_agreement() -> None:
    receiver = StreamReceiver()
    assert receiver.receive(bytes(20), DEVICE, 1.0) == []
    assert receiver.poll(9.0, sent_tone_hz=None, sent=0) == []
    assert receiver.finish(9.0, sent_tone_hz=None, sent=0) == []


def test_quiet_windows_are_put_together() -> None:
    wire = Wire()
    for _ in range(60):
        wire.tick()
    assert [(item.duration_s, item.packets) for item in wire.windows()] == [(0.1, 5), (0.5, 25), (0.5, 25)]
    wire.device.muted = True
    for _ in range(15):
        wire.tick()
    assert [(item.duration_s, item.packets) for item in wire.windows()[3:]] == [(0.1, 5), (0.1, 0)]
    wire.device.muted, wire.device.tone_hz = False, 500.0
    for _ in range(5):
        wire.tick()
    assert [(item.duration_s, item.packets) for item in wire.windows()[5:]] == [(0.2, 0), (0.1, 5)]
    assert sum(item.duration_s for item in wire.windows()) == pytest.approx(1.6)


def test_what_is_lost_is_counted_once() -> None:
    wire = Wire()
    wire.device.tone_hz = 440.0
    for number in range(50):
        wire.tick(lose=number in (7, 8, 30))
    assert [item.lost for item in wire.windows()] == [0, 2, 0, 0, 0, 0, 1, 0, 0, 0]
    assert wire.receiver.lost == 3
    assert wire.receiver.received == 47


def test_another_key_is_an_authentication_failure() -> None:
    wire = Wire(sends=replace(SECURE, remote_crypto=Crypto.mint(1, SUITE, os.urandom)))
    for _ in range(5):
        wire.tick()
    (window,) = wire.windows()
    assert (window.packets, window.auth_failures, window.cleartext, window.source) == (0, 5, 0, "")
    assert wire.receiver.latched is None


def test_plain_rtp_where_srtp_was_agreed_is_cleartext() -> None:
    wire = Wire(sends=PLAIN)
    wire.device.queue_digits("1")
    for _ in range(10):
        wire.tick()
    assert [(item.cleartext, item.auth_failures, item.packets) for item in wire.windows()] == [(5, 0, 0)] * 2


def test_plain_rtp_is_decoded_where_it_was_agreed() -> None:
    wire = Wire(PLAIN)
    wire.device.tone_hz = 700.0
    for _ in range(5):
        wire.tick()
    assert abs(wire.windows()[0].tone_hz - 700) < 1


def test_replays_and_nonsense_are_no_media() -> None:
    wire = Wire()
    data = wire.tick()
    assert data is not None
    for extra in (data, b"", b"\x00\x01\x00\x00" + bytes(16)):
        assert wire.receiver.receive(extra, DEVICE, wire.now) == []
    receiver = wire.receiver
    assert (receiver.replayed, receiver.not_rtp) == (1, 2)
    assert (receiver.received, receiver.auth_failures, receiver.cleartext) == (1, 0, 0)
    plain = Wire(PLAIN).receiver
    plain.receive(b"nonsense", DEVICE, 100.0)
    assert plain.not_rtp == 1


def test_digits_are_told_when_they_are_complete() -> None:
    wire = Wire()
    wire.device.queue_digits("42")
    for number in range(24):
        # All end packets of the second digit are lost: time closes it.
        wire.tick(lose=number >= 16)
    for _ in range(28):
        wire.poll()
    digits = [item.event for item in wire.seen if isinstance(item.event, DtmfEvent)]
    assert [(item.digit, item.end_packets) for item in digits] == [("4", 3), ("2", 0)]
    assert digits[0].call_id == "call"


def test_an_open_digit_and_window_are_told_at_the_end() -> None:
    wire = Wire()
    wire.device.queue_digits("4")
    wire.tick()
    told = wire.receiver.finish(wire.now, sent_tone_hz=None, sent=0)
    assert [item.event.kind for item in told] == ["dtmf", "media-window"]


def test_the_first_authentic_source_is_latched_until_the_address_changes() -> None:
    wire = Wire()
    wire.receiver.receive(bytes([0x80, 0]) + bytes(30), ("198.51.100.6", 1), wire.now)
    wire.tick(source=("192.0.2.9", 6002))
    wire.tick(source=("192.0.2.9", 6004))
    assert wire.receiver.latched == ("192.0.2.9", 6002)
    held = prepare(replace(SECURE, direction=Direction.INACTIVE), wire.parts)
    wire.receiver.configure(held, "call", wire.now)
    assert wire.receiver.latched == ("192.0.2.9", 6002)
    moved = prepare(replace(SECURE, remote=("192.0.2.9", 7000)), held)
    wire.receiver.configure(moved, "call", wire.now)
    assert wire.receiver.latched is None


def test_packets_under_way_during_a_change_of_key_are_still_taken() -> None:
    wire = Wire()
    wire.tick()
    keyed = replace(SECURE, remote_crypto=Crypto.mint(1, SUITE, os.urandom))
    wire.receiver.configure(prepare(keyed, wire.parts), "call", wire.now)
    wire.tick()
    assert (wire.receiver.received, wire.receiver.auth_failures) == (2, 0)
    for _ in range(60):
        wire.tick()
    assert wire.receiver.auth_failures > 0
    late = wire.receiver.auth_failures
    wire.tick()
    assert wire.receiver.auth_failures == late + 1


def test_a_changed_codec_is_decoded() -> None:
    wire = Wire()
    wire.tick()
    opus = replace(SECURE, codec=PayloadFormat("opus", 48000, 2, 99, 99), dtmf=None)
    wire.receiver.configure(prepare(opus, wire.parts), "call", wire.now)
    wire.device.configure(prepare(mirrored(opus)))
    wire.device.tone_hz = 800.0
    for _ in range(9):
        wire.tick()
    assert wire.windows()[-1].packets == 5
    wire.receiver.configure(prepare(replace(opus, local_crypto=None, remote_crypto=None)), "call", wire.now)
    wire.receiver.receive(RtpPacket(99, 1, 1, 5, b"\xff\xff\xff").pack(), DEVICE, wire.now)
    assert wire.receiver.undecodable == 1


def test_a_flood_is_not_decoded_for_ever() -> None:
    wire = Wire(PLAIN)
    for number in range(2000):
        wire.receiver.receive(RtpPacket(0, number, 0, 1, bytes(160)).pack(), DEVICE, wire.now)
    for _ in range(5):
        wire.poll()
    assert wire.windows()[0].packets == 2000


@given(st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=1, max_size=300))
def test_gaps_are_counted_wherever_the_numbers_begin(first: int, kept: list[bool]) -> None:
    counter = SequenceCounter()
    numbers = [number for number, keep in enumerate(kept) if keep]
    for number in numbers:
        counter.add((first + number) & 0xFFFF)
    expected = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    assert counter.lost == expected


def test_disorder_and_new_beginnings_are_no_loss() -> None:
    counter = SequenceCounter()
    for number in (10, 12, 11, 13):
        counter.add(number)
    assert counter.lost == 0
    counter.add(20)
    assert counter.lost == 6
    counter.add(40000)
    assert counter.lost == 6
    counter.restart()
    assert counter.lost == 6
    counter.add(5)
    counter.add(7)
    assert counter.lost == 7


def test_addresses_are_written_with_their_port() -> None:
    assert endpoint_text(("192.0.2.1", 5)) == "192.0.2.1:5"
    assert endpoint_text(("::1", 5)) == "[::1]:5"


@given(st.sampled_from(["PCMU", "G722", "opus"]), st.lists(st.binary(max_size=1600), max_size=6))
def test_no_payload_breaks_the_receiver(name: str, payloads: list[bytes]) -> None:
    codec = PayloadFormat(name, 8000, 1, 0, 0)
    for agreement in (replace(PLAIN, codec=codec), replace(SECURE, codec=codec)):
        receiver = StreamReceiver()
        receiver.configure(prepare(agreement), "call", 0.0)
        for number, payload in enumerate(payloads):
            for data in (payload, b"\x80\x65" + payload, RtpPacket(0, number, 160 * number, 1, payload).pack()):
                receiver.receive(data, DEVICE, 0.01)
        assert receiver.finish(0.1, sent_tone_hz=None, sent=0)


def test_a_device_that_falls_silent_and_says_so_leaves_no_gap() -> None:
    for noise, gap in ((PayloadFormat("CN", 8000, 1, 13, 13), False), (None, True)):
        wire = Wire(replace(PLAIN, noise=noise))
        for number in range(40):
            if number == 5:
                data = RtpPacket(13, wire.device.sequence, 5, 77, b"\x46").pack()
                wire.receiver.receive(data, DEVICE, wire.now)
            if 5 <= number < 30:
                wire.device.skip(1)
                wire.poll()
            else:
                wire.tick()
        quality = wire.receiver.quality()
        assert quality is not None
        assert (quality.longest_gap_s > 0.4) is gap


def test_a_digit_in_the_audio_is_named_and_gaps_are_counted() -> None:
    wire = Wire(PLAIN)
    at = np.arange(1600) / 8000
    mixed = (6000 * np.sin(2 * np.pi * 770 * at) + 6000 * np.sin(2 * np.pi * 1336 * at)).astype(np.int16)
    mixed[800:1040] = 0
    for number in range(10):
        payload = encoder("PCMU").encode(mixed[number * 160 : (number + 1) * 160])
        wire.receiver.receive(RtpPacket(0, number, number * 160, 77, payload).pack(), DEVICE, wire.now)
        wire.poll()
    first, second = wire.windows()
    assert (first.digit, first.silent_ms, first.clipped) == ("5", 0.0, 0.0)
    assert second.silent_ms == 30.0
