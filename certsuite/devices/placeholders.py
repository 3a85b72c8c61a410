"""The ``{placeholders}`` of a profile: which there are and where, and putting values in their places.

A placeholder is a lower-case name in braces. Other braces are left as they are, so that JSON can be written as it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from certsuite.devices.yaml_lines import FieldPath

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
    "swap": frozenset(),
    "echo": frozenset(),
    "dtmf": frozenset({"digits"}),
    "hears": frozenset({"digits"}),
    "transfer": frozenset({"uri"}),
    "attended_transfer": frozenset({"uri"}),
    "conference": frozenset({"uri"}),
    "dnd": frozenset({"state"}),
}
"The actions that there are, and the placeholders that each has beside those of every step; ``state`` is on or off."

_CLAIMS = {
    "hold": "hold",
    "resume": "hold",
    "swap": "call_waiting",
    "dtmf": "dtmf",
    "transfer": "blind_transfer",
    "attended_transfer": "attended_transfer",
    "conference": "conference",
}
"The capability that an action needs, where there is one."

EACH: dict[str, tuple[str, str]] = {"dtmf": ("digits", "digit"), "hears": ("digits", "digit")}
"""For actions with an argument that can be taken sign by sign: the argument, and the placeholder of one sign. Steps
that name the second are done once for each sign."""


def known_in(action: str) -> frozenset[str]:
    """The placeholders that the steps of an action may name."""
    own = ACTION_ARGUMENTS.get(action, frozenset())
    return STEP | own | ({EACH[action][1]} if action in EACH else frozenset())


def a_person_can(action: str, claims: Callable[[str], bool]) -> bool:
    """Whether a person can make a device do an action; ``claims`` tells what the device can do."""
    needed = _CLAIMS.get(action)
    # To register or read its configuration anew takes a person as long as to restart it.
    return action in ACTION_ARGUMENTS.keys() - {"reregister", "resync"} and (needed is None or claims(needed))


def named_in(text: str) -> set[str]:
    """The placeholders that a text names."""
    return set(_PLACEHOLDER.findall(text))


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


def problems_in(control: Any, owned: frozenset[str]) -> Iterator[tuple[FieldPath, str]]:
    """Mistakes in the placeholders of a profile's ``control``, each with its place.

    It looks at raw data, so that they are told beside all others. ``owned`` are actions that the process driver does by
    itself.
    """
    if not isinstance(control, dict):
        return
    top: FieldPath = ("control",)
    start = control.get("start")
    for index, argument in enumerate(start if isinstance(start, list) else []):
        yield from _in_text((*top, "start", index), argument, PROGRAM | LISTS)
        for name in LISTS:
            if isinstance(argument, str) and f"{{{name}}}" in argument and argument != f"{{{name}}}":
                yield (*top, "start", index), f"{{{name}}} becomes several arguments, so it must stand alone"
    yield from _in_text((*top, "standard_input"), control.get("standard_input"), PROGRAM)
    for part in ("channel", "environment"):
        values = control.get(part)
        for key, value in values.items() if isinstance(values, dict) else ():
            yield from _in_text((*top, part, key), value, PROGRAM)
    actions = control.get("actions")
    for name, steps in actions.items() if isinstance(actions, dict) else ():
        here: FieldPath = (*top, "actions", name)
        if name in owned and control.get("driver") == "process":
            yield here, "the process driver does this by itself, from control.start"
        known = known_in(name)
        for index, step in enumerate(steps if isinstance(steps, list) else []):
            for key, value in step.items() if isinstance(step, dict) else ():
                yield from _in_text((*here, index, key), value, known)
            known |= _captured(step)


def _captured(step: Any) -> set[str]:
    """The names that a step captures, as raw data; none if its pattern is none."""
    pattern = step.get("capture") if isinstance(step, dict) else None
    try:
        return set(re.compile(pattern).groupindex) if isinstance(pattern, str) else set()
    except re.error:
        return set()


def _in_text(path: FieldPath, value: Any, known: frozenset[str]) -> Iterator[tuple[FieldPath, str]]:
    if isinstance(value, str):
        for problem in problems(value, known):
            yield path, problem
