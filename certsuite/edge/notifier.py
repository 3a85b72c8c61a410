"""Notifier of event packages (RFC 6665) behind the edges: message-summary (RFC 3842) and dialog (RFC 4235).

No socket, no clock: ``now`` is an argument, and what is to be sent is handed back. One notifier stands behind both
edges. A subscription belongs to the flow over which it was made or refreshed last, and is gone with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from xml.sax.saxutils import quoteattr

from certsuite.core.events import BenchChanged, SubscriptionChanged
from certsuite.core.journal import Journal
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.registrar import FlowName
from certsuite.sip.dialog import Dialog
from certsuite.sip.message import SipMessage, user_host
from certsuite.sip.sse import Sse, response_to

MOST_GRANTED_S = 3600
"Seconds that a subscription is granted as a rule: so long that one that a failover lost is not made up for by chance."


@dataclass(frozen=True, slots=True)
class Package:
    """An event package: what its NOTIFY holds while nothing happens."""

    name: str
    content_type: str
    body: Callable[[str, int], str]
    "Of the resource, and the number of the NOTIFY, from 0."


PACKAGES = {
    one.name: one
    for one in (
        Package(
            "message-summary",
            "application/simple-message-summary",
            lambda resource, _: (
                f"Messages-Waiting: no\r\nMessage-Account: sip:{resource}\r\nVoice-Message: 0/0 (0/0)\r\n"
            ),
        ),
        Package(
            "dialog",
            "application/dialog-info+xml",
            lambda resource, version: (
                '<?xml version="1.0"?>\r\n'
                f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
                f"entity={quoteattr(f'sip:{resource}')}/>\r\n"
            ),
        ),
    )
}
"What can be subscribed to, by the name in Event."


@dataclass(slots=True)
class Subscription:
    """What a line is told of a resource, and where."""

    account: Account
    package: Package
    event: str
    "Of the SUBSCRIBE, its id included: a NOTIFY has the same (RFC 6665 section 8.2.1)."
    resource: str
    "``user@host``."
    tag: str
    "Ours of the dialog."
    dialog: Dialog
    flow: str
    edge: str
    expires_at: float
    "Monotonic seconds."
    told: int = 0
    "How many NOTIFYs were sent."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a SUBSCRIBE comes to: its response, and the NOTIFY that follows at once (RFC 6665 section 4.2.1.2)."""

    response: SipMessage
    notify: SipMessage | None = None


class Notifier:
    """Keeps subscriptions, and says what their subscribers are told."""

    def __init__(self, journal: Journal, accounts: Accounts) -> None:
        self._journal = journal
        self._accounts = accounts
        self.subscriptions: dict[str, Subscription] = {}
        "By Call-ID."
        self.most_granted_s = MOST_GRANTED_S
        self._ever: dict[tuple[int, str, str], None] = {}

    @property
    def ever(self) -> list[list[int | str]]:
        """(line, package, resource) of everything that was ever subscribed to, for the record."""
        return [list(one) for one in self._ever]

    def grant(self, seconds: int) -> None:
        """Grant no more than this from the next SUBSCRIBE on."""
        if seconds != self.most_granted_s:
            self.most_granted_s = seconds
            self._journal.record(BenchChanged("notifier", "grants", {"expiry_s": seconds}))

    def subscribe(self, request: SipMessage, flow: FlowName, sse: Sse, now: float) -> Answer:
        """Answer a SUBSCRIBE that makes, refreshes or ends a subscription."""
        event = request.get("Event") or ""
        package = PACKAGES.get(event.partition(";")[0].strip().lower())
        if package is None:
            known = [("Allow-Events", ",".join(PACKAGES))]
            return Answer(response_to(request, 489, "Bad Event", to_tag=sse.tag(), headers=known))
        account = self._accounts.of_address(request.get("From") or "")
        if account is None:
            return Answer(response_to(request, 403, "Forbidden", to_tag=sse.tag()))
        asked = request.expires
        granted = self.most_granted_s if asked is None else min(asked, self.most_granted_s)
        if request.to_tag:
            held = self.subscriptions.get(request.call_id)
            if held is None or request.to_tag != held.tag:
                return Answer(response_to(request, 481, "Subscription Does Not Exist"))
            if not held.dialog.in_order(request):
                return Answer(response_to(request, 500, "Server Internal Error"))
            # Whoever refreshes over another flow can be reached over that one alone (RFC 5626 section 5.3).
            held.dialog.sse, held.flow, held.edge = sse, flow.id, flow.edge
            held.dialog.updated_by(request)
            why = "refresh" if granted else "unsubscribe"
        else:
            (user, host, _), tag = user_host(request.uri), sse.tag()
            held = Subscription(
                account,
                package,
                event,
                f"{user}@{host}",
                tag,
                Dialog.from_request(request, sse, tag, user),
                flow.id,
                flow.edge,
                expires_at=now,
            )
            why = "subscribe" if granted else "fetch"
        held.expires_at = now + granted
        if granted:
            self.subscriptions[request.call_id] = held
            self._ever[account.line, package.name, held.resource] = None
        else:
            self.subscriptions.pop(request.call_id, None)
        self._changed(held, granted, why)
        headers = [("Expires", str(granted)), ("Contact", sse.contact(held.dialog.local_user))]
        return Answer(
            response_to(request, 200, "OK", to_tag=held.tag, headers=headers),
            self._notify(held, f"active;expires={granted}" if granted else "terminated;reason=timeout"),
        )

    def answered(self, response: SipMessage) -> None:
        """A NOTIFY was answered: who refuses one has no subscription any more (RFC 6665 section 4.2.2)."""
        if response.status >= 300 and (held := self.subscriptions.pop(response.call_id, None)) is not None:
            self._changed(held, 0, "notify-refused")

    def expire(self, now: float) -> list[tuple[str, SipMessage]]:
        """Take out subscriptions that are over; gives the last NOTIFY of each, and its flow."""
        over = [call_id for call_id, one in self.subscriptions.items() if one.expires_at <= now]
        last = []
        for call_id in over:
            held = self.subscriptions.pop(call_id)
            self._changed(held, 0, "expired")
            last.append((held.flow, self._notify(held, "terminated;reason=timeout")))
        return last

    def flow_closed(self, flow: str) -> None:
        """Take out subscriptions whose flow is gone: nobody can be told over it any more."""
        for call_id in [call_id for call_id, one in self.subscriptions.items() if one.flow == flow]:
            self._changed(self.subscriptions.pop(call_id), 0, "flow-closed")

    def next_expiry(self) -> float | None:
        """Monotonic seconds of the first subscription's end."""
        return min((one.expires_at for one in self.subscriptions.values()), default=None)

    def _notify(self, held: Subscription, state: str) -> SipMessage:
        body = held.package.body(held.resource, held.told).encode()
        held.told += 1
        headers = [("Event", held.event), ("Subscription-State", state), ("Content-Type", held.package.content_type)]
        return replace(held.dialog.request("NOTIFY", headers=headers), body=body)

    def _changed(self, held: Subscription, granted: int, why: str) -> None:
        self._journal.record(
            SubscriptionChanged(held.package.name, held.resource, granted, held.dialog.call_id, why),
            line=held.account.line,
            flow=held.flow,
            edge=held.edge,
            direction="in",
        )
