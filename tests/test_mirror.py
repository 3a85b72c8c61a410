"""Tests mirror the package file by file, so that a module's tests are found and a rename is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"

OTHERWISE = {
    "sip/test_torture.py": "a corpus through framer, message and strict parser at once",
    "checks/test_every_check.py": "what holds for every check there is",
    "edge/test_call_leg_of_device.py": "calls of the device, which are too much for the file about calls to it",
    "edge/test_flow_of_stranger.py": "other programs' connections, likewise",
    "devices/test_docs.py": "docs/profiles.md names every field of a profile",
}
"""Files that mirror no module, and what they are about."""
OF_NO_PACKAGE = {
    "benchmarks": "the benchmarks in their smallest form",
    "clients": "hand-made clients, faulty ones too",
    "data": "corpora",
    "device_profiles": "the profiles that are shipped",
    "proof": "the suite proved against faults and real devices",
}
"""Folders that mirror no package."""


def unmatched(tests: Path, package: Path) -> set[str]:
    """Test files below the folders of packages that have no module."""
    return {
        file.relative_to(tests).as_posix()
        for file in tests.rglob("test_*.py")
        if file.parent != tests
        and file.relative_to(tests).parts[0] not in OF_NO_PACKAGE
        and not (package / file.relative_to(tests)).with_name(file.name.removeprefix("test_")).is_file()
    }


def test_every_test_file_has_its_module() -> None:
    assert unmatched(TESTS, ROOT / "certsuite") == set(OTHERWISE)


def test_every_folder_of_tests_has_its_package() -> None:
    folders = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py") if path.parent != TESTS}
    packages = {path.parent.name for path in (ROOT / "certsuite").glob("*/__init__.py")}
    assert folders - packages <= set(OF_NO_PACKAGE)


def test_there_are_no_packages_among_tests() -> None:
    """They are imported by path, so that two files may have one name."""
    assert not list(TESTS.rglob("__init__.py"))


@pytest.mark.parametrize(("module", "found"), [("a.py", set()), ("b.py", {"core/test_a.py"})])
def test_a_rename_is_noticed(tmp_path: Path, module: str, found: set[str]) -> None:
    for file in (f"certsuite/core/{module}", "tests/core/test_a.py", "tests/test_layers.py", "tests/data/test_x.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert unmatched(tmp_path / "tests", tmp_path / "certsuite") == found
