"""Two runs compared: what is worse, what is better, what merely changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.findings import Measurement
from certsuite.core.verdicts import Level, Verdict
from certsuite.report.compare import compare, worse_than
from certsuite.report.results_json import results_document

if TYPE_CHECKING:
    from tests.report.conftest import Run


def document(run: Run, *verdicts: Verdict, level: Level = Level.MANDATORY, **changes: Any) -> dict[str, Any]:
    """A results document with as many cases, WXC-TLS-010 onwards."""
    like = run.result.cases[0]
    cases = [
        replace(like, id=f"WXC-TLS-{10 * number:03d}", verdict=verdict, level=level)
        for number, verdict in enumerate(verdicts, start=1)
    ]
    return results_document(replace(run.with_cases(*cases).result, **changes))


def test_a_run_is_the_same_as_itself(run: Run) -> None:
    same = results_document(run.result)
    comparison = compare(same, same)
    assert comparison.same
    assert "No verdict changed." in comparison.text()
    assert not worse_than(same, same)


@pytest.mark.parametrize(
    ("before", "after", "where", "worse"),
    [
        (Verdict.PASS, Verdict.FAIL, "worse", True),
        (Verdict.WARN, Verdict.FAIL, "worse", True),
        (Verdict.INCONCLUSIVE, Verdict.FAIL, "worse", True),
        (Verdict.PASS, Verdict.INCONCLUSIVE, "worse", True),
        (Verdict.PASS, Verdict.ERROR, "worse", True),
        (Verdict.PASS, Verdict.WARN, "worse", False),
        (Verdict.FAIL, Verdict.PASS, "better", False),
        (Verdict.INCONCLUSIVE, Verdict.PASS, "better", False),
        (Verdict.FAIL, Verdict.INCONCLUSIVE, "other", False),
        (Verdict.INCONCLUSIVE, Verdict.NEEDS_REVIEW, "other", False),
        (Verdict.PASS, Verdict.NOT_APPLICABLE, "other", False),
        (Verdict.NOT_APPLICABLE, Verdict.FAIL, "other", True),
    ],
)
def test_a_changed_verdict_has_a_direction(run: Run, before: Verdict, after: Verdict, where: str, worse: bool) -> None:
    old, new = document(run, before), document(run, after)
    comparison = compare(old, new)
    (change,) = getattr(comparison, where)
    assert (change.before, change.after) == (before, after)
    assert f"WXC-TLS-010  {before} → {after}" in comparison.text()
    assert worse_than(old, new) is worse


def test_only_what_blocks_makes_a_run_worse_than_its_baseline(run: Run) -> None:
    old = document(run, Verdict.PASS, level=Level.EXPECTED)
    new = document(run, Verdict.FAIL, level=Level.EXPECTED)
    assert compare(old, new).worse
    assert not worse_than(old, new)


def test_cases_that_only_one_run_has_are_named(run: Run) -> None:
    one, two = document(run, Verdict.PASS), document(run, Verdict.PASS, Verdict.FAIL)
    assert compare(one, two).added == ("WXC-TLS-020  fail",)
    assert compare(two, one).removed == ("WXC-TLS-020  fail",)
    assert not worse_than(one, two)


def test_a_run_that_was_cut_short_is_worse(run: Run) -> None:
    assert worse_than(document(run, Verdict.PASS), document(run, Verdict.PASS, complete=False))


def test_figures_that_changed_notably_are_told(run: Run) -> None:
    def measured(**values: float) -> dict[str, Any]:
        measurements = tuple(Measurement(name, value, "s") for name, value in values.items())
        return results_document(run.with_cases(replace(run.result.cases[0], measurements=measurements)).result)

    old, new = measured(slow=1.0, steady=1.0, new=0.0), measured(slow=1.5, steady=1.1, new=2.0)
    comparison = compare(old, new)
    assert [change.name for change in comparison.measurements] == ["slow", "new"]
    assert "slow: 1 s → 1.5 s (+50%)" in comparison.text()


def test_what_could_explain_a_change_is_named(run: Run, hostile_run: Run) -> None:
    text = compare(results_document(run.result), results_document(hostile_run.result)).text()
    assert "firmware: 2.4.1 → " in text
    assert "\x1b" not in text


def test_a_persons_judgement_is_named_in_every_change(run: Run, reviewed_run: Run) -> None:
    before, settled = results_document(run.result), results_document(reviewed_run.result)
    assert "WXC-CALL-090  needs-review → pass (settled by A. <b>Person)" in compare(before, settled).text()
    assert "WXC-CALL-090  pass (settled by A. <b>Person) → needs-review" in compare(settled, before).text()
    passes = json.loads(json.dumps(settled))
    for case in passes["cases"]:
        # As results of a version that had no reviews.
        del case["review"]
    text = compare(passes, settled).text()
    assert "now settled by a person (1)\n  WXC-CALL-090  pass (settled by A. <b>Person)" in text
    assert "settled" not in compare(settled, settled).text()
