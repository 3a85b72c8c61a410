"""One connection without sockets: a client's engine against the listener's."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.checks.tls_client import Reaction, answer_to
from certsuite.tls.conversation import Conversation, EndedBy
from certsuite.tls.keys import KeyPool
from certsuite.tls.offers import Offer, make_offers
from certsuite.tls.pki import Names, Pki
from tests.clients.tls_clients import careless, verifying

HOST = "obp.lab.example"


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names(HOST), keys)


@pytest.fixture(scope="module")
def offered(pki: Pki) -> dict[str, Offer]:
    return {one.name: one for one in make_offers(pki).offered}


class Peer:
    """A client over memory, and how much of the listener's bytes have reached it."""

    def __init__(self, offer: Offer, context: ssl.SSLContext) -> None:
        self.conversation = Conversation(offer)
        self.now = 100.0
        self.reached = 0
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=HOST)

    def shakes_hands(self) -> None:
        for _ in range(6):
            with contextlib.suppress(ssl.SSLError):
                self.tls.do_handshake()
            self.exchanges()

    def exchanges(self) -> None:
        if said := self._outgoing.read():
            self.conversation.receive(said, self.now)
        answer = self.conversation.output()
        self.reached += len(answer)
        self._incoming.write(answer)

    def leaves(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self.exchanges()
        self.conversation.eof(self.now)


def test_the_first_data_ends_it(offered: dict[str, Offer]) -> None:
    peer = Peer(offered["good"], careless())
    peer.shakes_hands()
    assert peer.conversation.established
    assert not peer.conversation.over
    peer.tls.write(b"x" * 1000)
    peer.exchanges()
    assert peer.conversation.over
    told = peer.conversation.tell(peer.reached)
    assert told.data == b"x" * 200
    assert (told.ended_by, told.alert, told.shown) == (EndedBy.LISTENER, None, True)
    assert peer.tls.read() == b""


def test_a_browser_is_told_what_it_accepted(offered: dict[str, Offer]) -> None:
    peer = Peer(offered["expired"], careless())
    peer.shakes_hands()
    peer.tls.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    peer.exchanges()
    head, _, body = peer.tls.read(4096).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"sent data to expired" in body


def test_a_clients_alert_is_told_as_it_was_sent(offered: dict[str, Offer], pki: Pki) -> None:
    peer = Peer(offered["expired"], verifying(pki.root_pem))
    peer.shakes_hands()
    told = peer.conversation.tell(peer.reached)
    assert told.alert is not None
    assert (told.alert.level, told.alert.description, told.alert.name) == (2, 45, "certificate_expired")
    assert (told.ended_by, told.how, told.alert_after_handshake) == (EndedBy.CLIENT, "alert", False)
    assert told.established is None


def test_an_orderly_end_is_no_alert_and_the_time_is_told(offered: dict[str, Offer]) -> None:
    peer = Peer(offered["good"], careless())
    peer.shakes_hands()
    peer.now += 2.5
    peer.leaves()
    told = peer.conversation.tell(peer.reached)
    assert (told.alert, told.ended_by, told.how, told.stayed_s) == (None, EndedBy.CLIENT, "close_notify", 2.5)


def test_what_was_not_acknowledged_was_not_shown(offered: dict[str, Offer]) -> None:
    peer = Peer(offered["good"], careless())
    peer.shakes_hands()
    assert peer.conversation.tell(peer.reached).shown
    assert not peer.conversation.tell(500).shown


def test_no_certificate_is_shown_to_whom_a_version_is_wanting(offered: dict[str, Offer]) -> None:
    context = careless()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    peer = Peer(offered["tls-1.2"], context)
    with contextlib.suppress(ssl.SSLError):
        peer.shakes_hands()
    told = peer.conversation.tell(10_000_000 if peer.reached > 500 else peer.reached)
    assert told.own_alert is not None
    assert (told.own_alert.description, told.shown, told.ended_by) == (70, False, EndedBy.LISTENER)


def test_cleartext_is_kept_in_part(offered: dict[str, Offer]) -> None:
    conversation = Conversation(offered["good"])
    conversation.receive(b"OPTIONS sip:x SIP/2.0\r\n" * 100, 0.0)
    told = conversation.tell(0)
    assert told.cleartext == (b"OPTIONS sip:x SIP/2.0\r\n" * 100)[:200]
    assert told.hello is None
    assert conversation.output() == b""


def test_who_ended_it_is_who_began_to(offered: dict[str, Offer]) -> None:
    conversation = Conversation(offered["good"])
    conversation.give_up(EndedBy.PATIENCE, 30.0)
    conversation.eof(31.0)
    conversation.lost(32.0)
    assert conversation.tell(0).ended_by is EndedBy.PATIENCE


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(data=st.binary(max_size=300), cut=st.integers(0, 600), flip=st.integers(0, 4000))
def test_nothing_that_a_client_sends_breaks_it(offered: dict[str, Offer], data: bytes, cut: int, flip: int) -> None:
    outgoing = ssl.MemoryBIO()
    tls = careless().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=HOST)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = bytearray(outgoing.read())
    hello[flip // 8 % len(hello)] ^= 1 << flip % 8
    for name in ("good", "fragmented", "closes-in-handshake"):
        conversation = Conversation(offered[name])
        for piece in (bytes(hello[:cut]), data, bytes(hello[cut:])):
            conversation.receive(piece, 0.0)
            conversation.output()
        conversation.eof(1.0)
        told = conversation.tell(10_000)
        assert conversation.over
        assert told.data == b""
        assert answer_to(told).reaction in (Reaction.NOTHING, Reaction.UNDECIDED, Reaction.REFUSED)
