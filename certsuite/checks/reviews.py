"""What persons settled, put upon what the record gives: a review counts only where the record leaves a case open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from certsuite.core.redaction import printable
from certsuite.core.results import CaseResult, Review, RunResult, outcome_of
from certsuite.core.verdicts import OPEN, Verdict

REVIEWED = "reviewed"
"Reason code of a case that a person settled."


def with_reviews(result: RunResult, judgements: Sequence[Mapping[str, Any]]) -> RunResult:
    """The result with what persons settled. Of several reviews of a case the last counts, and names those before it."""
    cases = tuple(_settled(case, _reviews_of(case, judgements)) for case in result.cases)
    if cases == result.cases:
        return result
    outcome, exit_code = outcome_of(
        cases,
        planned=len(cases) + len(set(result.planned) - {(case.id, case.variant) for case in cases}),
        full_plan=result.full_plan,
        interrupted=result.interrupted,
        tool_failed=bool(result.tool_errors),
        complete=result.complete,
    )
    return replace(result, cases=cases, outcome=outcome, exit_code=exit_code)


def _reviews_of(case: CaseResult, judgements: Sequence[Mapping[str, Any]]) -> list[Review]:
    return [
        Review(
            by=printable(one["by"]),
            at=printable(one["at"]),
            verdict=Verdict(one["verdict"]),
            before=case.verdict,
            before_reason=case.reason,
            evidence=printable(one["evidence"]),
            sha256=printable(one["sha256"]),
        )
        for one in judgements
        if one.get("kind") == "review" and (one["case"], one["variant"]) == (case.id, case.variant)
    ]


def _settled(case: CaseResult, reviews: list[Review]) -> CaseResult:
    if not reviews or case.verdict not in OPEN:
        return case
    review = replace(reviews[-1], replaced=tuple(reviews[:-1]))
    return replace(
        case,
        verdict=review.verdict,
        requirements=tuple(replace(one, verdict=review.verdict) for one in case.requirements),
        reason=_reason(review),
        reason_code=REVIEWED,
        # It explained why the record could not decide, and that stands in the reason now.
        explained_by="",
        review=review,
    )


def _reason(review: Review) -> str:
    """Who settled it, by what, and what it was before: every report prints this sentence."""
    parts = [f"settled as {review.verdict} by {review.by} on {review.at[:10]}, with {review.evidence}"]
    parts += [f"this replaces {one.verdict} by {one.by} of {one.at[:10]}" for one in reversed(review.replaced)]
    before = f"{review.before}, {review.before_reason}" if review.before_reason else str(review.before)
    return "; ".join([*parts, f"by the record alone: {before}"])
