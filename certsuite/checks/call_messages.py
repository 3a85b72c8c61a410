"""The messages of the call that a question is about."""

from __future__ import annotations

from certsuite.checks.registry import Question
from certsuite.checks.span import SeenMessage
from certsuite.core.events import DeviceExited, FlowClosed
from certsuite.core.findings import Judgement
from certsuite.core.observations import IN, OUT
from certsuite.core.redaction import printable

_FINAL = range(200, 700)
_OUTSIDE = (405, 481)


def requests(question: Question, method: str, direction: str = IN) -> list[SeenMessage]:
    """Requests of the call, in order."""
    return question.span.messages(method=method, direction=direction, call_id=question.subject.call_id)


def responses(question: Question, method: str, status: range, direction: str = IN) -> list[SeenMessage]:
    """Responses of the call to requests of a method, in order."""
    call_id = question.subject.call_id
    return question.span.messages(method=method, direction=direction, status=status, call_id=call_id)


def final_answer(question: Question, request: SeenMessage) -> SeenMessage | None:
    """The device's final response to one request of ours, by its CSeq: a 2xx to an earlier one may come again."""
    answers = responses(question, request.message.method, _FINAL)
    return next((seen for seen in answers if seen.message.cseq[0] == request.message.cseq[0]), None)


def crossed(question: Question, offer: SeenMessage, answer: SeenMessage) -> Judgement | None:
    """That an offer was refused with 491, as it had to be: one of the device's own was under way (RFC 3261 section
    14.2, RFC 3311 section 5.2). ``None`` if it was not."""
    own = [
        seen
        for method in ("INVITE", "UPDATE")
        for seen in requests(question, method)
        if seen.message.to_tag and offer.at.seq < seen.at.seq < answer.at.seq
    ]
    if answer.message.status != 491 or not own:
        return None
    return question.unknown(
        "offers-crossed", "an offer of the device's own crossed this one, which it refused with 491"
    )


def acknowledgements(question: Question, response: SeenMessage) -> list[SeenMessage]:
    """ACKs that came after a final response of ours to an INVITE, and are for it."""
    return [seen for seen in _acks_after(question, response) if not _misses(seen, response)]


def not_acknowledged(question: Question, response: SeenMessage) -> str:
    """In words, what came in place of an ACK for a final response of ours."""
    others = _acks_after(question, response)
    status = response.message.status
    return f"ACK with {_misses(others[0], response)}" if others else f"no ACK for the {status}"


def _acks_after(question: Question, response: SeenMessage) -> list[SeenMessage]:
    # One that came before is that for a challenge.
    return [seen for seen in requests(question, "ACK") if seen.at.seq > response.at.seq]


def _misses(ack: SeenMessage, response: SeenMessage) -> str:
    """By what an ACK is not for this response; empty if it is (RFC 3261 sections 13.2.2.4 and 17.1.1.3)."""
    if ack.message.cseq[0] != response.message.cseq[0]:
        return f"CSeq {ack.message.cseq[0]}"
    for header, own, theirs in (
        ("To", ack.message.to_tag, response.message.to_tag),
        ("From", ack.message.from_tag, response.message.from_tag),
    ):
        if own != theirs:
            return f"another tag in {header} than the {response.message.status}'s"
    if response.message.status >= 300 and ack.message.branch != response.message.branch:
        return "another branch than the INVITE's"
    return ""


def taken(question: Question, request: SeenMessage) -> bool:
    """Whether a request of the device was within its call: 481 says that it named another dialog or transaction, 405
    that it named none."""
    message = request.message
    answers = question.span.messages(method=message.method, direction=OUT, status=_FINAL, call_id=message.call_id)
    return not any(seen.message.status in _OUTSIDE for seen in answers if seen.message.cseq[0] == message.cseq[0])


def byes(question: Question) -> list[SeenMessage]:
    """The BYEs by which the device ended the call."""
    return [seen for seen in requests(question, "BYE") if taken(question, seen)]


def gone_after(question: Question, sent: SeenMessage) -> str:
    """How the device went away behind a message of ours, to be added to what it did not do; empty if it did not."""
    for exited in question.span.of(DeviceExited):
        status = exited.event.status
        if not exited.event.asked and exited.at.seq > sent.at.seq:
            return f", and the device's program ended {f'by signal {-status}' if status < 0 else f'with {status}'}"
    closed = [seen for seen in question.span.of(FlowClosed, flow=sent.at.flow) if seen.event.by == "device"]
    cut = any(seen.at.seq > sent.at.seq for seen in closed)
    return ", and the device ended its connection" if cut else ""


def told(seen: SeenMessage) -> str:
    """A response's status and reason, to be shown."""
    return f"{seen.message.status} {printable(seen.message.reason, at_most=60)}"
