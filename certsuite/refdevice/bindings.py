"""The lines and their bindings: REGISTER over one flow, its challenge, what is granted (RFC 3261 section 10)."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from certsuite.refdevice.behaviour import COMPLIANT, Behaviour
from certsuite.refdevice.config import Config, Line
from certsuite.refdevice.digest import Credentials
from certsuite.refdevice.messages import ALLOW, Composer, Header, new_tag
from certsuite.refdevice.transport import Flow, FlowFailed
from certsuite.sip.message import SipMessage, canonical, parameter, uri_of, user_host

log = logging.getLogger("refdevice.bindings")

_BACK_OFF, _BACK_OFF_LIMIT = 1.25, 5.0
_REJECTED = 25.0
"How much longer it waits when its credentials are refused: the next try will hardly do better."
_HAMMERING_S = 0.05
_KNOWN_HEADERS = frozenset(
    {"via", "from", "to", "call-id", "cseq", "contact", "expires", "allow-events", "content-type", "content-length"}
)
_ROUNDS = 5
_ONE_CONTACT = re.compile(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+')


class TargetFailed(Exception):
    """The target does not serve: no answer, 503, or the flow is gone. The next one is to be tried."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        "Seconds for which the target asks to be left alone."


@dataclass(slots=True)
class LineState:
    """A line and its binding."""

    number: int
    line: Line
    credentials: Credentials
    call_id: str = field(default_factory=lambda: secrets.token_hex(12))
    tag: str = field(default_factory=new_tag)
    cseq: int = field(default_factory=lambda: random.randrange(1, 1000))
    flow: Flow | None = None
    "The flow over which it is registered."
    due: float = 0.0
    "When to register next, on the monotonic clock."
    failures: int = 0


def retry_after(retry_s: float, failures: int) -> float:
    """Seconds until the next try after so many failures in a row: a little longer each time, within a limit."""
    return retry_s * min(_BACK_OFF ** min(failures - 1, 100), _BACK_OFF_LIMIT)


def granted_expiry(response: SipMessage, contact: str, asked: int, behaviour: Behaviour = COMPLIANT) -> int:
    """Seconds granted to the binding of ``contact``: others of the same AoR may be listed beside it."""
    header = response.get("Expires") or "" if behaviour.reads_expires_header else ""
    if header.isdecimal() and behaviour.prefers_expires_header:
        return int(header)
    own = user_host(contact)
    for value in response.all("Contact"):
        for one in _ONE_CONTACT.findall(value):
            expires = parameter(one.rpartition(">")[2] or one, "expires")
            if user_host(uri_of(one)) == own and expires.isdecimal():
                return int(expires)
    return int(header) if header.isdecimal() else asked


