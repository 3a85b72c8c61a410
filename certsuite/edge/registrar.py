"""Registrar with BroadWorks digest (RFC 3261 sections 10.3 and 22). No socket, no clock: ``now`` is an argument."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from certsuite.core.events import BenchChanged, BindingChanged, DigestChecked
from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.registrar_behaviour import GOOD, ExpiryForm, Refusal, RegistrarBehaviour
from certsuite.sip import digest
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse, response_to

_NONCES_KEPT = 256
_LONGER = 20
"How many times the grant an expiry is that does not count."
_CHALLENGES = {
    401: ("WWW-Authenticate", "Unauthorized"),
    407: ("Proxy-Authenticate", "Proxy Authentication Required"),
}


class FlowName(Protocol):
    """What the registrar needs of a flow: its names."""

    @property
    def id(self) -> str: ...
    @property
    def edge(self) -> str: ...


@dataclass(slots=True)
class Binding:
    """Where a line can be reached."""

    account: Account
    contact: str
    flow: str
    edge: str
    granted_s: int
    expires_at: float
    "Monotonic seconds."
    call_id: str


@dataclass(frozen=True, slots=True)
class _Nonce:
    """A nonce that was given."""

    challenge: digest.Challenge
    is_second: bool
    "Whether it was given with the word that the one before was stale."


class Registrar:
    """Challenges, checks and binds. One registrar stands behind both edges, as behind a real access SBC."""

    def __init__(self, journal: Journal, accounts: Accounts, *, granted_expiry_s: int) -> None:
        self._journal = journal
        self.accounts = accounts
        self.granted_expiry_s = granted_expiry_s
        self.bindings: dict[int, Binding] = {}
        "By line; a line has one contact."
        self.behaviour = GOOD
        self.expiry_forms: dict[int, list[ExpiryForm]] = {}
        "By line: how its next 200s say which expiry was granted, one after the other; then in the Contact again."
        self._nonces: dict[str, _Nonce] = {}

    def behave(self, behaviour: RegistrarBehaviour) -> None:
        """Behave so from now on. Who asks in another way forgets its nonces, so that nobody goes on with an old one."""
        if behaviour.stale_once or behaviour.challenges not in (self.behaviour.challenges, GOOD.challenges):
            self._nonces.clear()
        self.behaviour = behaviour
        self.expiry_forms.clear()
        self._journal.record(BenchChanged("registrar", behaviour.name))

    def register(self, request: SipMessage, flow: FlowName, sse: Sse, now: float) -> SipMessage:
        """Answer a REGISTER."""
        return self._registered(request, flow, sse, now).with_headers(self.behaviour.headers)

    def _registered(self, request: SipMessage, flow: FlowName, sse: Sse, now: float) -> SipMessage:
        account = self.accounts.of_address(request.get("To") or "")
        if account is None:
            return response_to(request, 404, "Not Found", to_tag=sse.tag())
        refuses = self.behaviour.refuses
        refused = refuses if refuses is not None and refuses.edge in ("", flow.edge) else None
        if refused is not None and not refused.after_credentials:
            return self._refused(request, sse, refused)
        refusal = self.authorize(request, flow, sse, account, header="Authorization", status=401)
        if refusal is not None:
            return refusal
        if refused is not None:
            return self._refused(request, sse, refused)
        contact, asked = request.registered_contact()
        least = self.behaviour.least_expiry_s
        if asked is not None and 0 < asked < least:
            too_brief = [("Min-Expires", str(least))]
            return response_to(request, 423, "Interval Too Brief", to_tag=sse.tag(), headers=too_brief)
        if asked == 0:
            bound = self.bindings.get(account.line)
            # Only the contact that is named: a device may take an old one out after it has registered a new one.
            if bound is not None and contact in ("*", bound.contact):
                del self.bindings[account.line]
                self._changed(account, bound.contact, 0, "unregister", flow.id, flow.edge)
            return self._listing(request, sse, account)
        if contact == "*":
            return response_to(request, 400, "Bad Request", to_tag=sse.tag())
        if not contact:
            return self._listing(request, sse, account)
        granted = min(asked, self.granted_expiry_s) if asked is not None else self.granted_expiry_s
        self.bindings[account.line] = Binding(
            account, contact, flow.id, flow.edge, granted, now + granted, request.call_id
        )
        self._changed(account, contact, granted, "register", flow.id, flow.edge)
        return self._listing(request, sse, account)

    def authorize(
        self, request: SipMessage, flow: FlowName, sse: Sse, account: Account, *, header: str, status: int
    ) -> SipMessage | None:
        """``None`` if the request carries right credentials; else the challenge or refusal to send."""
        given = digest.parameters(request.get(header) or "")
        if not given:
            return self._challenge(request, sse, status)
        known = self._nonces.get(given.get("nonce", ""))
        assessed = digest.assess(
            given,
            password=account.password,
            username=account.auth_user,
            nonces=set(self._nonces),
            method=request.method,
            asked=known.challenge if known else self.behaviour.challenges[0],
        )
        if assessed.accepted and known is not None and self.behaviour.stale_once and not known.is_second:
            del self._nonces[given["nonce"]]
            assessed = replace(assessed, nonce_right=False, detail="the nonce is told to be stale")
        self._journal.record(
            DigestChecked(
                method=request.method,
                username=given.get("username", ""),
                realm=given.get("realm", ""),
                response_right=assessed.response_right,
                username_right=assessed.username_right,
                nonce_right=assessed.nonce_right,
                detail=assessed.detail,
            ),
            line=account.line,
            flow=flow.id,
            edge=flow.edge,
            direction="in",
        )
        if assessed.accepted:
            return None
        if not assessed.nonce_right:
            # Stale says that all but the nonce is right (RFC 2617 section 3.2.1).
            stale = assessed.response_right and assessed.username_right
            return self._challenge(request, sse, status, stale=stale)
        return response_to(request, 403, "Forbidden", to_tag=sse.tag())

    def expire(self, now: float) -> None:
        """Take out bindings that are over."""
        for line, binding in list(self.bindings.items()):
            if binding.expires_at <= now:
                del self.bindings[line]
                self._changed(binding.account, binding.contact, 0, "expired", binding.flow, binding.edge)

    def flow_closed(self, flow: str) -> None:
        """Take out bindings whose flow is gone: they can no longer be reached (RFC 5626 section 5.3)."""
        for line, binding in list(self.bindings.items()):
            if binding.flow == flow:
                del self.bindings[line]
                self._changed(binding.account, binding.contact, 0, "flow-closed", binding.flow, binding.edge)

    def next_expiry(self) -> float | None:
        """Monotonic seconds of the first binding's end."""
        return min((binding.expires_at for binding in self.bindings.values()), default=None)

    def _challenge(self, request: SipMessage, sse: Sse, status: int, *, stale: bool = False) -> SipMessage:
        name, reason = _CHALLENGES[status]
        asked = [(name, self._asked(challenge, stale)) for challenge in self.behaviour.challenges]
        return response_to(request, status, reason, to_tag=sse.tag(), headers=asked)

    def _asked(self, challenge: digest.Challenge, stale: bool) -> str:
        """The value of one challenge, with a nonce of its own."""
        nonce = digest.nonce(secrets.token_bytes(12))
        self._nonces[nonce] = _Nonce(challenge, stale)
        while len(self._nonces) > _NONCES_KEPT:
            del self._nonces[next(iter(self._nonces))]
        return challenge.value(nonce, stale=stale)

    def _refused(self, request: SipMessage, sse: Sse, refusal: Refusal) -> SipMessage:
        if refusal.status == 401:
            return self._challenge(request, sse, 401)
        after = refusal.retry_after_s
        headers = [] if after is None else [("Retry-After", str(after))]
        return response_to(request, refusal.status, refusal.reason, to_tag=sse.tag(), headers=headers)

    def _listing(self, request: SipMessage, sse: Sse, account: Account) -> SipMessage:
        binding = self.bindings.get(account.line)
        headers = [*(self._listed(binding) if binding else []), ("Allow-Events", "call-info,line-seize,dialog")]
        made = response_to(request, 200, "OK", to_tag=sse.tag(), headers=headers)
        if not self.behaviour.body:
            return made
        typed = made.with_headers([("Content-Type", self.behaviour.content_type)])
        return replace(typed, body=self.behaviour.body)

    def _listed(self, binding: Binding) -> Iterable[tuple[str, str]]:
        """Contact, and where it is told so Expires: the expiry in the next form of its line."""
        forms = self.expiry_forms.get(binding.account.line)
        granted = binding.granted_s
        match forms.pop(0) if forms else ExpiryForm.CONTACT:
            case ExpiryForm.CONTACT:
                return [("Contact", f"<{binding.contact}>;expires={granted};q=0.5")]
            case ExpiryForm.HEADER:
                return [("Contact", f"<{binding.contact}>;q=0.5"), ("Expires", str(granted))]
            case ExpiryForm.BOTH:
                longer = _LONGER * granted
                return [("Contact", f"<{binding.contact}>;expires={granted};q=0.5"), ("Expires", str(longer))]

    def _changed(self, account: Account, contact: str, granted: int, why: str, flow: str, edge: str) -> None:
        self._journal.record(
            BindingChanged(aor=account.aor, contact=contact, granted_s=granted, why=why),
            line=account.line,
            flow=flow,
            edge=edge,
            direction="in",
        )
