"""Small records on which the checks about transfers, replaced calls and conferences pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import DriverAction
from certsuite.core.observations import OUT
from tests.checks.good_media import hears, opens

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

GOOD_TRANSFERS: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."
TARGET = "2065550133"
NEW = "new-call"
REPLACES = "consult@x;to-tag=third;from-tag=far"


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_TRANSFERS[check] = (record, params)
        return record

    return decorate


def is_referred(trace: Trace, status: int = 202) -> None:
    """A REFER comes, and is answered, if with a ``status``."""
    trace.request(
        "REFER",
        OUT,
        to_tag="1",
        headers={"Refer-To": f"<sip:{TARGET}@x>", "Referred-By": "<sip:2065550100@x>"},
    )
    if status:
        trace.answer(status, method="REFER")


def calls_target(trace: Trace, **headers: str) -> None:
    """The device calls the target of a REFER."""
    said = {"Referred-By": "<sip:2065550100@x>", **headers}
    trace.request("INVITE", call_id=NEW, uri=f"sip:{TARGET}@x", headers=said)


def tells(trace: Trace, status: int, state: str = "terminated;reason=noresource") -> None:
    """The device tells what became of a REFER."""
    headers = {"Event": "refer", "Subscription-State": state, "Content-Type": "message/sipfrag"}
    trace.request("NOTIFY", to_tag="1", headers=headers, body=f"SIP/2.0 {status} R\r\n".encode())


@_good("transfer.is-followed", number=TARGET, replaces=REPLACES)
def follows(trace: Trace) -> None:
    is_referred(trace)
    calls_target(trace, Replaces="consult@x; from-tag=far ;to-tag=third")


@_good("transfer.is-told", end="failure")
def tells_of_a_failure(trace: Trace) -> None:
    is_referred(trace)
    tells(trace, 100, "active")
    tells(trace, 486)


@_good("transfer.lets-go")
def lets_go(trace: Trace) -> None:
    trace.request("BYE", OUT, to_tag="1")
    trace.answer(200, method="BYE")


@_good("transfer.keeps-call")
def keeps_its_call(trace: Trace) -> None:
    trace.request("INVITE", OUT, to_tag="1")
    trace.answer(200, body=trace.sdp())


@_good("transfer.stays-with-proxy", number=TARGET, domain="elsewhere.example")
def goes_by_the_proxy(trace: Trace) -> None:
    is_referred(trace)
    calls_target(trace)


@_good("transfer.refuses-stranger", number=TARGET)
def refuses_a_stranger(trace: Trace) -> None:
    is_referred(trace, 403)


def refers(trace: Trace, refer_to: str = f"<sip:{TARGET}@x>") -> None:
    """The device is told to transfer, and refers the far end."""
    trace.see(DriverAction("transfer", {}, ok=True))
    trace.request("REFER", to_tag="1", headers={"Refer-To": refer_to})


@_good("transfer.refers", number=TARGET, after_talking=False)
def refers_with_credentials(trace: Trace) -> None:
    refers(trace)
    trace.answer(202, "Accepted", OUT, method="REFER")


@_good("transfer.takes-news")
def takes_news(trace: Trace) -> None:
    for _ in range(2):
        trace.request("NOTIFY", OUT, to_tag="1")
        trace.answer(200, method="NOTIFY")


@_good("transfer.ends-own-call")
def leaves(trace: Trace) -> None:
    trace.answer(202, "Accepted", OUT, method="REFER")
    trace.request("BYE", to_tag="1")


@_good("transfer.replaces", replaced="old")
def replaces_a_call(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(200)
    trace.request("CANCEL", call_id="old")


@_good("transfer.refuses-unknown-dialog")
def refuses_to_replace(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(481)


@_good("call.answers-by-itself", claimed=True)
def answers_without_a_hand(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.answer(180)
    trace.answer(200)


@_good("call.shows-abilities", claimed=["transferee"])
def shows_what_it_claims(trace: Trace) -> None:
    trace.request("INVITE", headers={"Allow": "INVITE, REFER"})


@_good("conference.hears", tone=560, own=740)
def hears_the_other(trace: Trace) -> None:
    opens(trace)
    hears(trace, 560.0)
