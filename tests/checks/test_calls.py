"""Calls: ringing, answering, ending, offers and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import DigestChecked, DriverAction, LoopLag
from certsuite.core.findings import Evidence
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Mark, Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

OTHER = "another-call@x"
DIALLED: dict[str, Any] = {"number": "2000"}


# --- call.rings


def test_ringing_in_time(trace: Trace) -> None:
    trace.is_open("call.rings", "not-stimulated")
    trace.request("INVITE", OUT)
    judged = trace.fails("call.rings", "call-never-rings", settled=False)
    assert (judged.findings[0].limit, judged.findings[0].unit) == (12, "s")
    assert judged.findings[0].observed == "no response"
    trace.after(0.1).answer(100, "Trying")
    judged = trace.fails("call.rings", "call-never-rings", settled=False)
    assert judged.findings[0].observed == "100 Trying and no 18x"
    trace.after(0.1).answer(180, "Ringing", call_id=OTHER)
    trace.fails("call.rings", "call-never-rings", settled=False)
    trace.after(0.1).answer(183, "Session Progress")
    judged = trace.passes("call.rings")
    assert [(one.name, one.value, one.limit) for one in judged.measurements] == [("post_dial_delay", 0.3, 12)]
    assert judged.evidence == (Evidence(3, 1003),)


def test_answering_at_once_is_ringing_enough(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200, "OK")
    trace.passes("call.rings")


def test_ringing_late(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.after(12.5).answer(180)
    trace.fails("call.rings", "call-rings-late")
    trace.limit("ring_s", mark=Mark.INFERRED)
    trace.fails("call.rings", "call-rings-late", verdict=Verdict.WARN)
    trace.see(LoopLag(800.0))
    trace.is_open("call.rings", "bench-lag")


def test_a_refused_call_does_not_ring(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(486, "Busy \x1b[31mHere")
    assert trace.fails("call.rings", "call-refused").findings[0].observed == "486 Busy \\x1b[31mHere"


# --- call.is-answered, call.is-placed, call.answers-challenge, call.is-acknowledged


def test_an_answer_with_sdp(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(180)
    trace.fails("call.is-answered", "call-never-answered", settled=False)
    trace.answer(200, "OK", body=trace.sdp(), call_id=OTHER)
    trace.answer(200, "OK", method="UPDATE", body=trace.sdp())
    trace.fails("call.is-answered", "call-never-answered", settled=False)
    trace.answer(200, "OK", body=trace.sdp())
    trace.passes("call.is-answered")


def test_an_answer_without_sdp(trace: Trace) -> None:
    trace.answer(200, "OK")
    trace.fails("call.is-answered", "call-answer-without-sdp")


def test_a_refusal_is_no_answer(trace: Trace) -> None:
    trace.answer(488, "Not Acceptable Here")
    trace.fails("call.is-answered", "call-refused")


def test_a_call_is_placed_when_it_was_told_to(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.is_open("call.is-placed", "not-stimulated", **DIALLED)
    trace.see(DriverAction("dial", {"number": "2000"}, ok=True))
    trace.fails("call.is-placed", "call-never-placed", settled=False, **DIALLED)
    trace.request("INVITE")
    assert trace.passes("call.is-placed", **DIALLED).evidence == (Evidence(2, 1002),)


@pytest.mark.parametrize(
    "uri",
    [
        "sip:2065550100@x",
        "sip:+12065550100@x;user=phone",
        "sip:12065550100@x",
        "tel:+12065550100",
        "tel:+1-206-555-0100",
    ],
)
def test_a_number_may_be_called_in_its_international_form(trace: Trace, uri: str) -> None:
    trace.request("INVITE", uri=uri)
    trace.passes("call.is-placed", number="2065550100")


def test_a_number_may_be_dialled_in_its_international_form(trace: Trace) -> None:
    trace.request("INVITE", uri="sip:12065550100@x")
    trace.passes("call.is-placed", number="+12065550100")


@pytest.mark.parametrize(
    "uri",
    [
        "sip:2065550109@x",
        "sip:20655501001@x",
        "sip:x@2065550100",
        "sip:x",
        "tel:+12065550109",
        "sip:+@x",
        "odd",
        "sip:0@x",
        "sip:5550100@x",
    ],
)
def test_another_number_is_not_the_one_that_was_dialled(trace: Trace, uri: str) -> None:
    trace.request("INVITE", uri=uri)
    judged = trace.fails("call.is-placed", "call-wrong-number", number="2065550100")
    assert judged.findings[0].observed == f"INVITE to {uri}"
    assert "2065550100" in judged.findings[0].expected


def test_a_call_goes_out_on_the_line_on_which_it_was_dialled(trace: Trace) -> None:
    trace.request("INVITE", line=2)
    judged = trace.fails("call.is-placed", "call-wrong-line", **DIALLED)
    assert judged.findings[0].observed == "INVITE from line 2"
    trace.passes("call.is-placed", line=2, **DIALLED)
    trace.passes("call.is-placed", line=None, **DIALLED)


def test_a_call_whose_line_is_not_known_is_not_one_of_another_line(trace: Trace) -> None:
    trace.request("INVITE", line=None)
    trace.passes("call.is-placed", **DIALLED)


def test_the_challenge_to_an_invite(trace: Trace) -> None:
    trace.request("INVITE")
    judged = trace.fails("call.answers-challenge", "invite-challenge-not-answered", settled=False)
    assert judged.findings[0].observed == "no INVITE with credentials after the 407"
    trace.see(DigestChecked("REGISTER", "a", "r", True, True, True))
    trace.see(DigestChecked("INVITE", "a", "r", False, True, True))
    judged = trace.fails("call.answers-challenge", "invite-challenge-not-answered", settled=False)
    assert judged.findings[0].observed == "wrong credentials in the INVITE"
    trace.see(DigestChecked("INVITE", "a", "r", True, True, True))
    trace.passes("call.answers-challenge")


def test_an_invite_of_nobody_was_not_challenged(trace: Trace) -> None:
    trace.request("INVITE")
    trace.answer(403, "Forbidden", OUT)
    judged = trace.fails("call.answers-challenge", "invite-challenge-not-answered", settled=False)
    assert judged.findings[0].observed == "the INVITE was answered 403: its From is no address of a line"


def test_the_answer_is_acknowledged(trace: Trace) -> None:
    trace.answer(407, "", OUT)
    trace.request("ACK")
    trace.is_open("call.is-acknowledged", "not-stimulated")
    trace.answer(200, "OK", OUT)
    trace.request("ACK", call_id=OTHER)
    trace.fails("call.is-acknowledged", "no-ack", settled=False)
    trace.request("ACK", OUT)
    trace.fails("call.is-acknowledged", "no-ack", settled=False)
    trace.request("ACK", headers={"CSeq": "2 ACK"})
    judged = trace.fails("call.is-acknowledged", "no-ack", settled=False)
    assert judged.findings[0].observed == "ACK with CSeq 2"
    trace.request("ACK")
    trace.passes("call.is-acknowledged")


def test_an_ack_of_another_dialog_acknowledges_nothing(trace: Trace) -> None:
    trace.answer(200, "OK", OUT, headers={"To": "<sip:2000@lab.example>;tag=far"})
    trace.request("ACK")
    judged = trace.fails("call.is-acknowledged", "no-ack", settled=False)
    assert judged.findings[0].observed == "ACK with another tag in To than the 200's"
    trace.request("ACK", to_tag="far", headers={"From": "<sip:a@x>;tag=2"})
    trace.fails("call.is-acknowledged", "no-ack", settled=False)
    trace.request("ACK", to_tag="far")
    trace.passes("call.is-acknowledged")


# --- call.offers-srtp


def test_an_offer_with_webex_s_suite(trace: Trace) -> None:
    trace.is_open("call.offers-srtp", "nothing-seen")
    trace.request("INVITE")
    trace.is_open("call.offers-srtp", "nothing-seen")
    trace.request("INVITE", body=trace.sdp(suites=("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")))
    trace.passes("call.offers-srtp")


@pytest.mark.parametrize(
    ("protocol", "suites", "observed"),
    [
        ("RTP/AVP", (), "RTP/AVP with no crypto line"),
        ("RTP/AVP", ("AES_CM_128_HMAC_SHA1_80",), "RTP/AVP with AES_CM_128_HMAC_SHA1_80"),
        ("RTP/SAVP", (), "RTP/SAVP with no crypto line"),
        ("RTP/SAVP", ("AEAD_AES_256_GCM",), "RTP/SAVP with AEAD_AES_256_GCM"),
        ("RTP/SAVP", ("AES_CM_128_HMAC_SHA1_32",), "RTP/SAVP with AES_CM_128_HMAC_SHA1_32"),
        ("UDP/TLS/RTP/SAVPF", ("AES_CM_128_HMAC_SHA1_80",), "UDP/TLS/RTP/SAVPF with AES_CM_128_HMAC_SHA1_80"),
    ],
)
def test_other_offers(trace: Trace, protocol: str, suites: tuple[str, ...], observed: str) -> None:
    trace.request("INVITE", body=trace.sdp(protocol, suites=suites))
    assert trace.fails("call.offers-srtp", "offer-without-srtp").findings[0].observed == observed


@pytest.mark.parametrize("body", [b"\xff\xfe", b"v=0\r\n", b"m=audio x y\r\n", b"{}", b"v=0\r\nm=\r\n"])
def test_an_offer_that_cannot_be_read_is_one_without_srtp(trace: Trace, body: bytes) -> None:
    trace.request("INVITE", body=body)
    trace.fails("call.offers-srtp", "offer-without-srtp")
    trace.request("INVITE", to_tag="1", body=body)
    trace.fails("call.is-held", "hold-not-offered", settled=False)


# --- call.is-refused


def test_plain_rtp_is_refused(trace: Trace) -> None:
    trace.answer(488)
    trace.is_open("call.is-refused", "not-stimulated")
    trace.request("INVITE", OUT)
    trace.passes("call.is-refused")


@pytest.mark.parametrize("status", [488, 606, 415, 406, 500])
def test_a_final_failure_refuses(trace: Trace, status: int) -> None:
    trace.request("INVITE", OUT)
    trace.answer(180)
    trace.is_open("call.is-refused", "no-answer")
    trace.answer(status)
    trace.passes("call.is-refused")


@pytest.mark.parametrize("status", [302, 401, 404, 408, 480, 486, 487, 600, 603])
def test_a_failure_for_another_reason_says_nothing(trace: Trace, status: int) -> None:
    """Above all 487: the far end gave up because the device did not even ring."""
    trace.request("INVITE", OUT)
    trace.answer(status)
    trace.is_open("call.is-refused", "refused-for-another-reason")


def test_a_200_that_refuses_the_audio_accepts_nothing(trace: Trace) -> None:
    """RFC 3264 section 6: port 0 refuses a stream."""
    trace.request("INVITE", OUT)
    trace.answer(200, body=trace.sdp("RTP/AVP", suites=()).replace(b"m=audio 4000", b"m=audio 0"))
    trace.passes("call.is-refused")


def test_accepting_plain_rtp_fails(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200)
    trace.fails("call.is-refused", "accepts-plain-rtp")


# --- call.ends


def test_the_device_hangs_up_when_it_is_told_to(trace: Trace) -> None:
    trace.request("INVITE")
    told_at = len(trace.observations)
    trace.see(DriverAction("hangup", {}, ok=True))
    trace.request("BYE", call_id=OTHER)
    trace.fails("call.ends", "call-never-ended", settled=False, after=told_at)
    bye = trace.request("BYE")
    trace.passes("call.ends", after=told_at)
    trace.passes("call.ends", after=bye.seq)


def test_a_bye_of_another_dialog_ends_nothing(trace: Trace) -> None:
    bye = trace.request("BYE")
    trace.answer(481, "Call/Transaction Does Not Exist", OUT, method="BYE")
    judged = trace.fails("call.ends", "call-never-ended", settled=False, after=bye.seq)
    assert judged.findings[0].observed == "BYE of another dialog"
    trace.request("BYE", headers={"CSeq": "2 BYE"})
    trace.passes("call.ends", after=bye.seq)


def test_a_call_that_ends_before_anybody_hangs_up_was_dropped(trace: Trace) -> None:
    bye = trace.request("BYE")
    judged = trace.fails("call.ends", "call-dropped", after=bye.seq + 1)
    assert judged.evidence == (Evidence(0, 1000),)
    trace.fails("call.ends", "call-dropped")
    trace.request("BYE", OUT)
    trace.answer(200, method="BYE")
    trace.fails("call.ends", "call-dropped")


def test_the_party_s_bye_is_not_the_device_s(trace: Trace) -> None:
    trace.request("BYE", OUT)
    trace.answer(200, method="BYE")
    trace.fails("call.ends", "call-never-ended", settled=False, after=0)


def test_byes_that_cross_end_the_call(trace: Trace) -> None:
    """RFC 3261 section 15: each side answers the other's, and neither dropped it."""
    trace.request("BYE", OUT)
    trace.request("BYE")
    trace.fails("call.ends", "bye-not-answered", settled=False)
    trace.answer(200, method="BYE")
    trace.passes("call.ends")


