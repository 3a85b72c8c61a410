"""The engine against the standard library's client, which is another OpenSSL."""

from __future__ import annotations

import gc
import os
import ssl
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certsuite.core.events import ClientHelloSeen, TlsEstablished, TlsFailed
from certsuite.tls.client_hello import NotTls
from certsuite.tls.first_flight import StopAfter
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.server import (
    AlertSeen,
    ApplicationData,
    PeerClosed,
    SecretLine,
    TlsBehaviour,
    TlsEvent,
    TlsServer,
)

OUTBOUND_PROXY = "obp.lab.example"
V = ssl.TLSVersion


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names(OUTBOUND_PROXY), keys)


class Client:
    """The standard library's TLS client, tied to an engine by hand."""

    def __init__(
        self,
        pki: Pki,
        behaviour: TlsBehaviour,
        *,
        versions: tuple[V, V] = (V.TLSv1_2, V.TLSv1_3),
        ciphers: str = "",
        session: ssl.SSLSession | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=pki.root_pem.decode())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version, context.maximum_version = versions
            if ciphers:
                context.set_ciphers(ciphers)
        self.context = context
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=OUTBOUND_PROXY, session=session)
        self.server = TlsServer(behaviour)
        self.events: list[TlsEvent] = []
        self.error: ssl.SSLError | None = None

    def exchange(self) -> None:
        """Everything that either side has to say goes across."""
        self.events += self.server.receive(self._out.read())
        self._in.write(self.server.output())

    def handshake(self) -> Client:
        for _ in range(8):
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.exchange()
                continue
            except ssl.SSLError as error:
                self.error = error
            self.exchange()
            return self
        raise AssertionError("the handshake does not end")

    def of(self, kind: type[TlsEvent]) -> list[TlsEvent]:
        return [event for event in self.events if isinstance(event, kind)]


def alerts(events: list[TlsEvent]) -> list[tuple[str, int, int]]:
    return [(e.direction, e.alert.level, e.alert.description) for e in events if isinstance(e, AlertSeen)]


@pytest.mark.parametrize(
    ("versions", "name", "cipher", "secrets"),
    [
        ((V.TLSv1_2, V.TLSv1_2), "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 1),
        ((V.TLSv1_2, V.TLSv1_3), "TLSv1.3", "TLS_AES_256_GCM_SHA384", 5),
    ],
)
def test_good_presentation_is_accepted(pki: Pki, versions: tuple[V, V], name: str, cipher: str, secrets: int) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good")), versions=versions).handshake()

    assert client.error is None
    assert client.of(TlsEstablished) == [TlsEstablished(version=name, cipher=cipher)]
    hello = client.events[0]
    assert isinstance(hello, ClientHelloSeen)
    assert hello.server_name == OUTBOUND_PROXY
    assert len(client.of(SecretLine)) == secrets
    established = client.events.index(client.of(TlsEstablished)[0])
    assert all(isinstance(event, (ClientHelloSeen, SecretLine)) for event in client.events[:established])


@pytest.mark.parametrize(("presentation", "alert"), [("unknown-root", 48), ("wrong-host", 42)])
@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_refusal_gives_the_clients_alert_by_number(pki: Pki, presentation: str, alert: int, version: V) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation(presentation)), versions=(version, version)).handshake()

    assert client.error is not None
    assert alerts(client.events) == [("in", 2, alert)]
    assert not client.of(TlsEstablished)
    (failed,) = client.of(TlsFailed)
    assert isinstance(failed, TlsFailed)
    assert "alert" in failed.reason


@pytest.mark.parametrize(
    ("offered", "agreed"), [(("TLSv1",), "TLSv1"), (("TLSv1.1",), "TLSv1.1"), (("TLSv1", "TLSv1.1"), "TLSv1.1")]
)
def test_old_versions_work_with_a_client_that_takes_them(pki: Pki, offered: tuple[str, ...], agreed: str) -> None:
    client = Client(
        pki,
        TlsBehaviour(pki.presentation("good"), offered),
        versions=(V.TLSv1, V.TLSv1_3),
        ciphers="DEFAULT@SECLEVEL=0",
    ).handshake()

    (established,) = client.of(TlsEstablished)
    assert established == TlsEstablished(version=agreed, cipher="TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA")


def test_only_old_versions_are_refused_by_a_modern_client(pki: Pki) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"), ("TLSv1", "TLSv1.1"))).handshake()

    assert client.error is not None
    assert alerts(client.events) == [("out", 2, 70)]


