"""RTP packets (RFC 3550 section 5.1), and telling RTCP from RTP on one port (RFC 5761 section 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER = struct.Struct("!BBHII")
HEADER_LENGTH = _HEADER.size
"Bytes of a header without contributing sources and extension."


class RtpError(ValueError):
    """A datagram is no RTP packet; the text says why."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet in the clear."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    contributing: tuple[int, ...] = ()
    "CSRC identifiers."
    extension: tuple[int, bytes] | None = None
    "Profile's number and data of the header extension; the data is a multiple of 4 bytes."
    padding: int = 0
    "Bytes of padding, the one that counts them included."

    def pack(self) -> bytes:
        """The packet as on the wire."""
        first = 0x80 | (0x20 if self.padding else 0) | (0x10 if self.extension is not None else 0)
        second = (0x80 if self.marker else 0) | self.payload_type
        head = _HEADER.pack(first | len(self.contributing), second, self.sequence, self.timestamp, self.ssrc)
        if not (self.contributing or self.extension or self.padding):
            return head + self.payload
        head += b"".join(source.to_bytes(4) for source in self.contributing)
        if self.extension is not None:
            profile, data = self.extension
            if len(data) % 4:
                raise RtpError(f"{len(data)} bytes of extension are no whole words")
            head += struct.pack("!HH", profile, len(data) // 4) + data
        tail = bytes(self.padding - 1) + bytes([self.padding]) if self.padding else b""
        return head + self.payload + tail

    @classmethod
    def unpack(cls, data: bytes) -> RtpPacket:
        """Read a packet. Raises :class:`RtpError` when it is none."""
        if len(data) < HEADER_LENGTH:
            raise RtpError(f"{len(data)} bytes are shorter than a header")
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        if first >> 6 != 2:
            raise RtpError(f"version {first >> 6} is not 2")
        if first & 0x3F == 0:
            return cls(second & 0x7F, sequence, timestamp, ssrc, data[HEADER_LENGTH:], second >= 0x80)
        start = HEADER_LENGTH + 4 * (first & 0x0F)
        if start > len(data):
            raise RtpError("the contributing sources do not fit")
        contributing = struct.unpack_from(f"!{first & 0x0F}I", data, HEADER_LENGTH)
        extension = None
        if first & 0x10:
            if start + 4 > len(data):
                raise RtpError("the extension's header does not fit")
            profile, words = struct.unpack_from("!HH", data, start)
            end = start + 4 + 4 * words
            if end > len(data):
                raise RtpError("the extension does not fit")
            extension = (profile, data[start + 4 : end])
            start = end
        padding = 0
        if first & 0x20:
            padding = data[-1] if len(data) > start else 0
            if not 1 <= padding <= len(data) - start:
                raise RtpError(f"{padding} bytes of padding do not fit")
        payload = data[start : len(data) - padding]
        marker = second >= 0x80
        return cls(second & 0x7F, sequence, timestamp, ssrc, payload, marker, contributing, extension, padding)


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram's second byte is that of an RTCP packet rather than of an RTP one."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223
