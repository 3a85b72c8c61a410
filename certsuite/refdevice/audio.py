"""G.711 and the tones of digits, in the standard library alone (ITU-T G.711, Q.23)."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache
from itertools import pairwise

RATE = 8000
DIGITS = "0123456789*#ABCD"
"Digits in the order of their event codes (RFC 4733 section 3.2)."
SILENCE = {
    "PCMU": b"\xff" * 160,
    "PCMA": b"\xd5" * 160,
    "G722": b"\xff" * 160,
    "OPUS": b"\xf8\xff\xfe",
    "G729": bytes.fromhex("78f800a000fac20007d6782ec0a000fac20007d6"),
}
"20 ms of silence in each codec; the device echoes what it cannot decode as it came."
CLOCK_HZ = {"PCMU": 8000, "PCMA": 8000, "G722": 8000, "OPUS": 48_000, "G729": 8000}
"RTP clock rates (RFC 3551 section 4.5.2, RFC 7587 section 4.1)."
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYPAD = "123A456B789C*0#D"
_AMPLITUDE = 6000
_RING_BACK_HZ = 425
_ULAW_BIAS = 0x84


def ulaw_to_linear(code: int) -> int:
    """16 bit sample of a mu-law octet."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _ULAW_BIAS << ((code & 0x70) >> 4)) - _ULAW_BIAS
    return -magnitude if code & 0x80 else magnitude


def alaw_to_linear(code: int) -> int:
    """16 bit sample of an A-law octet."""
    code ^= 0x55
    segment, magnitude = (code & 0x70) >> 4, ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = magnitude + 0x100 << segment - 1
    return magnitude if code & 0x80 else -magnitude


@cache
def _nearest(codec: str) -> tuple[list[int], list[int]]:
    """Boundaries between neighbouring sample values of a codec, and the octets on their sides."""
    decode = _DECODERS[codec]
    values: dict[int, int] = {}
    for code in range(256):
        # Both zeroes of mu-law are one value: the positive one is kept.
        values[decode(code)] = code
    ordered = sorted(values)
    boundaries = [(low + high) // 2 for low, high in pairwise(ordered)]
    return boundaries, [values[value] for value in ordered]


def encode(samples: list[int], codec: str) -> bytes:
    """G.711 octets of 16 bit samples, each the nearest value of the codec."""
    boundaries, codes = _nearest(codec)
    return bytes(codes[bisect_left(boundaries, sample)] for sample in samples)


def decode(data: bytes, codec: str) -> list[int]:
    """16 bit samples of G.711 octets."""
    decoder = _DECODERS[codec]
    return [decoder(code) for code in data]


@cache
def _table(source: str, target: str) -> bytes:
    return encode(decode(bytes(range(256)), source), target)


def transcode(data: bytes, source: str, target: str) -> bytes:
    """G.711 octets of one law as those of the other; any other codec's as they are."""
    return data if source == target else data.translate(_table(source, target))


@cache
def _louder(codec: str, gain: float) -> bytes:
    samples = [max(min(int(one * gain), 32767), -32768) for one in decode(bytes(range(256)), codec)]
    return encode(samples, codec)


def louder(data: bytes, codec: str, gain: float) -> bytes:
    """G.711 octets with another loudness."""
    return data.translate(_louder(codec, gain))


@cache
def digit_tone(digit: str, codec: str, duration_ms: int) -> bytes:
    """The two tones of a digit as G.711."""
    row, column = divmod(_KEYPAD.index(digit), 4)
    steps = [2 * math.pi * frequency / RATE for frequency in (_ROWS[row], _COLUMNS[column])]
    samples = [int(_AMPLITUDE * sum(math.sin(step * n) for step in steps)) for n in range(RATE * duration_ms // 1000)]
    return encode(samples, codec)


@cache
def ring_back(codec: str) -> tuple[bytes, bytes]:
    """Two frames of 20 ms that repeat: 425 Hz as G.711 (ITU-T E.180), silence in any other codec."""
    if codec not in _DECODERS:
        return SILENCE[codec], SILENCE[codec]
    samples = [int(_AMPLITUDE * math.sin(2 * math.pi * _RING_BACK_HZ * n / RATE)) for n in range(RATE // 25)]
    data = encode(samples, codec)
    return data[:160], data[160:]


_DECODERS = {"PCMU": ulaw_to_linear, "PCMA": alaw_to_linear}
