"""SDES crypto lines as devices write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.sdp.crypto import KEY_LENGTHS, Crypto, CryptoError

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
"The key of the example in RFC 4568 section 6.1."


def test_example_of_rfc_4568() -> None:
    crypto = Crypto.parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 FEC_ORDER=FEC_SRTP")
    assert (crypto.tag, crypto.suite) == (1, "AES_CM_128_HMAC_SHA1_80")
    assert crypto.key == b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#"
    assert crypto.lifetime == 1 << 20
    assert crypto.mki == b"\0\0\0\1"
    assert crypto.session_params == ("FEC_ORDER=FEC_SRTP",)
    assert crypto.format() == f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 FEC_ORDER=FEC_SRTP"


def test_of_several_keys_the_first_counts() -> None:
    crypto = Crypto.parse(f"2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1000|1:1;inline:{'A' * 40}|2:1")
    assert crypto.key.startswith(b"wDfv")
    assert (crypto.lifetime, crypto.mki) == (1000, b"\1")
    assert "|1000|" in crypto.format()


def test_missing_padding_is_forgiven() -> None:
    crypto = Crypto.mint(1, "AEAD_AES_256_GCM", lambda count: bytes(range(count)))
    text = crypto.format()
    assert text.endswith("=")
    assert Crypto.parse(text.rstrip("=")) == crypto


def test_the_key_is_not_printed() -> None:
    crypto = Crypto.parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")
    assert "wDfv" not in repr(crypto)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("1 AES_CM_128_HMAC_SHA1_80", "needs a tag"),
        (f"x AES_CM_128_HMAC_SHA1_80 inline:{KEY}", "tag"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:!!!!", "base64"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA", "3 bytes, AES_CM_128_HMAC_SHA1_80 needs 30"),
        (f"1 AEAD_AES_256_GCM inline:{KEY}", "30 bytes, AEAD_AES_256_GCM needs 44"),
        (f"1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}", "not inline"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|soon", "neither a lifetime nor an MKI"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|256:1", "does not fit"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(value: str, problem: str) -> None:
    with pytest.raises(CryptoError, match=problem):
        Crypto.parse(value)


def test_a_suite_without_known_key_length_is_not_minted() -> None:
    with pytest.raises(CryptoError, match="NULL"):
        Crypto.mint(1, "NULL", bytes)


def test_the_same_key_under_another_tag() -> None:
    crypto = Crypto.parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")
    assert crypto.same_key(Crypto.parse(f"7 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^48"))
    assert not crypto.same_key(Crypto.parse(f"1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"))


@given(st.sampled_from(sorted(KEY_LENGTHS)), st.integers(0, 999_999_999), st.binary(min_size=46, max_size=46))
def test_every_key_survives_its_line(suite: str, tag: int, random: bytes) -> None:
    crypto = Crypto.mint(tag, suite, lambda count: random[:count])
    assert Crypto.parse(crypto.format()) == crypto


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        crypto = Crypto.parse(text)
    except CryptoError:
        return
    assert crypto.key
