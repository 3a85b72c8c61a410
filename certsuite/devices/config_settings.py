"""Reads the settings of a configuration file, each with its line: ``name = value`` lines, or XML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from xml.parsers import expat

Format = Literal["lines", "xml"]
_SIZE_AT_MOST = 16_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as the device would read it."""

    name: str
    "In XML the name of the element or attribute."
    value: str
    line: int
    "Counts from 1."


class NotWellFormed(Exception):
    """The file is not what its format asks for, and a device would drop it."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


def read_settings(content: bytes, form: Format) -> tuple[Setting, ...]:
    """The settings in the order of the file. Raises :class:`NotWellFormed`."""
    if len(content) > _SIZE_AT_MOST:
        raise NotWellFormed(f"larger than {_SIZE_AT_MOST} bytes", 1)
    return _of_lines(content) if form == "lines" else _XmlReader(content).read()


def _of_lines(content: bytes) -> tuple[Setting, ...]:
    found = []
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        match = re.fullmatch(r"\s*([^#;\[=\s][^=]*?)\s*=\s*(.*?)\s*", line)
        if match:
            value = match.group(2)
            quoted = len(value) > 1 and value[0] == value[-1] == "'"
            found.append(Setting(match.group(1), value[1:-1] if quoted else value, number))
    return tuple(found)


class _XmlReader:
    """Takes elements that hold text, and attributes. It knows no entities but XML's own, and no document type."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._found: list[Setting] = []
        self._open: list[tuple[str, int, list[str]]] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self) -> tuple[Setting, ...]:
        try:
            self._parser.Parse(self._content, True)
        except expat.ExpatError as error:
            raise NotWellFormed(expat.errors.messages[error.code], error.lineno) from error
        return tuple(sorted(self._found, key=lambda setting: setting.line))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1][2].clear()
        self._open.append((tag, self._parser.CurrentLineNumber, []))
        start = self._parser.CurrentByteIndex
        for name, value in attributes.items():
            # The parser tells where the element begins; its attributes may stand on lines of their own.
            at = re.compile(rb"\s" + re.escape(name.encode()) + rb"\s*=").search(self._content, start)
            line = self._content.count(b"\n", 0, at.start() + 1) + 1 if at else self._parser.CurrentLineNumber
            self._found.append(Setting(name, value, line))

    def _end(self, tag: str) -> None:
        name, line, parts = self._open.pop()
        text = "".join(parts).strip()
        if text:
            self._found.append(Setting(name, text, line))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def _doctype(self, *_: object) -> None:
        raise NotWellFormed("has a document type, which no device needs", self._parser.CurrentLineNumber)
