"""The phone: what it does with requests and with what its user wants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.call import Call, CallFailed, State
from certsuite.refdevice.config import Config
from certsuite.refdevice.incoming import IncomingCall
from certsuite.refdevice.messages import ALLOW, Composer, Header, options
from certsuite.refdevice.objections import objection
from certsuite.refdevice.orders import OpenPort, Orders, is_order
from certsuite.refdevice.outgoing import OutgoingCall, dialled_uri
from certsuite.refdevice.registration import Registration
from certsuite.refdevice.sdp import Unacceptable, answer
from certsuite.refdevice.subscriptions import Subscriptions
from certsuite.refdevice.tasks import Tasks
from certsuite.refdevice.transfers import Transfers, asks_for_answer, leave, replaced_in
from certsuite.refdevice.transport import Flow, FlowFailed
from certsuite.sip.message import SipMessage, uri_of, user_host

log = logging.getLogger("refdevice.phone")

_MANDATORY = ("Via", "From", "To", "Call-ID")
_CALLS_A_LINE = 2
_SHORT = 4
_ACCEPT = ("Accept", "application/sdp")


class Phone:
    """The device: its registration, the call that its user has, and others that are held, ring or are handed over."""

    def __init__(
        self,
        config: Config,
        behaviour: Behaviour,
        tasks: Tasks,
        *,
        announce: Callable[[str], None],
        resync: Callable[[], None],
        port_of: Phone | None = None,
    ) -> None:
        """``resync`` reads the configuration again. With ``port_of`` it has that one's registration.

        Raises :class:`OSError` if the trusted roots cannot be read.
        """
        self.behaviour = behaviour
        self.announce = announce
        self.call: Call | None = None
        self.others: list[Call] = []
        "Calls beside the one that the user has, the latest last."
        self._tasks = tasks
        self._resync = resync
        self._orders = Orders(lambda: (state.line for state in self.registration.bindings.states))
        self.subscriptions: Subscriptions
        self.registration: Registration
        self.transfers = Transfers(self)
        self._is_port = port_of is not None
        if port_of is not None:
            self.subscriptions, self.registration = port_of.subscriptions, port_of.registration
            return
        self.subscriptions = Subscriptions(behaviour, tasks.spawn)
        self.registration = Registration(
            config,
            behaviour,
            listener=self,
            announce=announce,
            flow_in_use=self._is_in_use,
            subscriptions=self.subscriptions,
        )

    async def open_port(self, address: str) -> None:
        """Take datagrams of anyone, if the device does such a thing. Raises :class:`OSError`."""
        if self.behaviour.listens_outside:
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(
                lambda: OpenPort(self.behaviour, self._orders, self.composer, self._resync), local_addr=(address, 0)
            )

    # --- what calls need

    @property
    def composer(self) -> Composer:
        return self.registration.composer

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.spawn(coroutine)

    async def usable_flow(self, timeout: float) -> Flow | None:
        return await self.registration.usable_flow(timeout)

    async def another_flow(self, flow: Flow) -> Flow:
        return await self.registration.another_flow(flow)

    @property
    def transaction_s(self) -> float | None:
        return self.registration.transaction_s

    @property
    def session_minimum_s(self) -> int:
        return self.registration.session_minimum_s

    def flow_failed(self, flow: Flow) -> None:
        self.registration.failed(flow)

    def call_ended(self, call: Call) -> None:
        if self.call is call:
            self.call = self.others.pop() if self.others else None
        elif call in self.others:
            self.others.remove(call)
        if self.behaviour.drops_held:
            for held in [other for other in self.calls if other.on_hold]:
                self.spawn(held.hang_up())
        # Not before what is under way has been sent: the 200 to a BYE goes over the flow that may now close.
        asyncio.get_running_loop().call_soon(self.registration.close_unused)

    def _is_in_use(self, flow: Flow) -> bool:
        return any(call.flow is flow for call in self.calls)

    @property
    def calls(self) -> list[Call]:
        """All calls, the user's first."""
        return [] if self.call is None else [self.call, *self.others]

    @property
    def first_line(self) -> LineState:
        return self.registration.bindings.states[0]

    def another_call(self, line: LineState, flow: Flow, uri: str, extra: Iterable[Header] = ()) -> OutgoingCall:
        """A call beside those that there are, not placed yet. Raises :class:`OSError` if there is no port for it."""
        call = OutgoingCall(self, line, flow, uri, extra)
        self._turn_to(call)
        return call

    async def resolve(self, host: str) -> None:
        """Ask for the address of a host."""
        await self.registration.resolve(host)

    # --- what the user does

    def dial(self, text: str, number: int = 1) -> None:
        """Place a call from a line, beside one that is held. Raises :class:`CallFailed`."""
        if self.call is not None and not (self.call.on_hold and self.behaviour.dials_beside_held):
            raise CallFailed("there is a call already")
        line = self._line(number if self.behaviour.heeds_second_line else 1)
        if line.flow is None or not line.flow.alive:
            raise CallFailed(f"line {number} is not registered")
        call = OutgoingCall(self, line, line.flow, dialled_uri(text, line.line, self.behaviour))
        self._turn_to(call)
        self.spawn(self._place(call))

    async def _place(self, call: OutgoingCall) -> None:
        if self.behaviour.waits_for_digits_s and len(user_host(call.dialog.remote_target)[0]) <= _SHORT:
            await asyncio.sleep(self.behaviour.waits_for_digits_s)
        await call.place()

    async def answer(self, number: int = 1) -> None:
        """Answer the call that rings on a line, and hold the one that is up. Raises :class:`CallFailed`."""
        call = self._ringing(number)
        if self.behaviour.holds_for_another:
            await self._hold_all_but(call)
        self._turn_to(call)
        try:
            call.answer()
        except (FlowFailed, Unacceptable) as problem:
            raise CallFailed(str(problem)) from problem

    async def swap(self) -> None:
        """Hold the call that is up, and take another back. Raises :class:`CallFailed`."""
        held = [call for call in self.others if call.on_hold]
        if not held:
            raise CallFailed("no other call is held")
        await self._hold_all_but(held[-1])
        self._turn_to(held[-1])
        await held[-1].resume()

    def reject(self) -> None:
        """Refuse the call that rings. Raises :class:`CallFailed`."""
        self._ringing().reject()

    async def hang_up(self) -> None:
        """End the call, however far it is. Raises :class:`CallFailed` if there is none."""
        await self.end(self.any_call())

    async def end(self, call: Call) -> None:
        """End a call, however far it is."""
        if isinstance(call, IncomingCall) and call.state is State.RINGING:
            call.reject()
        elif isinstance(call, OutgoingCall) and call.state is State.CALLING:
            call.cancel()
        else:
            await call.hang_up()

    def transfer(self, text: str) -> None:
        """Hand the call over. Raises :class:`CallFailed`."""
        self.transfers.transfer(self.any_call(), text)

    def attend(self, text: str) -> None:
        """Hand the call over after having talked to who gets it. Raises :class:`CallFailed`."""
        self.transfers.attend(self.any_call(), text)

    def bring_in(self, text: str) -> None:
        """Call somebody else and mix both calls. Raises :class:`CallFailed`."""
        self.transfers.bring_in(self.any_call(), text)

    def any_call(self) -> Call:
        """The call. Raises :class:`CallFailed` if there is none."""
        if self.call is None:
            raise CallFailed("there is no call")
        return self.call

    def status(self) -> str:
        """Where the device is, in one line."""
        states = self.registration.bindings.states
        registered = [state for state in states if state.flow is not None]
        where = str(registered[0].flow.target) if registered and registered[0].flow else "none"
        call = self.call.state.value if self.call else "none"
        held = ",held" if self.call is not None and self.call.on_hold else ""
        return f"registered={len(registered)}/{len(states)} target={where} call={call}{held}"

    def _line(self, number: int) -> LineState:
        for state in self.registration.bindings.states:
            if state.number == number:
                return state
        raise CallFailed(f"there is no line {number}")

    def _ringing(self, number: int = 1) -> IncomingCall:
        """The call that rings on a line, else the first that rings. Raises :class:`CallFailed` if none does."""
        self.any_call()
        calls = [*self.calls[1:], *self.calls[:1]]
        ring = [call for call in calls if isinstance(call, IncomingCall) and call.state is State.RINGING]
        if not ring:
            raise CallFailed("the call does not ring")
        return next((call for call in ring if call.line.number == number), ring[0])

    def _turn_to(self, call: Call) -> None:
        """Make a call the user's."""
        if call in self.others:
            self.others.remove(call)
        if self.call is not None and self.call is not call:
            self.others.append(self.call)
        self.call = call

    async def _hold_all_but(self, call: Call) -> None:
        for other in self.calls:
            if other is not call and other.state is State.ESTABLISHED and not other.on_hold:
                try:
                    await other.hold()
                except CallFailed as failure:
                    log.warning("hold: %s", failure)

    # --- what comes from the network

    def flow_lost(self, flow: Flow) -> None:
        self.registration.lost(flow)
        self.call_lost(flow)

    def call_lost(self, flow: Flow) -> None:
        """The flow of these calls has ended: those that are over it."""
        for call in [call for call in self.calls if call.flow is flow]:
            if not self.behaviour.keeps_call_without_flow:
                call.end("its flow was lost")
            elif isinstance(call, IncomingCall) and call.state is State.RINGING:
                call.end("its flow was lost before it was answered")

    def response_received(self, flow: Flow, response: SipMessage) -> None:
        is_answer = 200 <= response.status < 300 and response.cseq[1] == "INVITE"
        for call in self.calls:
            if is_answer and call.dialog.call_id == response.call_id:
                call.response_repeated(response)

    def request_received(self, flow: Flow, request: SipMessage) -> None:
        if request.get("Replaces"):
            # Behind what came before it: a response that made the dialog waits for its transaction's task.
            asyncio.get_running_loop().call_soon(self._take_if_it_can, flow, request)
        else:
            self._take_if_it_can(flow, request)

    def _take_if_it_can(self, flow: Flow, request: SipMessage) -> None:
        try:
            self._take(flow, request)
        except FlowFailed as failure:
            log.warning("%s: %s", request.method, failure)

    def _take(self, flow: Flow, request: SipMessage) -> None:
        if not request.get("Via"):
            log.warning("%s without Via", request.method)
            return
        is_whole = all(request.get(name) for name in _MANDATORY) and request.cseq[1] == request.method
        if not is_whole or not request.from_tag:
            if request.method != "ACK":
                self._respond(flow, request, 400)
            if self.call is not None and not self.behaviour.survives_malformed:
                self.call.end("a request could not be read")
            return
        call = self._call_of(request)
        if request.method == "CANCEL":
            rings = self._called_by(request)
            for ringing in rings:
                ringing.cancelled(flow, request)
            if not rings:
                self._respond(flow, request, 481)
        elif required := self._unknown_extensions(request):
            self._respond(flow, request, 420, ("Unsupported", ", ".join(required)))
        elif request.method == "NOTIFY":
            # One that belongs to no subscription is an order of the server's, such as check-sync.
            event = (request.get("Event") or "").partition(";")[0].strip().lower()
            known = not request.to_tag or self.subscriptions.answers(request) or self.transfers.told(request, call)
            ordered = is_order(request)
            if ordered and self.behaviour.challenges_check_sync and not self._orders.proves(request):
                self._respond(flow, request, 401, self._orders.challenge())
                return
            if request.to_tag or event != "message-summary" or self.behaviour.takes_unsolicited:
                self._respond(flow, request, 200 if known else 481)
            if ordered:
                self._resync()
        elif request.method == "INFO" and request.get("Info-Package") is not None:
            if self.behaviour.answers_unknown:
                self._respond(flow, request, 469, ("Recv-Info", ""))
        elif request.method == "OPTIONS":
            if self._is_stale(request):
                self._respond(flow, request, 500)
            elif self.behaviour.answers_options:
                self._respond(flow, request, 200, ("Allow", ALLOW), _ACCEPT)
        elif request.method == "REFER" and (call is not None or not request.to_tag):
            self.transfers.referred(flow, request, call)
        elif request.to_tag:
            self._within_dialog(flow, request, call)
        elif request.method == "INVITE":
            self._invited(flow, request)
        elif request.method == "INFO":
            self._respond(flow, request, 200)
        elif request.method in ("BYE", "UPDATE"):
            self._respond(flow, request, 481)
        elif request.method != "ACK":
            self._respond(flow, request, 501, ("Allow", ALLOW))

    def _unknown_extensions(self, request: SipMessage) -> list[str]:
        if request.method == "ACK" or not self.behaviour.heeds_require:
            return []
        known = {"100rel", "replaces", *(["timer"] if self.behaviour.knows_session_timers else [])}
        return [option for option in options(request, "Require") if option not in known]

    def _call_of(self, request: SipMessage) -> Call | None:
        return next((call for call in self.calls if call.dialog.is_of(request)), None)

    def _called_by(self, request: SipMessage) -> list[IncomingCall]:
        """Calls of the INVITE that a request has the branch of."""
        return [one for one in self.calls if isinstance(one, IncomingCall) and one.invite.branch == request.branch]

    def _within_dialog(self, flow: Flow, request: SipMessage, call: Call | None) -> None:
        if call is not None:
            if not call.flow.alive:
                call.flow = flow
            if request.method in ("INVITE", "ACK", "BYE", "UPDATE", "INFO", "PRACK"):
                call.request_received(flow, request)
            elif self.behaviour.answers_unknown:
                self._respond(flow, request, 501, ("Allow", ALLOW))
        elif request.method != "ACK":
            self._respond(flow, request, 481)

    def _is_stale(self, request: SipMessage) -> bool:
        """Whether a request in the call comes after a later one (RFC 3261 section 12.2.2)."""
        call = self._call_of(request)
        return call is not None and self.behaviour.heeds_order and request.cseq[0] <= call.dialog.remote_cseq

    def _invited(self, flow: Flow, invite: SipMessage) -> None:
        self._respond(flow, invite, 100)
        if self._called_by(invite):
            return  # the same INVITE again
        user = user_host(invite.uri)[0]
        lines = [state for state in self.registration.bindings.states if state.line.user == user]
        if not lines or (lines[0].number > 1 and not self.behaviour.heeds_second_line):
            self._respond(flow, invite, 404)
            return
        named = invite.get("Replaces") or ""
        replaced = replaced_in(named, self.calls) if self.behaviour.heeds_replaces else None
        if named and self.behaviour.heeds_replaces and replaced is None and self.behaviour.refuses_unknown_dialogs:
            self._respond(flow, invite, 481)
            return
        if replaced is None and (self._is_busy(lines[0]) or (named and not self.behaviour.heeds_replaces)):
            self._respond(flow, invite, 486)
            return
        if (status := objection(invite, self.behaviour.refused_forms)) != 0:
            self._respond(flow, invite, status)
            return
        if invite.body and not invite.has_sdp:
            self._respond(flow, invite, 415, _ACCEPT)
            return
        try:
            call = IncomingCall(self, lines[0], flow, invite)
        except OSError as error:
            log.error("no port for media: %s", error)
            self._respond(flow, invite, 500)
            return
        if call.timer.is_too_small(invite):
            call.media.close()
            self._respond(flow, invite, 422, *call.timer.least())
            return
        try:
            if invite.has_sdp:
                answer(invite.body, call.media.local(), behaviour=self.behaviour)
        except Unacceptable as problem:
            log.warning("INVITE: %s", problem)
            call.media.close()
            self._respond(flow, invite, 488)
            return
        self._turn_to(call)
        if replaced is not None:
            self._replace(replaced, call)
            return
        call.ring()
        self.announce(f"ringing {uri_of(invite.get('From') or '')}")
        if asks_for_answer(invite) and self.behaviour.answers_by_itself:
            call.answer()

    def _replace(self, replaced: Call, call: IncomingCall) -> None:
        """Take a call in the place of another (RFC 3891 section 3)."""
        call.answer()
        if not self.behaviour.ends_replaced_call:
            return
        if isinstance(replaced, OutgoingCall) and replaced.state is State.CALLING:
            replaced.cancel()
        else:
            self.spawn(leave(replaced))

    def _is_busy(self, line: LineState) -> bool:
        """Whether a line takes no other call: it has two, or there is one and the device, or its port, has room for
        that alone."""
        of_line = [call for call in self.calls if call.line is line]
        has_room = self.behaviour.waits_calls and not self._is_port
        return len(of_line) >= _CALLS_A_LINE or (bool(self.calls) and not has_room)

    def _respond(self, flow: Flow, request: SipMessage, status: int, *extra: Header) -> None:
        flow.send(self.composer.response(request, status, extra=extra))
