"""Splits a stream into SIP messages (RFC 3261 section 18.3), tolerating what real devices send around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MESSAGE_LIMIT = 65_536
"Bytes of header section, and of body, that are taken from one message; more is garbage."

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_START_LINE = re.compile(rb"(?:SIP/\d\.\d {1,32}\d{3}|[A-Za-z0-9\-.!%*_+`'~]{1,64} {1,32}\S)", re.IGNORECASE)
_START_LINE_KNOWN = 128
"Bytes after which it is known whether a start line stands here."


@dataclass(frozen=True, slots=True)
class Framed:
    """One whole message, exactly as received."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """CRLF between messages (RFC 5626 section 3.5.1): ``ping`` is a double CRLF, ``pong`` a single one."""

    form: str


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that cannot be framed. The stream is unusable from here on."""

    data: bytes
    problem: str


class StreamFramer:
    """Turns chunks of one stream into messages, keep-alives and garbage, each as soon as it is complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.broken = False
        "After garbage nothing more is framed: where the next message starts cannot be known."

    def feed(self, data: bytes) -> Iterator[Framed | KeepAlive | Garbage]:
        """Take a chunk of the stream and give what it completes."""
        if self.broken:
            return
        self._buffer += data
        while self._buffer and not self.broken:
            if (keep_alive := self._keep_alive()) is not None:
                yield keep_alive
                continue
            if self._buffer[0] in b"\r\n":
                return
            framed = self._message()
            if framed is None:
                return
            yield framed

    def _keep_alive(self) -> KeepAlive | None:
        for form, sign in (("ping", b"\r\n\r\n"), ("pong", b"\r\n")):
            if self._buffer.startswith(sign):
                del self._buffer[: len(sign)]
                return KeepAlive(form)
        if self._buffer[:1] == b"\n" or (self._buffer[:1] == b"\r" and bytes(self._buffer[1:2]) not in (b"", b"\n")):
            del self._buffer[:1]
            return KeepAlive("pong")
        return None

    def _message(self) -> Framed | Garbage | None:
        if not _START_LINE.match(self._buffer):
            if b"\n" in self._buffer or len(self._buffer) > _START_LINE_KNOWN:
                return self._give_up("does not begin with a SIP start line")
            return None
        end = _END_OF_HEADERS.search(self._buffer, 0, MESSAGE_LIMIT)
        if end is None:
            if len(self._buffer) >= MESSAGE_LIMIT:
                return self._give_up(f"no end of the header section within {MESSAGE_LIMIT} bytes")
            return None
        length = _CONTENT_LENGTH.search(self._buffer, 0, end.end())
        body = int(length.group(1)) if length else 0
        if body > MESSAGE_LIMIT:
            return self._give_up(f"a body of {body} bytes is announced; at most {MESSAGE_LIMIT} are taken")
        total = end.end() + body
        if len(self._buffer) < total:
            return None
        raw = bytes(self._buffer[:total])
        del self._buffer[:total]
        return Framed(raw)

    def _give_up(self, problem: str) -> Garbage:
        self.broken = True
        data = bytes(self._buffer)
        self._buffer.clear()
        return Garbage(data, problem)
