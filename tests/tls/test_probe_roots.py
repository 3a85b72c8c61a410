"""The roots as data, and PEM files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certsuite.core.errors import UsageError
from certsuite.tls.probe_reissue import RawCertificate
from certsuite.tls.probe_roots import ProbedRoot, certificates_of_pem, checked, known_root, known_roots

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"


def test_the_roots_are_what_their_fingerprints_say() -> None:
    assert set(known_roots()) == {"identrust", "godaddy", "digicert"}
    root = known_root("identrust").certificate
    assert root.fingerprint == "5D56499BE4D2E08BCFCAD08A3E38723D50503BDE706948E42F55603019E528AE"
    assert root.issuer == root.subject
    assert root.public_key.key_size == 4096


def test_another_certificate_is_refused() -> None:
    with pytest.raises(UsageError, match="has the SHA-256 fingerprint 5D56499B"):
        checked(known_root("identrust").certificate, "00" * 32, "identrust.pem")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="no root is named 'x'; there are identrust, godaddy, digicert"):
        known_root("x")


def test_chains_keep_their_order() -> None:
    leaf, intermediate = certificates_of_pem((CHAINS / "www.python.org-to-2027-02.pem").read_bytes())
    assert leaf.issuer == intermediate.subject


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"", "no certificate in it"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate in it"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n", "certificate 1 cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "certificate 1 cannot be read"),
    ],
)
def test_what_is_no_certificate_is_refused(pem: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=f"file.pem: {reason}"):
        certificates_of_pem(pem, "file.pem")


# --- what a probe asks for

IDENTRUST_CHAIN = certificates_of_pem((CHAINS / "identrust.com-expired-2020.pem").read_bytes())


def test_the_host_is_the_name_that_the_chain_is_valid_for() -> None:
    asked = ProbedRoot.by(known_root("identrust"), IDENTRUST_CHAIN)
    leaf = x509.load_der_x509_certificate(IDENTRUST_CHAIN[0].der)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert asked.host in names.get_values_for_type(x509.DNSName)
    assert asked.host == leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert ProbedRoot.by(known_root("identrust")).host == ""


@pytest.mark.parametrize(
    ("names", "host"), [(["*.lab.example"], "www.lab.example"), (["*.a.example", "b.example"], "b.example"), ([], "")]
)
def test_a_wildcard_stands_for_a_host(names: list[str], host: str) -> None:
    asked = ProbedRoot("Some Root", known_root("identrust").certificate, (_leaf(names),))
    assert asked.host == host


def test_a_chain_that_names_no_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certsuite.tls.probe_roots.must_hang_from", lambda chain, root: None)
    with pytest.raises(UsageError, match=r"my\.pem: its first certificate names no host"):
        ProbedRoot.by(known_root("identrust"), (_leaf([]),), "my.pem")


def test_the_time_at_which_a_chain_is_valid() -> None:
    asked = ProbedRoot.by(known_root("identrust"), IDENTRUST_CHAIN)
    within, after = datetime(2019, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    assert asked.valid_at(within) == within
    middle = asked.valid_at(after)
    for one in IDENTRUST_CHAIN:
        certificate = x509.load_der_x509_certificate(one.der)
        assert certificate.not_valid_before_utc < middle < certificate.not_valid_after_utc
    assert asked.valid_at(middle) == middle
    assert ProbedRoot.by(known_root("identrust")).valid_at(after) == after


def _leaf(names: list[str]) -> RawCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1))
        .not_valid_after(datetime(2027, 1, 1))
    )
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(san, critical=False)
    return RawCertificate.from_der(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
