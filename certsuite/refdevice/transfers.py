"""Transfers (RFC 3515, RFC 5589): REFERs that come, and those that the user asks for; and calls that replace others
(RFC 3891)."""

from __future__ import annotations

import logging
import re
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import quote, unquote

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.call import Call, CallFailed, State
from certsuite.refdevice.messages import SIPFRAG_TYPE, Composer, Header
from certsuite.refdevice.outgoing import OutgoingCall, dialled_uri
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage, parameter, uri_of, user_host

log = logging.getLogger("refdevice.transfers")

_EVENT = ("Event", "refer")
_STATUS = re.compile(rb"SIP/2\.0 (\d{3})")
_ANSWERED_AT_ONCE = re.compile(r"answer-after=0|alert-autoanswer", re.IGNORECASE)


class Desk(Protocol):
    """What transfers need of the phone."""

    behaviour: Behaviour

    @property
    def composer(self) -> Composer: ...

    @property
    def calls(self) -> Sequence[Call]: ...

    @property
    def first_line(self) -> LineState: ...

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> object: ...

    def another_call(self, line: LineState, flow: Flow, uri: str, extra: Iterable[Header] = ()) -> OutgoingCall:
        """A call beside those that there are, not placed yet. Raises :class:`OSError` if there is no port."""

    async def resolve(self, host: str) -> None:
        """Ask for the address of a host."""


def target_of(refer_to: str) -> tuple[str, list[Header]]:
    """(URI without headers, the Replaces that it names, if any) of a Refer-To (RFC 3261 section 19.1.5)."""
    uri, _, escaped = uri_of(refer_to).partition("?")
    pairs = [one.partition("=") for one in escaped.split("&")]
    return uri, [("Replaces", unquote(value)) for name, _, value in pairs if name.lower() == "replaces"]


def replaced_in(value: str, calls: Iterable[Call]) -> Call | None:
    """The call that a Replaces names (RFC 3891 section 3): it is up, or rings at the far end."""
    call_id = value.partition(";")[0].strip()
    for call in calls:
        dialog = call.dialog
        known = (dialog.call_id, dialog.local_tag, dialog.remote_tag)
        if known == (call_id, parameter(value, "to-tag"), parameter(value, "from-tag")):
            return call if call.state is State.ESTABLISHED or not call.incoming else None
    return None


def asks_for_answer(invite: SipMessage) -> bool:
    """Whether a call is to be answered at once, for a user who asked for it elsewhere."""
    return any(_ANSWERED_AT_ONCE.search(value) for name in ("Call-Info", "Alert-Info") for value in invite.all(name))


async def leave(call: Call) -> None:
    """End a call that is up; one that has ended meanwhile is left alone."""
    if call.state is State.ESTABLISHED:
        await call.hang_up()


