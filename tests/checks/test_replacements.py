"""Calls that replace others, that are answered without a hand, and what a device says that it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import DriverAction, SipKeepAlive, SubscriptionChanged
from certsuite.core.observations import IN, OUT
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


@pytest.mark.parametrize(("status", "settled"), [(180, False), (486, True)])
def test_a_call_that_replaces_another_is_answered(trace: Trace, status: int, settled: bool) -> None:
    trace.is_open("transfer.replaces", "not-stimulated", replaced="old")
    trace.request("INVITE", OUT)
    trace.fails("transfer.replaces", "replaces-ignored", settled=False, replaced="old")
    trace.answer(100)
    trace.answer(status, "R")
    judged = trace.fails("transfer.replaces", "replaces-ignored", settled=settled, replaced="old")
    assert judged.findings[0].observed == f"{status} R to an INVITE that replaces a call"


@pytest.mark.parametrize("method", ["BYE", "CANCEL"])
def test_a_call_that_is_replaced_ends(trace: Trace, method: str) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200)
    trace.request(method, call_id="another")
    trace.request(method, OUT, call_id="old")
    trace.fails("transfer.replaces", "replaced-call-kept", settled=False, replaced="old")
    trace.request(method, call_id="old")
    trace.passes("transfer.replaces", replaced="old")


def test_a_bye_of_another_dialog_ends_no_replaced_call(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200)
    trace.request("BYE", call_id="old")
    trace.answer(481, "R", OUT, method="BYE", call_id="old")
    trace.fails("transfer.replaces", "replaced-call-kept", settled=False, replaced="old")


@pytest.mark.parametrize("status", [180, 200, 486])
def test_what_is_not_there_cannot_be_replaced(trace: Trace, status: int) -> None:
    trace.is_open("transfer.refuses-unknown-dialog", "not-stimulated")
    trace.request("INVITE", OUT)
    trace.answer(100)
    trace.fails("transfer.refuses-unknown-dialog", "unknown-dialog-not-refused", settled=False)
    trace.answer(status)
    trace.fails("transfer.refuses-unknown-dialog", "unknown-dialog-not-refused")


def test_who_claims_to_answers_without_a_hand(trace: Trace) -> None:
    trace.is_open("call.answers-by-itself", "not-stimulated", claimed=True)
    trace.request("INVITE", OUT)
    trace.fails("call.answers-by-itself", "auto-answer-missing", settled=False, claimed=True)
    trace.answer(180)
    trace.fails("call.answers-by-itself", "auto-answer-missing", settled=False, claimed=True)
    trace.see(DriverAction("answer", {}, ok=True))
    trace.answer(200)
    trace.fails("call.answers-by-itself", "auto-answer-missing", settled=False, claimed=True)


def test_who_does_not_claim_to_rings(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.fails("call.answers-by-itself", "call-never-rings", settled=False, claimed=False)
    trace.answer(180)
    trace.passes("call.answers-by-itself", claimed=False)
    trace.answer(200)
    trace.fails("call.answers-by-itself", "ability-not-claimed", verdict=Verdict.WARN, claimed=False)


@pytest.mark.parametrize("claimed", [True, False])
def test_a_call_that_asks_to_be_answered_is_not_refused(trace: Trace, claimed: bool) -> None:
    trace.request("INVITE", OUT)
    trace.answer(403)
    trace.fails("call.answers-by-itself", "call-refused", claimed=claimed)


def test_who_says_nothing_of_itself_cannot_be_compared(trace: Trace) -> None:
    trace.request("INVITE", OUT, headers={"Allow": "REFER"})
    trace.request("INVITE")
    trace.is_open("call.shows-abilities", "nothing-seen", claimed=[])


WATCHED = ["keep_alive", "subscriptions.dialog"]


def test_what_is_done_without_a_word_is_an_ability_as_well(trace: Trace) -> None:
    trace.request("INVITE", headers={"Allow": "INVITE"})
    trace.see(SipKeepAlive("ping"), direction=OUT)
    trace.see(SipKeepAlive("pong"), direction=IN)
    trace.see(SipKeepAlive("ping"), direction=IN)
    trace.passes("call.shows-abilities", claimed=[], watched=WATCHED)
    trace.see(SipKeepAlive("ping"), direction=IN)
    trace.see(SubscriptionChanged("dialog", "b@x", 600, "d"))
    judged = trace.fails(
        "call.shows-abilities", "ability-not-claimed", verdict=Verdict.WARN, claimed=[], watched=WATCHED
    )
    assert judged.findings[0].observed == "CRLF keep-alives, SUBSCRIBE for dialog"
    trace.passes("call.shows-abilities", claimed=WATCHED, watched=WATCHED)
    # A record of before says nothing of what is watched.
    trace.passes("call.shows-abilities", claimed=[])


@pytest.mark.parametrize(
    ("header", "value", "claim"),
    [
        ("Allow", "INVITE, REFER", "transferee"),
        ("Supported", "100rel,replaces", "replaces"),
        ("Allow-Events", "dialog, call-info", "shared_lines"),
    ],
)
def test_an_ability_that_is_shown_is_to_be_claimed(trace: Trace, header: str, value: str, claim: str) -> None:
    trace.request("INVITE", headers={"Allow": "INVITE"})
    trace.passes("call.shows-abilities", claimed=[])
    trace.request("INVITE", headers={header: value})
    judged = trace.fails("call.shows-abilities", "ability-not-claimed", verdict=Verdict.WARN, claimed=[])
    assert claim in judged.findings[0].expected
    trace.passes("call.shows-abilities", claimed=[claim])
