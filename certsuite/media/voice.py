"""What a stream says: a tone or silence, as the encoded frames of its codec."""

from __future__ import annotations

from collections import deque

from certsuite.media.codecs import Encoder
from certsuite.media.tones import ToneGenerator


class Voice:
    """Frames of 20 ms, one after the other; a tone goes on without a jump over new codecs and new tones."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._tones = ToneGenerator(encoder.rate)
        self._hz: float | None = None
        self._ahead: deque[bytes] = deque()
        "Frames that were made together with one before."

    def use(self, encoder: Encoder) -> None:
        """Go on in this codec."""
        self._take_back()
        if encoder.rate != self._tones.rate:
            self._tones = ToneGenerator(encoder.rate)
        self._encoder = encoder

    def next(self, hz: float | None) -> bytes:
        """The next frame, of a tone or of silence."""
        if hz != self._hz:
            self._take_back()
            self._hz = hz
        if not self._ahead:
            count = self._encoder.frames_at_once
            data = self._encoder.encode(self._tones.block(count * self._encoder.frame_samples, hz))
            size = len(data) // count
            self._ahead.extend(data[number * size : (number + 1) * size] for number in range(count))
        return self._ahead.popleft()

    def _take_back(self) -> None:
        self._tones.rewind(len(self._ahead) * self._encoder.frame_samples)
        self._ahead.clear()
