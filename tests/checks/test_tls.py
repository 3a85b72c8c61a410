"""The device as a TLS client."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import (
    Cleartext,
    ClientHelloSeen,
    DeviceExited,
    Event,
    FlowClosed,
    FlowOpened,
    SipGarbage,
    SipKeepAlive,
    TlsAlert,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
)
from certsuite.core.findings import Evidence
from certsuite.core.observations import IN, OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

FAULT: dict[str, Any] = {
    "edge": "primary",
    "presentation": "unknown-root",
    "finding": "tls-accepted-unknown-root",
    "what": "a chain under an unknown root",
    "hint": "Switch verification on.",
}


def shakes_hands(
    trace: Trace,
    flow: str = "f1",
    *,
    edge: str = "primary",
    presentation: str = "good",
    versions: tuple[str, ...] = ("TLSv1.2",),
    hello: bool = True,
) -> None:
    """As far as the edge's certificate."""
    place = {"flow": flow, "edge": edge}
    trace.connects(flow, edge)
    if hello:
        trace.see(ClientHelloSeen(b"\1", "TLSv1.2", ("TLSv1.3", "TLSv1.2"), (0xC030,)), **place, direction=IN)
    trace.see(TlsPresented(presentation, versions), **place, direction=OUT)


def establishes(trace: Trace, flow: str = "f1", *, version: str = "TLSv1.2", edge: str = "primary") -> None:
    trace.see(TlsEstablished(version, "ECDHE-RSA-AES256-GCM-SHA384"), flow=flow, edge=edge, direction=IN)


# --- tls.completes


def test_a_handshake_in_the_offered_version_with_sip_over_it(trace: Trace) -> None:
    shakes_hands(trace)
    establishes(trace)
    trace.fails("tls.completes", "tls-handshake-failed", settled=False, version="TLSv1.2")
    trace.request("REGISTER")
    assert trace.passes("tls.completes", version="TLSv1.2").evidence == (Evidence(3, 1003), Evidence(4, 1004))


def test_another_version_is_not_the_offered_one(trace: Trace) -> None:
    shakes_hands(trace)
    establishes(trace, version="TLSv1.3")
    trace.request("REGISTER")
    trace.fails("tls.completes", "tls-handshake-failed", settled=False, version="TLSv1.2")


def test_sip_over_another_flow_does_not_count(trace: Trace) -> None:
    shakes_hands(trace)
    establishes(trace)
    trace.request("REGISTER", flow="f2")
    trace.fails("tls.completes", "tls-handshake-failed", settled=False, version="TLSv1.2")


def test_how_a_handshake_broke_is_told(trace: Trace) -> None:
    shakes_hands(trace)
    trace.see(TlsAlert(2, 48, "unknown_ca"), flow="f1", direction=IN)
    trace.see(TlsFailed("alert"), flow="f1")
    judged = trace.fails("tls.completes", "tls-handshake-failed", settled=False, version="TLSv1.2")
    assert judged.findings[0].observed == (
        "the device offered TLSv1.3, TLSv1.2; the device ended the connection with alert 48 (unknown_ca)"
    )
    assert judged.findings[0].subject.flow == "f1"


def test_without_a_connection_nothing_is_said_of_tls(trace: Trace) -> None:
    trace.is_open("tls.completes", "never-connected", version="TLSv1.2")
    trace.connects("f1", role="sip-cleartext", port=5060)
    trace.is_open("tls.completes", "never-connected", version="TLSv1.2")


# --- tls.trusts


def test_the_good_chain_is_trusted_once_sip_comes(trace: Trace) -> None:
    trace.is_open("tls.trusts", "never-connected", presentation="good")
    shakes_hands(trace)
    establishes(trace)
    trace.fails("tls.trusts", "tls-refused-good-chain", settled=False, presentation="good")
    trace.see(SipGarbage(b"hello", 5, "no SIP"), flow="f1", direction=IN)
    trace.passes("tls.trusts", presentation="good")


