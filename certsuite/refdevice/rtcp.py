"""RTCP of one call: what came is counted, and reported with what was sent (RFC 3550 sections 6 and A.3)."""

from __future__ import annotations

import struct

from certsuite.refdevice.rtp import Packet

SR, RR, SDES, BYE = 200, 201, 202, 203
_CNAME = 1


def is_rtcp(data: bytes) -> bool:
    """Whether it is RTCP rather than RTP (RFC 5761 section 4)."""
    return len(data) >= 8 and 192 <= data[1] <= 223


class Reception:
    """What came of one source."""

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self._first = self._highest = self._received = 0
        self._transit = self._jitter = 0.0
        self._expected_before = self._received_before = 0

    def add(self, packet: Packet, now: float, clock_hz: int) -> None:
        """Count a packet of audio that came at ``now``, in seconds."""
        transit = now * clock_hz - packet.timestamp
        if packet.ssrc != self.ssrc:
            self.ssrc = packet.ssrc
            self._first = self._highest = packet.sequence
            self._received = self._expected_before = self._received_before = 0
            self._transit, self._jitter = transit, 0.0
        ahead = (packet.sequence - self._highest) & 0xFFFF
        if ahead < 0x8000:
            self._highest += ahead
        self._received += 1
        self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit

    def block(self, last_sr: int, delay: int, *, counts_lost: bool, jitter_factor: float) -> bytes:
        """The report block about it; ``last_sr`` and ``delay`` as they are in there."""
        assert self.ssrc is not None
        expected = self._highest - self._first + 1
        lost = expected - self._received if counts_lost else 0
        new = expected - self._expected_before
        new_lost = new - (self._received - self._received_before) if counts_lost else 0
        self._expected_before, self._received_before = expected, self._received
        fraction = min((max(new_lost, 0) << 8) // new, 255) if new else 0
        jitter = int(self._jitter * jitter_factor) & 0xFFFFFFFF
        losses = fraction << 24 | lost & 0xFFFFFF
        return struct.pack("!IIIIII", self.ssrc, losses, self._highest & 0xFFFFFFFF, jitter, last_sr, delay)


def sender_report(ssrc: int, now: float, timestamp: int, packets: int, octets: int, block: bytes) -> bytes:
    """SR at ``now``, in seconds, with a report block or none."""
    info = struct.pack("!QIII", int(now * (1 << 32)), timestamp, packets, octets & 0xFFFFFFFF)
    return _packet(SR, 1 if block else 0, struct.pack("!I", ssrc) + info + block)


def receiver_report(ssrc: int, block: bytes) -> bytes:
    """RR of who has sent nothing since the last one."""
    return _packet(RR, 1 if block else 0, struct.pack("!I", ssrc) + block)


def description(ssrc: int, cname: str) -> bytes:
    """SDES with the canonical name."""
    name = cname.encode()
    item = bytes([_CNAME, len(name)]) + name
    return _packet(SDES, 1, struct.pack("!I", ssrc) + item + bytes(4 - len(item) % 4))


def goodbye(ssrc: int) -> bytes:
    """BYE."""
    return _packet(BYE, 1, struct.pack("!I", ssrc))


def last_sender_report(data: bytes) -> int | None:
    """The middle 32 bits of the NTP time of the SR that a compound packet begins with; ``None`` if it does not."""
    if len(data) < 28 or data[1] != SR:
        return None
    return int.from_bytes(data[10:14], "big")


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
