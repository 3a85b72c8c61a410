"""The media of one leg: what it offers and answers, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from certsuite.core.events import Event, MediaNotAgreed, MediaOpened
from certsuite.core.journal import Journal, SystemClock
from certsuite.edge.leg_media import LegMedia, Place
from certsuite.edge.media import MediaLoop
from certsuite.sdp.session import Direction, SessionDescription
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms
from certsuite.sip.message import SipMessage
from tests.edge.test_media import HOST, Frames

SUITE = "AES_CM_128_HMAC_SHA1_80"
LONG_KEYS = "AES_256_CM_HMAC_SHA1_80"


class Pair:
    """The media of two legs that talk to each other."""

    def __init__(self) -> None:
        self.journal = Journal(SystemClock())
        self.loop = MediaLoop(self.journal, Frames())
        self.ours, self.theirs = self.leg("ours"), self.leg("theirs")

    def leg(self, call_id: str) -> LegMedia:
        return LegMedia(self.journal, self.loop.open(HOST), lambda: Place(call_id, 1, "f1", "primary"))

    def settle(self) -> SessionDescription:
        """Our offer, their answer; gives the offer."""
        offer = self.ours.offer()
        reply = self.theirs.answer(message(offer))
        assert reply is not None
        self.ours.take_answer(message(reply))
        return SessionDescription.parse(offer)

    def seen(self, kind: type[Event]) -> list[Event]:
        return [one.event for one in self.journal.since(0) if isinstance(one.event, kind)]


def message(body: bytes) -> SipMessage:
    return SipMessage(status=200, headers=(("Content-Type", "application/sdp"),), body=body)


def lines(session: SessionDescription | bytes) -> tuple[str, ...]:
    session = SessionDescription.parse(session) if isinstance(session, bytes) else session
    assert session.audio is not None
    return session.audio.values("crypto")


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    made.loop.start()
    yield made
    made.loop.stop()


def test_a_key_stays_unless_new_ones_are_asked_for(pair: Pair) -> None:
    first, second = pair.settle(), pair.settle()
    assert lines(first) == lines(second)
    assert second.origin is not None
    assert first.origin is not None
    assert (second.origin.session_id, second.origin.version) == (first.origin.session_id, "2")
    pair.ours.terms = MediaTerms(new_keys=True)
    assert lines(pair.settle()) != lines(first)
    assert len(pair.seen(MediaOpened)) == 6


def test_lines_have_the_tags_and_suites_of_the_terms(pair: Pair) -> None:
    pair.ours.terms = MediaTerms(suites=(LONG_KEYS, SUITE), tags=(9, 4))
    assert [line.split()[:2] for line in lines(pair.ours.offer())] == [["9", LONG_KEYS], ["4", SUITE]]
    assert pair.ours.offer_open
    assert LegMedia.suites_offered(pair.ours.offer()) == [LONG_KEYS, SUITE]
    assert LegMedia.suites_offered(b"nothing") == []


def test_the_second_line_is_taken_and_used(pair: Pair) -> None:
    pair.ours.terms = MediaTerms(suites=(LONG_KEYS, SUITE))
    pair.settle()
    assert not pair.ours.offer_open
    agreed = pair.ours.agreement
    assert agreed is not None
    assert agreed.suite == SUITE
    assert agreed.local_crypto is not None
    assert agreed.local_crypto.tag == 2


def test_an_answer_that_fits_nothing_names_another_suite(pair: Pair) -> None:
    pair.theirs.terms = MediaTerms(answers_suite=LONG_KEYS)
    reply = pair.theirs.answer(message(pair.ours.offer()))
    assert reply is not None
    assert [line.split()[:2] for line in lines(reply)] == [["1", LONG_KEYS]]
    pair.ours.take_answer(message(reply))
    (refused,) = pair.seen(MediaNotAgreed)
    assert refused == MediaNotAgreed("ours", "crypto-suite-changed", refused.reason)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda body: b"no sdp", "sdp-unreadable"),
        (lambda body: body.replace(b"a=crypto", b"a=x"), "crypto-missing"),
        (lambda body: body.replace(b"PCM", b"XYZ").replace(b" 8 0 ", b" "), None),
    ],
)
def test_an_offer_that_cannot_be_taken_is_told(pair: Pair, spoil: Callable[[bytes], bytes], code: str | None) -> None:
    reply = pair.theirs.answer(message(spoil(pair.ours.offer())))
    assert (reply is None) == (code is not None)
    assert [one.reason_code for one in pair.seen(MediaNotAgreed)] == [code] * (code is not None)  # type: ignore[attr-defined]


def test_what_a_party_cannot_play_is_its_own_fault(pair: Pair) -> None:
    pair.theirs.terms = replace(WEBEX_TERMS, suites=(LONG_KEYS,))
    pair.ours.terms = MediaTerms(suites=(LONG_KEYS,))
    assert pair.theirs.answer(message(pair.ours.offer())) is None
    assert [one.reason_code for one in pair.seen(MediaNotAgreed)] == ["not-playable"]  # type: ignore[attr-defined]


def test_without_an_offer_it_makes_one_and_with_one_an_answer(pair: Pair) -> None:
    late = pair.theirs.description_for(SipMessage("INVITE", "sip:x", headers=()))
    assert late is not None
    assert pair.theirs.offer_open
    reply = pair.ours.description_for(message(late))
    assert reply is not None
    pair.theirs.take_answer(message(reply))
    assert pair.theirs.agreement is not None


def test_the_direction_is_that_of_the_terms(pair: Pair) -> None:
    pair.ours.terms = MediaTerms(direction=Direction.SENDONLY)
    pair.settle()
    assert pair.theirs.agreement is not None
    assert pair.theirs.agreement.direction is Direction.RECVONLY
