"""Session timers: what is agreed on, refreshed, and given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import LoopLag, Note
from certsuite.core.observations import IN, OUT
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

CALL = "SSE1-1@127.9.0.1"
REFRESH: dict[str, Any] = {"method": "UPDATE", "cseq": 1}


def accepts(trace: Trace, session: str = "", direction: str = IN, *, method: str = "INVITE", status: int = 200) -> None:
    headers = [("Call-ID", CALL), ("CSeq", f"1 {method}")]
    headers += [("Session-Expires", session)] if session else []
    trace.sip(SipMessage(status=status, reason="R", headers=tuple(headers)), direction)


def invites(trace: Trace, session: str = "90;refresher=uac", direction: str = OUT, **headers: str) -> None:
    trace.request("INVITE", direction, headers={"Session-Expires": session, **headers})


def agrees(trace: Trace, session: str) -> None:
    invites(trace, session)
    accepts(trace, session)


def lets_pass(trace: Trace, seconds: float) -> None:
    trace.after(seconds).see(Note("over"))


def test_what_is_claimed_is_shown(trace: Trace) -> None:
    trace.is_open("timer.claim", "nothing-seen", claimed=True)
    trace.request("BYE", headers={"Supported": "timer"})
    trace.request("REGISTER", headers={"Supported": "timer"})
    trace.answer(180)
    trace.is_open("timer.claim", "nothing-seen", claimed=False)
    trace.request("INVITE", headers={"Supported": "100rel"})
    trace.passes("timer.claim", claimed=False)
    trace.fails("timer.claim", "session-timer-not-offered", claimed=True)
    accepts(trace, "90;refresher=uac")
    trace.passes("timer.claim", claimed=True)


@pytest.mark.parametrize(
    ("headers", "observed"),
    [
        ({"Supported": "replaces, timer"}, "timer in Supported in INVITE"),
        ({"Session-Expires": "90"}, "Session-Expires in INVITE"),
    ],
)
def test_what_is_shown_is_claimed(trace: Trace, headers: dict[str, str], observed: str) -> None:
    trace.request("INVITE", headers=headers)
    judged = trace.fails("timer.claim", "session-timer-not-claimed", verdict=Verdict.WARN, claimed=False)
    assert judged.findings[0].observed.startswith(observed)
    trace.passes("timer.claim", claimed=True)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("90;refresher=uac", True),
        ("60;refresher=UAC", True),
        ("90;refresher=uas", False),
        ("90", False),
        ("91;refresher=uac", False),
        ("59;refresher=uac", False),
        ("", False),
    ],
)
def test_what_was_asked_for_is_agreed_on(trace: Trace, answer: str, right: bool) -> None:
    trace.request("INVITE", OUT)
    accepts(trace)
    trace.is_open("timer.is-agreed", "not-stimulated")
    trace.observations.clear()
    invites(trace, **{"Min-SE": "60"})
    trace.is_open("timer.is-agreed", "not-stimulated")
    accepts(trace, answer)
    if right:
        trace.passes("timer.is-agreed")
    else:
        trace.fails("timer.is-agreed", "session-timer-not-agreed")


def test_without_min_se_no_interval_is_below_90_s(trace: Trace) -> None:
    """RFC 4028 section 9: that is its value where it is not said."""
    invites(trace, "1800;refresher=uac")
    accepts(trace, "89;refresher=uac")
    judged = trace.fails("timer.is-agreed", "session-timer-not-agreed")
    assert judged.findings[0].expected == "Session-Expires: 1800;refresher=uac, or a smaller one of 90 s or more"


def test_the_timer_goes_on_at_a_refresh(trace: Trace) -> None:
    trace.is_open("timer.takes-refresh", "not-stimulated", **REFRESH)
    trace.request("UPDATE", OUT, to_tag="1")
    trace.fails("timer.takes-refresh", "session-refresh-refused", settled=False, **REFRESH)
    accepts(trace, method="UPDATE")
    trace.fails("timer.takes-refresh", "session-timer-dropped", **REFRESH)
    trace.is_open("timer.takes-refresh", "not-stimulated", method="UPDATE", cseq=2)
    trace.observations.pop()
    accepts(trace, "90;refresher=uac", method="UPDATE")
    trace.passes("timer.takes-refresh", **REFRESH)


def test_a_refresh_that_is_refused(trace: Trace) -> None:
    trace.request("UPDATE", OUT, to_tag="1")
    accepts(trace, "90", method="UPDATE", status=500)
    judged = trace.fails("timer.takes-refresh", "session-refresh-refused", **REFRESH)
    assert judged.findings[0].observed == "500 R"


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_device_refreshes_in_time(trace: Trace, method: str) -> None:
    trace.is_open("timer.refreshes", "not-stimulated")
    agrees(trace, "90;refresher=uas")
    trace.is_open("timer.refreshes", "not-waited-for")
    lets_pass(trace, 89)
    trace.is_open("timer.refreshes", "not-waited-for")
    trace.request(method, to_tag="1", headers={"Session-Expires": "90;refresher=uac"})
    judged = trace.passes("timer.refreshes")
    assert [(one.name, one.value, one.limit) for one in judged.measurements] == [("session_refresh", 89.0, 90)]


def test_the_device_refreshes_too_late_or_never(trace: Trace) -> None:
    agrees(trace, "90;refresher=uas")
    lets_pass(trace, 91)
    judged = trace.fails("timer.refreshes", "session-not-refreshed")
    assert judged.findings[0].observed == "no refresh within 91.0 s"
    trace.request("UPDATE", to_tag="1", headers={"Session-Expires": "90;refresher=uac"})
    judged = trace.fails("timer.refreshes", "session-not-refreshed")
    assert judged.findings[0].observed == "the refresh came after 91.0 s"
    trace.see(LoopLag(5000.0))
    trace.is_open("timer.refreshes", "bench-lag")


def test_a_refresh_keeps_the_timer(trace: Trace) -> None:
    agrees(trace, "90;refresher=uas")
    trace.after(45).request("UPDATE", to_tag="1")
    # RFC 4028 section 7.4: it SHOULD be there.
    trace.fails("timer.refreshes", "session-timer-dropped", verdict=Verdict.WARN)


def test_what_comes_before_the_agreement_is_no_refresh(trace: Trace) -> None:
    invites(trace, "90", IN)
    accepts(trace, "90;refresher=uac", OUT)
    trace.is_open("timer.refreshes", "not-waited-for")


@pytest.mark.parametrize(("seconds", "finding"), [(20, "session-ended-early"), (60, ""), (89, ""), (91, "")])
def test_a_session_that_nobody_refreshes_is_ended(trace: Trace, seconds: float, finding: str) -> None:
    trace.is_open("timer.ends-session", "not-stimulated")
    agrees(trace, "90;refresher=uac")
    trace.after(seconds).request("BYE", to_tag="1")
    if finding:
        trace.fails("timer.ends-session", finding)
    else:
        judged = trace.passes("timer.ends-session")
        assert judged.measurements[0].value == seconds


def test_a_session_that_the_device_refreshes_is_not_over(trace: Trace) -> None:
    agrees(trace, "90;refresher=uac")
    trace.after(45).request("UPDATE", to_tag="1")
    lets_pass(trace, 100)
    # RFC 4028 section 7.4: a re-INVITE or an UPDATE for another purpose refreshes the session as well.
    trace.is_open("timer.ends-session", "refreshed")


def test_a_bye_of_another_dialog_ends_no_session(trace: Trace) -> None:
    agrees(trace, "90;refresher=uac")
    trace.after(80).request("BYE", to_tag="other")
    trace.answer(481, direction=OUT, method="BYE")
    lets_pass(trace, 20)
    trace.fails("timer.ends-session", "expired-session-kept")


def test_a_refresh_that_crosses_the_device_s_own_offer_is_refused_rightly(trace: Trace) -> None:
    trace.request("UPDATE", OUT, to_tag="1")
    trace.request("INVITE", to_tag="1")
    trace.answer(491, method="UPDATE")
    trace.is_open("timer.takes-refresh", "offers-crossed", **REFRESH)


def test_a_session_that_is_ended_late_or_never(trace: Trace) -> None:
    agrees(trace, "90;refresher=uac")
    lets_pass(trace, 92)
    trace.is_open("timer.ends-session", "not-waited-for")
    lets_pass(trace, 4)
    trace.fails("timer.ends-session", "expired-session-kept")
    trace.request("BYE", to_tag="1")
    judged = trace.fails("timer.ends-session", "expired-session-kept", verdict=Verdict.WARN)
    assert judged.findings[0].observed == "BYE 6.0 s after the end of a session of 90 s"


@pytest.mark.parametrize(
    ("session", "minimum", "right"),
    [("3600", "3600", True), ("7200", "3600", True), ("3600", "", False), ("1800", "3600", False), ("", "3600", False)],
)
def test_a_refused_interval_is_raised(trace: Trace, session: str, minimum: str, right: bool) -> None:
    invites(trace, "1800", IN)
    trace.is_open("timer.raises-interval", "not-stimulated")
    headers = (("Call-ID", CALL), ("CSeq", "1 INVITE"), ("Min-SE", "3600"))
    trace.sip(SipMessage(status=422, reason="R", headers=headers), OUT)
    trace.fails("timer.raises-interval", "session-interval-not-raised", settled=False)
    given = {"Session-Expires": session, "Min-SE": minimum}
    trace.request("INVITE", headers={name: value for name, value in given.items() if value})
    if right:
        trace.passes("timer.raises-interval")
    else:
        trace.fails("timer.raises-interval", "session-interval-not-raised")


def test_a_user_who_is_busy_says_nothing_of_the_interval(trace: Trace) -> None:
    invites(trace, "89;refresher=uac")
    trace.answer(486)
    trace.is_open("timer.minds-interval", "refused-for-another-reason")


@pytest.mark.parametrize(
    ("status", "minimum", "right"),
    [(180, "", True), (200, "", True), (422, "90", True), (422, "", False), (422, "89", False), (400, "90", False)],
)
def test_a_small_interval_is_told_as_such(trace: Trace, status: int, minimum: str, right: bool) -> None:
    trace.is_open("timer.minds-interval", "not-stimulated")
    invites(trace, "89;refresher=uac")
    trace.answer(100)
    trace.is_open("timer.minds-interval", "nothing-seen")
    headers = (("Call-ID", CALL), ("CSeq", "1 INVITE"), *([("Min-SE", minimum)] if minimum else []))
    trace.sip(SipMessage(status=status, reason="R", headers=headers))
    if right:
        trace.passes("timer.minds-interval")
    else:
        trace.fails("timer.minds-interval", "small-session-interval-refused")
