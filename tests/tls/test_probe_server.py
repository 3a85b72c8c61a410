"""The probe's engines against the standard library's client, and against what is no client at all."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.probe_chains import MODES, Mode, ProbeChains, ProbeKeys, Role, ServedChain, Technique, TrustedRoot
from certsuite.tls.probe_roots import certificates_of_pem
from certsuite.tls.probe_server import Answer, Answered, AnswerKind, ChainProbe, ProbeEvent, SpoofProbe, probe_engine
from certsuite.tls.server import AlertSeen, SecretLine

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
HOST = "www.python.org"
K = AnswerKind
BY_NAME = {str(mode): mode for mode in MODES}


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[ProbeChains, bytes]]:
    """Chains that are valid today, and the root that clients trust."""
    (root,) = certificates_of_pem((CHAINS / "globalsign-root-r3.pem").read_bytes())
    now = datetime.now(UTC)
    with KeyPool(ahead=3) as pool:
        pki = Pki.mint(now, Names(HOST), pool)
        trusted = TrustedRoot.of(pki.lab.root, pool.key("lab root"))
        keys = ProbeKeys()
        spoofed = ProbeChains.make(root, trusted, keys, host=HOST, now=now).spoofed
        # A chain of today's dates takes the place of the genuine one, of which a copy will have expired some day.
        genuine = {
            role: ServedChain(role, tuple(one.public_bytes(serialization.Encoding.DER) for one in shown.chain), key)
            for role, shown in (
                (Role.UNKNOWN, pki.presentation("unknown-root")),
                (Role.TRUSTED, pki.presentation("good")),
            )
            for key in [shown.key.public_key()]
        }
        yield ProbeChains(spoofed, genuine), pki.root_pem


class Client:
    """The standard library's client, tied to an engine by hand."""

    def __init__(self, lab: tuple[ProbeChains, bytes], mode: str, role: Role, *, verifies: bool = True) -> None:
        chains, roots = lab
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(cadata=roots.decode())
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        if not verifies:
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = probe_engine(BY_NAME[mode], chains.chain(BY_NAME[mode], role), patience_s=2.0)
        self.events: list[ProbeEvent] = []
        self.established = False

    def goes(self, *, byte_by_byte: bool = False) -> Client:
        """The handshake, as far as it goes."""
        tls = self.context.wrap_bio(self._in, self._out, server_hostname=HOST)
        self.tls = tls
        for _ in range(6):
            try:
                tls.do_handshake()
                self.established = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                self._across(byte_by_byte)
                return self
            self._across(byte_by_byte)
            if self.established:
                return self
        return self

    def says(self, data: bytes) -> Client:
        self.tls.write(data)
        self._across(False)
        return self

    def _across(self, byte_by_byte: bool) -> None:
        data = self._out.read()
        for chunk in [data[at : at + 1] for at in range(len(data))] if byte_by_byte else [data]:
            self.events += self.engine.receive(chunk, 1.0)
        self._in.write(self.engine.output())

    @property
    def answer(self) -> Answer | None:
        return self.engine.outcome.answer if self.engine.outcome else None


def alert(number: int, *, established: bool = False) -> Answer:
    return Answer(K.ALERT, number, established)


@pytest.mark.parametrize(
    ("mode", "unknown", "trusted"),
    [
        ("spoof TLSv1.2", alert(48), alert(51)),
        ("spoof TLSv1.3", alert(48), alert(51)),
        ("bad-signature TLSv1.2", alert(48), alert(51)),
        ("bad-signature TLSv1.3", alert(48), alert(51)),
        ("static-rsa TLSv1.2", alert(48), Answer(K.KEY_EXCHANGE)),
        ("pause TLSv1.2", alert(48), None),
        ("pause TLSv1.3", alert(48), None),
    ],
)
@pytest.mark.parametrize("byte_by_byte", [False, True], ids=["whole", "bytes"])
def test_a_verifying_client(
    lab: tuple[ProbeChains, bytes], mode: str, unknown: Answer, trusted: Answer | None, byte_by_byte: bool
) -> None:
    assert Client(lab, mode, Role.UNKNOWN).goes(byte_by_byte=byte_by_byte).answer == unknown
    client = Client(lab, mode, Role.TRUSTED).goes(byte_by_byte=byte_by_byte)
    assert client.answer == trusted
    assert isinstance(client.events[0], ClientHelloSeen)
    alerts = [one.alert.description for one in client.events if isinstance(one, AlertSeen)]
    assert alerts == ([trusted.alert] if trusted and trusted.alert else [])


