"""What a call sounds like by numbers: R-factor and MOS of the E-model (ITU-T G.107), with its default values.

Of the model's parameters, loss, delay and codec are measured; all others have the defaults of G.107 table 3.
"""

from __future__ import annotations

import math

_BASE_R = 93.2
"R of a connection without delay and loss, all parameters at their defaults."
_CODECS = {"PCMU": (0.0, 25.1), "PCMA": (0.0, 25.1), "G729": (11.0, 19.0)}
"Equipment impairment and packet loss robustness (ITU-T G.113 appendix I); G.711 with concealment of losses."


def has_values(codec: str) -> bool:
    """Whether G.113 has values for a codec in the narrow-band model: others have scales of their own."""
    return codec.upper() in _CODECS


def r_factor(codec: str, *, delay_ms: float, loss: float) -> float:
    """R from 0 to 100: ``delay_ms`` from mouth to ear, ``loss`` as a share from 0 to 1, taken as random.

    Raises :class:`KeyError` for a codec of which :func:`has_values` is false.
    """
    impairment, robustness = _CODECS[codec.upper()]
    percent = loss * 100
    by_loss = impairment + (95 - impairment) * percent / (percent + robustness)
    return min(max(_BASE_R - _by_delay(delay_ms) - by_loss, 0.0), 100.0)


def _by_delay(delay_ms: float) -> float:
    """Impairment by a long delay without echo (G.107 section 7.4, Idd): none up to 100 ms."""
    if delay_ms <= 100:
        return 0.0
    times = math.log2(delay_ms / 100)
    return float(25 * ((1 + times**6) ** (1 / 6) - 3 * (1 + (times / 3) ** 6) ** (1 / 6) + 2))


def mos(r: float) -> float:
    """Mean opinion score, 1 to 4.5, of an R-factor (G.107 annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6
