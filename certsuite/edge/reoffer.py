"""The session of a call offered again by the party, as it is: how an access SBC audits and refreshes sessions
(RFC 3261 section 14, RFC 3311, RFC 4028 section 7.4)."""

from __future__ import annotations

from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import Flow
from certsuite.sip.dialog import failure_ack
from certsuite.sip.invite_forms import Headers
from certsuite.sip.message import SipMessage


def offer_again(leg: CallLeg, method: str, *, headers: Headers = ()) -> SipMessage:
    """A re-INVITE or an UPDATE with the description that the party gave last; what is answered counts. Gives it."""
    assert leg.dialog is not None
    dialog = leg.dialog
    request = dialog.request(method, headers=headers, body=leg.media.reoffer())

    def answered(response: SipMessage) -> None:
        if response.status < 200:
            return
        if response.status < 300:
            dialog.updated_by(response)
            if method == "INVITE":
                leg.flow.send(dialog.request("ACK", cseq=request.cseq[0]), line=leg.account.line)
            # A 2xx comes again until its ACK does.
            if leg.media.offer_open:
                leg.media.take_answer(response)
            return
        leg.media.offer_refused()
        if method == "INVITE":
            leg.flow.send(failure_ack(request, response), line=leg.account.line)

    leg.send(request, answered)
    return request


def offer_into_an_offer(leg: CallLeg) -> None:
    """The party's re-INVITE will cross the device's next one (RFC 3261 section 14.2), which then goes its way."""

    def takes(flow: Flow, request: SipMessage) -> bool:
        if request.method == "INVITE":
            leg.takes_request = lambda flow, request: False
            offer_again(leg, "INVITE")
        return False

    leg.takes_request = takes
