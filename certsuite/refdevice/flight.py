"""What the server says before encryption begins, read before the TLS library sees it, for devices that misread it."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CHANGE_CIPHER_SPEC, _HANDSHAKE = 20, 22
_SERVER_HELLO, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE, _CLIENT_KEY_EXCHANGE = 2, 12, 14, 16
_HEADER = 5
_DOWNGRADED = b"DOWNGRD\x01"
"End of a server's random that says that the ClientHello was altered (RFC 8446 section 4.1.3)."
_CURVES = {23: ec.SECP256R1(), 24: ec.SECP384R1(), 25: ec.SECP521R1()}
_X25519 = 29
_FINISHED_SIZE = 40

DECODE_ERROR_ALERT = b"\x15\x03\x03\x00\x02\x02\x32"


class Fragmented(Exception):
    """A handshake message goes on beyond its record."""


class Flight:
    """The handshake messages of a server in the clear, as long as there are any."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.done = False
        "Whether what comes is encrypted, or no handshake."
        self._records = bytearray()
        self._content = bytearray()

    def take(self, data: bytes, *, whole_messages: bool = False) -> None:
        """Read on. Raises :class:`Fragmented` with ``whole_messages`` where a record ends within a message."""
        if self.done:
            return
        self._records += data
        while len(self._records) >= _HEADER and not self.done:
            end = _HEADER + int.from_bytes(self._records[3:_HEADER], "big")
            if len(self._records) < end:
                return
            self.done = self._records[0] != _HANDSHAKE
            if not self.done:
                self._content += self._records[_HEADER:end]
                self._read()
                if self._content and whole_messages:
                    raise Fragmented
            del self._records[:end]

    def _read(self) -> None:
        while len(self._content) >= 4:
            end = 4 + int.from_bytes(self._content[1:4], "big")
            if len(self._content) < end:
                return
            self.messages.append(bytes(self._content[:end]))
            del self._content[:end]

    @property
    def downgraded(self) -> bool:
        """Whether the ServerHello has the mark of a downgrade from TLS 1.3."""
        return any(message[0] == _SERVER_HELLO and message[30:38] == _DOWNGRADED for message in self.messages)

    @property
    def complete(self) -> bool:
        """Whether the server of TLS 1.2 has said all and waits for the client."""
        return any(message[0] == _SERVER_HELLO_DONE for message in self.messages)


def client_answer(flight: Flight) -> bytes:
    """What a client of TLS 1.2 says after this flight, as far as a server can tell: ClientKeyExchange, and noise where
    the encrypted Finished is due."""
    share = _key_exchange(flight)
    message = bytes([_CLIENT_KEY_EXCHANGE]) + len(share).to_bytes(3, "big") + share
    finished = secrets.token_bytes(_FINISHED_SIZE)
    return _record(_HANDSHAKE, message) + _record(_CHANGE_CIPHER_SPEC, b"\x01") + _record(_HANDSHAKE, finished)


def _key_exchange(flight: Flight) -> bytes:
    group = 0
    for message in flight.messages:
        if message[0] == _SERVER_KEY_EXCHANGE:
            group = int.from_bytes(message[5:7], "big")
    if group == _X25519:
        public = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    elif group in _CURVES:
        key = ec.generate_private_key(_CURVES[group])
        public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        raise ValueError(f"group {group} is none of the device's")
    return bytes([len(public)]) + public


def _record(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + b"\x03\x03" + len(content).to_bytes(2, "big") + content
