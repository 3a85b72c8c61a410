"""From a record to results: what makes a case's verdict, its requirements', and the run's outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from certsuite.catalogue import Catalogue, load_catalogue
from certsuite.checks.judge import judge, judge_one, scaled
from certsuite.core.errors import CatalogueError
from certsuite.core.events import (
    BindingChanged,
    CaseBlocked,
    CaseFinished,
    CaseNotApplicable,
    CaseStarted,
    DigestChecked,
    Expectation,
    FlowClosed,
    SegmentClosed,
    SegmentOpened,
    ToolError,
)
from certsuite.core.limits import Limits
from certsuite.core.observations import OUT
from certsuite.core.results import CaseResult
from certsuite.core.verdicts import Level, Mark, Outcome, Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

OPENED = SegmentOpened(
    run="2026-11-21T20-15-00Z-acme",
    suite_version="0.1.0",
    tools={"Python": "3.11.2"},
    plan="full",
    planned=(("WXC-REG-010", ""),),
    full_plan=True,
    catalogue_hash="c",
    profile_hash="p",
    plan_hash="n",
    device={"vendor": "Acme"},
    clock_utc="2026-11-21T20:15:00.000000Z",
    clock_mono_ns=0,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


class Case:
    """Writes one case into a trace, the way the bench does."""

    def __init__(self, trace: Trace, id: str = "WXC-REG-010", *requirements: str, level: str = "mandatory") -> None:
        self._trace = trace
        self._id = id
        self.requirements = requirements or ("REG-DIGEST",)
        trace.case = id
        self._first = trace.see(CaseStarted("A title", level, "primary", self.requirements)).seq

    def expects(self, check: str, *, requirement: str | None = None, control: bool = False, **params: Any) -> Case:
        """An expectation over the case's span so far."""
        last = self._trace.observations[-1].seq
        named = self.requirements[0] if requirement is None else requirement
        self._trace.see(Expectation(check, named, self._first, last, params=params, control=control), line=1)
        return self

    def ends(self) -> Case:
        self._trace.see(CaseFinished(2.5, 2.0, 1))
        self._trace.case = ""
        return self

    def result(self, catalogue: Catalogue) -> CaseResult:
        return judge_one(self._id, "", self._trace.observations, catalogue, 1.0)


def sees_digest(trace: Trace, right: bool = True) -> None:
    """Makes reg.digest pass or fail."""
    trace.see(DigestChecked("REGISTER", "4085550100", "BroadWorks", right, True, True), flow="f1", line=1)


def sees_failover(trace: Trace, seconds: float) -> None:
    """Makes fo.uses-secondary pass, or warn beyond 60 s."""
    trace.see(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    trace.after(seconds).see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)


# --- a case


def test_a_case_that_passes(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace)
    result = case.expects("reg.digest").ends().result(catalogue)
    assert (result.verdict, result.reason, result.reason_code, result.findings) == (Verdict.PASS, "", "", ())
    assert (result.title, result.level, result.mark) == ("A title", Level.MANDATORY, Mark.PRIMARY)
    assert (result.duration_s, result.waited_on_device_s, result.restarts) == (2.5, 2.0, 1)
    assert (result.first_seq, result.last_seq) == (0, 3)
    assert [(one.id, one.verdict) for one in result.requirements] == [("REG-DIGEST", Verdict.PASS)]


def test_a_case_that_fails(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace, right=False)
    result = case.expects("reg.digest").ends().result(catalogue)
    assert result.verdict is Verdict.FAIL
    assert [(one.id, one.requirement) for one in result.findings] == [("digest-wrong", "REG-DIGEST")]


def test_what_comes_after_the_span_is_not_judged(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    case.expects("reg.digest")
    sees_digest(trace)
    result = case.ends().result(catalogue)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "never-registered")


