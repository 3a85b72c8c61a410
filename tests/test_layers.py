"""The layers: who may import whom, who does no I/O, and what a case may be written with.

The tables below are the rules. An exception stands in them with its reason, and one that is no longer needed is a
mistake as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PROTOCOL_PARTS = ("sip", "sdp", "tls", "dns", "media")
JUDGEMENT = ("catalogue", "checks")
EVERYTHING_BUT_THE_TOP = (
    *PROTOCOL_PARTS,
    *JUDGEMENT,
    "core",
    "edge",
    "bench",
    "devices",
    "evidence",
    "report",
    "webex",
)

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "core": (),
    "catalogue": ("core",),
    "sip": ("core",),
    "sdp": ("core",),
    "tls": ("core",),
    "dns": ("core",),
    "media": ("core", "sdp"),  # a stream is made from what offer and answer agreed on
    "checks": ("core", "catalogue", *PROTOCOL_PARTS),
    "edge": ("core", *PROTOCOL_PARTS),
    "devices": ("core", "sip"),  # what passwords and a User-Agent are
    "bench": ("core", *JUDGEMENT, *PROTOCOL_PARTS, "edge", "devices"),
    "evidence": ("core", *JUDGEMENT, "sip"),  # a ladder shows the words of SIP messages
    "report": ("core", *JUDGEMENT, "evidence", "tls", "media"),  # TLS's names, and the E-model
    "webex": ("core",),
    "refdevice": ("certsuite.sip.framer", "certsuite.sip.message"),
    "pytest_plugin": ("certsuite", *EVERYTHING_BUT_THE_TOP),
    "cli": ("certsuite", *EVERYTHING_BUT_THE_TOP, "pytest_plugin"),
}
"""A package of ``certsuite/`` and the packages, or single modules, that it may import beside itself."""

NO_IO_IN = (*PROTOCOL_PARTS, "checks")
IO_MODULES = {
    *("asyncio", "concurrent", "multiprocessing", "sched", "signal", "threading", "time"),
    *("fcntl", "http", "httpx", "paramiko", "select", "selectors", "socket", "socketserver", "ssl", "urllib"),
    *("ctypes", "io", "mmap", "os", "pickle", "shutil", "subprocess", "sys", "tempfile"),
    *("random", "secrets"),
}
IO_CALLS = {
    *("now", "today", "utcnow"),
    *("input", "open", "print", "read_bytes", "read_text", "write_bytes", "write_text"),
}
IO_ALLOWED: dict[tuple[str, str], str] = {
    ("sip/user_agent.py", "read_text"): "the package's own data, read once",
    ("tls/keys.py", "threading"): "making an RSA key takes a second: a pool makes them ahead, guarded by a lock",
    ("tls/keys.py", "concurrent"): "the same pool's threads",
    ("tls/keys.py", "os"): "their niceness: what nobody waits for yet is made behind all else",
    ("tls/pki.py", "secrets"): "names of authorities and serial numbers must not come again in another run",
    ("tls/pki.py", "read_bytes"): "the system's roots, which softphones are given beside the lab's",
    ("tls/policies.py", "read_text"): "the package's own data, read once",
    ("tls/probe_roots.py", "read_text"): "the package's own data, read once",
    ("tls/stacks.py", "read_text"): "the package's own data, read once",
    ("tls/suite_judgement.py", "read_text"): "the package's own data, read once",
    ("tls/suites.py", "read_text"): "the package's own data, read once",
}
"""(file, module or call) and why it is none of the I/O that the rule is about."""

LONGEST = 500
LONGER: dict[str, str] = {
    "core/events.py": "the list of everything that can be observed: whoever reads a record looks in one place",
}
"""Modules past the limit, and why they are not split."""

CASES_MAY_IMPORT = ("certsuite.bench", "certsuite.core.cases")
SCREEN = 40
"Lines of a function in ``testcases/``."


@dataclass(frozen=True)
class Imported:
    """One import in one file."""

    file: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def trees(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """(path below ``folder``, syntax tree) of every module, tests of the checker's own excepted."""
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(folder).as_posix(), ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(package: Path) -> Iterator[Imported]:
    """Every import anywhere in a package, also within functions and for type checking alone; relative ones resolved."""
    for file, tree in trees(package):
        here = (package.name, *file.split("/")[:-1])
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for name in node.names:
                    yield Imported(file, node.lineno, name.name)
            elif isinstance(node, ast.ImportFrom):
                above = here[: len(here) - node.level + 1] if node.level else ()
                base = ".".join([*above, *([node.module] if node.module else [])])
                for name in node.names:
                    yield Imported(file, node.lineno, _module(package, base, name.name))


