"""The TLS ClientHello, read from the bytes of a connection (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2)."""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.versions import VERSION_NAMES, is_grease, version_name

HELLO_LIMIT = 65_536
"Bytes of a ClientHello that are taken; a longer one is garbage. Real ones have 200 to 2,000."

_HANDSHAKE = 0x16
_CLIENT_HELLO = 1
_RECORD_LIMIT = 1 << 14
"Bytes of one plaintext record (RFC 8446 section 5.1)."

_SERVER_NAME = 0
_SUPPORTED_GROUPS = 10
_SIGNATURE_ALGORITHMS = 13
_ALPN = 16
_SESSION_TICKET = 35
_PRE_SHARED_KEY = 41
_SUPPORTED_VERSIONS = 43


@dataclass(frozen=True, slots=True)
class NotTls:
    """The connection began with bytes that are no TLS handshake record: cleartext, or noise."""

    data: bytes


class ClientHelloReader:
    """Takes the first bytes of a TCP connection and gives the ClientHello once it is there.

    The message may be spread over several records, and a record over several reads.
    """

    def __init__(self) -> None:
        self._record = bytearray()
        self._message = bytearray()
        self.done = False
        "Whether the answer was given (or an error raised): nothing more is read."

    def feed(self, data: bytes) -> ClientHelloSeen | NotTls | None:
        """Take a chunk; gives None as long as the ClientHello is not complete.

        Raises :class:`ValueError` with the reason if it is TLS and no readable ClientHello.
        """
        if self.done:
            return None
        self._record += data
        if not self._message and self._record and self._record[0] != _HANDSHAKE:
            self.done = True
            return NotTls(bytes(self._record))
        try:
            return self._read()
        except ValueError:
            self.done = True
            raise

    def _read(self) -> ClientHelloSeen | None:
        while len(self._record) >= 5:
            if self._record[0] != _HANDSHAKE:
                raise ValueError(f"a record of type {self._record[0]} in the middle of the ClientHello")
            if self._record[1] != 3:
                raise ValueError(f"a record of version {self._record[1]}.{self._record[2]}")
            length = int.from_bytes(self._record[3:5], "big")
            if not 0 < length <= _RECORD_LIMIT:
                raise ValueError(f"a handshake record of {length} bytes")
            if len(self._record) < 5 + length:
                return None
            self._message += self._record[5 : 5 + length]
            del self._record[: 5 + length]
            if self._message[0] != _CLIENT_HELLO:
                raise ValueError(f"handshake message {self._message[0]} where a ClientHello is due")
            if len(self._message) < 4:
                continue
            total = 4 + int.from_bytes(self._message[1:4], "big")
            if total > HELLO_LIMIT:
                raise ValueError(f"a ClientHello of {total} bytes; at most {HELLO_LIMIT} are taken")
            if len(self._message) >= total:
                self.done = True
                return parse_client_hello(bytes(self._message[:total]))
        return None


def parse_client_hello(handshake: bytes) -> ClientHelloSeen:
    """Read a ClientHello from its handshake message, header included and record headers left out.

    Raises :class:`ValueError` with the reason if it is malformed.
    """
    body = _body(handshake)
    legacy_version = body.number(2, "legacy_version")
    body.take(32, "random")
    body.vector(1, "session id")
    suites = body.vector(2, "cipher_suites").numbers(2, "cipher_suites")
    compressions = body.vector(1, "compression_methods").numbers(1, "compression_methods")
    extensions = _extensions(body)
    body.must_be_empty()
    return ClientHelloSeen(
        raw=handshake,
        legacy_version=version_name(legacy_version),
        versions=_versions(legacy_version, extensions.get(_SUPPORTED_VERSIONS)),
        cipher_suites=suites,
        server_name=_server_name(extensions.get(_SERVER_NAME)),
        alpn=_alpn(extensions.get(_ALPN)),
        groups=_numbers(extensions.get(_SUPPORTED_GROUPS), "supported_groups"),
        signature_algorithms=_numbers(extensions.get(_SIGNATURE_ALGORITHMS), "signature_algorithms"),
        extensions=tuple(extensions),
        compression_methods=compressions,
    )


def extension_data(handshake: bytes) -> dict[int, bytes]:
    """The extensions of a ClientHello, undecoded, by number and in their order.

    Raises :class:`ValueError` with the reason if it is malformed.
    """
    body = _body(handshake)
    body.take(34, "version and random")
    body.vector(1, "session id")
    body.vector(2, "cipher_suites")
    body.vector(1, "compression_methods")
    return _extensions(body)


