"""Calls beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

CALL = "SSE1-1@127.9.0.1"
VIAS = ("SIP/2.0/TLS a;branch=z9hG4bK1", "SIP/2.0/UDP b;branch=z9hG4bK2", "SIP/2.0/UDP c;branch=z9hG4bK3")


@pytest.mark.parametrize(
    ("status", "claimed", "finding"),
    [
        (180, True, ""),
        (183, True, ""),
        (200, True, ""),
        (486, True, "call-waiting-refused"),
        (500, True, "call-waiting-refused"),
        (486, False, ""),
        (603, False, ""),
        (180, False, "call-waiting-not-claimed"),
        (500, False, "call-waiting-refused"),
    ],
)
def test_a_call_during_another_is_taken_as_claimed(trace: Trace, status: int, claimed: bool, finding: str) -> None:
    trace.is_open("call.waits", "not-stimulated", claimed=claimed)
    trace.request("INVITE", OUT)
    trace.answer(100)
    trace.answer(182)
    trace.fails("call.waits", "call-waiting-not-answered", settled=False, claimed=claimed)
    trace.answer(status)
    if finding:
        verdict = Verdict.WARN if finding == "call-waiting-not-claimed" else Verdict.FAIL
        trace.fails("call.waits", finding, verdict=verdict, claimed=claimed)
    else:
        trace.passes("call.waits", claimed=claimed)


def responds(trace: Trace, status: int, *vias: str) -> None:
    headers = (*(("Via", via) for via in vias), ("Call-ID", CALL), ("CSeq", "1 INVITE"))
    trace.sip(SipMessage(status=status, reason="R", headers=headers))


def test_every_via_comes_back_in_its_order(trace: Trace) -> None:
    trace.is_open("call.mirrors-via", "nothing-seen")
    headers = (*(("Via", via) for via in VIAS), ("Call-ID", CALL), ("CSeq", "1 INVITE"))
    trace.sip(SipMessage("INVITE", "sip:a@x", headers=headers), OUT)
    responds(trace, 100)
    trace.is_open("call.mirrors-via", "nothing-seen")
    # Several in one header are the same.
    responds(trace, 180, f"{VIAS[0]};received=192.0.2.1, {VIAS[1]}", VIAS[2])
    trace.passes("call.mirrors-via")
    responds(trace, 200, VIAS[0])
    judged = trace.fails("call.mirrors-via", "via-lost")
    assert judged.findings[0].observed == "200 R with 1 Via"


def test_vias_in_another_order_are_found(trace: Trace) -> None:
    headers = (*(("Via", via) for via in VIAS), ("Call-ID", CALL), ("CSeq", "1 INVITE"))
    trace.sip(SipMessage("INVITE", "sip:a@x", headers=headers), OUT)
    responds(trace, 180, *reversed(VIAS))
    judged = trace.fails("call.mirrors-via", "via-lost")
    assert judged.findings[0].observed == "180 R with 3 Via, in another order"
