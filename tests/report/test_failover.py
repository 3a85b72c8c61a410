"""The failover matrix: built from a record, and shown without anything of the device's being taken for markup."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from certsuite.core.events import AttemptsWatched, BenchChanged, BindingChanged, Expectation, FlowOpened, MediaWindow
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, Observation
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Verdict
from certsuite.report.failover import FailoverMatrix, gather_failover
from certsuite.report.html import index_html

if TYPE_CHECKING:
    from tests.report.conftest import Run

CASE = "WXC-FO-030"


class Clock:
    """Stands until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic_ns(self) -> int:
        return round(self.seconds * 1e9)

    def utc(self) -> float:
        return 1_795_292_100 + self.seconds


def record(*, moves: bool = True) -> list[Observation]:
    """The primary is silent; after 7 s the device is at the secondary, if it moves, and 4 s after it is back there."""
    clock = Clock()
    journal = Journal(clock)
    journal.case, journal.variant = CASE, "silent"
    detail = {"failure": "answers nothing", "cut": True, "bound": {"1": ["primary", "f1"]}}
    journal.record(BenchChanged("primary edge", "silent", detail), edge="primary")
    clock.seconds += 1
    journal.record(MediaWindow("c", 1.0, 0, 0, 0, 0, "x"), flow="f1")
    clock.seconds += 6
    if moves:
        journal.record(FlowOpened("a:1", "b:2", "device", "sip-tls"), flow="f2", edge="secondary", direction=IN)
        journal.record(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)
    journal.record(Expectation("fo.moves-on", "FO-TIMEOUT", 0, 3, params={"phase": "silent", "lines": 1}))
    clock.seconds += 3
    journal.record(BenchChanged("primary edge", "good", {}), edge="primary")
    clock.seconds += 4
    journal.record(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f3", edge="primary", line=1)
    return list(journal.since(0))


def result_with(run: Run, *, verdict: Verdict = Verdict.PASS, reason: str = "") -> RunResult:
    like: CaseResult = run.result.cases[0]
    case = replace(like, id=CASE, variant="silent", first_seq=0, last_seq=99, verdict=verdict, reason=reason)
    return replace(run.result, cases=(case,))


def matrix(run: Run, observations: list[Observation]) -> FailoverMatrix:
    found = gather_failover(result_with(run), observations)
    assert found is not None
    return found


def test_without_cases_about_failover_there_is_none(run: Run) -> None:
    assert gather_failover(run.result, record()) is None


def test_a_row_says_what_was_tried_when_and_for_how_long_nobody_was_served(run: Run) -> None:
    [row] = matrix(run, record()).rows
    assert (row.phase, row.description, row.transaction) == ("silent", "the primary answers nothing", "REGISTER")
    assert row.tried == "secondary after 7.0 s"
    assert (row.saved, row.saved_after_s, row.without_service_s) == ("at the secondary", 7, 7)
    assert (row.back, row.changes, row.media, row.endless) == ("4.0 s", 1, "silent for 1.0 s", False)
    assert [(bar.where, bar.seconds) for bar in row.bars[1:-1]] == [("nowhere", 7), ("secondary", 7), ("primary", 0)]
    assert row.back_x is not None
    assert 0 < row.failed_x < row.back_x < 640


def test_who_did_not_move_is_said_to_have_stayed(run: Run) -> None:
    [row] = matrix(run, record(moves=False)).rows
    assert row.saved == "no: it did nothing at all for 10 s"
    assert (row.saved_after_s, row.endless, row.without_service_s) == (None, True, 10)


def test_a_case_that_was_not_come_to_is_named_with_its_reason(run: Run) -> None:
    both = result_with(run, verdict=Verdict.NOT_APPLICABLE, reason="it <cannot> be lost")
    other = replace(both.cases[0], variant="other", first_seq=200, last_seq=300)
    found = gather_failover(replace(both, cases=(result_with(run).cases[0], other)), record())
    assert found is not None
    assert [(one.case.variant, one.reason) for one in found.absent] == [("other", "it <cannot> be lost")]
    page = index_html(replace(both, cases=(result_with(run).cases[0], other)), {}, {}, failover=found).decode()
    assert "it &lt;cannot&gt; be lost" in page
    assert len(re.findall(r'<rect class="(?:primary|secondary|nowhere)"', page)) == 5
    assert "no SUBSCRIBE" in page


def test_whether_refused_connections_could_be_seen_is_told(run: Run) -> None:
    def told(*events: AttemptsWatched) -> str:
        journal = Journal(Clock())
        for event in events:
            journal.record(event)
        moved = [replace(one, seq=one.seq + len(events)) for one in record()]
        [note] = [one for one in matrix(run, [*journal.since(0), *moved]).notes if one.startswith("Tries")]
        return note

    assert told(AttemptsWatched(True)).startswith(
        "Tries: connections that an edge refused or left unanswered are among"
    )
    assert "cannot see it, --bench netns can" in told()
    assert "cannot see it (a packet <socket>)" in told(AttemptsWatched(False, "a packet <socket>"))


def test_what_became_of_the_old_connection(run: Run) -> None:
    [row] = matrix(run, record()).rows
    assert row.old == "left open"
    [row] = matrix(run, record(moves=False)).rows
    assert row.old == "it did not move"
