"""What holds for every check there is, whatever it is about.

``GOOD`` has for each a small record on which it passes. From these the rest follows: none passes on silence or on
somebody else's traffic, none gives up before a good record is over, none breaks on what a device may send.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
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
    BenchChanged,
    BindingChanged,
    CaseStarted,
    Cleartext,
    ClientHelloSeen,
    CredentialsAudited,
    DeviceExited,
    DeviceStarted,
    DigestChecked,
    DnsGarbage,
    DnsQuery,
    DriverAction,
    DtmfEvent,
    Event,
    Expectation,
    FlowClosed,
    FlowOpened,
    LoopLag,
    MediaNotAgreed,
    MediaOpened,
    MediaWindow,
    Note,
    RootProbeAnswer,
    SipGarbage,
    SipMessageSeen,
    TargetsWalked,
    TlsAlert,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
)
from certsuite.core.findings import Judgement
from certsuite.core.limits import Limits
from certsuite.core.observations import IN, OUT, Observation
from certsuite.core.verdicts import Verdict
from tests.checks.good_dns import GOOD_DNS
from tests.checks.good_media import GOOD_MEDIA
from tests.checks.good_registration import GOOD_REGISTRATION

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PROXY = "hs17.lab.example"
CALL = "SSE1-1@127.9.0.1"
SUITE = "AES_CM_128_HMAC_SHA1_80"
LIMITS: Limits = load_catalogue().limits
NAMES = [check.name for check in all_checks()]


@dataclass(frozen=True)
class Good:
    """A record on which a check passes, and the parameters that it is asked with."""

    record: Callable[[Trace], object]
    params: dict[str, Any]


GOOD: dict[str, Good] = {}


def good(check: str, **params: Any) -> Callable[[Callable[[Trace], object]], Callable[[Trace], object]]:
    def decorate(record: Callable[[Trace], object]) -> Callable[[Trace], object]:
        GOOD[check] = Good(record, params)
        return record

    return decorate


def handshake(trace: Trace, presentation: str = "good") -> None:
    trace.connects()
    trace.see(TlsPresented(presentation, ("TLSv1.2",)), flow="f1", edge="primary", direction=OUT)


def binds(trace: Trace, edge: str = "primary", flow: str = "f1") -> None:
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow=flow, edge=edge, line=1)


@good("dns.asks-sips-srv", outbound_proxy=PROXY)
def asks(trace: Trace) -> None:
    trace.see(DnsQuery("udp", "127.9.0.9:1", f"{PROXY}.", "NAPTR", "NOERROR", ()))
    trace.see(DnsQuery("udp", "127.9.0.9:1", f"_sips._tcp.{PROXY}.", "SRV", "NOERROR", ()))


GOOD.update({check: Good(record, params) for check, (record, params) in GOOD_DNS.items()})
GOOD.update({check: Good(record, params) for check, (record, params) in GOOD_REGISTRATION.items()})
GOOD.update({check: Good(record, params) for check, (record, params) in GOOD_MEDIA.items()})


@good("net.no-cleartext")
@good("flow.opened", edge="primary")
@good("dns.lowest-priority-first", edge="primary")
@good("dns.uses-srv-port", port=8934)
def connects(trace: Trace) -> None:
    trace.connects()


@good("tls.trusts", presentation="good")
@good("tls.completes", version="TLSv1.2")
def establishes(trace: Trace) -> None:
    handshake(trace)
    trace.see(TlsEstablished("TLSv1.2", "x"), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")


@good("tls.accepts", edge="primary", presentation="rsa-3072", finding="x", what="a chain", hint="h")
@good("tls.accepts-or-refuses", edge="primary", presentation="rsa-3072", what="a chain")
def accepts(trace: Trace) -> None:
    handshake(trace, "rsa-3072")
    trace.request("REGISTER")


@good("walk.measured")
def walks(trace: Trace) -> None:
    trace.connects()
    trace.see(TargetsWalked(("expired",), ("expired",), "one answer", 2, 1, 0.5))


@good("tls.refuses", edge="primary", presentation="unknown-root", finding="x", what="a chain", hint="h")
def refuses(trace: Trace) -> None:
    handshake(trace, "unknown-root")
    trace.see(ClientHelloSeen(b"\1", "TLSv1.2", ("TLSv1.2",), (1,)), flow="f1", edge="primary", direction=IN)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary")


GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
NEGOTIATES = {"versions": ["TLSv1.2"], "measures": "m", "what": "offers x", "finding": "x", "hint": "h"}


@good("tls.offers-aead", suites=[GCM])
@good("tls.offers-nothing-weak")
@good("tls.offers-extended-master-secret")
@good("tls.offers-secure-renegotiation")
@good("tls.offers-signature-algorithms")
@good("tls.offers-common-group")
@good("tls.sends-server-name", names=[PROXY])
def offers(trace: Trace) -> None:
    trace.connects()
    hello = ClientHelloSeen(
        b"\1",
        "TLSv1.2",
        ("TLSv1.3", "TLSv1.2"),
        (0xC02F, 0x00FF),
        server_name=PROXY,
        groups=(29, 23),
        signature_algorithms=(0x0401,),
        extensions=(0, 23, 10, 13),
    )
    trace.see(hello, flow="f1", edge="primary", direction=IN)


@good("tls.negotiates", **NEGOTIATES)
@good("tls.suite-alone", suite=GCM)
@good("tls.takes-one-alone", suites=[GCM])
def takes_a_suite_alone(trace: Trace) -> None:
    offers(trace)
    trace.see(TlsPresented("good", ("TLSv1.2",), GCM), flow="f1", edge="primary", direction=OUT)
    trace.see(TlsEstablished("TLSv1.2", GCM), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")


SO = {"edge": "primary", "manner": "odd"}


def odd_handshake(trace: Trace) -> None:
    offers(trace)
    trace.see(TlsPresented("good", ("TLSv1.2",), manner="odd"), flow="f1", edge="primary", direction=OUT)


@good("tls.completes-so", **SO, finding="x", what="is odd", hint="h")
def completes_an_odd_handshake(trace: Trace) -> None:
    odd_handshake(trace)
    trace.see(TlsEstablished("TLSv1.2", GCM), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")


@good("tls.is-not-followed", **SO, offering=["TLSv1.3"], finding="x", what="lies", hint="h")
@good("tls.is-broken-off", **SO)
@good("tls.gives-up-stalled", **SO)
def ends_an_odd_handshake(trace: Trace) -> None:
    odd_handshake(trace)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary", direction=IN)


@good("tls.resumption")
def resumes_a_session(trace: Trace) -> None:
    offers(trace)
    trace.see(TlsEstablished("TLSv1.2", GCM, resumed=True), flow="f1", edge="primary", direction=IN)


@good("tls.comes-back")
def comes_back(trace: Trace) -> None:
    odd_handshake(trace)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary", direction=OUT)
    binds(trace, "secondary")


@good("trust.root", root="AB", name="Root", modes=["spoof TLSv1.2"], rounds=1, store="system", chain="none")
def answers_a_root_probe(trace: Trace) -> None:
    for role, alert in (("unknown", 48), ("trusted", 51), ("probed", 51)):
        trace.see(RootProbeAnswer("AB", "spoof", "TLSv1.2", role, 0, "alert", alert), flow="f1", edge="root-probe")


@good("reg.auth-user")
@good("reg.digest")
def answers_the_challenge(trace: Trace) -> None:
    trace.request("REGISTER")
    trace.answer(401, "Unauthorized", OUT, method="REGISTER")
    trace.request("REGISTER")
    trace.see(DigestChecked("REGISTER", "4085550100", "BroadWorks", True, True, True), flow="f1", line=1)


@good("pw.characters", characters="!@")
@good("reg.registers", edge="primary")
def registers(trace: Trace) -> None:
    binds(trace)


@good("reg.refreshes", lines=1)
def refreshes(trace: Trace) -> None:
    binds(trace)
    trace.after(30)
    binds(trace)
    trace.after(31).see(Note("60 s are over"))


@good("fo.uses-secondary")
def fails_over(trace: Trace) -> None:
    trace.see(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    trace.after(5)
    binds(trace, "secondary")


def fails(trace: Trace, phase: str = "silent") -> None:
    detail = {"failure": "answers nothing", "cut": True, "bound": {"1": ["primary", "f1"]}}
    trace.see(BenchChanged("primary edge", phase, detail), edge="primary")


@good("fo.moves-on", phase="silent", lines=1)
def moves_on(trace: Trace) -> None:
    fails(trace)
    trace.after(5)
    trace.connects("f2", "secondary")
    binds(trace, "secondary", "f2")


@good("fo.recovers", phase="silent", lines=1)
@good("fo.settles-down", phase="silent", lines=1, until="9 s have passed")
@good("fo.old-binding")
def goes_and_comes_back(trace: Trace) -> None:
    moves_on(trace)
    trace.after(5).see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.after(5)
    binds(trace, "primary", "f3")
    trace.see(Note("9 s have passed"))


@good("fo.saves", phase="silent", method="BYE")
def saves_bye(trace: Trace) -> None:
    fails(trace)
    trace.request("BYE", to_tag="1")
    trace.after(5).request("BYE", to_tag="1", flow="f2", edge="secondary")
    trace.answer(200, direction=OUT, method="BYE", flow="f2", edge="secondary")


@good("fo.is-patient", phase="silent", lines=1)
def tries_now_and_then(trace: Trace) -> None:
    fails(trace)
    for _ in range(3):
        trace.after(4).connects("f2")


@good("fo.call-from-secondary")
def is_called_from_elsewhere(trace: Trace) -> None:
    trace.request("INVITE", OUT, flow="f2", edge="secondary")
    trace.answer(180, flow="f2", edge="secondary")


@good("fo.returns-to-primary", granted_s=60)
def fails_back(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.after(50)
    binds(trace)


@good("ua.names-make-and-model", make="Acme", model="Phone", methods=["REGISTER", "INVITE"])
@good("ua.as-profile", user_agent="^Acme Phone")
@good("sip.no-sips-uri")
def sends_messages(trace: Trace) -> None:
    trace.request("REGISTER")
    trace.request("INVITE")


@good("pw.policy")
def supplies(trace: Trace) -> None:
    trace.see(CredentialsAudited((1,), (12,), ((),), ((),)))


@good("call.rings")
def rings(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.after(1).answer(180)


@good("call.is-answered")
def answers(trace: Trace) -> None:
    rings(trace)
    trace.after(1).answer(200, body=trace.sdp())


@good("call.is-refused")
def refuses_the_offer(trace: Trace) -> None:
    rings(trace)
    trace.after(1).answer(488)


@good("call.offers-srtp")
@good("call.is-placed", number="2000")
def dials(trace: Trace) -> None:
    trace.see(DriverAction("dial", {"number": "2000"}, ok=True))
    trace.request("INVITE", body=trace.sdp())


@good("call.answers-challenge")
def answers_the_second_challenge(trace: Trace) -> None:
    trace.request("INVITE", body=trace.sdp())
    trace.answer(407, "", OUT)
    trace.request("INVITE", body=trace.sdp())
    trace.see(DigestChecked("INVITE", "4085550100", "BroadWorks", True, True, True), flow="f1", line=1)


@good("call.is-acknowledged")
def acknowledges(trace: Trace) -> None:
    trace.answer(200, "OK", OUT)
    trace.request("ACK")


@good("call.ends")
def ends(trace: Trace) -> None:
    trace.request("BYE", OUT)
    trace.answer(200, method="BYE")


@good("call.is-held")
def holds(trace: Trace) -> None:
    trace.request("INVITE", body=trace.sdp())
    trace.see(DriverAction("hold", {}, ok=True))
    trace.request("INVITE", to_tag="1", body=trace.sdp(direction="sendonly"))


@good("call.is-resumed")
def resumes(trace: Trace) -> None:
    holds(trace)
    trace.request("INVITE", to_tag="1", body=trace.sdp())


def window(trace: Trace, tone: float, sent: float = 0.0) -> None:
    trace.after(0.2).see(
        MediaWindow(CALL, 0.2, 10, 0, 0, 0, "127.9.0.9:4000", 1, tone, -10.0, 0.9, sent, 10), flow="f1"
    )


@good("media.srtp")
@good("media.audio-both-ways", tones=[700, 1100])
def hears(trace: Trace) -> None:
    trace.see(MediaOpened(CALL, "127.9.0.1:2", "127.9.0.9:4000", "PCMA/8000", SUITE, 8, 101), flow="f1")
    window(trace, 0.0, 700.0)
    window(trace, 700.0, 700.0)
    window(trace, 1100.0, 1100.0)


@good("media.dtmf", digits="5#")
def presses(trace: Trace) -> None:
    for digit in "5#":
        trace.see(DtmfEvent(CALL, digit, 100.0, 3, 8), flow="f1")


FAILS_ON_SILENCE = {
    "call.answers-challenge": "no INVITE with credentials after the 407",
    "call.is-acknowledged": "no ACK for the 200",
    "call.is-answered": "no 200 after the device was told to answer",
    "call.is-held": "no re-INVITE after the device was told to put the call on hold",
    "call.is-resumed": "no re-INVITE after the device was told to take the call back",
    "fo.uses-secondary": "no registration at the secondary",
    "media.dtmf": "no telephone-event arrived",
    "pw.characters": "line 1 no longer registers with a password of these special characters",
    "reg.registers": "no registration",
}
"""Checks that are stated right after the device was made to act, or had to: for these silence is the failure, and what
it says. For all others silence is inconclusive."""

TIMED = (
    "call.rings",
    "dns.leads-to",
    "dns.recovers",
    "fo.moves-on",
    "fo.recovers",
    "fo.returns-to-primary",
    "fo.saves",
    "fo.uses-secondary",
    "media.audio-both-ways",
    "reg.comes-back",
    "sip.answers-options",
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


@settings(max_examples=400, deadline=None)
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