class Bindings:
    """All lines of the device."""

    def __init__(
        self, config: Config, behaviour: Behaviour, composer: Composer, announce: Callable[[str], None]
    ) -> None:
        self._behaviour = behaviour
        self._announce = announce
        self.states: list[LineState] = []
        self.configure(config, composer)

    def configure(self, config: Config, composer: Composer) -> bool:
        """Take a configuration; true if it has other lines than before, which then are registered nowhere."""
        self._config = config
        self._composer = composer
        lines = [
            line for line in config.lines[: self._behaviour.lines_used] for _ in range(self._behaviour.ports_a_line)
        ]
        others = [state.line.aor for state in self.states] != [line.aor for line in lines]
        if others:
            self.states = [LineState(n, line, self._credentials(line)) for n, line in enumerate(lines, 1)]
            if not self._behaviour.own_call_ids:
                for state in self.states:
                    state.call_id = self.states[0].call_id
        for state, line in zip(self.states, lines, strict=True):
            if (state.line.auth_user, state.line.password) != (line.auth_user, line.password):
                if not self._behaviour.takes_new_password:
                    continue
                state.credentials = self._credentials(line)
                log.info("line %d has new credentials", state.number)
            state.line = line
        return others

    def due(self) -> float:
        """When the next line is to be registered, on the monotonic clock."""
        return min(state.due for state in self.states)

    async def register(self, flow: Flow, states: Iterable[LineState], *, announced: bool = False) -> None:
        """Register lines over a flow. Raises :class:`TargetFailed`.

        A line that is rejected is tried again later; that alone is no reason to leave the target. ``announced``
        announces also those that were registered there before.
        """
        first, *others = states
        await self._register(flow, first, announced)  # alone, so that a target that does not serve gets one REGISTER
        spacing_s = self._config.line_spacing_s if self._behaviour.spaces_lines else 0.0
        results = await asyncio.gather(
            *(self._register(flow, state, announced, n * spacing_s) for n, state in enumerate(others, 1)),
            return_exceptions=True,
        )
        for result in results:
            if result is not None:
                raise result

    async def deregister(self, flow: Flow) -> None:
        """Take the bindings of a flow back. Raises :class:`TargetFailed`."""
        bound = [state for state in self.states if state.flow is flow]
        await asyncio.gather(*(self._transact(flow, state, 0) for state in bound))
        self.left(flow)

    def left(self, flow: Flow) -> None:
        """What was registered over this flow no longer is."""
        for state in self.states:
            if state.flow is flow:
                state.flow = None
                state.due = 0.0
                self._announce(f"unregistered {state.number}")

    def _credentials(self, line: Line) -> Credentials:
        line = line if self._behaviour.own_credentials else self._config.lines[0]
        username = line.user if self._behaviour.auth_user_is_aor_user else line.auth_user
        password = line.password.translate({ord(sign): None for sign in self._behaviour.password_drops})
        password = password[: self._behaviour.password_at_most]
        realm = line.domain if self._behaviour.pins_realm else ""
        password += "x" if self._behaviour.wrong_digest else ""
        return Credentials(username, password, realm=realm, behaviour=self._behaviour)

    async def _register(self, flow: Flow, state: LineState, announced: bool, after_s: float = 0.0) -> None:
        await asyncio.sleep(after_s)
        response = await self._transact(flow, state, self._config.expires)
        now = time.monotonic()
        if response.status in self._behaviour.moves_on_at:
            wait = re.match(r"\d+", response.get("Retry-After") or "")
            raise TargetFailed(str(response.status), float(wait.group()) if wait else 0.0)
        if response.status >= 300:
            state.failures += 1
            state.due = now + self._pause(response.status, state.failures)
            log.warning("line %d: %d %s", state.number, response.status, response.reason)
            if state.flow is flow:
                state.flow = None
                self._announce(f"unregistered {state.number}")
            return
        self._look_at(flow, response)
        contact = self._composer.contact_uri(state.line, flow)
        granted = granted_expiry(response, contact, self._config.expires, self._behaviour)
        if not self._behaviour.heeds_granted_expiry:
            granted = self._config.expires
        state.failures = 0
        share = self._behaviour.refresh_share
        state.due = now + max(granted, 1) * share if self._behaviour.refreshes else math.inf
        log.info("line %d: registered at %s for %d s", state.number, flow.target, granted)
        before, state.flow = state.flow, flow
        if announced or before is not flow:
            self._announce(f"registered {state.number} {flow.target}")

    def _pause(self, status: int, failures: int) -> float:
        """Seconds until a line that was rejected is tried again."""
        if status == self._behaviour.hammers_on:
            return _HAMMERING_S
        refused = _REJECTED if status in (401, 403, 407) else 1.0
        return refused * retry_after(self._config.retry_s, failures)

    def _look_at(self, flow: Flow, response: SipMessage) -> None:
        """A faulty device gives its flow up on a 200 with what it does not know. Raises :class:`TargetFailed`."""
        unknown = any(canonical(name) not in _KNOWN_HEADERS for name, _ in response.headers)
        if (unknown and not self._behaviour.takes_unknown_headers) or (
            response.body and not self._behaviour.takes_bodies
        ):
            flow.close()
            raise TargetFailed("a 200 that is not understood")

    async def _transact(self, flow: Flow, state: LineState, expires: int) -> SipMessage:
        """Send REGISTER and answer what is asked for; gives the final response. Raises :class:`TargetFailed`."""
        if self._behaviour.logs_password:
            log.info("line %d: registering with %s", state.number, state.line.password)
        registrar = self._config.outbound_proxy if self._behaviour.register_names_proxy else state.line.domain
        uri = f"sip:{registrar}"
        authorization = state.credentials.again("REGISTER", uri)
        has_answered = False
        for _ in range(_ROUNDS):
            response = await self._send(flow, state, uri, expires, authorization)
            least = response.get("Min-Expires") or ""
            if response.status in (401, 407):
                if has_answered and not state.credentials.is_stale(response):
                    break
                authorization = state.credentials.answer(response, "REGISTER", uri)
                has_answered = True
                if authorization is None:
                    break
            elif response.status == 423 and self._goes_on(least, expires):
                expires = int(least) if self._behaviour.heeds_min_expires else expires
            else:
                break
        return response

    def _goes_on(self, least: str, expires: int) -> bool:
        """Whether a 423 is a reason to ask for more."""
        return self._behaviour.goes_on_after_423 and least.isdecimal() and int(least) > expires > 0

    async def _send(
        self, flow: Flow, state: LineState, uri: str, expires: int, authorization: Header | None
    ) -> SipMessage:
        state.cseq += 1
        request = self._composer.request(
            "REGISTER",
            uri,
            flow,
            from_value=self._composer.from_value(state.line, state.tag),
            to_value=f"<{state.line.aor}>",
            call_id=state.call_id,
            cseq=state.cseq,
            routes=[self._composer.route],
            extra=[
                ("Contact", f"<{self._composer.contact_uri(state.line, flow)}>"),
                ("Expires", str(expires)),
                ("Allow", ALLOW),
                *([authorization] if authorization else []),
                *([("X-Password", state.line.password)] if self._behaviour.sends_password else []),
            ],
        )
        try:
            transaction = flow.transact(request)
            try:
                return await transaction.final(
                    self._config.transaction_s if self._behaviour.gives_up_requests else None
                )
            finally:
                transaction.close()
        except TimeoutError as error:
            raise TargetFailed("no answer to REGISTER") from error
        except FlowFailed as error:
            raise TargetFailed(str(error)) from error