def test_what_came_before_the_span_is_not_judged(trace: Trace, catalogue: Catalogue) -> None:
    sees_digest(trace)
    result = Case(trace).expects("reg.digest").ends().result(catalogue)
    assert result.verdict is Verdict.INCONCLUSIVE


def test_a_case_without_expectations_is_the_tool_s_fault(trace: Trace, catalogue: Catalogue) -> None:
    result = Case(trace).ends().result(catalogue)
    assert (result.verdict, result.reason_code) == (Verdict.ERROR, "nothing-judged")


def test_a_case_that_did_not_end_is_an_error(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace)
    result = case.expects("reg.digest").result(catalogue)
    assert (result.verdict, result.reason_code) == (Verdict.ERROR, "unfinished")


def test_the_tool_s_error_comes_before_a_fail(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace, right=False)
    case.expects("reg.digest")
    trace.see(ToolError("Traceback"))
    result = case.ends().result(catalogue)
    assert (result.verdict, result.reason, result.reason_code) == (Verdict.ERROR, "Traceback", "tool-error")


def test_a_failed_control_comes_before_a_fail(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace, right=False)
    case.expects("reg.digest").expects("reg.registers", control=True)
    result = case.ends().result(catalogue)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "control-failed")
    assert result.reason == "the control failed: no registration"
    assert [one.id for one in result.findings] == ["digest-wrong"], "a control's findings are told as the reason"


def test_a_control_that_only_warns_holds(trace: Trace, catalogue: Catalogue) -> None:
    """Live the case goes on after it: what it was for was there."""
    case = Case(trace)
    sees_digest(trace, right=False)
    sees_failover(trace, 65)
    case.expects("reg.digest").expects("fo.uses-secondary", control=True)
    result = case.ends().result(catalogue)
    assert (result.verdict, [one.id for one in result.findings]) == (Verdict.FAIL, ["digest-wrong"])


def test_a_control_that_holds_says_nothing_of_the_requirement(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace, "WXC-REG-010", "REG-DIGEST", "REG-AUTH-USER")
    sees_digest(trace)
    case.expects("reg.digest").expects("reg.digest", requirement="REG-AUTH-USER", control=True)
    result = case.ends().result(catalogue)
    assert result.verdict is Verdict.PASS
    assert [one.verdict for one in result.requirements] == [Verdict.PASS, Verdict.INCONCLUSIVE]


def test_a_control_alone_judges_nothing(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace)
    result = case.expects("reg.digest", control=True).ends().result(catalogue)
    assert (result.verdict, result.reason_code) == (Verdict.ERROR, "nothing-judged")


def test_a_fail_comes_before_a_block(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    sees_digest(trace, right=False)
    case.expects("reg.digest")
    trace.see(CaseBlocked("the device went away", "device-gone", "WXC-REG-020"))
    result = case.ends().result(catalogue)
    assert (result.verdict, result.explained_by) == (Verdict.FAIL, "")


@pytest.mark.parametrize("passed_before", [False, True])
def test_a_block_comes_before_a_pass(trace: Trace, catalogue: Catalogue, passed_before: bool) -> None:
    case = Case(trace)
    if passed_before:
        sees_digest(trace)
        case.expects("reg.digest")
    trace.see(CaseBlocked("not registered", "state-not-reached", "WXC-DNS-010"))
    result = case.ends().result(catalogue)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert (result.reason, result.reason_code) == ("not registered", "state-not-reached")
    assert result.explained_by == "WXC-DNS-010"
    assert [one.verdict for one in result.requirements] == [Verdict.INCONCLUSIVE]


def test_what_does_not_apply(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace)
    trace.see(CaseNotApplicable("the profile does not claim hold", "not-claimed"))
    result = case.ends().result(catalogue)
    assert (result.verdict, result.reason_code) == (Verdict.NOT_APPLICABLE, "not-claimed")
    assert result.requirements[0].verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("seconds", "digest", "verdict", "requirements"),
    [
        (4, True, Verdict.PASS, [Verdict.PASS, Verdict.PASS]),
        (70, True, Verdict.WARN, [Verdict.WARN, Verdict.PASS]),
        (70, False, Verdict.FAIL, [Verdict.WARN, Verdict.FAIL]),
        (70, None, Verdict.INCONCLUSIVE, [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]),
    ],
)
def test_several_expectations(
    trace: Trace,
    catalogue: Catalogue,
    seconds: float,
    digest: bool | None,
    verdict: Verdict,
    requirements: list[Verdict],
) -> None:
    case = Case(trace, "WXC-FO-005", "FO-SECONDARY", "REG-DIGEST")
    sees_failover(trace, seconds)
    if digest is not None:
        sees_digest(trace, digest)
    case.expects("fo.uses-secondary").expects("reg.digest", requirement="REG-DIGEST").ends()
    result = case.result(catalogue)
    assert result.verdict is verdict
    assert [one.verdict for one in result.requirements] == requirements
    assert [one.name for one in result.measurements] == ["failover_time"]


