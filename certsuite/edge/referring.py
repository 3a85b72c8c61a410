"""Transfers as the far end has them (RFC 3515, RFC 5589): a REFER of the device's is challenged, accepted, told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import Flow
from certsuite.edge.registrar import Registrar
from certsuite.sip.invite_forms import Headers
from certsuite.sip.message import SipMessage, tag_of
from certsuite.sip.sse import response_to

SIPFRAG = "message/sipfrag;version=2.0"
_ACTIVE = "active;expires=60"
_OVER = "terminated;reason=noresource"
Told = Callable[[SipMessage], None]


def take_refer(leg: CallLeg, registrar: Registrar, *, status: int, reason: str) -> None:
    """The next REFER of the device in this call is challenged, and accepted with right credentials; the device is then
    told that it is being tried, and how it ended: with this status of the target's."""

    def takes(flow: Flow, request: SipMessage) -> bool:
        if request.method != "REFER":
            return False
        assert leg.dialog is not None
        sse, account = leg.dialog.sse, leg.account
        refusal = registrar.authorize(request, flow, sse, account, header="Proxy-Authorization", status=407)
        if refusal is None:
            contact = ("Contact", sse.contact(leg.party))
            flow.send(response_to(request, 202, "Accepted", headers=[contact]), line=account.line)
            _tell(leg, request, status, reason)
        else:
            flow.send(refusal, line=account.line)
        return True

    leg.takes_request = takes


def _tell(leg: CallLeg, refer: SipMessage, status: int, reason: str) -> None:
    """NOTIFY of the attempt, and once that was answered of its end (RFC 3515 section 2.4.5)."""

    def told(response: SipMessage) -> None:
        if response.status >= 200:
            _notify(leg, refer, f"SIP/2.0 {status} {reason}", _OVER, lambda over: None)

    _notify(leg, refer, "SIP/2.0 100 Trying", _ACTIVE, told)


def _notify(leg: CallLeg, refer: SipMessage, line: str, state: str, told: Told) -> None:
    assert leg.dialog is not None
    headers = [
        # Of several REFERs in a dialog each has the subscription of its own number (RFC 3515 section 2.4.6).
        ("Event", f"refer;id={refer.cseq[0]}"),
        ("Subscription-State", state),
        ("Content-Type", SIPFRAG),
    ]
    notify = leg.dialog.request("NOTIFY", headers=headers)
    leg.send(replace(notify, body=f"{line}\r\n".encode()), told)


def in_place_of(leg: CallLeg) -> Headers:
    """The header by which an INVITE replaces this call at the device (RFC 3891 section 6.1)."""
    assert leg.dialog is not None
    theirs = tag_of(leg.dialog.remote)
    return [("Replaces", f"{leg.call_id};to-tag={theirs};from-tag={leg.tag}")]
