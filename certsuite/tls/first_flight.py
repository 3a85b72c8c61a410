"""What a server says before encryption begins, rewritten: in small records, or broken off (RFC 8446 section 5.1)."""

from __future__ import annotations

from enum import StrEnum

_CHANGE_CIPHER_SPEC = 20
_HANDSHAKE = 22
_SERVER_HELLO = 2
_HEADER = 5
"Bytes of a record's header."
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"The random of a ServerHello that only asks for another ClientHello (RFC 8446 section 4.1.3)."


class StopAfter(StrEnum):
    """Where a handshake is broken off."""

    CLIENT_HELLO = "client-hello"
    "The device's ClientHello is not answered: there is no flight at all."
    SERVER_HELLO = "server-hello"
    SERVER_FLIGHT = "server-flight"
    """All that the server has to say before the device's next turn is said. In TLS 1.3 the device may take that for a
    handshake that is complete."""


class FirstFlight:
    """Takes what a TLS server writes, and gives what is sent in its place.

    In TLS 1.3 all but the ServerHello is encrypted, and nobody but the server itself can divide it otherwise: there
    ``fragment`` is about the ServerHello alone.
    """

    def __init__(self, *, fragment: int | None = None, stop_after: StopAfter | None = None) -> None:
        """``fragment``: bytes of a handshake record at most."""
        self._fragment = fragment
        self._stop_after = stop_after
        self._pending = bytearray()
        self._message = bytearray()
        self._clear = True
        self._greeted = False
        self.stopped = False
        "Whether nothing more is sent."

    def take(self, data: bytes) -> bytes:
        """All that is written in answer to one turn of the device."""
        self._pending += data
        out = bytearray()
        while not self.stopped and len(self._pending) >= _HEADER:
            end = _HEADER + int.from_bytes(self._pending[3:_HEADER], "big")
            if len(self._pending) < end:
                break
            out += self._record(bytes(self._pending[:_HEADER]), bytes(self._pending[_HEADER:end]))
            del self._pending[:end]
        if self._greeted and self._stop_after is StopAfter.SERVER_FLIGHT:
            self.stopped = True
        return bytes(out)

    def _record(self, header: bytes, body: bytes) -> bytes:
        # A second ServerHello after HelloRetryRequest comes after a ChangeCipherSpec too.
        if header[0] == _CHANGE_CIPHER_SPEC and self._greeted:
            self._clear = False
        if header[0] != _HANDSHAKE or not self._clear:
            return header + body
        if not self._greeted:
            body = self._up_to_the_greeting(body)
        size = self._fragment or max(len(body), 1)
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        return b"".join(header[:3] + len(part).to_bytes(2, "big") + part for part in parts)

    def _up_to_the_greeting(self, body: bytes) -> bytes:
        """Read messages until the ServerHello; what follows it is left out if that is where to stop."""
        self._message += body
        while len(self._message) >= 4:
            end = 4 + int.from_bytes(self._message[1:4], "big")
            if len(self._message) < end:
                break
            self._greeted = self._message[0] == _SERVER_HELLO and self._message[6:38] != _RETRY
            if self._greeted:
                beyond = len(self._message) - end
                self.stopped = self._stop_after is StopAfter.SERVER_HELLO
                return body[: len(body) - beyond] if self.stopped else body
            del self._message[:end]
        return body
