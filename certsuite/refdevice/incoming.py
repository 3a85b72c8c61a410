"""A call to the device, until it is answered (RFC 3261 section 13.3)."""

from __future__ import annotations

import logging

from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.call import Call, CallFailed, Owner, State
from certsuite.refdevice.dialog import Dialog
from certsuite.refdevice.messages import ALLOW, new_tag
from certsuite.refdevice.sdp import offer
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage

log = logging.getLogger("refdevice.incoming")


class IncomingCall(Call):
    """Rings until the user, or the caller, decides."""

    def __init__(self, owner: Owner, line: LineState, flow: Flow, invite: SipMessage) -> None:
        tag = new_tag()
        super().__init__(owner, line, flow, Dialog.of_incoming(line.line, invite, tag), incoming=True)
        self.invite = invite
        self._tag = tag

    def ring(self) -> None:
        """Tell the caller that the device rings."""
        self.flow.send(self.composer.response(self.invite, 180, tag=self._tag, extra=[self.contact(self.flow)]))

    def answer(self) -> None:
        """Answer the call. Raises :class:`CallFailed`, :class:`Unacceptable` and :class:`FlowFailed`."""
        if self.state is not State.RINGING:
            raise CallFailed("the call does not ring")
        if not self.owner.behaviour.answers:
            return
        if self.invite.has_sdp:
            sdp = self.answer_to(self.invite.body)
        else:
            behaviour = self.owner.behaviour
            if not behaviour.offers_late:
                self.reject(488, "there is no offer")
                return
            sdp = offer(self.media.local(), "sendrecv", plain=behaviour.late_offer_plain)
            self._late_offers.add(self.invite.cseq[0])
        self.state = State.ESTABLISHED
        extra = [self.contact(self.flow), ("Allow", ALLOW)]
        self.accept(self.flow, self.composer.response(self.invite, 200, tag=self._tag, extra=extra, sdp=sdp))
        if self.invite.has_sdp:
            # At once, and not at the ACK: the far end learns from it where the device is.
            self.start_media()

    def reject(self, status: int = 0, reason: str = "the device rejected it") -> None:
        """Refuse the call, without a ``status`` as the user's wish. Raises :class:`CallFailed` if it is over."""
        if self.state is not State.RINGING:
            raise CallFailed("the call does not ring")
        status = status or self.owner.behaviour.rejects_with
        if self.flow.alive:
            self.flow.send(self.composer.response(self.invite, status, tag=self._tag))
        self.end(reason)

    def cancelled(self, flow: Flow, cancel: SipMessage) -> None:
        """The caller takes the INVITE back (RFC 3261 section 9.2)."""
        flow.send(self.composer.response(cancel, 200, tag=self._tag))
        if self.state is State.RINGING and self.owner.behaviour.ends_cancelled_invite:
            self.reject(487, "the caller cancelled it")
        elif self.state is State.RINGING or self.owner.behaviour.heeds_late_cancel:
            self.end("the caller cancelled it")

    def first_acknowledged(self) -> None:
        if not self._announced and self.state is State.ESTABLISHED:
            self._announced = True
            self.owner.announce("established")

    _announced = False
