"""How a verdict becomes a pytest outcome. This is the one place where it does."""

from __future__ import annotations

import pytest

from certsuite.core.results import CaseResult
from certsuite.core.verdicts import Verdict


def report_to_pytest(result: CaseResult) -> None:
    """Pass, fail or skip the running test as its case's verdict says.

    pytest has no word for *inconclusive*; it is skipped with its reason there, and is itself in every report of ours.
    """
    findings = "\n".join(f"{one.observed}; expected: {one.expected}" for one in result.findings)
    match result.verdict:
        case Verdict.FAIL | Verdict.ERROR:
            pytest.fail(f"{result.id}: {result.verdict}: {findings or result.reason}", pytrace=False)
        case Verdict.INCONCLUSIVE | Verdict.NEEDS_REVIEW | Verdict.NOT_APPLICABLE:
            pytest.skip(f"{result.verdict}: {result.reason or findings}")
        case Verdict.PASS | Verdict.WARN:
            return
