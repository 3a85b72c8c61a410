"""Every finding that the code can make has a page in ``docs/findings``, and every page is about such a finding.

Ids are read out of the code's syntax. What cannot be read is an error, so that none is overlooked: an id has to be
written down where it is used, or reach its place in one of the few ways known here.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from certsuite.catalogue import load_catalogue

ROOT = Path(__file__).resolve().parents[1]
CHECKS = ROOT / "certsuite" / "checks"
BENCH = ROOT / "certsuite" / "bench"
CASES = ROOT / "testcases"
PAGES = ROOT / "docs" / "findings"
INDEX = PAGES / "README.md"

PLACE_OF_ID = {"failed": 0, "timed": 3}
"Methods of a question that make a finding, and which argument is its id."
PARAMETER = "finding"
"Name of the parameter by which a case gives a check the id."
SECTIONS = ["Seen", "Likely cause", "What to do"]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class DeclaredCase:
    """What a ``@case`` says."""

    id: str
    requirements: tuple[str, ...]


@cache
def trees(folder: Path) -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(folder.rglob("*.py")))


def functions(tree: ast.Module) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def parameters(function: Function) -> list[str]:
    return [one.arg for one in [*function.args.args, *function.args.kwonlyargs]]


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if place < len(call.args) else None


def constants(expression: ast.expr | None, function: Function | None, tree: ast.Module) -> set[str]:
    """Every text that an expression can be. Raises :class:`AssertionError` for one that cannot be told."""
    match expression:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return constants(one, function, tree) | constants(other, function, tree)
        case ast.Name(id=name) if function is not None:
            given = passed(name, function, tree) if name in parameters(function) else set()
            found = assigned(name, function, tree) | given
            assert found, f"{function.name}: {name} is neither assigned nor a parameter"
            return found
        case ast.Call(func=ast.Attribute(attr="text"), args=[ast.Constant(value=parameter)]) if parameter == PARAMETER:
            return given_by_cases()
    raise AssertionError(f"cannot tell which finding this is: {ast.unparse(expression) if expression else 'nothing'}")


def assigned(name: str, function: Function, tree: ast.Module) -> set[str]:
    """What is assigned to a local name."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            found |= constants(node.value, function, tree)
    return found


def passed(name: str, function: Function, tree: ast.Module) -> set[str]:
    """What the callers of a function pass for a parameter of it."""
    place = parameters(function).index(name)
    found: set[str] = set()
    for caller in functions(tree):
        for call in calls(caller):
            if name_of(call) == function.name:
                found |= constants(argument(call, place, name), caller, tree)
    assert found, f"{function.name}: nobody passes {name}"
    return found


@cache
def given_by_cases() -> set[str]:
    """Ids that cases, or the bench for them, hand to checks."""
    found: set[str] = set()
    for tree in (*trees(CASES), *trees(BENCH)):
        for function in functions(tree):
            for call in calls(function):
                given = argument(call, len(call.args), PARAMETER)
                handed_on = isinstance(given, ast.Name) and given.id in parameters(function)
                if given is not None and not handed_on:
                    found |= constants(given, None, tree)
    assert found, f"no case gives a {PARAMETER}, though a check asks for one"
    return found


@cache
def findings() -> set[str]:
    """The ids of all findings that checks can make."""
    found: set[str] = set()
    for tree in trees(CHECKS):
        outer = functions(tree)
        for function in outer:
            for call in calls(function):
                name = name_of(call)
                if name in PLACE_OF_ID and not (isinstance(call.func, ast.Attribute) and is_own(call.func)):
                    found |= constants(argument(call, PLACE_OF_ID[name], "id"), function, tree)
    return found


def is_own(function: ast.Attribute) -> bool:
    """Whether it is ``self.failed``: how the methods themselves are put together."""
    return isinstance(function.value, ast.Name) and function.value.id == "self"


