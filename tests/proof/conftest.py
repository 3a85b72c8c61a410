"""The proof's own option."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-plan", action="store_true", help="every fault against the full plan, not its family alone")
