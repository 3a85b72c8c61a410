"""The outcome of a run and its exit code: each row of the table, and which row comes first."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from certsuite.core.results import CaseResult, outcome_of
from certsuite.core.verdicts import Level, Mark, Outcome, Verdict


def case(verdict: Verdict, level: Level = Level.MANDATORY, *, claimed: bool = True) -> CaseResult:
    return CaseResult("WXC-TLS-010", "", "A case", level, Mark.PRIMARY, (), verdict, claimed=claimed)


PASS, FAIL, WARN = case(Verdict.PASS), case(Verdict.FAIL), case(Verdict.WARN)
ERROR, OPEN, REVIEW = case(Verdict.ERROR), case(Verdict.INCONCLUSIVE), case(Verdict.NEEDS_REVIEW)
ABSENT = case(Verdict.NOT_APPLICABLE)
EXPECTED_FAIL = case(Verdict.FAIL, Level.EXPECTED)
EXPECTED_OPEN = case(Verdict.INCONCLUSIVE, Level.EXPECTED)
CLAIMED_FAIL = case(Verdict.FAIL, Level.CONDITIONAL)
UNCLAIMED_FAIL = case(Verdict.FAIL, Level.CONDITIONAL, claimed=False)
UNCLAIMED_OPEN = case(Verdict.INCONCLUSIVE, Level.CONDITIONAL, claimed=False)

NOT_QUALIFIED = (Outcome.NOT_QUALIFIED, 1)
INTERRUPTED = (Outcome.INCOMPLETE, 2)
TOOL_ERROR = (Outcome.INCOMPLETE, 3)
OPEN_END = (Outcome.INCOMPLETE, 5)
QUALIFIED = (Outcome.QUALIFIED, 0)


@pytest.mark.parametrize(
    ("cases", "result"),
    [
        pytest.param([], OPEN_END, id="nothing ran"),
        pytest.param([ABSENT, ABSENT], OPEN_END, id="nothing applicable"),
        pytest.param([OPEN, EXPECTED_OPEN], OPEN_END, id="nothing but inconclusive"),
        pytest.param([PASS, FAIL], NOT_QUALIFIED, id="a mandatory fail"),
        pytest.param([PASS, CLAIMED_FAIL], NOT_QUALIFIED, id="a conditional fail that is claimed"),
        pytest.param([PASS, UNCLAIMED_FAIL], QUALIFIED, id="a conditional fail that is not claimed"),
        pytest.param([PASS, EXPECTED_FAIL], QUALIFIED, id="an expected fail does not block"),
        pytest.param([PASS, case(Verdict.FAIL, Level.INFORMATIVE)], QUALIFIED, id="an informative fail does not block"),
        pytest.param([PASS, WARN], QUALIFIED, id="a warning does not block"),
        pytest.param([PASS, ABSENT], QUALIFIED, id="what does not apply does not block"),
        pytest.param([PASS, ERROR], TOOL_ERROR, id="the tool's own error"),
        pytest.param([PASS, case(Verdict.ERROR, Level.INFORMATIVE)], TOOL_ERROR, id="an error at any level"),
        pytest.param([ERROR], TOOL_ERROR, id="an error alone"),
        pytest.param([PASS, OPEN], OPEN_END, id="a mandatory inconclusive"),
        pytest.param([PASS, REVIEW], OPEN_END, id="a mandatory review"),
        pytest.param([PASS, EXPECTED_OPEN], QUALIFIED, id="an expected inconclusive does not block"),
        pytest.param([PASS, UNCLAIMED_OPEN], QUALIFIED, id="an unclaimed inconclusive does not block"),
        pytest.param([EXPECTED_FAIL], QUALIFIED, id="nothing that blocks was asked for"),
        # Which row comes first.
        pytest.param([PASS, FAIL, ERROR], NOT_QUALIFIED, id="a fail before an error"),
        pytest.param([PASS, FAIL, OPEN], NOT_QUALIFIED, id="a fail before an open one"),
        pytest.param([PASS, ERROR, OPEN], TOOL_ERROR, id="an error before an open one"),
    ],
)
def test_each_row(cases: list[CaseResult], result: tuple[Outcome, int]) -> None:
    for order in itertools.permutations(cases):
        assert outcome_of(order, len(cases), full_plan=True, interrupted=False) == result


@pytest.mark.parametrize("cases", [[], [PASS], [FAIL], [ERROR], [OPEN]])
def test_an_interruption_comes_before_everything(cases: list[CaseResult]) -> None:
    assert outcome_of(tuple(cases), len(cases), full_plan=True, interrupted=True) == INTERRUPTED


@pytest.mark.parametrize(
    ("cases", "result"),
    [
        ([PASS], (Outcome.PASSED, 0)),
        ([PASS, FAIL], NOT_QUALIFIED),
        ([PASS, OPEN], OPEN_END),
        ([PASS, ERROR], TOOL_ERROR),
    ],
)
def test_less_than_the_full_plan_never_qualifies(cases: list[CaseResult], result: tuple[Outcome, int]) -> None:
    assert outcome_of(tuple(cases), len(cases), full_plan=False, interrupted=False) == result


@pytest.mark.parametrize(
    ("cases", "result"), [([PASS], OPEN_END), ([PASS, FAIL], NOT_QUALIFIED), ([PASS, ERROR], TOOL_ERROR)]
)
def test_a_case_without_a_verdict_leaves_it_open(cases: list[CaseResult], result: tuple[Outcome, int]) -> None:
    assert outcome_of(tuple(cases), len(cases) + 1, full_plan=True, interrupted=False) == result


@pytest.mark.parametrize(("cases", "result"), [([PASS], TOOL_ERROR), ([PASS, FAIL], NOT_QUALIFIED), ([OPEN], OPEN_END)])
def test_a_failure_of_the_suite_outside_any_case(cases: list[CaseResult], result: tuple[Outcome, int]) -> None:
    found = outcome_of(tuple(cases), len(cases), full_plan=True, interrupted=False, tool_failed=True)
    assert found == result


@pytest.mark.parametrize(
    ("cases", "result"), [([PASS], OPEN_END), ([PASS, FAIL], NOT_QUALIFIED), ([PASS, ERROR], TOOL_ERROR)]
)
def test_a_run_that_did_not_come_to_its_end_never_qualifies(
    cases: list[CaseResult], result: tuple[Outcome, int]
) -> None:
    assert outcome_of(tuple(cases), len(cases), full_plan=True, interrupted=False, complete=False) == result


def test_only_a_pass_of_everything_ends_well() -> None:
    """Over all pairs of verdicts and levels: 0 is given only if nothing that blocks is other than pass or warn."""
    kinds = [case(verdict, level) for verdict in Verdict for level in Level]
    for pair in itertools.product(kinds, repeat=2):
        _, exit_code = outcome_of(pair, 2, full_plan=True, interrupted=False)
        blocking = {one.verdict for one in pair if one.level in (Level.MANDATORY, Level.CONDITIONAL)}
        if exit_code == 0:
            assert blocking <= {Verdict.PASS, Verdict.WARN, Verdict.NOT_APPLICABLE}
            assert Verdict.ERROR not in {one.verdict for one in pair}


def test_a_result_is_known_by_id_and_variant() -> None:
    assert replace(PASS, variant="ecdsa") != PASS
