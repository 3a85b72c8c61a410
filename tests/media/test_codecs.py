"""Codecs: tables against ITU-T G.711, the others by what a tone sounds like behind them."""

from __future__ import annotations

import numpy as np
import pytest

from certsuite.media import codecs
from certsuite.media.tones import ToneGenerator, detect_tone


def test_ulaw_points_of_g711() -> None:
    """Decoder output values of ITU-T G.711 table 2a and 2b, on the 16 bit scale (14 bit values times four)."""
    decoded = codecs.decoder("PCMU").decode(bytes([0x80, 0x8F, 0x9F, 0xAF, 0xBF, 0xCF, 0xDF, 0xEF, 0xFE, 0xFF]))
    assert decoded.tolist() == [4 * value for value in (8031, 4191, 2079, 1023, 495, 231, 99, 33, 2, 0)]
    negative = codecs.decoder("PCMU").decode(bytes([0x00, 0x0F, 0x7E, 0x7F]))
    assert negative.tolist() == [-32124, -16764, -8, 0]


def test_alaw_points_of_g711() -> None:
    """Decoder output values of ITU-T G.711 table 1a and 1b, even bits inverted, on the 16 bit scale (times eight)."""
    decoded = codecs.decoder("PCMA").decode(bytes(code ^ 0x55 for code in (0xFF, 0xF0, 0xE0, 0xB0, 0xA0, 0x90, 0x80)))
    assert decoded.tolist() == [8 * value for value in (4032, 2112, 1056, 132, 66, 33, 1)]
    negative = codecs.decoder("PCMA").decode(bytes(code ^ 0x55 for code in (0x7F, 0x00)))
    assert negative.tolist() == [-32256, -8]


@pytest.mark.parametrize("name", ["PCMU", "PCMA"])
def test_g711_encodes_each_of_its_values_as_itself(name: str) -> None:
    values = codecs.decoder(name).decode(bytes(range(256)))
    again = codecs.decoder(name).decode(codecs.encoder(name).encode(values))
    assert again.tolist() == values.tolist()


@pytest.mark.parametrize(("name", "silence"), [("PCMU", 0xFF), ("PCMA", 0xD5)])
def test_g711_is_nearest_for_all_samples(name: str, silence: int) -> None:
    samples = np.arange(65536, dtype=np.uint16).view(np.int16)
    error = np.abs(codecs.decoder(name).decode(codecs.encoder(name).encode(samples)).astype(int) - samples)
    assert np.all(error <= np.maximum(np.abs(samples.astype(int)) // 16, 16))
    assert codecs.encoder(name).encode(np.zeros(2, np.int16)) == bytes([silence, silence])


@pytest.mark.parametrize("name", ["PCMU", "PCMA", "G722", "opus"])
@pytest.mark.parametrize("hz", [320, 1004, 3380])
def test_a_tone_goes_through_every_codec(name: str, hz: float) -> None:
    encoder, decoder = codecs.encoder(name), codecs.decoder(name)
    generator = ToneGenerator(encoder.rate)
    payloads = [encoder.encode(generator.block(encoder.frame_samples, hz)) for _ in range(8)]
    if name != "opus":
        assert {len(payload) for payload in payloads} == {160}
    heard = np.concatenate([decoder.decode(payload) for payload in payloads][3:])
    assert len(heard) == decoder.rate // 10
    tone = detect_tone(heard, decoder.rate)
    assert abs(tone.hz - hz) < 1
    assert abs(tone.level_dbfs + 12) < 0.5
    assert tone.purity > 0.99


def test_g729_is_decoded_and_not_encoded() -> None:
    assert len(codecs.decoder("G729").decode(bytes(20))) == 160
    with pytest.raises(codecs.CodecError, match="G729"):
        codecs.encoder("G729")


@pytest.mark.parametrize("name", ["opus", "G729"])
def test_what_is_no_frame_is_refused_and_the_next_one_is_decoded(name: str) -> None:
    decoder = codecs.decoder(name)
    for nonsense in (b"", b"\xff\xff\xff"):
        with pytest.raises(codecs.CodecError):
            decoder.decode(nonsense)
    payload = bytes(20)
    if name == "opus":
        payload = codecs.encoder(name).encode(np.zeros(960, np.int16))
    assert len(decoder.decode(payload)) == decoder.rate // 50


def test_unknown_codecs_are_refused() -> None:
    with pytest.raises(codecs.CodecError, match="GSM"):
        codecs.encoder("GSM")
    with pytest.raises(codecs.CodecError, match="GSM"):
        codecs.decoder("GSM")
    with pytest.raises(codecs.CodecError, match="no-such-codec"):
        codecs.LibraryEncoder("no-such-codec", 8000, {})
    with pytest.raises(codecs.CodecError, match="no-such-codec"):
        codecs.LibraryDecoder("no-such-codec", 8000)


def test_lengths_that_only_plain_payloads_have() -> None:
    for tag in (4, 10, 16):
        assert not codecs.looks_unencrypted("PCMU", 160 + tag)
    assert codecs.looks_unencrypted("pcma", 160)
    assert codecs.looks_unencrypted("G729", 20)
    assert not codecs.looks_unencrypted("G729", 30)
    assert not codecs.looks_unencrypted("opus", 160)
