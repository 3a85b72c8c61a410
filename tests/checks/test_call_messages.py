from __future__ import annotations

from typing import TYPE_CHECKING

from certsuite.catalogue import load_catalogue
from certsuite.checks.call_messages import requests, responses, told
from certsuite.checks.registry import Question
from certsuite.checks.span import Span
from certsuite.core.findings import Subject
from certsuite.core.observations import OUT
from tests.checks.good_records import CALL

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def test_messages_are_those_of_the_call_in_one_direction(trace: Trace) -> None:
    own = trace.request("BYE")
    trace.request("BYE", OUT)
    trace.request("BYE", call_id="another")
    trace.answer(200, "OK", method="BYE", call_id="another")
    answer = trace.answer(481, "No \x1b[31mcall", method="BYE")
    trace.answer(200, "OK", OUT, method="BYE")
    question = Question(Span(trace.observations), Subject(call_id=CALL), load_catalogue().limits, {}, "REQ-1")
    assert [seen.at.seq for seen in requests(question, "BYE")] == [own.seq]
    found = responses(question, "BYE", range(200, 700))
    assert [seen.at.seq for seen in found] == [answer.seq]
    assert "\x1b" not in told(found[0])
    assert told(found[0]).startswith("481 No ")
    assert not responses(question, "BYE", range(200, 300))
