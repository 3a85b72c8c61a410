"""A gateway with a call on every port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from certsuite.core.events import MediaOpened, MediaWindow
from certsuite.core.observations import OUT
from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

CALLS = [[1, "a", 420, 560], [2, "b", 560, 420], [3, "c", 420, 740]]


def begins(trace: Trace, *call_ids: str) -> None:
    trace.request("INVITE", OUT)
    for call_id in call_ids:
        trace.see(MediaOpened(call_id, "x:1", "y:1", "PCMA/8000", AES_CM_128_HMAC_SHA1_80, 8), flow="f1")


def gives(trace: Trace, call_id: str, *tones: float, sent: int = 5, **changes: Any) -> None:
    for tone in tones:
        window = {"packets": 5, "tone_purity": 0.9, "tone_level_dbfs": -12.0, **changes}
        trace.see(
            MediaWindow(call_id, 0.1, window.pop("packets"), 0, 0, 0, "y:1", tone_hz=tone, sent_packets=sent, **window),
            flow="f1",
        )


def test_every_port_with_its_own_audio(trace: Trace) -> None:
    begins(trace, "a", "b", "c")
    gives(trace, "a", 420.0, 420.0, 560.0)
    gives(trace, "b", 560.0, 420.0)
    gives(trace, "c", 420.0, 0.0, 740.0)
    figures = {one.name: one.value for one in trace.passes("ports.own-audio", calls=CALLS).measurements}
    assert figures == {
        "ports_in_calls": 3,
        "ports_with_own_audio": 3,
        "rtp_packets_received": 40,
        "rtp_packets_lost": 0,
    }


def test_two_ports_whose_audio_is_crossed(trace: Trace) -> None:
    begins(trace, "a", "b", "c")
    gives(trace, "a", 560.0, 420.0)
    gives(trace, "b", 420.0, 560.0)
    gives(trace, "c", 420.0, 740.0)
    found = trace.fails("ports.own-audio", "ports-audio-crossed", calls=CALLS).findings[0]
    assert found.observed == "2 of 3 ports give back another's audio; line 1 that of line 2"


def test_a_port_without_a_call(trace: Trace) -> None:
    begins(trace, "a", "c")
    gives(trace, "a", 420.0, 560.0)
    gives(trace, "c", 420.0, 740.0)
    found = trace.fails("ports.own-audio", "ports-not-in-calls", settled=False, calls=CALLS).findings[0]
    assert found.observed == "2 of 3 ports came into a call; not line 2"


def test_a_port_that_is_silent(trace: Trace) -> None:
    begins(trace, "a", "b", "c")
    gives(trace, "a", 420.0, 560.0)
    gives(trace, "b", 560.0, 0.0)
    gives(trace, "c", 420.0, 740.0)
    found = trace.fails("ports.own-audio", "ports-audio-missing", settled=False, calls=CALLS).findings[0]
    assert found.observed == "2 of 3 ports give back what their far ends play; not line 2"


def test_a_port_that_could_not_be_called_leaves_it_open(trace: Trace) -> None:
    begins(trace, "a", "b")
    gives(trace, "a", 420.0, 560.0)
    gives(trace, "b", 560.0, 420.0)
    judged = trace.is_open("ports.own-audio", "not-all-called", calls=CALLS[:2], lines=3)
    assert judged.reason == "2 of 3 ports were called: the others were not registered"
    trace.passes("ports.own-audio", calls=CALLS[:2], lines=2)
    trace.passes("ports.own-audio", calls=CALLS[:2])


def test_a_bench_that_did_not_send_says_nothing_of_the_device(trace: Trace) -> None:
    begins(trace, "a", "b", "c")
    for call_id in "abc":
        gives(trace, call_id, 0.0, 0.0, sent=4)
    trace.is_open("ports.own-audio", "bench-too-slow", calls=CALLS)


def test_ports_that_were_not_called_are_not_judged(trace: Trace) -> None:
    trace.is_open("ports.own-audio", "not-stimulated", calls=CALLS)
