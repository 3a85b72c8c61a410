"""Keys by SDES: which answers fit, which are refused, and what a device does with one that does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import MediaNotAgreed, MediaWindow
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from certsuite.sdp.terms import MediaTerms
from tests.checks.good_media import CALL, hears, offer, reoffered, reply

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

LONG_KEYS = "AES_256_CM_HMAC_SHA1_80"


def invites(trace: Trace, terms: MediaTerms | None = None) -> None:
    trace.request("INVITE", OUT, body=bytes(offer() if terms is None else offer(terms)))


def test_an_answer_that_fits(trace: Trace) -> None:
    trace.is_open("sdes.answer-fits", "not-stimulated")
    invites(trace)
    trace.is_open("sdes.answer-fits", "no-answer")
    trace.answer(200, body=reply(offer()))
    trace.passes("sdes.answer-fits")


@pytest.mark.parametrize(
    "body",
    [reply(offer(), suite=LONG_KEYS, key=bytes(46)), reply(offer(), key=bytes(30)), b"v=0\r\n", b""],
    ids=["suite-changed", "key-of-the-offer", "no-audio", "nothing"],
)
def test_an_answer_that_does_not(trace: Trace, body: bytes) -> None:
    invites(trace)
    trace.answer(200, body=body)
    trace.fails("sdes.answer-fits", "srtp-answer-wrong")
    trace.fails("sdes.taken-or-refused", "srtp-answer-wrong", claimed=False)


def test_a_refusal_of_what_every_device_can(trace: Trace) -> None:
    invites(trace)
    trace.answer(488)
    trace.fails("sdes.answer-fits", "call-refused")


def test_another_call_says_nothing(trace: Trace) -> None:
    trace.request("INVITE", OUT, body=bytes(offer()), call_id="another")
    trace.is_open("sdes.answer-fits", "not-stimulated")


def test_a_suite_alone_may_be_refused_unless_it_is_claimed(trace: Trace) -> None:
    invites(trace)
    trace.answer(488)
    trace.passes("sdes.taken-or-refused", claimed=False)
    trace.fails("sdes.taken-or-refused", "srtp-claimed-suite-refused", claimed=True)


def test_busy_says_nothing_of_a_suite(trace: Trace) -> None:
    invites(trace)
    trace.answer(486)
    trace.is_open("sdes.taken-or-refused", "refused-for-another-reason", claimed=True)


def test_keys_of_plain_rtp_must_not_be_dropped(trace: Trace) -> None:
    terms = MediaTerms(protocol="RTP/AVP")
    invites(trace, terms)
    body = b"\r\n".join(line for line in reply(offer(terms)).split(b"\r\n") if not line.startswith(b"a=crypto"))
    trace.answer(200, body=body)
    trace.fails("sdes.taken-or-refused", "accepts-plain-rtp", claimed=False)


def test_what_the_bench_cannot_play_is_not_decided(trace: Trace) -> None:
    invites(trace)
    trace.answer(200, body=reply(offer()))
    trace.see(MediaNotAgreed(CALL, "not-playable", "the SRTP library has no such suite"))
    judged = trace.judge("sdes.taken-or-refused", claimed=False)
    assert (judged.verdict, judged.reason_code) == (Verdict.INCONCLUSIVE, "not-playable")


def test_a_reoffer_is_another_matter_than_the_offer(trace: Trace) -> None:
    invites(trace)
    trace.answer(200, body=reply(offer()))
    trace.is_open("sdes.takes-reoffer", "not-stimulated")
    trace.request("INVITE", OUT, body=bytes(offer()), to_tag="2", headers={"CSeq": "2 INVITE"})
    trace.fails("sdes.takes-reoffer", "reoffer-not-answered", settled=False)


@pytest.mark.parametrize(("status", "finding"), [(488, "reoffer-refused"), (200, "srtp-answer-wrong")])
def test_a_reoffer_that_is_not_taken(trace: Trace, status: int, finding: str) -> None:
    trace.request("INVITE", OUT, body=bytes(offer()), to_tag="2")
    trace.answer(status, body=reply(offer(), key=bytes(30)))
    trace.fails("sdes.takes-reoffer", finding)


def test_a_reoffer_that_crossed_the_device_s_own_is_refused_rightly(trace: Trace) -> None:
    trace.request("INVITE", OUT, body=bytes(offer()), to_tag="2", headers={"CSeq": "2 INVITE"})
    trace.request("INVITE", to_tag="1", body=reply(offer()))
    trace.answer(491, headers={"CSeq": "2 INVITE"})
    trace.is_open("sdes.takes-reoffer", "offers-crossed")


def test_a_reoffer_that_is_taken(trace: Trace) -> None:
    reoffered(trace)
    trace.passes("sdes.takes-reoffer")


def test_audio_that_is_refused_by_port_0_is_refused(trace: Trace) -> None:
    """RFC 3264 section 6."""
    trace.request("INVITE", OUT, body=bytes(offer()))
    trace.answer(200, "OK", body=reply(offer()).replace(b"m=audio 4000", b"m=audio 0"))
    trace.passes("sdes.taken-or-refused", claimed=False)
    judged = trace.fails("sdes.taken-or-refused", "srtp-claimed-suite-refused", claimed=True)
    assert judged.findings[0].observed == "200 OK with port 0"


@pytest.mark.parametrize("status", [302, 486])
def test_a_call_that_is_diverted_or_meets_a_busy_user_says_nothing_of_srtp(trace: Trace, status: int) -> None:
    trace.request("INVITE", OUT, body=bytes(offer()))
    trace.answer(status)
    trace.is_open("sdes.taken-or-refused", "refused-for-another-reason", claimed=False)


def test_a_bye_of_another_dialog_gives_nothing_up(trace: Trace) -> None:
    trace.answer(200, direction=OUT, body=bytes(offer()))
    trace.request("BYE")
    trace.answer(481, "R", OUT, method="BYE")
    trace.fails("sdes.gives-up-bad-answer", "srtp-bad-answer-taken", settled=False)


def test_a_bad_answer_is_given_up(trace: Trace) -> None:
    trace.is_open("sdes.gives-up-bad-answer", "not-stimulated")
    trace.answer(200, direction=OUT, body=bytes(offer()))
    assert "without media" in observed(trace)
    hears(trace, 0.0, packets=3, auth_failures=2)
    assert observed(trace) == "no BYE, 5 packets of media"
    hears(trace, 0.0, packets=0, cleartext=4)
    assert observed(trace) == "no BYE, 9 packets of media, 4 of them in the clear"
    trace.request("BYE")
    trace.passes("sdes.gives-up-bad-answer")


def observed(trace: Trace) -> str:
    judged = trace.fails("sdes.gives-up-bad-answer", "srtp-bad-answer-taken", settled=False)
    assert all(isinstance(seen.event, MediaWindow) for seen in trace.observations[1:])
    return judged.findings[0].observed
