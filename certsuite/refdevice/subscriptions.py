"""What the device is told of: its messages, and others' calls (RFC 6665, RFC 3842, RFC 4235)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.bindings import LineState
from certsuite.refdevice.config import Config
from certsuite.refdevice.dialog import Dialog
from certsuite.refdevice.messages import Composer, new_tag
from certsuite.refdevice.transport import Flow, FlowFailed
from certsuite.sip.message import SipMessage

log = logging.getLogger("refdevice.subscriptions")

_EXPIRES_S = 3600
_REFRESH_SHARE = 0.3
_ACCEPTED = {"message-summary": "application/simple-message-summary", "dialog": "application/dialog-info+xml"}

_Key = tuple[int, str, str, int]
"Line, package, whom it is about, and which of those subscriptions it is."


class Subscription:
    """One subscription of a line, over one flow."""

    def __init__(self, state: LineState, package: str, uri: str, flow: Flow, composer: Composer) -> None:
        tag = new_tag()
        self.package = package
        self.flow = flow
        self.stands = False
        "Whether it was granted and not ended."
        self._line = state.line
        self._composer = composer
        self._dialog = Dialog(
            line=state.line,
            call_id=secrets.token_hex(12),
            local_value=composer.from_value(state.line, tag),
            remote_value=f"<{uri}>",
            remote_target=uri,
            local_tag=tag,
            routes=[composer.route],
        )

    def is_of(self, request: SipMessage) -> bool:
        """Whether a NOTIFY is within it; it may come before the 200 (RFC 6665 section 4.4.1)."""
        return (request.call_id, request.to_tag) == (self._dialog.call_id, self._dialog.local_tag)

    def request(self, expires: int) -> SipMessage:
        """The next SUBSCRIBE."""
        extra = [
            ("Contact", f"<{self._composer.contact_uri(self._line, self.flow)}>"),
            ("Event", self.package),
            ("Expires", str(expires)),
            ("Accept", _ACCEPTED[self.package]),
        ]
        return self._dialog.request("SUBSCRIBE", self._composer, self.flow, extra=extra)

    def granted(self, response: SipMessage) -> int:
        """Take a 2xx; gives the seconds that were granted."""
        self._dialog.confirmed(response)
        self.stands = True
        return _EXPIRES_S if response.expires is None else response.expires


class Subscriptions:
    """All of the device's, made anew over each new flow of its registration."""

    def __init__(self, behaviour: Behaviour, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._behaviour = behaviour
        self._spawn = spawn
        self._held: dict[_Key, Subscription] = {}

    def registered(self, flow: Flow, states: Iterable[LineState], config: Config, composer: Composer) -> None:
        """Lines are registered over this flow: what they should be told of is subscribed to there."""
        if not self._behaviour.subscribes:
            return
        for state in states:
            if state.flow is not flow:
                continue
            wanted = [("message-summary", state.line.aor)] if config.message_waiting else []
            if state.number == 1:
                wanted += [("dialog", uri) for uri in config.monitored]
            each = range(self._behaviour.subscriptions_each)
            for package, uri, copy in [(*one, copy) for one in wanted for copy in each]:
                key = state.number, package, uri, copy
                held = self._held.get(key)
                if held is not None and (held.flow is flow or not self._behaviour.subscribes_anew):
                    continue
                self._held[key] = made = Subscription(state, package, uri, flow, composer)
                self._spawn(self._keep(key, made, config))

    def answers(self, request: SipMessage) -> bool:
        """Whether a NOTIFY is of a subscription that it wants."""
        return self._behaviour.takes_notify and any(one.is_of(request) for one in self._held.values())

    def end(self) -> None:
        """Take them back, without waiting for an answer."""
        for one in self._held.values():
            if one.stands and one.flow.alive and self._behaviour.deregisters:
                one.flow.send(one.request(0))

    async def _keep(self, key: _Key, one: Subscription, config: Config) -> None:
        """Subscribe, and refresh for as long as the flow lasts. What fails is made anew when its line registers."""
        while one.flow.alive:
            try:
                response = await self._answer(one, config.transaction_s)
            except (TimeoutError, FlowFailed) as failure:
                log.warning("%s: %s", one.package, failure or "no answer to SUBSCRIBE")
                break
            if response.status >= 300:
                log.warning("%s: %d %s", one.package, response.status, response.reason)
                break
            granted = one.granted(response)
            if not self._behaviour.refreshes_subscriptions:
                return
            await asyncio.sleep(max(granted, 1) * _REFRESH_SHARE)
        one.stands = False
        if self._held.get(key) is one and self._behaviour.subscribes_anew:
            del self._held[key]

    async def _answer(self, one: Subscription, timeout: float) -> SipMessage:
        """The final response to the next SUBSCRIBE. Raises :class:`TimeoutError` and :class:`FlowFailed`."""
        transaction = one.flow.transact(one.request(_EXPIRES_S))
        try:
            return await transaction.final(timeout)
        finally:
            transaction.close()
