"""What the reports say alike: names of cases, what blocks, what is worst, and explanations in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

from certsuite.core.redaction import printable
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Level, Mark, Outcome, Verdict

UNDECIDED = frozenset({Verdict.INCONCLUSIVE, Verdict.NEEDS_REVIEW, Verdict.ERROR})
"Verdicts that say nothing of the device."

WORST_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.NEEDS_REVIEW,
    Verdict.INCONCLUSIVE,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)

MARKS: Mapping[Mark, str] = {
    Mark.PRIMARY: "Cisco's, Webex's or a standard's own text says so.",
    Mark.SECONDARY: "Rests on a third party's document, code or field note.",
    Mark.INFERRED: "Reasoned; no source says so. A limit of this kind gives at most a warning.",
}

FAMILIES: Mapping[str, str] = {
    "TLS": "TLS and trust",
    "DNS": "Discovery by DNS",
    "SRV": "Discovery by DNS",
    "FO": "Failover and failback",
    "REG": "Registration",
    "AUTH": "Authentication",
    "ID": "Identity",
    "UA": "Identity",
    "PW": "Passwords",
    "SIP": "SIP messages",
    "CALL": "Calls",
    "MED": "Media",
    "PROV": "Provisioning",
}

_BEYOND = ("bench-cannot-cut-off", "no-far-end")
"Reason codes of cases that do not apply because of the bench, and not of the device."
_TEXT_AT_MOST = 1000
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]")


class RequirementInfo(Protocol):
    """What the catalogue says of a requirement."""

    @property
    def not_tested(self) -> str:
        """Why no case is about it; empty if one is."""

    @property
    def title(self) -> str:
        """The requirement in one sentence."""

    @property
    def level(self) -> Level:
        """How binding it is."""

    @property
    def mark(self) -> Mark:
        """How well founded it is."""

    @property
    def source(self) -> str:
        """Where it stands."""


def name_of(case_id: str, variant: str) -> str:
    """``WXC-TLS-010`` or ``WXC-TLS-010[ecdsa]``."""
    return f"{case_id}[{variant}]" if variant else case_id


def name(case: CaseResult) -> str:
    """A case's id with its variant."""
    return name_of(case.id, case.variant)


def file_stem(case: CaseResult) -> str:
    """A case's name as part of a file's name: it can hold no separator."""
    return _NOT_IN_FILE_NAMES.sub("_", f"{case.id}-{case.variant}" if case.variant else case.id)


def ladder_path(case: CaseResult) -> PurePosixPath:
    """Where a case's ladder is, seen from the run's folder."""
    return PurePosixPath("evidence", f"ladder-{file_stem(case)}.svg")


def family(case: CaseResult) -> str:
    """The middle of an id: ``TLS`` of ``WXC-TLS-010``."""
    parts = case.id.split("-")
    return parts[1] if len(parts) > 2 else parts[0]


def family_title(short: str) -> str:
    """A family's name for a reader."""
    return FAMILIES.get(short, short)


def blocks(case: CaseResult) -> bool:
    """Whether the outcome depends on this case."""
    if case.verdict is Verdict.NOT_APPLICABLE:
        return False
    return case.level is Level.MANDATORY or (case.level is Level.CONDITIONAL and case.claimed)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that a reader must see first; ``not-applicable`` of none."""
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.NOT_APPLICABLE)


def counts(cases: Iterable[CaseResult]) -> dict[Verdict, int]:
    """How many cases have each verdict, worst first, without zeros."""
    seen: dict[Verdict, int] = {}
    for case in cases:
        seen[case.verdict] = seen.get(case.verdict, 0) + 1
    return {verdict: seen[verdict] for verdict in WORST_FIRST if verdict in seen}


def settled_well(cases: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """Cases that a person settled as passed: they must not stand unseen among what the record shows."""
    return tuple(case for case in cases if case.review is not None and case.verdict is Verdict.PASS)


def without_verdict(result: RunResult) -> tuple[tuple[str, str], ...]:
    """(id, variant) of what was asked for and has no result."""
    have = {(case.id, case.variant) for case in result.cases}
    return tuple(planned for planned in result.planned if planned not in have)


def explain(result: RunResult) -> str:
    """One sentence that says why the outcome is what it is."""
    blocking = [case for case in result.cases if blocks(case)]
    failed = sum(case.verdict is Verdict.FAIL for case in blocking)
    missing = len(without_verdict(result))
    undecided = sum(case.verdict in UNDECIDED for case in blocking) + missing
    errors = sum(case.verdict is Verdict.ERROR for case in result.cases)
    by_person = sum(case.review is not None for case in blocking)
    settled = f" {_number(by_person, 'blocking case')} settled by a person." if by_person else ""
    if result.outcome is Outcome.QUALIFIED:
        beyond = [case for case in result.cases if case.level is Level.MANDATORY and case.reason_code in _BEYOND]
        not_run = f" This bench could not run {_number(len(beyond), 'mandatory case')}." if beyond else ""
        return f"Every blocking case of the full plan passed.{not_run}{settled}"
    if result.outcome is Outcome.PASSED:
        others = sum(case.verdict is Verdict.FAIL for case in result.cases)
        unclear = sum(case.verdict in (Verdict.WARN, *UNDECIDED) for case in result.cases)
        passed = "Everything that was asked for passed."
        if others:
            passed = f"Nothing that blocks failed; {_number(others, 'other case')} did."
        elif unclear:
            passed = f"Nothing failed; {_number(unclear, 'case')} did not plainly pass."
        return f"{passed} It was less than the full plan.{settled}"
    if result.outcome is Outcome.NOT_QUALIFIED:
        more = f" {undecided} more without a decision." if undecided else ""
        return f"{failed} of {_number(len(blocking), 'blocking case')} failed.{more}{settled}"
    if result.interrupted:
        return "The run was interrupted before its end."
    if errors:
        return f"The suite itself failed in {_number(errors, 'case')}: this says nothing of the device."
    if result.tool_errors:
        return "The suite itself failed outside of any case: this says nothing of the device."
    if not any(case.verdict not in (Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE) for case in result.cases):
        return "No case could be judged: the device gave nothing to judge by."
    if not undecided:
        return "The run did not come to its end."
    return f"{_number(undecided, 'blocking case')} without a decision."


def overhead_s(result: RunResult) -> float:
    """Seconds of the run that were not spent waiting for the device."""
    return max(result.wall_s - result.waited_s, 0.0)


def overhead_ms_a_case(result: RunResult) -> float | None:
    """The suite's own time in milliseconds a case; ``None`` if it is not known."""
    return 1000 * overhead_s(result) / len(result.cases) if result.wall_s > 0 and result.cases else None


def duration(seconds: float) -> str:
    """A duration for a reader: ``340 ms``, ``12.3 s``, ``4 min 05 s``."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )


def figure(value: float | None, unit: str | None = None) -> str:
    """A number and its unit, without digits that mean nothing."""
    if value is None:
        return ""
    text = f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}" if unit else text


def safe(text: str, at_most: int = _TEXT_AT_MOST) -> str:
    """A string that may be a device's, harmless in a terminal and legal in XML 1.0."""
    return printable(text, at_most=at_most)


def when(text: str) -> datetime | None:
    """A UTC time of the record; ``None`` if there is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
