"""RTCP: compound packets of reports, descriptions and byes, made and read (RFC 3550 section 6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SR, _RR, _SDES, _BYE, _APP = 200, 201, 202, 203, 204
_NAMES = {_SR: "SR", _RR: "RR", _SDES: "SDES", _BYE: "BYE", _APP: "APP"}
_CNAME = 1
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
_GREATEST_COUNT = 31


class RtcpError(ValueError):
    """A datagram is no RTCP packet; the text says why."""


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender says of itself."""

    ntp: int
    "Time of the report: seconds since 1900 in the upper 32 bits, their fraction in the lower ones."
    timestamp: int
    "The same moment in RTP timestamp units."
    packets: int
    octets: int
    "Of payload."


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one source arrived."""

    ssrc: int
    lost: int
    "Packets expected and not received since the beginning; negative where duplicates outnumber the lost ones."
    highest_sequence: int
    "Extended by the number of times that it rolled over."
    jitter: int
    "In timestamp units."
    fraction_lost: int = 0
    "Of 256, since the last report."
    last_sr: int = 0
    "Middle 32 bits of the NTP time of the last sender report."
    delay_since_sr: int = 0
    "In 65536ths of a second."


@dataclass(frozen=True, slots=True)
class Compound:
    """What stood in one datagram."""

    kinds: tuple[str, ...]
    "``SR``, ``RR``, ``SDES``, ``BYE``, ``APP``, or the number of a packet type, in order."
    ssrc: int
    "Who sent it."
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    cname: str = ""
    "Canonical name; empty where there is none."

    @property
    def flaw(self) -> str:
        """Why it has not the form of RFC 3550 section 6.1; empty if it has."""
        if self.kinds[0] not in ("SR", "RR"):
            return f"it begins with {self.kinds[0]}, and not with a report"
        if not self.cname:
            return "it has no SDES with a CNAME"
        return ""


def pack(
    ssrc: int, cname: str, *, sender: SenderInfo | None = None, block: ReportBlock | None = None, bye: bool = False
) -> bytes:
    """A compound packet: SR, or RR of who sends nothing, then SDES with the CNAME, and BYE if it ends here."""
    body = ssrc.to_bytes(4)
    if sender is not None:
        body += _SENDER.pack(sender.ntp, sender.timestamp & 0xFFFFFFFF, sender.packets, sender.octets & 0xFFFFFFFF)
    if block is not None:
        losses = block.fraction_lost << 24 | (max(min(block.lost, 0x7FFFFF), -0x800000) & 0xFFFFFF)
        body += _BLOCK.pack(
            block.ssrc, losses, block.highest_sequence, block.jitter, block.last_sr, block.delay_since_sr
        )
    report = _packet(_RR if sender is None else _SR, int(block is not None), body)
    name = cname.encode()[:255]
    item = bytes([_CNAME, len(name)]) + name
    description = _packet(_SDES, 1, ssrc.to_bytes(4) + item + bytes(4 - len(item) % 4))
    return report + description + (_packet(_BYE, 1, ssrc.to_bytes(4)) if bye else b"")


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def unpack(data: bytes) -> Compound:
    """Read a datagram. Raises :class:`RtcpError` when it is no sequence of RTCP packets, each as long as it says."""
    kinds: list[str] = []
    ssrc = 0
    sender: SenderInfo | None = None
    blocks: list[ReportBlock] = []
    cname = ""
    at = 0
    while at < len(data) or not kinds:
        if len(data) - at < 8 and not (kinds and len(data) - at >= 4):
            raise RtcpError(f"{len(data) - at} bytes are shorter than a packet")
        first, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2:
            raise RtcpError(f"version {first >> 6} is not 2")
        if end > len(data):
            raise RtcpError(f"a packet of {4 + 4 * words} bytes in {len(data) - at}")
        body, count = data[at + 4 : end], first & _GREATEST_COUNT
        if not kinds:
            ssrc = int.from_bytes(body[:4])
        kinds.append(_NAMES.get(kind, str(kind)))
        if kind == _SR:
            sender = SenderInfo(*_SENDER.unpack_from(_of_length(body, 4 + _SENDER.size), 4))
        if kind in (_SR, _RR):
            blocks += _blocks(body, 4 + (_SENDER.size if kind == _SR else 0), count)
        if kind == _SDES and count and not cname:
            cname = _cname(body)
        at = end
    return Compound(tuple(kinds), ssrc, sender, tuple(blocks), cname)


def _of_length(body: bytes, length: int) -> bytes:
    if len(body) < length:
        raise RtcpError(f"a report of {len(body)} bytes, where {length} are needed")
    return body


def _blocks(body: bytes, at: int, count: int) -> list[ReportBlock]:
    _of_length(body, at + count * _BLOCK.size)
    found = []
    for number in range(count):
        ssrc, losses, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, at + number * _BLOCK.size)
        lost = (losses & 0xFFFFFF) - (0x1000000 if losses & 0x800000 else 0)
        found.append(ReportBlock(ssrc, lost, highest, jitter, losses >> 24, last_sr, delay))
    return found


def _cname(body: bytes) -> str:
    """The CNAME of the first chunk; empty where there is none."""
    at = 4
    while at + 2 <= len(body) and body[at]:
        kind, length = body[at], body[at + 1]
        if at + 2 + length > len(body):
            raise RtcpError("an item of the description does not fit")
        if kind == _CNAME:
            return body[at + 2 : at + 2 + length].decode(errors="replace")
        at += 2 + length
    return ""
