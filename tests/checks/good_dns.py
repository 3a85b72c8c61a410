"""Small records on which the checks about difficult DNS pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import BenchChanged, BindingChanged, DeviceStarted, DnsQuery
from certsuite.core.observations import IN

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

PROXY = "hs17.lab.example"
SERVICE = f"_sips._tcp.{PROXY}"

GOOD_DNS: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_DNS[check] = (record, params)
        return record

    return decorate


def asks(trace: Trace, type: str = "SRV", *answers: str, name: str = SERVICE, **about: Any) -> None:
    trace.see(DnsQuery("udp", "127.9.0.9:1", name, type, "NOERROR", answers, **about))


@_good("dns.is-asked", behaviour="silent")
def is_asked(trace: Trace) -> None:
    asks(trace, "A", name=PROXY)
    asks(trace)


@_good("dns.leads-to", edge="primary", behaviour="x", finding="x", hint="h", worst="fail")
def is_led(trace: Trace) -> None:
    trace.see(DeviceStarted(1, "phone"))
    asks(trace)
    trace.after(2).connects()


@_good("dns.heeds-ttl", edge="secondary")
def heeds_ttl(trace: Trace) -> None:
    asks(trace)
    trace.connects("f1", "secondary")


@_good("dns.retries-over-tcp")
def retries_over_tcp(trace: Trace) -> None:
    asks(trace, truncated=True)
    trace.see(DnsQuery("tcp", "127.9.0.9:2", SERVICE, "SRV", "NOERROR", ("x",)))


@_good("dns.recovers", behaviour="silent", lines=2)
def recovers(trace: Trace) -> None:
    asks(trace)
    trace.see(BenchChanged("DNS", "good"))
    for line in (1, 2):
        bound = BindingChanged("a@b", "sip:a@127.0.0.1", 60)
        trace.after(5).see(bound, line=line, flow="f1", edge="primary", direction=IN)


@_good("dns.keeps-registration", behaviour="SERVFAIL", lines=2)
def keeps_registration(trace: Trace) -> None:
    trace.see(BenchChanged("DNS", "SERVFAIL"))
    for line in (1, 2):
        bound = BindingChanged("a@b", "sip:a@127.0.0.1", 60)
        trace.after(5).see(bound, line=line, flow="f1", edge="primary", direction=IN)


@_good("dns.heeds-weight", edge="secondary", attempts=3)
def heeds_weight(trace: Trace) -> None:
    for flow, edge in (("f1", "primary"), ("f2", "secondary")):
        trace.see(BindingChanged("a@b", "sip:a@127.0.0.1", 60), line=1, flow=flow, edge=edge, direction=IN)


@_good("dns.heeds-no-service", port="8934")
def heeds_no_service(trace: Trace) -> None:
    asks(trace, "SRV", f"{SERVICE}. 1 IN SRV 0 0 0 .")
    asks(trace, "SRV", f"{SERVICE}. 1 IN SRV 5 0 8934 edge1.lab.example.")
    trace.connects()


@_good("dns.falls-back-to-address", outbound_proxy=PROXY)
def falls_back_to_address(trace: Trace) -> None:
    asks(trace)
    asks(trace, "A", "x", name=PROXY)


@_good("dns.needs-no-registrar", registrar_domain="98079822.lab.example")
def needs_no_registrar(trace: Trace) -> None:
    asks(trace, "A", name="98079822.lab.example")
    trace.see(BindingChanged("a@b", "sip:a@127.0.0.1", 60), line=1, flow="f1", edge="primary", direction=IN)


@_good("dns.names-registrar", registrar_domain="98079822.lab.example")
def names_registrar(trace: Trace) -> None:
    own = {"To": "<sip:i6i1ar1v29@98079822.lab.example>"}
    trace.request("REGISTER", headers=own, uri="sip:98079822.lab.example")