def test_a_version_in_the_middle_can_be_left_out(pki: Pki) -> None:
    behaviour = TlsBehaviour(pki.presentation("good"), ("TLSv1.1", "TLSv1.3"))
    client = Client(pki, behaviour, versions=(V.TLSv1_2, V.TLSv1_2)).handshake()

    assert client.error is not None
    assert not client.of(TlsEstablished)


def test_the_servers_order_of_suites_decides(pki: Pki) -> None:
    client = Client(
        pki,
        TlsBehaviour(pki.presentation("good"), ("TLSv1.2",)),
        ciphers="ECDHE-RSA-AES128-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256",
    ).handshake()

    assert client.of(TlsEstablished) == [
        TlsEstablished(version="TLSv1.2", cipher="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
    ]


def test_one_suite_can_be_forced(pki: Pki) -> None:
    suite = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
    client = Client(pki, TlsBehaviour(pki.presentation("good"), ("TLSv1.2",), ciphers=suite)).handshake()

    assert client.of(TlsEstablished) == [TlsEstablished(version="TLSv1.2", cipher=suite)]


def test_data_both_ways_and_an_end_in_order(pki: Pki) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"))).handshake()
    client.events.clear()
    client.tls.write(b"REGISTER")
    client.exchange()
    assert client.events == [ApplicationData(b"REGISTER")]

    answer = bytes(range(256)) * 400
    assert client.server.send(answer) == []
    client.exchange()
    received = b""
    while len(received) < len(answer):
        received += client.tls.read(65_536)
    assert received == answer

    client.events.clear()
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    client.exchange()
    assert PeerClosed() in client.events
    assert alerts(client.events) == [("in", 1, 0), ("out", 1, 0)]
    client.tls.unwrap()
    assert client.server.close() == []
    assert client.server.send(b"too late") == []
    assert client.server.receive(b"too late") == []
    assert client.server.output() == b""


def test_close_sends_close_notify(pki: Pki) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"))).handshake()

    assert alerts(client.server.close()) == [("out", 1, 0)]
    client.exchange()
    # The session tickets come first, then the end.
    assert client.tls.read(1) == b""


def test_a_session_is_not_resumed_under_another_presentation(pki: Pki) -> None:
    good = TlsBehaviour(pki.presentation("good"), ("TLSv1.2",))
    first = Client(pki, good).handshake()
    session = first.tls.session
    assert session is not None

    again = Client(pki, good, session=session, context=first.context).handshake()
    assert again.tls.session_reused

    wrong = TlsBehaviour(pki.presentation("wrong-host"), ("TLSv1.2",))
    other = Client(pki, wrong, session=session, context=first.context).handshake()
    assert alerts(other.events) == [("in", 2, 42)]


@pytest.mark.parametrize(
    "data", [b"REGISTER sip:lab.example SIP/2.0\r\n", b"\x80\x2e\x01\x03\x01", b"\x00", b"\r\n\r\n"]
)
def test_cleartext_is_not_answered(pki: Pki, data: bytes) -> None:
    server = TlsServer(TlsBehaviour(pki.presentation("good")))

    assert server.receive(data) == [NotTls(data)]
    assert server.receive(b"more") == [NotTls(b"more")]
    assert server.output() == b""
    assert server.eof() == server.close() == []


def test_a_broken_client_hello_is_named_and_answered(pki: Pki) -> None:
    server = TlsServer(TlsBehaviour(pki.presentation("good")))

    events = server.receive(b"\x16\x03\x01\x00\x05hello")
    (failed,) = [event for event in events if isinstance(event, TlsFailed)]
    assert "handshake message 104 where a ClientHello is due" in failed.reason
    assert server.output()[0] == 0x15


def test_the_end_within_the_handshake_is_a_failure(pki: Pki) -> None:
    server = TlsServer(TlsBehaviour(pki.presentation("good")))
    assert server.eof() == []

    server = TlsServer(TlsBehaviour(pki.presentation("good")))
    server.receive(b"\x16\x03\x01")
    (failed,) = server.eof()
    assert isinstance(failed, TlsFailed)


def test_close_notify_within_the_handshake_ends_it(pki: Pki) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"), ("TLSv1.2",)))
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    client.exchange()

    events = client.server.receive(b"\x15\x03\x03\x00\x02\x01\x00")
    assert alerts(events) == [("in", 1, 0)]
    assert any(isinstance(event, (PeerClosed, TlsFailed)) for event in events)
    assert client.server.receive(b"\x16\x03\x03\x00\x01\x00") == []


def test_plaintext_before_the_handshake_is_a_mistake(pki: Pki) -> None:
    server = TlsServer(TlsBehaviour(pki.presentation("good")))
    with pytest.raises(ValueError, match="handshake"):
        server.send(b"SIP/2.0 200 OK")


@pytest.mark.parametrize("versions", [(), ("SSLv3",), ("TLSv1.2", "TLSv1.4")])
def test_versions_that_cannot_be_offered(pki: Pki, versions: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="versions"):
        TlsBehaviour(pki.presentation("good"), versions)


def test_a_cipher_that_openssl_does_not_have(pki: Pki) -> None:
    with pytest.raises(ValueError, match="TLS_RSA_WITH_RC4_128_MD5"):
        TlsServer(TlsBehaviour(pki.presentation("good"), ciphers="TLS_RSA_WITH_RC4_128_MD5"))


def first_records(data: bytes, count: int) -> list[tuple[int, int]]:
    """(type, length) of the first records."""
    found: list[tuple[int, int]] = []
    while data and len(found) < count:
        length = int.from_bytes(data[3:5], "big")
        found.append((data[0], length))
        data = data[5 + length :]
    return found


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("fragment", [1, 50])
def test_a_handshake_in_small_records(pki: Pki, version: str, fragment: int) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"), (version,), fragment=fragment))
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    client.events += client.server.receive(client._out.read())
    flight = client.server.output()
    assert first_records(flight, 40 // fragment) == [(22, fragment)] * (40 // fragment)
    client._in.write(flight)

    client.handshake()
    assert client.error is None
    assert client.of(TlsEstablished)
    client.server.send(b"SIP/2.0 200 OK")
    client.exchange()
    assert client.tls.read(100) == b"SIP/2.0 200 OK"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_handshake_that_is_broken_off(pki: Pki, version: str) -> None:
    lengths = []
    for stop in StopAfter:
        client = Client(pki, TlsBehaviour(pki.presentation("good"), (version,), stop_after=stop))
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        events = client.server.receive(client._out.read())
        assert isinstance(events[0], ClientHelloSeen)
        assert events[-1] == TlsFailed(f"the edge stops after the {stop}, as it is told to")
        assert not any(isinstance(event, (AlertSeen, TlsEstablished)) for event in events)
        flight = client.server.output()
        lengths.append(len(flight))
        assert client.server.receive(b"\x16\x03\x03\x00\x01\x00") == client.server.close() == []
        assert client.server.output() == b""
    nothing, hello, everything = lengths
    assert nothing == 0
    assert 50 < hello < 200
    assert everything > 1000


def test_a_client_that_cannot_be_served_is_told_so_before_the_stop(pki: Pki) -> None:
    behaviour = TlsBehaviour(pki.presentation("good"), ("TLSv1.3",), stop_after=StopAfter.SERVER_HELLO)
    client = Client(pki, behaviour, versions=(V.TLSv1_2, V.TLSv1_2)).handshake()
    assert alerts(client.events) == [("out", 2, 70)]
    assert client.error is not None


def test_a_record_of_nothing_is_no_record(pki: Pki) -> None:
    with pytest.raises(ValueError, match="one byte"):
        TlsBehaviour(pki.presentation("good"), fragment=0)


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_an_ecdsa_leaf(pki: Pki, version: V) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("ecdsa-p256")), versions=(version, version)).handshake()
    (established,) = client.of(TlsEstablished)
    assert isinstance(established, TlsEstablished)
    expected = "TLS_AES_256_GCM_SHA384"
    if version is V.TLSv1_2:
        expected = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    assert established.cipher == expected


