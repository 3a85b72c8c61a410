"""Failover by phase and transaction: each cell is filled from the record, or says why it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from certsuite.checks.outage import read_outage
from certsuite.checks.span import Span
from certsuite.checks.transactions import TRANSACTIONS
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ConnectionAttempt,
    FlowClosed,
    FlowOpened,
    SipMessageSeen,
)
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.report.failover_grid import Cell, Met, make_grid
from certsuite.sip.message import SipMessage
from tests.report.test_failover import Clock

if TYPE_CHECKING:
    from tests.report.conftest import Run


class Scene:
    """One failure, as it is written down."""

    def __init__(self, *, subscribed: bool = False) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock)
        detail: dict[str, Any] = {"failure": "is silent", "cut": True, "bound": {"1": ["primary", "f1"]}}
        detail["subscribed"] = [[1, "message-summary", "a@x"]] if subscribed else []
        self.journal.record(BenchChanged("primary edge", "silent", detail), edge="primary")

    def after(self, seconds: float) -> Scene:
        self.clock.seconds += seconds
        return self

    def says(self, method: str, edge: str, *, status: int = 0, tag: str = "", direction: str = IN) -> None:
        headers = (("Call-ID", method), ("CSeq", f"1 {method}"), ("To", f"<sip:a@x>{f';tag={tag}' if tag else ''}"))
        message = SipMessage("" if status else method, "sip:a@x", status, "R", headers)
        flow = "f1" if edge == "primary" else "f2"
        self.journal.record(SipMessageSeen(message.to_bytes()), flow=flow, edge=edge, direction=direction, line=1)

    def moves(self) -> None:
        opened = FlowOpened("a:1", "b:2", "device", "sip-tls")
        self.journal.record(opened, flow="f2", edge="secondary", direction=IN)
        self.journal.record(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)

    def cells(
        self, run: Run, *, about: str = "REGISTER", both: bool = False, id: str = "WXC-FO-030"
    ) -> dict[str, Cell]:
        [row] = make_grid([self.met(run, about=about, both=both, id=id)])
        assert (row.phase, row.description) == ("silent", "the primary is silent")
        return dict(zip(TRANSACTIONS, row.cells, strict=True))

    def met(self, run: Run, *, about: str, both: bool = False, id: str = "WXC-FO-030") -> Met:
        span = Span(self.journal.since(0))
        outage = read_outage(span, "silent", 1)
        assert outage is not None
        case = replace(run.result.cases[0], id=id)
        return Met(case, "silent", both, about, None, outage, span, elsewhere=True)


def told(cell: Cell) -> tuple[str, str, str]:
    return cell.text, cell.outcome, cell.tone


def test_what_was_tried_in_which_order_and_what_saved_it(run: Run) -> None:
    scene = Scene(subscribed=True)
    scene.journal.record(ConnectionAttempt("a:1", "b:2", "refused"), edge="primary", direction=IN)
    scene.after(7).moves()
    scene.after(1).says("SUBSCRIBE", "secondary")
    scene.says("SUBSCRIBE", "secondary", status=200, direction=OUT)
    scene.says("OPTIONS", "secondary", direction=OUT)
    scene.after(0.5).says("OPTIONS", "secondary", status=200)
    cells = scene.cells(run)
    assert told(cells["REGISTER"]) == (
        "primary after 0.0 s (not taken), secondary after 7.0 s",
        "registered after 7.0 s",
        "pass",
    )
    assert told(cells["SUBSCRIBE"]) == ("secondary after 8.0 s", "answered after 8.0 s", "pass")
    assert told(cells["OPTIONS"]) == ("asked by the secondary after 8.0 s", "200 after 0.5 s", "pass")
    assert told(cells["INVITE"]) == ("no case dials in this phase", "", "")


def test_a_request_that_was_lost_and_one_that_went_elsewhere(run: Run) -> None:
    scene = Scene()
    scene.after(1).says("BYE", "primary", tag="1")
    scene.after(2).says("INVITE", "primary", tag="1")
    scene.after(3).says("INVITE", "secondary", tag="1")
    scene.says("INVITE", "secondary", status=200, direction=OUT)
    cells = scene.cells(run, about="BYE")
    assert told(cells["BYE"]) == ("primary alone, 1 time", "lost: no 2xx in 5.0 s", "fail")
    assert told(cells["re-INVITE"]) == ("secondary after 3.0 s", "answered after 3.0 s", "pass")
    assert told(cells["INVITE"])[0] == "no case dials in this phase"
    assert told(cells["REGISTER"]) == ("secondary after 6.0 s", "not in 6.0 s", "fail")


def test_who_stays_has_no_other_target(run: Run) -> None:
    cells = Scene().after(9).cells(run, about="INVITE")
    assert told(cells["REGISTER"]) == ("no other connection", "not in 0.0 s", "fail")
    assert told(cells["INVITE"]) == ("the device sent none", "", "")
    tried = Scene()
    tried.journal.record(ConnectionAttempt("a:1", "b:2", "refused"), edge="primary", direction=IN)
    assert tried.cells(run, about="BYE")["BYE"].text == "none sent; tried the primary 1 time, not taken"
    assert told(cells["SUBSCRIBE"]) == ("the device subscribes to nothing", "", "")
    assert told(cells["OPTIONS"]) == ("it was registered nowhere", "", "")


def test_a_device_s_own_options_are_told_before_those_that_it_is_sent(run: Run) -> None:
    scene = Scene(subscribed=True)
    scene.after(2).moves()
    scene.says("OPTIONS", "secondary", direction=OUT)
    scene.says("OPTIONS", "secondary")
    scene.after(4).says("OPTIONS", "secondary", status=200, direction=OUT)
    cells = scene.cells(run)
    assert told(cells["OPTIONS"]) == ("secondary after 0.0 s", "answered after 4.0 s", "pass")
    assert told(cells["SUBSCRIBE"]) == ("none in the 4.0 s that it lasted", "", "")


def test_of_both_edges_what_counts_is_the_recovery(run: Run) -> None:
    scene = Scene()
    scene.after(5).journal.record(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    scene.journal.record(BenchChanged("primary edge", "good", {}), edge="primary")
    assert told(scene.cells(run, both=True)["REGISTER"])[1:] == ("did not recover", "fail")
    scene.after(3).moves()
    assert told(scene.cells(run, both=True)["REGISTER"])[1:] == ("recovered 3.0 s after their return", "pass")


def test_the_case_about_a_transaction_is_heard_first(run: Run) -> None:
    by_the_way, about = Scene(), Scene()
    by_the_way.says("BYE", "primary", tag="1")
    about.says("BYE", "secondary", tag="1")
    [row] = make_grid([by_the_way.met(run, about="REGISTER"), about.met(run, about="BYE", id="WXC-FO-080")])
    cell = row.cells[TRANSACTIONS.index("BYE")]
    assert cell.case is not None
    assert (cell.case.id, cell.text) == ("WXC-FO-080", "secondary after 0.0 s")
