"""RTP packets, telephone events and the jitter buffer (RFC 3550, RFC 4733)."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from certsuite.refdevice.srtp import SrtpError, header_length

_HEADER = struct.Struct("!BBHII")
FRAME = 160
"Samples, and octets of G.711, of 20 ms."
_PREFILL = 3
_FULL = 12
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

    def __init__(self, *, waits_for_lost: bool = False) -> None:
        self._waits_for_lost = waits_for_lost
        self._frame = FRAME
        self._frames: deque[bytes] = deque()
        self._rest = b""
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
                self._append(self._waiting.pop(self._next))
            elif len(self._waiting) >= _REORDERED and not self._waits_for_lost:
                self._append(silence)
            else:
                break
            self._next = (self._next + 1) & 0xFFFF
        if len(self._frames) > _FULL:
            self._frames = deque(list(self._frames)[-_PREFILL:])

    def _append(self, audio: bytes) -> None:
        if not self._frame:
            self._frames.append(audio)
            return
        self._rest += audio
        while len(self._rest) >= self._frame:
            self._frames.append(self._rest[: self._frame])
            self._rest = self._rest[self._frame :]

    def take(self) -> bytes | None:
        """The next 20 ms; ``None`` if there is nothing to give."""
        if not self._flows and len(self._frames) < _PREFILL:
            return None
        self._flows = bool(self._frames)
        return self._frames.popleft() if self._flows else None

    def clear(self, frame: int = FRAME) -> None:
        """Forget what was received; from now on 20 ms have so many octets, or are one packet each if 0."""
        self._frame = frame
        self._frames.clear()
        self._rest = b""
        self._waiting.clear()
        self._source = None
        self._flows = False
