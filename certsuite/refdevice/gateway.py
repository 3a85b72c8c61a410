"""The gateway: a port a line, each with a call of its own, all registered over one flow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.call import Call, CallFailed, State
from certsuite.refdevice.config import Config
from certsuite.refdevice.phone import Phone
from certsuite.refdevice.tasks import Tasks
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage, user_host


class Gateway(Phone):
    """A device whose lines have calls beside each other. What belongs to no port it does itself, as a phone does."""

    def __init__(
        self,
        config: Config,
        behaviour: Behaviour,
        tasks: Tasks,
        *,
        announce: Callable[[str], None],
        resync: Callable[[], None],
    ) -> None:
        """As of a phone. Raises :class:`OSError` if the trusted roots cannot be read."""
        super().__init__(config, behaviour, tasks, announce=announce, resync=resync)
        self._ports: dict[int, Phone] = {}
        "By the number of the line; made when it has its first call."
        self._new_port = partial(Phone, config, behaviour, tasks, announce=announce, resync=resync, port_of=self)

    @property
    def calls(self) -> list[Call]:
        return [*super().calls, *(call for port in self._ports.values() for call in port.calls)]

    # --- what the user does

    def dial(self, text: str, number: int = 1) -> None:
        self._port(self._line(number).number).dial(text, number)

    async def answer(self, number: int = 1) -> None:
        ringing = self._ringing(number)
        await next(port for port in self._ports.values() if ringing in port.calls).answer(number)
        if self.behaviour.crosses_ports:
            media = [call.media for call in self.calls if call.state is State.ESTABLISHED]
            for one, other in zip(media[::2], media[1::2], strict=False):
                one.join(other)

    def transfer(self, text: str) -> None:
        self._in_call().transfer(text)

    def attend(self, text: str) -> None:
        self._in_call().attend(text)

    def bring_in(self, text: str) -> None:
        self._in_call().bring_in(text)

    def any_call(self) -> Call:
        """The call of the first port that has one. Raises :class:`CallFailed` if there is none."""
        return self._in_call().any_call()

    # --- what comes from the network

    def flow_lost(self, flow: Flow) -> None:
        super().flow_lost(flow)
        for port in list(self._ports.values()):
            port.call_lost(flow)

    def response_received(self, flow: Flow, response: SipMessage) -> None:
        port = self._of_call(response.call_id)
        if port is not None:
            port.response_received(flow, response)

    def request_received(self, flow: Flow, request: SipMessage) -> None:
        port = self._of_call(request.call_id)
        if port is None and (request.to_tag or request.method == "INVITE"):
            port = self._called(user_host(request.uri)[0], anew=not request.to_tag)
        if port is None:
            super().request_received(flow, request)
        else:
            port.request_received(flow, request)

    # --- inside

    def _in_call(self) -> Phone:
        for port in self._ports.values():
            if port.call is not None:
                return port
        raise CallFailed("there is no call")

    def _of_call(self, call_id: str) -> Phone | None:
        ports = self._ports.values()
        return next((port for port in ports if any(call.dialog.call_id == call_id for call in port.calls)), None)

    def _called(self, user: str, *, anew: bool) -> Phone | None:
        """The port of a line; one that has had no call yet is made only for what begins one (``anew``)."""
        numbers = [state.number for state in self.registration.bindings.states if state.line.user == user]
        return self._port(numbers[0]) if numbers and (anew or numbers[0] in self._ports) else None

    def _port(self, number: int) -> Phone:
        if number not in self._ports:
            self._ports[number] = self._new_port()
        return self._ports[number]
