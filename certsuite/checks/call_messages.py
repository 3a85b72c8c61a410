"""The messages of the call that a question is about."""

from __future__ import annotations

from certsuite.checks.registry import Question
from certsuite.checks.span import SeenMessage
from certsuite.core.observations import IN
from certsuite.core.redaction import printable


def requests(question: Question, method: str, direction: str = IN) -> list[SeenMessage]:
    """Requests of the call, in order."""
    return question.span.messages(method=method, direction=direction, call_id=question.subject.call_id)


def responses(question: Question, method: str, status: range, direction: str = IN) -> list[SeenMessage]:
    """Responses of the call to requests of a method, in order."""
    call_id = question.subject.call_id
    return question.span.messages(method=method, direction=direction, status=status, call_id=call_id)


def told(seen: SeenMessage) -> str:
    """A response's status and reason, to be shown."""
    return f"{seen.message.status} {printable(seen.message.reason, at_most=60)}"
