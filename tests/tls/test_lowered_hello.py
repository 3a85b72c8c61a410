"""ClientHellos with what is newer taken out, made of those of a real library."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from certsuite.core.events import ClientHelloSeen, ClientKeyExchangeSeen, TlsEstablished
from certsuite.tls.client_hello import ClientHelloReader, extension_data
from certsuite.tls.keys import KeyPool
from certsuite.tls.lowered_hello import LoweredRecords, lowered_hello
from certsuite.tls.pki import Names, Pki
from certsuite.tls.server import TlsBehaviour
from tests.tls.test_server import OUTBOUND_PROXY, Client, V, alerts


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names(OUTBOUND_PROXY), keys)


def hello(ciphers: str = "") -> ClientHelloSeen:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ciphers:
        context.set_ciphers(ciphers)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="obp.lab.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return read(outgoing.read())


def read(records: bytes) -> ClientHelloSeen:
    seen = ClientHelloReader().feed(records)
    assert isinstance(seen, ClientHelloSeen)
    return seen


@pytest.mark.parametrize(
    ("version", "left"), [("TLSv1.2", ("TLSv1.2", "TLSv1.1", "TLSv1")), ("TLSv1.1", ("TLSv1.1", "TLSv1"))]
)
def test_only_what_is_newer_is_taken_out(version: str, left: tuple[str, ...]) -> None:
    before = hello()
    after = read(lowered_hello(before.raw, version))
    assert before.versions[0] == "TLSv1.3"
    assert after.versions == left
    assert after.cipher_suites[: len(before.cipher_suites)] == before.cipher_suites
    assert (after.server_name, after.groups) == (before.server_name, before.groups)
    assert after.raw[6:38] == before.raw[6:38]
    gone = set(before.extensions) - set(after.extensions)
    assert gone == {43, 45, 51}
    kept = extension_data(after.raw)
    assert all(data == kept[kind] for kind, data in extension_data(before.raw).items() if kind not in gone)


def test_one_that_offers_nothing_old_enough_gets_some() -> None:
    modern = hello("ECDHE+AESGCM")
    assert not {0xC013, 0x002F} & set(modern.cipher_suites)
    old = read(lowered_hello(modern.raw, "TLSv1.1")).cipher_suites
    assert old[: len(modern.cipher_suites)] == modern.cipher_suites
    assert {0xC013, 0x002F} <= set(old)
    assert read(lowered_hello(modern.raw, "TLSv1.2")).cipher_suites == modern.cipher_suites


def test_a_hello_that_says_it_comes_again_does_not_say_so_any_more() -> None:
    raw = hello().raw
    at = 39 + raw[38]
    end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
    suites = raw[at + 2 : end] + b"\x56\x00"
    body = raw[4:at] + len(suites).to_bytes(2, "big") + suites + raw[end:]
    again = raw[:1] + len(body).to_bytes(3, "big") + body
    assert 0x5600 not in read(lowered_hello(again, "TLSv1.2")).cipher_suites


def test_what_follows_is_named_after_the_lower_version_record_by_record() -> None:
    records = LoweredRecords("TLSv1.1")
    alert = b"\x15\x03\x03\x00\x02\x02\x46"
    sent = alert + b"\x16\x03\x03\x00\x01"
    assert b"".join(records.take(sent[at : at + 1]) for at in range(len(sent))) == b"\x15\x03\x02\x00\x02\x02\x46"
    assert records.take(b"x") == b"\x16\x03\x02\x00\x01x"


@pytest.mark.parametrize(
    ("to", "knows", "alert"), [("TLSv1.1", ("TLSv1.1",), 70), ("TLSv1.2", ("TLSv1.2", "TLSv1.3"), 47)]
)
def test_an_answer_to_less_than_was_offered_is_refused_by_number(
    pki: Pki, to: str, knows: tuple[str, ...], alert: int
) -> None:
    client = Client(pki, TlsBehaviour(pki.presentation("good"), knows, hears_at_most=to)).handshake()
    assert alerts(client.events) == [("in", 2, alert)]
    assert not client.of(ClientKeyExchangeSeen)
    assert not client.of(TlsEstablished)


def test_a_client_that_goes_on_is_seen_to_by_its_key_exchange(pki: Pki) -> None:
    behaviour = TlsBehaviour(pki.presentation("good"), ("TLSv1.1",), hears_at_most="TLSv1.1")
    client = Client(pki, behaviour, versions=(V.TLSv1, V.TLSv1_3), ciphers="DEFAULT:@SECLEVEL=0").handshake()
    assert client.of(ClientKeyExchangeSeen) == [ClientKeyExchangeSeen()]
    assert not client.of(TlsEstablished)
