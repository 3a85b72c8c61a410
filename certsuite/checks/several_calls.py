"""Calls beside others: the one that comes during another, and what a caller hears of a device that is busy."""

from __future__ import annotations

from certsuite.checks.call_messages import requests, responses, told
from certsuite.checks.registry import Question, check
from certsuite.core.findings import Judgement
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage, parameter, split_values

_RINGS = (*range(180, 200), *range(200, 300))
_BUSY = (480, 486, 600, 603)
"What says that nobody can be reached there now (RFC 3261 section 21)."


@check("call.waits", limits=("ring_s",))
def waits(question: Question) -> Judgement:
    """A call that comes during another rings if the profile claims call waiting, else it is refused as busy."""
    invites = requests(question, "INVITE", OUT)
    if not invites:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    answers = [seen for seen in responses(question, "INVITE", range(180, 700)) if seen.message.status not in (181, 182)]
    claimed = question.param("claimed")
    if not answers:
        return question.failed(
            "call-waiting-not-answered",
            "neither 180 nor a refusal",
            "180 Ringing" if claimed else "486 Busy Here",
            invites[0].evidence,
            settled=False,
            limit=question.limits["ring_s"],
        )
    place = (invites[0].evidence, answers[0].evidence)
    status = answers[0].message.status
    if status in (_RINGS if claimed else _BUSY):
        return question.passed(*place)
    if status in _RINGS:
        return question.failed(
            "call-waiting-not-claimed",
            f"{told(answers[0])} to a call that comes during another, of a device whose profile claims no call waiting",
            "capabilities.call_waiting: true in the profile, so that it is tested",
            *place,
            verdict=Verdict.WARN,
        )
    return question.failed(
        "call-waiting-refused",
        f"{told(answers[0])} to a call that comes during another",
        "180 Ringing" if claimed else "486 Busy Here: the device has no room for another call",
        *place,
    )


@check("call.mirrors-via", limits=("ring_s",))
def mirrors_via(question: Question) -> Judgement:
    """Each response has every Via of the INVITE, in its order (RFC 3261 section 8.2.6.2)."""
    invites = requests(question, "INVITE", OUT)
    answers = responses(question, "INVITE", range(101, 700))
    if not invites or not answers:
        return question.unknown("nothing-seen", "the device answered no INVITE")
    wanted = _branches(invites[0].message)
    for seen in answers:
        found = _branches(seen.message)
        if found != wanted:
            return question.failed(
                "via-lost",
                f"{told(seen)} with {len(found)} Via" + (", in another order" if len(found) == len(wanted) else ""),
                f"the {len(wanted)} of the INVITE, in their order",
                invites[0].evidence,
                seen.evidence,
                hint="A response goes back the way that its Via name: without one of them it is lost there.",
            )
    return question.passed(invites[0].evidence, answers[0].evidence)


def _branches(message: SipMessage) -> list[str]:
    """Branches of all Via, the topmost first."""
    return [parameter(via, "branch") for value in message.all("Via") for via in split_values(value)]
