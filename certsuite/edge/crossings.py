"""Parties whose messages cross the device's on the way: legal, rare in a laboratory, and daily where networks are slow.

Each function prepares a call; what it does comes when the device's message does.
"""

from __future__ import annotations

from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import Flow
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import response_to


def cancel_when_answered(leg: CallLeg) -> None:
    """The party's CANCEL meets the device's 200 on the way (RFC 3261 section 9.1): it has no effect any more."""

    def takes(response: SipMessage) -> bool:
        if 200 <= response.status < 300:
            leg.cancel()
        return False

    leg.takes_response = takes


def answer_when_cancelled(leg: CallLeg) -> None:
    """The party's 200 meets the device's CANCEL on the way: the call is there, and the device has to end it."""

    def takes(flow: Flow, request: SipMessage) -> bool:
        if request.method != "CANCEL":
            return False
        flow.send(response_to(request, 200, "OK", to_tag=leg.tag), line=leg.account.line)
        leg.accept()
        return True

    leg.takes_request = takes


def bye_before_ack(leg: CallLeg) -> None:
    """The party ends the call as it is answered: its BYE overtakes the ACK (RFC 3261 section 15, for a caller)."""
    assert leg.dialog is not None
    dialog = leg.dialog
    said = False

    def takes(response: SipMessage) -> bool:
        nonlocal said
        if not 200 <= response.status < 300:
            return False
        if not said:
            said = True
            dialog.established_by(response)
            leg.send(dialog.request("BYE"), lambda ended: over(ended, response))
        return True

    def over(ended: SipMessage, accepted: SipMessage) -> None:
        if ended.status >= 200:
            leg.flow.send(dialog.request("ACK", cseq=accepted.cseq[0]), line=leg.account.line)
            leg.close()

    leg.takes_response = takes
