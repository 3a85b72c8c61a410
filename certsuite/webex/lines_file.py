"""A device's lines as YAML: written to be edited, and read back whole, since Webex replaces the list as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from certsuite.core.errors import UsageError
from certsuite.core.redaction import printable
from certsuite.webex.answers import Member

_SETTINGS = (
    *("id", "port", "primary_owner", "line_type", "line_weight", "hotline_enabled", "hotline_destination"),
    *("allow_call_decline_enabled", "t38_fax_compression_enabled", "line_label"),
)
"What a line may be set to; the rest of it is Webex' own."


def settings_of(member: Member) -> dict[str, Any]:
    """A line as ``PUT .../members`` takes it.

    Webex is said to refuse a label on partner-managed devices (wxcadm), so none is sent that nobody set.
    """
    settings = member.model_dump(by_alias=True, include=set(_SETTINGS), exclude_none=True)
    if not member.line_label:
        del settings["lineLabel"]
    return settings


def lines_text(members: Iterable[Member]) -> str:
    """Lines as YAML, each with the name of its member as a comment."""
    return "".join(
        f"# {printable(one.name)}\n{yaml.safe_dump([settings_of(one)], sort_keys=False)}"
        for one in sorted(members, key=lambda one: one.port)
    )


def read_lines(path: Path) -> tuple[Member, ...]:
    """Lines from such a file. Raises :class:`UsageError` with the number of the line that is wrong, and why."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error.__class__.__name__}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UsageError(f"{path}:{mark.line + 1 if mark else 1}: not YAML") from None
    if not isinstance(data, list) or not data:
        raise UsageError(f"{path}: a list of lines is expected, as 'certsuite webex device members --yaml' prints it")
    return tuple(_line(row, f"{path}: line {number} of the device") for number, row in enumerate(data, start=1))


def _line(row: object, where: str) -> Member:
    known = {Member.model_fields[name].alias or name for name in _SETTINGS}
    if not isinstance(row, dict):
        raise UsageError(f"{where}: names with a value each are expected, such as port: 1")
    if unknown := sorted(str(name) for name in row if name not in known):
        raise UsageError(f"{where}: {printable(', '.join(unknown))}: not known; there are {', '.join(sorted(known))}")
    try:
        return Member.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where}: {place}: {first['msg']}") from None
