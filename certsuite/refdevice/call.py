"""A call once it has a dialog: re-INVITE both ways, hold, digits, the end (RFC 3261 sections 13 to 15)."""

from __future__ import annotations

import asyncio
import enum
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from certsuite.refdevice.audio import DIGITS
from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.dialog import Dialog
from certsuite.refdevice.media import MediaSession
from certsuite.refdevice.messages import ALLOW, NOTHING, Body, Composer, Header
from certsuite.refdevice.sdp import Unacceptable, answer, conclude, offer
from certsuite.refdevice.session_timer import SessionTimer
from certsuite.refdevice.transport import Flow, FlowFailed
from certsuite.sip.message import SipMessage

log = logging.getLogger("refdevice.call")

T1_S, T2_S = 0.5, 4.0
TRANSACTION_S = 64 * T1_S
"Timers B, F and H of RFC 3261."
_ROUNDS = 4


class CallFailed(Exception):
    """What was asked of the call could not be done; the text says why."""


class State(enum.Enum):
    """How far a call is."""

    RINGING = "ringing"
    CALLING = "calling"
    ESTABLISHED = "established"
    ENDED = "ended"


class Owner(Protocol):
    """What a call needs of the phone that it belongs to."""

    behaviour: Behaviour

    @property
    def composer(self) -> Composer: ...

    def announce(self, event: str) -> None: ...

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    @property
    def transaction_s(self) -> float | None: ...

    @property
    def session_minimum_s(self) -> int: ...

    async def usable_flow(self, timeout: float) -> Flow | None: ...

    async def another_flow(self, flow: Flow) -> Flow: ...
    def flow_failed(self, flow: Flow) -> None: ...

    def call_ended(self, call: Call) -> None: ...


