"""How the device finds its edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import Cleartext, DnsQuery
from certsuite.core.findings import Evidence
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PROXY = "hs17.hosted.lab.example"


def asks(trace: Trace, name: str, type: str = "SRV") -> None:
    trace.see(DnsQuery("udp", "127.9.0.9:40000", name, type, "NOERROR", ()))


@pytest.mark.parametrize("name", [f"_sips._tcp.{PROXY}.", f"_sips._tcp.{PROXY}", f"_SIPS._TCP.{PROXY.upper()}."])
def test_the_right_question(trace: Trace, name: str) -> None:
    asks(trace, PROXY, "A")
    asks(trace, name)
    assert trace.passes("dns.asks-sips-srv", outbound_proxy=PROXY).evidence == (Evidence(1, 1001),)


@pytest.mark.parametrize(
    ("name", "type"),
    [
        (f"_sip._tls.{PROXY}.", "SRV"),
        (f"_sips._udp.{PROXY}.", "SRV"),
        (f"_sips._tcp.{PROXY}.", "NAPTR"),
        (f"{PROXY}.", "A"),
        ("_sips._tcp.other.example.", "SRV"),
        (f"_sips._tcp.x{PROXY}.", "SRV"),
    ],
)
def test_another_question_is_not_it_and_the_right_one_may_still_come(trace: Trace, name: str, type: str) -> None:
    asks(trace, name, type)
    judged = trace.fails("dns.asks-sips-srv", "dns-no-sips-srv", settled=False, outbound_proxy=PROXY)
    assert judged.findings[0].observed == f"asked {type} {name}"


def test_a_device_that_asks_nothing_is_not_judged(trace: Trace) -> None:
    trace.connects()
    trace.is_open("dns.asks-sips-srv", "nothing-seen", outbound_proxy=PROXY)


def test_what_was_asked_is_made_safe_to_show(trace: Trace) -> None:
    for number in range(50):
        asks(trace, f"\x1b[{number}m" + "a" * 300)
    judged = trace.fails("dns.asks-sips-srv", "dns-no-sips-srv", settled=False, outbound_proxy=PROXY)
    assert "\x1b" not in judged.findings[0].observed
    assert len(judged.findings[0].observed) < 2000
    assert len(judged.evidence) == 8


def test_the_port_of_the_record_is_used(trace: Trace) -> None:
    trace.is_open("dns.uses-srv-port", "never-connected", port=8934)
    trace.connects()
    trace.passes("dns.uses-srv-port", port=8934)


@pytest.mark.parametrize(("role", "port"), [("sip-tls-default", 5061), ("sip-cleartext", 5060)])
def test_a_default_port_fails_beside_the_right_one(trace: Trace, role: str, port: int) -> None:
    trace.connects()
    trace.connects("f2", role=role, port=port)
    judged = trace.fails("dns.uses-srv-port", "dns-ignores-srv-port", port=8934)
    assert str(port) in judged.findings[0].observed
    assert "8934" in judged.findings[0].expected


def test_datagrams_fail_as_well(trace: Trace) -> None:
    trace.connects()
    trace.see(Cleartext("udp", "127.9.0.9:5060", b"REGISTER"))
    trace.fails("dns.uses-srv-port", "dns-ignores-srv-port", port=8934)


def test_cleartext_over_a_connection_to_the_right_port_is_another_matter(trace: Trace) -> None:
    trace.connects()
    trace.see(Cleartext("tcp", "127.9.0.9:40001", b"REGISTER"), flow="f1")
    trace.passes("dns.uses-srv-port", port=8934)
    trace.fails("net.no-cleartext", "cleartext-fallback")
    trace.see(Cleartext("tcp", "127.9.0.9:40002", b"REGISTER"), flow="f2")
    trace.fails("dns.uses-srv-port", "dns-ignores-srv-port", port=8934)


def test_the_lowest_priority_value_first(trace: Trace) -> None:
    trace.is_open("dns.lowest-priority-first", "never-connected", edge="primary")
    trace.connects("f1", "primary")
    trace.connects("f2", "secondary")
    trace.passes("dns.lowest-priority-first", edge="primary")
    trace.fails("dns.lowest-priority-first", "dns-ignores-priority", settled=False, edge="secondary")
    trace.request("REGISTER")
    trace.fails("dns.lowest-priority-first", "dns-ignores-priority", edge="secondary")


@pytest.mark.parametrize(
    ("gap_s", "used", "right"), [(0.01, "primary", True), (0.01, "secondary", False), (2, "primary", False)]
)
def test_of_connections_that_are_begun_at_once_that_counts_which_is_used(
    trace: Trace, gap_s: float, used: str, right: bool
) -> None:
    """The one that comes first here need not be the one that was begun first there."""
    trace.connects("f1", "secondary")
    trace.after(gap_s).connects("f2", "primary")
    trace.fails("dns.lowest-priority-first", "dns-ignores-priority", settled=False, edge="primary")
    trace.request("REGISTER", flow="f1" if used == "secondary" else "f2", edge=used)
    if right:
        trace.passes("dns.lowest-priority-first", edge="primary")
    else:
        trace.fails("dns.lowest-priority-first", "dns-ignores-priority", edge="primary")


def test_the_port_of_no_record_tells_nothing_of_priorities(trace: Trace) -> None:
    """The address of the outbound proxy itself is the primary's: who goes there has chosen nothing."""
    trace.connects("f1", "primary", role="sip-tls-default", port=5061)
    trace.connects("f2", "primary")
    judged = trace.judge("dns.lowest-priority-first", edge="primary")
    assert (judged.verdict, judged.reason_code, judged.settled) == (Verdict.INCONCLUSIVE, "not-by-srv", True)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0", bytes.fromhex("000100002112a442") + bytes(12)])
def test_a_datagram_that_says_nothing_is_no_fallback(trace: Trace, data: bytes) -> None:
    trace.connects()
    trace.see(Cleartext("udp", "127.9.0.9:5060", data))
    trace.passes("dns.uses-srv-port", port=8934)
    measured = trace.passes("net.no-cleartext").measurements
    assert [(one.name, one.value) for one in measured] == [("keep_alives_in_the_clear", 1)]
    trace.see(Cleartext("tcp", "127.9.0.9:40002", b"\r\n\r\n"), flow="f2")
    trace.fails("net.no-cleartext", "cleartext-fallback")