def test_trust_at_the_other_edge_is_not_trust_at_this_one(trace: Trace) -> None:
    """After a fault at the primary, a device that stays at the secondary has not shown that it takes the primary."""
    shakes_hands(trace, edge="secondary")
    establishes(trace, edge="secondary")
    trace.request("REGISTER", edge="secondary")
    trace.is_open("tls.trusts", "never-connected", presentation="good", edge="primary")
    trace.passes("tls.trusts", presentation="good", edge="secondary")
    trace.passes("tls.trusts", presentation="good")
    shakes_hands(trace, "f2")
    trace.fails("tls.trusts", "tls-refused-good-chain", settled=False, presentation="good", edge="primary")
    establishes(trace, "f2")
    trace.request("REGISTER", flow="f2")
    trace.passes("tls.trusts", presentation="good", edge="primary")


def test_trust_in_another_chain_is_not_trust_in_the_good_one(trace: Trace) -> None:
    shakes_hands(trace, presentation="unknown-root")
    establishes(trace)
    trace.request("REGISTER")
    trace.is_open("tls.trusts", "never-connected", presentation="good")


@pytest.mark.parametrize(
    ("end", "direction", "words"),
    [
        (TlsAlert(2, 48, "unknown_ca"), IN, "the device ended the connection with alert 48 (unknown_ca)"),
        (TlsAlert(2, 70, "protocol_version"), OUT, "the edge ended the connection with alert 70 (protocol_version)"),
        (FlowClosed("device", "rst"), IN, "the connection was ended by the device (rst) without an alert"),
        (TlsFailed("odd"), IN, "the handshake did not complete"),
    ],
)
def test_a_refusal_of_the_good_chain_says_how(trace: Trace, end: TlsAlert, direction: str, words: str) -> None:
    shakes_hands(trace)
    trace.see(end, flow="f1", direction=direction)
    judged = trace.fails("tls.trusts", "tls-refused-good-chain", settled=False, presentation="good")
    assert judged.findings[0].observed == words


def test_a_handshake_without_sip_says_so(trace: Trace) -> None:
    shakes_hands(trace)
    establishes(trace)
    judged = trace.fails("tls.trusts", "tls-refused-good-chain", settled=False, presentation="good")
    assert judged.findings[0].observed == "the handshake completed and no SIP followed"


# --- tls.refuses


def refused(trace: Trace, *, by: str = "device", alert: bool = True, **about: object) -> None:
    shakes_hands(trace, presentation="unknown-root", **about)  # type: ignore[arg-type]
    if alert:
        trace.see(TlsAlert(2, 48, "unknown_ca"), flow="f1", edge="primary", direction=IN)
    trace.see(FlowClosed(by, "fin"), flow="f1", edge="primary")


def test_a_faulty_edge_is_refused(trace: Trace) -> None:
    refused(trace)
    judged = trace.passes("tls.refuses", **FAULT)
    assert [one.seq for one in judged.evidence] == [2, 3, 4], "what was presented, the alert, the end"


def test_an_alert_is_not_required(trace: Trace) -> None:
    refused(trace, alert=False)
    trace.passes("tls.refuses", **FAULT)


@pytest.mark.parametrize("alert", [False, True])
def test_sip_to_a_faulty_edge_fails_whatever_follows(trace: Trace, alert: bool) -> None:
    shakes_hands(trace, presentation="unknown-root")
    establishes(trace)
    trace.request("REGISTER")
    if alert:
        trace.see(TlsAlert(1, 0, "close_notify"), flow="f1", direction=IN)
        trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary")
    judged = trace.fails("tls.refuses", "tls-accepted-unknown-root", **FAULT)
    assert judged.findings[0].observed == (
        "the device sent SIP over TLSv1.2 to an edge that presented a chain under an unknown root"
    )


def test_accepting_once_fails_though_it_refused_before(trace: Trace) -> None:
    refused(trace)
    shakes_hands(trace, "f2", presentation="unknown-root")
    establishes(trace, "f2")
    trace.request("REGISTER", flow="f2")
    trace.fails("tls.refuses", "tls-accepted-unknown-root", **FAULT)


