"""SRTP against published vectors, and against an independent reading of RFC 3711."""

from __future__ import annotations

import hashlib
import hmac
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from certsuite.media.rtcp import SenderInfo, pack
from certsuite.media.rtp import RtpPacket
from certsuite.media.srtp import (
    SUITES,
    AuthenticationFailure,
    Protector,
    ReplayedPacket,
    SrtpError,
    Unprotector,
    UnsupportedSuite,
)
from certsuite.sdp.crypto import Crypto

SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
MASTER = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")
"Master key and salt of RFC 3711 appendix B.3; the session keys below are derived from them there."
SESSION_KEY = bytes.fromhex("c61e7a93744f39ee10734afe3ff7a087")
SESSION_SALT = bytes.fromhex("30cbbc08863d8c85d49db34a9ae1")
AUTH_KEY = bytes.fromhex("cebe321f6ff7716b6fd4ab49af256a156d38baa4")


def packet(sequence: int = 1, payload: bytes = b"\xab" * 16) -> bytes:
    return RtpPacket(15, sequence, 0xDECAFBAD, 0xCAFEBABE, payload).pack()


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mki", [b"", b"\1", b"\0\0\0\7"])
def test_what_is_protected_can_be_read_again(suite: str, mki: bytes) -> None:
    made = Crypto.mint(1, suite, os.urandom)
    crypto = Crypto(1, suite, made.key, mki=mki)
    protector, unprotector = Protector(crypto), Unprotector(crypto)
    for sequence in range(20):
        protected = protector.protect(packet(sequence))
        assert protected[12:28] != b"\xab" * 16
        assert unprotector.unprotect(protected) == packet(sequence)


def test_vector_of_aes_cm_and_hmac_sha1_80() -> None:
    """The reference packet that libsrtp carries for the master key of RFC 3711 appendix B.3."""
    protected = Protector(Crypto(1, SHA1_80, MASTER)).protect(packet(0x1234))
    assert protected.hex() == ("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")


def test_against_the_session_keys_of_rfc_3711() -> None:
    plain = packet(7, os.urandom(160))
    protected = Protector(Crypto(1, SHA1_80, MASTER)).protect(plain)
    body, tag = protected[:-10], protected[-10:]
    assert hmac.new(AUTH_KEY, body + bytes(4), hashlib.sha1).digest()[:10] == tag
    counter = int.from_bytes(SESSION_SALT) << 16 ^ 0xCAFEBABE << 64 ^ 7 << 16
    stream = Cipher(algorithms.AES(SESSION_KEY), modes.CTR(counter.to_bytes(16))).decryptor()
    assert stream.update(body[12:]) == plain[12:]


def test_the_rollover_counter_goes_on() -> None:
    crypto = Crypto(1, SHA1_80, MASTER)
    protector, unprotector = Protector(crypto), Unprotector(crypto)
    for sequence in range(65530, 65546):
        assert unprotector.unprotect(protector.protect(packet(sequence & 0xFFFF))) == packet(sequence & 0xFFFF)


def test_forgery_replay_and_nonsense_are_told_apart() -> None:
    crypto = Crypto(1, SHA1_80, MASTER)
    protector, unprotector = Protector(crypto), Unprotector(crypto)
    first = protector.protect(packet(1))
    with pytest.raises(AuthenticationFailure):
        unprotector.unprotect(first[:-1] + bytes([first[-1] ^ 1]))
    with pytest.raises(AuthenticationFailure):
        Unprotector(Crypto.mint(1, SHA1_80, os.urandom)).unprotect(first)
    unprotector.unprotect(first)
    with pytest.raises(ReplayedPacket):
        unprotector.unprotect(first)
    for sequence in range(2, 300):
        unprotector.unprotect(protector.protect(packet(sequence)))
    with pytest.raises(ReplayedPacket):
        unprotector.unprotect(first)
    for nonsense in (b"", b"\x80", bytes(60), bytes(3000)):
        with pytest.raises(SrtpError):
            unprotector.unprotect(nonsense)


def test_a_missing_mki_does_not_authenticate() -> None:
    plain = Crypto(1, SHA1_80, MASTER)
    with pytest.raises(AuthenticationFailure, match="MKI"):
        Unprotector(Crypto(1, SHA1_80, MASTER, mki=b"\1")).unprotect(Protector(plain).protect(packet()))
    with pytest.raises(AuthenticationFailure, match="MKI"):
        Unprotector(Crypto(1, SHA1_80, MASTER, mki=b"\1")).unprotect(b"")


def test_an_index_is_protected_once() -> None:
    protector = Protector(Crypto(1, SHA1_80, MASTER))
    protector.protect(packet(5))
    with pytest.raises(SrtpError):
        protector.protect(packet(5))


def test_suites_and_keys_that_the_library_lacks() -> None:
    with pytest.raises(UnsupportedSuite, match="AES_256_CM"):
        Protector(Crypto.mint(1, "AES_256_CM_HMAC_SHA1_80", os.urandom))
    with pytest.raises(SrtpError, match="key"):
        Unprotector(Crypto(1, SHA1_80, b"short"))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mki", [b"", b"\1"])
def test_reports_under_every_suite(suite: str, mki: bytes) -> None:
    crypto = Crypto(1, suite, Crypto.mint(1, suite, os.urandom).key, mki=mki)
    plain = pack(7, "party", sender=SenderInfo(1, 2, 3, 4))
    protector, unprotector = Protector(crypto), Unprotector(crypto)
    protected = protector.protect_rtcp(plain)
    assert unprotector.unprotect_rtcp(protected) == plain
    with pytest.raises(ReplayedPacket):
        unprotector.unprotect_rtcp(protected)
    protected = protector.protect_rtcp(plain)
    with pytest.raises(AuthenticationFailure):
        unprotector.unprotect_rtcp(protected[:12] + bytes([protected[12] ^ 1]) + protected[13:])
