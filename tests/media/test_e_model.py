"""R-factor and MOS against the figures that ITU-T G.107 and G.113 give."""

from __future__ import annotations

import pytest

from certsuite.media.e_model import has_values, mos, r_factor


def test_a_perfect_call_has_the_default_r_and_its_mos() -> None:
    r = r_factor("PCMU", delay_ms=0, loss=0)
    assert r == pytest.approx(93.2)
    assert mos(r) == pytest.approx(4.41, abs=0.01)


@pytest.mark.parametrize(("r", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_mos_is_that_of_table_b_1(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.01)


def test_mos_has_ends() -> None:
    assert (mos(-5), mos(0), mos(100), mos(120)) == (1.0, 1.0, 4.5, 4.5)


def test_a_codec_that_compresses_costs_its_impairment() -> None:
    assert r_factor("g729", delay_ms=50, loss=0) == pytest.approx(82.2)


def test_loss_and_a_long_delay_cost() -> None:
    without = r_factor("PCMA", delay_ms=100, loss=0)
    assert without == pytest.approx(93.2)
    # G.107: Ie-eff = 95 * 1 / (1 + 25.1).
    assert without - r_factor("PCMA", delay_ms=100, loss=0.01) == pytest.approx(3.64, abs=0.01)
    delays = [r_factor("PCMA", delay_ms=delay, loss=0) for delay in (150, 200, 300, 400)]
    assert delays == sorted(delays, reverse=True)
    assert r_factor("PCMA", delay_ms=5000, loss=0.9) == 0.0


def test_wide_band_codecs_have_another_scale() -> None:
    assert has_values("PCMU")
    assert not has_values("opus")
    with pytest.raises(KeyError):
        r_factor("G722", delay_ms=0, loss=0)
