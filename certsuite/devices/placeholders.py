"""The ``{placeholders}`` of a profile: which there are and where, and putting values in their places.

A placeholder is a lower-case name in braces. Other braces are left as they are, so that JSON can be written as it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_CONTROL_SIGN = re.compile(r"[\x00-\x1f\x7f]")

PROGRAM = frozenset({"python", "config_dir", "control_port", "device_address"})
"""Known when a program is started: the interpreter that runs the suite, the folder of its configuration, a free TCP
port for control, and the device's own address."""

LISTS = frozenset({"fault_arguments"})
"In ``start`` these stand alone as an argument and become any number of arguments, usually none."

STEP = frozenset({"serial", "line", "user", "domain"}) | PROGRAM
"Known in every step: a number that no other action of the run has, and the line that acts (its number and its AoR)."

ACTION_ARGUMENTS: dict[str, frozenset[str]] = {
    "start": frozenset(),
    "stop": frozenset(),
    "restart": frozenset(),
    "reregister": frozenset(),
    "resync": frozenset(),
    "dial": frozenset({"uri"}),
    "answer": frozenset(),
    "reject": frozenset(),
    "hangup": frozenset(),
    "hold": frozenset(),
    "resume": frozenset(),
    "dtmf": frozenset({"digits"}),
    "transfer": frozenset({"uri"}),
    "attended_transfer": frozenset({"uri"}),
    "conference": frozenset({"uri"}),
    "dnd": frozenset({"state"}),
}
"The actions that there are, and the placeholders that each has beside those of every step; ``state`` is on or off."


def problems(text: str, known: Iterable[str]) -> list[str]:
    """What is wrong with the placeholders of ``text``, one sentence each."""
    names = sorted(known)
    found = []
    for name in _PLACEHOLDER.findall(text):
        if name not in names:
            found.append(f"unknown placeholder {{{name}}}{suggestion(name, names)}; known here: {', '.join(names)}")
    return found


def suggestion(name: str, names: Iterable[str]) -> str:
    """``; did you mean 'x'?`` if one of ``names`` is like ``name``, else nothing."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """``text`` with each placeholder replaced by its value, passed through ``escape``.

    Raises :class:`ValueError` for a value with a control sign in it: it would end a command and begin another.
    """

    def value_of(match: re.Match[str]) -> str:
        value = values[match.group(1)]
        if _CONTROL_SIGN.search(value):
            raise ValueError(f"the value of {{{match.group(1)}}} has a control sign in it")
        return escape(value)

    return _PLACEHOLDER.sub(value_of, text)


def fill_arguments(
    arguments: Iterable[str], values: Mapping[str, str], lists: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """A command's arguments with their placeholders filled; a list placeholder becomes its items."""
    filled: list[str] = []
    for argument in arguments:
        match = _PLACEHOLDER.fullmatch(argument)
        if match and match.group(1) in LISTS:
            filled.extend(lists.get(match.group(1), ()))
        else:
            filled.append(fill(argument, values))
    return filled
