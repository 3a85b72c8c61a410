"""A step of a root probe in the shape of a conversation, against OpenSSL in memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from certsuite.tls.conversation import EndedBy
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.probe_chains import Mode, ProbeChains, ProbeKeys, Role, Technique, TrustedRoot
from certsuite.tls.probe_conversation import ProbeConversation, ProbeOffer, probe_offers
from certsuite.tls.probe_server import Answer, AnswerKind

HOST = "edge.lab.example"
PATIENCE_S = 5.0


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names(HOST), keys)


@pytest.fixture(scope="module")
def offers(pki: Pki) -> dict[str, ProbeOffer]:
    trusted = TrustedRoot.of(pki.lab.root, pki.lab.root_key)
    probed = trusted.certificate
    chains = ProbeChains.make(probed, trusted, ProbeKeys(), host=HOST, now=pki.now)
    return {one.name: one for one in probe_offers(chains, patience_s=PATIENCE_S)}


class Client:
    """Python's TLS in memory, which says what a client sends."""

    def __init__(self, roots: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl.create_default_context(cadata=roots).wrap_bio(
            self._incoming, self._outgoing, server_hostname=HOST
        )

    def says(self, answer: bytes = b"") -> bytes:
        self._incoming.write(answer)
        with suppress(ssl.SSLError):
            self._tls.do_handshake()
        return self._outgoing.read()


def test_there_is_an_offer_for_each_mode_and_role(offers: dict[str, ProbeOffer]) -> None:
    assert list(offers) == [f"spoof-{version}-{role}" for version in ("1.2", "1.3") for role in Role]


@pytest.mark.parametrize(("name", "alert"), [("spoof-1.2-unknown", 48), ("spoof-1.3-trusted", 51)])
def test_an_alert_ends_it_and_is_told(offers: dict[str, ProbeOffer], pki: Pki, name: str, alert: int) -> None:
    talk, client = ProbeConversation(offers[name]), Client(pki.root_pem.decode("ascii"))
    talk.receive(client.says(), 1.0)
    assert (talk.over, talk.established, talk.deadline) == (False, True, 1.0 + PATIENCE_S)
    talk.receive(client.says(talk.output()), 1.5)
    assert talk.over
    told = talk.tell(0)
    assert told.answer == Answer(AnswerKind.ALERT, alert)
    assert told.hello is not None
    assert told.hello.server_name == HOST


def test_silence_is_an_answer_once_patience_is_over(offers: dict[str, ProbeOffer], pki: Pki) -> None:
    talk = ProbeConversation(offers["spoof-1.2-probed"])
    talk.receive(Client(pki.root_pem.decode("ascii")).says(), 1.0)
    # A timer may come a little early.
    talk.give_up(EndedBy.PATIENCE, 1.0 + PATIENCE_S - 0.0005)
    assert talk.tell(0).answer == Answer(AnswerKind.SILENCE)


@pytest.mark.parametrize(("why", "at"), [(EndedBy.STOP, 99.0), (EndedBy.PATIENCE, 3.0)])
def test_who_is_cut_off_has_not_answered(offers: dict[str, ProbeOffer], pki: Pki, why: EndedBy, at: float) -> None:
    talk = ProbeConversation(offers["spoof-1.2-probed"])
    talk.receive(Client(pki.root_pem.decode("ascii")).says(), 1.0)
    talk.give_up(why, at)
    talk.eof(at)
    assert talk.over
    assert talk.tell(0).answer is None


def test_a_client_that_resets_has_closed(offers: dict[str, ProbeOffer], pki: Pki) -> None:
    talk = ProbeConversation(offers["spoof-1.2-probed"])
    talk.receive(Client(pki.root_pem.decode("ascii")).says(), 1.0)
    talk.lost(1.1)
    assert talk.tell(0).answer == Answer(AnswerKind.CLOSED)


def test_what_is_no_tls_is_told_as_that(offers: dict[str, ProbeOffer]) -> None:
    talk = ProbeConversation(offers["spoof-1.2-probed"])
    talk.receive(b"GET / HTTP/1.1\r\n\r\n", 1.0)
    told = talk.tell(0)
    assert (told.hello, told.cleartext[:3]) == (None, b"GET")
    assert told.answer == Answer(AnswerKind.NOT_TLS)


def test_a_name_says_technique_version_and_role(offers: dict[str, ProbeOffer]) -> None:
    chain = offers["spoof-1.2-probed"].chain
    assert ProbeOffer(Mode(Technique.STATIC_RSA, "TLSv1.2"), Role.TRUSTED, chain).name == "static-rsa-1.2-trusted"
