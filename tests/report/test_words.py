"""Words and figures as a reader sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from certsuite.core.verdicts import Level, Outcome, Verdict
from certsuite.report.words import blocks, counts, duration, explain, figure, safe, when, worst

if TYPE_CHECKING:
    from tests.report.conftest import Run


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 ms"), (0.34, "340 ms"), (12.34, "12.3 s"), (245.0, "4 min 05 s"), (3700.0, "1 h 01 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(71.4, "s", "71.4 s"), (60.0, "", "60"), (0.123456, "s", "0.1235 s"), (12345.0, "ms", "12\u202f345 ms")],
)
def test_figures(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text
    assert figure(None) == ""


def test_the_worst_verdict_is_what_a_reader_must_see_first() -> None:
    assert worst([Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.ERROR]) is Verdict.FAIL
    assert worst([Verdict.NOT_APPLICABLE, Verdict.PASS]) is Verdict.PASS
    assert worst([]) is Verdict.NOT_APPLICABLE


def test_counts_are_worst_first(run: Run) -> None:
    assert list(counts(run.result.cases))[:2] == [Verdict.FAIL, Verdict.ERROR]


def test_what_blocks_is_what_the_outcome_counts(run: Run) -> None:
    assert [case.id for case in run.result.cases if not blocks(case)] == ["WXC-ID-010", "WXC-CALL-120"]


@pytest.mark.parametrize(
    ("outcome", "changes", "text"),
    [
        (Outcome.QUALIFIED, {}, "Every blocking case of the full plan passed."),
        (Outcome.PASSED, {}, "Nothing that blocks failed; 2 other cases did. It was less"),
        (Outcome.PASSED, {"cases": ()}, "Everything that was asked for passed."),
        (Outcome.NOT_QUALIFIED, {}, "1 of 9 blocking cases failed."),
        (Outcome.INCOMPLETE, {"interrupted": True}, "The run was interrupted"),
        (Outcome.INCOMPLETE, {"cases": ()}, "No case could be judged"),
        (Outcome.INCOMPLETE, {}, "The suite itself failed in 1 case"),
        (Outcome.INCOMPLETE, {"cases": (), "tool_errors": ("x",)}, "The suite itself failed outside of any case"),
    ],
)
def test_the_outcome_is_explained(run: Run, outcome: Outcome, changes: dict[str, object], text: str) -> None:
    assert explain(replace(run.result, outcome=outcome, **changes)).startswith(text)  # type: ignore[arg-type]


def test_cases_without_a_decision_explain_an_incomplete_run(run: Run) -> None:
    case = replace(run.result.cases[0], verdict=Verdict.INCONCLUSIVE)
    result = run.with_cases(run.result.cases[0], replace(case, id="WXC-TLS-011")).result
    assert explain(result) == "1 blocking case without a decision."


@pytest.mark.parametrize("verdict", [Verdict.WARN, Verdict.INCONCLUSIVE])
def test_not_everything_passed_where_something_only_did_not_fail(run: Run, verdict: Verdict) -> None:
    passed = replace(run.result.cases[0], verdict=Verdict.PASS)
    cases = (passed, replace(passed, id="WXC-ID-010", level=Level.EXPECTED, verdict=verdict))
    result = replace(run.result, outcome=Outcome.PASSED, cases=cases)
    assert explain(result) == "Nothing failed; 1 case did not plainly pass. It was less than the full plan."


@pytest.mark.parametrize(("code", "told"), [("bench-cannot-cut-off", True), ("no-far-end", True), ("one-line", False)])
def test_what_the_bench_could_not_do_is_told_of_a_device_that_is_qualified(run: Run, code: str, told: bool) -> None:
    passed = replace(run.result.cases[0], verdict=Verdict.PASS, level=Level.MANDATORY)
    absent = replace(passed, id="WXC-FO-010", verdict=Verdict.NOT_APPLICABLE, reason_code=code)
    result = replace(run.result, outcome=Outcome.QUALIFIED, cases=(passed, absent))
    more = " This bench could not run 1 mandatory case." if told else ""
    assert explain(result) == f"Every blocking case of the full plan passed.{more}"


def test_a_run_that_was_cut_short_behind_its_last_case_says_so(run: Run) -> None:
    case = replace(run.result.cases[0], verdict=Verdict.PASS)
    result = replace(run.with_cases(case).result, outcome=Outcome.INCOMPLETE, complete=False)
    assert explain(result) == "The run did not come to its end."


def test_what_is_no_xml_is_escaped() -> None:
    assert safe("a\ufffe\x00\U000e0041\u061cb") == "a\\ufffe\\x00\\U000e0041\\u061cb"


def test_a_time_may_be_missing() -> None:
    assert when("") is None
    found = when("2026-11-21T20:15:00.000000Z")
    assert found is not None
    assert found.year == 2026
