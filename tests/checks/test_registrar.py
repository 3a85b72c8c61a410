"""What is said of a device at a registrar that asks, grants or refuses in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import DeviceExited, DigestChecked, FlowClosed, Note
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Mark, Verdict
from tests.checks.good_registration import CONTACT, binds, told, tries

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

ASKED: dict[str, Any] = {"shown": "x-lab", "finding": "digest-unknown-qop", "expected": "e", "hint": "h"}
SHOWN = ("WWW-Authenticate", 'Digest realm="r",qop="x-lab,auth"')


# --- reg.takes-challenge


def test_a_challenge_without_what_is_tried_is_none(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 401, ("WWW-Authenticate", 'Digest realm="r",qop="auth"'))
    binds(trace)
    trace.is_open("reg.takes-challenge", "never-asked", **ASKED)


def test_what_shows_it_may_stand_in_the_second_of_two_challenges(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 401, ("WWW-Authenticate", 'Digest realm="r"'), SHOWN)
    binds(trace)
    trace.passes("reg.takes-challenge", **ASKED)


def test_a_challenge_that_is_never_answered(trace: Trace) -> None:
    binds(trace)
    trace.request("REGISTER")
    told(trace, 401, SHOWN)
    judged = trace.fails("reg.takes-challenge", "digest-unknown-qop", settled=False, **ASKED)
    assert judged.findings[0].observed == "no REGISTER with credentials after the 401"


@pytest.mark.parametrize(
    ("right", "detail"), [(False, "the response is wrong; qop"), (True, "the nonce is not the one")]
)
def test_a_challenge_that_is_answered_wrongly(trace: Trace, right: bool, detail: str) -> None:
    told(trace, 401, SHOWN)
    trace.see(DigestChecked("REGISTER", "u", "r", right, True, False, "" if right else "qop"), flow="f1", line=1)
    judged = trace.fails("reg.takes-challenge", "digest-unknown-qop", settled=False, **ASKED)
    assert judged.findings[0].observed.startswith(detail)


def test_another_line_s_binding_is_not_this_one_s(trace: Trace) -> None:
    told(trace, 401, SHOWN)
    binds(trace, line=2)
    trace.fails("reg.takes-challenge", "digest-unknown-qop", settled=False, **ASKED)


def test_what_is_only_noted_warns(trace: Trace) -> None:
    told(trace, 401, SHOWN)
    trace.fails(
        "reg.takes-challenge", "digest-unknown-qop", settled=False, verdict=Verdict.WARN, optional=True, **ASKED
    )


def test_who_gives_up_at_a_stale_nonce_and_registers_at_its_next_attempt_has_not_answered_it(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 401, ("WWW-Authenticate", 'Digest realm="r",stale=true'))
    for right in (False, True):
        trace.after(5).see(DigestChecked("REGISTER", "u", "r", True, True, right), flow="f1", line=1)
    binds(trace)
    asked = {**ASKED, "shown": "stale=true", "finding": "digest-stale-not-answered"}
    trace.fails("reg.takes-challenge", "digest-stale-not-answered", **asked)


# --- reg.takes-invite-challenge


@pytest.mark.parametrize(("realm", "right"), [("BroadWorks", True), ("lab.invalid", False)])
def test_a_call_s_challenge_is_answered_in_its_realm_alone(trace: Trace, realm: str, right: bool) -> None:
    trace.is_open("reg.takes-invite-challenge", "never-asked", realm="lab.invalid")
    trace.request("INVITE")
    told(trace, 407, ("Proxy-Authenticate", 'Digest realm="lab.invalid"'), method="INVITE")
    trace.fails("reg.takes-invite-challenge", "invite-realm-not-answered", settled=False, realm="lab.invalid")
    tries(trace, method="INVITE", realm=realm, right=right)
    trace.fails("reg.takes-invite-challenge", "invite-realm-not-answered", settled=False, realm="lab.invalid")
    tries(trace, method="INVITE", realm="lab.invalid")
    trace.passes("reg.takes-invite-challenge", realm="lab.invalid")


# --- reg.heeds-min-expires


def test_giving_up_and_asking_for_too_little_are_two_findings(trace: Trace) -> None:
    trace.is_open("reg.heeds-min-expires", "never-told")
    trace.request("REGISTER", headers={"Expires": "240"})
    told(trace, 423, ("Min-Expires", "300"))
    trace.fails("reg.heeds-min-expires", "gave-up-on-423", settled=False)
    trace.request("REGISTER", headers={"Expires": "240"})
    judged = trace.fails("reg.heeds-min-expires", "min-expires-ignored", settled=False)
    assert judged.findings[0].observed == "REGISTER with expiry 240 after the 423 with Min-Expires 300"
    binds(trace)
    trace.passes("reg.heeds-min-expires")


# --- reg.heeds-expiry


@pytest.mark.parametrize(
    ("form", "contact", "header", "finding"),
    [
        ("header", CONTACT, "60", "expires-header-ignored"),
        ("both", f"{CONTACT};expires=60", "1200", "contact-expiry-ignored"),
    ],
)
def test_an_expiry_that_is_not_heeded_runs_out(
    trace: Trace, form: str, contact: str, header: str, finding: str
) -> None:
    other = "both" if form == "header" else "header"
    told(trace, 200, ("Contact", contact), ("Expires", header))
    trace.is_open("reg.heeds-expiry", "no-interval", form=form)
    trace.is_open("reg.heeds-expiry", "never-granted", form=other)
    trace.after(60)
    binds(trace, 0, why="expired")
    trace.fails("reg.heeds-expiry", finding, form=form)


def test_a_line_that_registers_once_more_at_once_has_not_heeded_the_expiry(trace: Trace) -> None:
    told(trace, 200, ("Contact", CONTACT), ("Expires", "60"))
    trace.after(5)
    binds(trace, 60)
    judged = trace.judge("reg.heeds-expiry", form="header")
    assert (judged.verdict, judged.reason_code, judged.settled) == (Verdict.INCONCLUSIVE, "no-interval", True)


def test_a_parameter_of_the_uri_is_no_expiry_of_the_contact(trace: Trace) -> None:
    told(trace, 200, ("Contact", "<sip:a@192.0.2.7;expires=5>"), ("Expires", "60"))
    trace.is_open("reg.heeds-expiry", "no-interval", form="header")


@pytest.mark.parametrize("why", ["flow-closed", "unregister"])
def test_a_registration_that_ends_otherwise_says_nothing(trace: Trace, why: str) -> None:
    told(trace, 200, ("Contact", CONTACT), ("Expires", "60"))
    binds(trace, 0, why=why)
    trace.is_open("reg.heeds-expiry", "disturbed", form="header")


# --- reg.backs-off


def refused(trace: Trace, times: int, gap_s: float) -> None:
    for _ in range(times):
        tries(trace)
        told(trace, 403)
        trace.after(gap_s)


def test_a_few_quick_tries_are_borne_if_a_pause_follows(trace: Trace) -> None:
    trace.is_open("reg.backs-off", "never-refused", status=403)
    refused(trace, 3, 0.1)
    trace.is_open("reg.backs-off", "not-paused-yet", status=403)
    trace.after(2).see(Note("quiet"))
    assert trace.passes("reg.backs-off", status=403).measurements[0].value == 3
    refused(trace, 9, 0.1)
    trace.passes("reg.backs-off", status=403)


def test_tries_without_a_pause_are_hammering(trace: Trace) -> None:
    refused(trace, 4, 1.5)
    judged = trace.fails("reg.backs-off", "hammers-registrar", status=403, verdict=Verdict.WARN)
    assert judged.findings[0].observed == "4 REGISTERs with credentials in 4.5 s, none with a pause before it"
    trace.after(60).see(Note("a pause that comes too late"))
    trace.fails("reg.backs-off", "hammers-registrar", status=403, verdict=Verdict.WARN)


def test_with_a_source_for_the_limit_hammering_fails(trace: Trace) -> None:
    trace.limit("pause_after_refusal_s", mark=Mark.PRIMARY)
    refused(trace, 4, 0.1)
    trace.fails("reg.backs-off", "hammers-registrar", status=403)


def test_a_device_that_says_nothing_is_not_praised_for_its_pause(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 401)
    trace.after(60).see(Note("quiet"))
    trace.is_open("reg.backs-off", "never-refused", status=401)


# --- reg.heeds-retry-after


def test_a_register_before_the_time_is_over_fails(trace: Trace) -> None:
    trace.is_open("reg.heeds-retry-after", "never-told", edge="primary")
    told(trace, 503, ("Retry-After", "5"))
    trace.after(1).request("REGISTER", line=2)
    trace.is_open("reg.heeds-retry-after", "not-over-yet", edge="primary")
    trace.after(3.5).request("REGISTER")
    judged = trace.fails("reg.heeds-retry-after", "retry-after-ignored", edge="primary")
    assert judged.findings[0].observed == "REGISTER again after 4.5 s"


def test_a_register_when_the_time_is_over_is_right(trace: Trace) -> None:
    told(trace, 503, ("Retry-After", "5"))
    trace.after(5).request("REGISTER")
    trace.passes("reg.heeds-retry-after", edge="primary")


def test_a_503_without_the_time_asks_for_nothing(trace: Trace) -> None:
    told(trace, 503)
    trace.after(5).request("REGISTER")
    trace.is_open("reg.heeds-retry-after", "never-told", edge="primary")


# --- reg.takes-response

WHAT: dict[str, Any] = {"shown": "X-Lab", "what": "headers"}


@pytest.mark.parametrize("event", [FlowClosed("device", "fin"), DeviceExited(1, asked=False)])
def test_a_device_that_ends_its_connection_has_not_taken_it(trace: Trace, event: FlowClosed | DeviceExited) -> None:
    told(trace, 200)
    trace.is_open("reg.takes-response", "never-told", **WHAT)
    told(trace, 200, ("X-Lab", "1"))
    trace.is_open("reg.takes-response", "no-sign-of-life", **WHAT)
    trace.see(event, flow="f1")
    trace.fails("reg.takes-response", "register-response-not-taken", settled=False, **WHAT)


def test_what_the_bench_ends_or_another_flow_s_end_is_not_the_device_s_doing(trace: Trace) -> None:
    told(trace, 200, ("X-Lab", "1"))
    trace.see(FlowClosed("bench", "fin"), flow="f1")
    trace.see(FlowClosed("device", "fin"), flow="f2")
    trace.is_open("reg.takes-response", "no-sign-of-life", **WHAT)


def test_any_response_to_options_is_a_sign_of_life(trace: Trace) -> None:
    told(trace, 200, ("X-Lab", "1"))
    trace.request("OPTIONS", OUT)
    trace.answer(405, method="OPTIONS", flow="f2")
    trace.is_open("reg.takes-response", "no-sign-of-life", **WHAT)
    trace.answer(405, method="OPTIONS")
    trace.passes("reg.takes-response", **WHAT)
