"""What is said of a registered device over time, and of its flow, lines and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import BenchChanged, DeviceExited, DriverAction, FlowClosed
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from tests.checks.good_registration import binds

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


# --- reg.refresh-pace


def test_one_early_refresh_is_borne_and_two_in_a_row_warn(trace: Trace) -> None:
    for gap in (0.1, 30, 14.9, 30, 14.9):
        binds(trace)
        trace.after(gap)
    binds(trace)
    trace.passes("reg.refresh-pace")
    trace.after(1)
    binds(trace)
    judged = trace.fails("reg.refresh-pace", "refresh-too-fast", verdict=Verdict.WARN)
    assert judged.findings[0].observed == "line 1: a refresh 1.0 s after the one before, of 60 s that were granted"


def test_what_the_device_was_told_to_do_and_another_flow_is_no_refresh(trace: Trace) -> None:
    binds(trace)
    for _ in range(3):
        trace.see(DriverAction("reregister", {}, True))
        binds(trace)
    binds(trace, flow="f2")
    binds(trace, 0, flow="f2", why="unregister")
    binds(trace, flow="f2")
    binds(trace, line=2)
    trace.is_open("reg.refresh-pace", "no-interval")


def test_an_order_stands_in_the_record_after_what_it_brought_about(trace: Trace) -> None:
    binds(trace)
    for _ in range(3):
        trace.after(2)
        binds(trace)
        trace.see(DriverAction("reregister", {}, True))
    trace.is_open("reg.refresh-pace", "no-interval")


def test_an_order_to_dial_asks_for_no_registration(trace: Trace) -> None:
    binds(trace)
    trace.see(DriverAction("dial", {}, True))
    trace.after(30)
    binds(trace)
    trace.see(DriverAction("hangup", {}, True))
    trace.passes("reg.refresh-pace")


def test_lines_that_are_early_once_each_are_borne(trace: Trace) -> None:
    for line in (1, 2):
        binds(trace, line=line)
    for line in (1, 2):
        trace.after(0.1)
        binds(trace, line=line)
    trace.passes("reg.refresh-pace")


def test_the_shares_of_all_cycles_are_measured(trace: Trace) -> None:
    for gap in (30, 45, 18):
        binds(trace)
        trace.after(gap)
    binds(trace)
    measured = {one.name: one.value for one in trace.passes("reg.refresh-pace").measurements}
    assert measured == {"refreshes": 3, "least_share_of_grant": 0.3, "largest_share_of_grant": 0.75}


# --- flow.reused


def test_a_call_over_a_flow_that_never_registered_fails(trace: Trace) -> None:
    trace.is_open("flow.reused", "nothing-seen")
    binds(trace)
    trace.request("REGISTER", flow="f2")
    trace.is_open("flow.reused", "nothing-seen")
    trace.request("INVITE", flow="f2")
    judged = trace.fails("flow.reused", "request-over-other-flow")
    assert judged.findings[0].observed.startswith("INVITE of line 1 over a connection")


def test_each_line_has_flows_of_its_own_and_may_leave_one_for_another(trace: Trace) -> None:
    binds(trace)
    binds(trace, flow="f2", line=2)
    binds(trace, flow="f3")
    trace.request("INVITE")
    trace.request("INVITE", flow="f3")
    trace.answer(200, flow="f2", line=2)
    trace.passes("flow.reused")
    trace.request("SUBSCRIBE", flow="f1", line=2)
    trace.fails("flow.reused", "request-over-other-flow")


def test_to_ask_whether_a_server_is_there_needs_no_registration_with_it(trace: Trace) -> None:
    """So devices look for their primary before they go back, and answer where they are asked."""
    binds(trace, edge="secondary")
    trace.request("OPTIONS", flow="f2", edge="primary")
    trace.is_open("flow.reused", "nothing-seen")
    trace.answer(486, flow="f2", edge="primary")
    trace.request("OPTIONS", flow="f1", edge="secondary")
    trace.passes("flow.reused")


def test_while_the_edge_of_the_registration_fails_a_call_may_take_the_next(trace: Trace) -> None:
    binds(trace)
    trace.see(BenchChanged("primary edge", "503", {"failure": "x"}), edge="primary")
    trace.request("INVITE", flow="f2", edge="secondary")
    trace.request("ACK")
    trace.passes("flow.reused")
    trace.see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.request("INVITE", flow="f2", edge="secondary")
    trace.fails("flow.reused", "request-over-other-flow")


# --- reg.comes-back


def test_never_and_late_are_two_findings(trace: Trace) -> None:
    trace.see(FlowClosed("device", "rst"), flow="f1")
    binds(trace, flow="f2")
    trace.is_open("reg.comes-back", "never-ended", granted_s=60)
    trace.see(FlowClosed("bench", "rst"), flow="f2")
    trace.fails("reg.comes-back", "reconnect-never", settled=False, granted_s=60)
    trace.after(61)
    binds(trace, flow="f3", line=2)
    trace.fails("reg.comes-back", "reconnect-never", settled=False, granted_s=60)
    binds(trace, flow="f3")
    trace.fails("reg.comes-back", "reconnect-late", verdict=Verdict.WARN, granted_s=60)
    trace.passes("reg.comes-back", granted_s=62)


# --- reg.own-call-ids


def test_lines_that_share_a_call_id_warn(trace: Trace) -> None:
    trace.request("REGISTER", line=1)
    binds(trace)
    trace.is_open("reg.own-call-ids", "lines-missing", lines=2)
    trace.request("REGISTER", line=2)
    judged = trace.fails("reg.own-call-ids", "lines-share-call-id", verdict=Verdict.WARN, lines=2)
    assert judged.findings[0].observed.startswith("lines 1 and 2 register with Call-ID ")


def test_a_line_that_was_never_bound_is_missing(trace: Trace) -> None:
    for line in (1, 2):
        trace.request("REGISTER", line=line, call_id=f"c{line}")
    binds(trace)
    trace.is_open("reg.own-call-ids", "lines-missing", lines=2)


# --- reg.takes-back


@pytest.mark.parametrize("why", ["", "flow-closed"])
def test_a_binding_that_is_left_behind_is_noted(trace: Trace, why: str) -> None:
    binds(trace)
    binds(trace, line=2)
    binds(trace, 0, why="unregister")
    if why:
        binds(trace, 0, line=2, why=why)
    trace.see(DeviceExited(0, asked=True))
    judged = trace.fails("reg.takes-back", "not-deregistered", settled=False, verdict=Verdict.WARN)
    assert judged.findings[0].observed == "the device ended with line 2 still bound"


def test_a_flow_that_ended_before_the_line_came_back_says_nothing(trace: Trace) -> None:
    binds(trace)
    binds(trace, 0, why="flow-closed")
    binds(trace, flow="f2")
    binds(trace, 0, flow="f2", why="unregister")
    trace.see(DeviceExited(0, asked=True))
    trace.passes("reg.takes-back")


def test_a_program_that_a_signal_ends_had_no_chance(trace: Trace) -> None:
    binds(trace)
    trace.see(DeviceExited(-15, asked=True))
    trace.is_open("reg.takes-back", "ended-by-signal")


# --- sip.answers-options


def test_options_that_is_not_answered_refused_or_answered_late(trace: Trace) -> None:
    trace.is_open("sip.answers-options", "never-asked")
    trace.request("OPTIONS", OUT)
    trace.fails("sip.answers-options", "options-not-answered", settled=False)
    trace.answer(100, method="OPTIONS")
    trace.answer(200, method="OPTIONS", call_id="another")
    trace.fails("sip.answers-options", "options-not-answered", settled=False)
    trace.after(6).answer(200, method="OPTIONS")
    trace.fails("sip.answers-options", "options-late", verdict=Verdict.WARN)


def test_a_refusal_of_options_is_told_by_its_status(trace: Trace) -> None:
    trace.request("OPTIONS", OUT)
    trace.answer(481, "No\x1b Call", method="OPTIONS")
    judged = trace.fails("sip.answers-options", "options-refused")
    assert judged.findings[0].observed == "481 No\\x1b Call"
