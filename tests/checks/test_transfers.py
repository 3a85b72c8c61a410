"""Transfers: the device handed over, and handing its far end over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import DigestChecked, DnsQuery, DriverAction
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage
from tests.checks.good_transfers import NEW, REPLACES, TARGET, calls_target, is_referred, refers, tells

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

FOLLOWED: dict[str, Any] = {"number": TARGET, "replaces": ""}
ABROAD: dict[str, Any] = {"number": TARGET, "domain": "elsewhere.example"}
REFERS: dict[str, Any] = {"number": TARGET, "after_talking": False}
ATTENDED: dict[str, Any] = {"number": TARGET, "after_talking": True}


def test_a_refer_has_to_be_accepted(trace: Trace) -> None:
    trace.is_open("transfer.is-followed", "not-stimulated", **FOLLOWED)
    is_referred(trace, 0)
    trace.fails("transfer.is-followed", "refer-refused", settled=False, **FOLLOWED)
    trace.answer(603, "Decline", method="REFER")
    judged = trace.fails("transfer.is-followed", "refer-refused", **FOLLOWED)
    assert judged.findings[0].observed == "603 Decline to REFER"


def test_a_refer_has_to_be_followed(trace: Trace) -> None:
    is_referred(trace)
    trace.request("INVITE", to_tag="1", uri=f"sip:{TARGET}@x")
    trace.request("INVITE", call_id="another", uri="sip:2000@x")
    trace.fails("transfer.is-followed", "transfer-not-followed", settled=False, **FOLLOWED)
    calls_target(trace)
    trace.passes("transfer.is-followed", **FOLLOWED)


@pytest.mark.parametrize("named", ["", "other@x;to-tag=third;from-tag=far", "consult@x;to-tag=far;from-tag=third"])
def test_what_the_refer_names_is_replaced(trace: Trace, named: str) -> None:
    is_referred(trace)
    calls_target(trace, **({"Replaces": named} if named else {}))
    about = {**FOLLOWED, "replaces": REPLACES}
    judged = trace.fails("transfer.is-followed", "transfer-without-replaces", **about)
    assert (named or "no Replaces") in judged.findings[0].observed


def test_who_referred_is_said(trace: Trace) -> None:
    is_referred(trace)
    calls_target(trace, **{"Referred-By": "<sip:another@x>"})
    trace.fails("transfer.is-followed", "referred-by-missing", verdict=Verdict.WARN, **FOLLOWED)


def test_the_end_of_a_transfer_is_told(trace: Trace) -> None:
    trace.is_open("transfer.is-told", "not-stimulated", end="success")
    is_referred(trace)
    judged = trace.fails("transfer.is-told", "transfer-not-told", settled=False, end="success")
    assert judged.findings[0].observed == "no NOTIFY about the REFER"
    trace.request("NOTIFY", to_tag="1", headers={"Event": "message-summary"}, body=b"SIP/2.0 200 OK")
    tells(trace, 100, "active")
    judged = trace.fails("transfer.is-told", "transfer-not-told", settled=False, end="success")
    assert judged.findings[0].observed == "the last NOTIFY says SIP/2.0 100 R"
    tells(trace, 200)
    trace.passes("transfer.is-told", end="success")
    trace.fails("transfer.is-told", "transfer-told-wrongly", end="failure")


def test_what_is_told_outside_of_the_call_is_told_to_nobody(trace: Trace) -> None:
    is_referred(trace)
    event = {"Event": "refer", "Subscription-State": "terminated"}
    trace.request("NOTIFY", headers=event, body=b"SIP/2.0 200 OK")
    trace.fails("transfer.is-told", "transfer-not-told", settled=False, end="success")
    trace.request("NOTIFY", to_tag="other", headers={**event, "CSeq": "2 NOTIFY"}, body=b"SIP/2.0 200 OK")
    trace.answer(481, "R", OUT, method="NOTIFY", headers={"CSeq": "2 NOTIFY"})
    trace.fails("transfer.is-told", "transfer-not-told", settled=False, end="success")


def test_the_end_of_a_transfer_ends_its_subscription(trace: Trace) -> None:
    is_referred(trace)
    tells(trace, 200, "active;expires=60")
    trace.fails("transfer.is-told", "transfer-subscription-open", settled=False, end="success")
    tells(trace, 200)
    trace.passes("transfer.is-told", end="success")


def test_a_call_is_let_go_by_either_side(trace: Trace) -> None:
    trace.is_open("transfer.lets-go", "not-stimulated")
    trace.request("BYE", OUT, to_tag="1")
    trace.fails("transfer.lets-go", "bye-not-answered", settled=False)
    trace.answer(481, method="BYE")
    trace.fails("transfer.lets-go", "bye-refused")
    trace.request("BYE", to_tag="1")
    trace.passes("transfer.lets-go")


def test_a_bye_of_another_dialog_lets_nothing_go(trace: Trace) -> None:
    trace.request("BYE", to_tag="other")
    trace.answer(481, "R", OUT, method="BYE")
    trace.is_open("transfer.lets-go", "not-stimulated")
    trace.answer(202, direction=OUT, method="REFER")
    trace.fails("transfer.ends-own-call", "transferred-call-kept", settled=False)


def test_an_offer_that_is_refused_shows_the_call(trace: Trace) -> None:
    trace.request("INVITE", OUT, to_tag="1")
    trace.answer(488)
    trace.passes("transfer.keeps-call")


def test_the_answer_to_an_earlier_offer_does_not_show_that_the_call_is_up(trace: Trace) -> None:
    trace.request("INVITE", OUT, to_tag="1", headers={"CSeq": "2 INVITE"})
    trace.answer(200)
    trace.fails("transfer.keeps-call", "failed-transfer-drops-call", settled=False)
    trace.answer(200, headers={"CSeq": "2 INVITE"})
    trace.passes("transfer.keeps-call")


def test_a_call_outlives_a_failed_transfer(trace: Trace) -> None:
    trace.is_open("transfer.keeps-call", "not-stimulated")
    trace.request("INVITE", OUT, to_tag="1")
    trace.fails("transfer.keeps-call", "failed-transfer-drops-call", settled=False)
    trace.answer(481)
    judged = trace.fails("transfer.keeps-call", "failed-transfer-drops-call", settled=False)
    assert judged.findings[0].observed == "481  to a re-INVITE in the call"
    trace.request("BYE", to_tag="1")
    judged = trace.fails("transfer.keeps-call", "failed-transfer-drops-call")
    assert judged.findings[0].observed == "BYE of the device"


@pytest.mark.parametrize("refused", [True, False])
def test_a_foreign_target_may_be_refused_or_fail(trace: Trace, refused: bool) -> None:
    trace.is_open("transfer.stays-with-proxy", "not-stimulated", **ABROAD)
    is_referred(trace, 403 if refused else 202)
    if not refused:
        trace.fails("transfer.stays-with-proxy", "transfer-not-followed", settled=False, **ABROAD)
        tells(trace, 503)
    trace.passes("transfer.stays-with-proxy", **ABROAD)


@pytest.mark.parametrize("name", ["elsewhere.example.", "_sips._tcp.Elsewhere.example."])
def test_a_foreign_target_is_not_looked_for(trace: Trace, name: str) -> None:
    is_referred(trace)
    trace.see(DnsQuery("udp", "127.9.0.9:1", "notelsewhere.example.", "A", "NXDOMAIN", ()))
    calls_target(trace)
    trace.passes("transfer.stays-with-proxy", **ABROAD)
    trace.see(DnsQuery("udp", "127.9.0.9:1", name, "A", "NXDOMAIN", ()))
    trace.fails("transfer.stays-with-proxy", "goes-around-proxy", **ABROAD)


def test_a_stranger_is_not_followed(trace: Trace) -> None:
    trace.is_open("transfer.refuses-stranger", "not-stimulated", number=TARGET)
    is_referred(trace, 0)
    trace.fails("transfer.refuses-stranger", "refer-not-answered", settled=False, number=TARGET)
    trace.answer(405, method="REFER")
    trace.passes("transfer.refuses-stranger", number=TARGET)
    calls_target(trace)
    trace.fails("transfer.refuses-stranger", "follows-stranger", verdict=Verdict.WARN, number=TARGET)


def test_a_stranger_who_is_accepted(trace: Trace) -> None:
    is_referred(trace)
    judged = trace.fails("transfer.refuses-stranger", "follows-stranger", verdict=Verdict.WARN, number=TARGET)
    assert judged.findings[0].observed == "202  to REFER"


def test_who_is_told_to_transfer_refers(trace: Trace) -> None:
    trace.is_open("transfer.refers", "not-stimulated", **REFERS)
    trace.see(DriverAction("transfer", {}, ok=True))
    trace.fails("transfer.refers", "refer-never-sent", settled=False, **REFERS)
    trace.request("REFER", to_tag="1", headers={"Refer-To": "<sip:2000@x>"})
    trace.fails("transfer.refers", "refer-wrong-target", **REFERS)


def test_a_challenged_refer_is_sent_again(trace: Trace) -> None:
    refers(trace)
    trace.answer(407, direction=OUT, method="REFER")
    judged = trace.fails("transfer.refers", "refer-challenge-not-answered", settled=False, **REFERS)
    assert judged.findings[0].observed == "no REFER with credentials after the 407"
    trace.see(DigestChecked("REFER", "u", "r", response_right=False, username_right=True, nonce_right=True), line=1)
    judged = trace.fails("transfer.refers", "refer-challenge-not-answered", settled=False, **REFERS)
    assert judged.findings[0].observed == "wrong credentials in the REFER"


@pytest.mark.parametrize(
    ("refer_to", "right"),
    [
        (f"<sip:{TARGET}@x?Replaces={NEW}%3Bto-tag%3Dt%3Bfrom-tag%3D1>", True),
        (f"<sip:{TARGET}@x?x=1&replaces={NEW}%3Bfrom-tag%3D1%3Bto-tag%3Dt>", True),
        (f"<sip:{TARGET}@x?Replaces={NEW}%3Bto-tag%3D1%3Bfrom-tag%3Dt>", False),
        (f"<sip:{TARGET}@x?Replaces=other%3Bto-tag%3Dt%3Bfrom-tag%3D1>", False),
        (f"<sip:{TARGET}@x>", False),
    ],
)
def test_the_call_with_the_target_is_named(trace: Trace, refer_to: str, right: bool) -> None:
    calls_target(trace)
    headers = (("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>;tag=t"), ("Call-ID", NEW), ("CSeq", "1 INVITE"))
    trace.sip(SipMessage(status=200, reason="OK", headers=headers), OUT)
    refers(trace, refer_to)
    trace.answer(202, "Accepted", OUT, method="REFER")
    if right:
        trace.passes("transfer.refers", **ATTENDED)
    else:
        trace.fails("transfer.refers", "refer-replaces-wrong", **ATTENDED)


@pytest.mark.parametrize(("tag", "status"), [("", 405), ("other", 481)])
def test_a_refer_outside_of_the_call_hands_nothing_over(trace: Trace, tag: str, status: int) -> None:
    trace.see(DriverAction("transfer", {}, ok=True))
    trace.request("REFER", to_tag=tag, headers={"Refer-To": f"<sip:{TARGET}@x>"})
    trace.answer(status, "R", OUT, method="REFER")
    judged = trace.fails("transfer.refers", "refer-never-sent", settled=False, **REFERS)
    assert judged.findings[0].observed == f"REFER of another dialog, which was answered {status}"


def test_news_of_a_transfer_are_taken(trace: Trace) -> None:
    trace.is_open("transfer.takes-news", "not-stimulated")
    trace.request("NOTIFY", OUT, to_tag="1")
    trace.answer(200, method="NOTIFY")
    judged = trace.fails("transfer.takes-news", "transfer-news-refused", settled=False)
    assert judged.findings[0].observed == "1 of 2 NOTIFYs about the transfer were answered"
    trace.answer(481, method="NOTIFY")
    trace.fails("transfer.takes-news", "transfer-news-refused")


def test_who_has_left_the_call_need_not_take_news(trace: Trace) -> None:
    trace.request("NOTIFY", OUT, to_tag="1")
    trace.request("BYE", to_tag="1")
    trace.answer(481, method="NOTIFY")
    trace.passes("transfer.takes-news")


def test_a_call_that_was_handed_over_is_left(trace: Trace) -> None:
    trace.is_open("transfer.ends-own-call", "not-stimulated")
    trace.answer(202, direction=OUT, method="REFER")
    trace.fails("transfer.ends-own-call", "transferred-call-kept", settled=False)
