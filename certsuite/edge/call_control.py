"""Registrar, notifier and call control behind the edges, in the manner of the access SBC: one for all of them.

Takes every SIP message that the device sends over any flow, and routes what the harness sends to the flow that the
line is registered over (RFC 5626).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from certsuite.core.errors import BenchError
from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import Flow, OwnerOf
from certsuite.edge.media import MediaLoop
from certsuite.edge.media_stream import MediaStream
from certsuite.edge.notifier import Notifier, Package
from certsuite.edge.registrar import Registrar
from certsuite.edge.sip_edge import SipEdge
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms
from certsuite.sip.digest import credentials
from certsuite.sip.invite_forms import Edit, unedited
from certsuite.sip.message import SipMessage, user_host
from certsuite.sip.sse import ALLOW, response_to

_TIMER_M = 32.0
"Seconds in which a 2xx may be sent again: 64 times T1."


class CallControl:
    """What stands behind the edges."""

    def __init__(
        self,
        journal: Journal,
        registrar: Registrar,
        media: MediaLoop,
        *,
        owner_of: OwnerOf,
    ) -> None:
        self.journal = journal
        self.registrar = registrar
        self.notifier = Notifier(journal, registrar.accounts)
        self.edges: dict[str, SipEdge] = {}
        self.legs: dict[str, CallLeg] = {}
        "Calls by Call-ID."
        self.on_call: Callable[[CallLeg, str], None] | None = None
        "Given each call of the device with the number that it dialled."
        self._media = media
        self._owner_of = owner_of
        self._transactions: dict[tuple[str, str], Callable[[SipMessage], None]] = {}
        "What takes the responses to a request of ours, by branch and method (RFC 3261 section 17.1.3)."
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def accounts(self) -> Accounts:
        return self.registrar.accounts

    # --- what flows ask

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        return self._owner_of(remote, local, transport, said)

    def line_of(self, message: SipMessage) -> int | None:
        leg = self.legs.get(message.call_id)
        if leg is not None:
            return leg.account.line
        account = self.accounts.of_message(message)
        return account.line if account else None

    def on_closed(self, flow: Flow) -> None:
        self.registrar.flow_closed(flow.id)
        self.notifier.flow_closed(flow.id)
        for leg in [leg for leg in self.legs.values() if leg.flow is flow]:
            leg.flow_lost()

    def on_message(self, flow: Flow, message: SipMessage) -> None:
        if flow.id.startswith("x"):
            return
        if not message.is_request:
            self._on_response(message)
            return
        leg = self.legs.get(message.call_id)
        within = leg is not None and leg.dialog is not None and leg.dialog.has(message)
        if leg is not None and (within or message.method == "CANCEL"):
            leg.on_request(flow, message)
            return
        if message.to_tag and message.method not in ("REGISTER", "ACK", "SUBSCRIBE"):
            self._answer(flow, message, 481, "Call/Transaction Does Not Exist")
            return
        if leg is not None and message.method == "INVITE":
            # The same branch is a retransmission, which a reliable transport does not need; any other INVITE of the
            # call without our tag has come here twice (RFC 3261 section 8.2.2.2).
            if message.branch != leg.branch:
                self._answer(flow, message, 482, "Loop Detected")
            return
        match message.method:
            case "REGISTER":
                self._register(flow, message)
            case "INVITE":
                self._invite(flow, message)
            case "ACK":
                pass
            case "OPTIONS" | "NOTIFY" | "PUBLISH":
                self._answer(flow, message, 200, "OK")
            case "SUBSCRIBE":
                self._subscribe(flow, message)
            case "BYE" | "CANCEL":
                self._answer(flow, message, 481, "Call/Transaction Does Not Exist")
            case _:
                self._answer(flow, message, 405, "Method Not Allowed")

    # --- what the bench asks

    def call(
        self,
        line: int,
        *,
        party: str,
        caller: str,
        terms: MediaTerms = WEBEX_TERMS,
        over: Flow | None = None,
        over_s: float = 0.0,
        edit: Edit = unedited,
    ) -> CallLeg:
        """Call a line of the device down its registration's flow, or ``over`` another one of it, with the usual INVITE
        or what ``edit`` makes of it.

        ``over_s``: the INVITE is a long one, and comes in pieces over so many seconds, as over a narrow path.
        Raises :class:`BenchError` if it has none.
        """
        binding = self.registrar.bindings.get(line)
        flow = over or (self._flow(binding.flow) if binding else None)
        if binding is None or flow is None or not flow.usable:
            raise BenchError(f"line {line} is not registered, so it cannot be called")
        edge = self.edges[flow.edge]
        leg = CallLeg(self, binding.account, flow, edge.sse, self._media.open(edge.address), party=party)
        leg.invite(binding.contact, caller=caller, terms=terms, over_s=over_s, edit=edit)
        self.legs[leg.call_id] = leg
        return leg

    def hang_up_all(self) -> None:
        """End every call."""
        for leg in list(self.legs.values()):
            leg.hang_up()

    def send_request(
        self, flow: Flow, request: SipMessage, on_response: Callable[[SipMessage], None], *, over_s: float = 0.0
    ) -> None:
        if not flow.usable:
            return
        self._transactions[request.branch, request.method] = on_response
        flow.send(request, line=self.line_of(request), over_s=over_s)

    def flow_of(self, leg: CallLeg) -> Flow:
        if leg.flow.usable:
            return leg.flow
        binding = self.registrar.bindings.get(leg.account.line)
        return (self._flow(binding.flow) if binding else None) or leg.flow

    def open_stream(self, leg: CallLeg) -> MediaStream:
        return self._media.open(self.edges[leg.flow.edge].address)

    def ended(self, leg: CallLeg) -> None:
        self.legs.pop(leg.call_id, None)

    def notify(self, line: int, event: str) -> None:
        """An out-of-dialog NOTIFY, such as ``check-sync``, down the line's flow.

        A device that asks for credentials (RFC 3261 section 22.2) is given the line's own, once.
        """
        self._ask(line, "NOTIFY", [("Event", event), ("Subscription-State", "terminated")], authenticates=True)

    def tell_unsubscribed(self, line: int, package: Package) -> str:
        """A NOTIFY of a package that belongs to no subscription, down the line's flow; gives its Call-ID."""
        account = self.accounts.of_line(line)
        headers = [
            ("Event", package.name),
            ("Subscription-State", "active"),
            ("Content-Type", package.content_type),
        ]
        return self._ask(line, "NOTIFY", headers, package.body(f"{account.user}@{account.domain}", 0).encode())

    def refer(self, line: int, target: str, by: str) -> str:
        """A REFER outside of any dialog, from someone with whom the device is in no call; gives its Call-ID."""
        return self._ask(line, "REFER", [("Refer-To", f"<{target}>"), ("Referred-By", f"<{by}>")])

    def options(self, line: int) -> str:
        """An out-of-dialog OPTIONS down the line's flow (RFC 3261 section 11); gives its Call-ID."""
        return self._ask(line, "OPTIONS", [("Accept", "application/sdp")])

    def options_within(self, leg: CallLeg) -> str:
        """An OPTIONS in the dialog of a call (RFC 3261 section 11); gives its Call-ID."""
        assert leg.dialog is not None
        self.send_request(self.flow_of(leg), leg.dialog.request("OPTIONS"), lambda response: None)
        return leg.call_id

    def stop(self) -> None:
        """Stop the clock of registrar and notifier."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    # --- inside

    def _flow(self, flow_id: str) -> Flow | None:
        for edge in self.edges.values():
            if flow_id in edge.flows:
                return edge.flows[flow_id]
        return None

    def _ask(
        self,
        line: int,
        method: str,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        *,
        authenticates: bool = False,
    ) -> str:
        """Send a request outside of any dialog down the line's flow; gives its Call-ID. Raises :class:`BenchError`."""
        binding = self.registrar.bindings.get(line)
        flow = self._flow(binding.flow) if binding else None
        if binding is None or flow is None or not flow.usable:
            raise BenchError(f"line {line} is not registered, so it cannot be sent {method}")
        sse = self.edges[flow.edge].sse
        account = binding.account
        call_id, tag = sse.call_id(), sse.tag()

        def request(number: int, *more: tuple[str, str]) -> SipMessage:
            fixed = (
                ("Via", sse.via(sse.branch(number))),
                ("From", f"<sip:{account.aor}>;tag={tag}"),
                ("To", f"<sip:{account.aor}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{number} {method}"),
                ("Max-Forwards", "69"),
                *headers,
                *more,
                ("Contact", sse.contact(account.user)),
            )
            return SipMessage(method, binding.contact, headers=fixed, body=body)

        def answered(response: SipMessage) -> None:
            proof = credentials(
                response, account.auth_user, account.password, method, binding.contact, cnonce=secrets.token_hex(8)
            )
            if authenticates and proof is not None:
                self.send_request(flow, request(2, proof), lambda response: None)

        self.send_request(flow, request(1), answered)
        return call_id

    def _on_response(self, message: SipMessage) -> None:
        key = (message.branch, message.cseq[1])
        on_response = self._transactions.get(key)
        if on_response is None:
            return
        if message.status >= 200:
            # A 2xx to INVITE is sent again until its ACK comes, so its transaction lingers (RFC 6026 section 7.2).
            if message.cseq[1] == "INVITE":
                asyncio.get_running_loop().call_later(_TIMER_M, self._transactions.pop, key, None)
            else:
                del self._transactions[key]
        on_response(message)

    def _register(self, flow: Flow, request: SipMessage) -> None:
        loop = asyncio.get_running_loop()
        response = self.registrar.register(request, flow, self.edges[flow.edge].sse, loop.time())
        flow.send(response, line=self.line_of(request))
        self._arm_expiry()

    def _subscribe(self, flow: Flow, request: SipMessage) -> None:
        answer = self.notifier.subscribe(request, flow, self.edges[flow.edge].sse, asyncio.get_running_loop().time())
        flow.send(answer.response, line=self.line_of(request))
        if answer.notify is not None:
            self.send_request(flow, answer.notify, self.notifier.answered)
        self._arm_expiry()

    def _arm_expiry(self) -> None:
        """Registrar and notifier have no clock: their next expiry is kept here."""
        loop = asyncio.get_running_loop()
        self.stop()
        ends = [at for at in (self.registrar.next_expiry(), self.notifier.next_expiry()) if at is not None]
        if ends:
            self._expiry = loop.call_at(min(ends), self._expire)

    def _expire(self) -> None:
        self._expiry = None
        now = asyncio.get_running_loop().time()
        self.registrar.expire(now)
        for flow_id, notify in self.notifier.expire(now):
            if (flow := self._flow(flow_id)) is not None:
                self.send_request(flow, notify, self.notifier.answered)
        self._arm_expiry()

    def _invite(self, flow: Flow, request: SipMessage) -> None:
        account = self.accounts.of_address(request.get("From") or "")
        sse = self.edges[flow.edge].sse
        if account is None:
            self._answer(flow, request, 403, "Forbidden")
            return
        refusal = self.registrar.authorize(request, flow, sse, account, header="Proxy-Authorization", status=407)
        if refusal is not None:
            flow.send(refusal, line=account.line)
            return
        number, _, _ = user_host(request.uri)
        if self.on_call is None or not number:
            self._answer(flow, request, 404, "Not Found")
            return
        flow.send(response_to(request, 100, "Trying"), line=account.line)
        leg = self._incoming(flow, request, account, number)
        self.on_call(leg, number)

    def _incoming(self, flow: Flow, request: SipMessage, account: Account, number: str) -> CallLeg:
        edge = self.edges[flow.edge]
        leg = CallLeg(self, account, flow, edge.sse, self._media.open(edge.address), party=number)
        leg.offered(request)
        self.legs[leg.call_id] = leg
        return leg

    def _answer(self, flow: Flow, request: SipMessage, status: int, reason: str) -> None:
        sse = self.edges[flow.edge].sse
        headers = [("Allow", ALLOW)] if status in (200, 405) else []
        flow.send(response_to(request, status, reason, to_tag=sse.tag(), headers=headers), line=self.line_of(request))
