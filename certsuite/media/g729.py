"""G.729 to send, for which no library here has an encoder: recordings of single tones, one after the other."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from certsuite.media.codecs import FRAME_MS, Samples
from certsuite.media.tones import detect_tone

TONES_HZ = (350, 420, 480, 560, 640, 740, 860, 980, 1120, 1280, 1480, 1700, 1940)
"What there are recordings of."
_FILE = Path(__file__).with_name("g729_tones.bin")
_FRAME = 20
"Octets of 20 ms: two frames (RFC 3551 section 4.5.6)."
_LENGTH = 500
"Octets of a recording: half a second, in which each tone has whole periods, so that it can be repeated."
_NEAR = 0.03


class RecordedEncoder:
    """Gives the recording of the tone that it is given, and silence for whatever else."""

    rate = 8000
    frame_samples = rate * FRAME_MS // 1000

    def __init__(self) -> None:
        self._recording = -1
        self._at = 0

    def encode(self, samples: Samples) -> bytes:
        heard = detect_tone(samples, self.rate).hz
        near = [number for number, hz in enumerate(TONES_HZ) if abs(heard - hz) <= _NEAR * hz]
        recording = near[0] if near else len(TONES_HZ)
        if recording != self._recording:
            self._recording, self._at = recording, 0
        begin = recording * _LENGTH + self._at
        self._at = (self._at + _FRAME) % _LENGTH
        return _recordings()[begin : begin + _FRAME]


@cache
def _recordings() -> bytes:
    """ITU-T G.729 Annex A of a sine for each of the tones at -12 dBFS, then of silence, each from its second half
    second on."""
    return _FILE.read_bytes()
