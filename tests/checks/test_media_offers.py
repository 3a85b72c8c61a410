"""Late offers, and calls that the far end holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from certsuite.sdp.session import Direction
from certsuite.sdp.terms import MediaTerms
from tests.checks.good_media import hears, offer, opens, reoffered, reply

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

HOLD = MediaTerms(direction=Direction.SENDONLY)


def test_an_offer_that_comes_late(trace: Trace) -> None:
    trace.is_open("call.offers-late", "not-stimulated")
    trace.request("INVITE", OUT)
    trace.is_open("call.offers-late", "no-answer")
    trace.answer(200, body=trace.sdp())
    trace.passes("call.offers-late")


@pytest.mark.parametrize("body", [b"", b"v=0\r\n", b"no sdp"])
def test_a_late_offer_without_srtp(trace: Trace, body: bytes) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200, body=body)
    trace.fails("call.offers-late", "late-offer-without-srtp")


def test_a_late_offer_of_plain_rtp_and_none_at_all(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200, body=trace.sdp("RTP/AVP", suites=()))
    trace.fails("call.offers-late", "late-offer-without-srtp")


def test_a_user_who_is_busy_says_nothing_of_late_offers(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(486)
    trace.is_open("call.offers-late", "refused-for-another-reason")


def test_a_refused_late_offer(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(488)
    trace.fails("call.offers-late", "late-offer-refused")


def test_silence_while_it_is_held(trace: Trace) -> None:
    opens(trace)
    trace.is_open("media.stops-when-held", "not-held")
    reoffered(trace, HOLD)
    hears(trace, 700, duration_s=0.3)
    trace.fails("media.stops-when-held", "held-goes-on-sending", settled=False)
    # A window that was over before the answer says nothing.
    hears(trace, 0, packets=0, duration_s=0.5)
    trace.fails("media.stops-when-held", "held-goes-on-sending", settled=False)
    hears(trace, 0, packets=0)
    trace.passes("media.stops-when-held")


def test_an_answer_that_ignores_the_hold(trace: Trace) -> None:
    reoffered(trace, HOLD, body=reply(offer()))
    trace.fails("media.stops-when-held", "held-answer-wrong")


def test_who_neither_sends_nor_receives_is_answered_likewise(trace: Trace) -> None:
    """RFC 3264 section 6.1: a stream that is offered as inactive is answered so."""
    opens(trace)
    reoffered(trace, MediaTerms(direction=Direction.INACTIVE), body=reply(offer()).replace(b"sendrecv", b"recvonly"))
    hears(trace, 0, packets=0)
    judged = trace.fails("media.stops-when-held", "held-answer-wrong")
    assert judged.findings[0].expected == "a=inactive (RFC 3264 section 6.1)"


def test_with_the_hold_of_old_the_attribute_does_not_count(trace: Trace) -> None:
    opens(trace)
    reoffered(trace, MediaTerms(unspecified=True), body=reply(offer()))
    hears(trace, 0, packets=0)
    hears(trace, 0, packets=0)
    trace.passes("media.stops-when-held")


def test_a_hold_that_was_refused_is_not_judged_here(trace: Trace) -> None:
    trace.request("INVITE", OUT, body=bytes(offer(HOLD)), to_tag="2")
    trace.answer(488)
    trace.is_open("media.stops-when-held", "not-held")


CLAIMS: dict[str, Any] = {"codecs": ["PCMA"], "suites": ["AES_CM_128_HMAC_SHA1_80"], "dtmf": True}


def its_offer(trace: Trace, *formats: str, suites: tuple[str, ...] = ("AES_CM_128_HMAC_SHA1_80",)) -> None:
    """An offer of the device's of PCMA and more."""
    lines = b"".join(f"a=rtpmap:{at} {one}\r\n".encode() for at, one in enumerate(formats, 96))
    numbers = b" ".join(str(at).encode() for at, _ in enumerate(formats, 96))
    body = trace.sdp(suites=suites).replace(b" 8 101\r\n", b" 8 " + numbers + b"\r\n") + lines
    trace.request("INVITE", body=body)


def test_who_made_no_offer_cannot_be_compared(trace: Trace) -> None:
    trace.request("INVITE", OUT, body=trace.sdp())
    trace.request("INVITE", body=trace.sdp(), to_tag="1")
    trace.is_open("media.offers-as-claimed", "nothing-seen", **CLAIMS)


def test_an_offer_of_what_is_claimed(trace: Trace) -> None:
    its_offer(trace, "telephone-event/8000", "CN/8000")
    trace.passes("media.offers-as-claimed", **CLAIMS)
    trace.passes("media.offers-as-claimed", **{**CLAIMS, "codecs": ["pcma"]})


@pytest.mark.parametrize(
    ("codecs", "suites", "changes", "named"),
    [
        (["telephone-event/8000", "GSM/8000"], CLAIMS["suites"], {}, "GSM"),
        (["telephone-event/8000"], [*CLAIMS["suites"], "AEAD_AES_128_GCM"], {}, "AEAD_AES_128_GCM"),
        (["telephone-event/8000"], CLAIMS["suites"], {"dtmf": False}, "telephone-event"),
    ],
)
def test_what_is_offered_and_not_claimed(
    trace: Trace, codecs: list[str], suites: list[str], changes: dict[str, bool], named: str
) -> None:
    its_offer(trace, *codecs, suites=tuple(suites))
    claims: dict[str, Any] = {**CLAIMS, **changes}
    judged = trace.fails("media.offers-as-claimed", "ability-not-claimed", verdict=Verdict.WARN, **claims)
    assert judged.findings[0].observed == f"{named} in the device's own offers"


def test_what_is_claimed_and_never_offered(trace: Trace) -> None:
    its_offer(trace)
    claims: dict[str, Any] = {**CLAIMS, "codecs": ["PCMA", "opus"]}
    judged = trace.fails("media.offers-as-claimed", "claim-not-offered", verdict=Verdict.WARN, **claims)
    assert judged.findings[0].observed == "no opus, no telephone-event in the device's own offers"
    its_offer(trace, "telephone-event/8000", "opus/48000/2")
    trace.passes("media.offers-as-claimed", **claims)
