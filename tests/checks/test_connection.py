"""Keep-alives, silence, another port, default ports and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import Cleartext, DnsQuery, FlowClosed, Note, SipKeepAlive, TrafficClass
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from tests.checks.good_connection import binds, forgets, pings

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


# --- keep-alives


def test_without_a_registration_nothing_is_said_of_keep_alives(trace: Trace) -> None:
    trace.connects()
    pings(trace)
    trace.is_open("net.keeps-alive", "never-registered", interval_s=10)


def test_a_connection_on_which_nothing_comes_is_not_kept_alive(trace: Trace) -> None:
    binds(trace)
    trace.see(SipKeepAlive("pong"), flow="f1", edge="primary", direction=OUT)
    pings(trace, "f2")
    trace.after(20).see(Note("watched until here"))
    judged = trace.fails("net.keeps-alive", "keep-alive-never", settled=False, interval_s=10)
    assert judged.findings[0].observed == "no keep-alive in 20.0 s"


def test_a_pause_that_is_longer_than_the_profile_says_is_seen_before_the_next_one_comes(trace: Trace) -> None:
    binds(trace)
    pings(trace)
    trace.after(12).see(Note("watched until here"))
    trace.is_open("net.keeps-alive", "not-watched", interval_s=10)
    trace.after(1).see(Note("watched until here"))
    judged = trace.fails("net.keeps-alive", "keep-alive-rare", settled=False, interval_s=10)
    assert judged.findings[0].observed == "nothing was sent over the connection for 13.0 s"
    assert {one.name: one.value for one in judged.measurements}["longest_silence"] == 13


def test_requests_keep_a_connection_alive_as_well(trace: Trace) -> None:
    binds(trace)
    for form in ("ping", "pong", "pong"):
        trace.after(9).request("REGISTER")
        trace.after(9)
        pings(trace, form=form)
    figures = {one.name: one.value for one in trace.passes("net.keeps-alive", interval_s=10).measurements}
    assert figures == {"longest_silence": 9, "keep_alives": 3, "double_crlf": 1}


def test_what_the_profile_says_may_be_too_seldom_for_a_nat(trace: Trace) -> None:
    binds(trace)
    for _ in range(3):
        trace.after(150)
        pings(trace)
    trace.fails("net.keeps-alive", "keep-alive-rare", interval_s=150, verdict=Verdict.WARN)


# --- silence


def test_a_flow_that_the_device_ends_was_noticed(trace: Trace) -> None:
    trace.is_open("net.notices-silence", "never-silent", interval_s=5)
    binds(trace)
    forgets(trace)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary")
    trace.fails("net.notices-silence", "silence-not-noticed", settled=False, interval_s=5)
    trace.after(14.9).see(FlowClosed("device", "fin"), flow="f1", edge="primary")
    (figure,) = trace.passes("net.notices-silence", interval_s=5).measurements
    assert (figure.value, figure.limit) == (14.9, 15)


def test_a_new_connection_is_as_good_and_late_is_late(trace: Trace) -> None:
    forgets(trace)
    trace.after(15.5).connects("f2")
    trace.fails("net.notices-silence", "silence-noticed-late", interval_s=5)


def test_who_goes_on_over_another_connection_that_it_had_has_noticed(trace: Trace) -> None:
    forgets(trace)
    binds(trace, "f1")
    trace.fails("net.notices-silence", "silence-not-noticed", settled=False, interval_s=5)
    binds(trace, "f2")
    trace.passes("net.notices-silence", interval_s=5)


# --- another port


def test_a_connection_that_was_open_already_is_another_one(trace: Trace) -> None:
    forgets(trace)
    binds(trace, "f2", line=1)
    trace.passes("net.another-port", lines=1)


def test_lines_that_stay_on_the_forgotten_connection_did_not_survive(trace: Trace) -> None:
    trace.is_open("net.another-port", "never-silent", lines=2)
    forgets(trace)
    trace.connects("f2")
    binds(trace, "f1", line=1)
    binds(trace, "f2", line=2)
    judged = trace.fails("net.another-port", "rebinding-not-survived", settled=False, lines=2)
    assert judged.findings[0].observed == "1 new connections, and 1 of 2 lines registered over another one"
    trace.after(61)
    binds(trace, "f2", line=1)
    trace.fails("net.another-port", "rebinding-survived-late", lines=2, verdict=Verdict.WARN)


# --- what a firewall would see


@pytest.mark.parametrize(("role", "port"), [("sip-tls-default", 5061), ("sip-cleartext", 5060)])
def test_a_connection_to_a_default_port(trace: Trace, role: str, port: int) -> None:
    trace.connects()
    trace.connects("f2", role=role, port=port)
    judged = trace.fails("net.no-default-port", "default-port-used")
    assert judged.findings[0].observed == f"it went to 127.9.0.1:{port}"


@pytest.mark.parametrize(("answers", "rcode"), [((), "NOERROR"), ((), "NXDOMAIN"), ((), "")])
def test_without_an_srv_record_the_default_port_is_right(trace: Trace, answers: tuple[str, ...], rcode: str) -> None:
    trace.see(DnsQuery("udp", "127.9.0.9:1", "_sips._tcp.x.", "SRV", rcode, answers))
    trace.see(DnsQuery("udp", "127.9.0.9:1", "x.", "A", "NOERROR", ("127.9.0.1",)))
    trace.connects(role="sip-tls-default", port=5061)
    trace.passes("net.no-default-port")
    trace.see(DnsQuery("udp", "127.9.0.9:1", "_sips._tcp.x.", "SRV", "NOERROR", ("5 100 8934 a.",)))
    trace.connects(role="sip-tls-default", port=5061)
    trace.fails("net.no-default-port", "default-port-used")


def test_a_datagram_to_a_default_port(trace: Trace) -> None:
    trace.see(Cleartext("udp", "127.9.0.9:5060", b"REGISTER"), edge="primary")
    trace.fails("net.no-default-port", "default-port-used")


def test_the_last_mark_of_each_kind_is_recorded(trace: Trace) -> None:
    trace.is_open("net.traffic-class", "nothing-seen")
    for dscp, of in ((0, "sip"), (46, "rtp"), (24, "sip")):
        trace.see(TrafficClass(dscp, of), flow="f1", edge="primary")
    assert [(one.name, one.value) for one in trace.passes("net.traffic-class").measurements] == [
        ("dscp_rtp", 46),
        ("dscp_sip", 24),
    ]
