"""Certificates issued anew, read back by another library."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from certsuite.tls.probe_reissue import RawCertificate, like, reissue, renamed
from certsuite.tls.probe_roots import certificates_of_pem, known_root

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
LEAF, INTERMEDIATE = certificates_of_pem((CHAINS / "www.python.org-to-2027-02.pem").read_bytes())


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    made = like(LEAF.public_key)
    assert isinstance(made, rsa.RSAPrivateKey)
    assert made.key_size == 2048
    return made


def parsed(certificate: RawCertificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.der)


def test_nothing_changed_is_the_same_but_for_the_signature(key: rsa.RSAPrivateKey) -> None:
    old, new = parsed(LEAF), parsed(reissue(LEAF, signer=key))
    assert new.tbs_certificate_bytes == old.tbs_certificate_bytes
    algorithm = new.signature_hash_algorithm
    assert algorithm is not None
    key.public_key().verify(new.signature, new.tbs_certificate_bytes, padding.PKCS1v15(), algorithm)


def test_what_is_changed_is_changed_and_nothing_else(key: rsa.RSAPrivateKey) -> None:
    name = renamed(LEAF.issuer, b"tag")
    issued = reissue(
        LEAF,
        signer=key,
        issuer=name,
        issuer_key_identifier=b"\x07" * 20,
        public_key=key.public_key(),
        serial_from=b"serial",
    )
    old, new = parsed(LEAF), parsed(issued)
    assert len(issued.der) == len(LEAF.der)
    assert new.issuer.public_bytes() == name != LEAF.issuer
    assert new.subject == old.subject
    assert new.serial_number != old.serial_number
    assert new.serial_number > 0
    assert (new.not_valid_before_utc, new.not_valid_after_utc) == (old.not_valid_before_utc, old.not_valid_after_utc)
    assert [one.oid for one in new.extensions] == [one.oid for one in old.extensions]
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    assert new.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value == own
    assert issued.subject_key_identifier == own.digest
    issuers = new.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert issuers.key_identifier == b"\x07" * 20
    changed = {x509.SubjectKeyIdentifier.oid, x509.AuthorityKeyIdentifier.oid}
    for before, after in zip(old.extensions, new.extensions, strict=True):
        assert before.oid in changed or before == after


def test_a_root_with_the_serial_number_zero(key: rsa.RSAPrivateKey) -> None:
    root = known_root("godaddy").certificate
    assert reissue(root, signer=key).der[:32] == root.der[:32]
    assert len(reissue(root, signer=key, serial_from=b"x").der) == len(root.der)


def test_an_elliptic_key_signs_what_rsa_had_signed() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    issued = parsed(reissue(LEAF, signer=key))
    algorithm = issued.signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha256"
    key.public_key().verify(issued.signature, issued.tbs_certificate_bytes, ec.ECDSA(algorithm))
    made = like(key.public_key())
    assert isinstance(made, ec.EllipticCurvePrivateKey)
    assert made.curve.name == "secp384r1"


@pytest.mark.parametrize("certificate", [INTERMEDIATE, known_root("identrust").certificate], ids=["R3", "IdenTrust"])
def test_a_renamed_authority_keeps_the_shape_of_its_name(certificate: RawCertificate) -> None:
    new = renamed(certificate.subject, b"tag")
    assert len(new) == len(certificate.subject)
    assert new != renamed(certificate.subject, b"other")
    kept = [one for one in parsed(certificate).subject if one.oid != x509.NameOID.COMMON_NAME]
    assert kept
    assert all(str(one.value).encode() in new for one in kept)


def test_a_name_without_a_common_name_changes_in_its_last_part() -> None:
    parts = [
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Lab"),
    ]
    new = renamed(x509.Name(parts).public_bytes(), b"tag")
    assert b"DE" in new
    assert b"Lab" not in new
    assert renamed(x509.Name([]).public_bytes(), b"tag") == b"\x30\x00"


def test_other_kinds_of_keys_are_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = parsed(LEAF)
    built = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
        .sign(key, None)
    )
    with pytest.raises(ValueError, match="neither RSA nor ECDSA"):
        RawCertificate.from_der(built.public_bytes(serialization.Encoding.DER))


@settings(max_examples=300)
@given(st.integers(0, len(LEAF.der) - 1), st.integers(0, 255), st.integers(0, 60))
def test_broken_bytes_are_refused_in_order(at: int, byte: int, cut: int) -> None:
    der = bytearray(LEAF.der)
    der[at] = byte
    try:
        RawCertificate.from_der(bytes(der[: len(der) - cut]))
    except ValueError:
        return