def offers_session(hello: ClientHelloSeen) -> bool:
    """Whether a ClientHello offers to resume a session: by a pre-shared key, a ticket, or a session's id.

    A client that offers TLS 1.3 has an id for the sake of appearances (RFC 8446 section 4.1.2).
    """
    extensions = extension_data(hello.raw)
    session_id = hello.raw[38] > 0 and _SUPPORTED_VERSIONS not in extensions
    return _PRE_SHARED_KEY in extensions or bool(extensions.get(_SESSION_TICKET)) or session_id


def _body(handshake: bytes) -> _Cursor:
    """The message without its header."""
    message = _Cursor(handshake, "ClientHello")
    if (kind := message.number(1, "message type")) != _CLIENT_HELLO:
        raise ValueError(f"handshake message {kind} where a ClientHello is due")
    body = message.vector(3, "body")
    message.must_be_empty()
    return body


class _Cursor:
    """Reads a structure from its beginning to its end, and says what was missing."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    @property
    def rest(self) -> int:
        return len(self._data) - self._at

    def take(self, length: int, field: str) -> bytes:
        if self.rest < length:
            raise ValueError(f"{self._what}: {field} needs {length} bytes, {self.rest} are left")
        self._at += length
        return self._data[self._at - length : self._at]

    def number(self, size: int, field: str) -> int:
        return int.from_bytes(self.take(size, field), "big")

    def vector(self, size: int, field: str) -> _Cursor:
        return _Cursor(self.take(self.number(size, f"{field}'s length"), field), field)

    def numbers(self, size: int, field: str) -> tuple[int, ...]:
        if self.rest % size:
            raise ValueError(f"{field}: {self.rest} bytes are no list of {size}-byte values")
        return tuple(self.number(size, field) for _ in range(self.rest // size))

    def must_be_empty(self) -> None:
        if self.rest:
            raise ValueError(f"{self._what}: {self.rest} bytes too many")


def _extensions(body: _Cursor) -> dict[int, bytes]:
    """The extensions by number, in their order; a ClientHello without any ends before them."""
    extensions: dict[int, bytes] = {}
    if not body.rest:
        return extensions
    block = body.vector(2, "extensions")
    while block.rest:
        number = block.number(2, "extension's type")
        length = block.number(2, "extension's length")
        if number in extensions:
            raise ValueError(f"extension {number} stands twice")
        extensions[number] = block.take(length, f"extension {number}")
    return extensions


def _versions(legacy_version: int, extension: bytes | None) -> tuple[str, ...]:
    """Offered versions: the extension's, GREASE left out, in its order; else those up to ``legacy_version``.

    A client without the extension names the highest only (RFC 5246 appendix E.1). SSLv3 is taken as offered only if
    it is the highest itself.
    """
    if extension is not None:
        offered = _Cursor(extension, "supported_versions").vector(1, "list").numbers(2, "supported_versions")
        return tuple(version_name(number) for number in offered if not is_grease(number))
    older = [number for number in VERSION_NAMES if number <= min(legacy_version, 0x0303)]
    if not older:
        return (version_name(legacy_version),)
    newest_first = sorted(older, reverse=True)
    return tuple(VERSION_NAMES[number] for number in newest_first if number > 0x0300 or len(older) == 1)


def _server_name(extension: bytes | None) -> str | None:
    """The host name of the server_name extension (RFC 6066 section 3); bytes beyond ASCII are escaped."""
    if not extension:
        return None
    names = _Cursor(extension, "server_name").vector(2, "list")
    while names.rest:
        kind = names.number(1, "name type")
        length = names.number(2, "name's length")
        name = names.take(length, "name")
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return None


def _alpn(extension: bytes | None) -> tuple[str, ...]:
    """Protocol names of the ALPN extension (RFC 7301); bytes beyond ASCII are escaped."""
    if not extension:
        return ()
    protocols = []
    names = _Cursor(extension, "alpn").vector(2, "list")
    while names.rest:
        length = names.number(1, "protocol name's length")
        protocols.append(names.take(length, "protocol name").decode("ascii", "backslashreplace"))
    return tuple(protocols)


def _numbers(extension: bytes | None, what: str) -> tuple[int, ...]:
    return () if not extension else _Cursor(extension, what).vector(2, "list").numbers(2, what)
