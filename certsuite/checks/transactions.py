"""What became of one kind of request when an edge failed: where it was sent, and where it was answered (RFC 3263
section 4.3). Built from a record alone, for checks and reports."""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.checks.outage import Outage
from certsuite.checks.span import SeenMessage, Span
from certsuite.core.events import DriverAction
from certsuite.core.observations import OUT

WITHIN_A_CALL = "re-INVITE"
TRANSACTIONS = ("REGISTER", "INVITE", WITHIN_A_CALL, "BYE", "SUBSCRIBE", "OPTIONS")
"Kinds of requests, in the order of the report. A re-INVITE is an INVITE with a tag in its To."


@dataclass(frozen=True, slots=True)
class Fate:
    """All requests of one kind between a failure and its end, and what came of them. Times are monotonic seconds."""

    began: float
    "When the device was told to act, or else when the first was sent."
    sent: tuple[SeenMessage, ...]
    answer: SeenMessage | None
    "The first 2xx."

    def next_after(self, edge: str) -> SeenMessage | None:
        """The first that was sent elsewhere than over the connection to ``edge`` that had failed, if there was one."""
        first = self.sent[0]
        if first.at.edge != edge:
            return first
        return next((one for one in self.sent if one.at.flow != first.at.flow), None)


def read_fate(span: Span, outage: Outage, transaction: str, *, call_id: str | None = None) -> Fate | None:
    """What became of the device's requests of this kind, of one call if it is named; ``None`` if it sent none."""
    method = "INVITE" if transaction == WITHIN_A_CALL else transaction
    after, until = outage.failed.at.seq, outage.until
    sent = [
        one
        for one in span.messages(method=method, call_id=call_id)
        if one.at.seq > after and one.at.t <= until and _is(transaction, one, of_a_call=call_id is not None)
    ]
    if not sent:
        return None
    asked = {(one.message.call_id, one.message.cseq[0]) for one in sent}
    answers = [
        one
        for one in span.messages(direction=OUT, method=method, status=range(200, 300), call_id=call_id)
        if one.at.seq > after and (one.message.call_id, one.message.cseq[0]) in asked
    ]
    orders = [one.at.t for one in span.of(DriverAction) if one.at.seq > after]
    first = sent[0].at.t
    return Fate(orders[0] if orders and orders[0] <= first else first, tuple(sent), answers[0] if answers else None)


def _is(transaction: str, one: SeenMessage, *, of_a_call: bool) -> bool:
    """Whether a request is of that kind. Of a call that is named its INVITEs are meant, first or not."""
    if transaction not in ("INVITE", WITHIN_A_CALL) or of_a_call:
        return True
    return bool(one.message.to_tag) == (transaction == WITHIN_A_CALL)
