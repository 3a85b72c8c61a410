"""Telephone-events (RFC 4733): digits sent as packets, and read back out of packets."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from certsuite.core.events import DtmfEvent
from certsuite.media.rtp import RtpPacket

DIGITS = "0123456789*#ABCD"
"Digits in the order of their event codes (RFC 4733 table 7)."
END_PACKETS = 3
"How often the last packet of an event is sent (RFC 4733 section 2.5.1.4)."
TIMEOUT_S = 0.5
"Silence after which an event is over although its end was not seen."

_PAYLOAD = struct.Struct("!BBH")
_SEGMENT = 0xFFFF
"Longest duration that a packet can state; longer events go on in a further segment (RFC 4733 section 2.5.1.3)."


def digit_of(code: int) -> str:
    """The digit of an event code; ``flash`` for 16, ``event-N`` for what is no digit."""
    return DIGITS[code] if code < len(DIGITS) else "flash" if code == 16 else f"event-{code}"


@dataclass(slots=True)
class _Current:
    timestamp: int
    code: int
    volume: int
    before: int = 0
    "Duration of the segments before this one, in timestamp units."
    duration: int = 0
    packets: int = 0
    end_packets: int = 0
    last_seen: float = 0.0


class DtmfReceiver:
    """Puts the packets of one stream's telephone-events together to digits."""

    def __init__(self, call_id: str, clock_rate: int) -> None:
        self._call_id = call_id
        self._clock_rate = clock_rate
        self._current: _Current | None = None
        self._closed: deque[int] = deque(maxlen=16)
        "Timestamps of events that were reported: their late packets belong to nothing."
        self._last_sequence: int | None = None

    def receive(self, packet: RtpPacket, now: float) -> list[DtmfEvent]:
        """Take a packet of the telephone-event payload type; gives the events that it completes."""
        if len(packet.payload) < _PAYLOAD.size or packet.sequence == self._last_sequence:
            return []
        self._last_sequence = packet.sequence
        code, flags, duration = _PAYLOAD.unpack_from(packet.payload)
        done: list[DtmfEvent] = []
        if packet.timestamp in self._closed:
            return done
        current = self._current
        if current is not None and packet.timestamp != current.timestamp:
            ahead = (packet.timestamp - current.timestamp) & 0xFFFFFFFF
            if ahead >= 1 << 31:
                return done
            if ahead == _SEGMENT and code == current.code and not current.end_packets:
                self._closed.append(current.timestamp)
                current.timestamp, current.before, current.duration = packet.timestamp, current.before + _SEGMENT, 0
            else:
                done.append(self._close(current))
        if self._current is None:
            self._current = _Current(packet.timestamp, code, flags & 0x3F)
        current = self._current
        current.packets += 1
        current.duration = max(current.duration, duration)
        current.last_seen = now
        if flags & 0x80:
            current.end_packets += 1
            if current.end_packets == END_PACKETS:
                done.append(self._close(current))
        return done

    def poll(self, now: float) -> list[DtmfEvent]:
        """The event that is over because nothing more came for it."""
        if self._current is not None and now - self._current.last_seen >= TIMEOUT_S:
            return [self._close(self._current)]
        return []

    def finish(self) -> list[DtmfEvent]:
        """The event that is over because the stream is."""
        return [] if self._current is None else [self._close(self._current)]

    def _close(self, current: _Current) -> DtmfEvent:
        self._closed.append(current.timestamp)
        self._current = None
        return DtmfEvent(
            call_id=self._call_id,
            digit=digit_of(current.code),
            duration_ms=round((current.before + current.duration) * 1000 / self._clock_rate, 3),
            end_packets=current.end_packets,
            packets=current.packets,
            volume=current.volume,
        )


@dataclass(frozen=True, slots=True)
class DtmfFrame:
    """What goes into one packet: its timestamp is that of the event's beginning."""

    payload: bytes
    timestamp: int
    marker: bool


class DtmfSender:
    """Gives the packets of queued digits, one each packet interval, with a pause after each digit."""

    def __init__(self, clock_rate: int, *, interval_ms: int = 20, tone_ms: int = 100, pause_ms: int = 100) -> None:
        self._step = clock_rate * interval_ms // 1000
        self._intervals = max(tone_ms // interval_ms, 1)
        self._pauses = max(pause_ms // interval_ms, 1)
        self._codes: deque[int] = deque()
        self._position = 0
        "Packets of the present digit that were given, then pauses."
        self._timestamp = 0
        self._volume = 10

    def queue(self, digits: str) -> None:
        """Add digits. Raises :class:`ValueError` for what is none."""
        codes = []
        for digit in digits.upper():
            if digit not in DIGITS:
                raise ValueError(f"{digit!r} is no DTMF digit")
            codes.append(DIGITS.index(digit))
        self._codes.extend(codes)

    @property
    def busy(self) -> bool:
        """Whether digits or their pauses are left."""
        return bool(self._codes)

    def next(self, timestamp: int) -> DtmfFrame | None:
        """What to send in the interval that begins at ``timestamp``; none when it is audio's turn."""
        if not self._codes:
            return None
        position, last = self._position, self._intervals - 1
        self._position += 1
        if position > last + END_PACKETS - 1:
            if position - last - END_PACKETS + 1 >= self._pauses:
                self._codes.popleft()
                self._position = 0
            return None
        if position == 0:
            self._timestamp = timestamp
        duration = min((min(position, last) + 1) * self._step, _SEGMENT)
        flags = (0x80 if position >= last else 0) | self._volume
        return DtmfFrame(_PAYLOAD.pack(self._codes[0], flags, duration), self._timestamp, position == 0)
