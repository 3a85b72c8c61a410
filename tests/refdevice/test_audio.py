"""G.711 and the tones of digits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from certsuite.refdevice.audio import (
    SILENCE,
    alaw_to_linear,
    decode,
    digit_tone,
    encode,
    louder,
    ring_back,
    transcode,
    ulaw_to_linear,
)


def test_ring_back_goes_on_over_its_frames() -> None:
    samples = [decode(frame, "PCMU") for frame in ring_back("PCMU")]
    whole = [*samples[0], *samples[1], *samples[0]]
    crossings = sum(1 for one, other in pairwise(whole) if one < 0 <= other)
    assert abs(crossings - 425 * 0.06) <= 1
    assert ring_back("OPUS") == (SILENCE["OPUS"],) * 2


def test_known_values() -> None:
    assert [ulaw_to_linear(code) for code in (0xFF, 0x7F, 0x80, 0x00, 0xFE)] == [0, 0, 32_124, -32_124, 8]
    assert [alaw_to_linear(code) for code in (0xD5, 0x55, 0xAA, 0x2A, 0xD4)] == [8, -8, 32_256, -32_256, 24]


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_every_octet_is_the_nearest_to_its_own_value(codec: str) -> None:
    codes = bytes(range(256))
    assert decode(encode(decode(codes, codec), codec), codec) == decode(codes, codec)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_silence_is_silent(codec: str) -> None:
    assert abs(decode(SILENCE[codec], codec)[0]) <= 8


def test_one_law_as_the_other() -> None:
    loud = encode([-20_000, -300, 0, 300, 20_000], "PCMU")
    assert transcode(loud, "PCMU", "PCMU") is loud
    assert decode(transcode(loud, "PCMU", "PCMA"), "PCMA") == pytest.approx(decode(loud, "PCMU"), rel=0.05, abs=16)


@pytest.mark.parametrize(("digit", "row", "column"), [("1", 697, 1209), ("5", 770, 1336), ("#", 941, 1477)])
def test_a_digit_is_its_two_tones(digit: str, row: int, column: int) -> None:
    samples = np.array(decode(digit_tone(digit, "PCMA", 120), "PCMA"))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8000))
    spectrum_peaks = {int(np.argmax(spectrum[:1075])), 1075 + int(np.argmax(spectrum[1075:]))}
    assert len(samples) == 960
    assert all(min(abs(peak - tone) for peak in spectrum_peaks) <= 2 for tone in (row, column))


def test_louder_and_quieter() -> None:
    samples = [0, 1000, -1000, 20000]
    for codec in ("PCMU", "PCMA"):
        made = decode(louder(encode(samples, codec), codec, 4.0), codec)
        assert all(abs(one - 4 * two) <= 200 for one, two in zip(made[:3], samples[:3], strict=True))
        assert made[3] > 31_000
