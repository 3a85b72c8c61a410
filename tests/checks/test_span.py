"""The part of a record that a check sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.checks.span import Span, Spans
from certsuite.core.events import (
    CaseStarted,
    Cleartext,
    DeviceStarted,
    FlowClosed,
    FlowOpened,
    LoopLag,
    Note,
    SipMessageSeen,
)
from certsuite.core.findings import Evidence
from certsuite.core.observations import IN, OUT, Observation

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def test_foreign_flows_are_not_seen(trace: Trace) -> None:
    trace.connects("f1")
    trace.connects("x2")
    trace.see(FlowOpened("a", "b", "foreign", "sip-tls"), flow="f3")
    trace.see(Cleartext("udp", "192.0.2.66:5060", b"x", owner="foreign"))
    trace.see(Cleartext("udp", "127.9.0.9:5060", b"x"))
    trace.request("REGISTER", flow="x2")
    trace.see(Note("no flow"))
    span = Span(trace.observations)
    assert [observation.seq for observation in span] == [0, 4, 6]
    assert span.messages() == []


def test_spans_from_one_place_are_grown_and_never_hold_more_than_was_asked_for(trace: Trace) -> None:
    for number in range(6):
        trace.see(Note(str(number)))
    asked: list[tuple[int, int]] = []

    def between(first: int, last: int) -> list[Observation]:
        asked.append((first, last))
        return list(trace.observations[first : last + 1])

    spans = Spans(between)
    for first, last in ((0, 2), (2, 3), (0, 4), (0, 4), (0, 1), (2, 5)):
        assert [one.seq for one in spans.over(first, last)] == list(range(first, last + 1))
    assert asked == [(0, 2), (2, 3), (3, 4), (5, 4), (0, 1), (4, 5)]


def test_events_by_kind_edge_and_flow(trace: Trace) -> None:
    trace.connects("f1", "primary")
    trace.connects("f2", "secondary")
    trace.see(FlowClosed("device", "fin"), flow="f2", edge="secondary")
    span = Span(trace.observations)
    assert [seen.at.flow for seen in span.of(FlowOpened)] == ["f1", "f2"]
    assert [seen.at.flow for seen in span.of(FlowOpened, edge="secondary")] == ["f2"]
    assert span.of(FlowClosed, flow="f1") == []
    assert span.of(FlowClosed, flow="f2")[0].evidence == Evidence(2, 1002)


def test_messages_by_what_they_are(trace: Trace) -> None:
    trace.request("INVITE", OUT, call_id="a")
    trace.answer(180, call_id="a")
    trace.answer(200, call_id="a")
    trace.answer(200, method="BYE", call_id="a")
    trace.request("INVITE", IN, call_id="b", line=2)
    trace.request("BYE", IN, call_id="b", line=2, edge="secondary", flow="f2")
    trace.see(SipMessageSeen(b"no start line\r\n\r\n"), flow="f1", direction=IN)
    span = Span(trace.observations)

    def numbers(**which: object) -> list[int]:
        return [seen.at.seq for seen in span.messages(**which)]  # type: ignore[arg-type]

    assert numbers() == [1, 2, 3, 4, 5]
    assert numbers(direction=OUT) == [0]
    assert numbers(method="INVITE") == [4]
    assert numbers(method="INVITE", status=range(100, 700)) == [1, 2]
    assert numbers(status=range(200, 300)) == [2, 3]
    assert numbers(call_id="b") == [4, 5]
    assert numbers(line=2) == [4, 5]
    assert numbers(edge="secondary") == [5]


def test_a_message_of_no_known_line_counts_for_each(trace: Trace) -> None:
    trace.request("REGISTER", line=None)
    assert len(Span(trace.observations).messages(line=7)) == 1


def test_when_the_bench_last_gave_reason_to_connect(trace: Trace) -> None:
    trace.see(DeviceStarted(1, "phone"))
    trace.after(5).see(FlowClosed("device", "fin"), flow="f1")
    trace.after(5).see(FlowClosed("bench", "fin"), flow="f2")
    trace.after(5).see(FlowClosed("bench", "fin"), flow="x3")
    span = Span(trace.observations)
    assert span.last_stimulus_before(round(104e9)) == 100.0
    assert span.last_stimulus_before(round(112e9)) == 110.0
    assert span.last_stimulus_before(round(120e9)) == 110.0, "a foreign flow is no reason"
    assert span.last_stimulus_before(round(99e9)) is None


def test_where_a_span_starts(trace: Trace) -> None:
    assert Span([]).start is None
    trace.see(Note("before"))
    trace.after(2).see(Note("still before"))
    assert Span(trace.observations).start == 100.0
    trace.after(1).see(CaseStarted("x", "mandatory", "primary", ()))
    assert Span(trace.observations).start == 103.0


def test_the_bench_s_lag_is_the_worst_of_the_span(trace: Trace) -> None:
    assert Span([]).lag_s == 0
    for lag_ms in (3.0, 250.0, 20.0):
        trace.see(LoopLag(lag_ms))
    assert Span(trace.observations).lag_s == pytest.approx(0.25)


def test_what_is_added_is_as_if_it_had_been_there(trace: Trace) -> None:
    trace.see(FlowOpened("a", "b", "foreign", "sip-tls"), flow="x1")
    trace.connects("f2")
    trace.request("REGISTER")
    trace.see(LoopLag(7.0))
    trace.see(FlowClosed("device", "fin"), flow="f2")
    whole, grown = Span(trace.observations), Span(())
    assert grown.start is None
    for observation in trace.observations:
        grown.add([observation])
    assert list(grown) == list(whole)
    assert grown.messages() == whole.messages()
    assert grown.of(FlowOpened) == whole.of(FlowOpened)
    assert (grown.start, grown.lag_s) == (whole.start, whole.lag_s) == (trace.observations[0].t, 0.007)


def test_connections_of_provisioning_are_seen_by_who_names_them(trace: Trace) -> None:
    trace.connects("f1")
    trace.connects("f2", "provisioning", role="https")
    trace.see(FlowClosed("bench", "fin"), flow="f2", edge="provisioning")
    span = Span(trace.observations)
    assert [seen.at.flow for seen in span.of(FlowOpened)] == ["f1"]
    assert [seen.at.flow for seen in span.of(FlowOpened, edge="provisioning")] == ["f2"]
    assert [seen.at.flow for seen in span.of(FlowOpened, flow="f2")] == ["f2"]
    assert [one.flow for one in span] == ["f1"]
    assert span.last_stimulus_before(trace.observations[-1].t_mono_ns) is None
