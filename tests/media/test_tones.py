"""Tones are made without jumps and found where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certsuite.media import codecs
from certsuite.media.tones import SILENCE, ToneGenerator, clipped_share, detect_digit, detect_tone, silent_ms


@settings(max_examples=60)
@given(
    hz=st.floats(300, 3400),
    level=st.floats(-40, -3),
    rate=st.sampled_from([8000, 16000, 48000]),
    start=st.integers(0, 5000),
)
def test_a_tone_is_found_in_100_ms(hz: float, level: float, rate: int, start: int) -> None:
    generator = ToneGenerator(rate, level)
    generator.block(start + 1, hz)
    tone = detect_tone(generator.block(rate // 10, hz), rate)
    assert abs(tone.hz - hz) < 1
    assert abs(tone.level_dbfs - level) < 0.3
    assert tone.purity > 0.98


@settings(max_examples=40)
@given(hz=st.floats(300, 3400), blocks=st.integers(2, 10))
def test_a_tone_is_found_behind_ulaw_in_windows_of_any_number_of_packets(hz: float, blocks: int) -> None:
    encoder, decoder, generator = codecs.encoder("PCMU"), codecs.decoder("PCMU"), ToneGenerator(8000)
    heard = [decoder.decode(encoder.encode(generator.block(160, hz))) for _ in range(blocks)]
    tone = detect_tone(np.concatenate(heard), 8000)
    assert abs(tone.hz - hz) < hz * 0.02
    assert tone.purity > 0.95


def test_blocks_join_without_a_jump() -> None:
    generator = ToneGenerator(8000)
    joined = np.concatenate([generator.block(160, hz) for hz in (440, 440, 700, 333)])
    fastest = 2 * np.pi * 700 / 8000 * 32768 * 10 ** (-12 / 20)
    assert np.max(np.abs(np.diff(joined.astype(int)))) <= fastest + 2
    whole = ToneGenerator(8000)
    assert np.array_equal(whole.block(320, 440)[160:], joined[160:320])


def test_silence_and_noise_are_no_tone() -> None:
    assert detect_tone(np.zeros(800, np.int16), 8000) == SILENCE
    assert detect_tone(np.full(800, 12000, np.int16), 8000) == SILENCE
    assert detect_tone(ToneGenerator(8000).block(800, None), 8000) == SILENCE
    assert detect_tone(ToneGenerator(8000, -70).block(800, 1000), 8000) == SILENCE
    noise = np.random.default_rng(7).normal(0, 3000, 800).astype(np.int16)
    assert detect_tone(noise, 8000).purity < 0.2


def test_the_stronger_of_two_tones_is_found_and_is_not_pure() -> None:
    both = ToneGenerator(8000, -12).block(800, 600) + ToneGenerator(8000, -15).block(800, 1500)
    tone = detect_tone(both, 8000)
    assert abs(tone.hz - 600) < 1
    assert tone.purity == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.parametrize("count", [0, 1, 159])
def test_too_little_says_nothing(count: int) -> None:
    assert detect_tone(np.full(count, 9000, np.int16), 8000) == SILENCE


def of_digit(low: float, high: float, *, count: int = 800, quieter: float = 1.0) -> codecs.Samples:
    at = np.arange(count) / 8000
    mixed = 6000 * np.sin(2 * np.pi * low * at) + 6000 * quieter * np.sin(2 * np.pi * high * at)
    return mixed.astype(np.int16)


@pytest.mark.parametrize(
    ("digit", "low", "high"), [("1", 697, 1209), ("5", 770, 1336), ("#", 941, 1477), ("D", 941, 1633)]
)
def test_the_two_tones_of_a_digit(digit: str, low: int, high: int) -> None:
    assert detect_digit(of_digit(low, high), 8000) == digit
    assert detect_digit(of_digit(low, high, quieter=0.5), 8000) == digit
    assert not detect_digit(of_digit(low, high, quieter=0.1), 8000), "one of them is hardly there"
    assert not detect_digit(of_digit(low, high, count=160), 8000), "too short"
    noise = np.random.default_rng(1).integers(-6000, 6000, 800)
    assert not detect_digit((of_digit(low, high) + 2 * noise).astype(np.int16), 8000)
    assert not detect_digit(np.zeros(800, np.int16), 8000)


def test_full_scale_and_gaps() -> None:
    tone = ToneGenerator(8000).block(800, 440)
    assert (clipped_share(tone), silent_ms(tone, 8000)) == (0, 0)
    loud = np.clip(tone.astype(np.int32) * 10, -32768, 32767).astype(np.int16)
    assert 0.5 < clipped_share(loud) < 1
    tone[160:400] = 0
    assert silent_ms(tone, 8000) == 30
    assert silent_ms(tone[:0], 8000) == 0
    assert clipped_share(tone[:0]) == 0
