"""One call between a party of the harness and the device: its dialog, its offers and answers, its media.

A leg acts on messages as they come and never waits: what is to be waited for is in the journal.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account
from certsuite.edge.flow import Flow
from certsuite.edge.leg_media import LegMedia, Place
from certsuite.edge.media_stream import MediaStream
from certsuite.edge.retransmission import Retransmission
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms
from certsuite.sip.dialog import Dialog, failure_ack
from certsuite.sip.invite_forms import Edit, Headers, unedited
from certsuite.sip.message import SipMessage
from certsuite.sip.session_timer import names_option, timer_granted
from certsuite.sip.sse import ALLOW, Sse, invite_headers, response_to

_LONG = tuple((f"X-Lab-Long-{number}", "x" * 200) for number in range(1, 16))
"Headers that make a request longer than two packets of any path."


class LegState(StrEnum):
    """How far a call has come."""

    CALLING = "calling"
    EARLY = "early"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class Signalling(Protocol):
    """What a leg needs of the call control."""

    journal: Journal

    def send_request(
        self, flow: Flow, request: SipMessage, on_response: Callable[[SipMessage], None], *, over_s: float = 0.0
    ) -> None:
        """Send a request, as :meth:`Flow.send` does, and have its responses given to ``on_response``."""

    def flow_of(self, leg: CallLeg) -> Flow:
        """The flow that the call came by while it lasts, else the one that the leg's line is registered over."""

    def open_stream(self, leg: CallLeg) -> MediaStream:
        """Another stream at the leg's edge."""

    def ended(self, leg: CallLeg) -> None:
        """The call is over."""


