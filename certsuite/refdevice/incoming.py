"""A call to the device, until it is answered (RFC 3261 section 13.3)."""

from __future__ import annotations

import asyncio
import logging
import secrets

from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.call import T1_S, TRANSACTION_S, Call, CallFailed, Owner, State
from certsuite.refdevice.dialog import Dialog
from certsuite.refdevice.messages import ALLOW, Header, new_tag, options
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
        self._sequence = secrets.randbelow(1 << 30) + 1
        "RSeq of its reliable response (RFC 3262 section 3)."
        self._is_heard = asyncio.Event()
        "Set when the PRACK to that came."

    def ring(self) -> None:
        """Tell the caller that the device rings, reliably if the caller knows how that goes."""
        behaviour = self.owner.behaviour
        known = options(self.invite, "Supported") + options(self.invite, "Require")
        if behaviour.rings_reliably_unasked or ("100rel" in known and behaviour.heeds_require):
            self._ring(("Require", "100rel"), ("RSeq", str(self._sequence)))
            self.owner.spawn(self._ring_again())
        else:
            self._ring()

    def takes_prack(self, request: SipMessage) -> bool:
        acknowledged = f"{self._sequence} {self.invite.get('CSeq')}".split()
        if (request.get("RAck") or "").split() != acknowledged or not self.owner.behaviour.takes_prack:
            return False
        self._is_heard.set()
        return True

    def _ring(self, *extra: Header) -> None:
        ringing = self.composer.response(self.invite, 180, tag=self._tag, extra=[self.contact(self.flow), *extra])
        self.flow.send(ringing)

    async def _ring_again(self) -> None:
        """Again and again until the PRACK comes (RFC 3262 section 3); a caller who sends none has gone."""
        interval = T1_S
        while interval <= TRANSACTION_S and self.owner.behaviour.repeats_reliably:
            try:
                async with asyncio.timeout(interval):
                    await self._is_heard.wait()
                return
            except TimeoutError:
                interval *= 2
            if self.state is not State.RINGING or not self.flow.alive:
                return
            self._ring(("Require", "100rel"), ("RSeq", str(self._sequence)))

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
        extra = [self.contact(self.flow), ("Allow", ALLOW), *self.timer.grant(self.invite)]
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