def _module(package: Path, base: str, name: str) -> str:
    """``from base import name``: the module ``base.name`` if there is one, else ``base``."""
    place = package.parent.joinpath(*base.split("."), name)
    return f"{base}.{name}" if place.with_suffix(".py").is_file() or place.is_dir() else base


def wrong_imports(package: Path) -> list[str]:
    """Imports of ours that the table does not allow."""
    wrong = []
    for imported in imports(package):
        own = imported.file.split("/")[0]
        if imported.module.split(".")[0] != package.name:
            continue
        target = imported.module.split(".")[1] if "." in imported.module else ""
        allowed = MAY_IMPORT.get(own, ())
        if target == own or (target or package.name) in allowed or imported.module in allowed:
            continue
        wrong.append(str(imported))
    return wrong


def io_of(package: Path) -> set[tuple[str, str]]:
    """(file, module or call) of everything in the pure packages that reads a clock, waits, or touches the outside."""
    found = {
        (imported.file, imported.module.split(".")[0])
        for imported in imports(package)
        if imported.file.split("/")[0] in NO_IO_IN and imported.module.split(".")[0] in IO_MODULES
    }
    for file, tree in trees(package):
        if file.split("/")[0] in NO_IO_IN:
            calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            names = {call.id for call in calls if isinstance(call, ast.Name)}
            names |= {call.attr for call in calls if isinstance(call, ast.Attribute)}
            found |= {(file, name) for name in names & IO_CALLS}
    return found


def too_long(package: Path) -> set[str]:
    return {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST
    }


def numbers_in(tree: ast.Module) -> list[int]:
    """Lines with a number that is not the number of one of the device's lines: those belong into catalogue, profile or
    bench."""
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            arguments = [keyword.value for keyword in node.keywords if keyword.arg == "line"]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "line":
                arguments += node.args
            lines |= {id(argument) for argument in arguments}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, int | float | complex)
        and not isinstance(node.value, bool)
        and id(node) not in lines
    ]


def wrong_in_cases(folder: Path) -> list[str]:
    """What stands in cases and may not."""
    wrong = [
        str(imported)
        for imported in imports(folder)
        if not imported.module.startswith(CASES_MAY_IMPORT) and imported.module != "__future__"
    ]
    for file, tree in trees(folder):
        wrong += [f"{file}:{line} holds a number" for line in numbers_in(tree)]
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and (node.end_lineno or 0) - node.lineno > SCREEN
            ):
                wrong.append(f"{file}:{node.lineno} {node.name} is longer than a screen")
    return wrong


# --- the project


def test_imports_point_inward() -> None:
    assert wrong_imports(ROOT / "certsuite") == []


def test_every_package_has_a_rule() -> None:
    packages = {path.parent.name for path in (ROOT / "certsuite").glob("*/__init__.py")}
    assert packages <= set(MAY_IMPORT)


def test_protocol_parts_and_checks_do_no_io() -> None:
    assert io_of(ROOT / "certsuite") == set(IO_ALLOWED)


def test_modules_are_short() -> None:
    assert too_long(ROOT / "certsuite") == set(LONGER)


@pytest.mark.parametrize("folder", ["tests", "testcases"])
def test_files_of_tests_are_short_too(folder: str) -> None:
    assert too_long(ROOT / folder) == set()


def test_cases_read_like_a_test_plan() -> None:
    assert wrong_in_cases(ROOT / "testcases") == []


def test_the_reference_device_shares_nothing_more_than_it_says() -> None:
    """What it may import imports nothing else of ours: its own digest, SDP and media stay its own."""
    shared = set(MAY_IMPORT["refdevice"])
    within = {"certsuite/" + one.file: set[str]() for one in imports(ROOT / "certsuite")}
    for imported in imports(ROOT / "certsuite"):
        within["certsuite/" + imported.file].add(imported.module)
    for module in shared:
        ours = {name for name in within[module.replace(".", "/") + ".py"] if name.split(".")[0] == "certsuite"}
        assert ours <= shared


