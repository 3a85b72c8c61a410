"""SRTP and SRTCP (RFC 3711, RFC 7714): key derivation, encryption, authentication, roll-over, replay."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

DEFAULT_SUITE = "AES_CM_128_HMAC_SHA1_80"


@dataclass(frozen=True, slots=True)
class Suite:
    """Lengths of a crypto suite, in bytes."""

    key: int
    salt: int
    tag: int
    is_aead: bool = False


SUITES = {
    DEFAULT_SUITE: Suite(16, 14, 10),
    "AES_CM_128_HMAC_SHA1_32": Suite(16, 14, 4),
    "AEAD_AES_128_GCM": Suite(16, 12, 16, is_aead=True),
    "AEAD_AES_256_GCM": Suite(32, 12, 16, is_aead=True),
}
"Suites of the device, most preferred first (RFC 4568 section 6.2, RFC 7714 section 14.2)."
_LONGEST_SALT = 14
_AUTHENTICATION_KEY_BYTES = 20
_ENCRYPTION, _AUTHENTICATION, _SALT = 0, 1, 2
_RTCP = 3
"What is added to the labels of the keys of SRTCP."
_RTCP_TAG = 10
"Bytes, whatever the suite: RFC 4568 section 6.2.2."
_RTCP_HEADER = 8
_ENCRYPTED = 1 << 31
"Of the word behind an SRTCP packet; the rest of it is the index."
_REPLAY_WINDOW = 64


class SrtpError(ValueError):
    """The packet is none, is not authentic, or is a replay."""


def keystream(key: bytes, counter: int, length: int) -> bytes:
    """AES in counter mode from a 128 bit initial counter (RFC 3711 section 4.1.1)."""
    return Cipher(AES(key), CTR(counter.to_bytes(16, "big"))).encryptor().update(bytes(length))


def derive(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """A session key; the key derivation rate is 0 (RFC 3711 section 4.3)."""
    return keystream(master_key, (int.from_bytes(master_salt, "big") ^ (label << 48)) << 16, length)


def header_length(packet: bytes) -> int:
    """Bytes of an RTP header with its CSRCs and its extension. Raises :class:`SrtpError`."""
    if len(packet) < 12 or packet[0] >> 6 != 2:
        raise SrtpError("not RTP")
    length = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if len(packet) < length + 4:
            raise SrtpError("not RTP")
        length += 4 + 4 * int(struct.unpack_from("!H", packet, length + 2)[0])
    if len(packet) < length:
        raise SrtpError("not RTP")
    return length


class _Session:
    """Session keys of one master key."""

    def __init__(self, key_and_salt: bytes, suite: Suite) -> None:
        self.suite = suite
        # A shorter salt is filled up behind (RFC 7714 section 11).
        key, salt = key_and_salt[: suite.key], key_and_salt[suite.key :].ljust(_LONGEST_SALT, b"\0")
        self._key = derive(key, salt, _ENCRYPTION, suite.key)
        self._authentication_key = derive(key, salt, _AUTHENTICATION, _AUTHENTICATION_KEY_BYTES)
        self._salt = int.from_bytes(derive(key, salt, _SALT, suite.salt), "big")

    def protect(self, packet: bytes, index: int) -> bytes:
        """Encrypt the payload of a packet and add its tag."""
        if self.suite.is_aead:
            at = header_length(packet)
            return packet[:at] + AESGCM(self._key).encrypt(self._nonce(packet, index), packet[at:], packet[:at])
        encrypted = self._crypt(packet, index)
        return encrypted + self._tag(encrypted, index)

    def unprotect(self, packet: bytes, index: int) -> bytes:
        """Check the tag and decrypt the payload. Raises :class:`SrtpError`."""
        if self.suite.is_aead:
            at = header_length(packet)
            try:
                return packet[:at] + AESGCM(self._key).decrypt(self._nonce(packet, index), packet[at:], packet[:at])
            except InvalidTag as error:
                raise SrtpError("not authentic") from error
        body, tag = packet[: -self.suite.tag], packet[-self.suite.tag :]
        if not hmac.compare_digest(self._tag(body, index), tag):
            raise SrtpError("not authentic")
        return self._crypt(body, index)

    def _nonce(self, packet: bytes, index: int) -> bytes:
        """RFC 7714 section 8.1."""
        number = int.from_bytes(packet[8:12], "big") << 48 | index
        return (number ^ self._salt).to_bytes(12, "big")

    def _crypt(self, packet: bytes, index: int) -> bytes:
        """Encrypt or decrypt the payload of a packet (the two are the same)."""
        at = header_length(packet)
        payload = packet[at:]
        ssrc = int.from_bytes(packet[8:12], "big")
        stream = keystream(self._key, (self._salt << 16) ^ (ssrc << 64) ^ (index << 16), len(payload))
        crypted = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        return packet[:at] + crypted.to_bytes(len(payload), "big")

    def _tag(self, packet: bytes, index: int) -> bytes:
        roll_over = struct.pack("!I", index >> 16)
        return hmac.new(self._authentication_key, packet + roll_over, hashlib.sha1).digest()[: self.suite.tag]


class Srtcp:
    """Protects the RTCP of one side under its master key, or reads that of the other side."""

    def __init__(self, key_and_salt: bytes, suite: str = DEFAULT_SUITE) -> None:
        self._suite = SUITES[suite]
        key, salt = key_and_salt[: self._suite.key], key_and_salt[self._suite.key :].ljust(_LONGEST_SALT, b"\0")
        self._key = derive(key, salt, _RTCP + _ENCRYPTION, self._suite.key)
        self._authentication_key = derive(key, salt, _RTCP + _AUTHENTICATION, _AUTHENTICATION_KEY_BYTES)
        self._salt = int.from_bytes(derive(key, salt, _RTCP + _SALT, self._suite.salt), "big")
        self._index = 0

    def protect(self, packet: bytes) -> bytes:
        """The SRTCP packet of a compound packet."""
        self._index += 1
        word = struct.pack("!I", _ENCRYPTED | self._index)
        if self._suite.is_aead:
            nonce = self._nonce(packet, self._index)
            encrypted = AESGCM(self._key).encrypt(nonce, packet[_RTCP_HEADER:], packet[:_RTCP_HEADER] + word)
            return packet[:_RTCP_HEADER] + encrypted + word
        body = self._crypt(packet, self._index) + word
        return body + self._tag(body)

    def unprotect(self, packet: bytes) -> bytes:
        """The compound packet in an SRTCP packet. Raises :class:`SrtpError`."""
        tag = 0 if self._suite.is_aead else _RTCP_TAG
        if len(packet) < _RTCP_HEADER + 4 + _RTCP_TAG:
            raise SrtpError("too short")
        body, end = packet[: len(packet) - tag], packet[len(packet) - tag :]
        word = body[-4:]
        index = int.from_bytes(word, "big") & ~_ENCRYPTED
        if self._suite.is_aead:
            head = body[:_RTCP_HEADER]
            try:
                return head + AESGCM(self._key).decrypt(self._nonce(body, index), body[_RTCP_HEADER:-4], head + word)
            except InvalidTag as error:
                raise SrtpError("not authentic") from error
        if not hmac.compare_digest(self._tag(body), end):
            raise SrtpError("not authentic")
        return self._crypt(body[:-4], index)

    def _nonce(self, packet: bytes, index: int) -> bytes:
        """RFC 7714 section 9.1."""
        number = int.from_bytes(packet[4:8], "big") << 48 | index
        return (number ^ self._salt).to_bytes(12, "big")

    def _crypt(self, packet: bytes, index: int) -> bytes:
        """Encrypt or decrypt what follows the first header (the two are the same)."""
        payload, ssrc = packet[_RTCP_HEADER:], int.from_bytes(packet[4:8], "big")
        stream = keystream(self._key, (self._salt << 16) ^ (ssrc << 64) ^ (index << 16), len(payload))
        crypted = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        return packet[:_RTCP_HEADER] + crypted.to_bytes(len(payload), "big")

    def _tag(self, body: bytes) -> bytes:
        return hmac.new(self._authentication_key, body, hashlib.sha1).digest()[:_RTCP_TAG]


class SrtpSender:
    """Protects the packets of one source."""

    def __init__(self, key_and_salt: bytes, suite: str = DEFAULT_SUITE) -> None:
        self._session = _Session(key_and_salt, SUITES[suite])
        self._roll_over = 0
        self._last: int | None = None

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet of an RTP packet; sequence numbers must go up by one."""
        sequence = int.from_bytes(packet[2:4], "big")
        if self._last is not None and sequence < self._last:
            self._roll_over += 1
        self._last = sequence
        return self._session.protect(packet, self._roll_over << 16 | sequence)


