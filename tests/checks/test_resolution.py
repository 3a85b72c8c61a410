"""What the device does when DNS is difficult."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import BenchChanged, BindingChanged, DeviceStarted, DnsQuery
from certsuite.core.observations import IN
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PROXY = "hs17.lab.example"
SERVICE = f"_sips._tcp.{PROXY}"
DOMAIN = "98079822.lab.example"
LED: dict[str, Any] = {
    "edge": "primary",
    "behaviour": "odd",
    "finding": "dns-long-answer",
    "hint": "h",
    "worst": "fail",
}
NO_SERVICE = f"{SERVICE}. 1 IN SRV 0 0 0 ."


def asks(trace: Trace, type: str = "SRV", *answers: str, name: str = SERVICE, over: str = "udp", **about: Any) -> None:
    trace.see(DnsQuery(over, "127.9.0.9:40000", name, type, "NOERROR", answers, **about))


def binds(trace: Trace, line: int = 1, granted: int = 60, *, flow: str = "f1", edge: str = "primary") -> None:
    why = "register" if granted else "expired"
    trace.see(BindingChanged("a@b", "sip:a@127.9.0.9", granted, why), line=line, flow=flow, edge=edge, direction=IN)


def test_the_edge_is_found(trace: Trace) -> None:
    trace.see(DeviceStarted(1, "phone"))
    asks(trace)
    trace.after(1).connects()
    (measured,) = trace.passes("dns.leads-to", **LED).measurements
    assert (measured.name, measured.value) == ("dns_connect_time", 1.0)
    trace.passes("dns.leads-to", **{**LED, "edge": ""})


def test_another_edge_or_port_first_is_settled(trace: Trace) -> None:
    asks(trace)
    trace.connects("f1", "secondary")
    trace.connects("f2", "primary")
    judged = trace.fails("dns.leads-to", "dns-long-answer", **LED)
    assert "secondary" in judged.findings[0].observed
    trace.passes("dns.leads-to", **{**LED, "edge": ""})


def test_a_default_port_is_no_edge_that_was_found(trace: Trace) -> None:
    asks(trace)
    trace.connects("f1", "primary", role="sip-tls-default", port=5061)
    judged = trace.fails("dns.leads-to", "dns-long-answer", **{**LED, "edge": ""})
    assert "5061" in judged.findings[0].observed


def test_a_device_that_connects_nowhere_may_still_do_so(trace: Trace) -> None:
    asks(trace)
    judged = trace.fails("dns.leads-to", "dns-long-answer", settled=False, **LED)
    assert judged.findings[0].observed == f"asked SRV {SERVICE}, and connected nowhere"
    warned: dict[str, Any] = {**LED, "worst": "warn"}
    trace.fails("dns.leads-to", "dns-long-answer", settled=False, verdict=Verdict.WARN, **warned)


def test_a_device_that_did_not_ask_says_nothing(trace: Trace) -> None:
    trace.is_open("dns.leads-to", "not-asked", **LED)
    trace.connects("f1", "secondary")
    judged = trace.judge("dns.leads-to", **LED)
    assert (judged.verdict, judged.reason_code, judged.settled) == (Verdict.INCONCLUSIVE, "not-asked", True)
    trace.is_open("dns.is-asked", "not-asked", behaviour="odd")
    asks(trace)
    trace.passes("dns.is-asked", behaviour="odd")


def test_a_late_connection_is_another_finding(trace: Trace) -> None:
    trace.see(DeviceStarted(1, "phone"))
    asks(trace)
    trace.after(31).connects()
    trace.fails("dns.leads-to", "dns-connects-late", verdict=Verdict.WARN, **LED)


def test_what_a_device_waits_before_it_asks_is_no_matter_of_dns(trace: Trace) -> None:
    trace.see(DeviceStarted(1, "phone"))
    trace.after(60)
    asks(trace)
    trace.after(2).connects()
    assert trace.passes("dns.leads-to", **LED).measurements[0].value == 2


def test_records_are_kept_no_longer_than_they_may(trace: Trace) -> None:
    trace.is_open("dns.heeds-ttl", "never-connected", edge="secondary")
    asks(trace)
    trace.connects("f1", "secondary")
    trace.connects("f2", "primary")
    trace.passes("dns.heeds-ttl", edge="secondary")


def test_who_does_not_ask_has_come_to_the_new_target_by_chance(trace: Trace) -> None:
    """Some go on to their next target whenever a connection is lost, by the records of before."""
    trace.connects("f1", "secondary")
    asks(trace)
    judged = trace.judge("dns.heeds-ttl", edge="secondary")
    assert (judged.verdict, judged.reason_code, judged.settled) == (Verdict.INCONCLUSIVE, "not-asked", True)
    about: dict[str, Any] = {"verdict": Verdict.WARN, "edge": "primary"}
    judged = trace.fails("dns.heeds-ttl", "dns-ignores-ttl", **about)
    assert judged.findings[0].observed.endswith("without having asked DNS again")


def test_a_new_answer_that_is_not_used(trace: Trace) -> None:
    asks(trace)
    trace.connects("f1", "primary")
    judged = trace.fails("dns.heeds-ttl", "dns-ignores-ttl", verdict=Verdict.WARN, edge="secondary")
    assert judged.findings[0].observed == "connected to 127.9.0.1:8934 (the primary edge)"


def test_what_is_truncated_is_asked_over_tcp(trace: Trace) -> None:
    asks(trace, "A", over="tcp")
    trace.is_open("dns.retries-over-tcp", "not-truncated")
    asks(trace, truncated=True)
    judged = trace.fails("dns.retries-over-tcp", "dns-no-tcp-retry", settled=False)
    assert "over UDP 1 times" in judged.findings[0].observed
    asks(trace, "A", over="tcp")
    trace.fails("dns.retries-over-tcp", "dns-no-tcp-retry", settled=False)
    asks(trace, "SRV", "x", over="tcp")
    trace.passes("dns.retries-over-tcp")


def test_recovery_is_every_line_after_dns_is_good(trace: Trace) -> None:
    about: dict[str, Any] = {"behaviour": "SERVFAIL", "lines": 2}
    trace.is_open("dns.recovers", "never-restored", **about)
    binds(trace, 1)
    trace.see(BenchChanged("DNS", "good"))
    binds(trace, 2)
    judged = trace.fails("dns.recovers", "dns-no-recovery", settled=False, **about)
    assert "asked for SRV no more" in judged.findings[0].observed
    assert "SERVFAIL" in judged.findings[0].observed
    asks(trace)
    assert f"SRV {SERVICE} again" in trace.judge("dns.recovers", **about).findings[0].observed
    binds(trace.after(50), 1)
    (measured,) = trace.passes("dns.recovers", **about).measurements
    assert (measured.value, measured.limit) == (50.0, 90)
    trace.limit("dns_recovery_s", value=40.0)
    trace.fails("dns.recovers", "dns-recovers-late", verdict=Verdict.WARN, **about)


def test_a_registration_outlives_dns(trace: Trace) -> None:
    about: dict[str, Any] = {"behaviour": "SERVFAIL", "lines": 2}
    binds(trace, 1)
    trace.is_open("dns.keeps-registration", "dns-never-failed", **about)
    trace.see(BenchChanged("DNS", "SERVFAIL"))
    trace.is_open("dns.keeps-registration", "not-refreshed", **about)
    binds(trace, 1)
    trace.is_open("dns.keeps-registration", "not-refreshed", **about)
    asks(trace)
    binds(trace, 2)
    (measured,) = trace.passes("dns.keeps-registration", **about).measurements
    assert measured.value == 1


def test_a_registration_that_ends_with_dns(trace: Trace) -> None:
    about: dict[str, Any] = {"behaviour": "SERVFAIL", "lines": 2}
    trace.see(BenchChanged("DNS", "SERVFAIL"))
    binds(trace, 1)
    asks(trace)
    binds(trace, 2, 0)
    judged = trace.fails("dns.keeps-registration", "dns-drops-registration", **about)
    assert judged.findings[0].observed == (
        f"the registration of line 2 ended (expired), after it had asked SRV {SERVICE} in vain"
    )


def test_weight_counts(trace: Trace) -> None:
    about: dict[str, Any] = {"edge": "secondary", "attempts": 3}
    trace.connects("f1", "secondary")
    trace.is_open("dns.heeds-weight", "never-registered", **about)
    for flow in ("f2", "f3"):
        binds(trace, flow=flow)
    judged = trace.fails("dns.heeds-weight", "dns-ignores-weight", settled=False, verdict=Verdict.WARN, **about)
    assert [one.value for one in judged.measurements] == [0, 2]
    binds(trace, flow="f4", edge="secondary")
    assert [one.value for one in trace.passes("dns.heeds-weight", **about).measurements] == [1, 2]


def test_no_service_is_no_missing_record(trace: Trace) -> None:
    asks(trace)
    trace.connects("f1", role="sip-tls-default", port=5061)
    trace.is_open("dns.heeds-no-service", "not-asked", port=8934)
    asks(trace, "SRV", NO_SERVICE)
    trace.is_open("dns.heeds-no-service", "never-connected", port=8934)
    trace.connects("f2")
    trace.passes("dns.heeds-no-service", port=8934)
    trace.connects("f3", role="sip-tls-default", port=5061)
    trace.fails("dns.heeds-no-service", "dns-ignores-no-service", port=8934)


def test_addresses_are_asked_for_where_there_is_no_srv(trace: Trace) -> None:
    about: dict[str, Any] = {"outbound_proxy": PROXY}
    asks(trace, "A", name=f"other.{PROXY}")
    trace.is_open("dns.falls-back-to-address", "not-asked", **about)
    asks(trace)
    trace.fails("dns.falls-back-to-address", "dns-no-address-fallback", settled=False, verdict=Verdict.WARN, **about)
    asks(trace, "NAPTR", name=PROXY)
    asks(trace, name=f"_sip._tls.{PROXY}")
    asks(trace, "AAAA", name=PROXY)
    measured = {one.name: one.value for one in trace.passes("dns.falls-back-to-address", **about).measurements}
    assert measured == {"asked_naptr": 1, "asked_sip_tls": 1}


def test_addresses_may_be_asked_for_beside_srv(trace: Trace) -> None:
    asks(trace, "A", name=PROXY.upper())
    asks(trace)
    trace.passes("dns.falls-back-to-address", outbound_proxy=PROXY)


def test_letters_of_any_case_are_the_same_question(trace: Trace) -> None:
    """Who varies them to be safe from forged answers varies them from one question to the next."""
    asks(trace, name=f"_SiPs._tCp.{PROXY}", truncated=True)
    asks(trace, name=f"_sIps._TcP.{PROXY}.", over="tcp")
    trace.passes("dns.retries-over-tcp")


@pytest.mark.parametrize("name", [DOMAIN, f"_sips._tcp.{DOMAIN}", f"{DOMAIN.upper()}."])
def test_the_registrars_domain_needs_no_address(trace: Trace, name: str) -> None:
    about: dict[str, Any] = {"registrar_domain": DOMAIN}
    trace.is_open("dns.needs-no-registrar", "never-registered", **about)
    asks(trace, "A", name=f"x{DOMAIN}")
    trace.is_open("dns.needs-no-registrar", "never-registered", **about)
    asks(trace, "A", name=name.lower())
    trace.fails("dns.needs-no-registrar", "dns-needs-registrar-domain", settled=False, **about)
    binds(trace)
    assert trace.passes("dns.needs-no-registrar", **about).measurements[0].value == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [("uri", f"sip:{PROXY}"), ("From", f"<sip:a@{PROXY}>;tag=1"), ("To", "<sip:a@192.0.2.1>"), ("To", "\x1b[31m")],
)
def test_register_names_the_registrar(trace: Trace, place: str, value: str) -> None:
    about: dict[str, Any] = {"registrar_domain": DOMAIN}
    trace.is_open("dns.names-registrar", "never-registered", **about)
    right = {"From": f'"A" <sip:a@{DOMAIN.upper()}>;tag=1', "To": f"sip:a@{DOMAIN}:5061"}
    trace.request("REGISTER", headers=right, uri=f"sip:{DOMAIN}")
    trace.passes("dns.names-registrar", **about)
    wrong = right if place == "uri" else {**right, place: value}
    trace.request("REGISTER", headers=wrong, uri=value if place == "uri" else f"sip:{DOMAIN}")
    judged = trace.fails("dns.names-registrar", "register-names-other-host", **about)
    assert "\x1b" not in judged.findings[0].observed
