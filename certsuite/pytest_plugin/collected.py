"""The cases in ``testcases/``, found without pytest: for commands that only look."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from certsuite.core.cases import Case, declared_case
from certsuite.core.errors import UsageError
from certsuite.core.places import TESTCASES


def collect_cases(folder: Path = TESTCASES) -> list[Case]:
    """Every declared case below ``folder``, by id. Raises :class:`UsageError` if there are none or an id is twice."""
    found: dict[tuple[str, str], Case] = {}
    for path in sorted(folder.rglob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"testcases.{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for value in vars(module).values():
            case = declared_case(value)
            if case is None:
                continue
            if (case.id, case.variant) in found:
                raise UsageError(f"{path}: two cases are {case.id} {case.variant}".rstrip())
            found[case.id, case.variant] = case
    if not found:
        raise UsageError(f"there are no cases in {folder}: certsuite is run from its checkout")
    return [found[key] for key in sorted(found)]
