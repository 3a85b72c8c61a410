"""Audio by its content, and digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import (
    DriverAction,
    DtmfEvent,
    LoopLag,
    MediaNotAgreed,
    MediaOpened,
    MediaStimulus,
    MediaWindow,
    RtcpSeen,
)
from certsuite.core.observations import IN
from certsuite.core.verdicts import Mark, Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

CALL = "SSE1-1@127.9.0.1"
SUITE = "AES_CM_128_HMAC_SHA1_80"
TWO: dict[str, Any] = {"tones": [700, 1100]}


def opens(trace: Trace, *, suite: str = SUITE, call_id: str = CALL) -> None:
    trace.see(MediaOpened(call_id, "127.9.0.1:19560", "127.9.0.9:4000", "PCMA/8000", suite, 8, 101), flow="f1")


def window(trace: Trace, tone: float = 0.0, sent: float = 0.0, **changes: Any) -> None:
    """A fifth of a second of what came back."""
    values: dict[str, Any] = {
        "call_id": CALL,
        "duration_s": 0.2,
        "packets": 10,
        "lost": 0,
        "auth_failures": 0,
        "cleartext": 0,
        "source": "127.9.0.9:4000",
        "tone_hz": tone,
        "tone_level_dbfs": -12.0 if tone else -90.0,
        "tone_purity": 0.95 if tone else 0.0,
        "sent_tone_hz": sent,
        **changes,
    }
    trace.after(0.2).see(MediaWindow(**values), flow="f1")


def fails(trace: Trace, finding: str, *, settled: bool = False, **about: Any) -> str:
    return trace.fails("media.audio-both-ways", finding, settled=settled, **{**TWO, **about}).findings[0].observed


# --- media.audio-both-ways


def test_the_tones_come_back_in_order(trace: Trace) -> None:
    trace.is_open("media.audio-both-ways", "no-media", **TWO)
    opens(trace)
    window(trace, sent=700)
    fails(trace, "media-audio-missing")
    window(trace, 702, sent=700, lost=1)
    assert "1100 Hz not in them" in fails(trace, "media-audio-missing")
    window(trace, 700, sent=1100)
    window(trace, 1095, sent=1100)
    judged = trace.passes("media.audio-both-ways", **TWO)
    assert [one.seq for one in judged.evidence] == [2, 4]
    measured = {one.name: one.value for one in judged.measurements}
    assert measured == {
        "rtp_packets_received": 40,
        "rtp_packets_lost": 1,
        "audio_delay": pytest.approx(0.4),
        "tone_level": -12.0,
    }


@pytest.mark.parametrize(
    ("kinds", "about_us", "says"),
    [
        (("SR", "SDES"), True, "look at its decoder"),
        (("SR", "SDES"), False, "says nothing of the stream"),
        (("APP",), False, "One direction is silent"),
    ],
)
def test_where_to_look_is_told_by_the_devices_reports(
    trace: Trace, kinds: tuple[str, ...], about_us: bool, says: str
) -> None:
    trace.see(RtcpSeen(CALL, "127.9.0.1:19560", "srtcp", False, 90, kinds, about_us=True), direction=IN)
    opens(trace)
    trace.see(RtcpSeen(CALL, "127.9.0.1:19560", "srtcp", False, 90, kinds, about_us=about_us), direction=IN)
    window(trace, sent=700)
    (finding,) = trace.fails("media.audio-both-ways", "media-audio-missing", settled=False, **TWO).findings
    assert says in finding.hint


def test_the_other_order_is_none(trace: Trace) -> None:
    opens(trace)
    window(trace, 1100, sent=700)
    window(trace, 700, sent=1100)
    fails(trace, "media-audio-missing")


def test_a_tone_that_was_never_played_proves_nothing(trace: Trace) -> None:
    opens(trace)
    window(trace, 700)
    window(trace, 1100)
    trace.is_open("media.audio-both-ways", "tone-not-sent", **TWO)


@pytest.mark.parametrize(
    "changes",
    [
        {"tone_hz": 722.0},
        {"tone_hz": 678.0},
        {"tone_purity": 0.3},
        {"tone_level_dbfs": -50.0},
        {"packets": 0, "auth_failures": 10},
        {"call_id": "another-call"},
    ],
)
def test_what_is_not_hearing_a_tone(trace: Trace, changes: dict[str, Any]) -> None:
    opens(trace)
    window(trace, sent=700)
    window(trace, 700, **changes)
    assert trace.judge("media.audio-both-ways", tones=[700]).verdict is Verdict.FAIL


def test_how_far_off_a_tone_may_be_is_the_catalogue_s(trace: Trace) -> None:
    opens(trace)
    window(trace, 722, sent=700)
    trace.limit("tone_deviation", value=0.04)
    trace.passes("media.audio-both-ways", tones=[700])


def test_without_srtp_nothing_is_heard(trace: Trace) -> None:
    opens(trace, suite="none")
    window(trace, 700, sent=700)
    window(trace, 1100, sent=1100)
    fails(trace, "media-not-encrypted", settled=True)
    trace.fails("media.srtp", "media-not-encrypted")


def test_plain_rtp_beside_srtp_fails(trace: Trace) -> None:
    opens(trace)
    window(trace, 700, sent=700)
    window(trace, 1100, sent=1100, cleartext=3)
    fails(trace, "media-in-the-clear", settled=True)


@pytest.mark.parametrize(
    ("changes", "finding", "settled"),
    [
        ({}, "media-none", False),
        ({"auth_failures": 10}, "srtp-wrong-key", False),
        ({"cleartext": 10}, "media-in-the-clear", True),
        ({"auth_failures": 1, "cleartext": 10}, "media-in-the-clear", True),
    ],
)
def test_why_nothing_is_heard_is_told(trace: Trace, changes: dict[str, int], finding: str, settled: bool) -> None:
    opens(trace)
    window(trace, packets=0, sent=700, **changes)
    fails(trace, finding, settled=settled)
    trace.fails("media.srtp", finding, settled=settled)


def test_audio_that_comes_late(trace: Trace) -> None:
    opens(trace)
    window(trace, sent=700)
    trace.after(3)
    window(trace, 700, sent=700)
    window(trace, 1100, sent=1100)
    judged = trace.fails("media.audio-both-ways", "media-audio-late", verdict=Verdict.WARN, **TWO)
    assert {one.name for one in judged.measurements} >= {"audio_delay", "tone_level", "rtp_packets_lost"}


def test_packets_under_the_agreed_key(trace: Trace) -> None:
    trace.is_open("media.srtp", "no-media")
    opens(trace)
    trace.fails("media.srtp", "media-none", settled=False)
    window(trace, call_id="another-call")
    trace.fails("media.srtp", "media-none", settled=False)
    window(trace)
    trace.passes("media.srtp")
    window(trace, cleartext=1)
    trace.fails("media.srtp", "media-in-the-clear")


def test_what_the_bench_cannot_play_is_not_the_device_s_fault(trace: Trace) -> None:
    trace.see(MediaNotAgreed(CALL, "not-playable", "G729 \x1b is not sent"))
    for check, about in (("media.audio-both-ways", TWO), ("media.srtp", {})):
        judged = trace.is_open(check, "not-playable", **about)
        assert "G729 \\x1b is not sent" in judged.reason


def test_an_answer_that_makes_no_stream(trace: Trace) -> None:
    trace.see(MediaNotAgreed(CALL, "no-codec", "no codec \x1b in common"))
    assert fails(trace, "media-not-agreed", settled=True) == "no codec \\x1b in common (no-codec)"
    opens(trace)
    fails(trace, "media-none")


# --- media.dtmf


def digit(trace: Trace, sign: str, ms: float = 100.0, end_packets: int = 3, call_id: str = CALL) -> None:
    trace.after(0.2).see(DtmfEvent(call_id, sign, ms, end_packets, 8), flow="f1")


def test_digits_in_order(trace: Trace) -> None:
    trace.fails("media.dtmf", "dtmf-none", settled=False, digits="5#")
    digit(trace, "5")
    digit(trace, "9", call_id="another-call")
    trace.fails("media.dtmf", "dtmf-wrong-digits", settled=False, digits="5#")
    digit(trace, "#", ms=80)
    judged = trace.passes("media.dtmf", digits="5#")
    assert [(one.name, one.value) for one in judged.measurements] == [("dtmf_5", 100), ("dtmf_#", 80)]
    digit(trace, "1")
    trace.fails("media.dtmf", "dtmf-wrong-digits", digits="5#")


def test_a_wrong_digit_is_not_waited_out(trace: Trace) -> None:
    digit(trace, "6")
    assert trace.fails("media.dtmf", "dtmf-wrong-digits", digits="5#").findings[0].observed == "'6' arrived"


def test_a_digit_that_is_too_short(trace: Trace) -> None:
    digit(trace, "5", ms=39)
    judged = trace.fails("media.dtmf", "dtmf-too-short", digits="5")
    assert (judged.findings[0].limit, judged.findings[0].unit) == (40, "ms")
    trace.limit("dtmf_min_ms", mark=Mark.INFERRED)
    trace.fails("media.dtmf", "dtmf-too-short", verdict=Verdict.WARN, digits="5")
    trace.limit("dtmf_min_ms", value=30)
    trace.passes("media.dtmf", digits="5")


def test_a_digit_that_is_longer_than_it_took(trace: Trace) -> None:
    digit(trace, "5", ms=1080)
    trace.passes("media.dtmf", digits="5")
    digit(trace, "6", ms=400)
    trace.passes("media.dtmf", digits="56")
    digit(trace, "7", ms=1080)
    judged = trace.fails("media.dtmf", "dtmf-too-long", verdict=Verdict.WARN, digits="567")
    assert judged.findings[0].observed == "digit 7 for 1080 ms by its duration, 200 ms after the end of digit 6"
    trace.see(LoopLag(700.0))
    trace.passes("media.dtmf", digits="567")


def test_a_digit_that_does_not_end(trace: Trace) -> None:
    digit(trace, "5", end_packets=0)
    trace.fails("media.dtmf", "dtmf-without-end", digits="5")


# --- digits that come otherwise, and digits to the device


def test_digits_that_came_otherwise_are_named(trace: Trace) -> None:
    opens(trace)
    window(trace, 770, digit="5")
    window(trace, 770, digit="5")
    window(trace, 697, digit="1")
    trace.request("INFO", headers={"Content-Type": "application/dtmf-relay"})
    judged = trace.fails("media.dtmf", "dtmf-none", settled=False, digits="51")
    assert judged.findings[0].observed == (
        "no telephone-event arrived, INFO with application/dtmf-relay did, tones of 5 1 in the audio did"
    )


def test_digits_that_the_device_received(trace: Trace) -> None:
    trace.is_open("media.digits-received", "not-stimulated", digits="12")
    trace.see(MediaStimulus(CALL, "digits sent"), flow="f1")
    trace.is_open("media.digits-received", "not-stimulated", digits="12")
    trace.see(DriverAction("hears", {"digits": "12"}, False, "no answer like 1 \x1b"))
    judged = trace.fails("media.digits-received", "dtmf-not-received", digits="12")
    assert judged.findings[0].observed == "the device did not tell of them (no answer like 1 \\x1b)"
    trace.see(DriverAction("hears", {"digits": "12"}, True))
    trace.passes("media.digits-received", digits="12")
