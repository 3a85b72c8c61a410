"""Judging a figure by a limit."""

from __future__ import annotations

import pytest

from certsuite.core.errors import CatalogueError
from certsuite.core.limits import Limit, Limits
from certsuite.core.verdicts import Mark, Verdict

FIRM = Limit("ring_s", 12.0, "s", Mark.PRIMARY, "a source")
FIELD = Limit("ring_s", 12.0, "s", Mark.SECONDARY, "a field note")
GUESS = Limit("ring_s", 12.0, "s", Mark.INFERRED, "no source")


@pytest.mark.parametrize(
    ("limit", "value", "uncertainty", "verdict"),
    [
        (FIRM, 11.9, 0.0, Verdict.PASS),
        (FIRM, 12.0, 0.0, Verdict.PASS),
        (FIRM, 12.1, 0.0, Verdict.FAIL),
        (FIELD, 12.1, 0.0, Verdict.FAIL),
        (GUESS, 12.1, 0.0, Verdict.WARN),
        (GUESS, 1200.0, 0.0, Verdict.WARN),
        # A margin below what the bench itself was late is no margin, on either side.
        (FIRM, 11.9, 0.2, Verdict.INCONCLUSIVE),
        (FIRM, 12.1, 0.2, Verdict.INCONCLUSIVE),
        (GUESS, 12.1, 0.2, Verdict.INCONCLUSIVE),
        (FIRM, 11.7, 0.2, Verdict.PASS),
        (FIRM, 12.3, 0.2, Verdict.FAIL),
    ],
)
def test_judging(limit: Limit, value: float, uncertainty: float, verdict: Verdict) -> None:
    assert limit.judge(value, uncertainty=uncertainty) is verdict


def test_what_a_limit_can_make_of_a_breach() -> None:
    assert [limit.breach for limit in (FIRM, FIELD, GUESS)] == [Verdict.FAIL, Verdict.FAIL, Verdict.WARN]


def test_a_limit_that_is_not_there_is_told_by_name() -> None:
    limits = Limits({"ring_s": FIRM})
    assert limits["ring_s"] is FIRM
    assert list(limits) == [FIRM]
    with pytest.raises(CatalogueError, match="no limit named 'sing_s'"):
        limits["sing_s"]


def test_limits_are_not_changed_from_outside() -> None:
    source = {"ring_s": FIRM}
    limits = Limits(source)
    source.clear()
    assert list(limits) == [FIRM]
