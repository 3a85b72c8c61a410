"""An event in its place in a run: when, in which case, on which line, flow and edge it was seen.

An :class:`Observation` turns into one line of ``record.jsonl`` and back without loss. ``bytes`` are kept as Latin-1
text, so that a line is readable and exact.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from certsuite.core.errors import RecordError
from certsuite.core.events import KINDS, Event

IN = "in"
"Direction: from the device to the bench."
OUT = "out"
"Direction: from the bench to the device."

_JSON = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
_ENVELOPE = ("seq", "segment", "t_mono_ns", "t_utc", "case", "variant", "line", "flow", "edge", "direction", "frame")


@dataclass(frozen=True, slots=True)
class Observation:
    """One line of a run's record."""

    seq: int
    segment: int
    t_mono_ns: int
    "Monotonic time in nanoseconds; comparable within one segment only."
    t_utc: str
    event: Event
    case: str = ""
    variant: str = ""
    line: int | None = None
    flow: str | None = None
    edge: str | None = None
    direction: str | None = None
    frame: int | None = None
    "Number of the frame in ``evidence/run.pcapng``."

    @property
    def t(self) -> float:
        """Monotonic time in seconds."""
        return self.t_mono_ns / 1e9

    def to_json(self) -> str:
        """One line of JSON, without its end of line."""
        line: dict[str, Any] = {name: getattr(self, name) for name in _ENVELOPE}
        line["kind"] = self.event.kind
        for name, key in _keys(self.event.kind):
            line[key] = _plain(getattr(self.event, name))
        return _JSON.encode(line)

    @classmethod
    def from_json(cls, text: str) -> Observation:
        """Read a line back. Raises :class:`RecordError` with the reason if it is none of ours."""
        try:
            line = json.loads(text)
            kind = KINDS[line["kind"]]
            values = {}
            for name, is_bytes, is_tuple in _shape(line["kind"]):
                key = "e_" + name if name in _ENVELOPE else name
                if key in line:
                    values[name] = _typed(line[key], is_bytes, is_tuple)
            return cls(event=kind(**values), **{name: line[name] for name in _ENVELOPE})
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"not a line of a record: {error!r}: {text[:80]!r}") from error


@cache
def _keys(kind: str) -> tuple[tuple[str, str], ...]:
    """(field, its key in a line of the record) of an event's fields."""
    names = [field.name for field in dataclasses.fields(KINDS[kind])]
    return tuple((name, "e_" + name if name in _ENVELOPE else name) for name in names)


def utc_text(seconds: float) -> str:
    """Seconds since 1970 as ``2026-11-21T20:15:00.123456Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _plain(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _typed(value: Any, is_bytes: bool, is_tuple: bool) -> Any:
    if is_bytes:
        if not isinstance(value, str):
            raise TypeError(f"bytes are written as text, not as {value!r}")
        return value.encode("latin-1")
    if is_tuple:
        return _tuples(value)
    return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


@cache
def _shape(kind: str) -> tuple[tuple[str, bool, bool], ...]:
    """(field, is bytes, is tuple) of an event's fields."""
    event = KINDS[kind]
    hints = typing.get_type_hints(event)
    shape = []
    for field in dataclasses.fields(event):
        hint = hints[field.name]
        shape.append((field.name, hint is bytes, typing.get_origin(hint) is tuple))
    return tuple(shape)