def test_bytes_that_are_no_sip_are_application_data_too(trace: Trace) -> None:
    shakes_hands(trace, presentation="unknown-root")
    establishes(trace)
    trace.see(SipGarbage(b"\0", 1, "no SIP"), flow="f1", direction=IN)
    trace.fails("tls.refuses", "tls-accepted-unknown-root", **FAULT)


def test_a_keep_alive_is_application_data_too(trace: Trace) -> None:
    """RFC 5626 section 3.5.1: what is sent over the connection is sent to whoever is at its other end."""
    shakes_hands(trace)
    establishes(trace)
    trace.see(SipKeepAlive("ping"), flow="f1", direction=OUT)
    trace.fails("tls.trusts", "tls-refused-good-chain", settled=False, presentation="good")
    trace.see(SipKeepAlive("ping"), flow="f1", direction=IN)
    trace.passes("tls.trusts", presentation="good")
    shakes_hands(trace, "f2", presentation="unknown-root")
    establishes(trace, "f2")
    trace.see(SipKeepAlive("ping"), flow="f2", direction=IN)
    trace.fails("tls.refuses", "tls-accepted-unknown-root", **FAULT)


def test_what_the_bench_ended_after_its_patience_is_a_refusal(trace: Trace) -> None:
    """The device had the server's whole answer and did nothing with it."""
    shakes_hands(trace, presentation="unknown-root")
    trace.after(31).see(FlowClosed("bench", "fin"), flow="f1", edge="primary")
    trace.passes("tls.refuses", **FAULT)


def test_what_the_bench_cut_off_is_no_refusal(trace: Trace) -> None:
    """A walk that is broken off ends whatever is open, also a handshake in its middle."""
    shakes_hands(trace, presentation="unknown-root")
    trace.after(3).see(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


@pytest.mark.parametrize("failure", [TlsFailed("no shared cipher"), TlsAlert(2, 40, "handshake_failure")])
def test_what_the_bench_ended_because_tls_failed_there_is_no_refusal(trace: Trace, failure: Event) -> None:
    shakes_hands(trace, presentation="unknown-root")
    trace.see(failure, flow="f1", direction=OUT)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary")
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


def test_who_did_not_receive_the_server_s_answer_has_not_refused_it(trace: Trace) -> None:
    shakes_hands(trace, presentation="unknown-root")
    trace.see(FlowClosed("device", "fin", unacknowledged=1400), flow="f1", edge="primary")
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


def test_who_completed_the_handshake_has_received_it_whatever_else_was_on_its_way(trace: Trace) -> None:
    """Session tickets of TLS 1.3 come after the handshake, and a device that verifies then may be gone before them."""
    shakes_hands(trace, presentation="unknown-root")
    establishes(trace)
    trace.see(FlowClosed("device", "fin", unacknowledged=510), flow="f1", edge="primary")
    trace.passes("tls.refuses", **FAULT)


def test_the_end_of_a_device_that_was_stopped_is_no_refusal(trace: Trace) -> None:
    shakes_hands(trace, presentation="unknown-root")
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary", direction=IN)
    trace.see(DeviceExited(0, asked=True))
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


def test_a_device_that_said_why_has_refused_even_if_it_was_stopped_then(trace: Trace) -> None:
    refused(trace)
    trace.see(DeviceExited(0, asked=True))
    trace.passes("tls.refuses", **FAULT)


# --- tls.accepts, tls.accepts-or-refuses

SOUND: dict[str, Any] = {"edge": "rsa-3072", "presentation": "rsa-3072", "what": "a long key"}


def sees_a_long_key(trace: Trace) -> None:
    shakes_hands(trace, edge="rsa-3072", presentation="rsa-3072")


def test_what_was_not_shown_is_neither_accepted_nor_refused(trace: Trace) -> None:
    shakes_hands(trace)
    trace.is_open("tls.accepts", "never-connected", finding="tls-refused-long-key", hint="h", **SOUND)
    trace.is_open("tls.accepts-or-refuses", "never-connected", **SOUND)


def test_sip_over_the_connection_accepts_it(trace: Trace) -> None:
    sees_a_long_key(trace)
    trace.request("REGISTER")
    trace.passes("tls.accepts", finding="tls-refused-long-key", hint="h", **SOUND)
    judged = trace.passes("tls.accepts-or-refuses", **SOUND)
    assert [(one.name, one.value) for one in judged.measurements] == [("accepts rsa-3072", 1.0)]


def test_the_end_without_sip_refuses_it(trace: Trace) -> None:
    sees_a_long_key(trace)
    trace.see(TlsAlert(2, 42, "bad_certificate"), flow="f1", edge="rsa-3072", direction=IN)
    trace.see(FlowClosed("device", "alert 42"), flow="f1", edge="rsa-3072", direction=IN)
    judged = trace.fails(
        "tls.accepts", "tls-refused-long-key", settled=False, finding="tls-refused-long-key", hint="h", **SOUND
    )
    assert "alert 42 (bad_certificate)" in judged.findings[0].observed
    judged = trace.passes("tls.accepts-or-refuses", **SOUND)
    assert [(one.name, one.value) for one in judged.measurements] == [("accepts rsa-3072", 0.0)]


def test_a_program_that_ends_on_it_leaves_it_open(trace: Trace) -> None:
    sees_a_long_key(trace)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="rsa-3072", direction=IN)
    trace.see(DeviceExited(139, asked=False))
    trace.is_open("tls.accepts-or-refuses", "refusal-not-seen", **SOUND)