def test_without_a_bye_of_the_party_nothing_was_asked_of_the_device(trace: Trace) -> None:
    trace.request("BYE", OUT, call_id=OTHER)
    trace.is_open("call.ends", "not-stimulated")


def test_the_far_end_hangs_up(trace: Trace) -> None:
    trace.request("BYE", OUT)
    trace.answer(200, method="INVITE")
    trace.answer(100, method="BYE")
    trace.fails("call.ends", "bye-not-answered", settled=False)
    trace.answer(200, method="BYE")
    trace.passes("call.ends")


def test_a_refused_bye(trace: Trace) -> None:
    trace.request("BYE", OUT)
    trace.answer(481, method="BYE")
    trace.fails("call.ends", "bye-refused")


# --- call.is-held, call.is-resumed


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_hold_and_back(trace: Trace, direction: str) -> None:
    trace.request("INVITE", body=trace.sdp())
    trace.fails("call.is-held", "hold-not-offered", settled=False)
    trace.request("INVITE", to_tag="1", body=trace.sdp())
    judged = trace.fails("call.is-held", "hold-not-offered", settled=False)
    assert judged.findings[0].observed == "re-INVITE with a=sendrecv"
    trace.request("INVITE", to_tag="1", body=trace.sdp(direction=direction))
    trace.passes("call.is-held")
    judged = trace.fails("call.is-resumed", "resume-not-offered", settled=False)
    assert judged.findings[0].observed == "no re-INVITE after the device was told to take the call back"
    trace.request("INVITE", to_tag="1", body=trace.sdp())
    trace.passes("call.is-resumed")


