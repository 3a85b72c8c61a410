"""Calls with the PSTN, as their far end wrote them down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import PstnCall, PstnDigit
from certsuite.core.observations import IN, OUT
from tests.checks.good_media import CALL, hears
from tests.checks.good_pstn import announces, heard, hears_the_device, plays, receives

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

TONES = [440, 700]


def test_the_level_that_the_far_end_heard_is_measured(trace: Trace) -> None:
    hears_the_device(trace)
    assert [one.value for one in trace.passes("pstn.hears", tones=TONES).measurements] == [-12.0]


def test_a_far_end_that_hears_nothing_is_told_from_one_that_hears_another_tone(trace: Trace) -> None:
    plays(trace, 440.0)
    plays(trace, 700.0)
    assert trace.fails("pstn.hears", "pstn-audio-missing", settled=False, tones=TONES).findings[0].observed == (
        "the far end heard nothing"
    )
    heard(trace, 440.0)
    heard(trace, 440.0)
    observed = trace.fails("pstn.hears", "pstn-audio-missing", settled=False, tones=TONES).findings[0].observed
    assert observed == "the far end heard 440 Hz at -12 dBFS last, not 700 Hz"


def test_a_tone_counts_from_when_it_was_played(trace: Trace) -> None:
    heard(trace, 440.0)
    plays(trace, 440.0)
    plays(trace, 700.0)
    heard(trace, 700.0)
    trace.fails("pstn.hears", "pstn-audio-missing", settled=False, tones=TONES)


@pytest.mark.parametrize("changes", [{"level_dbfs": -50.0}, {"purity": 0.2}])
def test_a_tone_that_is_lost_in_noise_is_not_heard(trace: Trace, changes: dict[str, float]) -> None:
    for tone in (440.0, 700.0):
        plays(trace, tone)
        heard(trace, tone, **changes)
    trace.fails("pstn.hears", "pstn-audio-missing", settled=False, tones=TONES)


@pytest.mark.parametrize("check", ["pstn.hears", "pstn.announcement", "pstn.digits"])
def test_a_far_end_that_failed_says_nothing_of_the_device(trace: Trace, check: str) -> None:
    hears_the_device(trace)
    trace.see(PstnCall(CALL, "failed", "OSError"), line=1)
    trace.is_open(check, "far-end-failed", tone_hz=440, digits="1", tones=TONES)


def test_another_call_is_not_this_one(trace: Trace) -> None:
    receives(trace, "1")
    trace.see(PstnDigit("another", "5"), line=1)
    trace.passes("pstn.digits", digits="1")


@pytest.mark.parametrize(
    ("received", "finding", "settled"),
    [("", "pstn-digits-missing", False), ("1", "pstn-digits-wrong", False), ("115", "pstn-digits-wrong", True)],
)
def test_digits_that_are_missing_may_still_come_and_others_may_not(
    trace: Trace, received: str, finding: str, settled: bool
) -> None:
    receives(trace, received)
    trace.fails("pstn.digits", finding, settled=settled, digits="15")


def test_digits_of_a_call_that_was_never_up_are_not_asked_for(trace: Trace) -> None:
    trace.is_open("pstn.digits", "not-stimulated", digits="15")


@pytest.mark.parametrize("packets", [0, 5])
def test_a_device_that_sends_nothing_early_or_silence_does_no_wrong(trace: Trace, packets: int) -> None:
    trace.answer(183, direction=OUT, body=b"v=0\r\n")
    plays(trace, 440.0)
    hears(trace, 0.0, packets=packets)
    trace.is_open("pstn.announcement", "silent-early", tone_hz=440)


def test_an_announcement_that_is_covered_is_found(trace: Trace) -> None:
    trace.answer(183, direction=OUT, body=b"v=0\r\n")
    plays(trace, 440.0)
    hears(trace, 880.0)
    found = trace.fails("pstn.announcement", "pstn-announcement-not-heard", settled=False, tone_hz=440).findings[0]
    assert found.observed == "880 Hz from the device before the answer, not 440 Hz"


def test_a_call_that_is_given_up_at_the_announcement_is_found(trace: Trace) -> None:
    announces(trace)
    trace.request("CANCEL", IN)
    trace.answer(200, method="CANCEL", direction=OUT)
    trace.fails("pstn.announcement", "pstn-announcement-cut", tone_hz=440)
