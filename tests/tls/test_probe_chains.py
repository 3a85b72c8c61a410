"""The chains of a probe, verified by another library."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.probe_chains import MODES, Mode, ProbeChains, ProbeKeys, Role, Technique, TrustedRoot, schedule
from certsuite.tls.probe_reissue import RawCertificate
from certsuite.tls.probe_roots import certificates_of_pem, known_root

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
GENUINE = certificates_of_pem((CHAINS / "www.python.org-to-2027-02.pem").read_bytes())
(ROOT,) = certificates_of_pem((CHAINS / "globalsign-root-r3.pem").read_bytes())
HOST = "www.python.org"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def trusted() -> Iterator[TrustedRoot]:
    with KeyPool(ahead=3) as pool:
        pki = Pki.mint(NOW, Names(HOST), pool)
        yield TrustedRoot.of(pki.lab.root, pool.key("lab root"))


@pytest.fixture(scope="module")
def chains(trusted: TrustedRoot) -> ProbeChains:
    return ProbeChains.make(ROOT, trusted, ProbeKeys(), host=HOST, now=NOW, genuine=GENUINE)


def certificates(chains: ProbeChains, technique: Technique, role: Role) -> list[x509.Certificate]:
    served = chains.chain(Mode(technique, "TLSv1.2"), role).certificates
    return [x509.load_der_x509_certificate(one) for one in served]


def signed_by(certificate: x509.Certificate, key: object) -> bool:
    algorithm = certificate.signature_hash_algorithm
    assert isinstance(key, rsa.RSAPublicKey)
    assert algorithm is not None
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def test_the_controls_have_the_shape_of_the_genuine_chain(chains: ProbeChains) -> None:
    probed = certificates(chains, Technique.PAUSE, Role.PROBED)
    for role in (Role.UNKNOWN, Role.TRUSTED):
        control = certificates(chains, Technique.PAUSE, role)
        assert len(control) == len(probed)
        for ours, theirs in zip(control, probed, strict=True):
            assert ours.not_valid_before_utc == theirs.not_valid_before_utc
            assert ours.not_valid_after_utc == theirs.not_valid_after_utc
            assert [one.oid for one in ours.extensions] == [one.oid for one in theirs.extensions]
            assert ours.serial_number != theirs.serial_number
            assert ours.public_key() != theirs.public_key()
        assert control[0].subject == probed[0].subject
        assert control[1].subject != probed[1].subject
        assert control[0].issuer == control[1].subject
        assert signed_by(control[0], control[1].public_key())
    unknown = chains.chain(Mode(Technique.PAUSE, "TLSv1.2"), Role.UNKNOWN).certificates
    assert [len(one) for one in unknown] == [len(one.der) for one in GENUINE]


def test_only_the_trusted_control_hangs_from_the_lab_root(chains: ProbeChains, trusted: TrustedRoot) -> None:
    key = trusted.certificate.public_key
    tops = {role: certificates(chains, Technique.PAUSE, role)[-1] for role in Role}
    assert {role for role, top in tops.items() if signed_by(top, key)} == {Role.TRUSTED}
    assert tops[Role.TRUSTED].issuer.public_bytes() == trusted.certificate.subject
    assert tops[Role.PROBED].issuer.public_bytes() == ROOT.subject


def test_a_spoofed_leaf_says_whose_it_is_and_lies(chains: ProbeChains, trusted: TrustedRoot) -> None:
    for role, root in ((Role.PROBED, ROOT), (Role.TRUSTED, trusted.certificate)):
        (leaf,) = certificates(chains, Technique.SPOOF, role)
        assert leaf.issuer.public_bytes() == root.subject
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [HOST]
        issuers = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert issuers.key_identifier == root.subject_key_identifier
        assert not signed_by(leaf, root.public_key)
        assert len(leaf.signature) * 8 == root.public_key.key_size
        assert leaf.not_valid_before_utc < NOW < leaf.not_valid_after_utc


def test_without_a_genuine_chain_only_spoofing_is_left(trusted: TrustedRoot) -> None:
    keys = ProbeKeys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chains = ProbeChains.make(known_root("godaddy").certificate, trusted, keys, host="h.example", now=NOW)
    assert chains.modes == MODES[:2]
    with pytest.raises(KeyError):
        chains.chain(MODES[2], Role.PROBED)


def test_every_mode_with_a_genuine_chain(chains: ProbeChains) -> None:
    assert chains.modes == MODES


def test_a_host_that_is_an_address_stands_in_the_leaf_as_one(trusted: TrustedRoot) -> None:
    chains = ProbeChains.make(ROOT, trusted, ProbeKeys(), host="192.0.2.2", now=NOW)
    for role in Role:
        (leaf,) = certificates(chains, Technique.SPOOF, role)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.IPAddress(IPv4Address("192.0.2.2"))]


def test_a_host_that_is_too_long_for_a_common_name(trusted: TrustedRoot) -> None:
    host = ".".join(["label" * 5] * 4) + ".example"
    chains = ProbeChains.make(ROOT, trusted, ProbeKeys(), host=host, now=NOW)
    (leaf,) = certificates(chains, Technique.SPOOF, Role.PROBED)
    assert leaf.subject == x509.Name([])


@pytest.mark.parametrize(
    ("genuine", "reason"),
    [
        (GENUINE[:1], "certificate 1 of the chain is not issued by the root"),
        (GENUINE[::-1], "certificate 1 of the chain is not issued by certificate 2"),
    ],
)
def test_a_chain_of_another_root_is_refused(
    trusted: TrustedRoot, genuine: tuple[RawCertificate, ...], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        ProbeChains.make(ROOT, trusted, ProbeKeys(), host=HOST, now=NOW, genuine=genuine)


def test_a_forged_chain_is_refused(trusted: TrustedRoot, chains: ProbeChains) -> None:
    """The spoofed leaf names the root as its issuer; its signature is another's."""
    leaf = RawCertificate(chains.spoofed[Role.PROBED].certificates[0])
    with pytest.raises(ValueError, match="certificate 1 of the chain is not signed by the root"):
        ProbeChains.make(ROOT, trusted, ProbeKeys(), host=HOST, now=NOW, genuine=[leaf])


def test_a_time_without_a_zone_is_refused(trusted: TrustedRoot) -> None:
    with pytest.raises(ValueError, match="time zone"):
        ProbeChains.make(ROOT, trusted, ProbeKeys(), host=HOST, now=NOW.replace(tzinfo=None))


def test_rounds_go_there_and_back() -> None:
    steps = schedule(MODES[:2], rounds=2)
    there, back = steps[:6], steps[6:]
    assert [(one.mode, one.role) for one in back] == [(one.mode, one.role) for one in reversed(there)]
    assert {(one.mode, one.role, one.round) for one in steps} == {
        (mode, role, number) for mode in MODES[:2] for role in Role for number in (0, 1)
    }
