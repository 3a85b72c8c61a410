"""To the secondary, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import BenchChanged, BindingChanged, DeviceStarted, FlowClosed, LoopLag
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
