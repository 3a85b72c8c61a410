"""The heart of the certificate faults: which of all presentations each device accepts, in either version of TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certsuite.refdevice.faults import FAULTS, behaviour_with
from certsuite.refdevice.leniency import CHAIN_FAULTS, DISLIKES, NAME_FAULTS
from certsuite.refdevice.tls import Channel, Peer, channel_maker
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import RECIPES, Names, Pki
from certsuite.tls.recipes import GoodClient, recipe
from certsuite.tls.server import ApplicationData, TlsBehaviour, TlsServer

PROXY, TARGET = "obp.lab.example", "edge1.lab.example"
PEER = Peer(PROXY, TARGET, "127.0.0.1")
NAMES = Names(PROXY, (TARGET, "edge2.lab.example"), ("127.0.0.1",))

ALL = {one.name for one in RECIPES}
COMPLIANT = {
    *("good", "superfluous-certificates", "misordered-chain", "cn-only", "wildcard", "san-proxy-only", "leaf-is-ca"),
    *("rsa-3072", "rsa-4096", "ecdsa-p256", "large-chain", "revoked-stapled", "revoked-crl", "crl-unreachable"),
}
"What the compliant device accepts. It asks for no stapled answer, so it does not know that one revokes."

MORE = {
    "accepts-unknown-root": {"unknown-root"},
    "accepts-expired": {"expired"},
    "accepts-not-yet-valid": {"not-yet-valid"},
    "accepts-self-signed": {"self-signed"},
    "accepts-wrong-eku": {"wrong-eku"},
    "accepts-intermediate-not-ca": {"intermediate-not-ca"},
    "accepts-long-path": {"path-length-exceeded"},
    "ignores-name-constraints": {"name-constraints-violated"},
    "accepts-sha1-signature": {"sha1-signature"},
    "accepts-md5-signature": {"md5-signature"},
    "accepts-short-key": {"rsa-1024-leaf"},
    "prefers-common-name": {"san-wrong-cn-right"},
    "takes-address-for-name": {"ip-address-only"},
    "accepts-sibling-host": {"wrong-host", "san-wrong-cn-right", "san-target-only"},
    "wants-target-name": {"san-target-only"},
    "ignores-stapled-revocation": set(),
    "ignores-host-name": {"wrong-host", "san-wrong-cn-right", "ip-address-only", "san-target-only"},
    "accepts-any-root": {
        *("unknown-root", "expired", "not-yet-valid", "self-signed", "no-intermediate", "wrong-eku", "md5-signature"),
        *("intermediate-not-ca", "path-length-exceeded", "name-constraints-violated", "sha1-signature"),
        "rsa-1024-leaf",
    },
    # OpenSSL judges old versions, weak suites and weak certificates by one level of security.
    "accepts-tls10": {"sha1-signature", "md5-signature", "rsa-1024-leaf"},
    "offers-weak-suites": {"sha1-signature", "md5-signature", "rsa-1024-leaf"},
}
"Fault to what such a device accepts beyond the compliant one."
FEWER = {
    "wants-target-name": {"san-proxy-only", "cn-only"},
    "refuses-superfluous-certificates": {"superfluous-certificates"},
    "refuses-large-chain": {"large-chain"},
    "refuses-rsa-3072": {"rsa-3072"},
    "refuses-rsa-4096": {"rsa-4096"},
    "heeds-stapled-revocation": {"revoked-stapled"},
    "closes-after-handshake": set[str](),
}
"Fault to what such a device refuses beyond the compliant one."
ROWS = {name: (COMPLIANT | MORE.get(name, set())) - FEWER.get(name, set()) for name in (*MORE, *FEWER)}


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        minted = Pki.mint(datetime.now(UTC), NAMES, keys)
        minted.prepare()
        yield minted


@pytest.fixture(scope="module")
def stranger() -> Iterator[Pki]:
    """The same chains of another lab, whose root the device does not trust."""
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), NAMES, keys)


@pytest.fixture(scope="module")
def roots(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "root.pem"
    path.write_bytes(pki.root_pem)
    return path


def accepted(make: Callable[[Peer], Channel], server: TlsServer, peer: Peer = PEER) -> bool:
    """Whether the device gets as far as to send a request in good order, and the server to read it."""
    channel = make(peer)
    data, has_sent = b"", False
    for _ in range(6):
        try:
            channel.receive(data)
        except ssl.SSLError:
            assert not has_sent
            return _heard(server, channel.to_send())
        if channel.established and not has_sent:
            channel.send(b"REGISTER")
            has_sent = True
        if _heard(server, channel.to_send()):
            return True
        data = server.output()
    raise AssertionError("neither accepted nor refused")


def _heard(server: TlsServer, data: bytes) -> bool:
    return any(isinstance(event, ApplicationData) for event in server.receive(data))


def all_accepted(pki: Pki, roots: Path, faults: list[str], version: str, peer: Peer = PEER) -> set[str]:
    make = channel_maker(roots, behaviour_with(faults))
    shown = {name: TlsServer(TlsBehaviour(pki.presentation(name), (version,))) for name in sorted(ALL)}
    return {name for name, server in shown.items() if accepted(make, server, peer)}


VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


@VERSIONS
def test_the_compliant_device_accepts_and_refuses_what_is_due(pki: Pki, roots: Path, version: str) -> None:
    seen = all_accepted(pki, roots, [], version)
    assert seen == COMPLIANT
    for one in RECIPES:
        if one.due.verdict_for_a_good_client is not GoodClient.EITHER and one.due.only_if_offered is None:
            assert (one.name in seen) is (one.due.verdict_for_a_good_client is GoodClient.ACCEPTS)


@VERSIONS
@pytest.mark.parametrize("fault", ROWS)
def test_a_fault_changes_its_own_class_alone(pki: Pki, roots: Path, version: str, fault: str) -> None:
    assert all_accepted(pki, roots, [fault], version) == ROWS[fault]


@VERSIONS
def test_who_speaks_first_speaks_to_everybody(pki: Pki, roots: Path, version: str) -> None:
    assert all_accepted(pki, roots, ["speaks-before-verifying"], version) == ALL


CHAIN_LENIENCIES = [name for name, fault in FAULTS.items() if fault.changes.get("overlooks")]


@pytest.mark.parametrize("fault", CHAIN_LENIENCIES)
def test_what_is_overlooked_makes_up_for_no_wrong_name(pki: Pki, roots: Path, fault: str) -> None:
    elsewhere = Peer("obp.elsewhere.example", "edge1.elsewhere.example", "192.0.2.77")
    assert all_accepted(pki, roots, [fault], "TLSv1.3", elsewhere) == set()


@pytest.mark.parametrize("fault", CHAIN_LENIENCIES)
def test_what_is_overlooked_makes_up_for_no_unknown_root(stranger: Pki, roots: Path, fault: str) -> None:
    # A chain whose root nobody knows is judged in everything else; one that signs itself has no root.
    expected = {
        "accepts-unknown-root": COMPLIANT | {"unknown-root"},
        "accepts-self-signed": {"self-signed"},
    }
    assert all_accepted(stranger, roots, [fault], "TLSv1.3") == expected.get(fault, set())


def test_two_leniencies_add_up(pki: Pki, roots: Path) -> None:
    seen = all_accepted(pki, roots, ["accepts-expired", "takes-address-for-name"], "TLSv1.3")
    assert seen == COMPLIANT | {"expired", "ip-address-only"}


def test_every_presentation_that_is_judged_has_a_device_that_is_wrong_about_it() -> None:
    wrongly_accepted = set().union(*MORE.values())
    wrongly_refused = set().union(*(FEWER[name] for name in FEWER if name != "heeds-stapled-revocation"))
    for name in ALL - {"good"}:
        match recipe(name).due.verdict_for_a_good_client:
            case GoodClient.ACCEPTS:
                assert name in wrongly_refused
            case GoodClient.REFUSES:
                assert name in wrongly_accepted | {"revoked-stapled"}


def test_every_name_in_the_tables_is_a_faults() -> None:
    overlooked = {name for fault in FAULTS.values() for name in fault.changes.get("overlooks", ())}
    disliked = {name for fault in FAULTS.values() for name in fault.changes.get("dislikes", ())}
    assert overlooked == {*CHAIN_FAULTS, *NAME_FAULTS}
    assert disliked == set(DISLIKES)
