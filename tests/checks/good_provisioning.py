"""Small records on which the checks about provisioning pass, and the words that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import (
    BindingChanged,
    DnsQuery,
    DoorsSeen,
    DriverAction,
    FlowOpened,
    OutsideMessage,
    ProvisioningAnswer,
    ProvisioningRequest,
    TlsPresented,
)
from certsuite.core.observations import IN, OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

HOST, PATH = "dms.lab.example:8443", "/dms/1/02005e0000a1.toml"
ELSEWHERE = "dms2.lab.example:8443"
NEW_PROXY = "hs18.lab.example"

GOOD_PROVISIONING: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_PROVISIONING[check] = (record, params)
        return record

    return decorate


def asks(trace: Trace, *, flow: str = "f9", accepted: bool = True, **about: Any) -> None:
    """A request to the provisioning server."""
    values = {
        "secure": True,
        "method": "GET",
        "host": HOST,
        "target": PATH,
        "user_agent": "Acme X1",
        "mac_in": ("path",),
        "credentials": "digest",
        **about,
    }
    trace.see(ProvisioningRequest(accepted=accepted, **values), flow=flow, edge="provisioning", direction=IN)


def answers(trace: Trace, status: int = 200, *, flow: str = "f9", **about: Any) -> None:
    """Its answer."""
    trace.see(ProvisioningAnswer(PATH, status, **about), flow=flow, edge="provisioning", direction=OUT)


def presents(trace: Trace, chain: str, *, flow: str = "f9") -> None:
    """It presents a chain."""
    trace.see(TlsPresented(chain, ("TLSv1.2",)), flow=flow, edge="provisioning", direction=OUT)


def registers(trace: Trace, expiry_s: int, *, edge: str = "primary", line: int = 1) -> None:
    """A line registers, and asks for so long."""
    trace.request("REGISTER", headers={"Expires": str(expiry_s)}, line=line, edge=edge)
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f1", edge=edge, line=line)


@_good("prov.fetches")
@_good("prov.asks-for-its-file", path=PATH, mac="path")
@_good("prov.authenticates", credentials="digest")
@_good("prov.keeps-secrets")
def is_asked(trace: Trace) -> None:
    asks(trace, accepted=False, credentials="none")
    answers(trace, 401)
    asks(trace)
    answers(trace)


@_good("prov.keeps-credentials", presentation="unknown-root", what="a chain")
def is_refused(trace: Trace) -> None:
    presents(trace, "unknown-root")


@_good("prov.stays-with-tls")
def redirects_to_clear(trace: Trace) -> None:
    asks(trace)
    answers(trace, 302, location="http://dms.lab.example/x")


@_good("prov.follows", host=ELSEWHERE)
def redirects(trace: Trace) -> None:
    asks(trace)
    answers(trace, 302, location=f"https://{ELSEWHERE}/x")
    asks(trace, host=ELSEWHERE)


@_good("prov.applies", expiry_s=300, by="NOTIFY")
def applies(trace: Trace) -> None:
    asks(trace)
    answers(trace)
    registers(trace.after(0.1), 300)


DOOR = "udp 127.9.0.100:5060"


def orders(trace: Trace, *, sent: bool = True) -> None:
    """An outsider's NOTIFY, if there is anywhere to send it to."""
    trace.see(DoorsSeen((DOOR,) if sent else ()))
    if sent:
        trace.see(OutsideMessage(DOOR, b"NOTIFY sip:a@127.9.0.100 SIP/2.0\r\n\r\n"), direction=OUT)


def heeds_its_registrar(trace: Trace) -> None:
    """It is told to fetch, and comes."""
    trace.see(DriverAction("resync", {"by": "NOTIFY check-sync"}, ok=True))
    comes(trace)


def comes(trace: Trace) -> None:
    """A connection to the provisioning server."""
    trace.see(FlowOpened("127.9.0.100:1", "127.9.0.14:8443", "device", "https"), flow="f9", edge="provisioning")


@_good("prov.heeds-no-outsider")
def heeds_no_outsider(trace: Trace) -> None:
    orders(trace)
    heeds_its_registrar(trace)


@_good("prov.moves", outbound_proxy=NEW_PROXY, edge="secondary", by="NOTIFY")
def moves(trace: Trace) -> None:
    asks(trace)
    answers(trace)
    trace.see(DnsQuery("udp", "127.9.0.9:1", f"_sips._tcp.{NEW_PROXY}.", "SRV", "NOERROR", ()))
    registers(trace, 240, edge="secondary")


@_good("prov.fails-so", fault="not found")
@_good("prov.keeps-working", fault="not found", expiry_s=240)
def fails(trace: Trace) -> None:
    asks(trace)
    answers(trace, 404, fault="not found")
    registers(trace, 240)


@_good("prov.conditional")
def fetches_twice(trace: Trace) -> None:
    asks(trace)
    answers(trace, etag='"1"')
    asks(trace, if_none_match='"1"')
    answers(trace, 304, etag='"1"')
