"""Requests in calls, forms of an INVITE, numbers dialled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from certsuite.checks.call_requests import allows
from certsuite.checks.span import Span
from certsuite.core.events import DeviceExited, DriverAction, FlowClosed
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

CALL = "SSE1-1@127.9.0.1"
ASKED: dict[str, Any] = {"method": "OPTIONS", "cseq": 1, "allowed": [500], "finding": "cseq-order-ignored"}


def responds(trace: Trace, status: int, *headers: tuple[str, str], direction: str = "in") -> None:
    fixed = (("Call-ID", CALL), ("CSeq", "1 INVITE"))
    trace.sip(SipMessage(status=status, reason="R", headers=(*fixed, *headers)), direction)


def test_methods_that_the_device_allows(trace: Trace) -> None:
    trace.request("INVITE", OUT, headers={"Allow": "ACK, UPDATE"})
    assert not allows(Span(trace.observations), "UPDATE")
    trace.request("INVITE", headers={"Allow": "INVITE,ack , update"})
    assert allows(Span(trace.observations), "UPDATE")
    assert not allows(Span(trace.observations), "PRACK")


def test_an_answer_is_that_to_the_very_request(trace: Trace) -> None:
    about = {**ASKED, "expected": "500"}
    trace.request("OPTIONS", OUT, headers={"CSeq": "5 OPTIONS"})
    trace.is_open("call.answers-request", "not-stimulated", **about)
    trace.request("OPTIONS", OUT)
    silent = trace.fails("call.answers-request", "cseq-order-ignored", settled=False, **about)
    assert silent.findings[0].observed == "no response to OPTIONS"
    trace.answer(200, "OK", method="OPTIONS")
    judged = trace.fails("call.answers-request", "cseq-order-ignored", **about)
    assert judged.findings[0].observed == "200 OK to OPTIONS"
    trace.passes("call.answers-request", **{**about, "allowed": [200]})


def test_a_connection_that_the_device_ended_is_told(trace: Trace) -> None:
    asked = trace.request("OPTIONS", OUT)
    trace.see(FlowClosed("bench", "fin"), flow=asked.flow)
    trace.see(FlowClosed("device", "fin"), flow="f9")
    about = {**ASKED, "expected": "500"}
    judged = trace.fails("call.answers-request", "cseq-order-ignored", settled=False, **about)
    assert judged.findings[0].observed == "no response to OPTIONS"
    trace.see(FlowClosed("device", "close_notify"), flow=asked.flow)
    judged = trace.fails("call.answers-request", "cseq-order-ignored", settled=False, **about)
    assert judged.findings[0].observed == "no response to OPTIONS, and the device ended its connection"
    trace.see(DeviceExited(-15, asked=True))
    trace.see(DeviceExited(-11, asked=False))
    judged = trace.fails("call.answers-request", "cseq-order-ignored", settled=False, **about)
    assert judged.findings[0].observed == "no response to OPTIONS, and the device's program ended by signal 11"


def test_a_refresh_is_agreed_to_with_sdp(trace: Trace) -> None:
    about: dict[str, Any] = {"method": "INVITE"}
    trace.is_open("call.takes-refresh", "not-stimulated", **about)
    trace.request("INVITE", OUT, to_tag="1")
    trace.fails("call.takes-refresh", "session-refresh-refused", settled=False, **about)
    trace.answer(200, body=trace.sdp())
    trace.passes("call.takes-refresh", **about)


def test_the_answer_to_an_earlier_refresh_agrees_to_nothing(trace: Trace) -> None:
    """A 200 is sent again until its ACK comes (RFC 3261 section 13.3.1.4): it may come behind the next refresh."""
    trace.request("INVITE", OUT, to_tag="1", headers={"CSeq": "2 INVITE"})
    trace.answer(200, body=trace.sdp())
    trace.fails("call.takes-refresh", "session-refresh-refused", settled=False, method="INVITE")
    trace.answer(200, body=trace.sdp(), headers={"CSeq": "2 INVITE"})
    trace.passes("call.takes-refresh", method="INVITE")


@pytest.mark.parametrize("own", ["INVITE", "UPDATE"])
def test_a_refresh_that_crosses_the_device_s_own_offer_is_refused_rightly(trace: Trace, own: str) -> None:
    """RFC 3261 section 14.2 and RFC 3311 section 5.2 have it answer 491."""
    trace.request(own, to_tag="far", body=trace.sdp())
    trace.request("INVITE", OUT, to_tag="1")
    refused = trace.answer(491, "Request Pending")
    trace.fails("call.takes-refresh", "session-refresh-refused", method="INVITE")
    trace.observations[0], trace.observations[1] = (
        replace(trace.observations[1], seq=0),
        replace(trace.observations[0], seq=1),
    )
    trace.is_open("call.takes-refresh", "offers-crossed", method="INVITE")
    trace.observations[refused.seq] = replace(refused, event=trace.answer(500).event)
    trace.fails("call.takes-refresh", "session-refresh-refused", method="INVITE")


@pytest.mark.parametrize(("status", "observed"), [(488, "488 R"), (200, "200 R without SDP")])
def test_a_refresh_that_is_not_agreed_to(trace: Trace, status: int, observed: str) -> None:
    trace.request("INVITE", OUT, to_tag="1")
    responds(trace, status)
    judged = trace.fails("call.takes-refresh", "session-refresh-refused", method="INVITE")
    assert judged.findings[0].observed == observed


def test_an_offer_that_crosses_is_refused(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.request("INVITE", OUT, to_tag="1")
    trace.is_open("call.refuses-crossing-offer", "not-stimulated")
    trace.request("INVITE", to_tag="1")
    # What came before the device's own offer did not cross it.
    trace.is_open("call.refuses-crossing-offer", "not-stimulated")


@pytest.mark.parametrize("status", [200, 500])
def test_an_offer_that_crosses_and_is_not_refused_as_such(trace: Trace, status: int) -> None:
    trace.request("INVITE", to_tag="1")
    trace.request("INVITE", OUT, to_tag="1")
    trace.fails("call.refuses-crossing-offer", "crossing-offer-not-refused", settled=False)
    trace.answer(status)
    trace.fails("call.refuses-crossing-offer", "crossing-offer-not-refused")


def test_the_caller_comes_back_unchanged(trace: Trace) -> None:
    trace.is_open("call.mirrors-caller", "nothing-seen")
    trace.request("INVITE", OUT, headers={"From": '"A B" <sip:c@x>;tag=1'})
    trace.is_open("call.mirrors-caller", "nothing-seen")
    responds(trace, 180, ("From", '"A B"<sip:c@x>;tag=1'))
    trace.passes("call.mirrors-caller")
    responds(trace, 200, ("From", "<sip:c@x>;tag=1"))
    trace.fails("call.mirrors-caller", "caller-changed")


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        ('"Colleague"<sip:c@x;user=phone>;tag=1', "Colleague <sip:c@x;user=phone>;tag=1"),
        ('"A \\"B\\""<sip:c@x>;tag=1', '"A \\"B\\"" <sip:c@x> ; tag=1'),
        ("<sip:c@x>;tag=1", "sip:c@x;tag=1"),
    ],
)
def test_the_caller_written_in_another_way_is_the_same(trace: Trace, sent: str, came: str) -> None:
    trace.request("INVITE", OUT, headers={"From": sent})
    responds(trace, 180, ("From", came))
    trace.passes("call.mirrors-caller")


@pytest.mark.parametrize(
    "came",
    [
        '"Colleag"<sip:c@x;user=phone>;tag=1',
        '"Colleague"<sip:c@x>;tag=1',
        '"Colleague"<sip:c@x;user=phone>;tag=2',
        '"Col league"<sip:c@x;user=phone>;tag=1',
    ],
)
def test_another_name_uri_or_tag_is_another_caller(trace: Trace, came: str) -> None:
    trace.request("INVITE", OUT, headers={"From": '"Colleague"<sip:c@x;user=phone>;tag=1'})
    responds(trace, 180, ("From", came))
    trace.fails("call.mirrors-caller", "caller-changed")


def test_what_is_required_is_heeded(trace: Trace) -> None:
    trace.is_open("call.heeds-100rel", "not-stimulated")
    trace.request("INVITE", OUT)
    trace.answer(100)
    trace.is_open("call.heeds-100rel", "nothing-seen")
    responds(trace, 180, ("Require", "100rel"), ("RSeq", "7"))
    trace.passes("call.heeds-100rel")


@pytest.mark.parametrize(
    ("status", "headers"), [(180, ()), (180, (("RSeq", "7"),)), (180, (("Require", "100rel"),)), (200, ())]
)
def test_what_is_required_is_ignored(trace: Trace, status: int, headers: tuple[tuple[str, str], ...]) -> None:
    trace.request("INVITE", OUT)
    responds(trace, status, *headers)
    trace.fails("call.heeds-100rel", "required-100rel-ignored")


def test_a_refusal_for_another_reason_says_nothing_of_what_is_required(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    responds(trace, 486)
    assert trace.is_open("call.heeds-100rel", "refused-for-another-reason").reason.startswith("refused with 486")
    trace.observations.pop()
    responds(trace, 400)
    trace.fails("call.heeds-100rel", "required-100rel-ignored")


def test_a_prack_of_another_dialog_acknowledges_nothing(trace: Trace) -> None:
    responds(trace, 180, ("RSeq", "7"), direction=OUT)
    trace.request("PRACK", headers={"RAck": "7 1 INVITE"})
    trace.answer(481, "Call/Transaction Does Not Exist", OUT, method="PRACK")
    judged = trace.fails("call.sends-prack", "prack-missing", settled=False)
    assert judged.findings[0].observed == "PRACK of another dialog"
    trace.request("PRACK", headers={"RAck": "7 1 INVITE", "CSeq": "2 PRACK"})
    trace.passes("call.sends-prack")


def test_a_prack_names_the_response(trace: Trace) -> None:
    responds(trace, 180, direction=OUT)
    trace.is_open("call.sends-prack", "not-stimulated")
    responds(trace, 180, ("RSeq", "7"), direction=OUT)
    trace.fails("call.sends-prack", "prack-missing", settled=False)
    trace.request("PRACK", headers={"RAck": "8 1 INVITE"})
    judged = trace.fails("call.sends-prack", "prack-missing", settled=False)
    assert judged.findings[0].observed == "PRACK with RAck 8 1 INVITE"
    trace.request("PRACK", headers={"RAck": "7 1  INVITE"})
    trace.passes("call.sends-prack")


RELIABLE = (("Require", "100rel"), ("RSeq", "7"))


@pytest.mark.parametrize("headers", [(), RELIABLE, RELIABLE[:1], RELIABLE[1:]])
def test_reliable_responses_are_for_who_knows_them(trace: Trace, headers: tuple[tuple[str, str], ...]) -> None:
    trace.is_open("call.rings-plainly", "nothing-seen")
    trace.request("INVITE", OUT, headers={"Supported": "timer"})
    trace.answer(100)
    trace.is_open("call.rings-plainly", "nothing-seen")
    responds(trace, 180, *headers)
    if headers:
        trace.fails("call.rings-plainly", "reliable-response-unasked")
    else:
        trace.passes("call.rings-plainly")


def test_reliable_responses_to_who_knows_them_say_nothing(trace: Trace) -> None:
    trace.request("INVITE", OUT, headers={"Supported": "timer,100rel"})
    responds(trace, 180, *RELIABLE)
    trace.is_open("call.rings-plainly", "not-stimulated")


def test_a_reliable_response_comes_again(trace: Trace) -> None:
    responds(trace, 180)
    trace.is_open("call.repeats-reliably", "not-stimulated")
    responds(trace, 180, *RELIABLE)
    trace.fails("call.repeats-reliably", "reliable-response-not-repeated", settled=False)
    responds(trace, 183, ("Require", "100rel"), ("RSeq", "8"))
    trace.fails("call.repeats-reliably", "reliable-response-not-repeated", settled=False)
    responds(trace, 180, *RELIABLE)
    trace.passes("call.repeats-reliably")


def test_a_reliable_response_that_met_its_prack_need_not_come_again(trace: Trace) -> None:
    responds(trace, 180, *RELIABLE)
    trace.request("PRACK", OUT)
    trace.is_open("call.repeats-reliably", "not-stimulated")


@pytest.mark.parametrize(("status", "right"), [(200, True), (481, False)])
def test_a_prack_is_taken(trace: Trace, status: int, right: bool) -> None:
    trace.is_open("call.takes-prack", "not-stimulated")
    trace.request("PRACK", OUT)
    trace.fails("call.takes-prack", "prack-refused", settled=False)
    trace.answer(status, method="PRACK")
    if right:
        trace.passes("call.takes-prack")
    else:
        trace.fails("call.takes-prack", "prack-refused")


@pytest.mark.parametrize(
    ("number", "uri", "right"),
    [
        ("911", "sip:911@x", True),
        ("911", "sip:9911@x", False),
        ("*69", "sip:*69@x;user=phone", True),
        ("#31", "sip:%2331@x", True),
        ("+12065550100", "sip:12065550100@x", False),
    ],
)
def test_a_number_goes_out_as_it_was_dialled(trace: Trace, number: str, uri: str, right: bool) -> None:
    trace.is_open("call.dials-exactly", "not-stimulated", number=number)
    trace.see(DriverAction("dial", {"number": number}, ok=True))
    trace.fails("call.dials-exactly", "call-never-placed", settled=False, number=number)
    # One within another call, which is held meanwhile.
    trace.request("INVITE", uri="sip:2065550100@x", to_tag="1")
    trace.fails("call.dials-exactly", "call-never-placed", settled=False, number=number)
    trace.request("INVITE", uri=uri)
    if right:
        trace.passes("call.dials-exactly", number=number)
    else:
        trace.fails("call.dials-exactly", "dialled-number-changed", number=number)


def test_an_emergency_number_goes_out_at_once(trace: Trace) -> None:
    limit = trace.limits["emergency_s"].value
    trace.see(DriverAction("dial", {"number": "911"}, ok=True))
    trace.after(limit / 2).request("INVITE", uri="sip:911@x")
    measured = trace.passes("call.dials-exactly", number="911", at_once=True).measurements[0]
    assert (measured.name, measured.limit) == ("emergency_delay", limit)


def test_an_emergency_number_is_timed_from_the_order_on(trace: Trace) -> None:
    """An order that is carried out when the call goes out stands in the record behind it."""
    trace.request("INVITE", uri="sip:911@x")
    trace.is_open("call.dials-exactly", "not-stimulated", number="911", at_once=True)
    late_s = trace.limits["emergency_s"].value * 2
    trace.see(DriverAction("dial", {"number": "911"}, ok=True, took_s=late_s))
    trace.fails("call.dials-exactly", "emergency-late", verdict=Verdict.WARN, number="911", at_once=True)


def test_an_emergency_number_that_is_held_back(trace: Trace) -> None:
    trace.see(DriverAction("dial", {"number": "911"}, ok=True))
    trace.after(trace.limits["emergency_s"].value * 2).request("INVITE", uri="sip:911@x")
    trace.fails("call.dials-exactly", "emergency-late", verdict=Verdict.WARN, number="911", at_once=True)
    trace.passes("call.dials-exactly", number="911", at_once=False)
    trace.passes("call.dials-exactly", number="911")
