"""What is sent in G.729 is the tone that was asked for, as FFmpeg's decoder hears it."""

from __future__ import annotations

import numpy as np
import pytest

from certsuite.bench import party
from certsuite.media import codecs
from certsuite.media.g729 import TONES_HZ, RecordedEncoder
from certsuite.media.tones import ToneGenerator, detect_tone


def test_each_tone_of_a_call_is_recorded() -> None:
    assert set(party._TONES_HZ) <= set(TONES_HZ)


@pytest.mark.parametrize("hz", TONES_HZ)
def test_a_recorded_tone_is_heard_for_longer_than_its_recording(hz: int) -> None:
    encoder, decoder, source = RecordedEncoder(), codecs.decoder("G729"), ToneGenerator(8000)
    payloads = [encoder.encode(source.block(encoder.frame_samples, hz)) for _ in range(60)]
    assert {len(payload) for payload in payloads} == {20}
    samples = np.concatenate([decoder.decode(payload) for payload in payloads])
    heard = [detect_tone(samples[at : at + 800], 8000) for at in range(800, len(samples) - 800, 800)]
    near = [tone for tone in heard if abs(tone.hz - hz) <= 0.03 * hz and tone.purity >= 0.35 and tone.level_dbfs > -45]
    assert len(near) >= len(heard) - 1


def test_whatever_else_is_silence() -> None:
    encoder, decoder = RecordedEncoder(), codecs.decoder("G729")
    for samples in (np.zeros(160, np.int16), ToneGenerator(8000).block(160, 2500)):
        decoded = [decoder.decode(encoder.encode(samples)) for _ in range(10)]
        assert np.abs(np.concatenate(decoded[5:])).max() < 40


def test_another_tone_begins_at_its_beginning() -> None:
    encoder, other = RecordedEncoder(), RecordedEncoder()
    low, high = (ToneGenerator(8000).block(160, hz) for hz in (420, 1480))
    encoder.encode(low)
    assert encoder.encode(high) == other.encode(high)
    assert encoder.encode(high) != other.encode(low)
