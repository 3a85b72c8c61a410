"""The catalogue's data, what is said of mistakes in it, and that cases, checks and plans name what is there."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import certsuite.catalogue
from certsuite.catalogue import Catalogue, Plan, load_catalogue
from certsuite.checks import all_checks
from certsuite.checks.diagnosis import STEPS
from certsuite.core.errors import CatalogueError
from certsuite.core.places import ROOT, TESTCASES
from certsuite.core.verdicts import Level, Mark
from certsuite.pytest_plugin.collected import collect_cases

SHIPPED = Path(certsuite.catalogue.__file__).parent
CASES = collect_cases()
CHECKS = {check.name for check in all_checks()}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data, to make mistakes in."""
    for path in SHIPPED.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


# --- what is shipped


def test_every_entry_says_where_it_comes_from(catalogue: Catalogue) -> None:
    for requirement in catalogue.requirements.values():
        assert re.fullmatch(r"[A-Z]+(-[A-Z0-9.]+)+", requirement.id)
        assert requirement.title
        assert requirement.source
    for limit in catalogue.limits:
        assert limit.value > 0
        assert limit.unit
        assert limit.source
        assert (limit.mark is Mark.INFERRED) == (
            limit.source.startswith("no source") or limit.name == "tone_deviation"
        ), f"{limit.name}: a limit is inferred exactly if no source gives it"


def test_every_requirement_is_tested_and_every_case_tests_one(catalogue: Catalogue) -> None:
    named = {requirement for case in CASES for requirement in case.requirements}
    # One that no case is about says why, and no other does.
    assert named == {one.id for one in catalogue.requirements.values() if not one.not_tested}


def test_case_ids_are_unique() -> None:
    names = [(case.id, case.variant) for case in CASES]
    assert len(names) == len(set(names)) > 20


def test_plans_name_cases_and_families_that_exist(catalogue: Catalogue) -> None:
    ids, families = {case.id for case in CASES}, {case.family for case in CASES}
    for plan in catalogue.plans.values():
        assert set(plan.cases) <= ids, plan.name
        assert set(plan.families) <= families, plan.name
    assert all(catalogue.plans["full"].asks_for(case.id) for case in CASES)


def test_a_failed_step_is_explained_by_a_case_that_is_there() -> None:
    assert {case for case, _ in STEPS} <= {case.id for case in CASES}
    assert {check for _, check in STEPS} <= CHECKS


def strings(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, text) of every string in the code below a folder that is no docstring."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield path.name, value.value


def test_cases_and_bench_state_checks_that_exist() -> None:
    """A misspelt name would show only when the line is reached, in the middle of somebody's run."""
    families = {name.split(".")[0] for name in CHECKS}
    looks_like_one = re.compile(rf"({'|'.join(families)})\.[a-z0-9-]+")
    stated = {
        text
        for folder in (TESTCASES, ROOT / "certsuite" / "bench")
        for _, text in strings(folder)
        if looks_like_one.fullmatch(text)
    }
    assert stated <= CHECKS
    assert len(stated) > 20


def test_expectations_name_requirements_of_their_case(catalogue: Catalogue) -> None:
    for path in [*TESTCASES.glob("*.py"), *(ROOT / "certsuite" / "bench").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "requirement" and isinstance(node.value, ast.Constant):
                assert node.value.value in {"", *catalogue.requirements}, f"{path.name}:{node.value.lineno}"


def test_every_limit_named_by_a_check_exists_and_is_used(catalogue: Catalogue) -> None:
    known = {limit.name for limit in catalogue.limits}
    named = {limit for check in all_checks() for limit in check.limits}
    assert named == known


def test_a_check_says_by_which_limits_it_judges() -> None:
    """The record names them, so that a reader knows what a changed limit can change."""
    declared = {check.function.__name__: set(check.limits) for check in all_checks()}
    for path in (ROOT / "certsuite" / "checks").glob("*.py"):
        for function in ast.parse(path.read_text()).body:
            if not isinstance(function, ast.FunctionDef) or function.name not in declared:
                continue
            used = {
                node.slice.value
                for node in ast.walk(function)
                if isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Constant)
                and ast.unparse(node.value) == "question.limits"
            }
            assert used <= declared[function.name], f"{path.name}: {function.name}"


