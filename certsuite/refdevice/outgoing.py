"""A call from the device, until it is answered (RFC 3261 section 13.2)."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Iterable

from certsuite.refdevice.behaviour import COMPLIANT, Behaviour
from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.call import TRANSACTION_S, Call, CallFailed, Owner, State
from certsuite.refdevice.config import Line
from certsuite.refdevice.dialog import Dialog
from certsuite.refdevice.messages import ALLOW, Header, new_tag
from certsuite.refdevice.sdp import Unacceptable, conclude, offer
from certsuite.refdevice.session_timer import interval_of
from certsuite.refdevice.transport import ClientTransaction, Flow, FlowFailed
from certsuite.sip.message import SipMessage, user_host

log = logging.getLogger("refdevice.outgoing")

_SHORT_NUMBER = 7
_NUMBER = re.compile(r"[0-9A-Za-z+*#._-]{1,64}")


def dialled_uri(text: str, line: Line, behaviour: Behaviour = COMPLIANT) -> str:
    """The URI of what the user dials, a number or a SIP URI. Raises :class:`CallFailed`."""
    suffix = behaviour.dialled_suffix
    if _NUMBER.fullmatch(text):
        text = f"sip:{text.replace('#', '%23')}@{line.domain}"
    uri = text if text.startswith("sip:") else f"sip:{text}"
    if not user_host(uri)[1] or re.search(r"[\s<>\"]", uri):
        raise CallFailed(f"{text} is neither a number nor a SIP URI")
    if len(user_host(uri)[0]) < _SHORT_NUMBER:
        uri = uri.replace("sip:", f"sip:{behaviour.dialled_prefix}", 1)
    if behaviour.drops_plus:
        uri = uri.replace("sip:+", "sip:", 1)
    return uri.replace("@", f"{suffix}@", 1)


class OutgoingCall(Call):
    """Calls until it is answered, refused or cancelled."""

    def __init__(self, owner: Owner, line: LineState, flow: Flow, uri: str, extra: Iterable[Header] = ()) -> None:
        """``extra``: headers of its INVITE. Raises :class:`OSError` if there is no port for its media."""
        tag = new_tag()
        dialog = Dialog(
            line=line.line,
            call_id=secrets.token_hex(12),
            local_value=owner.composer.from_value(line.line, tag),
            remote_value=f"<{uri}>",
            remote_target=uri,
            local_tag=tag,
            routes=[owner.composer.route],
        )
        super().__init__(owner, line, flow, dialog, incoming=False)
        self.status = 0
        "Of the final response, 0 before that."
        self._extra = list(extra)
        self._invite: SipMessage | None = None
        self._is_heard = False
        "Whether a provisional response came: no CANCEL before (RFC 3261 section 9.1)."
        self._cancelled = False
        self._finished = asyncio.Event()

    async def place(self) -> None:
        """Send the INVITE and see it through to its final response."""
        try:
            if not self.owner.behaviour.reuses_flow:
                self.flow = await self.owner.another_flow(self.flow)
            response = await self._invited()
            self.status = response.status
            if response.status >= 300:
                self.end(f"{response.status} {response.reason}")
                return
            if self.state is State.ENDED:
                await self.request("BYE")  # it had been given up
                return
            self.state = State.ESTABLISHED
            self.media.early = False
            try:
                agreement = conclude(response.body, behaviour=self.owner.behaviour)
                if self.owner.behaviour.takes_changed_answer or not self.media.has_events:
                    self.media.agree(agreement)
            except Unacceptable as problem:
                log.warning("INVITE: %s", problem)
                await self.hang_up()
                return
            if self._cancelled:
                await self._end_crossed()
                return
            self.start_media()
            self.owner.announce("established")
        except TimeoutError:
            self.end("no answer to INVITE")
        except (FlowFailed, CallFailed) as failure:
            self.end(str(failure))
        finally:
            self._finished.set()

    async def _end_crossed(self) -> None:
        """The answer crossed the CANCEL (RFC 3261 section 9.1)."""
        if self.owner.behaviour.ends_crossed_call:
            await self.hang_up()
        else:
            self.end("given up, though the far end answered")

    def cancel(self) -> None:
        """Take the INVITE back. Raises :class:`CallFailed` if it has been answered."""
        if self.state is not State.CALLING:
            raise CallFailed("the call is not being placed")
        if not self.owner.behaviour.cancels:
            self.end("given up, and the far end was not told")
            return
        if not self._cancelled:
            self._cancelled = True
            if self._is_heard:
                self._send_cancel()

    async def _invited(self) -> SipMessage:
        """The final response, of the next target if the first does not serve (RFC 3263 section 4.3).

        Raises :class:`TimeoutError`, :class:`FlowFailed` and :class:`CallFailed`.
        """
        first = self.flow
        try:
            response = await self._invited_once()
            if response.status != 503:
                return response
        except (TimeoutError, FlowFailed):
            if self._cancelled or not self.owner.behaviour.dials_again:
                raise
        if self._cancelled or not self.owner.behaviour.dials_again:
            return response
        self.owner.flow_failed(first)
        other = await self.owner.usable_flow(TRANSACTION_S)
        if other is None:
            raise CallFailed("there is no flow")
        self.flow = other
        return await self._invited_once()

    async def _invited_once(self) -> SipMessage:
        """The final response over one flow, challenges answered. Raises :class:`TimeoutError` and
        :class:`FlowFailed`."""
        behaviour = self.owner.behaviour
        authorization: Header | None = None
        least_s = 0
        sdp = offer(self.media.local(), "sendrecv", behaviour, plain=behaviour.offers_plain_rtp)
        supported = "100rel, replaces" + (", timer" if behaviour.knows_session_timers else "")
        while True:
            extra = [self.contact(self.flow), ("Allow", ALLOW), ("Supported", supported), *self._extra]
            extra += [*self.timer.offered(least_s), *([authorization] if authorization else [])]
            invite = self.dialog.request("INVITE", self.composer, self.flow, extra=extra, sdp=sdp)
            self._invite, self._is_heard = invite, False
            transaction = self.flow.transact(invite)
            response = await self._final(transaction)
            transaction.close()
            if response.status < 300:
                self.dialog.confirmed(response)
                self.timer.take(response)
            self.acknowledge(invite, response)
            if response.status == 422 and behaviour.raises_interval and interval_of(response, "Min-SE") > least_s:
                authorization, least_s = None, interval_of(response, "Min-SE")
                continue
            has_answered = authorization is not None and not self.line.credentials.is_stale(response)
            if response.status not in (401, 407) or has_answered or self._cancelled:
                return response
            authorization = self.line.credentials.answer(response, "INVITE", invite.uri)
            if authorization is None:
                return response

    async def _final(self, transaction: ClientTransaction) -> SipMessage:
        response = await transaction.response(self.owner.transaction_s)
        while response.status < 200:
            if not self._is_heard:
                self._is_heard = True
                if self._cancelled:
                    self._send_cancel()
            self._progress(response)
            response = await transaction.response()
        return response

    def _progress(self, response: SipMessage) -> None:
        if response.status == 100:
            return
        self.dialog.remote_tag = response.to_tag
        if response.status == self.owner.behaviour.ends_call_at:
            self.cancel()
            return
        if response.get("RSeq") and self.owner.behaviour.sends_prack:
            self.owner.spawn(self._acknowledge_reliably(response))
        self.owner.announce(f"progress {response.status}")
        if response.has_sdp:
            try:
                self.media.agree(conclude(response.body, behaviour=self.owner.behaviour))
            except Unacceptable as problem:
                log.warning("%d: %s", response.status, problem)
                return
            self.media.early = True
            self.start_media()

    async def _acknowledge_reliably(self, response: SipMessage) -> None:
        """PRACK in the early dialog (RFC 3262 section 4)."""
        self.dialog.confirmed(response)
        try:
            await self.request("PRACK", extra=[("RAck", f"{response.get('RSeq')} {response.get('CSeq')}")])
        except CallFailed as failure:
            log.warning("PRACK: %s", failure)

    def _send_cancel(self) -> None:
        invite = self._invite
        assert invite is not None
        cancel = self.composer.request(
            "CANCEL",
            invite.uri,
            self.flow,
            from_value=invite.get("From") or "",
            to_value=invite.get("To") or "",
            call_id=invite.call_id,
            cseq=invite.cseq[0],
            branch=invite.branch if self.owner.behaviour.cancels_its_invite else "",
            routes=invite.all("Route"),
        )
        self._try_send(cancel)
        self.owner.spawn(self._after_cancel())

    async def _after_cancel(self) -> None:
        """A far end that answers the CANCEL by nothing is given up in time."""
        try:
            async with asyncio.timeout(TRANSACTION_S):
                await self._finished.wait()
        except TimeoutError:
            self.end("cancelled, and no final response came")
