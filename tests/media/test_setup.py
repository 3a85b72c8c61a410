"""What a stream keeps over a new agreement."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from certsuite.media.codecs import CodecError
from certsuite.media.setup import prepare
from certsuite.media.srtp import UnsupportedSuite
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement, PayloadFormat
from certsuite.sdp.session import Direction

SUITE = "AES_CM_128_HMAC_SHA1_80"
AGREEMENT = Agreement(
    codec=PayloadFormat("PCMU", 8000, 1, 0, 0),
    dtmf=None,
    local_crypto=Crypto.mint(1, SUITE, os.urandom),
    remote_crypto=Crypto.mint(1, SUITE, os.urandom),
    remote=("192.0.2.1", 4000),
    direction=Direction.SENDRECV,
)


def test_keys_and_codecs_that_stay_keep_their_state() -> None:
    first = prepare(AGREEMENT)
    held = prepare(replace(AGREEMENT, direction=Direction.RECVONLY), first)
    assert (held.protector, held.unprotector) == (first.protector, first.unprotector)
    assert (held.encoder, held.decoder) == (first.encoder, first.decoder)
    assert held.agreement.direction is Direction.RECVONLY


def test_a_new_key_of_one_side_changes_that_side() -> None:
    first = prepare(AGREEMENT)
    keyed = prepare(replace(AGREEMENT, remote_crypto=Crypto.mint(1, SUITE, os.urandom)), first)
    assert keyed.protector is first.protector
    assert keyed.unprotector is not first.unprotector


def test_a_new_codec_changes_the_codec() -> None:
    first = prepare(AGREEMENT)
    other = prepare(replace(AGREEMENT, codec=PayloadFormat("G722", 8000, 1, 9, 9)), first)
    assert other.encoder is not first.encoder
    assert (other.encoder.rate, other.decoder.rate) == (16000, 16000)
    assert other.protector is first.protector


def test_plain_rtp_has_no_contexts() -> None:
    plain = prepare(replace(AGREEMENT, local_crypto=None, remote_crypto=None), prepare(AGREEMENT))
    assert (plain.protector, plain.unprotector) == (None, None)
    assert prepare(AGREEMENT, plain).protector is not None


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(CodecError):
        prepare(replace(AGREEMENT, codec=PayloadFormat("GSM", 8000, 1, 3, 3)))
    with pytest.raises(UnsupportedSuite):
        prepare(replace(AGREEMENT, local_crypto=Crypto.mint(1, "AES_256_CM_HMAC_SHA1_80", os.urandom)))
