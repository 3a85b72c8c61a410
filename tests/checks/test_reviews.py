"""What a person settles: only what the record left open, and never without saying so."""

from __future__ import annotations

import pytest

from certsuite.checks.reviews import REVIEWED, with_reviews
from certsuite.core.results import CaseResult, RequirementResult, RunResult, outcome_of
from certsuite.core.verdicts import Level, Mark, Outcome, Verdict

PICTURE, SHA256 = "evidence/reviews/0123456789abcdef.jpg", "0123456789abcdef" * 4


def case(id: str, verdict: Verdict, variant: str = "", reason: str = "", explained_by: str = "") -> CaseResult:
    requirement = RequirementResult("REG-DIGEST", Level.MANDATORY, Mark.PRIMARY, verdict)
    return CaseResult(
        id, variant, "A title", Level.MANDATORY, Mark.PRIMARY, (requirement,), verdict, reason, "x", explained_by
    )


def run_of(*cases: CaseResult) -> RunResult:
    outcome, exit_code = outcome_of(cases, len(cases), full_plan=True, interrupted=False)
    return RunResult(
        run="a-run",
        suite_version="0.1.0",
        tools={},
        complete=True,
        interrupted=False,
        outcome=outcome,
        exit_code=exit_code,
        plan="full",
        planned=tuple((one.id, one.variant) for one in cases),
        full_plan=True,
        time_scale=1.0,
        plan_hash="",
        catalogue_hash="",
        profile_hash="",
        started="",
        finished="",
        device={},
        user_agents_seen=(),
        control_hub="",
        cases=cases,
    )


def review(**changes: str) -> dict[str, str]:
    return {
        "kind": "review",
        "case": "WXC-REG-020",
        "variant": "",
        "verdict": "pass",
        "by": "A. Tester",
        "at": "2026-11-22T08:00:00.000000Z",
        "evidence": PICTURE,
        "sha256": SHA256,
        **changes,
    }


PASSED = case("WXC-REG-010", Verdict.PASS)
FAILED = case("WXC-REG-010", Verdict.FAIL)
OPEN = case("WXC-REG-020", Verdict.INCONCLUSIVE, reason="nothing was seen", explained_by="WXC-REG-010")


@pytest.mark.parametrize("before", [Verdict.INCONCLUSIVE, Verdict.NEEDS_REVIEW])
@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("pass", (Outcome.QUALIFIED, 0)),
        ("warn", (Outcome.QUALIFIED, 0)),
        ("fail", (Outcome.NOT_QUALIFIED, 1)),
    ],
)
def test_a_review_settles_what_is_open(before: Verdict, verdict: str, outcome: tuple[Outcome, int]) -> None:
    result = run_of(PASSED, case("WXC-REG-020", before, reason="nothing was seen", explained_by="WXC-REG-010"))
    assert (result.outcome, result.exit_code) == (Outcome.INCOMPLETE, 5)
    settled = with_reviews(result, [review(verdict=verdict, by="A.\x1b Tester")])
    assert (settled.outcome, settled.exit_code) == outcome
    one = settled.cases[1]
    assert (one.verdict, one.reason_code, one.explained_by) == (Verdict(verdict), REVIEWED, "")
    assert one.reason == (
        f"settled as {verdict} by A.\\x1b Tester on 2026-11-22, with {PICTURE}; "
        f"by the record alone: {before}, nothing was seen"
    )
    assert [part.verdict for part in one.requirements] == [Verdict(verdict)]
    assert one.review is not None
    assert (one.review.before, one.review.before_reason, one.review.sha256) == (before, "nothing was seen", SHA256)
    assert settled.cases[0] == PASSED


def test_a_later_review_replaces_an_earlier_one_and_says_so() -> None:
    reviews = [review(verdict="fail", by="B. First"), review(verdict="warn", by="C. Second"), review()]
    (one,) = with_reviews(run_of(OPEN), reviews).cases
    assert one.verdict is Verdict.PASS
    assert "this replaces warn by C. Second of 2026-11-22; this replaces fail by B. First of 2026-11-22" in one.reason
    assert one.review is not None
    assert [(old.by, old.verdict) for old in one.review.replaced] == [
        ("B. First", Verdict.FAIL),
        ("C. Second", Verdict.WARN),
    ]


def test_a_review_is_of_one_variant() -> None:
    variants = tuple(case("WXC-TLS-110", Verdict.INCONCLUSIVE, variant) for variant in ("", "rsa", "ecdsa"))
    settled = with_reviews(run_of(*variants), [review(case="WXC-TLS-110", variant="rsa")])
    assert [one.verdict for one in settled.cases] == [Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.INCONCLUSIVE]


@pytest.mark.parametrize(
    "judgements",
    [[], [review(case="WXC-REG-010", verdict="pass")], [review(variant="x")], [review(kind="rejudged")]],
)
def test_a_review_does_not_touch_what_the_record_settled(judgements: list[dict[str, str]]) -> None:
    result = run_of(FAILED, OPEN)
    assert with_reviews(result, judgements) == result
