"""Registration: digest, refresh, and the form of what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import BindingChanged, DeviceExited, DigestChecked, FlowClosed, Note
from certsuite.core.findings import Evidence, Measurement
from certsuite.core.observations import OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

AOR = "sip:i6i1ar1v29@98079822.lab.example"


def checks(
    trace: Trace,
    *,
    response: bool = True,
    user: bool = True,
    nonce: bool = True,
    method: str = "REGISTER",
    detail: str = "",
    line: int = 1,
) -> None:
    trace.see(DigestChecked(method, "4085550100", "BroadWorks", response, user, nonce, detail), flow="f1", line=line)


def binds(
    trace: Trace, granted_s: int = 60, *, why: str = "register", aor: str = AOR, flow: str = "f1", line: int = 1
) -> None:
    trace.see(BindingChanged(aor, "sip:a@192.0.2.7", granted_s, why), flow=flow, edge="primary", line=line)


# --- reg.digest, reg.auth-user


def test_a_challenge_that_is_answered(trace: Trace) -> None:
    trace.is_open("reg.digest", "never-registered")
    trace.request("REGISTER")
    trace.is_open("reg.digest", "never-registered")
    trace.answer(401, "Unauthorized", OUT, method="REGISTER")
    trace.fails("reg.digest", "digest-not-answered", settled=False)
    trace.request("REGISTER")
    checks(trace)
    assert trace.passes("reg.digest").evidence == (Evidence(3, 1003),)


def test_a_wrong_response_may_still_be_followed_by_a_right_one(trace: Trace) -> None:
    checks(trace, response=False, detail="algorithm \x1bSHA was not offered")
    judged = trace.fails("reg.digest", "digest-wrong", settled=False)
    assert judged.findings[0].observed == (
        "the response is wrong for user 4085550100, realm BroadWorks; algorithm \\x1bSHA was not offered"
    )
    checks(trace)
    trace.passes("reg.digest")


def test_a_nonce_of_its_own_is_told_from_a_wrong_password(trace: Trace) -> None:
    checks(trace, nonce=False)
    judged = trace.fails("reg.digest", "digest-wrong", settled=False)
    assert judged.findings[0].observed.startswith("the nonce is not one that was given")


def test_a_right_response_to_an_invite_is_none_to_a_register(trace: Trace) -> None:
    checks(trace, method="INVITE")
    trace.is_open("reg.digest", "never-registered")
    trace.is_open("reg.auth-user", "no-credentials")


def test_each_line_s_digest_is_judged_by_itself(trace: Trace) -> None:
    checks(trace)
    checks(trace, response=False, user=False, line=2)
    trace.passes("reg.digest")
    trace.passes("reg.auth-user")
    trace.fails("reg.digest", "digest-wrong", settled=False, line=2)
    trace.fails("reg.auth-user", "digest-wrong-user", line=2)
    trace.is_open("reg.digest", "never-registered", line=3)
    trace.passes("reg.digest", line=None)


def test_another_line_s_register_without_credentials_is_not_this_one_s(trace: Trace) -> None:
    trace.request("REGISTER", line=2)
    trace.answer(401, "Unauthorized", OUT, method="REGISTER", line=2)
    trace.is_open("reg.digest", "never-registered")
    trace.fails("reg.digest", "digest-not-answered", settled=False, line=2)


def test_a_wrong_user_is_a_finding_of_its_own(trace: Trace) -> None:
    checks(trace, user=False)
    trace.passes("reg.digest")
    trace.fails("reg.auth-user", "digest-wrong-user")


def test_the_right_user_every_time(trace: Trace) -> None:
    checks(trace)
    trace.passes("reg.auth-user")
    checks(trace, user=False)
    trace.fails("reg.auth-user", "digest-wrong-user")


# --- reg.registers, flow.opened


def test_a_binding_of_the_line_at_the_edge(trace: Trace) -> None:
    trace.fails("reg.registers", "not-registered", settled=False)
    binds(trace, line=2)
    binds(trace, granted_s=0)
    trace.fails("reg.registers", "not-registered", settled=False)
    trace.passes("reg.registers", line=None)
    binds(trace)
    trace.passes("reg.registers")
    trace.passes("reg.registers", edge="primary")
    judged = trace.fails("reg.registers", "not-registered", settled=False, edge="secondary")
    assert judged.findings[0].observed == "no registration at the secondary edge"


def test_a_connection_at_the_edge(trace: Trace) -> None:
    trace.is_open("flow.opened", "never-connected")
    trace.connects("f1", "primary")
    trace.passes("flow.opened")
    trace.is_open("flow.opened", "never-connected", edge="secondary")


# --- reg.refreshes


def passes_time(trace: Trace, seconds: float) -> None:
    """The moment is in the record, though nothing happens at it."""
    trace.after(seconds).see(Note("later"))


def test_a_refresh_in_time_keeps_the_line_bound_beyond_its_first_grant(trace: Trace) -> None:
    trace.is_open("reg.refreshes", "no-interval")
    binds(trace)
    trace.is_open("reg.refreshes", "no-interval")
    trace.after(29.5)
    binds(trace)
    trace.is_open("reg.refreshes", "no-interval")
    passes_time(trace, 30.5)
    trace.is_open("reg.refreshes", "no-interval")
    passes_time(trace, 0.1)
    judged = trace.passes("reg.refreshes")
    assert judged.measurements == (Measurement("refresh_interval_line_1", 29.5, "s", 60),)


def test_what_is_not_refreshed_is_never_passed_by_time_alone(trace: Trace) -> None:
    binds(trace)
    passes_time(trace, 70)
    trace.is_open("reg.refreshes", "no-interval")


@pytest.mark.parametrize(("after_s", "refreshed"), [(0.5, False), (6.0, False), (6.5, True)])
def test_a_register_that_belongs_to_the_registration_is_no_refresh(
    trace: Trace, after_s: float, refreshed: bool
) -> None:
    """Some devices register twice at once: a tenth of the grant is too early to have been made to."""
    binds(trace)
    trace.after(after_s)
    binds(trace)
    passes_time(trace, 60)
    if refreshed:
        trace.passes("reg.refreshes")
    else:
        trace.is_open("reg.refreshes", "no-interval")


def test_the_first_grant_is_what_a_line_has_to_outlive(trace: Trace) -> None:
    binds(trace)
    for _ in range(3):
        trace.after(15)
        binds(trace, 20)
    passes_time(trace, 15)
    trace.is_open("reg.refreshes", "no-interval")
    passes_time(trace, 0.1)
    assert trace.passes("reg.refreshes").measurements[0].value == 15


def test_every_line_has_to_be_refreshed(trace: Trace) -> None:
    for line in (1, 2):
        binds(trace, line=line)
    trace.after(30)
    binds(trace)
    passes_time(trace, 31)
    trace.passes("reg.refreshes", lines=1)
    trace.is_open("reg.refreshes", "no-interval", lines=2)


def test_each_line_s_refresh_is_measured(trace: Trace) -> None:
    for line in (1, 2):
        binds(trace, line=line)
    for line in (1, 2):
        trace.after(20)
        binds(trace, line=line)
    passes_time(trace, 21)
    judged = trace.passes("reg.refreshes", lines=2)
    measured = {one.name: one.value for one in judged.measurements}
    assert measured == {"refresh_interval_line_1": 20, "refresh_interval_line_2": 40}


def test_one_line_that_expires_fails_though_the_other_is_refreshed(trace: Trace) -> None:
    for line in (1, 2):
        binds(trace, line=line)
    trace.after(30)
    binds(trace)
    trace.after(30)
    binds(trace, 0, why="expired", line=2)
    judged = trace.fails("reg.refreshes", "refresh-too-late", lines=2)
    assert judged.findings[0].observed == "line 2: no refresh within the 60 s that were granted"


def test_an_expiry_fails_though_a_refresh_follows(trace: Trace) -> None:
    binds(trace)
    trace.after(60)
    binds(trace, 0, why="expired")
    judged = trace.fails("reg.refreshes", "refresh-too-late")
    assert judged.findings[0].observed == "line 1: no refresh within the 60 s that were granted"
    trace.after(1)
    binds(trace)
    trace.after(20)
    binds(trace)
    trace.fails("reg.refreshes", "refresh-too-late")


def test_a_refresh_that_was_the_last_fails_when_it_runs_out(trace: Trace) -> None:
    binds(trace)
    trace.after(30)
    binds(trace, 20)
    trace.after(20)
    binds(trace, 0, why="expired")
    judged = trace.fails("reg.refreshes", "refresh-too-late")
    assert "20 s that were granted" in judged.findings[0].observed
    assert judged.evidence == (Evidence(1, 1001), Evidence(2, 1002))


@pytest.mark.parametrize("by", ["bench", "device"])
def test_what_expires_after_its_flow_ended_is_not_late(trace: Trace, by: str) -> None:
    binds(trace)
    trace.after(10).see(FlowClosed(by, "fin"), flow="f1")
    trace.after(50)
    binds(trace, 0, why="expired")
    trace.is_open("reg.refreshes", "no-interval")


def test_after_its_flow_ended_a_line_begins_anew(trace: Trace) -> None:
    binds(trace)
    trace.after(30)
    binds(trace)
    trace.after(10).see(FlowClosed("device", "fin"), flow="f1")
    trace.after(1)
    binds(trace, flow="f2")
    passes_time(trace, 50)
    trace.is_open("reg.refreshes", "no-interval")
    binds(trace, flow="f2")
    passes_time(trace, 15)
    assert trace.passes("reg.refreshes").measurements[0].value == 50


@pytest.mark.parametrize("by", ["bench", "device"])
def test_a_register_after_the_flow_ended_is_no_refresh(trace: Trace, by: str) -> None:
    binds(trace)
    trace.after(10).see(FlowClosed(by, "fin"), flow="f1")
    trace.after(1)
    binds(trace, flow="f2")
    trace.is_open("reg.refreshes", "no-interval")


def test_a_register_after_a_restart_is_no_refresh(trace: Trace) -> None:
    binds(trace)
    trace.after(10).see(DeviceExited(0, asked=True))
    trace.after(1)
    binds(trace, flow="f2")
    trace.is_open("reg.refreshes", "no-interval")


def test_another_flow_s_end_does_not_break_it(trace: Trace) -> None:
    binds(trace)
    trace.after(10).see(FlowClosed("bench", "fin"), flow="f9")
    trace.after(10)
    binds(trace)
    passes_time(trace, 41)
    trace.passes("reg.refreshes")


def test_another_line_s_register_is_no_refresh(trace: Trace) -> None:
    binds(trace)
    trace.after(10)
    binds(trace, aor="sip:other@98079822.lab.example", line=2)
    trace.is_open("reg.refreshes", "no-interval")


def test_what_was_taken_back_need_not_be_refreshed(trace: Trace) -> None:
    binds(trace)
    trace.after(10)
    binds(trace, 0, why="unregister")
    trace.is_open("reg.refreshes", "no-interval")


# --- sip.no-sips-uri


def test_messages_with_sip_uris_only(trace: Trace) -> None:
    trace.is_open("sip.no-sips-uri", "nothing-seen")
    trace.request("REGISTER", headers={"Contact": '"sips: is no URI here" <sip:a@192.0.2.7;transport=tls>'})
    trace.request("OPTIONS", OUT, uri="sips:a@x")
    trace.answer(200, method="OPTIONS")
    trace.request("OPTIONS", headers={"Subject": "sips:a@x", "User-Agent": "sips:phone"})
    assert [one.seq for one in trace.passes("sip.no-sips-uri").evidence] == [0, 3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Contact", "<sips:a@192.0.2.7>"),
        ("Contact", '<sips:a@192.0.2.7>;+sip.instance="<urn:uuid:0>"'),
        ("m", '<sips:a@192.0.2.7>;q="1"'),
        ("Contact", '"A" <sip:a@x>, "B" <SIPS:b@x>;q=0.1'),
        ("f", '"A" <sips:a@x>;tag=1'),
        ("To", "sips:a@x"),
        ("Route", "<sip:p1;lr>, <sips:p2;lr>"),
        ("Record-Route", "<sips:p;lr>"),
        ("Refer-To", "<sips:c@x>"),
        ("b", "<sips:c@x>"),
        ("P-Asserted-Identity", '"A" <sips:a@x>'),
        ("P-Preferred-Identity", "<sips:a@x>"),
        ("Diversion", "<sips:a@x>;reason=unknown"),
        ("Path", "<sips:p;lr>"),
    ],
)
def test_a_sips_uri_fails_wherever_it_stands(trace: Trace, name: str, value: str) -> None:
    trace.request("REGISTER")
    trace.request("OPTIONS", headers={name: value})
    judged = trace.fails("sip.no-sips-uri", "sips-uri")
    assert judged.findings[0].observed == f"OPTIONS with {name}: {value}"
    assert judged.evidence == (Evidence(1, 1001),)


def test_a_sips_request_uri_fails(trace: Trace) -> None:
    trace.request("REGISTER", uri="sips:98079822.lab.example")
    trace.fails("sip.no-sips-uri", "sips-uri")
