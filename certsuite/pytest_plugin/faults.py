"""The faults of the reference device and what each must come to, from the data beside that device."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from certsuite.core.errors import CatalogueError, UsageError
from certsuite.core.redaction import printable

TABLE = Path(__file__).resolve().parents[1] / "refdevice" / "faults.yaml"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, with its whole expected result: every other applicable case passes."""

    name: str
    about: str
    fail: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    passes: tuple[str, ...] | None = None
    "What passes, for a device that comes to so little that every other case is inconclusive."
    exit_code: int = 1
    device: str = "reference"
    "Profile of the device that has it: a fault of many lines shows in a device that has many."
    credentials: Mapping[int, str] = field(default_factory=dict)
    "Passwords that stand for those of a user: a fault of theirs and not of the device's."

    @property
    def is_the_devices(self) -> bool:
        """Whether the device is told to have it."""
        return not self.credentials

    def expected(self, applicable: Set[str]) -> dict[str, set[str]]:
        """What a run of those cases comes to, by verdict."""
        named = {"fail": self.fail, "inconclusive": self.inconclusive, "warn": self.warn, "pass": self.passes or ()}
        result = {verdict: set(cases).intersection(applicable) for verdict, cases in named.items()}
        result["inconclusive" if self.passes is not None else "pass"] |= applicable - set().union(*result.values())
        return result


@cache
def fault_table(path: Path = TABLE) -> Mapping[str, Fault]:
    """All faults by name. Raises :class:`CatalogueError`."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    table = {}
    for name, entry in data.items():
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
        }
        try:
            table[name] = Fault(name, **values)
        except TypeError as error:
            raise CatalogueError(f"{path}: {name}: {error}") from error
    return table


def find_fault(name: str) -> Fault:
    """The fault of that name. Raises :class:`UsageError` naming what is near."""
    table = fault_table()
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(table)}"
    raise UsageError(f"--fault {printable(name)}: there is no such fault; {hint}")
