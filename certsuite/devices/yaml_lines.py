"""YAML and JSON that remember their lines: the data of a file, and the line on which each key and value stands.

Profiles are written by hand, so every mistake has to be shown where it is. PyYAML's safe loader forgets lines and takes
a key twice without a word; this module refuses the second and keeps the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from certsuite.core.errors import ProfileError

FieldPath = tuple[str | int, ...]
"Keys and indexes from the top of a file to a value, such as ``('control', 'start', 0)``."

_SIZE_AT_MOST = 1_000_000
_DEPTH_AT_MOST = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; lines count from 1."""

    file: str
    line: int


@dataclass(slots=True)
class PlacedData:
    """A mapping read from YAML, with the place of every value in it."""

    data: dict[str, Any]
    places: dict[FieldPath, Place] = field(default_factory=dict)

    def place(self, path: FieldPath) -> Place:
        """Where ``path`` stands; for one that is not there (a missing field), where the nearest above it stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]

    def merged_over(self, base: PlacedData) -> PlacedData:
        """This mapping laid over ``base``: mappings are merged key by key, everything else replaces what was there."""
        places = dict(base.places)
        data = self._merge(base.data, self.data, (), places)
        places[()] = self.places[()]
        return PlacedData(data, places)

    def _merge(
        self, base: dict[str, Any], over: dict[str, Any], path: FieldPath, places: dict[FieldPath, Place]
    ) -> dict[str, Any]:
        merged = dict(base)
        for key, value in over.items():
            here = (*path, key)
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                merged[key] = self._merge(base[key], value, here, places)
                places[here] = self.places[here]
                continue
            for old in [old for old in places if old[: len(here)] == here]:
                del places[old]
            for new, place in self.places.items():
                if new[: len(here)] == here:
                    places[new] = place
            merged[key] = value
        return merged


class ProfileErrors(ProfileError):
    """All mistakes of a profile at once; its text has one line for each.

    As a :class:`~certsuite.core.errors.ProfileError` it is the first of them.
    """

    def __init__(self, errors: list[ProfileError]) -> None:
        first = errors[0]
        super().__init__(first.problem, file=first.file, line=first.line, field=first.field)
        self.others: tuple[ProfileError, ...] = tuple(errors[1:])
        self.args = ("\n".join(str(error) for error in errors),)

    def __iter__(self) -> Iterator[ProfileError]:
        """Every mistake, in the order of the lines, each an error of its own."""
        yield ProfileError(self.problem, file=self.file, line=self.line, field=self.field)
        yield from self.others


def dotted(path: FieldPath) -> str:
    """A path as a person writes it: ``control.actions.dial[0].send``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def load_yaml(file: Path, *, shown_as: str | None = None) -> PlacedData:
    """Read a YAML file whose top is a mapping.

    Raises :class:`ProfileErrors` for every key that is there twice, is no text, or stands behind an alias, and
    :class:`~certsuite.core.errors.ProfileError` if the file cannot be read or is no YAML.
    """
    name = shown_as or str(file)
    return _Reader(name).read(_text_of(file, name))


def load_json(file: Path, *, shown_as: str | None = None) -> PlacedData:
    """Read a JSON file whose top is an object; raises as :func:`load_yaml`.

    JSON is YAML but for tabs between its values, which no JSON text may hold within a value. The values are JSON's own.
    """
    name = shown_as or str(file)
    text = _text_of(file, name)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ProfileError(f"not valid JSON: {error.msg}", file=name, line=error.lineno) from error
    except RecursionError as error:
        raise ProfileError("is nested too deeply", file=name) from error
    if not isinstance(data, dict):
        raise ProfileError("must be an object of fields", file=name, line=1)
    return PlacedData(data, _Reader(name).read(text.replace("\t", " ")).places)


def _text_of(file: Path, name: str) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot be read: {error.strerror}", file=name) from error
    if len(raw) > _SIZE_AT_MOST:
        raise ProfileError(f"is larger than {_SIZE_AT_MOST} bytes", file=name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ProfileError("is not UTF-8 text", file=name, line=line) from error


class _Reader:
    """Turns one file's nodes into data and places."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: dict[FieldPath, Place] = {}
        self._errors: list[ProfileError] = []

    def read(self, text: str) -> PlacedData:
        try:
            loader = yaml.SafeLoader(text)
            try:
                self._refuse_aliases(text)
                node = loader.get_single_node()
                if node is None:
                    raise ProfileError("is empty", file=self._name, line=1)
                if not isinstance(node, yaml.MappingNode):
                    raise ProfileError("must be a mapping of fields", file=self._name, line=1)
                data = self._value(loader, node, ())
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            begun = error.context_mark
            context = f"{error.context} that begins on line {begun.line + 1}" if error.context and begun else None
            problem = ", ".join(part for part in (context, error.problem) if part)
            line = None if mark is None else mark.line + 1
            raise ProfileError(f"not valid YAML: {problem}", file=self._name, line=line) from error
        except yaml.YAMLError as error:
            # Characters that YAML forbids carry a position but no mark.
            position = getattr(error, "position", None)
            line = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
            problem = str(getattr(error, "reason", error))
            raise ProfileError(f"not valid YAML: {problem}", file=self._name, line=line) from error
        if self._errors:
            raise ProfileErrors(self._errors)
        assert isinstance(data, dict)
        return PlacedData(data, self._places)

    def _refuse_aliases(self, text: str) -> None:
        """An alias hides where a value came from, and nested ones make a small file huge: ``extends`` is for that."""
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                mark = event.start_mark
                line = None if mark is None else mark.line + 1
                problem = f"the alias *{event.anchor} is not taken here; write the value out, or use 'extends'"
                raise ProfileError(problem, file=self._name, line=line)

    def _value(self, loader: yaml.SafeLoader, node: yaml.Node, path: FieldPath) -> Any:
        self._places[path] = Place(self._name, node.start_mark.line + 1)
        if len(path) > _DEPTH_AT_MOST:
            raise ProfileError("is nested too deeply", file=self._name, line=node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, child, (*path, index)) for index, child in enumerate(node.value)]
        try:
            return loader.construct_object(node, deep=True)
        except ValueError as error:  # 2026-99-99 looks like a date and is none
            self._mistake(f"not a value that YAML knows: {error}", node, path)
            return None

    def _mapping(self, loader: yaml.SafeLoader, node: yaml.MappingNode, path: FieldPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                self._mistake(f"the field name {key!r} is not text; quote it", key_node, path)
                continue
            here = (*path, key)
            if key in data:
                self._mistake(f"is there twice; first on line {lines[key]}", key_node, here)
                continue
            lines[key] = key_node.start_mark.line + 1
            data[key] = self._value(loader, value_node, here)
            # The key's line is where a person looks; a block value begins on the next one.
            self._places[here] = Place(self._name, lines[key])
        return data

    def _mistake(self, problem: str, node: yaml.Node, path: FieldPath) -> None:
        line = node.start_mark.line + 1
        self._errors.append(ProfileError(problem, file=self._name, line=line, field=dotted(path)))
