"""The words in which the suite judges, and how several of them make one (design: ISO 9646 vocabulary)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What was concluded of a requirement or a case."""

    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"
    NEEDS_REVIEW = "needs-review"
    ERROR = "error"
    "The tool's own fault, never the device's."


OPEN = frozenset({Verdict.INCONCLUSIVE, Verdict.NEEDS_REVIEW})
"What the record leaves open: a person may settle it."
DECISIONS = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
"What a person may settle it as."


class Level(StrEnum):
    """How binding a requirement is."""

    MANDATORY = "mandatory"
    CONDITIONAL = "conditional"
    EXPECTED = "expected"
    INFORMATIVE = "informative"


class Mark(StrEnum):
    """How well founded a requirement or a limit is."""

    PRIMARY = "primary"
    "Cisco's, Webex's or a standard's own text."
    SECONDARY = "secondary"
    "A third party's document, code or field note."
    INFERRED = "inferred"
    "Reasoned, by no source."


class Outcome(StrEnum):
    """What a run came to."""

    QUALIFIED = "qualified"
    PASSED = "passed"
    "All that was asked for, but less than the full plan."
    NOT_QUALIFIED = "not-qualified"
    INCOMPLETE = "incomplete"


def combine(verdicts: Iterable[Verdict], *, control_failed: bool = False) -> Verdict:
    """The verdict of a case from those of its expectations.

    The first of: tool error, failed control (``inconclusive``), ``fail``, ``needs-review``, ``warn``; then an
    expectation that could not be judged (``inconclusive``), then ``pass``. Nothing judged is ``error``: a case that
    observed nothing must never pass.
    """
    seen = set(verdicts)
    if Verdict.ERROR in seen:
        return Verdict.ERROR
    if control_failed:
        return Verdict.INCONCLUSIVE
    for verdict in (Verdict.FAIL, Verdict.NEEDS_REVIEW):
        if verdict in seen:
            return verdict
    if Verdict.INCONCLUSIVE in seen:
        return Verdict.INCONCLUSIVE
    for verdict in (Verdict.WARN, Verdict.PASS, Verdict.NOT_APPLICABLE):
        if verdict in seen:
            return verdict
    return Verdict.ERROR
