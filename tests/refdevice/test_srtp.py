"""SRTP, by the test vectors of RFC 3711 appendix B and against libsrtp."""

from __future__ import annotations

import struct

import pylibsrtp
import pytest

from certsuite.refdevice.srtp import (
    SUITES,
    Srtcp,
    SrtpError,
    SrtpReceiver,
    SrtpSender,
    derive,
    header_length,
    keystream,
)

_KEY = bytes(range(30))


def test_the_keystream_of_appendix_b2() -> None:
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    first = int("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", 16)
    stream = keystream(key, first, 16 * 0xFF02)
    assert stream[:48].hex().upper() == (
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert stream[16 * 0xFEFF :].hex().upper() == (
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44"
    )


def test_the_session_keys_of_appendix_b3() -> None:
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive(key, salt, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(key, salt, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derive(key, salt, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def _rtp(sequence: int, payload: bytes = b"x" * 160, ssrc: int = 7) -> bytes:
    return struct.pack("!BBHII", 0x80, 8, sequence & 0xFFFF, sequence * 160, ssrc) + payload


def _libsrtp(direction: int) -> pylibsrtp.Session:
    profile = pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    return pylibsrtp.Session(pylibsrtp.Policy(key=_KEY, ssrc_type=direction, srtp_profile=profile))


def test_libsrtp_reads_what_is_sent_beyond_the_roll_over() -> None:
    sender, theirs = SrtpSender(_KEY), _libsrtp(pylibsrtp.Policy.SSRC_ANY_INBOUND)
    for sequence in range(65_530, 65_550):
        packet = _rtp(sequence, bytes([sequence & 0xFF]) * 160)
        assert theirs.unprotect(sender.protect(packet)) == packet


def test_what_libsrtp_sends_is_read_beyond_the_roll_over_and_out_of_order() -> None:
    theirs, receiver = _libsrtp(pylibsrtp.Policy.SSRC_ANY_OUTBOUND), SrtpReceiver(_KEY)
    packets = {sequence: _rtp(sequence) for sequence in range(65_530, 65_550)}
    protected = {sequence: theirs.protect(packet) for sequence, packet in packets.items()}
    order = sorted(packets)
    order[5], order[6] = order[6], order[5]
    for sequence in order:
        assert receiver.unprotect(protected[sequence]) == packets[sequence]


def test_each_source_has_its_own_counter() -> None:
    receiver = SrtpReceiver(_KEY)
    for ssrc in (1, 2):
        sender = SrtpSender(_KEY)
        assert receiver.unprotect(sender.protect(_rtp(65_535, ssrc=ssrc))) == _rtp(65_535, ssrc=ssrc)


def test_a_replay_is_refused_and_so_is_what_is_too_old() -> None:
    sender, receiver = SrtpSender(_KEY), SrtpReceiver(_KEY)
    protected = [sender.protect(_rtp(sequence)) for sequence in range(100)]
    receiver.unprotect(protected[1])
    receiver.unprotect(protected[0])
    with pytest.raises(SrtpError, match="replay"):
        receiver.unprotect(protected[1])
    receiver.unprotect(protected[99])
    with pytest.raises(SrtpError, match="replay"):
        receiver.unprotect(protected[2])


@pytest.mark.parametrize("at", [0, 1, 5, 20, -1])
def test_a_changed_packet_is_not_authentic(at: int) -> None:
    packet = bytearray(SrtpSender(_KEY).protect(_rtp(1)))
    packet[at] ^= 1
    with pytest.raises(SrtpError):
        SrtpReceiver(_KEY).unprotect(bytes(packet))


def test_a_header_with_sources_and_extension_is_not_encrypted() -> None:
    packet = struct.pack("!BBHII", 0x92, 8, 1, 2, 3) + bytes(8) + struct.pack("!HHI", 0xBEDE, 1, 9) + b"payload"
    assert header_length(packet) == 28
    protected = SrtpSender(_KEY).protect(packet)
    assert protected[:28] == packet[:28]
    assert SrtpReceiver(_KEY).unprotect(protected) == packet


@pytest.mark.parametrize("packet", [b"", b"\x80" * 11, b"\x00" * 40, b"\x8f" + bytes(20), b"\x90" + bytes(12)])
def test_what_is_no_rtp(packet: bytes) -> None:
    with pytest.raises(SrtpError):
        header_length(packet)


PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_is_that_of_libsrtp_both_ways(suite: str) -> None:
    key = bytes(range(SUITES[suite].key + SUITES[suite].salt))
    policies = [
        pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=PROFILES[suite])
        for direction in (pylibsrtp.Policy.SSRC_ANY_INBOUND, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    ]
    reads, writes = map(pylibsrtp.Session, policies)
    sender, receiver = SrtpSender(key, suite), SrtpReceiver(key, suite)
    for sequence in (65_534, 65_535, 0, 1):
        packet = _rtp(sequence)
        assert reads.unprotect(sender.protect(packet)) == packet
        assert receiver.unprotect(writes.protect(packet)) == packet
    changed = bytearray(sender.protect(_rtp(2)))
    changed[20] ^= 1
    with pytest.raises(SrtpError):
        receiver.unprotect(bytes(changed))


def test_faulty_ones_do_not_count_or_take_what_they_had() -> None:
    sender = SrtpSender(_KEY)
    packets = [sender.protect(_rtp(sequence)) for sequence in (65_535, 0)]
    forgetful, careless = SrtpReceiver(_KEY, counts_roll_overs=False), SrtpReceiver(_KEY, takes_replays=True)
    forgetful.unprotect(packets[0])
    with pytest.raises(SrtpError):
        forgetful.unprotect(packets[1])
    for packet in (*packets, packets[0]):
        careless.unprotect(packet)


_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@pytest.mark.parametrize("suite", SUITES)
def test_reports_are_read_by_libsrtp_and_libsrtp_s_by_us(suite: str) -> None:
    key = bytes(range(SUITES[suite].key + SUITES[suite].salt))
    policies = [
        pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=_PROFILES[suite])
        for direction in (pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    ]
    sends, reads = map(pylibsrtp.Session, policies)
    ours, plain = Srtcp(key, suite), b"\x80\xc9\x00\x01\x00\x00\x00\x07" + b"\x81\xca\x00\x02" + bytes(8)
    for _ in range(3):
        assert reads.unprotect_rtcp(ours.protect(plain)) == plain
        protected = sends.protect_rtcp(plain)
        assert ours.unprotect(protected) == plain
    with pytest.raises(SrtpError, match="not authentic"):
        ours.unprotect(protected[:9] + bytes([protected[9] ^ 1]) + protected[10:])
    with pytest.raises(SrtpError, match="too short"):
        ours.unprotect(protected[:12])
