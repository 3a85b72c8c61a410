"""SRTP and SRTCP (RFC 3711, RFC 7714) for one direction of one stream, on libsrtp."""

from __future__ import annotations

from collections.abc import Callable

from pylibsrtp import Error as LibsrtpError
from pylibsrtp import Policy, Session

from certsuite.sdp.crypto import (
    AEAD_AES_128_GCM,
    AEAD_AES_256_GCM,
    AES_CM_128_HMAC_SHA1_32,
    AES_CM_128_HMAC_SHA1_80,
    Crypto,
)

_PROFILES = {
    AES_CM_128_HMAC_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 10, 10),
    AES_CM_128_HMAC_SHA1_32: (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 4, 10),
    AEAD_AES_128_GCM: (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 0, 0),
    AEAD_AES_256_GCM: (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 0, 0),
}
"""libsrtp's profile, and the bytes of authentication tag behind the MKI in SRTP and in SRTCP, whose tags are long in
every suite (RFC 4568 section 6.2.2); in AEAD the MKI is last (RFC 7714 section 9)."""
SUITES = tuple(_PROFILES)
"Suites that can be protected and unprotected."


class SrtpError(Exception):
    """A packet cannot be protected or unprotected."""


class UnsupportedSuite(SrtpError):
    """The library does not know the suite."""


class AuthenticationFailure(SrtpError):
    """The packet was not made with the agreed key, or was changed."""


class ReplayedPacket(SrtpError):
    """The packet is authentic as far as it was looked at, and its index was seen before or is too old."""


_REPLAYS = ("replay check failed (bad index)", "replay check failed (index too old)")


def _session(crypto: Crypto, direction: int) -> Session:
    if crypto.suite not in _PROFILES:
        raise UnsupportedSuite(f"the SRTP library has no {crypto.suite}")
    profile = _PROFILES[crypto.suite][0]
    try:
        return Session(Policy(key=crypto.key, ssrc_type=direction, srtp_profile=profile))
    except (LibsrtpError, ValueError) as error:
        raise SrtpError(f"{crypto.suite}: {error}") from error


def _tried(function: Callable[[bytes], bytes], packet: bytes) -> bytes:
    """What the library makes of a packet, its errors as ours."""
    try:
        return function(packet)
    except LibsrtpError as error:
        text = str(error)
        if text in _REPLAYS:
            raise ReplayedPacket(text) from error
        if text == "authentication failure":
            raise AuthenticationFailure(text) from error
        raise SrtpError(text) from error
    except ValueError as error:
        raise SrtpError(str(error)) from error


class Protector:
    """Protects what is sent under one key. Rollover counter and sequence numbers live as long as it does."""

    def __init__(self, crypto: Crypto) -> None:
        self.crypto = crypto
        self._session = _session(crypto, Policy.SSRC_ANY_OUTBOUND)
        _, self._tag_length, self._rtcp_tag_length = _PROFILES[crypto.suite]

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet as SRTP. Raises :class:`SrtpError` when it cannot be, such as for an index used before."""
        return self._with_mki(_tried(self._session.protect, packet), self._tag_length)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """An RTCP packet as SRTCP. Raises :class:`SrtpError` when it cannot be."""
        return self._with_mki(_tried(self._session.protect_rtcp, packet), self._rtcp_tag_length)

    def _with_mki(self, protected: bytes, tag_length: int) -> bytes:
        end = len(protected) - tag_length
        return protected[:end] + self.crypto.mki + protected[end:]


class Unprotector:
    """Authenticates and decrypts what is received under one key, from any SSRC."""

    def __init__(self, crypto: Crypto) -> None:
        self.crypto = crypto
        self._session = _session(crypto, Policy.SSRC_ANY_INBOUND)
        _, self._tag_length, self._rtcp_tag_length = _PROFILES[crypto.suite]

    def unprotect(self, packet: bytes) -> bytes:
        """An SRTP packet as RTP.

        Raises :class:`AuthenticationFailure`, :class:`ReplayedPacket`, or another :class:`SrtpError` when it is no
        packet at all.
        """
        return _tried(self._session.unprotect, self._without_mki(packet, self._tag_length))

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """An SRTCP packet as RTCP. Raises what :meth:`unprotect` does."""
        return _tried(self._session.unprotect_rtcp, self._without_mki(packet, self._rtcp_tag_length))

    def _without_mki(self, packet: bytes, tag_length: int) -> bytes:
        if not self.crypto.mki:
            return packet
        end = len(packet) - tag_length
        start = end - len(self.crypto.mki)
        if start < 0 or packet[start:end] != self.crypto.mki:
            raise AuthenticationFailure("the packet does not carry the agreed MKI")
        return packet[:start] + packet[end:]
