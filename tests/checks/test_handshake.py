"""Handshakes that are slow, odd, broken off or answered by a liar: records made by hand, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.checks.registry import find_check
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ClientHelloSeen,
    ClientKeyExchangeSeen,
    DeviceExited,
    DeviceStarted,
    FlowClosed,
    TlsAlert,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.observations import IN, OUT
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

SO: dict[str, Any] = {"edge": "primary", "manner": "odd"}
WORDS: dict[str, Any] = {"finding": "the-finding", "what": "is odd", "hint": "do this"}
LIAR: dict[str, Any] = {**SO, **WORDS, "offering": ["TLSv1.3"]}


def begins(
    trace: Trace,
    flow: str = "f1",
    *,
    edge: str = "primary",
    manner: str = "odd",
    chain: str = "good",
    versions: tuple[str, ...] = ("TLSv1.3", "TLSv1.2"),
) -> None:
    trace.connects(flow, edge)
    trace.see(ClientHelloSeen(b"\1", "TLSv1.2", versions, (0xC02F,)), flow=flow, edge=edge, direction=IN)
    trace.see(TlsPresented(chain, ("TLSv1.2",), manner=manner), flow=flow, edge=edge, direction=OUT)


def alert(trace: Trace, number: int, name: str, flow: str = "f1", direction: str = IN) -> None:
    trace.see(TlsAlert(2, number, name), flow=flow, edge="primary", direction=direction)


def ends(trace: Trace, by: str = "device", how: str = "fin", flow: str = "f1") -> None:
    trace.see(FlowClosed(by, how), flow=flow, edge="primary", direction=IN if by == "device" else OUT)


def measured(judgement: Any) -> dict[str, float]:
    return {one.name: one.value for one in judgement.measurements}


# --- an answer that must not be followed


def test_breaking_off_by_an_alert_passes_and_its_number_is_told(trace: Trace) -> None:
    begins(trace)
    alert(trace, 47, "illegal_parameter")
    ends(trace, how="alert 47")
    judgement = trace.judge("tls.is-not-followed", **LIAR)
    assert (judgement.verdict, measured(judgement)) == (Verdict.PASS, {"alert_illegal_parameter": 47.0})


@pytest.mark.parametrize("then", ["alert", "nothing"])
def test_a_key_exchange_fails_whatever_comes_after_it(trace: Trace, then: str) -> None:
    begins(trace)
    trace.see(ClientKeyExchangeSeen(), flow="f1", edge="primary", direction=IN)
    if then == "alert":
        alert(trace, 47, "illegal_parameter")
        ends(trace)
    judgement = trace.judge("tls.is-not-followed", **LIAR)
    assert (judgement.verdict, judgement.settled) == (Verdict.FAIL, True)
    assert judgement.findings[0].id == "the-finding"


def test_one_that_gives_in_on_the_second_try_fails(trace: Trace) -> None:
    begins(trace)
    ends(trace)
    begins(trace, "f2")
    trace.see(ClientKeyExchangeSeen(), flow="f2", edge="primary", direction=IN)
    assert trace.judge("tls.is-not-followed", **LIAR).verdict is Verdict.FAIL


def test_a_hello_that_offers_nothing_newer_is_not_counted(trace: Trace) -> None:
    begins(trace, versions=("TLSv1.2",))
    trace.see(ClientKeyExchangeSeen(), flow="f1", edge="primary", direction=IN)
    judgement = trace.judge("tls.is-not-followed", **LIAR)
    assert (judgement.verdict, judgement.reason_code) == (Verdict.INCONCLUSIVE, "never-connected")


def test_a_connection_that_ended_with_the_devices_program_says_nothing(trace: Trace) -> None:
    begins(trace)
    ends(trace)
    trace.see(DeviceStarted(2, "phone"))
    assert trace.judge("tls.is-not-followed", **LIAR).reason_code == "refusal-not-seen"


def test_a_program_that_ends_on_an_odd_answer_has_not_broken_it_off(trace: Trace) -> None:
    begins(trace)
    ends(trace)
    trace.see(DeviceExited(139, asked=False))
    assert trace.judge("tls.is-not-followed", **LIAR).reason_code == "refusal-not-seen"


def test_a_device_that_went_before_it_had_the_answer_has_refused_nothing(trace: Trace) -> None:
    begins(trace)
    trace.see(FlowClosed("device", "fin", unacknowledged=900), flow="f1", edge="primary", direction=IN)
    assert trace.judge("tls.is-not-followed", **LIAR).reason_code == "refusal-not-seen"


def test_an_edge_that_could_not_answer_so_says_why(trace: Trace) -> None:
    begins(trace)
    alert(trace, 40, "handshake_failure", direction=OUT)
    ends(trace, by="bench")
    judgement = trace.judge("tls.is-not-followed", **LIAR)
    assert (judgement.verdict, judgement.reason_code) == (Verdict.INCONCLUSIVE, "not-asked")
    assert "40 (handshake_failure)" in judgement.reason


# --- a handshake that has to complete


def test_the_time_that_it_took_is_told(trace: Trace) -> None:
    begins(trace)
    trace.after(2.5).see(TlsEstablished("TLSv1.2", "x"), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")
    judgement = trace.judge("tls.completes-so", **SO, **WORDS)
    assert (judgement.verdict, measured(judgement)) == (Verdict.PASS, {"handshake_time": 2.5})


def test_other_manners_and_other_chains_do_not_count(trace: Trace) -> None:
    begins(trace, manner="")
    trace.see(TlsEstablished("TLSv1.2", "x"), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")
    assert trace.judge("tls.completes-so", **SO, **WORDS).reason_code == "never-connected"
    other: dict[str, Any] = {"manner": "", "presentation": "other", **WORDS}
    assert trace.judge("tls.completes-so", **other).reason_code == "never-connected"
    assert trace.judge("tls.completes-so", **{**other, "presentation": "good"}).verdict is Verdict.PASS


@pytest.mark.parametrize(("at_most", "verdict"), [("fail", Verdict.FAIL), ("warn", Verdict.WARN)])
def test_one_that_fails_is_settled_when_the_device_is_elsewhere(trace: Trace, at_most: str, verdict: Verdict) -> None:
    begins(trace)
    alert(trace, 50, "decode_error")
    ends(trace)
    asked = {**SO, **WORDS, "at_most": at_most}
    assert not trace.judge("tls.completes-so", **asked).settled
    begins(trace, "f2", edge="secondary", manner="")
    trace.request("REGISTER", flow="f2", edge="secondary")
    judgement = trace.judge("tls.completes-so", **asked)
    assert (judgement.verdict, judgement.settled) == (verdict, True)
    assert judgement.findings[0].observed == "the device's alert 50 (decode_error)"
    assert measured(judgement) == {"alert_decode_error": 50.0}


def test_an_end_without_an_alert_is_told_with_its_time(trace: Trace) -> None:
    begins(trace)
    ends(trace.after(0.3), how="rst")
    observed = trace.judge("tls.completes-so", **SO, **WORDS).findings[0].observed
    assert observed == "the device ended the connection (rst) without an alert, 0.3 s after the ClientHello"


def test_a_refused_chain_is_another_cases_affair_unless_it_is_about_the_chain(trace: Trace) -> None:
    begins(trace)
    alert(trace, 48, "unknown_ca")
    ends(trace)
    assert trace.judge("tls.completes-so", **SO, **WORDS).reason_code == "chain-refused"
    assert trace.judge("tls.completes-so", **SO, **WORDS, presentation="good").verdict is Verdict.FAIL


# --- one that does not go on


def test_giving_up_late_or_never_is_a_warning(trace: Trace) -> None:
    begins(trace)
    never = trace.judge("tls.gives-up-stalled", **SO)
    assert (never.verdict, never.settled) == (Verdict.WARN, False)
    ends(trace.after(61))
    late = trace.judge("tls.gives-up-stalled", **SO)
    assert (late.verdict, measured(late)) == (Verdict.WARN, {"stalled_handshake_given_up": 61.0})


def test_the_edge_that_ends_it_saves_nobody(trace: Trace) -> None:
    begins(trace)
    ends(trace.after(5), by="bench")
    assert trace.judge("tls.gives-up-stalled", **SO).verdict is Verdict.WARN


def test_a_program_that_ends_in_a_stalled_handshake_has_not_given_it_up(trace: Trace) -> None:
    begins(trace)
    ends(trace.after(1))
    trace.see(DeviceExited(139, asked=False))
    assert trace.judge("tls.gives-up-stalled", **SO).reason_code == "refusal-not-seen"


def test_another_edge_meanwhile_is_as_good(trace: Trace) -> None:
    begins(trace)
    begins(trace.after(4), "f2", edge="secondary", manner="")
    trace.request("REGISTER", flow="f2", edge="secondary")
    judgement = trace.judge("tls.gives-up-stalled", **SO)
    assert (judgement.verdict, measured(judgement)) == (Verdict.PASS, {"stalled_handshake_given_up": 4.0})


# --- sessions


def hello(session_id: bytes) -> bytes:
    body = b"\x03\x03" + bytes(32) + bytes([len(session_id)]) + session_id + b"\x00\x02\xc0\x2f\x01\x00"
    return b"\x01" + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize(("session_id", "offered"), [(b"", 0.0), (b"id", 1.0)])
@pytest.mark.parametrize("resumed", [False, True])
def test_what_became_of_a_session_is_recorded(trace: Trace, session_id: bytes, offered: float, resumed: bool) -> None:
    trace.connects()
    seen = ClientHelloSeen(hello(session_id), "TLSv1.2", ("TLSv1.2",), (0xC02F,))
    trace.see(seen, flow="f1", edge="primary", direction=IN)
    trace.see(TlsEstablished("TLSv1.2", "x", resumed), flow="f1", edge="primary", direction=IN)
    judgement = trace.judge("tls.resumption")
    assert judgement.verdict is Verdict.PASS
    assert measured(judgement) == {"session_offered": offered, "session_resumed": float(resumed)}


def test_who_left_for_a_connection_that_it_had_begun_beside_has_not_broken_off(trace: Trace) -> None:
    trace.connects("f2", "secondary")
    begins(trace)
    trace.see(TlsEstablished("TLSv1.3", "x"), flow="f2", edge="secondary", direction=IN)
    ends(trace)
    trace.is_open("tls.is-not-followed", "refusal-not-seen", **LIAR)


# --- broken off


def test_who_comes_back_slowly_is_waited_for_as_in_any_failover() -> None:
    assert find_check("tls.comes-back").limits[0] == "failover_s"


def test_only_an_edge_that_broke_off_counts_as_tried(trace: Trace) -> None:
    begins(trace)
    assert trace.judge("tls.is-broken-off", **SO).verdict is Verdict.INCONCLUSIVE
    ends(trace, by="bench")
    assert trace.judge("tls.is-broken-off", **SO).verdict is Verdict.PASS


def test_every_line_registers_once_the_clock_is_set(trace: Trace) -> None:
    check = "tls.comes-with-its-clock"
    trace.see(BenchChanged("clock", "1970"))
    trace.see(BenchChanged("clock", "right"))
    trace.is_open(check, "never-connected", lines=2)
    begins(trace)
    # It came when the clock was right: nothing is known of a wrong one.
    trace.is_open(check, "never-connected", lines=2)


def test_who_registers_in_1970_says_nothing(trace: Trace) -> None:
    trace.see(BenchChanged("clock", "1970"))
    begins(trace)
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)
    trace.see(BenchChanged("clock", "right"))
    judged = trace.judge("tls.comes-with-its-clock", lines=1)
    assert (judged.verdict, judged.reason_code, judged.settled) == (Verdict.INCONCLUSIVE, "clock-not-felt", True)


def test_who_never_comes_back_without_its_clock_fails(trace: Trace) -> None:
    check = "tls.comes-with-its-clock"
    trace.see(BenchChanged("clock", "1970"))
    begins(trace)
    ends(trace, by="device")
    trace.is_open(check, "clock-never-set", lines=2)
    trace.see(BenchChanged("clock", "right"))
    binding = BindingChanged("sip:a@x", "sip:a@y", 60)
    trace.see(binding, flow="f2", edge="secondary", line=1)
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 0), flow="f2", edge="secondary", line=2)
    judged = trace.fails(check, "tls-never-without-clock", settled=False, lines=2)
    assert "1 of 2 lines" in judged.findings[0].observed
    trace.after(3).see(binding, flow="f2", edge="secondary", line=2)
    assert measured(trace.passes(check, lines=2)) == {"registered_after_clock_was_set": 3.0}


def test_a_registration_before_the_break_does_not_count(trace: Trace) -> None:
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f0", edge="primary", line=1)
    begins(trace)
    ends(trace, by="bench")
    judgement = trace.judge("tls.comes-back")
    assert (judgement.verdict, judgement.settled) == (Verdict.FAIL, False)
    assert judgement.findings[0].id == "tls-gives-up-for-good"
    trace.after(3).see(BindingChanged("sip:a@x", "sip:a@y", 0), flow="f2", edge="secondary", line=1)
    assert trace.judge("tls.comes-back").verdict is Verdict.FAIL
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)
    assert measured(trace.judge("tls.comes-back")) == {"back_after_broken_handshake": 3.0}
