"""From a record to results: evaluates every expectation that a case stated, and nothing else.

The same function judges a run when it ends and a record later on: it needs no device and runs no case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from certsuite.catalogue import Catalogue
from certsuite.checks.registry import Question, find_check
from certsuite.checks.span import Span, Spans
from certsuite.core.events import (
    CaseBlocked,
    CaseFinished,
    CaseNotApplicable,
    CaseStarted,
    Expectation,
    SegmentClosed,
    SegmentOpened,
    ToolError,
)
from certsuite.core.findings import Finding, Judgement, Subject
from certsuite.core.limits import Limits
from certsuite.core.observations import Observation
from certsuite.core.redaction import printable
from certsuite.core.results import CaseResult, RequirementResult, RunResult, outcome_of
from certsuite.core.verdicts import Level, Mark, Verdict, combine
from certsuite.sip.user_agent import control_hub_name, read_user_agent

_HOLDS = (Verdict.PASS, Verdict.WARN)
"Verdicts of a control after which a case goes on."


def evaluate(expectation: Expectation, span: Span, limits: Limits, *, line: int | None, flow: str | None) -> Judgement:
    """The value of one expectation over a span."""
    found = find_check(expectation.check)
    subject = Subject(line=line, flow=flow, call_id=expectation.call_id)
    return found.function(Question(span, subject, limits, expectation.params, expectation.requirement))


@dataclass
class _CaseTrail:
    """What a record holds of one case."""

    id: str
    variant: str
    started: Observation | None = None
    declared: CaseStarted | None = None
    finished: CaseFinished | None = None
    blocked: CaseBlocked | None = None
    not_applicable: CaseNotApplicable | None = None
    errors: list[str] = field(default_factory=list)
    expectations: list[tuple[Observation, Expectation]] = field(default_factory=list)
    last_seq: int = 0


def judge(observations: Sequence[Observation], catalogue: Catalogue) -> RunResult:
    """Results of a whole record, in the order in which its cases began."""
    ends = [one.event for one in observations if isinstance(one.event, SegmentOpened | SegmentClosed)]
    opened = [event for event in ends if isinstance(event, SegmentOpened)]
    closed = [event for event in ends if isinstance(event, SegmentClosed)]
    if not opened:
        raise ValueError("the record holds no opened segment")
    first, last = opened[0], opened[-1]
    # A run that was gone on with in another way than it was begun, with another root, is no full plan.
    full_plan = all(event.full_plan for event in opened)
    # What the last segment says counts: one before it may have been killed, and gone on with.
    end = ends[-1]
    complete = isinstance(end, SegmentClosed) and end.complete
    interrupted = isinstance(end, SegmentClosed) and end.reason == "interrupted"
    limits = scaled(catalogue.limits, first.time_scale)
    spans = _spans_of(observations)
    cases = tuple(
        judge_case(trail, spans, limits, catalogue)
        for trail in _trails(observations).values()
        if trail.declared is not None
    )
    if not complete:
        cases = tuple(case for case in cases if case.verdict is not Verdict.ERROR or case.reason_code != "unfinished")
    tool_errors = tuple(one.event.text for one in observations if isinstance(one.event, ToolError) and not one.case)
    outcome, exit_code = outcome_of(
        cases,
        planned=len(cases) + len(set(first.planned) - {(case.id, case.variant) for case in cases}),
        full_plan=full_plan,
        interrupted=interrupted,
        tool_failed=bool(tool_errors),
        complete=complete,
    )
    return RunResult(
        run=first.run,
        suite_version=last.suite_version,
        tools=last.tools,
        complete=complete,
        interrupted=interrupted,
        outcome=outcome,
        exit_code=exit_code,
        plan=first.plan,
        planned=first.planned,
        full_plan=full_plan,
        time_scale=first.time_scale,
        plan_hash=first.plan_hash,
        catalogue_hash=catalogue.hash,
        profile_hash=first.profile_hash,
        started=observations[0].t_utc,
        finished=observations[-1].t_utc,
        device=first.device,
        user_agents_seen=_user_agents(observations),
        control_hub=_control_hub(observations, first.device.get("kind", "phone")),
        cases=cases,
        fault=first.fault,
        bench=first.bench,
        wall_s=sum(one.wall_s for one in closed),
        waited_s=sum(one.waited_s for one in closed),
        tool_errors=tool_errors,
    )


def judge_one(
    id: str,
    variant: str,
    observations: Sequence[Observation],
    catalogue: Catalogue,
    time_scale: float,
    *,
    since: int = 0,
) -> CaseResult:
    """The result of one case that has ended; it began with or after the observation numbered ``since``."""
    trail = _trails(observations[max(since - observations[0].seq, 0) :])[id, variant]
    return judge_case(trail, _spans_of(observations), scaled(catalogue.limits, time_scale), catalogue)


def scaled(limits: Limits, time_scale: float) -> Limits:
    """The limits with those in seconds multiplied: time is scaled for the reference device only."""
    if time_scale == 1.0:
        return limits
    return Limits({one.name: replace(one, value=one.value * time_scale) if one.unit == "s" else one for one in limits})


def _trails(observations: Sequence[Observation]) -> dict[tuple[str, str], _CaseTrail]:
    """Everything that the record holds of each case. A case that a later segment began again counts from there."""
    trails: dict[tuple[str, str], _CaseTrail] = {}
    for observation in observations:
        if not observation.case:
            continue
        key = (observation.case, observation.variant)
        event = observation.event
        if isinstance(event, CaseStarted):
            trails[key] = _CaseTrail(*key, started=observation, declared=event)
        trail = trails.setdefault(key, _CaseTrail(*key))
        if isinstance(event, CaseFinished):
            trail.finished = event
            trail.last_seq = observation.seq
        elif isinstance(event, CaseBlocked):
            trail.blocked = event
        elif isinstance(event, CaseNotApplicable):
            trail.not_applicable = event
        elif isinstance(event, ToolError):
            trail.errors.append(event.text)
        elif isinstance(event, Expectation):
            trail.expectations.append((observation, event))
    return trails


def _spans_of(observations: Sequence[Observation]) -> Spans:
    offset = observations[0].seq
    return Spans(lambda first, last: observations[max(first - offset, 0) : max(last - offset + 1, 0)])


def judge_case(trail: _CaseTrail, spans: Spans, limits: Limits, catalogue: Catalogue) -> CaseResult:
    """The result of one case from its trail."""
    assert trail.declared is not None
    assert trail.started is not None
    judged: list[tuple[Expectation, Judgement]] = []
    for placed, expectation in trail.expectations:
        span = spans.over(expectation.first_seq, expectation.last_seq)
        judged.append((expectation, evaluate(expectation, span, limits, line=placed.line, flow=placed.flow)))
    verdict, reason, code = _verdict(trail, judged)
    finished = trail.finished
    return CaseResult(
        id=trail.id,
        variant=trail.variant,
        title=trail.declared.title,
        level=Level(trail.declared.level),
        mark=Mark(trail.declared.mark),
        requirements=_requirements(trail, judged, verdict, catalogue),
        verdict=verdict,
        reason=reason,
        reason_code=code,
        explained_by=trail.blocked.explained_by if trail.blocked and verdict is Verdict.INCONCLUSIVE else "",
        restarts=finished.restarts if finished else 0,
        started=trail.started.t_utc,
        duration_s=finished.duration_s if finished else 0.0,
        waited_on_device_s=finished.waited_s if finished else 0.0,
        findings=tuple(_findings(judged, verdict)),
        measurements=tuple(one for _, judgement in judged for one in judgement.measurements),
        first_seq=trail.started.seq,
        last_seq=trail.last_seq or (trail.expectations[-1][1].last_seq if trail.expectations else trail.started.seq),
    )


def _verdict(trail: _CaseTrail, judged: list[tuple[Expectation, Judgement]]) -> tuple[Verdict, str, str]:
    """(verdict, reason, reason code) of a case."""
    if trail.errors:
        return Verdict.ERROR, trail.errors[0], "tool-error"
    if trail.not_applicable is not None:
        return Verdict.NOT_APPLICABLE, trail.not_applicable.reason, trail.not_applicable.reason_code
    if trail.finished is None:
        return Verdict.ERROR, "the case did not end", "unfinished"
    # One that only warns holds: the case went on after it.
    controls = [one for expectation, one in judged if expectation.control and one.verdict not in _HOLDS]
    verdict = combine(
        (one.verdict for expectation, one in judged if not expectation.control), control_failed=bool(controls)
    )
    if controls and verdict is Verdict.INCONCLUSIVE:
        observed = controls[0].findings[0].observed if controls[0].findings else controls[0].reason
        return verdict, f"the control failed: {observed}", "control-failed"
    if verdict is Verdict.FAIL:
        return verdict, "", ""
    if trail.blocked is not None:
        return Verdict.INCONCLUSIVE, trail.blocked.reason, trail.blocked.reason_code
    if verdict is Verdict.ERROR:
        return verdict, "the case stated no expectation", "nothing-judged"
    if verdict is Verdict.INCONCLUSIVE:
        unknown = next(one for _, one in judged if one.verdict is Verdict.INCONCLUSIVE)
        return verdict, unknown.reason, unknown.reason_code
    return verdict, "", ""


def _requirements(
    trail: _CaseTrail, judged: list[tuple[Expectation, Judgement]], verdict: Verdict, catalogue: Catalogue
) -> tuple[RequirementResult, ...]:
    """The verdict of each requirement of a case: that of its expectations; without any, that of the case."""
    assert trail.declared is not None
    results = []
    for id in trail.declared.requirements:
        own = [one.verdict for expectation, one in judged if expectation.requirement == id and not expectation.control]
        conclusive = verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
        requirement = catalogue.requirement(id)
        # A requirement that the case never came to is open, whatever another one's verdict is.
        mine = combine(own) if own and conclusive else (Verdict.INCONCLUSIVE if conclusive else verdict)
        results.append(RequirementResult(id, requirement.level, requirement.mark, mine))
    return tuple(results)


def _findings(judged: list[tuple[Expectation, Judgement]], verdict: Verdict) -> list[Finding]:
    """Findings of what made the verdict; those of a control are told as the reason instead."""
    return [
        finding
        for expectation, judgement in judged
        if not expectation.control and judgement.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.NEEDS_REVIEW)
        for finding in judgement.findings
    ]


def _user_agents(observations: Sequence[Observation]) -> tuple[str, ...]:
    """Every User-Agent that the device sent, in order of appearance, made safe to show."""
    agents: dict[str, None] = {}
    for seen in Span(observations).messages():
        if seen.message.user_agent:
            agents.setdefault(printable(seen.message.user_agent), None)
    return tuple(agents)


def _control_hub(observations: Sequence[Observation], kind: str) -> str:
    """How Control Hub is likely to show the device, made safe to show."""
    registers = Span(observations).messages(method="REGISTER")
    return printable(control_hub_name(read_user_agent(registers[0].message.user_agent), kind)) if registers else ""