class Transfers:
    """The transfers of one phone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._begun: set[str] = set()
        "Call-IDs of calls that the user handed over."

    # --- what comes

    def referred(self, flow: Flow, request: SipMessage, call: Call | None) -> None:
        """A REFER came, within a call or outside of any."""
        behaviour, composer = self._desk.behaviour, self._desk.composer
        targets = request.all("Refer-To")
        if call is None and not behaviour.follows_strangers:
            flow.send(composer.response(request, 403))
        elif len(targets) != 1:
            flow.send(composer.response(request, 400))
        elif not behaviour.takes_refer:
            flow.send(composer.response(request, 603))
        else:
            line = call.line if call is not None else self._desk.first_line
            contact = ("Contact", f"<{composer.contact_uri(line.line, flow)}>")
            flow.send(composer.response(request, 202, extra=[contact]))
            self._desk.spawn(self._follow(line, flow, request, call))

    def told(self, request: SipMessage, call: Call | None) -> bool:
        """Take a NOTIFY about a transfer of the user's; ``False`` if it is about none."""
        if call is None or call.dialog.call_id not in self._begun or not self._is_about_refer(request):
            return False
        behaviour = self._desk.behaviour
        found = _STATUS.match(request.body)
        status = int(found[1]) if found else 0
        if status >= 200:
            is_over = behaviour.ends_transferred_call if status < 300 else behaviour.ends_call_of_failed_transfer
            if is_over:
                self._desk.spawn(leave(call))
        return behaviour.takes_transfer_news

    # --- what the user does

    def transfer(self, call: Call, text: str) -> None:
        """Hand a call over to a number, without asking there. Raises :class:`CallFailed`."""
        call.must_be_established()
        self._desk.spawn(self._refer(call, f"<{dialled_uri(text, call.line.line)}>"))

    def attend(self, call: Call, text: str) -> None:
        """Hand a call over to a number after having talked to it. Raises :class:`CallFailed`."""
        call.must_be_established()
        uri = dialled_uri(text, call.line.line)
        self._desk.spawn(self._consult(call, uri))

    def bring_in(self, call: Call, text: str) -> None:
        """Call a number beside a call, and mix both. Raises :class:`CallFailed`."""
        call.must_be_established()
        self._desk.spawn(self._bring_in(call, dialled_uri(text, call.line.line)))

    async def _bring_in(self, call: Call, uri: str) -> None:
        other = await self._placed(call.line, call.flow, uri)
        if other is not None and State.ESTABLISHED is other.state is call.state:
            call.media.join(other.media)

    async def _consult(self, call: Call, uri: str) -> None:
        try:
            await call.hold()
        except CallFailed as failure:
            log.warning("hold: %s", failure)
            return
        other = await self._placed(call.line, call.flow, uri)
        if other is None or other.state is not State.ESTABLISHED:
            log.warning("transfer: the target was not reached")
            return
        dialog = other.dialog
        # Its recipient is the far end, so the tags are as seen from there (RFC 3891 section 6.1).
        tags = (dialog.remote_tag, dialog.local_tag)
        to_tag, from_tag = tags if self._desk.behaviour.names_own_call_rightly else reversed(tags)
        replaces = quote(f"{dialog.call_id};to-tag={to_tag};from-tag={from_tag}", safe="")
        await self._refer(call, f"<{uri}?Replaces={replaces}>")

    # --- inside

    async def _refer(self, call: Call, refer_to: str) -> None:
        self._begun.add(call.dialog.call_id)
        headers = [("Refer-To", refer_to), ("Referred-By", f"<{call.line.line.aor}>")]
        try:
            response = await call.request("REFER", extra=headers)
        except CallFailed as failure:
            log.warning("REFER: %s", failure)
            return
        if response.status >= 300:
            log.warning("REFER: %d %s", response.status, response.reason)

    async def _follow(self, line: LineState, flow: Flow, request: SipMessage, call: Call | None) -> None:
        behaviour = self._desk.behaviour
        uri, replaces = target_of(request.get("Refer-To") or "")
        await self._tell(call, 100)
        if not behaviour.calls_refer_target:
            return
        host = user_host(uri)[1]
        if behaviour.resolves_refer_target and host != line.line.domain:
            # It would go there itself, and there is nobody.
            await self._desk.resolve(host)
            await self._tell(call, 503)
            return
        referred_by = [("Referred-By", value) for value in request.all("Referred-By")[:1]]
        extra = referred_by if behaviour.says_who_referred else []
        other = await self._placed(line, flow, uri, [*extra, *(replaces if behaviour.keeps_replaces else [])])
        if other is not None and not behaviour.echoes_referred:
            other.media.echoes = False
        answered = other is not None and other.state is State.ESTABLISHED
        succeeded = answered or not behaviour.tells_failed_transfers
        await self._tell(call, 200 if succeeded else max(other.status if other else 0, 300))
        if call is not None and not succeeded and behaviour.drops_call_of_refused_target:
            await leave(call)

    async def _placed(self, line: LineState, flow: Flow, uri: str, extra: Iterable[Header] = ()) -> OutgoingCall | None:
        """A call beside those that there are, with what came of it; ``None`` if there is no port for its media."""
        try:
            other = self._desk.another_call(line, flow, uri, extra)
        except OSError as error:
            log.error("no port for media: %s", error)
            return None
        await other.place()
        return other

    async def _tell(self, call: Call | None, status: int) -> None:
        """NOTIFY with what has become of the REFER (RFC 3515 section 2.4.5)."""
        if call is None or call.state is State.ENDED or not self._desk.behaviour.tells_of_transfers:
            return
        state = "active;expires=60" if status < 200 else "terminated;reason=noresource"
        if status >= 200 and not self._desk.behaviour.ends_refer_subscription:
            state = "active;expires=60"
        reason = {100: "Trying", 200: "OK"}.get(status, "Failed")
        try:
            await call.request(
                "NOTIFY",
                extra=[_EVENT, ("Subscription-State", state)],
                carrying=(SIPFRAG_TYPE, f"SIP/2.0 {status} {reason}\r\n".encode()),
            )
        except CallFailed as failure:
            log.warning("NOTIFY: %s", failure)

    @staticmethod
    def _is_about_refer(request: SipMessage) -> bool:
        return (request.get("Event") or "").partition(";")[0].strip().lower() == "refer"
