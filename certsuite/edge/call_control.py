"""Registrar and call control behind the edges, in the manner of the access SBC: one for all of them.

Takes every SIP message that the device sends over any flow, and routes what the harness sends to the flow that the
line is registered over (RFC 5626).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from certsuite.core.errors import BenchError
from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import Flow
from certsuite.edge.media import MediaLoop
from certsuite.edge.registrar import Registrar
from certsuite.edge.sip_edge import SipEdge
from certsuite.sip.message import SipMessage, user_host
from certsuite.sip.sse import ALLOW, response_to


class CallControl:
    """What stands behind the edges."""

    def __init__(
        self,
        journal: Journal,
        registrar: Registrar,
        media: MediaLoop,
        *,
        owner_of: Callable[[tuple[str, int], tuple[str, int]], str],
    ) -> None:
        self.journal = journal
        self.registrar = registrar
        self.edges: dict[str, SipEdge] = {}
        self.legs: dict[str, CallLeg] = {}
        "Calls by Call-ID."
        self.on_call: Callable[[CallLeg, str], None] | None = None
        "Given each call of the device with the number that it dialled."
        self._media = media
        self._owner_of = owner_of
        self._transactions: dict[str, Callable[[SipMessage], None]] = {}
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def accounts(self) -> Accounts:
        return self.registrar.accounts

    # --- what flows ask

    def owner_of(self, remote: tuple[str, int], local: tuple[str, int]) -> str:
        return self._owner_of(remote, local)

    def line_of(self, message: SipMessage) -> int | None:
        leg = self.legs.get(message.call_id)
        if leg is not None:
            return leg.account.line
        account = self.accounts.of_message(message)
        return account.line if account else None

    def on_closed(self, flow: Flow) -> None:
        self.registrar.flow_closed(flow.id)
        for leg in [leg for leg in self.legs.values() if leg.flow is flow]:
            leg.close()

    def on_message(self, flow: Flow, message: SipMessage) -> None:
        if not message.is_request:
            on_response = self._transactions.get(message.branch)
            if on_response is not None:
                if message.status >= 200 and message.cseq[1] != "INVITE":
                    del self._transactions[message.branch]
                on_response(message)
            return
        if flow.id.startswith("x"):
            return
        leg = self.legs.get(message.call_id)
        if leg is not None and (message.to_tag or message.method in ("CANCEL", "ACK")):
            leg.on_request(flow, message)
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
                self._answer(flow, message, 489, "Bad Event")
            case "BYE" | "CANCEL":
                self._answer(flow, message, 481, "Call/Transaction Does Not Exist")
            case _:
                self._answer(flow, message, 405, "Method Not Allowed")

    # --- what the bench asks

    def call(self, line: int, *, party: str, caller: str, srtp: bool = True) -> CallLeg:
        """Call a line of the device down its registration's flow. Raises :class:`BenchError` if it has none."""
        binding = self.registrar.bindings.get(line)
        flow = self._flow(binding.flow) if binding else None
        if binding is None or flow is None or not flow.usable:
            raise BenchError(f"line {line} is not registered, so it cannot be called")
        edge = self.edges[flow.edge]
        leg = CallLeg(self, binding.account, flow, edge.sse, self._media.open(edge.address), party=party)
        leg.invite(binding.contact, caller=caller, srtp=srtp)
        self.legs[leg.call_id] = leg
        return leg

    def hang_up_all(self) -> None:
        """End every call."""
        for leg in list(self.legs.values()):
            leg.hang_up()

    def send_request(self, flow: Flow, request: SipMessage, on_response: Callable[[SipMessage], None]) -> None:
        self._transactions[request.branch] = on_response
        flow.send(request, line=self.line_of(request))

    def flow_of(self, leg: CallLeg) -> Flow:
        if leg.flow.usable:
            return leg.flow
        binding = self.registrar.bindings.get(leg.account.line)
        return (self._flow(binding.flow) if binding else None) or leg.flow

    def ended(self, leg: CallLeg) -> None:
        self.legs.pop(leg.call_id, None)

    def notify(self, line: int, event: str) -> None:
        """An out-of-dialog NOTIFY, such as ``check-sync``, down the line's flow."""
        binding = self.registrar.bindings.get(line)
        flow = self._flow(binding.flow) if binding else None
        if binding is None or flow is None:
            raise BenchError(f"line {line} is not registered, so it cannot be notified")
        sse = self.edges[flow.edge].sse
        account = binding.account
        headers = (
            ("Via", sse.via(sse.branch(1))),
            ("From", f"<sip:{account.aor}>;tag={sse.tag()}"),
            ("To", f"<sip:{account.aor}>"),
            ("Call-ID", sse.call_id()),
            ("CSeq", "1 NOTIFY"),
            ("Max-Forwards", "69"),
            ("Event", event),
            ("Subscription-State", "terminated"),
        )
        self.send_request(flow, SipMessage("NOTIFY", binding.contact, headers=headers), lambda response: None)

    def stop(self) -> None:
        """Stop the registrar's clock."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    # --- inside

    def _flow(self, flow_id: str) -> Flow | None:
        for edge in self.edges.values():
            if flow_id in edge.flows:
                return edge.flows[flow_id]
        return None

    def _register(self, flow: Flow, request: SipMessage) -> None:
        loop = asyncio.get_running_loop()
        response = self.registrar.register(request, flow, self.edges[flow.edge].sse, loop.time())
        flow.send(response, line=self.line_of(request))
        self._arm_expiry()

    def _arm_expiry(self) -> None:
        """The registrar has no clock: its next expiry is kept here."""
        loop = asyncio.get_running_loop()
        self.stop()
        at = self.registrar.next_expiry()
        if at is not None:
            self._expiry = loop.call_at(at, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        self.registrar.expire(asyncio.get_running_loop().time())
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
