"""Level, distortion and gaps of what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from certsuite.core.events import LoopLag
from certsuite.core.verdicts import Verdict
from tests.checks.good_media import hears, opens

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

ABOUT: dict[str, Any] = {"tone": 700, "windows": 3}


def warned(trace: Trace) -> tuple[str, str]:
    judged = trace.judge("media.clean", **ABOUT)
    assert judged.verdict is Verdict.WARN
    assert judged.settled
    return judged.findings[0].id, judged.findings[0].observed


def heard(trace: Trace, *windows: dict[str, Any]) -> None:
    opens(trace)
    hears(trace, 700.0)
    for changes in windows:
        hears(trace, changes.pop("tone", 700.0), **changes)


def test_a_whole_tone(trace: Trace) -> None:
    trace.is_open("media.clean", "no-media", **ABOUT)
    heard(trace, {}, {})
    trace.is_open("media.clean", "too-little-audio", **ABOUT)
    hears(trace, 700.0, clipped=0.01, silent_ms=10.0)
    measured = {one.name: one.value for one in trace.passes("media.clean", **ABOUT).measurements}
    assert measured == {"echo_level": -12.0, "clipped_share": 0.01, "dropout_share": 0.033}


def test_too_loud_and_too_quiet(trace: Trace) -> None:
    heard(trace, *({"tone_level_dbfs": -5.0} for _ in range(3)))
    assert warned(trace) == ("media-other-level", "-5 dBFS")
    heard(trace, *({"tone_level_dbfs": -19.0} for _ in range(3)))


def test_distorted(trace: Trace) -> None:
    heard(trace, {}, {"clipped": 0.5}, {})
    assert warned(trace) == ("media-clipped", "50% of the samples at full scale")


def test_gaps_within_windows_and_windows_without_the_tone(trace: Trace) -> None:
    heard(trace, {"silent_ms": 40.0}, {"tone": 0.0}, {})
    assert warned(trace) == ("media-drop-outs", "140 ms of 300 without the tone that was sent")


def test_gaps_that_the_bench_may_have_made(trace: Trace) -> None:
    heard(trace, {"tone": 0.0}, {}, {})
    trace.see(LoopLag(500.0))
    judged = trace.judge("media.clean", **ABOUT)
    assert (judged.verdict, judged.reason_code) == (Verdict.INCONCLUSIVE, "bench-lag")


def test_a_window_without_packets_is_none(trace: Trace) -> None:
    heard(trace, {}, {"packets": 0, "tone": 0.0}, {}, {})
    trace.passes("media.clean", **ABOUT)
