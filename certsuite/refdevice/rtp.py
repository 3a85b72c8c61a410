"""RTP packets, telephone events and the jitter buffer (RFC 3550, RFC 4733)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from certsuite.refdevice.srtp import SrtpError, header_length

_HEADER = struct.Struct("!BBHII")
FRAME = 160
"Samples, and octets of G.711, of 20 ms."
_PREFILL = 3 * FRAME
_FULL = 12 * FRAME
_REORDERED = 3
_BEGUN_ANEW = 4


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def to_bytes(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return _HEADER.pack(0x80, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def parse(data: bytes) -> Packet:
    """Read a packet; CSRCs, an extension and padding are dropped. Raises :class:`SrtpError` if it is none."""
    at = header_length(data)
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    end = len(data)
    if first & 0x20:
        if not 0 < data[-1] <= end - at:
            raise SrtpError("not RTP")
        end -= data[-1]
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[at:end], bool(second & 0x80))


def telephone_event(code: int, duration: int, *, end: bool) -> bytes:
    """Payload of a telephone event at -10 dBm0 (RFC 4733 section 2.3)."""
    return struct.pack("!BBH", code, (0x80 if end else 0) | 10, duration)


class JitterBuffer:
    """Received audio in its order, given out again in frames of 20 ms.

    It begins to give when it holds 60 ms, and again so after it ran dry; a gap becomes silence.
    """

    def __init__(self) -> None:
        self._audio = bytearray()
        self._waiting: dict[int, bytes] = {}
        self._next: int | None = None
        self._source: int | None = None
        self._flows = False
        self._late = 0

    def put(self, packet: Packet, audio: bytes, silence: bytes) -> None:
        """Take the audio of a packet; ``silence`` stands for each packet that is missing before it."""
        if packet.ssrc != self._source:
            self._source, self._next = packet.ssrc, packet.sequence
            self._waiting.clear()
        assert self._next is not None
        ahead = (packet.sequence - self._next) & 0xFFFF
        if ahead >= 0x8000:
            # Too late: what comes after it was given out. A source that goes on so has begun anew.
            self._late += 1
            if self._late < _BEGUN_ANEW:
                return
            self._next, ahead = packet.sequence, 0
            self._waiting.clear()
        self._late = 0
        self._waiting[packet.sequence] = audio
        if ahead > 100:
            self._waiting = {packet.sequence: audio}
            self._next = packet.sequence
        while self._waiting:
            if self._next in self._waiting:
                self._audio += self._waiting.pop(self._next)
            elif len(self._waiting) >= _REORDERED:
                self._audio += silence
            else:
                break
            self._next = (self._next + 1) & 0xFFFF
        if len(self._audio) > _FULL:
            del self._audio[: len(self._audio) - _PREFILL]

    def take(self) -> bytes | None:
        """The next 20 ms; ``None`` if there is nothing to give."""
        if not self._flows and len(self._audio) < _PREFILL:
            return None
        self._flows = len(self._audio) >= FRAME
        if not self._flows:
            return None
        frame = bytes(self._audio[:FRAME])
        del self._audio[:FRAME]
        return frame

    def clear(self) -> None:
        """Forget what was received."""
        self._audio.clear()
        self._waiting.clear()
        self._source = None
        self._flows = False
