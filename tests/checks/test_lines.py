"""Devices with many lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import BindingChanged, LoopLag
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def asks(trace: Trace, *lines: int, flow: str = "f1", call: str = "c") -> None:
    for line in lines:
        trace.request("REGISTER", call_id=f"{call}{line}", line=line, flow=flow)


def binds(trace: Trace, *lines: int, flow: str = "f1") -> None:
    for line in lines:
        trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow=flow, edge="primary", line=line)


# --- every line


def test_the_time_until_the_last_line_counts_from_the_first_register(trace: Trace) -> None:
    trace.see(LoopLag(1.0))
    trace.after(60)
    asks(trace, 1, 2, 3)
    trace.after(1)
    binds(trace, 3, 1)
    trace.after(1)
    binds(trace, 2, 1)
    figures = {one.name: (one.value, one.limit) for one in trace.passes("reg.lines", lines=3).measurements}
    assert figures == {"lines_registered_after": (2.0, 5), "lines": (3, None)}


def test_lines_that_come_late_are_a_warning_since_no_source_gives_a_time(trace: Trace) -> None:
    asks(trace, 1, 2)
    trace.after(5.5)
    binds(trace, 1, 2)
    trace.fails("reg.lines", "lines-late", lines=2, verdict=Verdict.WARN)


def test_lines_that_never_came_and_lines_that_were_refused_are_told_apart(trace: Trace) -> None:
    trace.is_open("reg.lines", "never-registered", lines=9)
    asks(trace, 1, 2)
    trace.is_open("reg.lines", "never-registered", lines=9)
    binds(trace, 1)
    judged = trace.fails("reg.lines", "lines-not-registered", settled=False, lines=9)
    assert judged.findings[0].observed == (
        "1 of 9 lines registered; no REGISTER came of lines 3, 4, 5, 6, 7 and 2 more; none was accepted of line 2"
    )


# --- one port a line


def test_a_line_that_is_registered_by_turns_has_two_ports(trace: Trace) -> None:
    for call in "abab":
        asks(trace, 1, call=call)
        binds(trace, 1)
    trace.fails("reg.one-port", "line-on-two-ports")


@pytest.mark.parametrize(("second", "flow"), [("b", "f1"), ("b", "f2"), ("a", "f2")])
def test_a_call_id_that_changes_once_is_no_second_port(trace: Trace, second: str, flow: str) -> None:
    asks(trace, 1, call="a")
    asks(trace, 1, call="a")
    asks(trace, 1, call=second, flow=flow)
    binds(trace, 1)
    (figure,) = trace.passes("reg.one-port").measurements
    assert figure.value == 1


def test_lines_that_were_never_bound_prove_nothing(trace: Trace) -> None:
    asks(trace, 1)
    trace.is_open("reg.one-port", "never-registered")


# --- not all in one moment


def test_lines_that_come_all_at_once_are_counted(trace: Trace) -> None:
    trace.limit("registers_in_100_ms", value=3)
    asks(trace, 1, 2)
    trace.is_open("reg.spread", "lines-missing", lines=4)
    trace.after(0.05)
    asks(trace, 3, 1, 1, 1)
    trace.after(0.04)
    asks(trace, 4)
    judged = trace.fails("reg.spread", "registers-in-a-burst", lines=4, verdict=Verdict.WARN)
    assert judged.findings[0].observed == "4 lines sent their first REGISTER within 100 ms"


def test_lines_that_are_spaced_out_pass_however_often_each_asks(trace: Trace) -> None:
    trace.limit("registers_in_100_ms", value=1)
    for line in (1, 2, 3):
        asks(trace, line, line, line)
        trace.after(0.11)
    figures = {one.name: one.value for one in trace.passes("reg.spread", lines=3).measurements}
    assert figures == {"registers_in_100_ms": 1, "lines_spread_over": 0.22}
