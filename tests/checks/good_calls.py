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
