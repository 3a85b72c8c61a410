"""The certificates, judged by the openssl program."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certsuite.core.errors import BenchError
from certsuite.tls.assemble import pem
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import RECIPES, Names, Pki

NAMES = Names("obp.lab.example", ("edge1.lab.example", "edge2.lab.example"))
NOW = datetime(2026, 11, 21, 20, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyPool]:
    with KeyPool() as pool:
        yield pool


@pytest.fixture(scope="module")
def pki(keys: KeyPool) -> Pki:
    return Pki.mint(NOW, NAMES, keys)


def verify(
    pki: Pki, presentation: str, folder: Path, *, host: str, at: datetime = NOW, bundle: bytes = b"", level: int = 2
) -> str:
    """What ``openssl verify`` says of a presentation: empty if it holds."""
    shown = pki.presentation(presentation)
    trusted, chain = folder / "trusted.pem", folder / "chain.pem"
    trusted.write_bytes(bundle or pki.root_pem)
    chain.write_bytes(shown.chain_pem)
    done = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-no-CApath", "-purpose", "sslserver"),
            *("-verify_hostname", host, "-attime", str(int(at.timestamp())), "-auth_level", str(level)),
            *("-CAfile", str(trusted), "-untrusted", str(chain), str(chain)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("host", NAMES.all)
def test_good_holds_for_each_of_its_names(pki: Pki, tmp_path: Path, host: str) -> None:
    assert verify(pki, "good", tmp_path, host=host) == ""


@pytest.mark.parametrize(
    ("presentation", "problem"),
    [
        ("unknown-root", "unable to get local issuer certificate"),
        ("wrong-host", "hostname mismatch"),
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("self-signed", "self-signed certificate"),
        ("no-intermediate", "unable to get local issuer certificate"),
        ("san-wrong-cn-right", "hostname mismatch"),
        ("ip-address-only", "hostname mismatch"),
        ("san-target-only", "hostname mismatch"),
        ("wrong-eku", "unsuitable certificate purpose"),
        ("intermediate-not-ca", "invalid CA certificate"),
        ("path-length-exceeded", "path length constraint exceeded"),
        ("name-constraints-violated", "permitted subtree violation"),
        ("sha1-signature", "CA signature digest algorithm too weak"),
        ("md5-signature", "CA signature digest algorithm too weak"),
        ("rsa-1024-leaf", "EE certificate key too weak"),
    ],
)
def test_each_fault_is_the_one_that_it_says(pki: Pki, tmp_path: Path, presentation: str, problem: str) -> None:
    assert problem in verify(pki, presentation, tmp_path, host=NAMES.outbound_proxy)


def test_a_fault_is_the_only_one(pki: Pki, tmp_path: Path) -> None:
    host = NAMES.outbound_proxy
    assert verify(pki, "wrong-host", tmp_path, host="other.lab.example") == ""
    assert verify(pki, "san-wrong-cn-right", tmp_path, host="other.lab.example") == ""
    assert verify(pki, "san-target-only", tmp_path, host="edge1.lab.example") == ""
    assert verify(pki, "expired", tmp_path, host=host, at=NOW - timedelta(days=20)) == ""
    assert verify(pki, "not-yet-valid", tmp_path, host=host, at=NOW + timedelta(days=3)) == ""
    for weak in ("sha1-signature", "md5-signature", "rsa-1024-leaf"):
        assert pki.presentation(weak).weak
        assert verify(pki, weak, tmp_path, host=host, level=0) == ""
    for foreign, root in (
        ("unknown-root", pki.unknown.root),
        ("self-signed", pki.presentation("self-signed").chain[0]),
    ):
        assert verify(pki, foreign, tmp_path, host=host, bundle=root.public_bytes(Encoding.PEM)) == ""


@pytest.mark.parametrize(
    "presentation",
    [
        *("superfluous-certificates", "misordered-chain", "cn-only", "wildcard", "san-proxy-only", "leaf-is-ca"),
        *("rsa-3072", "rsa-4096", "ecdsa-p256", "large-chain", "revoked-stapled", "revoked-crl", "crl-unreachable"),
    ],
)
def test_what_is_no_fault_of_the_path_holds(pki: Pki, tmp_path: Path, presentation: str) -> None:
    assert verify(pki, presentation, tmp_path, host=NAMES.outbound_proxy) == ""


def test_validity_follows_the_given_time(pki: Pki, tmp_path: Path) -> None:
    host = NAMES.outbound_proxy
    assert verify(pki, "good", tmp_path, host=host, at=NOW - timedelta(hours=23)) == ""
    assert "not yet valid" in verify(pki, "good", tmp_path, host=host, at=NOW - timedelta(hours=25))
    assert verify(pki, "good", tmp_path, host=host, at=NOW + timedelta(days=29)) == ""
    assert "expired" in verify(pki, "good", tmp_path, host=host, at=NOW + timedelta(days=31))


def test_two_runs_have_different_roots_and_the_same_shape(pki: Pki, keys: KeyPool) -> None:
    other = Pki.mint(NOW, NAMES, keys)
    assert other.lab.root.subject != pki.lab.root.subject
    for one in RECIPES:
        shapes = [len(minted.presentation(one.name).chain) for minted in (pki, other)]
        assert shapes[0] == shapes[1]


def test_a_presentation_is_minted_once(pki: Pki) -> None:
    assert pki.presentation("wildcard") is pki.presentation("wildcard")


def test_what_is_prepared_is_there_also_when_the_pool_is_closed() -> None:
    with KeyPool(ahead=4, threads=1) as keys:
        made = Pki.mint(NOW, NAMES, keys)
        made.prepare()
        curve = made.presentation("ecdsa-p256")
    assert curve.ecdsa
    assert made.presentation("rsa-1024-leaf").weak
    assert made.presentation("wildcard").key is made.presentation("good").key


def test_the_trusted_bundle_has_the_systems_roots_and_ours(pki: Pki, tmp_path: Path) -> None:
    system = tmp_path / "system.pem"
    foreign = pki.unknown.root
    system.write_bytes(foreign.public_bytes(Encoding.PEM).rstrip(b"\n"))
    assert x509.load_pem_x509_certificates(pki.trusted_bundle(system)) == [foreign, pki.other.root, pki.lab.root]
    ours = pem(pki.other.root) + pki.root_pem
    assert pki.trusted_bundle(None) == pki.trusted_bundle(tmp_path / "absent") == ours


def test_the_other_root_is_trusted_by_those_that_have_the_whole_bundle(pki: Pki, tmp_path: Path) -> None:
    assert verify(pki, "other-trusted-root", tmp_path, host=NAMES.outbound_proxy, bundle=pki.trusted_bundle(None)) == ""
    assert "local issuer" in verify(pki, "other-trusted-root", tmp_path, host=NAMES.outbound_proxy)
    assert pki.presentation("other-trusted-root").key is pki.presentation("good").key


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True), min_size=2, max_size=5))
def test_any_outbound_proxy(keys: KeyPool, tmp_path: Path, labels: list[str]) -> None:
    name = ".".join(labels)
    made = Pki.mint(NOW, Names(name), keys)
    assert verify(made, "good", tmp_path, host=name) == ""
    assert "hostname mismatch" in verify(made, "wrong-host", tmp_path, host=name)


def test_a_neighbour_is_never_one_of_the_names(keys: KeyPool, tmp_path: Path) -> None:
    made = Pki.mint(NOW, Names("other.lab.example", ("other1.lab.example",)), keys)
    for host in ("other.lab.example", "other1.lab.example"):
        assert "hostname mismatch" in verify(made, "wrong-host", tmp_path, host=host)
    assert verify(made, "wrong-host", tmp_path, host="other2.lab.example") == ""


def test_an_unknown_presentation_is_named(pki: Pki) -> None:
    with pytest.raises(BenchError, match=r"expried.*good"):
        pki.presentation("expried")


def test_names_that_a_presentation_cannot_have(keys: KeyPool) -> None:
    made = Pki.mint(NOW, Names(".".join(["long-label"] * 8)), keys)
    with pytest.raises(BenchError, match="common name"):
        made.presentation("cn-only")
    with pytest.raises(BenchError, match="target"):
        made.presentation("san-target-only")


def test_a_time_without_zone_is_refused(keys: KeyPool) -> None:
    with pytest.raises(ValueError, match="time zone"):
        Pki.mint(datetime(2026, 11, 21), NAMES, keys)


def test_edges_of_other_names_present_the_same_root_to_a_clock_that_is_set_back(pki: Pki, tmp_path: Path) -> None:
    then = NOW - timedelta(days=7 * 365)
    past = pki.of(Names("other.example"), then)
    assert past.lab is pki.lab
    assert verify(past, "good", tmp_path, host="other.example", at=then) == ""
    assert "expired" in verify(past, "good", tmp_path, host="other.example")
    assert "hostname mismatch" in verify(past, "good", tmp_path, host=NAMES.outbound_proxy, at=then)
