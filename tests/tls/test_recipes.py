"""The battery against real TLS stacks, and each presentation against the good one, property by property."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certsuite.catalogue import load_catalogue
from certsuite.core.events import TlsFailed
from certsuite.core.observations import IN
from certsuite.core.verdicts import Level
from certsuite.pytest_plugin.collected import collect_cases
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import RECIPES, Names, Pki, Presentation
from certsuite.tls.recipes import GoodClient, recipe
from certsuite.tls.server import AlertSeen, ApplicationData, PeerClosed, TlsBehaviour, TlsEvent, TlsServer

HOST = "obp.lab.example"
NAMES = Names(HOST, ("edge1.lab.example", "edge2.lab.example"), ("127.0.0.1",))

OPENSSL = {
    "unknown-root": 48,
    "wrong-host": 42,
    "expired": 45,
    "not-yet-valid": 42,
    "self-signed": 48,
    "no-intermediate": 48,
    "san-wrong-cn-right": 42,
    "ip-address-only": 42,
    "san-target-only": 42,
    "wrong-eku": 43,
    "intermediate-not-ca": 48,
    "path-length-exceeded": 48,
    "name-constraints-violated": 46,
    "sha1-signature": 42,
    "md5-signature": 42,
    "rsa-1024-leaf": 42,
}
"What OpenSSL refuses as Debian ships it, with the alert that it sends; the rest it accepts."
GNUTLS = {name: 42 for name in [*OPENSSL, "revoked-stapled"] if name != "rsa-1024-leaf"}
"The same of GnuTLS: one alert for everything. It takes short keys, and looks at the OCSP answer that it asks for."

NOT_REFUSED_BY_ALL = ("rsa-1024-leaf", "revoked-stapled")

SEEN = {"openssl": OPENSSL, "gnutls-cli": GNUTLS, "python": OPENSSL}


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        minted = Pki.mint(datetime.now(UTC), NAMES, keys)
        minted.prepare()
        yield minted


@pytest.fixture(scope="module")
def root(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "root.pem"
    path.write_bytes(pki.root_pem)
    return path


class Edge(threading.Thread):
    """Takes one connection, and what comes over it until the first bytes of a SIP message would be there."""

    def __init__(self, behaviour: TlsBehaviour) -> None:
        super().__init__(daemon=True)
        self.events: list[TlsEvent] = []
        self._tls = TlsServer(behaviour)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            connection.settimeout(10)
            while not any(isinstance(event, (TlsFailed, PeerClosed, ApplicationData)) for event in self.events):
                data = connection.recv(65_536)
                self.events += self._tls.receive(data) if data else self._tls.eof()
                # Who refused may have gone already.
                with contextlib.suppress(ConnectionError):
                    connection.sendall(self._tls.output())
            # A close with bytes unread would be a reset, which may overtake what was said before it.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    continue

    def answer(self) -> int | None:
        """The alert of a device that refused; None of one that sent data."""
        self.join(timeout=10)
        assert not self.is_alive()
        if any(isinstance(event, ApplicationData) for event in self.events):
            return None
        (alert,) = (event.alert.description for event in self.events if isinstance(event, AlertSeen))
        assert [event.direction for event in self.events if isinstance(event, AlertSeen)] == [IN]
        return alert


def ask_openssl(port: int, root: Path, version: str) -> None:
    flag = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version]
    command = [
        *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", HOST, "-quiet", "-no_ign_eof", flag),
        *("-CAfile", str(root), "-no-CApath", "-verify_return_error", "-verify_hostname", HOST, "-status"),
    ]
    subprocess.run(command, input=b"OPTIONS\n", capture_output=True, check=False, timeout=10)


def ask_gnutls(port: int, root: Path, version: str) -> None:
    command = [
        *("gnutls-cli", "-p", str(port), "--x509cafile", str(root), "--sni-hostname", HOST, "--verify-hostname", HOST),
        *("--priority", f"NORMAL:-VERS-ALL:+VERS-{version.replace('v', '')}", "127.0.0.1"),
    ]
    subprocess.run(command, input=b"OPTIONS\n", capture_output=True, check=False, timeout=10)


def ask_python(port: int, root: Path, version: str) -> None:
    context = ssl.create_default_context(cafile=str(root))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=HOST) as tls:
                tls.sendall(b"OPTIONS\n")
                tls.unwrap()
        except (ssl.SSLError, OSError):
            return


CLIENTS = {"openssl": ask_openssl, "gnutls-cli": ask_gnutls, "python": ask_python}


@pytest.mark.parametrize("name", [one.name for one in RECIPES])
@pytest.mark.parametrize(
    ("client", "version"),
    [("openssl", "TLSv1.3"), ("gnutls-cli", "TLSv1.3"), ("python", "TLSv1.2"), ("python", "TLSv1.3")],
)
def test_what_clients_accept_and_refuse(pki: Pki, root: Path, client: str, version: str, name: str) -> None:
    if client != "python" and shutil.which(client) is None:
        pytest.skip(f"{client} is not installed")
    edge = Edge(TlsBehaviour(pki.presentation(name), (version,)))
    edge.start()
    CLIENTS[client](edge.port, root, version)
    assert edge.answer() == SEEN[client].get(name)


@pytest.mark.parametrize("seen", SEEN.values(), ids=SEEN)
def test_clients_that_verify_do_what_is_due(seen: dict[str, int]) -> None:
    for one in RECIPES:
        match one.due.verdict_for_a_good_client:
            case GoodClient.ACCEPTS:
                assert one.name not in seen
            case GoodClient.REFUSES if one.name not in NOT_REFUSED_BY_ALL:
                assert one.name in seen
    assert set(seen) <= {one.name for one in RECIPES if one.due.verdict_for_a_good_client is not GoodClient.ACCEPTS}


def texts(certificate: x509.Certificate) -> dict[str, str]:
    """The extensions of a certificate by name; key identifiers left out, since they follow from keys and issuers."""
    follow = ("subjectKeyIdentifier", "authorityKeyIdentifier")
    return {one.oid._name: repr(one.value) for one in certificate.extensions if one.oid._name not in follow}


def key_of(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    return f"rsa-{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__


def properties(pki: Pki, shown: Presentation) -> dict[str, object]:
    """Everything that a device can see in a presentation, apart from what differs between any two certificates."""
    leaf = shown.chain[0]
    known = (pki.lab.intermediate, pki.unknown.intermediate, *shown.chain[1:])
    by_subject = {cert.subject: cert for cert in known if cert.subject != cert.issuer}
    path = [leaf]
    while path[-1].issuer in by_subject:
        path.append(by_subject[path[-1].issuer])
    above = texts(path[-1]) if len(path) > 1 else texts(pki.lab.intermediate)
    said = texts(leaf)
    # Nothing is encrypted to an ECDSA key: what it is for follows from what it is.
    said["keyUsage"] = said["keyUsage"].replace("key_encipherment=False", "key_encipherment=True")
    sent = [
        "root" if cert == pki.lab.root else "stranger" if cert not in path else f"path {path.index(cert)}"
        for cert in shown.chain
    ]
    self_signed = leaf.issuer == leaf.subject
    on_path = [f"path {number}" for number in range(len(path))]
    size = sum(len(cert.public_bytes(Encoding.DER)) for cert in shown.chain)
    return {
        "issuer": self_signed,
        "root": not self_signed and path[-1].issuer != pki.lab.root.subject,
        "length of the path": self_signed or len(path),
        "certificates sent": sent == on_path or sent,
        "common name": leaf.subject.rfc4514_string(),
        "subjectAltName": said.pop("subjectAltName", None),
        "validity": (leaf.not_valid_before_utc, leaf.not_valid_after_utc),
        "extended key usage": said.pop("extendedKeyUsage"),
        "basic constraints of the leaf": said.pop("basicConstraints"),
        "revocation list": (said.pop("cRLDistributionPoints", None), bool(shown.revocation_list)),
        "further extensions": said,
        "key": key_of(leaf),
        "digest of the signature": leaf.signature_hash_algorithm.name if leaf.signature_hash_algorithm else None,
        "basic constraints of the intermediate": above.pop("basicConstraints"),
        "name constraints": above.pop("nameConstraints", None),
        "further extensions of the intermediate": above,
        "stapled OCSP answer": bool(shown.staple),
        "more than a record": size > 1 << 14,
    }


SEVERAL = {
    "host names": {"common name", "subjectAltName"},
    "size": {"subjectAltName", "more than a record"},
    "issuer": {"issuer", "length of the path"},
}
"Properties that consist of several of what is looked at."


@pytest.mark.parametrize("name", [one.name for one in RECIPES])
def test_each_differs_from_good_in_the_property_that_it_names(pki: Pki, name: str) -> None:
    good, other = properties(pki, pki.presentation("good")), properties(pki, pki.presentation(name))
    different = {key for key in good if good[key] != other[key]}
    differs_in = recipe(name).differs_in
    assert different == (SEVERAL.get(differs_in, {differs_in}) if differs_in else set())
    assert pki.presentation(name).differs_in == differs_in


def test_the_large_chain_is_of_the_size_that_it_says(pki: Pki) -> None:
    size = sum(len(certificate.public_bytes(Encoding.DER)) for certificate in pki.presentation("large-chain").chain)
    assert 18_000 < size < 22_000


def test_rows_are_whole_and_named_once() -> None:
    assert len({one.name for one in RECIPES}) == len(RECIPES)
    for one in RECIPES:
        assert one.description
        assert one.due.clause
        assert bool(one.differs_in) is (one.name != "good")
        recorded = one.due.verdict_for_a_good_client is GoodClient.EITHER
        assert recorded is (one.due.level is Level.INFORMATIVE)


def test_each_binds_as_the_catalogue_says_of_the_case_that_presents_it() -> None:
    catalogue = load_catalogue()
    presented = {}
    for case in collect_cases():
        if case.presents and "TLS-WALK" not in case.requirements:
            presented[case.presents] = catalogue.level_and_mark(case.requirements)[0]
    assert presented == {one.name: one.due.level for one in RECIPES if one.name != "good"}
