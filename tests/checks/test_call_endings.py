"""Ends of calls that are no plain hang-up: given up, refused, called off, crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.observations import OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

OTHER = "another-call@x"


def test_a_call_is_given_up_after_the_order_alone(trace: Trace) -> None:
    trace.is_open("call.is-given-up", "nothing-seen", after=2)
    trace.request("INVITE")
    trace.request("CANCEL")
    trace.fails("call.is-given-up", "call-not-given-up", settled=False, after=2)
    trace.request("CANCEL", call_id=OTHER)
    trace.fails("call.is-given-up", "call-not-given-up", settled=False, after=2)
    trace.request("BYE")
    trace.passes("call.is-given-up", after=2)


def test_what_names_another_transaction_gives_nothing_up(trace: Trace) -> None:
    trace.request("INVITE")
    trace.request("CANCEL")
    trace.answer(481, "Call/Transaction Does Not Exist", OUT, method="CANCEL")
    judged = trace.fails("call.is-given-up", "call-not-given-up", settled=False, after=0)
    assert judged.findings[0].observed == "CANCEL of another transaction than the INVITE's"


def test_the_ack_of_another_request_acknowledges_nothing(trace: Trace) -> None:
    trace.request("INVITE")
    trace.answer(486, "Busy Here", OUT)
    trace.request("ACK", headers={"CSeq": "2 ACK"})
    trace.fails("call.acknowledges-refusal", "refusal-not-acknowledged", settled=False)


@pytest.mark.parametrize(
    ("headers", "observed"),
    [
        ({"To": "<sip:2000@x>"}, "ACK with another tag in To than the 486's"),
        ({"Via": "SIP/2.0/TLS x;branch=z9hG4bK2"}, "ACK with another branch than the INVITE's"),
    ],
)
def test_the_ack_for_a_refusal_is_of_the_invite_s_transaction(
    trace: Trace, headers: dict[str, str], observed: str
) -> None:
    trace.request("INVITE")
    trace.answer(486, "Busy Here", OUT, headers={"To": "<sip:2000@x>;tag=far"})
    trace.request("ACK", headers={"To": "<sip:2000@x>;tag=far", **headers})
    judged = trace.fails("call.acknowledges-refusal", "refusal-not-acknowledged", settled=False)
    assert judged.findings[0].observed == observed
    trace.request("ACK", to_tag="far")
    trace.passes("call.acknowledges-refusal")


def test_the_ack_to_a_challenge_acknowledges_no_refusal(trace: Trace) -> None:
    trace.request("INVITE")
    trace.answer(407, "", OUT)
    trace.request("ACK")
    trace.is_open("call.acknowledges-refusal", "not-stimulated")
    trace.request("INVITE")
    trace.answer(486, "Busy Here", OUT)
    judged = trace.fails("call.acknowledges-refusal", "refusal-not-acknowledged", settled=False)
    assert judged.findings[0].observed == "no ACK for the 486"
    trace.request("ACK")
    trace.passes("call.acknowledges-refusal")


def test_a_cancel_is_answered_with_481_only_after_the_answer(trace: Trace) -> None:
    trace.is_open("call.answers-cancel", "not-stimulated")
    trace.request("CANCEL", OUT)
    trace.fails("call.answers-cancel", "cancel-not-answered", settled=False)
    trace.answer(481, "Unknown", method="CANCEL")
    assert trace.fails("call.answers-cancel", "cancel-not-answered").findings[0].observed == "481 Unknown to CANCEL"
    trace.answer(200, method="CANCEL")
    trace.passes("call.answers-cancel")


def test_a_late_cancel_meets_no_transaction(trace: Trace) -> None:
    trace.answer(200, body=trace.sdp())
    trace.request("CANCEL", OUT)
    trace.answer(481, method="CANCEL")
    trace.passes("call.answers-cancel")
    trace.is_open("call.is-called-off", "answered-meanwhile")


def test_a_cancel_that_crosses_a_final_response_meets_no_transaction(trace: Trace) -> None:
    """What the device sent before it had the CANCEL may come behind it."""
    trace.request("CANCEL", OUT)
    trace.answer(486)
    trace.answer(481, method="CANCEL")
    trace.passes("call.answers-cancel")
    trace.passes("call.is-called-off")


def test_a_487_shows_that_the_cancel_met_its_transaction(trace: Trace) -> None:
    trace.request("CANCEL", OUT)
    trace.answer(487)
    trace.answer(481, method="CANCEL")
    trace.fails("call.answers-cancel", "cancel-not-answered")


def test_a_call_that_is_answered_after_its_cancel_was_taken_goes_on(trace: Trace) -> None:
    trace.request("CANCEL", OUT)
    trace.answer(200, method="CANCEL")
    trace.answer(200, "OK", body=trace.sdp())
    judged = trace.fails("call.is-called-off", "cancelled-call-not-ended")
    assert judged.findings[0].observed == "200 OK to the INVITE after the CANCEL had been answered"


def test_a_cancelled_invite_gets_a_final_response(trace: Trace) -> None:
    trace.is_open("call.is-called-off", "not-stimulated")
    trace.request("INVITE", OUT)
    trace.answer(180)
    trace.request("CANCEL", OUT)
    trace.answer(200, method="CANCEL")
    trace.fails("call.is-called-off", "cancelled-call-not-ended", settled=False)
    trace.answer(487)
    trace.passes("call.is-called-off")


@pytest.mark.parametrize("status", [480, 486, 600, 603])
def test_a_rejection_is_the_user_s_wish(trace: Trace, status: int) -> None:
    trace.is_open("call.is-rejected", "not-stimulated")
    trace.request("INVITE", OUT)
    trace.answer(180)
    trace.fails("call.is-rejected", "call-not-rejected", settled=False)
    trace.answer(status)
    trace.passes("call.is-rejected")


def test_a_call_that_is_answered_is_not_rejected(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200, "OK")
    judged = trace.fails("call.is-rejected", "call-not-rejected")
    assert judged.findings[0].observed == "200 OK to a call that the user rejects"


def test_a_rejection_is_no_failure(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(503, "Service Unavailable")
    trace.fails("call.is-rejected", "call-rejected-as-failure")


def test_a_crossed_call_takes_ack_and_bye(trace: Trace) -> None:
    trace.is_open("call.ends-crossed-call", "not-stimulated")
    trace.request("ACK")
    trace.request("CANCEL")
    trace.is_open("call.ends-crossed-call", "not-stimulated")
    trace.answer(200, "OK", OUT)
    assert "no ACK" in trace.fails("call.ends-crossed-call", "crossed-call-kept", settled=False).findings[0].observed
    trace.request("ACK")
    assert "no BYE" in trace.fails("call.ends-crossed-call", "crossed-call-kept", settled=False).findings[0].observed
    trace.request("BYE")
    trace.passes("call.ends-crossed-call")


def test_a_crossed_call_that_is_ended_and_not_acknowledged(trace: Trace) -> None:
    trace.request("CANCEL")
    trace.answer(200, "OK", OUT)
    trace.request("BYE")
    judged = trace.fails("call.ends-crossed-call", "crossed-call-kept", settled=False)
    assert judged.findings[0].observed == "BYE, and no ACK for the 200"
