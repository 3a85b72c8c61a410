"""How several verdicts make one."""

from __future__ import annotations

import itertools

import pytest

from certsuite.core.verdicts import Verdict, combine

ORDER = [
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.NEEDS_REVIEW,
    Verdict.INCONCLUSIVE,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
]
"The first of these that is there is the case's."


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(ORDER, 2)))
def test_the_first_that_holds(first: Verdict, second: Verdict) -> None:
    assert combine([first, second]) is first
    assert combine([second, first, second]) is first


@pytest.mark.parametrize("verdict", Verdict)
def test_one_alone_is_itself(verdict: Verdict) -> None:
    assert combine([verdict]) is verdict


@pytest.mark.parametrize("verdict", Verdict)
def test_a_failed_control_leaves_only_the_tool_s_error(verdict: Verdict) -> None:
    expected = Verdict.ERROR if verdict is Verdict.ERROR else Verdict.INCONCLUSIVE
    assert combine([verdict], control_failed=True) is expected


def test_nothing_judged_never_passes() -> None:
    assert combine([]) is Verdict.ERROR
    assert combine([], control_failed=True) is Verdict.INCONCLUSIVE


def test_the_words_are_those_of_the_results() -> None:
    assert {str(verdict) for verdict in Verdict} == {
        "pass",
        "fail",
        "warn",
        "inconclusive",
        "not-applicable",
        "needs-review",
        "error",
    }
