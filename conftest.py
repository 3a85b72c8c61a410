"""For the project's own tests: a skip is told with its reason, and in the gate it counts as a failure."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is installed on purpose, nothing may be missing."""
    report = yield
    if report.skipped and os.environ.get("CERTSUITE_NO_SKIPS") and "tests" in item.path.parts:
        report.outcome = "failed"
    return report
