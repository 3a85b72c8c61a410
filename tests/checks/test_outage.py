"""An outage as the record tells it: where the lines were, what was tried, for how long nobody was served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.checks.outage import Outage, read_outage
from certsuite.checks.span import Span
from certsuite.core.events import BenchChanged, BindingChanged, ConnectionAttempt, DeviceExited, DnsQuery, FlowClosed

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

AOR = "sip:i6i1ar1v29@98079822.lab.example"


def fails(trace: Trace, phase: str = "silent", *, cut: bool = True) -> None:
    bound = {"1": ["primary", "f1"], "2": ["primary", "f1"]}
    detail = {"failure": "answers nothing", "cut": cut, "bound": bound}
    trace.see(BenchChanged("primary edge", phase, detail), edge="primary")


def comes_back(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "good", {}), edge="primary")


def binds(trace: Trace, edge: str, flow: str, *lines: int) -> None:
    for line in lines or (1, 2):
        trace.see(BindingChanged(AOR, "sip:a@192.0.2.7", 60), flow=flow, edge=edge, line=line)


def outage(trace: Trace, phase: str = "silent") -> Outage:
    found = read_outage(Span(trace.observations), phase, 2)
    assert found is not None
    return found


def places(found: Outage) -> list[tuple[str, float]]:
    return [(one.where, round(one.until - one.since, 3)) for one in found.stretches]


def test_without_that_failure_there_is_none(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.see(BenchChanged("primary edge", "silent", {}), edge="primary")
    assert read_outage(Span(trace.observations), "silent", 2) is None


def test_service_ends_with_the_failure_and_begins_with_the_last_line(trace: Trace) -> None:
    fails(trace)
    trace.after(4)
    trace.connects("f2", "secondary")
    trace.after(1)
    binds(trace, "secondary", "f2", 1)
    trace.after(2)
    binds(trace, "secondary", "f2", 2)
    trace.after(3)
    comes_back(trace)
    trace.after(6)
    binds(trace, "primary", "f3")
    trace.after(1).see(DnsQuery("udp", "x", "x.", "SRV", "NOERROR", ()))
    found = outage(trace)
    assert places(found) == [("nowhere", 7), ("secondary", 9), ("primary", 1)]
    assert found.without_service_s(found.until) == 7
    assert found.served_elsewhere is not None
    assert found.served_elsewhere.at.line == 2
    assert (found.back_after_s, found.recovered_after_s, found.changes) == (6, 0, 1)
    assert ([one.edge for one in found.turned_to], found.queries) == (["secondary"], 0)


def test_a_line_on_its_way_is_not_served_and_then_both_edges_serve(trace: Trace) -> None:
    fails(trace, cut=False)
    trace.after(1)
    binds(trace, "secondary", "f2", 1)
    trace.after(1)
    binds(trace, "secondary", "f2", 2)
    trace.after(1).see(FlowClosed("device", "fin"), flow="f2", edge="secondary")
    assert places(outage(trace)) == [("primary", 1), ("both", 1), ("secondary", 1), ("nowhere", 0)]


def test_a_flow_that_was_only_cut_serves_again_when_the_edge_is_back(trace: Trace) -> None:
    fails(trace, "503")
    trace.after(5)
    comes_back(trace)
    trace.after(5).see(DnsQuery("udp", "x", "x.", "SRV", "NOERROR", ()))
    found = outage(trace, "503")
    assert places(found) == [("nowhere", 5), ("primary", 5)]
    assert found.served_again is None
    assert found.back_after_s == 0


def test_packets_that_are_lost_are_a_failure_too(trace: Trace) -> None:
    bound = {"bound": {"1": ["primary", "f1"], "2": ["primary", "f1"]}}
    trace.see(BenchChanged("primary edge", "packets dropped", bound), edge="primary")
    trace.after(3)
    binds(trace, "secondary", "f2")
    assert outage(trace, "packets dropped").without_service_s(trace.now) == 3


def does_nothing(trace: Trace) -> None:
    """Silence."""


def asks_dns(trace: Trace) -> None:
    trace.see(DnsQuery("udp", "x", "x.", "SRV", "NOERROR", ()))


def stays(trace: Trace) -> None:
    trace.request("REGISTER")


def retries(trace: Trace) -> None:
    for _ in range(3):
        trace.connects("f3")


def connects_only(trace: Trace) -> None:
    trace.connects("f3", "secondary")


def registers_in_vain(trace: Trace) -> None:
    connects_only(trace)
    trace.request("REGISTER", flow="f3", edge="secondary")


def registers_one_line(trace: Trace) -> None:
    registers_in_vain(trace)
    binds(trace, "secondary", "f3", 1)


def ends(trace: Trace) -> None:
    trace.see(DeviceExited(1, asked=False))


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (does_nothing, "it did nothing at all for 90 s"),
        (asks_dns, "it asked DNS 1 time and came to no target in 90 s"),
        (stays, "it stayed for 90 s on the connection to the primary, and sent REGISTER there"),
        (retries, "it tried the primary 3 times more and no other target"),
        (connects_only, "it opened 1 connection to the secondary and sent no REGISTER there"),
        (registers_in_vain, "it sent 1 REGISTER to the secondary in vain"),
        (registers_one_line, "it sent 1 REGISTER to the secondary, and only line 1 was registered"),
        (ends, "its program ended"),
    ],
)
def test_what_it_did_instead_is_said(trace: Trace, does: object, words: str) -> None:
    fails(trace)
    assert callable(does)
    does(trace)
    trace.after(90)
    comes_back(trace)
    assert outage(trace).instead == words


def attempts(trace: Trace, edge: str, number: int = 1) -> None:
    for _ in range(number):
        trace.see(ConnectionAttempt("127.9.0.1:8934", "127.9.0.9:1", "refused"), edge=edge)


def test_what_was_not_taken_is_a_try_and_no_connection(trace: Trace) -> None:
    fails(trace, "reset", cut=False)
    attempts(trace, "primary", 2)
    found = outage(trace, "reset")
    assert [(one.edge, one.what) for one in found.turned_to] == [("primary", "attempt")]
    assert found.instead == "it tried the primary 2 times more and no other target"
    trace.after(1)
    attempts(trace, "secondary", 3)
    found = outage(trace, "reset")
    assert [(one.edge, one.what) for one in found.turned_to] == [("primary", "attempt"), ("secondary", "attempt")]
    assert found.instead == "it tried the secondary 3 times, which took no connection"
    trace.connects("f2", "secondary")
    assert outage(trace, "reset").instead == "it opened 1 connection to the secondary and sent no REGISTER there"


def test_what_was_subscribed_to_is_told_by_the_failure(trace: Trace) -> None:
    detail = {"failure": "refuses", "subscribed": [[1, "dialog", "a@x"]]}
    trace.see(BenchChanged("primary edge", "reset", detail), edge="primary")
    assert outage(trace, "reset").subscribed == ((1, "dialog", "a@x"),)