def test_a_requirement_that_was_never_come_to_is_open(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace, "WXC-CALL-060", "CALL-TERM", "MED-SRTP")
    trace.request("INVITE", OUT)
    trace.answer(486)
    case.expects("call.rings").ends()
    result = case.result(catalogue)
    assert result.verdict is Verdict.FAIL
    assert [one.verdict for one in result.requirements] == [Verdict.FAIL, Verdict.INCONCLUSIVE]


def test_a_requirement_that_is_no_longer_in_the_catalogue_is_told(trace: Trace, catalogue: Catalogue) -> None:
    case = Case(trace, "WXC-REG-010", "REG-OLD").ends()
    with pytest.raises(CatalogueError, match="REG-OLD"):
        case.result(catalogue)


def test_a_record_that_begins_later_is_judged_by_its_own_numbers(trace: Trace, catalogue: Catalogue) -> None:
    """The journal of a resumed segment starts with a number of its own; a span may begin before it."""
    case = Case(trace)
    sees_digest(trace)
    case.expects("reg.digest").ends()
    later = [replace(one, seq=one.seq + 1) for one in trace.observations]
    for number, placed in enumerate(later):
        if isinstance(placed.event, Expectation):
            later[number] = replace(placed, event=replace(placed.event, first_seq=0, last_seq=2))
    assert judge_one("WXC-REG-010", "", later, catalogue, 1.0).verdict is Verdict.PASS


def test_what_came_before_a_case_counts_where_it_says_so(trace: Trace, catalogue: Catalogue) -> None:
    sees_digest(trace)
    since = len(trace.observations)
    case = Case(trace)
    trace.see(Expectation("reg.digest", "REG-DIGEST", first_seq=0, last_seq=since), line=1)
    case.ends()
    assert judge_one("WXC-REG-010", "", trace.observations, catalogue, 1.0, since=since).verdict is Verdict.PASS


# --- a run


def whole(trace: Trace, catalogue: Catalogue, **changes: Any) -> Any:
    """Open a segment in front of what is there."""
    opened = replace(OPENED, **changes)
    shifted = []
    for placed in trace.observations:
        moved = replace(placed, seq=placed.seq + 1)
        if isinstance(placed.event, Expectation):
            event = placed.event
            moved = replace(moved, event=replace(event, first_seq=event.first_seq + 1, last_seq=event.last_seq + 1))
        shifted.append(moved)
    first = replace(trace.observations[0], seq=0, event=opened, case="")
    return judge([first, *shifted], catalogue)


def a_good_case(trace: Trace) -> None:
    case = Case(trace)
    trace.request("REGISTER")
    sees_digest(trace)
    case.expects("reg.digest").ends()