class SrtpReceiver:
    """Checks and decrypts packets, each source with a roll-over counter and a replay window of its own."""

    def __init__(
        self,
        key_and_salt: bytes,
        suite: str = DEFAULT_SUITE,
        *,
        counts_roll_overs: bool = True,
        takes_replays: bool = False,
    ) -> None:
        self._session = _Session(key_and_salt, SUITES[suite])
        self._counts_roll_overs = counts_roll_overs
        self._takes_replays = takes_replays
        self._highest: dict[bytes, int] = {}
        self._seen: dict[bytes, int] = {}

    def unprotect(self, packet: bytes) -> bytes:
        """The RTP packet in an SRTP packet. Raises :class:`SrtpError`."""
        if len(packet) < 12 + self._session.suite.tag:
            raise SrtpError("too short")
        ssrc = packet[8:12]
        index = self._index(ssrc, int.from_bytes(packet[2:4], "big"))
        if not self._counts_roll_overs:
            index &= 0xFFFF
        plain = self._session.unprotect(packet, index)
        if self._is_replayed(ssrc, index) and not self._takes_replays:
            raise SrtpError("a replay")
        return plain

    def _index(self, ssrc: bytes, sequence: int) -> int:
        """The index that the sequence number most likely has (RFC 3711 section 3.3.1)."""
        highest = self._highest.get(ssrc)
        if highest is None:
            return sequence
        roll_over, last = highest >> 16, highest & 0xFFFF
        if last < 0x8000 and sequence - last > 0x8000 and roll_over > 0:
            roll_over -= 1
        elif last >= 0x8000 and last - 0x8000 > sequence:
            roll_over += 1
        return roll_over << 16 | sequence

    def _is_replayed(self, ssrc: bytes, index: int) -> bool:
        """Whether an index was seen before, or is too old to tell; it is noted."""
        highest = self._highest.get(ssrc)
        if highest is None or index > highest:
            shift = 0 if highest is None else index - highest
            window = self._seen.get(ssrc, 0) << shift if shift < _REPLAY_WINDOW else 0
            self._highest[ssrc] = index
            self._seen[ssrc] = (window | 1) & ((1 << _REPLAY_WINDOW) - 1)
            return False
        bit = highest - index
        if bit >= _REPLAY_WINDOW or self._seen[ssrc] >> bit & 1:
            return True
        self._seen[ssrc] |= 1 << bit
        return False
