"""What a stream says is one tone after the other, however many frames are made at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from certsuite.media import codecs
from certsuite.media.tones import ToneGenerator
from certsuite.media.voice import Voice


@given(st.lists(st.tuples(st.sampled_from([None, 440.0, 1000.5]), st.integers(1, 60)), max_size=6))
def test_frames_made_ahead_are_those_made_one_by_one(said: list[tuple[float | None, int]]) -> None:
    encoder, decoder, voice, tones = (
        codecs.encoder("PCMU"),
        codecs.decoder("PCMU"),
        Voice(codecs.encoder("PCMU")),
        ToneGenerator(8000),
    )
    for hz, frames in said:
        for _ in range(frames):
            alone = decoder.decode(encoder.encode(tones.block(160, hz))).astype(int)
            ahead = decoder.decode(voice.next(hz)).astype(int)
            # A sample that is all but a whole number may fall to either side of it, and of a step of the codec.
            assert np.max(np.abs(ahead - alone)) <= 512
            assert np.mean(ahead != alone) < 0.05


def test_a_new_codec_goes_on_with_the_tone() -> None:
    voice, tones = Voice(codecs.encoder("PCMU")), ToneGenerator(8000)
    for name in ("PCMU", "PCMA", "PCMU"):
        voice.use(codecs.encoder(name))
        for _ in range(3):
            said = codecs.decoder(name).decode(voice.next(700))
            assert np.max(np.abs(said.astype(int) - tones.block(160, 700))) <= 300
    voice.use(codecs.encoder("G722"))
    assert len(voice.next(700)) == 160
