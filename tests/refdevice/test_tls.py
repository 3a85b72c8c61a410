"""The TLS client between memory BIOs, against the standard library's server side."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.tls import TlsChannel, client_context, verifies_name_itself

if TYPE_CHECKING:
    from tests.refdevice.conftest import Authority

_PROXY = "hs17.lab.example"
_ALERTS: list[str] = []
"What the server saw when the client gave up."


class _Server:
    """A server side that keeps what went wrong."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.alert = ""

    def step(self, data: bytes) -> bytes:
        self.incoming.write(data)
        try:
            self.object.do_handshake()
            self.object.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.alert = error.reason or str(error)
        return self.outgoing.read()


def _shake(context: ssl.SSLContext, authority: Authority, *faults: str) -> tuple[TlsChannel, _Server]:
    """Run a handshake to its end; raises what the client raises, once the server has seen its alert."""
    behaviour = behaviour_with(faults)
    channel = TlsChannel(
        client_context(authority.bundle, behaviour),
        _PROXY,
        verifies_name_itself=verifies_name_itself(behaviour),
        sends_server_name=behaviour.sends_server_name,
        stays_with_tls13=behaviour.stays_with_tls13,
    )
    server = _Server(context)
    data = b""
    for _ in range(4):
        try:
            channel.receive(data)
        except ssl.SSLError:
            server.step(channel.to_send())
            _ALERTS.append(server.alert)
            raise
        data = server.step(channel.to_send())
    return channel, server


@pytest.fixture(autouse=True)
def _no_alert_yet() -> None:
    _ALERTS.clear()


def test_the_lab_root_and_the_proxys_name_are_accepted_with_sni(authority: Authority) -> None:
    context = authority.server_context(_PROXY)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    channel, _ = _shake(context, authority)
    assert channel.established
    assert channel.version == "TLSv1.3"
    assert names == [_PROXY]


def test_another_name_is_refused_with_an_alert(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _shake(authority.server_context("other.example"), authority)
    assert "ALERT" in _ALERTS[0]


def test_another_root_is_refused_with_an_alert(authority: Authority, tmp_path: Path) -> None:
    other = type(authority)(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake(other.server_context(_PROXY), authority)
    assert "ALERT" in _ALERTS[0]


def test_the_lab_root_is_ignored_if_so_faulty(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake(authority.server_context(_PROXY), authority, "ignores-lab-root")


def test_any_root_but_not_any_name(authority: Authority, tmp_path: Path) -> None:
    other = type(authority)(tmp_path)
    assert _shake(other.server_context(_PROXY), authority, "accepts-any-root")[0].established
    with pytest.raises(ssl.SSLError, match="not for"):
        _shake(other.server_context("other.example"), authority, "accepts-any-root")


def test_any_name_but_not_any_root(authority: Authority, tmp_path: Path) -> None:
    assert _shake(authority.server_context("other.example"), authority, "ignores-host-name")[0].established
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake(type(authority)(tmp_path).server_context("x.example"), authority, "ignores-host-name")


def _tls(authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = authority.server_context(_PROXY)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


def test_tls_1_2_is_enough(authority: Authority) -> None:
    assert _shake(_tls(authority, ssl.TLSVersion.TLSv1_2), authority)[0].version == "TLSv1.2"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_only_if_so_faulty(authority: Authority, version: ssl.TLSVersion) -> None:
    assert _shake(_tls(authority, version), authority, "accepts-tls10")[0].established
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        _shake(_tls(authority, version), authority)


def test_tls_1_3_alone_if_so_faulty(authority: Authority) -> None:
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        _shake(_tls(authority, ssl.TLSVersion.TLSv1_2), authority, "tls13-only")


def test_the_end_is_seen(authority: Authority) -> None:
    channel, server = _shake(authority.server_context(_PROXY), authority)
    with pytest.raises(ssl.SSLWantReadError):
        server.object.unwrap()
    channel.receive(server.outgoing.read())
    assert channel.ended


def test_roots_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        client_context(tmp_path / "none.pem", behaviour_with([]))


def test_without_a_server_name_the_certificates_name_is_still_compared(authority: Authority) -> None:
    context = authority.server_context(_PROXY)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    assert _shake(context, authority, "no-server-name")[0].established
    assert names == [None]
    with pytest.raises(ssl.SSLError, match="not for"):
        _shake(authority.server_context("other.example"), authority, "no-server-name")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_request_is_answered_with_none(authority: Authority, version: ssl.TLSVersion) -> None:
    context = _tls(authority, version)
    context.load_verify_locations(cafile=str(authority.bundle))
    context.verify_mode = ssl.CERT_OPTIONAL
    assert _shake(context, authority)[0].established
    with pytest.raises(ssl.SSLError, match="has none"):
        _shake(context, authority, "refuses-certificate-request")
    assert _shake(_tls(authority, version), authority, "refuses-certificate-request")[0].established


def test_tls_1_3_is_broken_off_if_so_faulty(authority: Authority) -> None:
    with pytest.raises(ssl.SSLError, match=r"TLS 1\.3 was agreed on"):
        _shake(authority.server_context(_PROXY), authority, "breaks-off-tls13")
    assert _shake(_tls(authority, ssl.TLSVersion.TLSv1_2), authority, "breaks-off-tls13")[0].established


def test_nothing_newer_than_tls_1_2_if_so_faulty(authority: Authority) -> None:
    assert _shake(authority.server_context(_PROXY), authority, "tls12-only")[0].version == "TLSv1.2"


def test_shipped_roots_are_trusted_besides_and_one_may_be_lacking(tmp_path: Path, authority: Authority) -> None:
    shipped = Path(__file__).resolve().parents[2] / "device_profiles" / "reference" / "shipped-roots.pem"
    given = client_context(authority.bundle, behaviour_with([]))
    both = client_context(authority.bundle, behaviour_with([]), shipped)
    lacking = client_context(authority.bundle, behaviour_with(["lacks-identrust"]), shipped)
    counts = [context.cert_store_stats()["x509_ca"] for context in (given, both, lacking)]
    assert counts == [counts[0], counts[0] + 1, counts[0]]
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    with pytest.raises(OSError, match=r"empty\.pem cannot be read: no certificate is in it"):
        client_context(authority.bundle, behaviour_with([]), empty)