class CallLeg:
    """A call of one line of the device with one party."""

    def __init__(
        self, control: Signalling, account: Account, flow: Flow, sse: Sse, stream: MediaStream, *, party: str
    ) -> None:
        self.account = account
        self.flow = flow
        self.party = party
        "The number of the party."
        self.on_state: Callable[[LegState], None] = lambda state: None
        "Told each state that it comes to."
        self._state = LegState.CALLING
        self.media = LegMedia(control.journal, stream, self._place)
        "What it offers, answers and has agreed on."
        self._left: list[MediaStream] = []
        "Streams that it has moved away from."
        self.early: LegMedia | None = None
        "That of a 183, until the call is answered."
        self.dialog: Dialog | None = None
        self._control = control
        self._sse = sse
        self._invite: SipMessage | None = None
        "The INVITE that made the call, ours or the device's."
        self._from_device = False
        self.rang_reliably = False
        "Whether a provisional response to our INVITE was to be acknowledged."
        self._provisional = False
        "Whether a provisional response to our INVITE came: before it there is nothing to cancel."
        self._hanging_up = False
        "Whether the call is to be over; what says so on the wire may have to wait."
        self._cancelled = False
        self._bye_said = False
        "By either side."
        self._retransmission = Retransmission(self._give_up)
        self._late_answers: dict[int, bytes] = {}
        "Our answers to offers that came in a 2xx, by its CSeq number."
        self._pracked: set[str] = set()
        "RSeq of reliable responses that met their PRACK."
        self.refused_by: SipMessage | None = None
        "The device's failure of our INVITE."
        self.is_focus = False
        "Whether the party says that it is a conference (RFC 4579 section 5.1)."
        self.grants: Headers = ()
        "Headers of our 2xx to the INVITE that made the call."
        self.tag = sse.tag()
        "Our tag of the dialog."
        self.takes_request: Callable[[Flow, SipMessage], bool] = lambda flow, request: False
        "Has the first look at the device's requests within the call: what it takes, the leg leaves alone."
        self.takes_response: Callable[[SipMessage], bool] = lambda response: False
        "The same with the responses to our INVITE."

    @property
    def state(self) -> LegState:
        return self._state

    @state.setter
    def state(self, state: LegState) -> None:
        self._state = state
        self.on_state(state)

    @property
    def is_unheard(self) -> bool:
        """Whether nothing at all came back for our INVITE."""
        return not self._from_device and not self._provisional and self.state is LegState.CALLING

    @property
    def stream(self) -> MediaStream:
        """Its media."""
        return self.media.stream

    @property
    def call_id(self) -> str:
        return self.dialog.call_id if self.dialog else ""

    @property
    def invite_sent(self) -> SipMessage:
        """The INVITE that made the call, ours or the device's."""
        assert self._invite is not None
        return self._invite

    @property
    def offer(self) -> bytes:
        """The body of the INVITE that made the call."""
        return self._invite.body if self._invite else b""

    @property
    def branch(self) -> str:
        """Of the INVITE that made the call."""
        return self._invite.branch if self._invite else ""

    def invited_with(self, header: str, option: str) -> bool:
        """Whether the INVITE that made the call names an option tag in a header."""
        return self._invite is not None and names_option(self._invite, header, option)

    # --- towards the device

    def invite(
        self,
        contact: str,
        *,
        caller: str,
        terms: MediaTerms = WEBEX_TERMS,
        over_s: float = 0.0,
        edit: Edit = unedited,
    ) -> None:
        """Call the device's line at its registered contact, on these terms. ``over_s``: the INVITE is a long one, and
        comes over so many seconds. ``edit`` makes another INVITE of it."""
        account = self.account
        self.dialog = Dialog(
            sse=self._sse,
            call_id=self._sse.call_id(),
            local=f'"{caller}"<sip:{self.party}@{account.domain};user=phone>;tag={self.tag}',
            remote=f'"{account.display_name}"<sip:{account.user}@{account.domain}>',
            target=contact,
            local_user=self.party,
        )
        self.media.terms = terms
        body = b"" if terms.late else self.media.offer()
        headers = invite_headers(
            asserted=f'"{caller}"<sip:{self.party}@{account.domain};user=phone>', correlation=secrets.token_hex(16)
        )
        if over_s:
            headers = [*headers, *_LONG]
        self._invite = edit(self.dialog.request("INVITE", headers=headers, body=body))
        self.dialog.local = self._invite.get("From") or self.dialog.local
        self._control.send_request(self.flow, self._invite, self._on_invite_response, over_s=over_s)

    def reoffer(self, terms: MediaTerms, *, edit: Edit = unedited) -> None:
        """Offer other terms in a re-INVITE, or what ``edit`` makes of it; nothing is sent in a call that is not up."""
        if self.state is not LegState.CONFIRMED or self._hanging_up:
            return
        assert self.dialog is not None
        self.media.terms = terms
        body = b"" if terms.late else self.media.offer()
        invite = edit(self.dialog.request("INVITE", headers=[("Allow", ALLOW)], body=body))
        taken = False

        def on_response(response: SipMessage) -> None:
            nonlocal taken
            if response.status >= 300:
                self.media.offer_refused()
                self.flow.send(failure_ack(invite, response), line=self.account.line)
            elif response.status >= 200:
                self._acknowledge(response, again=taken)
                taken = True

        self._control.send_request(self._control.flow_of(self), invite, on_response)

    def move(self) -> None:
        """Receive at another port, from the next offer on; the keys stay."""
        self.media.stream.mute(True)
        self._left.append(self.media.stream)
        self.media.stream = self._control.open_stream(self)

    def ring(self) -> None:
        """180 to the device's INVITE. Nothing is sent once the device has given up."""
        if self._from_device and self.state is LegState.CALLING and not self._hanging_up:
            self.respond(180, "Ringing")
            self.state = LegState.EARLY

    def progress(self) -> None:
        """183 with an answer of its own, from another place than the 200's and under another tag: as a fork has it."""
        if not self._from_device or self._hanging_up or self.state not in (LegState.CALLING, LegState.EARLY):
            return
        assert self._invite is not None
        self.early = LegMedia(self._control.journal, self._control.open_stream(self), self._place)
        body = self.early.answer(self._invite)
        if body is not None:
            self.respond(183, "Session Progress", body=body, tag=self._sse.tag())
            self.state = LegState.EARLY

    def progress_with_media(self) -> None:
        """183 with the answer that the 200 will have: audio from the far end before it answers."""
        if not self._from_device or self._hanging_up or self.state not in (LegState.CALLING, LegState.EARLY):
            return
        assert self._invite is not None
        body = self.media.answer(self._invite)
        if body is not None:
            self.respond(183, "Session Progress", body=body)
            self.state = LegState.EARLY

    def accept(self) -> None:
        """200 with an SDP answer to the device's INVITE; sent again until its ACK comes."""
        if not self._from_device or self._hanging_up or self.state not in (LegState.CALLING, LegState.EARLY):
            return
        assert self._invite is not None
        self._end_early()
        body = self.media.description_for(self._invite)
        if body is None:
            self.respond(488, "Not Acceptable Here")
            self._end()
            return
        self.respond(200, "OK", headers=self.grants, body=body)
        self.state = LegState.CONFIRMED

    def hang_up(self) -> None:
        """End the call as far as it has come: by CANCEL, a refusal or BYE, each as soon as RFC 3261 allows it."""
        if self._hanging_up or self.state is LegState.ENDED:
            return
        self._hanging_up = True
        if self.state is LegState.CONFIRMED:
            # The callee sends no BYE before it has the ACK (RFC 3261 section 15): the ACK brings it.
            if self._retransmission.number is None:
                self._bye()
        elif self._from_device:
            self.refuse(480, "Temporarily Unavailable")
        elif self._provisional:
            self.cancel()

    def refuse(self, status: int, reason: str, *, headers: Headers = ()) -> None:
        """A final failure to the device's INVITE. It is over with its ACK: until then it takes no other call."""
        self._hanging_up = True
        self.respond(status, reason, headers=headers)

    def cancel(self) -> None:
        """CANCEL our INVITE, once (RFC 3261 section 9.1)."""
        if self._cancelled:
            return
        self._cancelled = True
        assert self._invite is not None
        kept = ("via", "from", "to", "call-id", "max-forwards")
        headers = [(name, value) for name, value in self._invite.headers if name.lower() in kept]
        headers.append(("CSeq", f"{self._invite.cseq[0]} CANCEL"))
        cancel = SipMessage("CANCEL", self._invite.uri, headers=tuple(headers))
        self._control.send_request(self.flow, cancel, lambda response: None)

    def send(self, request: SipMessage, on_response: Callable[[SipMessage], None] = lambda response: None) -> None:
        """A request of a case's own within the call."""
        self._control.send_request(self._control.flow_of(self), request, on_response)

    # --- from the device

    def offered(self, invite: SipMessage) -> None:
        """The device called: the leg is at its beginning."""
        self._from_device = True
        self._invite = invite
        self.dialog = Dialog.from_request(invite, self._sse, self.tag, self.party)

    def on_request(self, flow: Flow, request: SipMessage) -> None:
        """A request within the dialog."""
        assert self.dialog is not None
        if not self.flow.usable:
            self.flow = flow
        if request.method not in ("ACK", "CANCEL") and not self.dialog.in_order(request):
            flow.send(response_to(request, 500, "Server Internal Error"), line=self.account.line)
            return
        if self.takes_request(flow, request):
            return
        match request.method:
            case "ACK":
                self._on_ack(request)
            case "BYE":
                self._bye_said = True
                flow.send(response_to(request, 200, "OK"), line=self.account.line)
                early = self.state in (LegState.CALLING, LegState.EARLY)
                if self._from_device and early and not self._hanging_up:
                    self.respond(487, "Request Terminated")
                self._end()
            case "CANCEL":
                self._on_cancel(flow, request)
            case "INVITE" | "UPDATE":
                self._on_reoffer(flow, request)
            case "OPTIONS":
                flow.send(response_to(request, 200, "OK", headers=[("Allow", ALLOW)]), line=self.account.line)
            case "INFO" | "NOTIFY" | "MESSAGE" | "PRACK":
                flow.send(response_to(request, 200, "OK"), line=self.account.line)
            case _:
                flow.send(response_to(request, 501, "Not Implemented"), line=self.account.line)

    def flow_lost(self) -> None:
        """Its flow is gone. A call that is up goes on over the next flow of the device (RFC 5626 section 3.1); any
        other is over with it."""
        if self.state is not LegState.CONFIRMED or self._hanging_up:
            self.close()

    def close(self) -> None:
        """Stop waiting for the device: its flow is gone, or it does not do what would end the call in order."""
        if self.state is LegState.CONFIRMED and self.flow.usable:
            self._bye()
        # A device that rings or answers only now is told that nobody is there.
        self._hanging_up = True
        self._end()

    # --- inside

    def _place(self) -> Place:
        return Place(self.call_id, self.account.line, self.flow.id, self.flow.edge)

    def _on_invite_response(self, response: SipMessage) -> None:
        assert self.dialog is not None
        self.rang_reliably = self.rang_reliably or (response.status < 200 and response.get("RSeq") is not None)
        if self.takes_response(response):
            return
        if response.status < 200:
            self._provisional = True
            self._acknowledge_reliably(response)
            if self._hanging_up:
                self.cancel()
            elif response.status > 100 and self.state is LegState.CALLING:
                self.state = LegState.EARLY
            return
        if response.status >= 300:
            assert self._invite is not None
            self.refused_by = response
            self.flow.send(failure_ack(self._invite, response), line=self.account.line)
            self._end()
            return
        self.dialog.established_by(response)
        over = self.state in (LegState.CONFIRMED, LegState.ENDED) or self._hanging_up
        self._acknowledge(response, again=over)
        if self.state is LegState.CONFIRMED:
            return
        if self._hanging_up or self.state is LegState.ENDED:
            # It was answered while the call was given up (RFC 3261 section 9.1): the dialog exists, so BYE ends it.
            if self.state is not LegState.ENDED:
                self.state = LegState.CONFIRMED
            self._bye()
            return
        self.state = LegState.CONFIRMED

    def _acknowledge_reliably(self, response: SipMessage) -> None:
        """PRACK a reliable provisional response, once (RFC 3262 section 4)."""
        sequence = response.get("RSeq") or ""
        if not names_option(response, "Require", "100rel") or not sequence.isdecimal() or sequence in self._pracked:
            return
        assert self.dialog is not None
        self._pracked.add(sequence)
        self.dialog.established_by(response)
        if response.has_sdp and self.media.offer_open:
            self.media.take_answer(response)
        self.send(self.dialog.request("PRACK", headers=[("RAck", f"{sequence} {response.get('CSeq')}")]))

    def _acknowledge(self, response: SipMessage, *, again: bool) -> None:
        """ACK a 2xx to an INVITE of ours, and do as it says unless it was acknowledged before."""
        assert self.dialog is not None
        body = b""
        if again:
            body = self._late_answers.get(response.cseq[0], b"")
        elif self.media.terms.late:
            # Without an answer of ours the ACK has none: the device's offer cannot be taken.
            body = self._late_answers[response.cseq[0]] = self.media.answer(response) or b""
        elif self.media.offer_open:
            # Else a reliable 18x had the answer.
            self.media.take_answer(response)
        self.flow.send(self.dialog.request("ACK", cseq=response.cseq[0], body=body), line=self.account.line)

    def _bye(self) -> None:
        if not self._bye_said:
            self._bye_said = True
            assert self.dialog is not None
            flow = self._control.flow_of(self)
            if flow.usable:
                self._control.send_request(flow, self.dialog.request("BYE"), self._end_at)
            else:
                self._end()

    def _on_ack(self, request: SipMessage) -> None:
        if self._hanging_up and self.state in (LegState.CALLING, LegState.EARLY):
            self._end()
            return
        if request.cseq[0] != self._retransmission.number:
            return
        self._retransmission.stop()
        if self.media.offer_open:
            self.media.take_answer(request)
        if self._hanging_up:
            self._bye()

    def _on_cancel(self, flow: Flow, request: SipMessage) -> None:
        if not self._from_device or request.branch != self.branch:
            self._no_transaction(flow, request)
            return
        flow.send(response_to(request, 200, "OK", to_tag=self.tag), line=self.account.line)
        # One that was refused has its final response already, and waits for the ACK alone.
        if self.state in (LegState.CALLING, LegState.EARLY) and not self._hanging_up:
            self.respond(487, "Request Terminated")
            self._end()

    def _no_transaction(self, flow: Flow, request: SipMessage) -> None:
        response = response_to(request, 481, "Call/Transaction Does Not Exist", to_tag=self.tag)
        flow.send(response, line=self.account.line)

    def _on_reoffer(self, flow: Flow, request: SipMessage) -> None:
        assert self.dialog is not None
        self.dialog.updated_by(request)
        headers = [self._contact, ("Allow", ALLOW), *timer_granted(request)]
        if request.method == "UPDATE" and not request.has_sdp:
            flow.send(response_to(request, 200, "OK", headers=headers), line=self.account.line)
            return
        body = self.media.description_for(request)
        if body is None:
            flow.send(response_to(request, 488, "Not Acceptable Here"), line=self.account.line)
            return
        response = response_to(request, 200, "OK", headers=headers, body=body)
        flow.send(response, line=self.account.line)
        if request.method == "INVITE":
            self._await_ack(flow, response)

    @property
    def _contact(self) -> tuple[str, str]:
        return "Contact", self._sse.contact(self.party) + (";isfocus" if self.is_focus else "")

    def _end_early(self) -> None:
        if self.early is not None:
            self.early.stream.close()
            self.early = None

    def respond(self, status: int, reason: str, *, headers: Headers = (), body: bytes = b"", tag: str = "") -> None:
        """A response to the device's INVITE."""
        assert self._invite is not None
        headers = [*headers, self._contact] if status < 300 else list(headers)
        if status == 200:
            headers.append(("Allow", ALLOW))
        response = response_to(self._invite, status, reason, to_tag=tag or self.tag, headers=headers, body=body)
        self.flow.send(response, line=self.account.line)
        if status == 200:
            self._await_ack(self.flow, response)

    def _await_ack(self, flow: Flow, response: SipMessage) -> None:
        self._retransmission.start(response.cseq[0], lambda: flow.send(response, line=self.account.line))

    def _give_up(self) -> None:
        """The device acknowledges nothing."""
        self._hanging_up = True
        self._bye()

    def _end_at(self, response: SipMessage) -> None:
        if response.status >= 200:
            self._end()

    def _end(self) -> None:
        if self.state is LegState.ENDED:
            return
        self.state = LegState.ENDED
        self._retransmission.stop()
        self._end_early()
        for stream in (*self._left, self.stream):
            stream.close()
        self._control.ended(self)
