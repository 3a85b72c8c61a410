"""The roots as data, and PEM files."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.core.errors import UsageError
from certsuite.tls.probe_roots import certificates_of_pem, checked, known_root, known_roots

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