def test_a_program_that_ends_on_a_sound_chain_has_not_accepted_it(trace: Trace) -> None:
    about = {"finding": "tls-refused-long-key", "hint": "h", **SOUND}
    sees_a_long_key(trace)
    trace.see(FlowClosed("network", "rst"), flow="f1", edge="rsa-3072", direction=IN)
    trace.after(0.1).see(DeviceExited(-11, asked=False))
    judged = trace.fails("tls.accepts", "tls-refused-long-key", settled=False, **about)
    assert judged.findings[0].observed == "the device was presented a long key: its program ended (status -11)"


def test_a_program_that_was_stopped_or_ended_later_leaves_a_sound_chain_open(trace: Trace) -> None:
    about = {"finding": "tls-refused-long-key", "hint": "h", **SOUND}
    sees_a_long_key(trace)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="rsa-3072", direction=IN)
    trace.see(DeviceExited(0, asked=True))
    trace.after(5).see(DeviceExited(-11, asked=False))
    trace.is_open("tls.accepts", "refusal-not-seen", **about)


@pytest.mark.parametrize("presentation", ["unknown-root", "rsa-3072"])
@pytest.mark.parametrize("complete", [False, True])
def test_who_connects_to_several_at_once_has_not_judged_those_that_it_leaves(
    trace: Trace, complete: bool, presentation: str
) -> None:
    """One connection is used, and the others are closed without a word: their chains may have been good enough."""
    about = {**FAULT, "edge": "b", "presentation": presentation}
    trace.connects("f1", "a")
    shakes_hands(trace, "f2", edge="b", presentation=presentation)
    establishes(trace, "f1", edge="a")
    if complete:
        establishes(trace, "f2", edge="b")
    trace.request("REGISTER", flow="f1", edge="a")
    trace.see(TlsAlert(1, 0, "close_notify"), flow="f2", edge="b", direction=IN)
    trace.see(FlowClosed("device", "fin"), flow="f2", edge="b", direction=IN)
    for check in ("tls.refuses", "tls.accepts", "tls.accepts-or-refuses"):
        trace.is_open(check, "refusal-not-seen", **about)
    # A reason tells that it did look.
    trace.observations[-2] = replace(trace.observations[-2], event=TlsAlert(2, 48, "unknown_ca"))
    trace.passes("tls.refuses", **about)


