"""The flight's own arithmetic against the published trace of RFC 8448 section 3."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from certsuite.tls.probe_flight import GROUPS, KeyShare, alert_record, expand_label, noise_signature, records


def test_the_key_schedule_of_the_trace() -> None:
    early = hmac.digest(bytes(32), bytes(32), "sha256")
    assert early.hex() == "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"
    derived = expand_label("sha256", early, "derived", hashlib.sha256().digest(), 32)
    assert derived.hex() == "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"
    shared = bytes.fromhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")
    handshake = hmac.digest(derived, shared, "sha256")
    assert handshake.hex() == "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"
    server = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert expand_label("sha256", server, "key", b"", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expand_label("sha256", server, "iv", b"", 12).hex() == "5d313eb2671276ee13000b30"


@pytest.mark.parametrize("group", GROUPS)
def test_both_sides_know_the_same(group: int) -> None:
    one, other = KeyShare(group), KeyShare(group)
    assert one.secret(other.public) == other.secret(one.public)
    assert one.noise("x", 40) != other.noise("x", 40)
    with pytest.raises(ValueError, match=r".+"):
        one.secret(b"\x04" * 7)


def test_noise_has_the_form_of_a_signature_and_is_none() -> None:
    share = KeyShare(23)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    noise = noise_signature(key.public_key(), share.noise)
    assert len(noise) == 256
    with pytest.raises(InvalidSignature):
        key.public_key().verify(noise, b"x", padding.PKCS1v15(), hashes.SHA256())
    curve = ec.generate_private_key(ec.SECP256R1())
    noise = noise_signature(curve.public_key(), share.noise)
    assert all(0 < part < 1 << 255 for part in decode_dss_signature(noise))
    with pytest.raises(InvalidSignature):
        curve.public_key().verify(noise, b"x", ec.ECDSA(hashes.SHA256()))


def test_long_content_is_cut_into_records() -> None:
    whole = records(22, bytes(40_000))
    assert [whole[at : at + 5].hex() for at in (0, 16_389, 32_778)] == ["1603034000", "1603034000", "1603031c40"]
    assert alert_record(40) == b"\x15\x03\x03\x00\x02\x02\x28"