def test_hold_and_back_by_update(trace: Trace) -> None:
    """RFC 3311 section 5.1: an UPDATE may have an offer in a call that is up as well."""
    trace.request("UPDATE", to_tag="1", body=trace.sdp(direction="sendonly"))
    trace.passes("call.is-held")
    trace.request("UPDATE", to_tag="1", headers={"CSeq": "2 UPDATE"})
    trace.fails("call.is-resumed", "resume-not-offered", settled=False)
    trace.request("INVITE", to_tag="1", body=trace.sdp())
    trace.passes("call.is-resumed")


def test_a_hold_of_another_dialog_holds_nothing(trace: Trace) -> None:
    trace.request("INVITE", to_tag="other", body=trace.sdp(direction="sendonly"))
    trace.answer(481, direction=OUT)
    trace.fails("call.is-held", "hold-not-offered", settled=False)


def test_a_first_offer_on_hold_is_no_hold(trace: Trace) -> None:
    trace.request("INVITE", body=trace.sdp(direction="inactive"))
    trace.fails("call.is-held", "hold-not-offered", settled=False)


@pytest.mark.parametrize(
    ("protocol", "suites"), [("RTP/AVP", ()), ("RTP/SAVP", ()), ("RTP/AVP", ("AES_CM_128_HMAC_SHA1_80",))]
)
def test_a_new_offer_keeps_srtp(trace: Trace, protocol: str, suites: tuple[str, ...]) -> None:
    trace.request("INVITE", body=trace.sdp())
    trace.request("INVITE", to_tag="1", body=trace.sdp(protocol, "sendonly", suites))
    trace.fails("call.is-held", "reoffer-without-srtp")
    trace.request("INVITE", to_tag="1", body=trace.sdp(protocol, "sendrecv", suites))
    trace.fails("call.is-resumed", "reoffer-without-srtp")
