"""What a device bears in the media that it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.verdicts import Verdict
from tests.checks.good_media import OTHER, does, hears, opens

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

AFTER: dict[str, Any] = {"kind": "rolled-over", "tones": [700, 1100]}
GOES_ON = {**AFTER, "finding": "srtp-roll-over-lost", "what": "it rolled over", "hint": "look"}


def test_audio_goes_on(trace: Trace) -> None:
    opens(trace)
    trace.is_open("media.goes-on-after", "not-stimulated", **GOES_ON)
    does(trace, "rolled-over")
    trace.is_open("media.goes-on-after", "no-audio-before", **GOES_ON)


def test_audio_that_does_not_go_on_is_the_case_s_finding(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700)
    does(trace, "rolled-over")
    hears(trace, 700)
    hears(trace, 0, packets=0, auth_failures=4)
    judged = trace.fails("media.goes-on-after", "srtp-roll-over-lost", settled=False, **GOES_ON)
    assert "4 that do not authenticate" in judged.findings[0].observed
    hears(trace, 1100)
    measured = trace.passes("media.goes-on-after", **GOES_ON).measurements[0]
    assert (measured.name, round(measured.value, 3)) == ("audio_gap", 0.3)


@pytest.mark.parametrize(
    ("check", "about"),
    [
        ("media.goes-on-after", {}),
        ("media.holds-up", {"windows": 4}),
        ("media.replay-not-heard", {}),
        ("media.moves-along", {"tones": [1100]}),
        ("media.audio-both-ways", {"tones": [700, 1100]}),
        ("conference.hears", {"tone": 1100, "own": 700}),
    ],
)
def test_what_the_device_ended_itself_was_dropped(trace: Trace, check: str, about: dict[str, Any]) -> None:
    """Whatever was done to the stream: a key, a codec or a jitter buffer is not to blame then."""
    opens(trace)
    hears(trace, 700, sent_tone_hz=700.0)
    does(trace, "rolled-over")
    opens(trace, OTHER)
    about = {**GOES_ON, **about}
    assert not trace.judge(check, **about).settled
    trace.request("BYE", call_id="another")
    assert not trace.judge(check, **about).settled
    trace.request("BYE", to_tag="1")
    trace.fails(check, "call-dropped", **about)
    for tone in (1100, 1100, 1100, 1100):
        hears(trace, tone, local=OTHER)
    trace.passes(check, **about)


def test_the_tone_of_after_does_not_count_before(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700)
    hears(trace, 1100)
    does(trace, "rolled-over")
    assert trace.judge("media.goes-on-after", **GOES_ON).verdict is Verdict.FAIL


def test_a_replay_that_is_heard(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700)
    trace.is_open("media.replay-not-heard", "not-stimulated", **AFTER)
    does(trace, "rolled-over")
    trace.fails("media.replay-not-heard", "srtp-lost-after-replay", settled=False, **AFTER)
    hears(trace, 1100)
    trace.passes("media.replay-not-heard", **AFTER)
    hears(trace, 700)
    trace.fails("media.replay-not-heard", "srtp-replay-heard", **AFTER)


def disturbed(trace: Trace, *heard: bool) -> None:
    opens(trace)
    hears(trace, 700)
    does(trace, "rolled-over")
    hears(trace, 700)
    for one in heard:
        hears(trace, 1100 if one else 0)


def test_audio_with_a_few_gaps_holds_up(trace: Trace) -> None:
    disturbed(trace, True, True, False, True)
    measured = trace.passes("media.holds-up", windows=4, **AFTER).measurements[0]
    assert (measured.name, measured.value) == ("heard_share", 0.75)


def test_audio_that_is_mostly_gaps_warns(trace: Trace) -> None:
    disturbed(trace, True, False, False, False)
    trace.fails("media.holds-up", "media-gaps-over-bad-network", verdict=Verdict.WARN, windows=4, **AFTER)


def test_audio_that_breaks_or_never_comes_fails(trace: Trace) -> None:
    disturbed(trace)
    trace.fails("media.holds-up", "media-breaks-over-bad-network", settled=False, windows=4, **AFTER)
    hears(trace, 1100)
    hears(trace, 1100)
    judged = trace.fails("media.holds-up", "media-breaks-over-bad-network", settled=False, windows=4, **AFTER)
    assert "2 windows" in judged.findings[0].observed


def test_a_network_that_was_good_proves_nothing(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700)
    trace.is_open("media.holds-up", "not-stimulated", windows=4, **AFTER)
    does(trace, "rolled-over")
    trace.is_open("media.holds-up", "no-audio-before", windows=4, kind="rolled-over", tones=[900, 1100])


def test_media_from_another_port(trace: Trace) -> None:
    opens(trace)
    hears(trace, 0, packets=0)
    trace.is_open("media.symmetric", "no-media")
    hears(trace, 0, source="192.0.2.9:4000")
    trace.passes("media.symmetric")
    hears(trace, 0, source="127.9.0.9:4002")
    trace.fails("media.symmetric", "media-other-port")


def test_media_that_stays_behind(trace: Trace) -> None:
    opens(trace)
    trace.is_open("media.moves-along", "not-moved", tones=[1100])
    opens(trace, OTHER)
    hears(trace, 1100)
    trace.fails("media.moves-along", "media-not-moved", settled=False, tones=[1100])
    hears(trace, 1100, local=OTHER)
    trace.passes("media.moves-along", tones=[1100])


def test_without_media_nothing_is_borne(trace: Trace) -> None:
    trace.is_open("media.goes-on-after", "no-media", **GOES_ON)
    trace.is_open("media.replay-not-heard", "no-media", **AFTER)
    trace.is_open("media.holds-up", "no-media", windows=4, **AFTER)
    trace.is_open("media.symmetric", "no-media")


def test_who_sends_before_anything_comes(trace: Trace) -> None:
    trace.is_open("media.comes-first", "no-media")
    opens(trace)
    trace.fails("media.comes-first", "media-waits", settled=False)
    hears(trace, 0, packets=0)
    trace.fails("media.comes-first", "media-waits", settled=False)
    hears(trace, 0)
    trace.passes("media.comes-first")


def test_who_waits_for_something_to_come(trace: Trace) -> None:
    opens(trace)
    hears(trace, 0, packets=0)
    hears(trace, 0, sent_packets=5)
    trace.fails("media.comes-first", "media-waits", settled=False)


def test_a_far_end_that_sent_at_once_proves_nothing(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700, sent_packets=5)
    assert trace.judge("media.comes-first").reason_code == "not-stimulated"
