"""SIP passwords in a file that only its owner can read."""

from __future__ import annotations

import stat
from pathlib import Path

import yaml

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret


def read_credentials(path: Path) -> dict[int, Secret]:
    """SIP passwords from a YAML file ``{1: password, 2: password}`` that only its owner can read.

    Raises :class:`UsageError`; the message never holds what the file holds.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error.__class__.__name__}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path}: others can read it; make it yours alone: chmod 600 {path}")
    try:
        data = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UsageError(f"{path}:{mark.line + 1 if mark else 1}: not YAML") from None
    if not isinstance(data, dict) or not all(
        isinstance(line, int) and line > 0 and isinstance(password, str) for line, password in data.items()
    ):
        raise UsageError(f'{path}: line numbers with a quoted password each are expected, such as 1: "..."')
    if isinstance(node, yaml.MappingNode) and len(node.value) != len(data):
        raise UsageError(f"{path}: a line number is there twice; each line has one password")
    return {line: Secret(password) for line, password in data.items()}