# --- what it gives


def test_the_strictest_requirement_sets_level_and_mark(catalogue: Catalogue) -> None:
    assert catalogue.level_and_mark(("CALL-TERM", "MED-SRTP")) == (Level.MANDATORY, Mark.SECONDARY)
    assert catalogue.level_and_mark(("UA-MAKE-MODEL",)) == (Level.EXPECTED, Mark.PRIMARY)


def test_a_requirement_that_is_not_there_is_told_by_name(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="no requirement 'TLS-9'"):
        catalogue.requirement("TLS-9")


def test_what_a_plan_asks_for() -> None:
    plan = Plan("mine", families=("TLS",), cases=("WXC-FO-005",))
    asked = [id for id in ("WXC-TLS-010", "WXC-FO-005", "WXC-FO-060", "WXC-TL-010") if plan.asks_for(id)]
    assert asked == ["WXC-TLS-010", "WXC-FO-005"]


def test_the_hash_is_that_of_the_data(folder: Path) -> None:
    before = load_catalogue(folder).hash
    assert before == load_catalogue().hash
    with (folder / "limits.yaml").open("a") as limits:
        limits.write("# a remark\n")
    assert load_catalogue(folder).hash != before


# --- mistakes


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("limits", "ring_s: {value: many, unit: s, mark: primary, source: x}", ["ring_s", "many"]),
        ("limits", "ring_s: {unit: s, mark: primary, source: x}", ["ring_s", "value"]),
        ("limits", "ring_s: {value: 12, unit: s, mark: certain, source: x}", ["ring_s", "certain"]),
        ("limits", "ring_s: {value: 12, unit: s, mark: primary, source: x, why: y}", ["ring_s", "why"]),
        ("limits", "ring_s: {value: 12, unit: s, mark: primary}", ["ring_s", "source"]),
        ("limits", "ring_s: {value: 12, unit: 5, mark: primary, source: x}", ["ring_s", "unit", "text"]),
        ("limits", "ring_s: 12", ["ring_s", "a mapping is expected"]),
        ("limits", "ring_s: {value: 12", ["line 1"]),
        ("limits", "", ["a mapping of names is expected"]),
        ("limits", "- ring_s", ["a mapping of names is expected"]),
        ("requirements", "TLS-1: {title: x, level: must, mark: primary, source: y}", ["TLS-1", "must"]),
        ("requirements", "TLS-1: {title: x, level: mandatory, mark: primary}", ["TLS-1", "source"]),
        ("requirements", "TLS-1: {title: [x], level: mandatory, mark: primary, source: y}", ["TLS-1", "title"]),
        ("requirements", "TLS-1: {a: b}\nTLS-2: {a: b}\nTLS-1: {a: b}", ["'TLS-1' stands twice", "line 1"]),
        ("requirements", "TLS-1: {title: x, title: y}", ["'title' stands twice", "line 1"]),
        ("plans", "smoke: {families: TLS}", ["smoke", "families", "a list is expected"]),
        ("plans", "smoke: {family: [TLS]}", ["smoke", "family"]),
        ("plans", "full: {families: [TLS]}", ["full"]),
        ("plans", "smoke: !!python/object/apply:os.getcwd []", ["could not determine a constructor"]),
    ],
)
def test_a_mistake_is_told_with_file_and_key(folder: Path, file: str, text: str, told: list[str]) -> None:
    path = folder / f"{file}.yaml"
    path.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    assert str(caught.value).startswith(f"{path}: ")
    for word in told:
        assert word in str(caught.value)


def test_a_file_that_is_missing_is_told(folder: Path) -> None:
    (folder / "plans.yaml").unlink()
    with pytest.raises(CatalogueError, match=r"plans\.yaml.*No such file"):
        load_catalogue(folder)


def test_the_data_is_plain_yaml() -> None:
    for path in SHIPPED.glob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict)
