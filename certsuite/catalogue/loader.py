"""Reads the catalogue's YAML into typed data, and says exactly what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from certsuite.core.errors import CatalogueError
from certsuite.core.limits import Limit, Limits
from certsuite.core.verdicts import Level, Mark

FULL = "full"
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause that a device must meet."""

    id: str
    title: str
    level: Level
    mark: Mark
    source: str
    not_tested: str = ""
    "Why no case is about it, and what shows something of it; empty if one is."


@dataclass(frozen=True, slots=True)
class Plan:
    """Which cases a run asks for."""

    name: str
    families: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

    def asks_for(self, case_id: str) -> bool:
        """Whether the plan holds this case."""
        return self.name == FULL or case_id in self.cases or case_id.split("-")[1] in self.families


@dataclass(frozen=True)
class Catalogue:
    """Requirements, limits and plans by name."""

    requirements: Mapping[str, Requirement]
    limits: Limits
    plans: Mapping[str, Plan]
    hash: str
    "SHA-256 of the data that it was read from."

    def requirement(self, id: str) -> Requirement:
        """The requirement of that id. Raises :class:`CatalogueError` if there is none."""
        try:
            return self.requirements[id]
        except KeyError:
            raise CatalogueError(f"the catalogue has no requirement {id!r}") from None

    @cached_property
    def _strictness(self) -> dict[Level, int]:
        return {level: rank for rank, level in enumerate(Level)}

    def level_and_mark(self, requirements: tuple[str, ...]) -> tuple[Level, Mark]:
        """The strictest level among requirements, and the mark of the one that sets it."""
        strictest = min((self.requirement(id) for id in requirements), key=lambda one: self._strictness[one.level])
        return strictest.level, strictest.mark


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """``requirements.yaml``, ``limits.yaml`` and ``plans.yaml`` of a folder, or the suite's own, which are read once.

    Raises :class:`CatalogueError`.
    """
    return _shipped() if folder is None else _read(folder)


@cache
def _shipped() -> Catalogue:
    return _read(_HERE)


def _read(folder: Path) -> Catalogue:
    digest = hashlib.sha256()
    documents: dict[str, dict[str, Any]] = {}
    for name in ("requirements", "limits", "plans"):
        path = folder / f"{name}.yaml"
        try:
            data = path.read_bytes()
            document = yaml.load(data, _Loader)  # a safe loader
        except (OSError, yaml.YAMLError) as error:
            raise CatalogueError(f"{path}: {error}") from error
        if not isinstance(document, dict):
            raise CatalogueError(f"{path}: a mapping of names is expected")
        documents[name] = document
        digest.update(data)
    requirements = {
        id: _made(Requirement, folder / "requirements.yaml", id, entry, id=id)
        for id, entry in documents["requirements"].items()
    }
    limits = {
        name: _made(Limit, folder / "limits.yaml", name, entry, name=name)
        for name, entry in documents["limits"].items()
    }
    plans = {
        name: _made(Plan, folder / "plans.yaml", name, entry, name=name) for name, entry in documents["plans"].items()
    }
    if FULL in plans:
        raise CatalogueError(f"{folder / 'plans.yaml'}: {FULL}: this plan asks for every case and is not written down")
    plans[FULL] = Plan(FULL)
    return Catalogue(requirements, Limits(limits), plans, digest.hexdigest())


class _Loader(yaml.CSafeLoader):
    """Refuses a key that stands twice: the first of two requirements would silently be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (where, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", where.start_mark)
        return super().construct_mapping(node, deep)


def _made(kind: Any, path: Path, key: str, entry: Any, **fixed: str) -> Any:
    """An instance of a catalogue dataclass from one YAML entry."""
    if not isinstance(entry, dict):
        raise CatalogueError(f"{path}: {key}: a mapping is expected")
    values: dict[str, Any] = {field: tuple(item) if isinstance(item, list) else item for field, item in entry.items()}
    try:
        if "level" in values:
            values["level"] = Level(values["level"])
        if "mark" in values:
            values["mark"] = Mark(values["mark"])
        if kind is Limit:
            values["value"] = float(values["value"])
        for field, item in values.items():
            expected = tuple if kind is Plan else float if field == "value" else str
            if not isinstance(item, expected):
                raise TypeError(f"{field}: {'a list' if kind is Plan else 'text'} is expected")
        return kind(**values, **fixed)
    except (TypeError, ValueError, KeyError) as error:
        raise CatalogueError(f"{path}: {key}: {error}") from error
