"""What stands beside the chains, judged by the openssl program and by the library."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from certsuite.tls.assemble import pem, with_digest
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.templates import Digest

NOW = datetime(2026, 11, 21, 20, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(NOW, Names("obp.lab.example"), keys)


@pytest.mark.parametrize(("digest", "algorithm"), [(Digest.MD5, hashes.MD5()), (Digest.SHA1, hashes.SHA1())])
def test_another_digest_changes_the_signature_alone(pki: Pki, digest: Digest, algorithm: hashes.HashAlgorithm) -> None:
    good = pki.presentation("good").chain[0]
    weak = with_digest(good, pki.lab.intermediate_key, digest)

    assert weak.signature_hash_algorithm is not None
    assert weak.signature_hash_algorithm.name == digest
    pki.lab.intermediate_key.public_key().verify(
        weak.signature, weak.tbs_certificate_bytes, padding.PKCS1v15(), algorithm
    )
    assert with_digest(weak, pki.lab.intermediate_key, Digest.SHA256) is weak
    assert weak.serial_number == good.serial_number
    assert list(weak.extensions) == list(good.extensions)
    assert len(weak.public_bytes(Encoding.DER)) == len(good.public_bytes(Encoding.DER))


def test_the_stapled_answer(pki: Pki) -> None:
    shown = pki.presentation("revoked-stapled")
    answer = ocsp.load_der_ocsp_response(shown.staple)

    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert answer.serial_number == shown.chain[0].serial_number
    assert answer.this_update_utc <= NOW
    assert answer.next_update_utc is not None
    assert answer.next_update_utc > NOW + timedelta(days=7)
    assert answer.signature_hash_algorithm is not None
    pki.lab.intermediate_key.public_key().verify(
        answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), answer.signature_hash_algorithm
    )
    assert pki.presentation("good").staple == b""


def test_the_revocation_list_revokes_its_leaf_and_no_other(pki: Pki, tmp_path: Path) -> None:
    revoked = pki.presentation("revoked-crl")
    points = revoked.chain[0].extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for name in points[0].full_name or ()] == ["http://crl.lab.example:8880/lab.crl"]
    (tmp_path / "root.pem").write_bytes(pki.root_pem)
    (tmp_path / "crl.der").write_bytes(revoked.revocation_list)
    (tmp_path / "intermediate.pem").write_bytes(pem(pki.lab.intermediate))
    for name, problem in (("revoked-crl", "certificate revoked"), ("good", "")):
        leaf = tmp_path / f"{name}.pem"
        leaf.write_bytes(pem(pki.presentation(name).chain[0]))
        done = subprocess.run(
            [
                *("openssl", "verify", "-x509_strict", "-no-CApath", "-attime", str(int(NOW.timestamp()))),
                *("-CAfile", str(tmp_path / "root.pem"), "-untrusted", str(tmp_path / "intermediate.pem")),
                *("-crl_check", "-CRLfile", str(tmp_path / "crl.der"), str(leaf)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is (problem == "")
        assert problem in done.stderr
    assert pki.presentation("good").revocation_list == b""
