"""Small records on which the checks about registrars and registered devices pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import BindingChanged, DeviceExited, DigestChecked, FlowClosed, Note
from certsuite.core.observations import OUT
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

CALL = "SSE1-1@127.9.0.1"
CONTACT = "<sip:a@192.0.2.7;transport=tls>"

GOOD_REGISTRATION: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_REGISTRATION[check] = (record, params)
        return record

    return decorate


def told(trace: Trace, status: int, *headers: tuple[str, str], method: str = "REGISTER", line: int = 1) -> None:
    """A response of the registrar's."""
    fixed = (("Call-ID", CALL), ("CSeq", f"1 {method}"))
    trace.sip(SipMessage(status=status, reason="R", headers=(*fixed, *headers)), OUT, line=line)


def tries(trace: Trace, *, method: str = "REGISTER", realm: str = "BroadWorks", right: bool = True) -> None:
    """A request with credentials."""
    trace.request(method)
    trace.see(DigestChecked(method, "4085550100", realm, right, True, True), flow="f1", line=1)


def binds(
    trace: Trace,
    granted_s: int = 60,
    *,
    flow: str = "f1",
    edge: str = "primary",
    line: int = 1,
    why: str = "register",
) -> None:
    trace.see(BindingChanged("sip:a@x", "sip:a@y", granted_s, why), flow=flow, edge=edge, line=line)


@_good("reg.takes-challenge", shown="x-lab", finding="f", expected="e", hint="h")
def takes_a_challenge(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 401, ("WWW-Authenticate", 'Digest realm="r",qop="x-lab,auth"'))
    tries(trace)
    binds(trace)


@_good("reg.takes-invite-challenge", realm="lab.invalid")
def takes_an_invite_s_challenge(trace: Trace) -> None:
    trace.request("INVITE")
    told(trace, 407, ("Proxy-Authenticate", 'Digest realm="lab.invalid"'), method="INVITE")
    tries(trace, method="INVITE", realm="lab.invalid")


@_good("reg.heeds-min-expires")
def heeds_min_expires(trace: Trace) -> None:
    trace.request("REGISTER", headers={"Expires": "240"})
    told(trace, 423, ("Min-Expires", "300"))
    trace.request("REGISTER", headers={"Expires": "300"})
    binds(trace)


@_good("reg.heeds-expiry", form="header")
def heeds_the_header(trace: Trace) -> None:
    binds(trace)
    told(trace, 200, ("Contact", f"{CONTACT};q=0.5"), ("Expires", "60"))
    trace.after(50)
    binds(trace)


@_good("reg.backs-off", status=403)
def backs_off(trace: Trace) -> None:
    tries(trace)
    told(trace, 403)
    trace.after(2.5).see(Note("no REGISTER for 2 s"))


@_good("reg.heeds-retry-after", edge="primary")
def heeds_retry_after(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 503, ("Retry-After", "5"))
    trace.after(1).request("REGISTER", edge="secondary", flow="f2")
    trace.after(4.5).see(Note("the 5 s are over"))


@_good("reg.takes-response", shown="X-Lab", what="headers")
def takes_a_response(trace: Trace) -> None:
    trace.request("REGISTER")
    told(trace, 200, ("X-Lab", "1"))
    trace.request("OPTIONS", OUT)
    trace.answer(200, method="OPTIONS")


@_good("reg.refresh-pace")
def refreshes_at_leisure(trace: Trace) -> None:
    for _ in range(3):
        binds(trace)
        trace.after(30)


@_good("flow.reused")
def reuses_its_flow(trace: Trace) -> None:
    binds(trace)
    trace.request("INVITE")


@_good("reg.comes-back", granted_s=60)
def comes_back(trace: Trace) -> None:
    trace.see(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    trace.after(5)
    binds(trace, flow="f2")


@_good("reg.own-call-ids", lines=2)
def has_call_ids(trace: Trace) -> None:
    for line in (1, 2):
        trace.request("REGISTER", call_id=f"c{line}", line=line)
        binds(trace, line=line)


@_good("reg.lines", lines=2)
@_good("reg.one-port")
@_good("reg.spread", lines=2)
def registers_two_lines(trace: Trace) -> None:
    for line in (1, 2):
        trace.after(0.2).request("REGISTER", call_id=f"c{line}", line=line)
        binds(trace, line=line)


@_good("reg.takes-back")
def takes_back(trace: Trace) -> None:
    binds(trace)
    binds(trace, 0, why="unregister")
    trace.see(DeviceExited(0, asked=True))


@_good("sip.answers-options")
def answers_options(trace: Trace) -> None:
    trace.request("OPTIONS", OUT)
    trace.after(0.1).answer(200, "OK", method="OPTIONS")
