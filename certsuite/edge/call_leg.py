"""One call between a party of the harness and the device: its dialog, its offers and answers, its media.

A leg acts on messages as they come and never waits: what is to be waited for is in the journal.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from certsuite.core.events import MediaNotAgreed
from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account
from certsuite.edge.flow import Flow
from certsuite.edge.media import MediaStream
from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80, Crypto
from certsuite.sdp.offer_answer import Agreement, NoAgreement, agree, answer, webex_offer
from certsuite.sdp.session import Direction, SdpError, SessionDescription
from certsuite.sip.dialog import Dialog
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse, invite_headers, response_to

_T1 = 0.5
_T2 = 4.0
_TIMER_H = 32.0
"Seconds after which an unacknowledged 200 is no longer sent again (RFC 3261 section 13.3.1.4)."


class LegState(StrEnum):
    """How far a call has come."""

    CALLING = "calling"
    EARLY = "early"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class Signalling(Protocol):
    """What a leg needs of the call control."""

    journal: Journal

    def send_request(self, flow: Flow, request: SipMessage, on_response: Callable[[SipMessage], None]) -> None:
        """Send a request and have its responses given to ``on_response``."""

    def flow_of(self, leg: CallLeg) -> Flow:
        """The flow that the leg's line is registered over now, else the one that the call came by."""

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
        self.state = LegState.CALLING
        self.stream = stream
        self.dialog: Dialog | None = None
        self.agreement: Agreement | None = None
        self._control = control
        self._sse = sse
        self._session_id = secrets.randbits(31)
        self._version = 0
        self._invite: SipMessage | None = None
        "The INVITE that made the call, ours or the device's."
        self._from_device = False
        self._local: SessionDescription | None = None
        self._crypto: Crypto | None = None
        self._tag = sse.tag()
        self._retransmission: asyncio.TimerHandle | None = None

    @property
    def call_id(self) -> str:
        return self.dialog.call_id if self.dialog else ""

    # --- towards the device

    def invite(self, contact: str, *, caller: str, srtp: bool = True) -> None:
        """Call the device's line at its registered contact, with the offer of the access SBC; without SRTP it is plain
        RTP/AVP."""
        account = self.account
        self.dialog = Dialog(
            sse=self._sse,
            call_id=self._sse.call_id(),
            local=f'"{caller}"<sip:{self.party}@{account.domain};user=phone>;tag={self._tag}',
            remote=f'"{account.display_name}"<sip:{account.user}@{account.domain}>',
            target=contact,
            local_user=self.party,
        )
        self._crypto = Crypto.mint(1, AES_CM_128_HMAC_SHA1_80, secrets.token_bytes) if srtp else None
        self._local = self._offer()
        headers = invite_headers(
            asserted=f'"{caller}"<sip:{self.party}@{account.domain};user=phone>', correlation=secrets.token_hex(16)
        )
        self._invite = self.dialog.request("INVITE", headers=headers, body=bytes(self._local))
        self._control.send_request(self.flow, self._invite, self._on_invite_response)

    def cancel(self) -> None:
        """CANCEL our INVITE (RFC 3261 section 9.1)."""
        if self._invite is None or self._from_device or self.state is LegState.CONFIRMED:
            return
        kept = ("via", "from", "to", "call-id", "max-forwards")
        headers = [(name, value) for name, value in self._invite.headers if name.lower() in kept]
        headers.append(("CSeq", f"{self._invite.cseq[0]} CANCEL"))
        self.flow.send(SipMessage("CANCEL", self._invite.uri, headers=tuple(headers)), line=self.account.line)

    def ring(self) -> None:
        """180 to the device's INVITE."""
        self._respond(180, "Ringing")
        self.state = LegState.EARLY

    def accept(self) -> None:
        """200 with an SDP answer to the device's INVITE; sent again until its ACK comes."""
        assert self._invite is not None
        body = self._answer(self._invite)
        if body is None:
            self._respond(488, "Not Acceptable Here")
            self._end()
            return
        self._respond(200, "OK", body=body)
        self.state = LegState.CONFIRMED

    def hang_up(self) -> None:
        """BYE, or what ends the call as far as it has come."""
        if self.state is LegState.CONFIRMED and self.dialog is not None:
            self._control.send_request(
                self._control.flow_of(self), self.dialog.request("BYE"), lambda response: self._end_at(response)
            )
        elif self._from_device and self.state is not LegState.ENDED:
            self._respond(480, "Temporarily Unavailable")
            self._end()
        else:
            self.cancel()

    # --- from the device

    def offered(self, invite: SipMessage) -> None:
        """The device called: the leg is at its beginning."""
        self._from_device = True
        self._invite = invite
        self.dialog = Dialog.from_invite(invite, self._sse, self._tag, self.party)

    def on_request(self, flow: Flow, request: SipMessage) -> None:
        """A request within the dialog."""
        match request.method:
            case "ACK":
                self._stop_retransmission()
            case "BYE":
                flow.send(response_to(request, 200, "OK"), line=self.account.line)
                self._end()
            case "CANCEL":
                flow.send(response_to(request, 200, "OK", to_tag=self._tag), line=self.account.line)
                if self.state in (LegState.CALLING, LegState.EARLY):
                    self._respond(487, "Request Terminated")
                    self._end()
            case "INVITE" | "UPDATE":
                self._on_reoffer(flow, request)
            case "OPTIONS" | "INFO" | "NOTIFY" | "MESSAGE" | "PRACK":
                flow.send(response_to(request, 200, "OK"), line=self.account.line)
            case _:
                flow.send(response_to(request, 501, "Not Implemented"), line=self.account.line)

    def close(self) -> None:
        """Forget the call without a word on the wire: its flow or its device is gone."""
        self._end()

    # --- inside

    def _offer(self) -> SessionDescription:
        self._version += 1
        return webex_offer(
            self.stream.address, self.stream.port, self._crypto, session_id=self._session_id, version=self._version
        )

    def _answer(self, request: SipMessage) -> bytes | None:
        """Our answer to the device's offer, with the media set accordingly; ``None`` if there is nothing to take."""
        if not request.has_sdp:
            self._not_agreed("no-offer", "the INVITE carries no SDP")
            return None
        try:
            offer = SessionDescription.parse(request.body)
            self._version += 1
            ours = answer(
                offer,
                address=self.stream.address,
                port=self.stream.port,
                random_bytes=secrets.token_bytes,
                local_crypto=self._crypto,
                session_id=self._session_id,
                version=self._version,
            )
            self._agree(agree(offer, ours, we_offered=False))
        except SdpError as error:
            self._not_agreed("sdp-unreadable", str(error))
            return None
        except NoAgreement as error:
            self._not_agreed(error.reason_code, str(error))
            return None
        self._local = ours
        return bytes(ours)

    def _agree(self, agreement: Agreement) -> None:
        self.agreement = agreement
        if agreement.local_crypto is not None:
            self._crypto = agreement.local_crypto
        self.stream.configure(
            agreement, call_id=self.call_id, line=self.account.line, flow=self.flow.id, edge=self.flow.edge
        )
        self.stream.mute(agreement.direction in (Direction.RECVONLY, Direction.INACTIVE))

    def _on_invite_response(self, response: SipMessage) -> None:
        assert self.dialog is not None
        if response.status < 200:
            if response.status > 100:
                self.state = LegState.EARLY
            return
        if response.status >= 300:
            self._acknowledge_failure(response)
            self._end()
            return
        self.dialog.established_by(response)
        self.flow.send(self.dialog.request("ACK", cseq=response.cseq[0]), line=self.account.line)
        if self.state is LegState.CONFIRMED:
            return
        self.state = LegState.CONFIRMED
        assert self._local is not None
        try:
            self._agree(agree(self._local, SessionDescription.parse(response.body), we_offered=True))
        except SdpError as error:
            self._not_agreed("sdp-unreadable", str(error))
        except NoAgreement as error:
            self._not_agreed(error.reason_code, str(error))

    def _acknowledge_failure(self, response: SipMessage) -> None:
        """ACK for a failure goes by the INVITE's own transaction (RFC 3261 section 17.1.1.3)."""
        assert self._invite is not None
        headers = [(name, value) for name, value in self._invite.headers if name.lower() in ("via", "from", "call-id")]
        headers += [
            ("To", response.get("To") or ""),
            ("CSeq", f"{self._invite.cseq[0]} ACK"),
            ("Max-Forwards", "69"),
        ]
        self.flow.send(SipMessage("ACK", self._invite.uri, headers=tuple(headers)), line=self.account.line)

    def _on_reoffer(self, flow: Flow, request: SipMessage) -> None:
        assert self.dialog is not None
        self.dialog.updated_by(request)
        if request.method == "UPDATE" and not request.has_sdp:
            flow.send(response_to(request, 200, "OK"), line=self.account.line)
            return
        body = self._answer(request)
        contact = [("Contact", self._sse.contact(self.party))]
        if body is None:
            flow.send(response_to(request, 488, "Not Acceptable Here"), line=self.account.line)
        else:
            flow.send(response_to(request, 200, "OK", headers=contact, body=body), line=self.account.line)

    def _respond(self, status: int, reason: str, *, body: bytes = b"") -> None:
        assert self._invite is not None
        headers = [("Contact", self._sse.contact(self.party))] if status < 300 else []
        response = response_to(self._invite, status, reason, to_tag=self._tag, headers=headers, body=body)
        self.flow.send(response, line=self.account.line)
        if 200 <= status < 300:
            self._retransmit_until_ack(response, _T1, 0.0)

    def _retransmit_until_ack(self, response: SipMessage, after: float, total: float) -> None:
        def again() -> None:
            if total + after < _TIMER_H:
                self.flow.send(response, line=self.account.line)
                self._retransmit_until_ack(response, min(after * 2, _T2), total + after)

        self._retransmission = asyncio.get_running_loop().call_later(after, again)

    def _stop_retransmission(self) -> None:
        if self._retransmission is not None:
            self._retransmission.cancel()
            self._retransmission = None

    def _not_agreed(self, code: str, reason: str) -> None:
        self._control.journal.record(
            MediaNotAgreed(self.call_id, code, reason),
            line=self.account.line,
            flow=self.flow.id,
            edge=self.flow.edge,
            direction="in",
        )

    def _end_at(self, response: SipMessage) -> None:
        if response.status >= 200:
            self._end()

    def _end(self) -> None:
        if self.state is LegState.ENDED:
            return
        self.state = LegState.ENDED
        self._stop_retransmission()
        self.stream.close()
        self._control.ended(self)