def test_silence_is_told_by_the_clock_alone(lab: tuple[ProbeChains, bytes]) -> None:
    client = Client(lab, "pause TLSv1.3", Role.TRUSTED).goes()
    assert client.engine.deadline == 3.0
    assert client.engine.tick(2.9) == []
    assert client.engine.tick(3.0) == [Answered(Answer(K.SILENCE), 2.0)]
    assert client.engine.deadline is None
    assert client.engine.tick(9.0) == []


@pytest.mark.parametrize("mode", ["spoof TLSv1.2", "spoof TLSv1.3"])
def test_a_client_that_never_verifies_sends_its_data(lab: tuple[ProbeChains, bytes], mode: str) -> None:
    client = Client(lab, mode, Role.UNKNOWN, verifies=False).goes()
    assert client.established
    assert client.answer is None
    assert client.says(b"REGISTER").answer == Answer(K.APPLICATION_DATA, established=True)


def test_a_client_that_finishes_and_only_then_closes(lab: tuple[ProbeChains, bytes]) -> None:
    client = Client(lab, "spoof TLSv1.3", Role.UNKNOWN, verifies=False).goes()
    assert client.engine.eof(1.5) == [Answered(Answer(K.CLOSED, established=True), 0.5)]


def test_a_client_that_closes_without_an_alert(lab: tuple[ProbeChains, bytes]) -> None:
    client = Client(lab, "pause TLSv1.2", Role.TRUSTED).goes()
    assert client.engine.eof(1.5) == [Answered(Answer(K.CLOSED), 0.5)]
    assert client.engine.eof(1.6) == []


@pytest.mark.parametrize("mode", ["static-rsa TLSv1.2", "bad-signature TLSv1.2"])
def test_a_client_that_never_verifies_goes_on(lab: tuple[ProbeChains, bytes], mode: str) -> None:
    expected = Answer(K.KEY_EXCHANGE) if mode.startswith("static") else alert(51)
    assert Client(lab, mode, Role.UNKNOWN, verifies=False).goes().answer == expected


@pytest.mark.parametrize(
    ("mode", "offers"),
    [
        ("bad-signature TLSv1.3", {"maximum_version": ssl.TLSVersion.TLSv1_2}),
        ("bad-signature TLSv1.2", {"minimum_version": ssl.TLSVersion.TLSv1_3}),
        ("spoof TLSv1.3", {"maximum_version": ssl.TLSVersion.TLSv1_2}),
        ("spoof TLSv1.2", {"minimum_version": ssl.TLSVersion.TLSv1_3}),
        ("static-rsa TLSv1.2", {"ciphers": "ECDHE+AESGCM"}),
        ("bad-signature TLSv1.2", {"ciphers": "aECDSA"}),
    ],
)
def test_a_client_that_cannot_be_asked_so(
    lab: tuple[ProbeChains, bytes], mode: str, offers: dict[str, ssl.TLSVersion | str]
) -> None:
    client = Client(lab, mode, Role.UNKNOWN)
    for name, value in offers.items():
        if name == "ciphers":
            client.context.set_ciphers(str(value))
        else:
            setattr(client.context, name, value)
    assert client.goes().answer == Answer(K.NOT_OFFERED)


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
@pytest.mark.parametrize("mode", ["bad-signature TLSv1.2", "bad-signature TLSv1.3"])
def test_every_group(lab: tuple[ProbeChains, bytes], mode: str, curve: str) -> None:
    client = Client(lab, mode, Role.TRUSTED)
    client.context.set_ecdh_curve(curve)
    assert client.goes().answer == alert(51)