@pytest.mark.parametrize("name", ["sha1-signature", "md5-signature", "rsa-1024-leaf"])
@pytest.mark.parametrize("suite", [None, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"])
def test_a_client_that_takes_weak_ones_is_served(pki: Pki, name: str, suite: str | None) -> None:
    behaviour = TlsBehaviour(pki.presentation(name), ("TLSv1.2",), ciphers=suite)
    client = Client(pki, behaviour, ciphers="DEFAULT@SECLEVEL=0").handshake()
    assert client.error is None
    assert client.of(TlsEstablished)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "beginning", [b"\x17\x03\x03\x40\x00", b"\x16\x03\x01\x40\x00\x01\x00\xff\xff", b"\x16\x03\x01\xff\xff"]
)
def test_garbage_does_not_grow_memory(pki: Pki, beginning: bytes) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"))).handshake()
    fresh = TlsServer(TlsBehaviour(pki.presentation("good")))
    chunk = beginning + b"\xff" * (65_536 - len(beginning))
    before = 0
    for number in range(480):
        for server in (client.server, fresh):
            server.receive(chunk)
            server.output()
        if number == 8:
            before = resident_bytes()
    assert resident_bytes() - before < 4 << 20


def test_an_engine_is_freed_without_the_garbage_collector(pki: Pki) -> None:
    gc.disable()
    try:
        server = TlsServer(TlsBehaviour(pki.presentation("good")))
        server.receive(b"\x16\x03\x01\x00\x05hello")
        gone = weakref.ref(server._connection)
        del server
        assert gone() is None
    finally:
        gc.enable()


@settings(max_examples=60)
@given(data=st.binary(max_size=400), cut=st.integers(0, 400), tls=st.booleans())
def test_no_bytes_break_the_engine(pki: Pki, data: bytes, cut: int, tls: bool) -> None:
    server = TlsServer(TlsBehaviour(pki.presentation("good")))
    stream = b"\x16\x03\x01" + data if tls else data
    server.receive(stream[:cut])
    server.receive(stream[cut:])
    server.output()
    server.eof()
    server.close()


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_a_certificate_is_asked_for_and_none_is_needed(pki: Pki, version: V) -> None:
    behaviour = TlsBehaviour(pki.presentation("good"), asks_for_certificate=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pki.root_pem.decode())
    context.minimum_version = context.maximum_version = version
    asked: list[int] = []
    context._msg_callback = lambda *message: asked.append(message[4])  # type: ignore[attr-defined]
    client = Client(pki, behaviour, context=context).handshake()
    assert client.error is None
    assert client.of(TlsEstablished)
    assert 13 in asked
    # Coming back with a session must not fail either: a context that verifies needs an id for that.
    again = Client(pki, behaviour, context=client.context, session=client.tls.session).handshake()
    assert again.error is None
    assert again.of(TlsEstablished)


def test_one_suite_alone(pki: Pki) -> None:
    suite = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
    behaviour = TlsBehaviour(pki.presentation("good"), ("TLSv1.2",), ciphers=suite)
    assert Client(pki, behaviour).handshake().of(TlsEstablished) == [TlsEstablished("TLSv1.2", suite)]
    refused = Client(pki, behaviour, ciphers="ECDHE-RSA-AES256-GCM-SHA384").handshake()
    assert alerts(refused.events) == [("out", 2, 40)]


def test_a_client_that_offers_no_more_than_is_heard_is_served(pki: Pki) -> None:
    behaviour = TlsBehaviour(pki.presentation("good"), hears_at_most="TLSv1.2")
    client = Client(pki, behaviour, versions=(V.TLSv1_2, V.TLSv1_2))
    hello = client.tls
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    # In two pieces: nothing of it is answered before it is whole.
    first = client._out.read(50)
    client.events += client.server.receive(first)
    assert client.server.output() == b""
    assert client.handshake().error is None
    assert len(client.of(TlsEstablished)) == 1


def test_a_hello_that_cannot_be_read_is_answered_all_the_same(pki: Pki) -> None:
    server = TlsServer(TlsBehaviour(pki.presentation("good"), hears_at_most="TLSv1.2"))
    events = server.receive(b"\x16\x03\x01\x00") + server.receive(b"\x04\x01\x00\x00\x00")
    assert any(isinstance(event, TlsFailed) for event in events)


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_a_session_is_resumed_until_it_is_forgotten(pki: Pki, version: V) -> None:
    good = TlsBehaviour(pki.presentation("good"))
    first = Client(pki, good, versions=(version, version)).handshake()
    with pytest.raises(ssl.SSLWantReadError):
        first.tls.read(1)
    seen = [first.of(TlsEstablished)[0]]
    for behaviour in (good, replace(good, forgets_sessions=True)):
        again = Client(pki, behaviour, context=first.context, session=first.tls.session).handshake()
        seen.append(again.of(TlsEstablished)[0])
    assert [event.resumed for event in seen if isinstance(event, TlsEstablished)] == [False, True, False]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_stalled_handshake_stays_open_and_says_no_more(pki: Pki, version: str) -> None:
    behaviour = TlsBehaviour(pki.presentation("good"), (version,), stop_after=StopAfter.SERVER_HELLO, stalls=True)
    client = Client(pki, behaviour)
    for _ in range(3):
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.exchange()
    assert [type(event) for event in client.events if not isinstance(event, SecretLine)] == [ClientHelloSeen]
    assert [type(event) for event in client.server.eof()] == [TlsFailed]


def test_what_is_unusual_is_said_in_words(pki: Pki) -> None:
    good = TlsBehaviour(pki.presentation("good"))
    odd = replace(good, fragment=1, spread_s=0.4, stop_after=StopAfter.CLIENT_HELLO)
    assert good.manner == ""
    assert odd.manner == "stops after the client-hello, records of 1 bytes, sent over 0.4 s"
    with pytest.raises(ValueError, match="after the ServerHello alone"):
        replace(good, stalls=True)
