"""What a device's program prints: kept in a log of bounded size, without escape sequences and without secrets."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from certsuite.core.redaction import Secret, masked, printable
from certsuite.devices.drivers.channel import LineFraming

LOG_AT_MOST = 10 * 1024 * 1024
_LAST_LINES = 12


def spellings(secrets: list[Secret]) -> list[Secret]:
    """The secrets, and how they look escaped as in JSON and XML, the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        text = secret.reveal()
        forms |= {text, json.dumps(text)[1:-1], escape(text), escape(text, {'"': "&quot;", "'": "&apos;"})}
    return [Secret(form) for form in sorted(forms, key=len, reverse=True) if form]


class OutputLog:
    """Writes a program's output to a file of at most 10 MB and remembers its last lines.

    The file is opened for each run of the program and appended to, so that a restart keeps what was before.
    """

    def __init__(
        self,
        file: Path,
        secrets: list[Secret],
        *,
        at_most: int = LOG_AT_MOST,
        on_secret: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_secret`` is called the first time that a secret was printed, and masked."""
        self._secrets = spellings(secrets)
        self._on_secret: Callable[[], None] | None = on_secret
        self._at_most = at_most
        self._lines = LineFraming()
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        file.parent.mkdir(parents=True, exist_ok=True)
        # A program may print what only its owner should read.
        file.touch(mode=0o600)
        self._file: BinaryIO = file.open("ab", buffering=0)
        self._file.truncate(min(self._file.tell(), at_most))
        self._size = self._file.tell()
        self._full = self._size >= at_most

    def hide(self, secrets: list[Secret]) -> None:
        """Mask these as well from now on."""
        self._secrets = [*spellings(secrets), *self._secrets]

    def feed(self, data: bytes) -> None:
        """Take what the program printed."""
        lines = self._lines.feed(data)
        if not lines:
            return
        # Once the log is full only the end of the output is of use: the rest is dropped without being looked at.
        kept = [self._shown(line) for line in (lines[-_LAST_LINES:] if self._full else lines)]
        self._last.extend(kept[-_LAST_LINES:])
        if not self._full:
            self._write("".join(line + "\n" for line in kept).encode())

    def last(self) -> str:
        """The last lines, made safe to show."""
        rest = self._shown(self._lines.rest())
        return "\n".join([*self._last, rest] if rest else self._last)

    def close(self) -> None:
        """Write what has no end of line and close the file."""
        rest = self._shown(self._lines.rest())
        if rest and not self._full:
            self._write(rest.encode() + b"\n")
        self._file.close()

    def _shown(self, line: str) -> str:
        shown = masked(line, self._secrets)
        if shown != line and self._on_secret is not None:
            tell, self._on_secret = self._on_secret, None
            tell()
        return printable(shown, at_most=2000)

    def _write(self, data: bytes) -> None:
        left = self._at_most - self._size
        if len(data) > left:
            self._full = True
            data = data[: max(left, 0)] + b"\n[the log is full; what follows was not kept]\n"
        self._file.write(data)
        self._size += len(data)
