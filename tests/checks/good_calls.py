"""Small records on which the checks about the ends of calls and what happens in them pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import DriverAction
from certsuite.core.observations import OUT
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

GOOD_CALLS: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_CALLS[check] = (record, params)
        return record

    return decorate


@_good("call.is-given-up", after=0)
def gives_up(trace: Trace) -> None:
    trace.request("INVITE")
    trace.request("CANCEL")


@_good("call.acknowledges-refusal")
def acknowledges_a_refusal(trace: Trace) -> None:
    trace.request("INVITE")
    trace.answer(486, "Busy Here", OUT)
    trace.request("ACK")


@_good("call.answers-cancel")
@_good("call.is-called-off")
def is_called_off(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.request("CANCEL", OUT)
    trace.answer(200, method="CANCEL")
    trace.answer(487)


@_good("call.is-rejected")
def rejects(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(603, "Decline")


@_good("call.ends-crossed-call")
def ends_a_crossed_call(trace: Trace) -> None:
    trace.request("CANCEL")
    trace.answer(200, "OK", OUT)
    trace.request("ACK")
    trace.request("BYE")


@_good("call.answers-request", method="INFO", cseq=1, allowed=[200, 469], finding="f", expected="e")
def answers_an_info(trace: Trace) -> None:
    trace.request("INFO", OUT)
    trace.answer(469, method="INFO")


@_good("call.takes-refresh", method="UPDATE")
def agrees_again(trace: Trace) -> None:
    trace.request("UPDATE", OUT, to_tag="1")
    trace.answer(200, method="UPDATE", body=trace.sdp())


@_good("call.refuses-crossing-offer")
def refuses_an_offer_that_crosses(trace: Trace) -> None:
    trace.request("INVITE", to_tag="1", headers={"CSeq": "5 INVITE"})
    trace.request("INVITE", OUT, to_tag="1")
    trace.answer(491)


@_good("call.mirrors-caller")
def names_the_caller(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    headers = (
        ("From", "<sip:i6i1ar1v29@98079822.lab.example>;tag=1"),
        ("Call-ID", "SSE1-1@127.9.0.1"),
        ("CSeq", "1 INVITE"),
    )
    trace.sip(SipMessage(status=180, reason="Ringing", headers=headers))


@_good("call.heeds-100rel")
def refuses_what_is_required(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(420)


@_good("call.sends-prack")
def acknowledges_reliably(trace: Trace) -> None:
    headers = (("Call-ID", "SSE1-1@127.9.0.1"), ("CSeq", "1 INVITE"), ("Require", "100rel"), ("RSeq", "1"))
    trace.sip(SipMessage(status=180, reason="Ringing", headers=headers), OUT)
    trace.request("PRACK", headers={"RAck": "1 1 INVITE"})


@_good("call.dials-exactly", number="2000")
def dials_a_number(trace: Trace) -> None:
    trace.see(DriverAction("dial", {"number": "2000"}, ok=True))
    trace.request("INVITE")


def _rings(trace: Trace, status: int = 180, *headers: tuple[str, str], direction: str = "in") -> None:
    fixed = (("Call-ID", "SSE1-1@127.9.0.1"), ("CSeq", "1 INVITE"), ("Via", "SIP/2.0/TLS a;branch=z9hG4bK1"))
    trace.sip(SipMessage(status=status, reason="R", headers=(*fixed, *headers)), direction)


@_good("call.rings-plainly")
@_good("call.mirrors-via")
@_good("call.waits", claimed=True)
def rings(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    _rings(trace)


@_good("call.repeats-reliably")
@_good("call.takes-prack")
def rings_reliably(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    _rings(trace, 180, ("Require", "100rel"), ("RSeq", "1"))
    _rings(trace, 180, ("Require", "100rel"), ("RSeq", "1"))
    trace.request("PRACK", OUT)
    trace.answer(200, method="PRACK")


@_good("timer.claim", claimed=True)
@_good("timer.is-agreed")
@_good("timer.minds-interval")
def agrees_to_a_session_timer(trace: Trace) -> None:
    trace.request("INVITE", OUT, headers={"Session-Expires": "90;refresher=uac"})
    _rings(trace, 200, ("Session-Expires", "90;refresher=uac"))


@_good("timer.takes-refresh", method="UPDATE", cseq=1)
def goes_on_with_a_session_timer(trace: Trace) -> None:
    trace.request("UPDATE", OUT, to_tag="1")
    headers = (("Call-ID", "SSE1-1@127.9.0.1"), ("CSeq", "1 UPDATE"), ("Session-Expires", "90;refresher=uac"))
    trace.sip(SipMessage(status=200, reason="OK", headers=headers))


@_good("timer.refreshes")
def refreshes_a_session(trace: Trace) -> None:
    _rings(trace, 200, ("Session-Expires", "90;refresher=uas"))
    trace.after(45).request("UPDATE", to_tag="1", headers={"Session-Expires": "90;refresher=uac"})


@_good("timer.ends-session")
def ends_a_session(trace: Trace) -> None:
    _rings(trace, 200, ("Session-Expires", "90;refresher=uac"))
    trace.after(60).request("BYE", to_tag="1")


@_good("timer.raises-interval")
def raises_an_interval(trace: Trace) -> None:
    _rings(trace, 422, ("Min-SE", "3600"), direction=OUT)
    trace.request("INVITE", headers={"Session-Expires": "3600", "Min-SE": "3600"})
