"""SDES crypto lines (RFC 4568): ``a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31|1:4``."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field

AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"
AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
AEAD_AES_256_GCM = "AEAD_AES_256_GCM"

KEY_LENGTHS = {
    AES_CM_128_HMAC_SHA1_80: 30,
    AES_CM_128_HMAC_SHA1_32: 30,
    "F8_128_HMAC_SHA1_80": 30,
    "AES_192_CM_HMAC_SHA1_80": 38,
    "AES_192_CM_HMAC_SHA1_32": 38,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
    AEAD_AES_128_GCM: 28,
    AEAD_AES_256_GCM: 44,
}
"Bytes of master key and master salt together (RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 14.2)."

_LIFETIME = re.compile(r"(?:2\^(\d{1,2})|(\d{1,15}))\Z")
_MKI = re.compile(r"(\d{1,39}):(\d{1,3})\Z")


class CryptoError(ValueError):
    """A crypto line cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One crypto attribute with one key."""

    tag: int
    suite: str
    key: bytes = field(repr=False)
    "Master key and master salt together."
    session_params: tuple[str, ...] = ()
    lifetime: int | None = None
    "Packets that the key may protect, if the line limits it."
    mki: bytes = b""
    "Master key identifier that each packet carries; empty without one."

    @classmethod
    def parse(cls, value: str) -> Crypto:
        """Read the attribute's value. Raises :class:`CryptoError` when it cannot be used as it is."""
        words = value.split()
        if len(words) < 3:
            raise CryptoError("it needs a tag, a suite and key parameters")
        tag, suite, keys, *session_params = words
        if not (tag.isascii() and tag.isdigit() and len(tag) <= 9):
            raise CryptoError(f"the tag {tag[:20]!r} is no number of at most 9 digits")
        suite = suite.upper()
        # Further keys of the line differ in their MKI; the first is the one in use (RFC 4568 section 6.1).
        method, colon, info = keys.split(";")[0].partition(":")
        if method.lower() != "inline" or not colon:
            raise CryptoError(f"the key method {method[:20]!r} is not inline")
        encoded, *options = info.split("|")
        lifetime, mki = _options(options)
        return cls(int(tag), suite, _key(encoded, suite), tuple(session_params), lifetime, mki)

    @classmethod
    def mint(cls, tag: int, suite: str, random_bytes: Callable[[int], bytes]) -> Crypto:
        """A new key for a suite; ``random_bytes`` gives as many random bytes as it is asked for."""
        if suite not in KEY_LENGTHS:
            raise CryptoError(f"the key length of {suite} is not known")
        return cls(tag, suite, random_bytes(KEY_LENGTHS[suite]))

    def same_key(self, other: Crypto) -> bool:
        """Whether packets under both are alike: tags are numbered anew in each offer, so they do not matter."""
        return (self.suite, self.key, self.mki) == (other.suite, other.key, other.mki)

    def format(self) -> str:
        """The attribute's value."""
        key = base64.b64encode(self.key).decode()
        if self.lifetime is not None:
            power = self.lifetime.bit_length() - 1
            key += f"|2^{power}" if self.lifetime == 1 << power else f"|{self.lifetime}"
        if self.mki:
            key += f"|{int.from_bytes(self.mki)}:{len(self.mki)}"
        return " ".join((str(self.tag), self.suite, f"inline:{key}", *self.session_params))


def _key(encoded: str, suite: str) -> bytes:
    try:
        # Devices are seen that leave the padding away; the length tells how much is missing.
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CryptoError(f"the key is not base64: {error}") from error
    wanted = KEY_LENGTHS.get(suite)
    if wanted is not None and len(key) != wanted:
        raise CryptoError(f"key and salt are {len(key)} bytes, {suite} needs {wanted}")
    return key


def _options(options: list[str]) -> tuple[int | None, bytes]:
    lifetime: int | None = None
    mki = b""
    for option in options:
        if (found := _MKI.match(option)) is not None:
            number, length = int(found[1]), int(found[2])
            if not 1 <= length <= 128 or number >= 1 << (8 * length):
                raise CryptoError(f"the MKI {option[:20]!r} does not fit its length")
            mki = number.to_bytes(length)
        elif (found := _LIFETIME.match(option)) is not None:
            lifetime = 1 << int(found[1]) if found[1] else int(found[2])
        else:
            raise CryptoError(f"{option[:20]!r} is neither a lifetime nor an MKI")
    return lifetime, mki