# --- the checker itself


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a module of a small project; gives the folder of its package."""
    for package in MAY_IMPORT:
        (tmp_path / "certsuite" / package).mkdir(parents=True)
    (tmp_path / "certsuite" / "sip" / "framer.py").touch()
    (tmp_path / "certsuite" / "sip" / "digest.py").touch()

    def made(file: str, text: str) -> Path:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path / file.split("/")[0]

    return made


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("core/a.py", "import certsuite.sip"),
        ("core/a.py", "from certsuite import sip"),
        ("core/a.py", "from ..sip import framer"),
        ("core/a.py", "import certsuite"),
        ("core/deep/a.py", "from ...sip import framer"),
        ("core/a.py", "def f():\n    import certsuite.edge.flow as flow"),
        ("core/a.py", "if TYPE_CHECKING:\n    from certsuite.bench import Bench"),
        ("sip/a.py", "from certsuite.edge.flow import Flow"),
        ("tls/a.py", "from certsuite.sip.message import read"),
        ("checks/a.py", "from certsuite.edge import flow"),
        ("edge/a.py", "from certsuite.checks import find_check"),
        ("devices/a.py", "from certsuite.bench import Bench"),
        ("bench/a.py", "from certsuite.refdevice import phone"),
        ("bench/a.py", "from certsuite.report.words import safe"),
        ("report/a.py", "from certsuite.bench.run import Run"),
        ("refdevice/a.py", "from certsuite.sip import digest"),
        ("refdevice/a.py", "from certsuite.core.errors import UsageError"),
        ("pytest_plugin/a.py", "from certsuite.cli import main"),
        ("cli/a.py", "import certsuite.refdevice.program"),
        ("stray.py", "import certsuite.core"),
    ],
)
def test_a_wrong_import_is_caught(write: Callable[[str, str], Path], file: str, text: str) -> None:
    assert len(wrong_imports(write(f"certsuite/{file}", text))) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("core/a.py", "import json\nfrom certsuite.core.errors import UsageError\nfrom . import errors"),
        ("edge/a.py", "from certsuite.sip.message import read\nfrom ..core import errors"),
        ("refdevice/a.py", "from certsuite.sip.framer import Framed\nfrom certsuite.sip import framer"),
        ("cli/a.py", "from certsuite import __version__\nfrom certsuite.pytest_plugin import plugin"),
    ],
)
def test_a_right_import_is_not(write: Callable[[str, str], Path], file: str, text: str) -> None:
    assert wrong_imports(write(f"certsuite/{file}", text)) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import socket", ["socket"]),
        ("from asyncio import sleep", ["asyncio"]),
        ("import concurrent.futures", ["concurrent"]),
        ("def f():\n    import os.path", ["os"]),
        ("datetime.now(UTC)", ["now"]),
        ("open('x')", ["open"]),
        ("Path('x').read_text()", ["read_text"]),
        ("def f(now): return now + 1", []),
        ("from datetime import datetime", []),
    ],
)
def test_io_is_caught(write: Callable[[str, str], Path], text: str, names: Iterable[str]) -> None:
    assert io_of(write("certsuite/sip/a.py", text)) == {("sip/a.py", name) for name in names}


def test_io_elsewhere_is_not_its_business(write: Callable[[str, str], Path]) -> None:
    assert io_of(write("certsuite/edge/a.py", "import socket, time\nopen('x')")) == set()


def test_a_long_module_is_caught(write: Callable[[str, str], Path]) -> None:
    assert too_long(write("certsuite/core/a.py", "x = 1\n" * LONGEST)) == set()
    assert too_long(write("certsuite/core/a.py", "x = 1\n" * (LONGEST + 1))) == {"core/a.py"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("from certsuite.bench import case\nfrom certsuite.core.cases import State\n", 0),
        ("phone.line(1)\ncalls(line=2)\nx = True\n", 0),
        ("import asyncio\n", 1),
        ("from certsuite.core.events import Note\n", 1),
        ("from certsuite.edge import flow\n", 1),
        ("await phone.waits(5)\n", 1),
        ("limit = 0.5\n", 1),
        ("phone.line(1 + 1)\n", 2),
        ("def helper():\n" + "    x\n" * SCREEN, 0),
        ("def helper():\n" + "    x\n" * (SCREEN + 1), 1),
    ],
)
def test_what_a_case_may_not_hold_is_caught(write: Callable[[str, str], Path], text: str, wrong: int) -> None:
    assert len(wrong_in_cases(write("testcases/test_a.py", text))) == wrong
