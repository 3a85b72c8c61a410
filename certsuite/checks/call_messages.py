"""The messages of the call that a question is about."""

from __future__ import annotations

from certsuite.checks.registry import Question
from certsuite.checks.span import SeenMessage
from certsuite.core.events import DeviceExited, FlowClosed
from certsuite.core.observations import IN, OUT
from certsuite.core.redaction import printable


def requests(question: Question, method: str, direction: str = IN) -> list[SeenMessage]:
    """Requests of the call, in order."""
    return question.span.messages(method=method, direction=direction, call_id=question.subject.call_id)


def responses(question: Question, method: str, status: range, direction: str = IN) -> list[SeenMessage]:
    """Responses of the call to requests of a method, in order."""
    call_id = question.subject.call_id
    return question.span.messages(method=method, direction=direction, status=status, call_id=call_id)


def acknowledgements(question: Question, response: SeenMessage) -> list[SeenMessage]:
    """ACKs that came after a final response of ours to an INVITE, for that INVITE by its CSeq (RFC 3261 sections
    13.2.2.4 and 17.1.1.3)."""
    number = response.message.cseq[0]
    return [
        seen for seen in requests(question, "ACK") if seen.at.seq > response.at.seq and seen.message.cseq[0] == number
    ]


def taken(question: Question, request: SeenMessage) -> bool:
    """Whether a request of the device was within the call: 481 says that it named another dialog or transaction."""
    method, number = request.message.method, request.message.cseq[0]
    refused = responses(question, method, range(481, 482), OUT)
    return not any(seen.message.cseq[0] == number for seen in refused)


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
