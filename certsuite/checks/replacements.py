"""Calls that a server makes for a user: in the place of others, answered without a hand; and what a device says of
itself that it can do (RFC 3891, RFC 3261 sections 20.1 and 20.5)."""

from __future__ import annotations

from certsuite.checks.call_messages import requests, responses, taken, told
from certsuite.checks.call_requests import allows
from certsuite.checks.registry import Question, check
from certsuite.core.events import DriverAction, SipKeepAlive, SipMessageSeen, SubscriptionChanged
from certsuite.core.findings import Judgement
from certsuite.core.observations import IN, OUT
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import read
from certsuite.sip.session_timer import names_option

_SUCCESS = range(200, 300)
_FINAL = range(200, 700)
_RINGING_OR_FINAL = range(101, 700)
_SAYS = ("Allow", "Supported", "Allow-Events")
_HOW_TO_CLAIM = "Claim it, and it is tested; or switch it off in the device."


@check("transfer.replaces", limits=("answer_s",))
def replaces(question: Question) -> Judgement:
    """An INVITE with Replaces is answered at once, and the call that it names ends (RFC 3891 section 3)."""
    invites, limit = requests(question, "INVITE", OUT), question.limits["answer_s"]
    if not invites:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    answers = responses(question, "INVITE", _RINGING_OR_FINAL)
    accepted = [seen for seen in answers if seen.message.status in _SUCCESS]
    if not accepted:
        return question.failed(
            "replaces-ignored",
            f"{told(answers[0])} to an INVITE that replaces a call" if answers else "no response",
            "200 OK, without a hand, and the end of the call that is replaced",
            invites[0].evidence,
            *(seen.evidence for seen in answers[:1]),
            settled=any(seen.message.status in _FINAL for seen in answers),
            limit=limit,
            hint="Pick-up and attended transfers need it. In Replaces, to-tag is the device's own tag of that call.",
        )
    old = question.text("replaced")
    asked = [seen for method in ("BYE", "CANCEL") for seen in question.span.messages(method=method, call_id=old)]
    ends = [seen for seen in asked if taken(question, seen)]
    if ends:
        return question.passed(accepted[0].evidence, ends[0].evidence)
    return question.failed(
        "replaced-call-kept",
        "neither BYE nor CANCEL in the call that was replaced",
        "BYE, or CANCEL of a call that still rings",
        invites[0].evidence,
        accepted[0].evidence,
        settled=False,
        limit=limit,
    )


@check("transfer.refuses-unknown-dialog", limits=("action_s",))
def refuses_unknown_dialog(question: Question) -> Judgement:
    """An INVITE that is to replace a call that there is not is refused with 481 (RFC 3891 section 3)."""
    invites = requests(question, "INVITE", OUT)
    if not invites:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    answers = responses(question, "INVITE", _RINGING_OR_FINAL)
    if answers and answers[0].message.status == 481:
        return question.passed(invites[0].evidence, answers[0].evidence)
    return question.failed(
        "unknown-dialog-not-refused",
        f"{told(answers[0])} to an INVITE that replaces a call that there is not" if answers else "no response",
        "481 Call/Transaction Does Not Exist",
        invites[0].evidence,
        *(seen.evidence for seen in answers[:1]),
        settled=bool(answers),
        limit=question.limits["action_s"],
        hint="A pick-up that comes too late rings at this device as a call of its own.",
    )


@check("call.answers-by-itself", limits=("answer_s",))
def answers_by_itself(question: Question) -> Judgement:
    """A call that asks for it is answered without a hand by a device that ``claims`` to; at any other it rings."""
    invites, limit = requests(question, "INVITE", OUT), question.limits["answer_s"]
    if not invites:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    by_hand = [seen.at.seq for seen in question.span.of(DriverAction) if seen.event.action == "answer"]
    answers = responses(question, "INVITE", _RINGING_OR_FINAL)
    accepted = [
        seen for seen in answers if seen.message.status in _SUCCESS and seen.at.seq < min(by_hand, default=1 << 62)
    ]
    refused = [seen for seen in answers if seen.message.status >= 300]
    if accepted and question.param("claimed"):
        return question.passed(invites[0].evidence, accepted[0].evidence)
    if accepted:
        return question.failed(
            "ability-not-claimed",
            f"{told(accepted[0])} without a hand to a call that asks for it",
            "the call rings: the profile does not claim auto_answer",
            accepted[0].evidence,
            verdict=Verdict.WARN,
            hint=_HOW_TO_CLAIM,
        )
    if refused:
        return question.failed("call-refused", told(refused[0]), "180 Ringing or 200 OK", refused[0].evidence)
    if answers and not question.param("claimed"):
        return question.passed(invites[0].evidence, answers[0].evidence)
    return question.failed(
        "auto-answer-missing" if question.param("claimed") else "call-never-rings",
        f"{told(answers[0])} and no 200" if answers else "no response to the INVITE",
        "200 OK without a hand: the profile claims auto_answer" if question.param("claimed") else "180 Ringing",
        invites[0].evidence,
        settled=False,
        limit=limit,
    )


def _does(question: Question, ability: str) -> str:
    """How the device shows an ability by what it does; empty if it does not."""
    if ability == "keep_alive":
        pings = [
            seen for seen in question.span.of(SipKeepAlive) if seen.event.form == "ping" and seen.at.direction == IN
        ]
        return "CRLF keep-alives" if len(pings) > 1 else ""
    package = ability.partition(".")[2]
    granted = [seen for seen in question.span.of(SubscriptionChanged) if seen.event.granted_s > 0]
    return f"SUBSCRIBE for {package}" if any(seen.event.package == package for seen in granted) else ""


@check("call.shows-abilities", passive=True)
def shows_abilities(question: Question) -> Judgement:
    """What the device says of itself in Allow and Supported, and of ``watched`` what it does without a word, is among
    what its profile ``claimed``: the rest is untested (RFC 3261 sections 20.5 and 20.37)."""
    messages = [
        (message, seen)
        for seen in question.span.of(SipMessageSeen)
        if seen.at.direction == IN and (message := read(seen.event.raw)) is not None
    ]
    said = [seen for message, seen in messages if any(message.get(header) for header in _SAYS)]
    if not said:
        return question.unknown("nothing-seen", f"the device said none of {', '.join(_SAYS)}")
    shown = {
        "transferee": "REFER in Allow" if allows(question.span, "REFER") else "",
        "replaces": "replaces in Supported"
        if any(names_option(message, "Supported", "replaces") for message, _ in messages)
        else "",
        "shared_lines": "call-info in Allow-Events"
        if any(names_option(message, "Allow-Events", "call-info") for message, _ in messages)
        else "",
    }
    shown |= {name: _does(question, name) for name in question.params.get("watched", ())}
    unclaimed = [name for name, how in shown.items() if how and name not in question.param("claimed")]
    if not unclaimed:
        return question.passed(said[0].evidence)
    return question.failed(
        "ability-not-claimed",
        ", ".join(shown[name] for name in unclaimed),
        f"the claims {', '.join(unclaimed)} in the profile",
        said[0].evidence,
        verdict=Verdict.WARN,
        hint=_HOW_TO_CLAIM,
    )
