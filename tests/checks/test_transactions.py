"""What became of one kind of request in an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certsuite.checks.outage import read_outage
from certsuite.checks.span import Span
from certsuite.checks.transactions import Fate, read_fate
from certsuite.core.events import BenchChanged, DriverAction
from certsuite.core.observations import OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def fails(trace: Trace) -> None:
    detail = {"failure": "answers nothing", "cut": True, "bound": {"1": ["primary", "f1"]}}
    trace.see(BenchChanged("primary edge", "silent", detail), edge="primary")


def fate(trace: Trace, transaction: str, call_id: str | None = None) -> Fate | None:
    span = Span(trace.observations)
    outage = read_outage(span, "silent", 1)
    assert outage is not None
    return read_fate(span, outage, transaction, call_id=call_id)


def test_what_was_sent_before_or_after_is_not_meant(trace: Trace) -> None:
    trace.request("BYE", to_tag="1")
    fails(trace)
    trace.after(1).see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.after(1).request("BYE", to_tag="1")
    assert fate(trace, "BYE") is None


def test_where_it_went_next_and_when_it_was_answered(trace: Trace) -> None:
    fails(trace)
    trace.see(DriverAction("hangup", {}, ok=True))
    trace.after(1).request("BYE", to_tag="1")
    found = fate(trace, "BYE")
    assert found is not None
    assert (found.next_after("primary"), found.answer) == (None, None)
    trace.after(4).request("BYE", to_tag="1", flow="f2", edge="secondary")
    trace.after(2).answer(200, direction=OUT, method="BYE", flow="f2", edge="secondary")
    found = fate(trace, "BYE")
    assert found is not None
    then = found.next_after("primary")
    assert then is not None
    assert found.answer is not None
    assert (then.at.edge, then.at.t - found.began, found.answer.at.t - found.began) == ("secondary", 5, 7)


def test_another_connection_to_the_same_edge_is_a_next_one(trace: Trace) -> None:
    fails(trace)
    trace.request("BYE", to_tag="1")
    trace.after(3).request("BYE", to_tag="1", flow="f7")
    found = fate(trace, "BYE")
    assert found is not None
    then = found.next_after("primary")
    assert then is not None
    assert then.at.flow == "f7"


def test_a_reinvite_is_no_invite_but_of_its_call(trace: Trace) -> None:
    fails(trace)
    trace.request("INVITE", to_tag="1", call_id="held")
    assert fate(trace, "INVITE") is None
    assert fate(trace, "re-INVITE") is not None
    assert fate(trace, "re-INVITE", "held") is not None
    assert fate(trace, "re-INVITE", "other") is None
    trace.request("INVITE", call_id="new")
    found = fate(trace, "INVITE")
    assert found is not None
    assert [one.message.call_id for one in found.sent] == ["new"]


def test_a_failure_or_an_answer_to_another_is_none(trace: Trace) -> None:
    fails(trace)
    trace.request("INVITE", call_id="new", flow="f2", edge="secondary")
    trace.answer(503, direction=OUT, call_id="new")
    trace.answer(200, direction=OUT, call_id="other")
    found = fate(trace, "INVITE")
    assert found is not None
    assert found.answer is None
