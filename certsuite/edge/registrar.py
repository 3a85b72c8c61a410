"""Registrar with BroadWorks digest (RFC 3261 sections 10.3 and 22). No socket, no clock: ``now`` is an argument."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Protocol

from certsuite.core.events import BindingChanged, DigestChecked
from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account, Accounts
from certsuite.sip import digest
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse, response_to

_NONCES_KEPT = 256
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


class Registrar:
    """Challenges, checks and binds. One registrar stands behind both edges, as behind a real access SBC."""

    def __init__(self, journal: Journal, accounts: Accounts, *, granted_expiry_s: int) -> None:
        self._journal = journal
        self.accounts = accounts
        self.granted_expiry_s = granted_expiry_s
        self.bindings: dict[int, Binding] = {}
        "By line; a line has one contact."
        self._nonces: dict[str, None] = {}

    def register(self, request: SipMessage, flow: FlowName, sse: Sse, now: float) -> SipMessage:
        """Answer a REGISTER."""
        account = self.accounts.of_address(request.get("To") or "")
        if account is None:
            return response_to(request, 404, "Not Found", to_tag=sse.tag())
        refusal = self.authorize(request, flow, sse, account, header="Authorization", status=401)
        if refusal is not None:
            return refusal
        contact, asked = request.registered_contact()
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
        assessed = digest.assess(
            given,
            password=account.password,
            username=account.auth_user,
            nonces=set(self._nonces),
            method=request.method,
        )
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
        nonce = digest.nonce(secrets.token_bytes(12))
        self._nonces[nonce] = None
        while len(self._nonces) > _NONCES_KEPT:
            del self._nonces[next(iter(self._nonces))]
        name, reason = _CHALLENGES[status]
        value = digest.challenge(digest.BROADWORKS_REALM, nonce, stale=stale)
        return response_to(request, status, reason, to_tag=sse.tag(), headers=[(name, value)])

    def _listing(self, request: SipMessage, sse: Sse, account: Account) -> SipMessage:
        binding = self.bindings.get(account.line)
        contact = [("Contact", f"<{binding.contact}>;expires={binding.granted_s};q=0.5")] if binding else []
        return response_to(
            request, 200, "OK", to_tag=sse.tag(), headers=[*contact, ("Allow-Events", "call-info,line-seize,dialog")]
        )

    def _changed(self, account: Account, contact: str, granted: int, why: str, flow: str, edge: str) -> None:
        self._journal.record(
            BindingChanged(aor=account.aor, contact=contact, granted_s=granted, why=why),
            line=account.line,
            flow=flow,
            edge=edge,
            direction="in",
        )