@cache
def declared_cases() -> dict[str, DeclaredCase]:
    found: dict[str, DeclaredCase] = {}
    for tree in trees(CASES):
        for call in calls(tree):
            if name_of(call) == "case":
                id, requirements = ast.literal_eval(call.args[0]), argument(call, 1, "requirements")
                assert requirements is not None
                # Variants of a case may be about different requirements.
                others = found[id].requirements if id in found else ()
                found[id] = DeclaredCase(id, (*others, *ast.literal_eval(requirements)))
    return found


def pages() -> list[Path]:
    return [path for path in sorted(PAGES.glob("*.md")) if path != INDEX]


def listed(page: str, label: str) -> list[str]:
    """The names after ``- label:``."""
    found = re.search(rf"^- {label}: (.+)$", page, re.MULTILINE)
    return found[1].split(", ") if found else []


def test_reads_every_way_in_which_an_id_reaches_its_finding() -> None:
    # One for each: as it stands, chosen on the spot, by a local name, by a helper's parameter, by a case, as a time.
    assert {
        "no-ack",
        "dtmf-wrong-digits",
        "srtp-wrong-key",
        "resume-not-offered",
        "tls-accepted-wrong-host",
        "failback-late",
    } <= findings()


@pytest.mark.parametrize(
    "code",
    [
        "def check(question): question.failed(f'{1}-late', '', '')",
        "def check(question, id): question.failed(id, '', '')",
        "def check(question): question.failed(NAMES[0], '', '')",
        "def check(question): question.failed()",
    ],
)
def test_an_id_that_cannot_be_read_is_no_finding_that_is_overlooked(code: str) -> None:
    tree = ast.parse(code)
    (function,) = functions(tree)
    call = next(call for call in calls(function) if name_of(call) == "failed")
    with pytest.raises(AssertionError):
        constants(argument(call, 0, "id"), function, tree)


def test_findings_are_made_by_questions_alone() -> None:
    """Whoever made one in another way would escape this test."""
    makers = [
        Path(path.relative_to(ROOT)).as_posix()
        for path in sorted((ROOT / "certsuite").rglob("*.py"))
        if any(name_of(call) == "Finding" for call in calls(ast.parse(path.read_text(encoding="utf-8"))))
    ]
    assert makers == ["certsuite/checks/registry.py"]


def test_every_finding_has_a_page_and_every_page_a_finding() -> None:
    assert {page.stem for page in pages()} == findings()


def test_the_index_lists_every_page_once() -> None:
    links = re.findall(r"^\| \[([a-z0-9-]+)\]\(([a-z0-9-]+)\.md\)", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(links) == sorted((page.stem, page.stem) for page in pages())


def test_the_index_names_the_cases_of_each_page() -> None:
    rows = re.findall(r"^\| \[([a-z0-9-]+)\]\(.+ \| (.+) \|$", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    assert {id: cases.split(", ") for id, cases in rows} == {
        page.stem: listed(page.read_text(encoding="utf-8"), "case") for page in pages()
    }


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_a_page_says_what_was_seen_why_and_what_to_do(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert page.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    parts = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]
    assert all(len(part.split()) >= 10 for part in parts), "a section is empty"


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_a_page_names_cases_and_requirements_that_there_are(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    cases, requirements = listed(page, "case"), listed(page, "requirement")
    assert cases
    assert requirements
    assert set(cases) <= set(declared_cases())
    assert set(requirements) <= set(load_catalogue().requirements)
    # Each case is about one of the requirements, and each requirement is what one of the cases is about.
    for id in cases:
        assert set(requirements) & set(declared_cases()[id].requirements), id
    for requirement in requirements:
        assert any(requirement in declared_cases()[id].requirements for id in cases), requirement


def test_cases_named_in_pages_exist() -> None:
    named = {id for path in PAGES.glob("*.md") for id in re.findall(r"WXC-[A-Z]+-\d{3}", path.read_text("utf-8"))}
    assert named
    assert named <= set(declared_cases())
