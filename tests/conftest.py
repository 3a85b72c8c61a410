"""What the tests of several packages share: runs of the suite as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.warm import run_warm

# How fast a machine is says nothing of a test.
settings.register_profile("certsuite", deadline=None)
settings.load_profile("certsuite")

# A shell without job control starts what runs in the background with Ctrl-C ignored, and what that starts inherits it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Finished:
    """A run that has ended."""

    exit_code: int
    output: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        """Its ``results.json``."""
        document: dict[str, Any] = json.loads((self.folder / "results.json").read_text(encoding="utf-8"))
        return document

    def verdicts(self, *words: str) -> list[str]:
        """Ids of the cases with one of these verdicts, in order."""
        return sorted(case["id"] for case in self.results["cases"] if case["verdict"] in words)

    def case(self, id: str) -> dict[str, Any]:
        """One case of the results."""
        found: dict[str, Any] = next(case for case in self.results["cases"] if case["id"] == id)
        return found


def certsuite(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, in a process of its own."""
    return run_warm([str(one) for one in arguments], {**os.environ, "COLUMNS": "200", **environment})


@pytest.fixture
def certify(tmp_path: Path) -> Callable[..., Finished]:
    """Certify a device into a folder of the test's own."""

    def run(*arguments: str, out: Path | None = None, **environment: str) -> Finished:
        folder = out or tmp_path / "run"
        done = certsuite("run", *arguments, "--out", folder, **environment)
        return Finished(done.returncode, done.stdout + done.stderr, folder)

    return run