def test_a_connection_that_stood_already_takes_nothing_from_a_refusal(trace: Trace) -> None:
    shakes_hands(trace, "f9", edge="secondary")
    establishes(trace, "f9", edge="secondary")
    refused(trace, alert=False)
    shakes_hands(trace, "f3", edge="secondary")
    establishes(trace, "f3", edge="secondary")
    trace.passes("tls.refuses", **FAULT)


def test_a_connection_that_said_nothing_is_no_refusal(trace: Trace) -> None:
    """A port scan, or a device that connects and thinks better of it, has not looked at the certificate."""
    refused(trace, hello=False)
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


def test_a_connection_that_is_still_open_is_no_refusal(trace: Trace) -> None:
    shakes_hands(trace, presentation="unknown-root")
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


def test_the_other_edge_s_connections_do_not_count(trace: Trace) -> None:
    shakes_hands(trace, edge="secondary", presentation="unknown-root")
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="secondary")
    trace.is_open("tls.refuses", "never-connected", **FAULT)


def test_old_versions_are_refused_by_the_edge_s_own_alert(trace: Trace) -> None:
    """The device offered nothing that old: the edge ended the handshake with protocol_version, and that is right."""
    old = ("TLSv1", "TLSv1.1")
    shakes_hands(trace, versions=old)
    trace.see(TlsAlert(2, 70, "protocol_version"), flow="f1", direction=OUT)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary")
    fault = {**FAULT, "presentation": "good", "finding": "tls-accepted-old-version"}
    trace.passes("tls.refuses", versions=list(old), **fault)
    trace.is_open("tls.refuses", "never-connected", versions=["TLSv1.2"], **fault)


def test_a_device_that_never_saw_the_faulty_certificate_has_not_refused_it(trace: Trace) -> None:
    shakes_hands(trace, presentation="unknown-root", versions=("TLSv1", "TLSv1.1"))
    trace.see(TlsAlert(2, 70, "protocol_version"), flow="f1", direction=OUT)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary")
    trace.is_open("tls.refuses", "refusal-not-seen", **FAULT)


@pytest.mark.parametrize(
    ("presentation", "versions", "passes"), [("good", ("TLSv1.1",), True), ("x", ("TLSv1.2",), False)]
)
def test_an_edge_that_finds_no_suite_refuses_by_version_only_if_it_is_old(
    trace: Trace, presentation: str, versions: tuple[str, ...], passes: bool
) -> None:
    """A device of TLS 1.2 that offers no suite of older ones is answered with handshake_failure."""
    shakes_hands(trace, presentation=presentation, versions=versions)
    trace.see(TlsAlert(2, 40, "handshake_failure"), flow="f1", direction=OUT)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary")
    fault = {**FAULT, "presentation": presentation}
    if passes:
        trace.passes("tls.refuses", **fault)
    else:
        trace.is_open("tls.refuses", "refusal-not-seen", **fault)


# --- net.no-cleartext


def test_silence_proves_nothing_of_cleartext(trace: Trace) -> None:
    trace.is_open("net.no-cleartext", "nothing-seen")
    trace.connects()
    trace.passes("net.no-cleartext")


def test_cleartext_fails(trace: Trace) -> None:
    trace.connects()
    trace.see(Cleartext("udp", "127.9.0.9:5060", b"REGISTER sip:\x1b[31m"), direction=IN)
    judged = trace.fails("net.no-cleartext", "cleartext-fallback")
    assert "1 times data in the clear, first over udp: REGISTER sip:\\x1b[31m" in judged.findings[0].observed


def test_somebody_else_s_cleartext_is_not_the_device_s(trace: Trace) -> None:
    trace.connects()
    trace.see(Cleartext("udp", "192.0.2.66:5060", b"OPTIONS", owner="foreign"), direction=IN)
    trace.see(Cleartext("tcp", "192.0.2.66:5060", b"OPTIONS"), flow="x9", direction=IN)
    trace.see(FlowOpened("a", "b", "foreign", "sip-cleartext"), flow="x9")
    trace.passes("net.no-cleartext")
