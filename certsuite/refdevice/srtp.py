"""SRTP with AES_CM_128_HMAC_SHA1_80 (RFC 3711): key derivation, encryption, authentication, roll-over, replay."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

KEY_BYTES, SALT_BYTES = 16, 14
TAG_BYTES = 10
_AUTHENTICATION_KEY_BYTES = 20
_ENCRYPTION, _AUTHENTICATION, _SALT = 0, 1, 2
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

    def __init__(self, key_and_salt: bytes) -> None:
        key, salt = key_and_salt[:KEY_BYTES], key_and_salt[KEY_BYTES : KEY_BYTES + SALT_BYTES]
        self._key = derive(key, salt, _ENCRYPTION, KEY_BYTES)
        self._authentication_key = derive(key, salt, _AUTHENTICATION, _AUTHENTICATION_KEY_BYTES)
        self._salt = int.from_bytes(derive(key, salt, _SALT, SALT_BYTES), "big")

    def crypt(self, packet: bytes, index: int) -> bytes:
        """Encrypt or decrypt the payload of a packet (the two are the same)."""
        at = header_length(packet)
        payload = packet[at:]
        ssrc = int.from_bytes(packet[8:12], "big")
        stream = keystream(self._key, (self._salt << 16) ^ (ssrc << 64) ^ (index << 16), len(payload))
        crypted = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        return packet[:at] + crypted.to_bytes(len(payload), "big")

    def tag(self, packet: bytes, index: int) -> bytes:
        roll_over = struct.pack("!I", index >> 16)
        return hmac.new(self._authentication_key, packet + roll_over, hashlib.sha1).digest()[:TAG_BYTES]


class SrtpSender:
    """Protects the packets of one source."""

    def __init__(self, key_and_salt: bytes) -> None:
        self._session = _Session(key_and_salt)
        self._roll_over = 0
        self._last: int | None = None

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet of an RTP packet; sequence numbers must go up by one."""
        sequence = int.from_bytes(packet[2:4], "big")
        if self._last is not None and sequence < self._last:
            self._roll_over += 1
        self._last = sequence
        index = self._roll_over << 16 | sequence
        encrypted = self._session.crypt(packet, index)
        return encrypted + self._session.tag(encrypted, index)


class SrtpReceiver:
    """Checks and decrypts packets, each source with a roll-over counter and a replay window of its own."""

    def __init__(self, key_and_salt: bytes) -> None:
        self._session = _Session(key_and_salt)
        self._highest: dict[bytes, int] = {}
        self._seen: dict[bytes, int] = {}

    def unprotect(self, packet: bytes) -> bytes:
        """The RTP packet in an SRTP packet. Raises :class:`SrtpError`."""
        if len(packet) < 12 + TAG_BYTES:
            raise SrtpError("too short")
        body, tag = packet[:-TAG_BYTES], packet[-TAG_BYTES:]
        ssrc = body[8:12]
        index = self._index(ssrc, int.from_bytes(body[2:4], "big"))
        if not hmac.compare_digest(self._session.tag(body, index), tag):
            raise SrtpError("not authentic")
        self._not_replayed(ssrc, index)
        return self._session.crypt(body, index)

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

    def _not_replayed(self, ssrc: bytes, index: int) -> None:
        highest = self._highest.get(ssrc)
        if highest is None or index > highest:
            shift = 0 if highest is None else index - highest
            window = self._seen.get(ssrc, 0) << shift if shift < _REPLAY_WINDOW else 0
            self._highest[ssrc] = index
            self._seen[ssrc] = (window | 1) & ((1 << _REPLAY_WINDOW) - 1)
            return
        bit = highest - index
        if bit >= _REPLAY_WINDOW or self._seen[ssrc] >> bit & 1:
            raise SrtpError("a replay")
        self._seen[ssrc] |= 1 << bit
