"""What a run came to: the results that every report is made from (``results.json`` mirrors these)."""

from __future__ import annotations

from dataclasses import dataclass, field

from certsuite.core.findings import Finding, Measurement
from certsuite.core.verdicts import Level, Mark, Outcome, Verdict

EXIT_INTERRUPTED = 2
EXIT_ERROR = 3
EXIT_USAGE = 4
EXIT_NOTHING = 5


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """The verdict of one requirement within one case."""

    id: str
    level: Level
    mark: Mark
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Review:
    """What a person settled, where the record left a case open."""

    by: str
    at: str
    "UTC."
    verdict: Verdict
    before: Verdict
    "What the record alone gives."
    before_reason: str
    evidence: str
    "What it rests on: a file, seen from the run's folder."
    sha256: str
    "Of that file, in hexadecimal."
    replaced: tuple[Review, ...] = ()
    "Earlier reviews of the same case, which count no more; oldest first."


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The verdict of one case; known by (id, variant)."""

    id: str
    variant: str
    title: str
    level: Level
    mark: Mark
    requirements: tuple[RequirementResult, ...]
    verdict: Verdict
    reason: str = ""
    reason_code: str = ""
    explained_by: str = ""
    restarts: int = 0
    started: str = ""
    duration_s: float = 0.0
    waited_on_device_s: float = 0.0
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    first_seq: int = 0
    last_seq: int = 0
    claimed: bool = True
    "Whether a conditional case is about something that the profile claims."
    review: Review | None = None
    "Set if the verdict is a person's and not the record's."


@dataclass(frozen=True, slots=True)
class RunResult:
    """The results of a run as its record gives them."""

    run: str
    suite_version: str
    tools: dict[str, str]
    complete: bool
    interrupted: bool
    outcome: Outcome
    exit_code: int
    plan: str
    planned: tuple[tuple[str, str], ...]
    full_plan: bool
    time_scale: float
    plan_hash: str
    catalogue_hash: str
    profile_hash: str
    started: str
    finished: str
    device: dict[str, str]
    user_agents_seen: tuple[str, ...]
    control_hub: str
    "How Control Hub is likely to show the device, by the User-Agent of its first REGISTER; empty without any."
    cases: tuple[CaseResult, ...]
    fault: str = ""
    bench: str = "loopback"
    wall_s: float = 0.0
    waited_s: float = 0.0
    tool_errors: tuple[str, ...] = ()
    "What failed in the suite itself outside any case."
    measurements: tuple[Measurement, ...] = field(default=())


def outcome_of(
    cases: tuple[CaseResult, ...],
    planned: int,
    *,
    full_plan: bool,
    interrupted: bool,
    tool_failed: bool = False,
    complete: bool = True,
) -> tuple[Outcome, int]:
    """The outcome of a run and its exit code: the first that holds, in the order of the design.

    ``planned`` is how many cases were asked for: one without a result has no verdict. ``tool_failed``: the suite failed
    outside any case. A run that did not come to its end can fail a device, and never qualify it.
    """
    applicable = [case for case in cases if case.verdict is not Verdict.NOT_APPLICABLE]
    claimed = [case for case in applicable if case.level is Level.CONDITIONAL and case.claimed]
    blocking = [case for case in applicable if case.level is Level.MANDATORY] + claimed
    ran = [case for case in applicable if case.verdict is not Verdict.INCONCLUSIVE]
    if interrupted:
        return Outcome.INCOMPLETE, EXIT_INTERRUPTED
    if not ran:
        return Outcome.INCOMPLETE, EXIT_NOTHING
    if any(case.verdict is Verdict.FAIL for case in blocking):
        return Outcome.NOT_QUALIFIED, 1
    if tool_failed or any(case.verdict is Verdict.ERROR for case in cases):
        return Outcome.INCOMPLETE, EXIT_ERROR
    if not complete or len(cases) < planned:
        return Outcome.INCOMPLETE, EXIT_NOTHING
    if any(case.verdict in (Verdict.INCONCLUSIVE, Verdict.NEEDS_REVIEW) for case in blocking):
        return Outcome.INCOMPLETE, EXIT_NOTHING
    return (Outcome.QUALIFIED, 0) if full_plan else (Outcome.PASSED, 0)
