"""Tones: made with continuous phase, and found again in decoded audio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from certsuite.media.codecs import Samples

LEVEL_DBFS = -12.0
"Level of generated tones; 0 dBFS is a sine that just reaches full scale."
FLOOR_DBFS = -60.0
"What is weaker is silence."
_FULL_SCALE = 32768.0
_CLIPPED = 31600
"PCMU ends at 32124 and PCMA at 32256 (ITU-T G.711); the step below is 31100."
_ROWS_HZ, _COLUMNS_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")
_BOTH = 0.8
"Share of a window's energy that the two tones of a digit have."
_TWIST = 10.0
"By how many times the energy of one of them may exceed that of the other: 10 dB."
_LOWEST_HZ = 150.0
_HIGHEST_HZ = 3800.0


class ToneGenerator:
    """A sine whose frequency may change between any two blocks without a jump of its phase."""

    def __init__(self, rate: int, level_dbfs: float = LEVEL_DBFS) -> None:
        self.rate = rate
        self._amplitude = _FULL_SCALE * 10 ** (level_dbfs / 20)
        self._phase = self._step = 0.0
        self._steps = np.arange(1, 1, dtype=np.float64)

    def block(self, count: int, hz: float | None) -> Samples:
        """The next ``count`` samples at ``hz``; silence for none."""
        if hz is None:
            self._phase = self._step = 0.0
            return np.zeros(count, np.int16)
        if len(self._steps) != count:
            self._steps = np.arange(count, dtype=np.float64)
        self._step = step = 2 * np.pi * hz / self.rate
        samples = np.sin(self._phase + step * self._steps)
        samples *= self._amplitude
        self._phase = (self._phase + step * count) % (2 * np.pi)
        return samples.astype(np.int16)

    def rewind(self, count: int) -> None:
        """Take back the last ``count`` samples, which were all of one block."""
        self._phase = (self._phase - self._step * count) % (2 * np.pi)


@dataclass(frozen=True, slots=True)
class Tone:
    """The strongest tone of a window."""

    hz: float
    level_dbfs: float
    purity: float
    "Share of the window's energy that is in the tone, 0 to 1."


SILENCE = Tone(0.0, -120.0, 0.0)


def detect_tone(samples: Samples, rate: int) -> Tone:
    """The strongest tone between 150 and 3800 Hz; :data:`SILENCE` if there is none above -60 dBFS.

    Needs 20 ms of samples at least; the frequency is exact to about a hertz in 100 ms of a pure tone.
    """
    count = len(samples)
    if count < rate // 50:
        return SILENCE
    window, gain = _window(count)
    energy = _energy(samples * window)
    # The two lowest bins hold a constant offset and its leakage.
    total = float(energy[2:].sum())
    width = rate / count
    low, high = max(int(_LOWEST_HZ / width), 2), min(int(_HIGHEST_HZ / width) + 1, len(energy) - 3)
    if total <= 0 or high <= low:
        return SILENCE
    peak = low + int(energy[low:high].argmax())
    lobe = float(energy[max(peak - 2, 2) : peak + 3].sum())
    # A sine of amplitude A has the energy (A/2)^2 * sum(window^2) * count in its half of the spectrum.
    amplitude = 2 * math.sqrt(lobe / gain)
    level = 20 * math.log10(max(amplitude, 1e-6) / _FULL_SCALE)
    if level < FLOOR_DBFS:
        return SILENCE
    return Tone((peak + _offset(energy, peak)) * width, round(level, 2), min(lobe / total, 1.0))


def clipped_share(samples: Samples) -> float:
    """Share of the samples that are at full scale, or so near to it that a codec knows nothing higher."""
    return float(np.count_nonzero(np.abs(samples.astype(np.int32)) >= _CLIPPED)) / max(len(samples), 1)


def silent_ms(samples: Samples, rate: int) -> float:
    """Milliseconds of a window, in steps of 10, that are below -60 dBFS."""
    step = rate // 100
    blocks = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    # Of a sine of amplitude A the mean square is half of A's.
    floor = step * (_FULL_SCALE * 10 ** (FLOOR_DBFS / 20)) ** 2 / 2
    return 10.0 * int(np.count_nonzero(np.einsum("ij,ij->i", blocks, blocks) < floor))


def detect_digit(samples: Samples, rate: int) -> str:
    """The digit whose two tones are the strongest part of a window; empty if they are not most of it (ITU-T Q.23).

    Needs 40 ms of samples at least.
    """
    count = len(samples)
    if count < rate // 25:
        return ""
    window, _ = _window(count)
    energy = _energy(samples * window)
    width = rate / count

    def strongest(group: tuple[int, ...]) -> tuple[float, int]:
        energies = []
        for hz in group:
            at = round(hz / width)
            energies.append(float(energy[max(at - 2, 0) : at + 3].sum()))
        return max(energies), int(np.argmax(energies))

    (low, row), (high, column) = strongest(_ROWS_HZ), strongest(_COLUMNS_HZ)
    total = float(energy[2:].sum())
    if total <= 0 or low + high < _BOTH * total or not 1 / _TWIST < low / max(high, 1e-9) < _TWIST:
        return ""
    return _KEYPAD[row][column]


def _energy(windowed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy in each bin of the spectrum."""
    spectrum = np.fft.rfft(windowed)
    return spectrum.real**2 + spectrum.imag**2


def _offset(energy: NDArray[np.float64], peak: int) -> float:
    """How far the tone is from the strongest bin, in bins: exact for a Hann window."""
    left, middle, right = (math.sqrt(energy[peak + step]) for step in (-1, 0, 1))
    side, sign = (right, 1.0) if right >= left else (left, -1.0)
    ratio = side / middle
    return sign * min(max((2 * ratio - 1) / (ratio + 1), 0.0), 0.5)


@lru_cache(maxsize=32)
def _window(count: int) -> tuple[NDArray[np.float64], float]:
    """A Hann window, and four times the energy that a sine of amplitude 1 has in the half spectrum behind it."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / count)
    return window, float((window * window).sum()) * count
