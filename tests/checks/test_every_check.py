"""What holds for every check there is, whatever it is about.

``GOOD`` has for each a small record on which it passes. From these the rest follows: none passes on silence or on
somebody else's traffic, none gives up before a good record is over, none breaks on what a device may send.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certsuite.catalogue import load_catalogue
from certsuite.checks import all_checks
from certsuite.checks.judge import evaluate
from certsuite.checks.span import Span
from certsuite.core.errors import RecordError
from certsuite.core.events import (
    BindingChanged,
    CaseStarted,
    Cleartext,
    CredentialsAudited,
    DeviceExited,
    DeviceStarted,
    DnsGarbage,
    DtmfEvent,
    Event,
    Expectation,
    FlowClosed,
    FlowOpened,
    LoopLag,
    MediaNotAgreed,
    MediaOpened,
    MediaWindow,
    SipGarbage,
    SipMessageSeen,
    TlsAlert,
    TlsFailed,
)
from certsuite.core.findings import Judgement
from certsuite.core.limits import Limits
from certsuite.core.observations import IN, Observation
from certsuite.core.verdicts import Verdict
from tests.checks.good_records import CALL, GOOD

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

LIMITS: Limits = load_catalogue().limits
NAMES = [check.name for check in all_checks()]


FAILS_ON_SILENCE = {
    "call.answers-challenge": "no INVITE with credentials after the 407",
    "call.is-answered": "no 200 after the device was told to answer",
    "call.is-held": "no re-INVITE after the device was told to put the call on hold",
    "call.is-resumed": "no re-INVITE after the device was told to take the call back",
    "fo.uses-secondary": "no registration at the secondary",
    "media.dtmf": "no telephone-event arrived",
    "prov.applies": "the device did not fetch its configuration again",
    "prov.moves": "the device did not fetch its configuration again",
    "pw.characters": "line 1 no longer registers with a password with ! @",
    "reg.registers": "no registration",
    "sub.is-notified": "no SUBSCRIBE for message-summary",
}
"""Checks that are stated right after the device was made to act, or had to: for these silence is the failure, and what
it says. For all others silence is inconclusive."""

TIMED = (
    "call.rings",
    "dns.leads-to",
    "dns.recovers",
    "fo.moves-on",
    "fo.recovers",
    "fo.resubscribes",
    "fo.returns-to-primary",
    "fo.saves",
    "fo.uses-secondary",
    "media.audio-both-ways",
    "media.goes-on-after",
    "net.another-port",
    "net.notices-silence",
    "pw.rotates",
    "reg.comes-back",
    "reg.lines",
    "sip.answers-options",
    "timer.refreshes",
    "tls.gives-up-stalled",
)


def judged(check: str, observations: list[Observation]) -> Judgement:
    expectation = Expectation(check, "REQ-1", 0, len(observations), params=GOOD[check].params, call_id=CALL)
    return evaluate(expectation, Span(observations), LIMITS, line=1, flow=None)


@pytest.fixture
def record(trace: Trace) -> Callable[[str], list[Observation]]:
    """The good record of a check."""

    def made(check: str) -> list[Observation]:
        GOOD[check].record(trace)
        return trace.observations

    return made


Record = Callable[[str], list[Observation]]


def test_each_has_a_good_record() -> None:
    assert set(GOOD) == set(NAMES)
    assert set(FAILS_ON_SILENCE) <= set(NAMES)


@pytest.mark.parametrize("check", NAMES)
def test_it_passes_on_a_good_record(check: str, record: Record) -> None:
    observations = record(check)
    judgement = judged(check, observations)
    assert (judgement.verdict, judgement.findings, judgement.settled) == (Verdict.PASS, (), True)
    assert {one.seq for one in judgement.evidence} <= {one.seq for one in observations}
    assert judgement.evidence or judgement.measurements, "a pass says where it was seen"


@pytest.mark.parametrize("check", NAMES)
def test_it_never_passes_on_silence(check: str, trace: Trace) -> None:
    silent = [
        [],
        [trace.see(CaseStarted("x", "mandatory", "primary", ())), trace.see(LoopLag(3.0))],
        [trace.see(DeviceStarted(1, "phone")), trace.see(DeviceExited(0, asked=True))],
    ]
    for observations in silent:
        judgement = judged(check, observations)
        assert not judgement.settled, "silence may still be broken"
        if check in FAILS_ON_SILENCE:
            assert judgement.verdict is Verdict.FAIL
            assert judgement.findings[0].observed.startswith(FAILS_ON_SILENCE[check])
        else:
            assert (judgement.verdict, judgement.findings) == (Verdict.INCONCLUSIVE, ())
            assert judgement.reason
            assert judgement.reason_code


@pytest.mark.parametrize("check", NAMES)
def test_foreign_flows_are_as_good_as_silence(check: str, record: Record) -> None:
    foreign = [replace(one, flow="x9") for one in record(check)]
    ours, silence = judged(check, foreign), judged(check, [])
    assert (ours.verdict, ours.reason_code) == (silence.verdict, silence.reason_code)
    assert not ours.evidence


@pytest.mark.parametrize("check", NAMES)
def test_it_does_not_give_up_on_a_record_that_becomes_good(check: str, record: Record) -> None:
    """Live, a settled verdict ends the case: none but a pass may be settled on the way to a pass."""
    observations = record(check)
    for length in range(len(observations)):
        judgement = judged(check, observations[:length])
        assert judgement.verdict is Verdict.PASS or not judgement.settled


@pytest.mark.parametrize("check", TIMED)
def test_a_lagging_bench_settles_nothing_about_time(check: str, record: Record) -> None:
    observations = record(check)
    lag = replace(observations[0], seq=len(observations), event=LoopLag(1e6))
    judgement = judged(check, [*observations, lag])
    assert (judgement.verdict, judgement.reason_code) == (Verdict.INCONCLUSIVE, "bench-lag")
    assert judgement.measurements, "what was measured is shown all the same"


@pytest.mark.parametrize("check", [name for name in NAMES if name not in TIMED])
def test_a_lagging_bench_changes_nothing_else(check: str, record: Record) -> None:
    observations = record(check)
    lag = replace(observations[0], seq=len(observations), event=LoopLag(1e6))
    assert judged(check, [*observations, lag]).verdict is Verdict.PASS


@pytest.mark.parametrize("check", [name for name in NAMES if GOOD[name].params])
def test_a_record_of_another_version_breaks_nothing(check: str, record: Record) -> None:
    """A parameter that is not there has a default, or is an error of ours: what is raised is nothing else."""
    observations = record(check)
    for name in GOOD[check].params:
        params = {key: value for key, value in GOOD[check].params.items() if key != name}
        expectation = Expectation(check, "REQ-1", 0, 99, params=params, call_id=CALL)
        with contextlib.suppress(RecordError):
            evaluate(expectation, Span(observations), LIMITS, line=1, flow=None)


# --- what a device may send

LIVE = "\x1b[31m\x07\x00\r\u202e\U000e0041<script>[bold]"


def nasty(event: Event) -> Event:
    """The same event with strings in it that would be live in a terminal."""
    changes: dict[str, Any] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in ("name", "username", "realm", "detail", "reason", "contact", "digit", "data", "codec"):
            if isinstance(value, str):
                changes[field.name] = value + LIVE
            elif isinstance(value, bytes):
                changes[field.name] = value + LIVE.encode()
        if field.name == "raw" and isinstance(event, SipMessageSeen):
            raw = value.replace(b"Acme Phone", f"Acme {LIVE} Phone".replace("\r", "").encode())
            changes[field.name] = raw.replace(b"RTP/SAVP", b"RTP/\x1b[31mAVP").replace(b"<sip:", b"\x1b[31m <sips:")
    return replace(event, **changes)


ODD_EVENTS: list[Event] = [
    Cleartext("udp", "127.9.0.9:5060", b"\x1b[31mREGISTER"),
    DnsGarbage("127.9.0.9:1", b"\x1b", "x"),
    FlowClosed("network", "timeout"),
    FlowOpened("127.9.0.1:5061", "127.9.0.9:1", "device", "sip-tls-default"),
    MediaNotAgreed(CALL, "no-codec", "odd"),
    MediaOpened(CALL, "a", "b", "PCMA/8000", "none", 8),
    MediaWindow(CALL, 0.0, 0, 0, 3, 4, "x"),
    MediaWindow(CALL, 0.2, 10, 0, 0, 0, "x", tone_hz=float("nan"), tone_purity=float("nan")),
    DtmfEvent(CALL, "*", 0.0, 0, 0),
    SipGarbage(b"\xff", 1, "x"),
    SipMessageSeen(b"SIP/2.0 200 OK\r\n\r\n"),
    SipMessageSeen(b"\xff\xff"),
    SipMessageSeen(
        b"INVITE x SIP/2.0\r\nContent-Type: application/sdp\r\nCall-ID: " + CALL.encode() + b"\r\n\r\nm=\xff\r\n"
    ),
    SipMessageSeen(b"SIP/2.0 999 \x1b[31m\r\nCSeq: 1 INVITE\r\nCall-ID: " + CALL.encode() + b"\r\n\r\n"),
    TlsAlert(9, 999, "odd"),
    TlsFailed("odd"),
    BindingChanged("", "", -5, "expired"),
    CredentialsAudited((1, 2), (0, 0), (("upper",), ()), ((2,), (1,))),
]


@pytest.fixture(scope="module")
def everything(new_trace: Callable[[], Trace]) -> list[Observation]:
    """All that the good records hold, the same twisted, and what is in none of them."""
    seen: list[Observation] = []
    for one in GOOD.values():
        trace = new_trace()
        one.record(trace)
        seen += trace.observations
    trace = new_trace()
    odd = [trace.see(event, flow="f1", edge="primary", line=1, direction=IN) for event in ODD_EVENTS]
    twisted = [replace(one, event=nasty(one.event)) for one in seen]
    return [*seen, *twisted, *odd, *(replace(one, flow=None) for one in odd)]


@settings(max_examples=400)
@given(data=st.data())
def test_no_record_breaks_a_check_or_is_live_in_its_words(everything: list[Observation], data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.integers(0, len(everything) - 1), max_size=25))
    times = data.draw(st.lists(st.floats(0, 200), min_size=len(picked), max_size=len(picked)))
    record = [
        replace(everything[number], seq=seq, t_mono_ns=round(at * 1e9))
        for seq, (number, at) in enumerate(zip(picked, sorted(times), strict=True))
    ]
    for check in NAMES:
        judgement = judged(check, record)
        assert judgement.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.INCONCLUSIVE)
        assert bool(judgement.findings) == (judgement.verdict in (Verdict.FAIL, Verdict.WARN))
        assert bool(judgement.reason) == (judgement.verdict is Verdict.INCONCLUSIVE)
        words = [judgement.reason, *(text for one in judgement.findings for text in (one.observed, one.expected))]
        live = [text for text in words if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)]
        assert not live, check
        assert {one.seq for one in judgement.evidence} <= set(range(len(record)))
