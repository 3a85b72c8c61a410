"""The channel to a device's control interface: framing, and a transcript in which answers are looked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

from certsuite.core.errors import ActionFailed

TRANSCRIPT_AT_MOST = 256 * 1024
"Characters kept of what a device says; the oldest are dropped."
LINE_AT_MOST = 64 * 1024
"Bytes after which a line without an end is cut."

# ECMA-48: CSI sequences, OSC strings (until BEL or ST), and two-character escapes.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")

_NETSTRING_HEAD = re.compile(rb"([0-9]{1,7}):")


def without_ansi(text: str) -> str:
    """``text`` without terminal escape sequences."""
    return _ANSI.sub("", text)


class Framing(Protocol):
    """Cuts a byte stream into what a device says, and wraps what it is told."""

    def wrap(self, text: str) -> bytes:
        """One command as bytes."""

    def feed(self, data: bytes) -> list[str]:
        """The messages that are complete with ``data``."""

    def rest(self) -> str:
        """What has come of a message that is not complete: a prompt has no end of line."""


class LineFraming:
    """One line a message; carriage returns count as ends of lines too, since programs redraw a line with them."""

    def __init__(self) -> None:
        self._pending = b""

    def wrap(self, text: str) -> bytes:
        return text.encode() + b"\n"

    def feed(self, data: bytes) -> list[str]:
        *lines, pending = re.split(rb"[\r\n]+", self._pending + data)
        while len(pending) > LINE_AT_MOST:
            lines.append(pending[:LINE_AT_MOST])
            pending = pending[LINE_AT_MOST:]
        self._pending = pending
        return [without_ansi(line.decode(errors="replace")) for line in lines if line]

    def rest(self) -> str:
        return without_ansi(self._pending.decode(errors="replace"))


class NetstringFraming:
    """``LENGTH:BYTES,`` a message. Bytes that are no netstring are dropped up to the next that may be one."""

    def __init__(self) -> None:
        self._pending = b""

    def wrap(self, text: str) -> bytes:
        data = text.encode()
        return b"%d:%s," % (len(data), data)

    def feed(self, data: bytes) -> list[str]:
        data = self._pending + data
        messages: list[str] = []
        at = 0
        while (head := _NETSTRING_HEAD.search(data, at)) is not None:
            length = int(head.group(1))
            end = head.end() + length
            if length > TRANSCRIPT_AT_MOST or data[end : end + 1] not in (b"", b","):
                at = head.end()
                continue
            if len(data) <= end:
                self._pending = data[head.start() :]
                return messages
            messages.append(without_ansi(data[head.end() : end].decode(errors="replace")))
            at = end + 1
        # Digits at the end may be the beginning of a length.
        rest = re.search(rb"[0-9]{1,7}\Z", data[at:])
        self._pending = rest.group() if rest else b""
        return messages

    def rest(self) -> str:
        return ""


FRAMINGS: dict[str, Callable[[], Framing]] = {"line": LineFraming, "netstring": NetstringFraming}


class Transcript:
    """What a device says, and the waiting for a pattern in it.

    A pattern is looked for from the mark on; what matched is consumed, so that the next step does not see it again.
    """

    def __init__(self) -> None:
        self._text = ""
        self._rest = ""
        self._mark = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed: Exception | None = None

    def add(self, messages: list[str], rest: str) -> None:
        """Messages came; ``rest`` is the beginning of the next."""
        if messages:
            self._text += "".join(message + "\n" for message in messages)
        self._rest = rest
        surplus = len(self._text) - TRANSCRIPT_AT_MOST
        if surplus > 0:
            self._text = self._text[surplus:]
            self._mark = max(self._mark - surplus, 0)
        self._wake()

    def close(self, reason: Exception) -> None:
        """Nothing more will come: whoever waits gets ``reason``."""
        self._closed = reason
        self._wake()

    def mark(self) -> None:
        """Patterns are looked for in what comes from now on."""
        self._mark = len(self._text)

    async def find(self, pattern: str, unless: str | None, timeout_s: float) -> dict[str, str]:
        """Wait for ``pattern`` and return its named groups; ``^`` and ``$`` in it are the ends of a message.

        Raises :class:`~certsuite.core.errors.ActionFailed` if it does not come in time, or if ``unless`` comes first,
        and the reason of :meth:`close` if nothing more can come.
        """
        wanted = re.compile(pattern, re.MULTILINE)
        refused = None if unless is None else re.compile(unless, re.MULTILINE)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    found = self._look(wanted, refused)
                    if found is not None:
                        return found
                    if self._closed is not None:
                        raise self._closed
                    await self.news()
        except TimeoutError:
            raise ActionFailed(f"no answer like {pattern} within {timeout_s:g} s; it said {self.said()}") from None

    def said(self) -> str:
        """The end of what came since the mark, for a message to a person; not yet masked, nor safe to show."""
        text = (self._text + self._rest)[self._mark :].strip().replace("\n", " | ")
        return text[-300:] if text else "nothing"

    def _look(self, wanted: re.Pattern[str], refused: re.Pattern[str] | None) -> dict[str, str] | None:
        whole = self._text + self._rest
        match = wanted.search(whole, self._mark)
        refusal = None if refused is None else refused.search(whole, self._mark)
        if refusal is not None and (match is None or refusal.start() < match.start()):
            raise ActionFailed(f"the device refused: {self.said()}")
        if match is None:
            return None
        # A prompt that was found cannot be consumed before its line is complete; its text stays to be found once more.
        self._mark = min(match.end(), len(self._text))
        return {name: value for name, value in match.groupdict().items() if value is not None}

    async def news(self) -> None:
        """Wait until something more is said, or until nothing more can come."""
        if self._closed is not None:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class ChannelProtocol(asyncio.Protocol):
    """A TCP or unix socket on which a device listens for commands."""

    def __init__(self, framing: Framing, transcript: Transcript, on_lost: Callable[[], None]) -> None:
        self._framing = framing
        self._transcript = transcript
        self._on_lost = on_lost

    def data_received(self, data: bytes) -> None:
        self._transcript.add(self._framing.feed(data), self._framing.rest())

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()