class Call:
    """One call. The phone has one at a time."""

    def __init__(self, owner: Owner, line: LineState, flow: Flow, dialog: Dialog, *, incoming: bool) -> None:
        """Raises :class:`OSError` if there is no port for its media."""
        self.owner = owner
        self.line = line
        self.flow = flow
        self.dialog = dialog
        self.incoming = incoming
        self.state = State.RINGING if incoming else State.CALLING
        self.media = MediaSession(flow.local[0], owner.behaviour, incoming=incoming)
        self.media.on_digit = lambda digit: owner.announce(f"digit {digit}")
        self.on_hold = False
        "Whether the device has put it on hold."
        self.timer = SessionTimer(
            owner.behaviour,
            owner.session_minimum_s,
            refresh=lambda: self._do_later(self._refresh),
            over=lambda: self._do_later(self._give_up),
        )
        self._sending: asyncio.Task[None] | None = None
        self._unacknowledged: dict[int, asyncio.Event] = {}
        "CSeq numbers of INVITEs whose 2xx has met no ACK yet."
        self._late_offers: set[int] = set()
        "Those of them whose ACK brings the answer."
        self._acknowledgement: SipMessage | None = None
        self._offering = False
        self._reoffers = 0
        "Re-INVITEs that came."

    @property
    def composer(self) -> Composer:
        return self.owner.composer

    def contact(self, flow: Flow) -> Header:
        return "Contact", f"<{self.composer.contact_uri(self.line.line, flow)}>"

    # --- what the user does

    async def hold(self) -> None:
        """Put the call on hold. Raises :class:`CallFailed`."""
        self.must_be_established()
        if self.on_hold:
            raise CallFailed("is held already")
        self.on_hold = True
        if not self.owner.behaviour.hold_reinvites:
            return
        self.media.held = True
        try:
            await self._offer("sendonly")
        except CallFailed:
            self.media.held = self.on_hold = False
            raise

    async def resume(self) -> None:
        """Take the call from hold. Raises :class:`CallFailed`."""
        self.must_be_established()
        if not self.on_hold:
            raise CallFailed("is not held")
        behaviour = self.owner.behaviour
        if behaviour.hold_reinvites and behaviour.resume_reinvites:
            await self._offer("sendrecv")
            self.media.held = False
            self.media.muted = self.media.muted or not behaviour.sends_after_resume
        self.on_hold = False

    def must_be_established(self) -> None:
        """Raises :class:`CallFailed` if it is not."""
        if self.state is not State.ESTABLISHED:
            raise CallFailed("there is no established call")

    async def send_digits(self, digits: str) -> None:
        """Send digits one after the other. Raises :class:`CallFailed`."""
        self.must_be_established()
        if not digits or any(digit not in DIGITS for digit in digits):
            raise CallFailed("digits are 0 to 9, *, #, A to D")
        if self.owner.behaviour.dtmf_by_info:
            for digit in digits:
                relay = f"Signal={digit}\r\nDuration=160\r\n".encode()
                await self.request("INFO", carrying=("application/dtmf-relay", relay))
            return
        if not self.media.has_events and not self.owner.behaviour.dtmf_in_band:
            raise CallFailed("telephone events were not negotiated")
        for digit in digits:
            await self.media.send_digit(digit)

    async def hang_up(self) -> None:
        """End an established call. Raises :class:`CallFailed` if it is none."""
        self.must_be_established()
        self.end("the device hung up")
        if self.incoming and not self.owner.behaviour.says_bye_when_answered:
            return
        for acknowledged in list(self._unacknowledged.values()):
            await acknowledged.wait()  # RFC 3261 section 15: no BYE before the ACK
        if not self.owner.behaviour.ends_its_dialog:
            self.dialog.remote_value = self.dialog.remote_value.partition(";tag=")[0]
        try:
            await self.request("BYE")
        except CallFailed as failure:
            log.warning("BYE: %s", failure)

    # --- what the far end does

    def request_received(self, flow: Flow, request: SipMessage) -> None:
        """Take a request within the dialog."""
        number = request.cseq[0]
        if request.method == "ACK":
            self._acknowledged(request)
            return
        if number <= self.dialog.remote_cseq:
            flow.send(self.composer.response(request, 500))
            return
        self.dialog.remote_cseq = number
        if request.method == "BYE":
            flow.send(self.composer.response(request, 200 if self._takes_bye else 481))
            self.end("the far end hung up")
        elif self.state is not State.ESTABLISHED and request.method == "INVITE":
            flow.send(self.composer.response(request, 491))
        elif request.method in ("INVITE", "UPDATE"):
            self._offered(flow, request)
        elif request.method == "PRACK":
            flow.send(self.composer.response(request, 200 if self.takes_prack(request) else 481))
        else:
            flow.send(self.composer.response(request, 200))

    @property
    def _takes_bye(self) -> bool:
        behaviour = self.owner.behaviour
        if not self.incoming:
            return behaviour.takes_bye_in_own_calls
        return not (behaviour.needs_ack_for_bye and self._unacknowledged)

    def response_repeated(self, response: SipMessage) -> None:
        """A 2xx to an INVITE came again: so does its ACK."""
        if self._acknowledgement is not None and response.cseq[0] == self._acknowledgement.cseq[0]:
            self._try_send(self._acknowledgement)

    def _offered(self, flow: Flow, request: SipMessage) -> None:
        """A re-INVITE or an UPDATE."""
        if self._offering and self.owner.behaviour.refuses_crossing_offer:
            flow.send(self.composer.response(request, 491))
            return
        if self.timer.is_too_small(request):
            flow.send(self.composer.response(request, 422, extra=self.timer.least()))
            return
        if refused := self._tired_of(request):
            flow.send(self.composer.response(request, refused))
            return
        self.dialog.refreshed(request)
        sdp = b""
        try:
            if request.has_sdp:
                sdp = self.answer_to(request.body)
            elif request.method == "INVITE":
                sdp = offer(self.media.local(), self._wanted)
                self._late_offers.add(request.cseq[0])
        except Unacceptable as problem:
            log.warning("%s: %s", request.method, problem)
            flow.send(self.composer.response(request, 488))
            return
        extra = [self.contact(flow), ("Allow", ALLOW), *self.timer.grant(request)]
        response = self.composer.response(request, 200, extra=extra, sdp=sdp)
        if request.method == "INVITE":
            self.accept(flow, response)
        else:
            flow.send(response)

    def _tired_of(self, request: SipMessage) -> int:
        """The status by which a faulty device refuses what it should take; 0 for what it takes."""
        behaviour = self.owner.behaviour
        if request.method == "UPDATE":
            return 0 if behaviour.takes_update else 501
        self._reoffers += 1
        return 0 if behaviour.reoffers_taken is None or self._reoffers <= behaviour.reoffers_taken else 488

    # --- parts of both kinds of call

    @property
    def _wanted(self) -> str:
        return "sendonly" if self.media.held else "sendrecv"

    def answer_to(self, body: bytes) -> bytes:
        """Answer an offer and go on with what it agrees on. Raises :class:`Unacceptable`."""
        sdp, agreement = answer(body, self.media.local(), self._wanted, self.owner.behaviour)
        self.media.agree(agreement)
        return sdp

    def start_media(self) -> None:
        """Begin to send, if that has not begun."""
        if self._sending is None:
            self._sending = self.owner.spawn(self.media.run())

    def accept(self, flow: Flow, response: SipMessage) -> None:
        """Send a 2xx to an INVITE, again and again until its ACK comes (RFC 3261 section 13.3.1.4)."""
        acknowledged = self._unacknowledged[response.cseq[0]] = asyncio.Event()
        flow.send(response)
        self.owner.spawn(self._repeat(flow, response, acknowledged))

    async def _repeat(self, flow: Flow, response: SipMessage, acknowledged: asyncio.Event) -> None:
        interval, waited = T1_S, 0.0
        while waited < TRANSACTION_S:
            try:
                async with asyncio.timeout(interval):
                    await acknowledged.wait()
                return
            except TimeoutError:
                waited += interval
                interval = min(2 * interval, T2_S)
            if flow.alive:
                flow.send(response)
        self._unacknowledged.pop(response.cseq[0], None)
        acknowledged.set()
        if self.state is State.ESTABLISHED:
            log.warning("no ACK came")
            await self.hang_up()

    def _acknowledged(self, request: SipMessage) -> None:
        number = request.cseq[0]
        waiting = self._unacknowledged.pop(number, None)
        if waiting is None:
            return
        waiting.set()
        if number in self._late_offers:
            self._late_offers.discard(number)
            try:
                self.media.agree(conclude(request.body, self._wanted, self.owner.behaviour))
            except Unacceptable as problem:
                log.warning("ACK: %s", problem)
                self.owner.spawn(self._give_up())
                return
            self.start_media()
        self.first_acknowledged()

    def first_acknowledged(self) -> None:
        """The ACK to a 2xx came."""

    def takes_prack(self, request: SipMessage) -> bool:
        """Whether a PRACK belongs to a response that waits for it."""
        return False

    def _do_later(self, action: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.owner.spawn(action())

    async def _refresh(self) -> None:
        """Ask the far end whether it is still there, as its session timer wants it (RFC 4028 section 7.4)."""
        if self.state is not State.ESTABLISHED:
            return
        try:
            await self.request("UPDATE")
        except CallFailed as failure:
            log.warning("UPDATE: %s", failure)

    async def _give_up(self) -> None:
        if self.state is State.ESTABLISHED:
            await self.hang_up()

    async def _offer(self, direction: str) -> None:
        """Send a re-INVITE and go on with its answer. Raises :class:`CallFailed`."""
        if self._offering or self._unacknowledged:
            raise CallFailed("another offer is under way")
        self._offering = True
        try:
            response = await self.request("INVITE", sdp=offer(self.media.local(), direction))
            if response.status == 491:
                # RFC 3261 section 14.1: whoever made the Call-ID waits longer.
                await asyncio.sleep(random.uniform(0, 2) if self.incoming else random.uniform(2.1, 4))
                response = await self.request("INVITE", sdp=offer(self.media.local(), direction))
            if response.status >= 300:
                raise CallFailed(f"the far end answered {response.status} {response.reason}")
            self.media.agree(conclude(response.body, direction, self.owner.behaviour))
        except Unacceptable as problem:
            raise CallFailed(str(problem)) from problem
        finally:
            self._offering = False

    async def request(
        self, method: str, *, extra: Iterable[Header] = (), sdp: bytes = b"", carrying: Body = NOTHING
    ) -> SipMessage:
        """Send a request within the dialog, challenge answered; gives the final response. Raises :class:`CallFailed`.

        If the flow is gone it goes over the one that the registration has by then.
        """
        authorization: Header | None = None
        for _ in range(_ROUNDS):
            if not self.flow.alive:
                other = await self.owner.usable_flow(TRANSACTION_S)
                if other is None:
                    raise CallFailed("there is no flow")
                self.flow = other
            headers = [self.contact(self.flow)] if method in ("INVITE", "UPDATE", "REFER", "NOTIFY") else []
            headers += [("Allow", ALLOW)] if method == "INVITE" else []
            headers += self.timer.asked() if method in ("INVITE", "UPDATE") else []
            headers += [*extra, *([authorization] if authorization else [])]
            request = self.dialog.request(method, self.composer, self.flow, extra=headers, sdp=sdp, carrying=carrying)
            try:
                response = await self.flow.transact(request).final(self.owner.transaction_s)
            except TimeoutError:
                log.warning("no answer to %s", method)
                self.owner.flow_failed(self.flow)
                continue
            except FlowFailed as error:
                log.warning("%s: %s", method, error)
                continue
            if method == "INVITE":
                self.acknowledge(request, response)
            if method in ("INVITE", "UPDATE") and response.status < 300:
                self.timer.take(response)
            if response.status == 503 and self.owner.behaviour.moves_calls_at_503:
                self.owner.flow_failed(self.flow)
                continue
            is_asked = response.status in (401, 407) and authorization is None
            if is_asked and (method != "REFER" or self.owner.behaviour.refers_with_credentials):
                authorization = self.line.credentials.answer(response, method, request.uri)
                if authorization is not None:
                    continue
            return response
        raise CallFailed(f"no flow stayed for {method}")

    def acknowledge(self, invite: SipMessage, response: SipMessage) -> None:
        """ACK the final response to an INVITE: within the dialog for a 2xx, else within the INVITE's transaction."""
        if response.status < 300:
            self.dialog.refreshed(response)
            ack = self.dialog.request(
                "ACK", self.composer, self.flow, cseq=invite.cseq[0] + self.owner.behaviour.ack_offset
            )
            self._acknowledgement = ack
        elif response.status not in (401, 407) and not self.owner.behaviour.acknowledges_refusals:
            return
        else:
            ack = self.composer.request(
                "ACK",
                invite.uri,
                self.flow,
                from_value=invite.get("From") or "",
                to_value=response.get("To") or "",
                call_id=invite.call_id,
                cseq=invite.cseq[0],
                branch=invite.branch,
                routes=invite.all("Route"),
            )
        self._try_send(ack)

    def end(self, reason: str) -> None:
        """The call is over: its media stop."""
        if self.state is State.ENDED:
            return
        self.state = State.ENDED
        self.timer.stop()
        log.info("call ended: %s", reason)
        if self._sending is not None:
            self._sending.cancel()
        self.media.close()
        self.owner.call_ended(self)
        self.owner.announce("closed")

    def _try_send(self, message: SipMessage) -> None:
        try:
            self.flow.send(message)
        except FlowFailed as failure:
            log.warning("%s: %s", message.method, failure)
