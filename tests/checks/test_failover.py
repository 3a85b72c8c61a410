"""To the secondary, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ConnectionAttempt,
    DeviceStarted,
    DnsQuery,
    FlowClosed,
    LoopLag,
    Note,
)
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Mark, Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

AOR = "sip:i6i1ar1v29@98079822.lab.example"


def binds(trace: Trace, edge: str, granted_s: int = 60, *, line: int = 1) -> None:
    trace.see(BindingChanged(AOR, "sip:a@192.0.2.7", granted_s), flow="f2", edge=edge, line=line)


def loses_the_primary(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "refuses", {"accepts": False}), edge="primary")
    trace.see(FlowClosed("bench", "rst"), flow="f1", edge="primary")


def test_the_time_counts_from_the_loss(trace: Trace) -> None:
    trace.after(30)
    loses_the_primary(trace)
    trace.fails("fo.uses-secondary", "failover-never", settled=False)
    trace.after(4.25)
    binds(trace, "secondary")
    judged = trace.passes("fo.uses-secondary")
    [measured] = judged.measurements
    assert (measured.name, measured.value, measured.unit, measured.limit) == ("failover_time", 4.25, "s", 60)


def test_the_time_counts_from_the_last_start(trace: Trace) -> None:
    loses_the_primary(trace)
    trace.after(20).see(DeviceStarted(1, "phone"))
    trace.after(2)
    binds(trace, "secondary")
    assert trace.passes("fo.uses-secondary").measurements[0].value == 2


def test_what_a_program_takes_to_start_is_no_part_of_the_failover(trace: Trace) -> None:
    loses_the_primary(trace)
    trace.see(DeviceStarted(1, "phone"))
    trace.after(90).see(DnsQuery("udp", "127.9.0.9:1", "_sips._tcp.x", "SRV", "NOERROR", ()))
    trace.after(3)
    binds(trace, "secondary")
    assert trace.passes("fo.uses-secondary").measurements[0].value == 3


def test_late_is_another_finding_than_never(trace: Trace) -> None:
    loses_the_primary(trace)
    trace.after(70)
    binds(trace, "secondary")
    judged = trace.fails("fo.uses-secondary", "failover-late", verdict=Verdict.WARN)
    assert judged.findings[0].limit == 60
    trace.limit("failover_s", mark=Mark.PRIMARY)
    trace.fails("fo.uses-secondary", "failover-late")


@pytest.mark.parametrize(("lag_ms", "verdict"), [(500.0, Verdict.PASS), (2500.0, Verdict.INCONCLUSIVE)])
def test_a_margin_below_the_bench_s_lag_is_none(trace: Trace, lag_ms: float, verdict: Verdict) -> None:
    loses_the_primary(trace)
    trace.see(LoopLag(lag_ms))
    trace.after(58)
    binds(trace, "secondary")
    judged = trace.judge("fo.uses-secondary")
    assert judged.verdict is verdict
    assert len(judged.measurements) == 1
    assert judged.settled


def test_a_registration_that_was_taken_back_is_none(trace: Trace) -> None:
    loses_the_primary(trace)
    binds(trace, "secondary", granted_s=0)
    binds(trace, "primary")
    trace.fails("fo.uses-secondary", "failover-never", settled=False)


def test_the_last_line_to_come_over_says_how_long_it_took(trace: Trace) -> None:
    loses_the_primary(trace)
    trace.after(4)
    binds(trace, "secondary")
    trace.after(1)
    binds(trace, "secondary")
    trace.fails("fo.uses-secondary", "failover-never", settled=False, lines=2)
    binds(trace, "secondary", granted_s=0, line=2)
    trace.fails("fo.uses-secondary", "failover-never", settled=False, lines=2)
    trace.after(5)
    binds(trace, "secondary", line=2)
    trace.after(30)
    binds(trace, "secondary", line=2)
    assert trace.passes("fo.uses-secondary", lines=2).measurements[0].value == 10
    assert trace.passes("fo.uses-secondary").measurements[0].value == 10


def test_a_line_that_comes_over_late_is_late(trace: Trace) -> None:
    loses_the_primary(trace)
    trace.after(4)
    binds(trace, "secondary")
    trace.after(66)
    binds(trace, "secondary", line=2)
    trace.fails("fo.uses-secondary", "failover-late", verdict=Verdict.WARN, lines=2)


def comes_back(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "good", {"accepts": True}), edge="primary")


def test_the_way_back(trace: Trace) -> None:
    trace.is_open("fo.returns-to-primary", "never-restored", granted_s=30)
    binds(trace, "primary")
    loses_the_primary(trace)
    trace.is_open("fo.returns-to-primary", "never-restored", granted_s=30)
    binds(trace, "secondary")
    comes_back(trace)
    trace.fails("fo.returns-to-primary", "failback-never", settled=False, granted_s=30)
    trace.after(29)
    binds(trace, "secondary")
    trace.fails("fo.returns-to-primary", "failback-never", settled=False, granted_s=30)
    binds(trace, "primary", granted_s=0)
    trace.fails("fo.returns-to-primary", "failback-never", settled=False, granted_s=30)
    trace.after(29)
    binds(trace, "primary")
    assert trace.passes("fo.returns-to-primary", granted_s=30).measurements[0].value == 58


def test_every_line_has_to_come_back(trace: Trace) -> None:
    binds(trace, "primary", line=2)
    comes_back(trace)
    trace.after(10)
    binds(trace, "primary")
    trace.passes("fo.returns-to-primary", granted_s=30)
    trace.fails("fo.returns-to-primary", "failback-never", settled=False, granted_s=30, lines=2)
    trace.after(20)
    binds(trace, "primary", line=2)
    assert trace.passes("fo.returns-to-primary", granted_s=30, lines=2).measurements[0].value == 30


def test_the_limit_is_so_many_granted_expiries(trace: Trace) -> None:
    comes_back(trace)
    trace.after(70)
    binds(trace, "primary")
    trace.passes("fo.returns-to-primary", granted_s=60)
    judged = trace.fails("fo.returns-to-primary", "failback-late", verdict=Verdict.WARN, granted_s=30)
    assert (judged.findings[0].limit, judged.findings[0].unit) == (60, "s")
    trace.limit("failback_expiries", value=3)
    trace.passes("fo.returns-to-primary", granted_s=30)


def test_the_other_edge_coming_back_is_not_it(trace: Trace) -> None:
    trace.see(BenchChanged("secondary edge", "good", {}), edge="secondary")
    binds(trace, "primary")
    trace.is_open("fo.returns-to-primary", "never-restored", granted_s=30)


def fails(trace: Trace, phase: str = "silent", *, presentation: str = "good", cut: bool = True) -> None:
    detail = {"failure": "fails", "cut": cut, "bound": {"1": ["primary", "f1"]}, "presentation": presentation}
    trace.see(BenchChanged("primary edge", phase, detail), edge="primary")


def moves(trace: Trace, edge: str = "secondary", flow: str = "f2") -> None:
    trace.connects(flow, edge)
    trace.see(BindingChanged(AOR, "sip:a@192.0.2.7", 60), flow=flow, edge=edge, line=1)


def test_the_outage_and_the_time_are_measured(trace: Trace) -> None:
    fails(trace)
    trace.after(7)
    moves(trace)
    judged = trace.passes("fo.moves-on", phase="silent")
    assert [(one.name, one.value) for one in judged.measurements] == [
        ("failover_time", 7),
        ("service_outage", 7),
        ("tries_at_failed", 0),
        ("edge_changes", 1),
    ]


def test_an_outage_over_the_limit_is_late(trace: Trace) -> None:
    fails(trace)
    trace.after(79)
    moves(trace)
    trace.fails("fo.moves-on", "failover-late", verdict=Verdict.WARN, phase="silent")


def test_a_new_connection_to_the_same_edge_will_do_only_where_it_may(trace: Trace) -> None:
    fails(trace, "forgotten")
    moves(trace, "primary")
    trace.fails("fo.moves-on", "failover-never", settled=False, phase="forgotten")
    trace.passes("fo.moves-on", phase="forgotten", elsewhere=False)


def test_who_stays_is_told_from_who_connects_and_does_not_register(trace: Trace) -> None:
    fails(trace)
    trace.after(30).request("REGISTER")
    judged = trace.fails("fo.moves-on", "failover-stuck", settled=False, phase="silent")
    assert "(silent): it stayed for 30 s" in judged.findings[0].observed
    trace.connects("f2", "secondary")
    trace.fails("fo.moves-on", "failover-without-register", settled=False, phase="silent")
    trace.request("REGISTER", flow="f2", edge="secondary")
    trace.fails("fo.moves-on", "failover-never", settled=False, phase="silent")


def test_what_no_source_asks_for_is_a_warning(trace: Trace) -> None:
    fails(trace, "500")
    trace.fails("fo.moves-on", "failover-never", settled=False, verdict=Verdict.WARN, phase="500", sourced=False)


def test_a_registration_at_a_bad_certificate_is_no_failover(trace: Trace) -> None:
    fails(trace, "bad-certificate", presentation="unknown-root", cut=False)
    moves(trace, "primary", "f2")
    trace.fails("fo.moves-on", "failover-onto-failed", phase="bad-certificate")


def test_a_target_is_not_hammered(trace: Trace) -> None:
    fails(trace)
    for _ in range(25):
        trace.after(0.1).connects("f9")
    moves(trace)
    trace.fails("fo.moves-on", "failover-hammering", verdict=Verdict.WARN, phase="silent")
    trace.fails("fo.is-patient", "failover-hammering", verdict=Verdict.WARN, phase="silent")


def test_each_of_many_lines_has_its_tries(trace: Trace) -> None:
    """A gateway registers each line by itself, some over a connection for each."""
    fails(trace)
    for line in range(1, 61):
        trace.connects(f"f{line}")
        trace.request("REGISTER", flow=f"f{line}", line=line)
    trace.fails("fo.is-patient", "failover-hammering", verdict=Verdict.WARN, phase="silent", lines=2)
    trace.passes("fo.is-patient", phase="silent", lines=60)
    for line in range(1, 61):
        binds(trace, "secondary", line=line)
    trace.passes("fo.moves-on", phase="silent", lines=60)


def test_recovery_is_measured_and_the_way_back_too(trace: Trace) -> None:
    fails(trace)
    trace.is_open("fo.recovers", "never-restored", phase="silent")
    trace.after(10).see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.see(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    trace.after(3)
    trace.see(Note("x"))
    moves(trace)
    judged = trace.judge("fo.recovers", phase="silent")
    assert (judged.verdict, judged.settled) == (Verdict.PASS, False)
    trace.after(4)
    moves(trace, "primary", "f3")
    judged = trace.passes("fo.recovers", phase="silent")
    assert [(one.name, one.value) for one in judged.measurements][-1] == ("back_after", 7)


def test_who_does_not_recover_is_found(trace: Trace) -> None:
    fails(trace)
    trace.see(FlowClosed("device", "rst"), flow="f1", edge="primary")
    trace.after(10).see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.after(90).see(Note("x"))
    trace.fails("fo.recovers", "recovery-never", settled=False, phase="silent")


def test_ping_pong(trace: Trace) -> None:
    about: dict[str, Any] = {"phase": "silent", "until": "it is over"}
    fails(trace)
    moves(trace)
    trace.see(BenchChanged("primary edge", "good", {}), edge="primary")
    moves(trace, "primary", "f3")
    trace.is_open("fo.settles-down", "not-watched", **about)
    moves(trace, "secondary", "f4")
    trace.fails("fo.settles-down", "failover-ping-pong", verdict=Verdict.WARN, **about)


def test_a_request_that_nobody_answers_is_lost(trace: Trace) -> None:
    fails(trace)
    judged = trace.fails("fo.saves", "transaction-lost", settled=False, phase="silent", method="BYE")
    assert "it sent no BYE" in judged.findings[0].observed
    trace.request("BYE", to_tag="1")
    judged = trace.fails("fo.saves", "transaction-lost", settled=False, phase="silent", method="BYE")
    assert "it sent BYE 1 times, to the primary at last" in judged.findings[0].observed
    trace.answer(481, direction=OUT, method="BYE")
    trace.fails("fo.saves", "transaction-lost", settled=False, phase="silent", method="BYE")


def test_a_request_that_is_saved_after_the_limit_is_late(trace: Trace) -> None:
    fails(trace)
    trace.request("BYE", to_tag="1")
    trace.after(61).answer(200, direction=OUT, method="BYE")
    trace.fails("fo.saves", "transaction-saved-late", verdict=Verdict.WARN, phase="silent", method="BYE")


def test_an_old_binding_that_is_refreshed_is_found(trace: Trace) -> None:
    moves(trace, "secondary", "f2")
    trace.is_open("fo.old-binding", "never-moved")
    moves(trace, "primary", "f3")
    assert trace.passes("fo.old-binding").measurements[0].value == 1
    registers_by_turns(trace)
    trace.fails("fo.old-binding", "old-binding-kept", verdict=Verdict.WARN)


def registers_by_turns(trace: Trace) -> None:
    for flow, edge in (("f2", "secondary"), ("f3", "primary")):
        trace.see(BindingChanged(AOR, "sip:a@192.0.2.7", 60), flow=flow, edge=edge, line=1)


@pytest.mark.parametrize(("first", "second", "told_apart"), [("1", "2", True), ("1", "1", False), ("1", "", False)])
def test_flows_that_are_told_apart_by_reg_id_are_meant_to_be_two(
    trace: Trace, first: str, second: str, told_apart: bool
) -> None:
    """RFC 5626 section 4.2: a device may register a line over several flows, each with a number of its own."""
    for flow, edge, reg_id in (("f2", "secondary", second), ("f3", "primary", first)):
        contact = f'<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>"{f";reg-id={reg_id}" if reg_id else ""}'
        trace.request("REGISTER", flow=flow, edge=edge, headers={"Contact": contact})
    fails(trace, "reset")
    moves(trace, "secondary", "f2")
    comes_back(trace)
    registers_by_turns(trace)
    registers_by_turns(trace)
    trace.see(Note("it is over"))
    about: dict[str, Any] = {"phase": "reset", "until": "it is over"}
    if told_apart:
        trace.passes("fo.old-binding")
        trace.passes("fo.settles-down", **about)
    else:
        trace.fails("fo.old-binding", "old-binding-kept", verdict=Verdict.WARN)
        trace.fails("fo.settles-down", "failover-ping-pong", verdict=Verdict.WARN, **about)


def test_to_go_back_to_an_open_flow_when_the_other_fails_is_no_old_binding(trace: Trace) -> None:
    for _ in range(3):
        fails(trace)
        registers_by_turns(trace)
        trace.see(FlowClosed("bench", "fin"), flow="f3", edge="primary")
    trace.passes("fo.old-binding")


def test_the_time_counts_from_the_loss_of_the_address(trace: Trace) -> None:
    trace.see(FlowClosed("bench", "rst"), flow="f0", edge="primary")
    trace.after(20).see(BenchChanged("primary edge", "address lost"), edge="primary")
    trace.after(3)
    binds(trace, "secondary")
    assert trace.passes("fo.uses-secondary").measurements[0].value == 3


def test_attempts_at_an_edge_that_refuses_are_tries(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "reset", {"failure": "refuses"}), edge="primary")
    for _ in range(25):
        trace.see(ConnectionAttempt("127.9.0.1:8934", "127.9.0.9:1", "refused"), edge="primary")
    trace.after(1)
    binds(trace, "secondary")
    judged = trace.fails("fo.moves-on", "failover-hammering", verdict=Verdict.WARN, phase="reset")
    assert {one.name: one.value for one in judged.measurements}["tries_at_failed"] == 25
