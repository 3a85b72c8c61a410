"""A ClientHello as someone on the path rewrites it, so that the server takes the client for an older one.

Against this TLS has two defences: a client refuses a version that it did not offer (RFC 5246 appendix E.1), and a
server that could do better marks its random, so that the client knows what was taken away (RFC 8446 section 4.1.3).
"""

from __future__ import annotations

from certsuite.tls.client_hello import extension_data
from certsuite.tls.versions import VERSION_NUMBERS

_TLS12 = 0x0303
_NEWER_EXTENSIONS = frozenset({41, 42, 43, 44, 45, 49, 51})
"Of TLS 1.3 alone: pre-shared keys, early data, versions, cookie, key shares and what belongs to them."
_FALLBACK_SCSV = 0x5600
"It says that the client comes again with an older version (RFC 7507), which is none of this rewriting's business."
_OLD_SUITES = (0xC013, 0xC014, 0x002F, 0x0035)
"With a SHA-1 MAC, which is all that there is before TLS 1.2."
_HEADER = 5
"Bytes of a record's header."
_RECORD_LIMIT = 1 << 14


def lowered_hello(hello: bytes, version: str) -> bytes:
    """The records of a ClientHello that offers ``version`` and older ones, made of the handshake message ``hello``.

    A message for TLS 1.1 or older that offers no suite of that time gets some, so that it can be answered.
    """
    number = VERSION_NUMBERS[version]
    session = hello[38 : 39 + hello[38]]
    at = 38 + len(session)
    length = int.from_bytes(hello[at : at + 2], "big")
    suites = [hello[one : one + 2] for one in range(at + 2, at + 2 + length, 2)]
    at += 2 + length
    compressions = hello[at : at + 1 + hello[at]]
    kept = [suite for suite in suites if int.from_bytes(suite, "big") != _FALLBACK_SCSV]
    if number < _TLS12 and not {int.from_bytes(suite, "big") for suite in kept} & set(_OLD_SUITES):
        kept += [suite.to_bytes(2, "big") for suite in _OLD_SUITES]
    extensions = b"".join(
        kind.to_bytes(2, "big") + _sized(2, data)
        for kind, data in extension_data(hello).items()
        if kind not in _NEWER_EXTENSIONS
    )
    body = number.to_bytes(2, "big") + hello[6:38] + session + _sized(2, b"".join(kept)) + compressions
    message = hello[:1] + _sized(3, body + (_sized(2, extensions) if extensions else b""))
    return b"".join(
        b"\x16\x03\x01" + _sized(2, message[start : start + _RECORD_LIMIT])
        for start in range(0, len(message), _RECORD_LIMIT)
    )


class LoweredRecords:
    """What follows the ClientHello, its records named after the version that the server believes in.

    A client that refuses says so in a record of the version that it had in mind, which the server would not read.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._number = VERSION_NUMBERS[version].to_bytes(2, "big")
        self._pending = bytearray()

    def take(self, data: bytes) -> bytes:
        """The records that are complete."""
        self._pending += data
        out = bytearray()
        while len(self._pending) >= _HEADER:
            end = _HEADER + int.from_bytes(self._pending[3:_HEADER], "big")
            if len(self._pending) < end:
                break
            out += self._pending[:1] + self._number + self._pending[3:end]
            del self._pending[:end]
        return bytes(out)


def _sized(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width, "big") + content