def test_a_whole_run(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    trace.request("OPTIONS", headers={"User-Agent": "Acme \x1b[31m2"})
    trace.request("OPTIONS", flow="x7", headers={"User-Agent": "nmap"})
    trace.request("INVITE", OUT, headers={"User-Agent": "SSE"})
    trace.see(SegmentClosed(complete=True, wall_s=3.0, waited_s=2.0))
    result = whole(trace, catalogue)
    assert (result.complete, result.interrupted) == (True, False)
    assert (result.outcome, result.exit_code) == (Outcome.QUALIFIED, 0)
    assert result.user_agents_seen == ("Acme Phone/1.0", "Acme \\x1b[31m2"), "the device's own, safe to show"
    assert result.control_hub == "Partner Managed Phone - Acme Phone"
    assert (result.wall_s, result.waited_s, result.catalogue_hash) == (3.0, 2.0, catalogue.hash)
    assert (result.started, result.finished) == (trace.observations[0].t_utc, trace.observations[-1].t_utc)
    assert [case.id for case in result.cases] == ["WXC-REG-010"]


def test_less_than_the_full_plan(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    trace.see(SegmentClosed(complete=True))
    result = whole(trace, catalogue, full_plan=False)
    assert (result.outcome, result.exit_code) == (Outcome.PASSED, 0)


@pytest.mark.parametrize("begun", [True, False])
def test_every_segment_has_to_be_of_the_full_plan(trace: Trace, catalogue: Catalogue, begun: bool) -> None:
    trace.see(replace(OPENED, full_plan=begun))
    a_good_case(trace)
    trace.see(replace(OPENED, full_plan=not begun))
    trace.see(SegmentClosed(complete=True))
    result = judge(trace.observations, catalogue)
    assert (result.outcome, result.exit_code, result.full_plan) == (Outcome.PASSED, 0, False)


@pytest.mark.parametrize(
    ("closed", "complete", "interrupted", "exit_code"),
    [
        (SegmentClosed(complete=True), True, False, 0),
        (SegmentClosed(complete=False, reason="interrupted"), False, True, 2),
        (None, False, False, 5),
    ],
)
def test_how_the_last_segment_ended(
    trace: Trace,
    catalogue: Catalogue,
    closed: SegmentClosed | None,
    complete: bool,
    interrupted: bool,
    exit_code: int,
) -> None:
    a_good_case(trace)
    if closed is not None:
        trace.see(closed)
    result = whole(trace, catalogue)
    assert (result.complete, result.interrupted, result.exit_code) == (complete, interrupted, exit_code)


def test_a_case_that_was_cut_off_has_no_result(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    Case(trace, "WXC-REG-020")
    result = whole(trace, catalogue, planned=(("WXC-REG-010", ""), ("WXC-REG-020", "")))
    assert [case.id for case in result.cases] == ["WXC-REG-010"]
    assert (result.complete, result.outcome, result.exit_code) == (False, Outcome.INCOMPLETE, 5)


def test_a_case_beside_the_plan_does_not_stand_for_one_of_it(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    trace.see(SegmentClosed(complete=True))
    result = whole(trace, catalogue, planned=(("WXC-REG-020", ""),))
    assert [case.id for case in result.cases] == ["WXC-REG-010"]
    assert (result.complete, result.outcome, result.exit_code) == (True, Outcome.INCOMPLETE, 5)


def test_a_complete_run_with_an_unfinished_case_is_the_tool_s_fault(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    Case(trace, "WXC-REG-020")
    trace.case = ""
    trace.see(SegmentClosed(complete=True))
    result = whole(trace, catalogue, planned=(("WXC-REG-010", ""), ("WXC-REG-020", "")))
    assert (result.outcome, result.exit_code) == (Outcome.INCOMPLETE, 3)


def test_an_error_outside_any_case_is_the_tool_s_fault(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    trace.see(ToolError("the capture could not be written"))
    trace.see(SegmentClosed(complete=True))
    result = whole(trace, catalogue)
    assert (result.outcome, result.exit_code) == (Outcome.INCOMPLETE, 3)


def killed_and_resumed(trace: Trace, *, ends: bool) -> None:
    """A run that was killed in a case, and one that goes on from there."""
    Case(trace)
    sees_digest(trace, right=False)
    trace.case = ""
    trace.see(OPENED)
    a_good_case(trace)
    if ends:
        trace.see(SegmentClosed(complete=True))


def test_a_resumed_run_is_what_its_last_segment_says(trace: Trace, catalogue: Catalogue) -> None:
    killed_and_resumed(trace, ends=True)
    result = whole(trace, catalogue)
    assert (result.complete, result.outcome, result.exit_code) == (True, Outcome.QUALIFIED, 0)
    [case] = result.cases
    assert case.verdict is Verdict.PASS, "a case that began again counts from there"


def test_a_resumed_run_that_was_killed_again_is_not_complete(trace: Trace, catalogue: Catalogue) -> None:
    killed_and_resumed(trace, ends=False)
    assert not whole(trace, catalogue).complete


def test_a_record_without_a_segment_is_none(trace: Trace, catalogue: Catalogue) -> None:
    a_good_case(trace)
    with pytest.raises(ValueError, match="no opened segment"):
        judge(trace.observations, catalogue)


# --- judging again


def changed(catalogue: Catalogue, name: str, value: float) -> Catalogue:
    """The catalogue with another value of one limit."""
    limits = {one.name: one for one in catalogue.limits}
    limits[name] = replace(limits[name], value=value)
    return replace(catalogue, limits=Limits(limits), hash="changed")


def a_run_of_three(trace: Trace) -> None:
    a_good_case(trace)
    case = Case(trace, "WXC-FO-005", "FO-SECONDARY")
    sees_failover(trace, 20)
    case.expects("fo.uses-secondary").ends()
    case = Case(trace, "WXC-CALL-060", "CALL-TERM")
    trace.request("INVITE", OUT)
    trace.after(3).answer(180)
    case.expects("call.rings").ends()
    trace.see(SegmentClosed(complete=True))


@pytest.mark.parametrize(
    ("limit", "value", "different"),
    [
        ("failover_s", 10.0, {"WXC-FO-005": Verdict.WARN}),
        ("ring_s", 2.0, {"WXC-CALL-060": Verdict.FAIL}),
        ("dtmf_min_ms", 1000.0, {}),
    ],
)
def test_a_changed_limit_changes_only_what_depends_on_it(
    trace: Trace, catalogue: Catalogue, limit: str, value: float, different: dict[str, Verdict]
) -> None:
    a_run_of_three(trace)
    before = {case.id: case for case in whole(trace, catalogue).cases}
    after = {case.id: case for case in whole(trace, changed(catalogue, limit, value)).cases}
    assert {case.verdict for case in before.values()} == {Verdict.PASS}
    assert {id: case.verdict for id, case in after.items() if case != before[id]} == different


def test_judged_twice_it_is_the_same(trace: Trace, catalogue: Catalogue) -> None:
    a_run_of_three(trace)
    assert whole(trace, catalogue) == whole(trace, catalogue)


def test_scaled_time_scales_seconds_alone(trace: Trace, catalogue: Catalogue) -> None:
    limits = scaled(catalogue.limits, 0.1)
    assert limits["failover_s"].value == pytest.approx(6.0)
    assert limits["dtmf_min_ms"] == catalogue.limits["dtmf_min_ms"]
    assert limits["failback_expiries"] == catalogue.limits["failback_expiries"]
    assert scaled(catalogue.limits, 1.0) is catalogue.limits
    a_run_of_three(trace)
    verdicts = {case.id: case.verdict for case in whole(trace, catalogue, time_scale=0.1).cases}
    assert verdicts == {"WXC-REG-010": Verdict.PASS, "WXC-FO-005": Verdict.WARN, "WXC-CALL-060": Verdict.FAIL}


# --- what a person settled