@pytest.mark.parametrize("mode", ["bad-signature TLSv1.2", "bad-signature TLSv1.3"])
def test_an_elliptic_leaf_gets_a_signature_of_its_form(lab: tuple[ProbeChains, bytes], mode: str) -> None:
    """The client does not verify the chain here, so it looks at the signature: wrong, and not malformed."""
    client = Client(lab, mode, Role.TRUSTED, verifies=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    served = ServedChain(Role.TRUSTED, (leaf.public_bytes(serialization.Encoding.DER),), key.public_key())
    client.engine = probe_engine(BY_NAME[mode], served)
    assert client.goes().answer == alert(51)


def test_the_secrets_of_the_handshake_are_told(lab: tuple[ProbeChains, bytes]) -> None:
    client = Client(lab, "bad-signature TLSv1.3", Role.TRUSTED).goes()
    lines = [one.text.split() for one in client.events if isinstance(one, SecretLine)]
    assert [line[0] for line in lines] == ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"]
    assert {len(line[1]) for line in lines} == {64}


# --- what is no client


Engines = Callable[[], list[ChainProbe | SpoofProbe]]


@pytest.fixture(scope="module")
def engines(lab: tuple[ProbeChains, bytes]) -> Engines:
    def made() -> list[ChainProbe | SpoofProbe]:
        chains, _ = lab
        return [
            (SpoofProbe if mode.technique is Technique.SPOOF else ChainProbe)(mode, chains.chain(mode, Role.TRUSTED))
            for mode in MODES
        ]

    return made


def test_who_says_nothing_and_leaves(engines: Engines) -> None:
    for engine in engines():
        assert engine.deadline is None
        assert engine.tick(100.0) == []
        engine.eof(1.0)
        assert engine.outcome == Answered(Answer(K.NO_HELLO), None)


@pytest.mark.parametrize(
    "data", [b"REGISTER sip:x SIP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x00\x02"]
)
def test_who_speaks_no_tls(engines: Engines, data: bytes) -> None:
    for engine in engines():
        engine.receive(data, 1.0)
        assert engine.outcome is not None
        assert engine.outcome.answer == Answer(K.NOT_TLS)


def test_who_breaks_off_in_the_client_hello(engines: Engines) -> None:
    for engine in engines():
        engine.receive(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 1.0)
        assert engine.outcome is None
        engine.eof(2.0)
        assert engine.outcome is not None
        assert engine.outcome.answer.kind in (K.NO_HELLO, K.CLOSED)


def test_a_broken_client_hello(engines: Engines) -> None:
    for engine in engines():
        engine.receive(b"\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03\x00\x00", 1.0)
        assert engine.outcome is not None
        assert not engine.outcome.answer.says_something


@settings(max_examples=150)
@given(st.sampled_from(list(BY_NAME)), st.binary(min_size=1, max_size=80), st.integers(0, 3))
def test_garbage_after_the_flight_ends_in_one_answer(
    lab: tuple[ProbeChains, bytes], mode: str, garbage: bytes, kind: int
) -> None:
    client = Client(lab, mode, Role.TRUSTED)
    tls = client.context.wrap_bio(client._in, client._out, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    client._across(False)
    header = bytes([20 + kind]) + b"\x03\x03" + len(garbage).to_bytes(2, "big")
    client.events += client.engine.receive(header + garbage, 1.0)
    client.events += client.engine.receive(garbage, 1.0)
    client.events += client.engine.eof(2.0)
    assert len([one for one in client.events if isinstance(one, Answered)]) == 1


def test_a_flood_is_cut_off(lab: tuple[ProbeChains, bytes]) -> None:
    client = Client(lab, "pause TLSv1.2", Role.TRUSTED).goes()
    change = b"\x14\x03\x03\x00\x01\x01" * 10_000
    for _ in range(10):
        client.engine.receive(change, 1.0)
    assert client.engine.outcome is not None
    assert client.engine.outcome.answer == Answer(K.UNREADABLE)


def test_a_warning_is_an_answer_only_if_nothing_follows(lab: tuple[ProbeChains, bytes]) -> None:
    warning = b"\x15\x03\x03\x00\x02\x01\x5a"
    client = Client(lab, "pause TLSv1.2", Role.TRUSTED).goes()
    client.engine.receive(warning, 1.0)
    assert client.answer is None
    client.engine.receive(b"\x15\x03\x03\x00\x02\x02\x2a", 1.0)
    assert client.answer == alert(42)
    other = Client(lab, "pause TLSv1.2", Role.TRUSTED).goes()
    other.engine.receive(warning, 1.0)
    other.engine.eof(1.0)
    assert other.answer == alert(90)


def test_a_connection_that_is_given_up_is_told_so(lab: tuple[ProbeChains, bytes]) -> None:
    client = Client(lab, "pause TLSv1.2", Role.TRUSTED).goes()
    client.engine.close()
    assert client.engine.output() == b"\x15\x03\x03\x00\x02\x02\x50"


def test_a_spoofed_chain_needs_its_key(lab: tuple[ProbeChains, bytes]) -> None:
    chains, _ = lab
    with pytest.raises(ValueError, match="needs the key of its leaf"):
        probe_engine(Mode(Technique.SPOOF, "TLSv1.2"), chains.genuine[Role.TRUSTED])
