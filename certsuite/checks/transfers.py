"""Transfers (RFC 3515, RFC 5589): the device is handed over, and hands its far end over."""

from __future__ import annotations

import re

from certsuite.checks.call_messages import byes, final_answer, requests, responses, taken, told
from certsuite.checks.registry import Question, check
from certsuite.checks.span import SeenMessage
from certsuite.core.events import DigestChecked, DnsQuery, DriverAction
from certsuite.core.findings import Judgement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import parameter, unescaped, uri_of, user_host

_FINAL = range(200, 700)
_SUCCESS = range(200, 300)
_STATUS = re.compile(rb"\s*SIP/2\.0 +(\d{3})")
_NAMES_A_CALL = re.compile(r"[?&]replaces=([^&]*)", re.IGNORECASE)
_NO_CALL = (408, 481)
"That the call is over (RFC 3261 section 12.2.1.2)."
Replaced = tuple[str, str, str]
"Call-ID, to-tag and from-tag of a Replaces (RFC 3891 section 6.1)."


def _replaced(value: str) -> Replaced:
    return value.partition(";")[0].strip(), parameter(value, "to-tag"), parameter(value, "from-tag")


def _calls_to(question: Question, number: str) -> list[SeenMessage]:
    """INVITEs of the device to a number, but for those of the call that the question is about."""
    return [
        seen
        for seen in question.span.messages(method="INVITE")
        if seen.message.call_id != question.subject.call_id and user_host(seen.message.uri)[0].endswith(number)
    ]


def _never_referred(question: Question) -> Judgement:
    return question.unknown("not-stimulated", "no REFER was sent")


# --- the device is handed over


@check("transfer.is-followed", limits=("action_s",))
def is_followed(question: Question) -> Judgement:
    """A REFER in a call is accepted, and its target called with what it says (RFC 3515 section 2.4.2, RFC 3892)."""
    refers = requests(question, "REFER", OUT)
    if not refers:
        return _never_referred(question)
    refer, limit = refers[0], question.limits["action_s"]
    answers, calls = responses(question, "REFER", _FINAL), _calls_to(question, question.text("number"))
    if not calls and (not answers or answers[0].message.status >= 300):
        return question.failed(
            "refer-refused",
            f"{told(answers[0])} to REFER" if answers else "no response to REFER",
            "202 Accepted, and a call to the target",
            refer.evidence,
            *(seen.evidence for seen in answers[:1]),
            hint="If it cannot be transferred, take the claim out of capabilities.transferee.",
            settled=bool(answers),
            limit=limit,
        )
    if not calls:
        return question.failed(
            "transfer-not-followed",
            f"{told(answers[0])} to REFER, and no INVITE to {question.text('number')}",
            f"INVITE to {question.text('number')} through the outbound proxy",
            refer.evidence,
            answers[0].evidence,
            settled=False,
            limit=limit,
        )
    invite = calls[0]
    wanted, named = question.text("replaces"), invite.message.get("Replaces") or ""
    if wanted and _replaced(named) != _replaced(wanted):
        return question.failed(
            "transfer-without-replaces",
            f"INVITE {printable(invite.message.uri, at_most=160)} with "
            + (f"Replaces: {printable(named, at_most=160)}" if named else "no Replaces"),
            f"Replaces: {wanted}, as the Refer-To names it, and a URI without headers",
            refer.evidence,
            invite.evidence,
            hint="Without it the target rings a second time, and the call that was talked about stays up.",
        )
    said = uri_of(invite.message.get("Referred-By") or "")
    if said != uri_of(refer.message.get("Referred-By") or ""):
        return question.failed(
            "referred-by-missing",
            f"INVITE with Referred-By {printable(said, at_most=120)}" if said else "INVITE without Referred-By",
            f"Referred-By: {refer.message.get('Referred-By')}",
            refer.evidence,
            invite.evidence,
            verdict=Verdict.WARN,
            hint="Copy the header of the REFER (RFC 3892 section 2.2): the target sees by it who handed the call over.",
        )
    return question.passed(refer.evidence, invite.evidence)


def _news(question: Question) -> list[tuple[int, SeenMessage]]:
    """What the device told of a transfer: the status in each NOTIFY, 0 where none can be read."""
    told_of = [
        seen
        for seen in requests(question, "NOTIFY")
        if seen.message.to_tag
        and taken(question, seen)
        and (seen.message.get("Event") or "").partition(";")[0].strip().lower() == "refer"
    ]
    found = [(_STATUS.match(seen.message.body), seen) for seen in told_of]
    return [(int(match[1]) if match else 0, seen) for match, seen in found]


@check("transfer.is-told", limits=("action_s",))
def is_told(question: Question) -> Judgement:
    """NOTIFYs with a fragment of the response say how a transfer goes; the last ends the subscription (RFC 3515 section
    2.4.5, RFC 6665 section 4.2.2)."""
    refers, end = requests(question, "REFER", OUT), question.text("end")
    if not refers:
        return _never_referred(question)
    news = _news(question)
    finals = [(status, seen) for status, seen in news if status >= 200]
    if not finals:
        last = news[-1][1].message if news else None
        line = printable(last.body.decode("utf-8", "replace").strip(), at_most=60) if last else ""
        return question.failed(
            "transfer-not-told",
            f"the last NOTIFY says {line or 'nothing'}" if last else "no NOTIFY about the REFER",
            "NOTIFY with message/sipfrag: the final status of the new call",
            refers[0].evidence,
            *(seen.evidence for _, seen in news[-1:]),
            settled=False,
            limit=question.limits["action_s"],
        )
    status, seen = finals[0]
    if (status < 300) != (end == "success"):
        return question.failed(
            "transfer-told-wrongly",
            f"NOTIFY says {status}",
            "a status of 2xx" if end == "success" else "a status of 3xx to 6xx: the target refused",
            seen.evidence,
            hint="Who hands a call over goes by this: on a success the first call is ended.",
        )
    ends = [one for _, one in finals if _state(one).startswith("terminated")]
    if ends:
        return question.passed(refers[0].evidence, ends[0].evidence)
    return question.failed(
        "transfer-subscription-open",
        f"Subscription-State: {printable(_state(seen), at_most=60)} with the final status",
        "Subscription-State: terminated",
        seen.evidence,
        hint="The NOTIFY with the final status is the last (RFC 3515 section 2.4.7): the other side waits for more.",
        settled=False,
        limit=question.limits["action_s"],
    )


def _state(notify: SeenMessage) -> str:
    return (notify.message.get("Subscription-State") or "").strip().lower()


@check("transfer.keeps-call", limits=("action_s",))
def keeps_call(question: Question) -> Judgement:
    """A call that could not be handed over is still up: the device knows it when it is asked, and does not end it (RFC
    5589 section 6.2)."""
    asked, own = requests(question, "INVITE", OUT), requests(question, "BYE")
    if not asked:
        return question.unknown("not-stimulated", "no re-INVITE was sent in the call")
    answer = final_answer(question, asked[0])
    # Whatever else is said to the offer, the call is there.
    if answer is not None and answer.message.status not in _NO_CALL and not own:
        return question.passed(asked[0].evidence, answer.evidence)
    said = "no response" if answer is None else told(answer)
    observed = "BYE of the device" if own else f"{said} to a re-INVITE in the call"
    return question.failed(
        "failed-transfer-drops-call",
        observed,
        "the call stays up: its target refused",
        (own[0] if own else answer or asked[0]).evidence,
        settled=bool(own),
        hint="The user who wanted to hand the call over has to take it up again.",
        limit=question.limits["action_s"],
    )


@check("transfer.lets-go", limits=("response_s",))
def lets_go(question: Question) -> Judgement:
    """The call that was handed over ends: the device answers the far end's BYE with 200, or sends one itself."""
    theirs, own = requests(question, "BYE", OUT), byes(question)
    if own:
        return question.passed(own[0].evidence)
    if not theirs:
        return question.unknown("not-stimulated", "BYE was not sent")
    answers = responses(question, "BYE", _FINAL)
    if answers and answers[0].message.status < 300:
        return question.passed(theirs[0].evidence, answers[0].evidence)
    if answers:
        return question.failed("bye-refused", f"{told(answers[0])} to BYE", "200 OK", answers[0].evidence)
    return question.failed("bye-not-answered", "no answer to BYE", "200 OK", theirs[0].evidence, settled=False)


@check("transfer.stays-with-proxy", limits=("action_s",))
def stays_with_proxy(question: Question) -> Judgement:
    """A target at a foreign domain is called through the outbound proxy, or refused; it is not looked for in DNS."""
    refers, domain = requests(question, "REFER", OUT), question.text("domain")
    if not refers:
        return _never_referred(question)
    asked = [
        seen for seen in question.span.of(DnsQuery) if f".{seen.event.name}".rstrip(".").lower().endswith(f".{domain}")
    ]
    if asked:
        return question.failed(
            "goes-around-proxy",
            f"a question to DNS for {printable(asked[0].event.name, at_most=80)} ({printable(asked[0].event.type)})",
            "the INVITE goes to the outbound proxy, whatever its target",
            refers[0].evidence,
            asked[0].evidence,
            hint="Whoever transfers the device would make it connect to a host of their choice.",
        )
    refused = [seen for seen in responses(question, "REFER", _FINAL) if seen.message.status >= 300]
    failed = [seen for status, seen in _news(question) if status >= 300]
    came = [*refused, *_calls_to(question, question.text("number")), *failed]
    if came:
        return question.passed(refers[0].evidence, came[0].evidence)
    return question.failed(
        "transfer-not-followed",
        f"neither a refusal nor an INVITE to {question.text('number')} at {domain}",
        "an INVITE through the outbound proxy, or a refusal",
        refers[0].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


@check("transfer.refuses-stranger", limits=("action_s",))
def refuses_stranger(question: Question) -> Judgement:
    """A REFER outside of any call, from somebody whom the device does not know, makes it call nobody (RFC 3515 section
    5.2)."""
    refers = requests(question, "REFER", OUT)
    if not refers:
        return _never_referred(question)
    answers, calls = responses(question, "REFER", _FINAL), _calls_to(question, question.text("number"))
    if calls or (answers and answers[0].message.status < 300):
        seen = calls[0] if calls else answers[0]
        return question.failed(
            "follows-stranger",
            f"INVITE {printable(seen.message.uri, at_most=80)}" if calls else f"{told(seen)} to REFER",
            "the REFER refused",
            refers[0].evidence,
            seen.evidence,
            verdict=Verdict.WARN,
            hint="Calls cost money: ask the user, or let it be switched off.",
        )
    if answers:
        return question.passed(refers[0].evidence, answers[0].evidence)
    return question.failed(
        "refer-not-answered",
        "no response to REFER outside of a call",
        "a final response, such as 403 or 405",
        refers[0].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


# --- the device hands its far end over


@check("transfer.refers", limits=("action_s",))
def refers_rightly(question: Question) -> Judgement:
    """The device, told to, sends REFER to the right target, and answers its challenge (RFC 3515, RFC 5589 sections 6
    and 7)."""
    number, limit = question.text("number"), question.limits["action_s"]
    asked = requests(question, "REFER")
    refers = [seen for seen in asked if taken(question, seen)]
    if not refers:
        acted = [seen for seen in question.span.of(DriverAction) if seen.event.action.endswith("transfer")]
        if not acted:
            return question.unknown("not-stimulated", "the device was not told to transfer")
        return question.failed(
            "refer-never-sent",
            f"REFER of another dialog, which was answered {responses(question, 'REFER', _FINAL, OUT)[0].message.status}"
            if asked
            else "no REFER in the call that the device was told to transfer",
            f"REFER within the call, with a Refer-To of {number}",
            acted[0].evidence,
            *(seen.evidence for seen in asked[:1]),
            settled=False,
            limit=limit,
        )
    refer_to = refers[-1].message.get("Refer-To") or ""
    target = uri_of(refer_to)
    if not user_host(target)[0].endswith(number):
        return question.failed(
            "refer-wrong-target",
            f"Refer-To: {printable(refer_to, at_most=160)}",
            f"Refer-To: {number}",
            refers[-1].evidence,
        )
    if question.param("after_talking"):
        named = _NAMES_A_CALL.search(target)
        known = _calls_that_are_up(question, number)
        if named is None or _replaced(unescaped(named[1])) not in known:
            return question.failed(
                "refer-replaces-wrong",
                f"Refer-To: {printable(refer_to, at_most=200)}",
                "Replaces with the Call-ID and the tags of the call with the target, as the target knows them",
                refers[-1].evidence,
                hint="to-tag is the target's own tag, from-tag the device's (RFC 3891 section 6.1).",
            )
    accepted = responses(question, "REFER", _SUCCESS, OUT)
    if accepted:
        return question.passed(refers[-1].evidence, accepted[0].evidence)
    wrong = [seen for seen in question.span.of(DigestChecked) if seen.event.method == "REFER"]
    return question.failed(
        "refer-challenge-not-answered",
        "wrong credentials in the REFER" if wrong else "no REFER with credentials after the 407",
        "the REFER again, with the digest of the line",
        refers[-1].evidence,
        settled=False,
        limit=limit,
    )


def _calls_that_are_up(question: Question, number: str) -> list[Replaced]:
    """The device's calls to a number that were answered, as their far end knows them."""
    found = []
    for invite in _calls_to(question, number):
        answers = question.span.messages(
            method="INVITE", direction=OUT, status=_SUCCESS, call_id=invite.message.call_id
        )
        found += [(one.message.call_id, one.message.to_tag, one.message.from_tag) for one in answers]
    return found


@check("transfer.takes-news", limits=("action_s",))
def takes_news(question: Question) -> Judgement:
    """The device takes what it is told of its transfer, as long as it has the call (RFC 3515 section 2.4.4)."""
    notifies, answers = requests(question, "NOTIFY", OUT), responses(question, "NOTIFY", _FINAL)
    left = requests(question, "BYE")
    if not notifies:
        return question.unknown("not-stimulated", "no NOTIFY about the transfer was sent")
    refused = [seen for seen in answers if seen.message.status >= 300]
    if refused and (not left or refused[0].at.seq < left[0].at.seq):
        return question.failed(
            "transfer-news-refused",
            f"{told(refused[0])} to NOTIFY about the transfer",
            "200 OK",
            notifies[0].evidence,
            refused[0].evidence,
        )
    if left or len(answers) >= 2:
        return question.passed(notifies[0].evidence, (left or answers)[0].evidence)
    return question.failed(
        "transfer-news-refused",
        f"{len(answers)} of {max(len(notifies), 2)} NOTIFYs about the transfer were answered",
        "200 OK",
        notifies[-1].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


@check("transfer.ends-own-call", limits=("action_s",))
def ends_own_call(question: Question) -> Judgement:
    """The device ends the call that it handed over, by BYE (RFC 5589 section 6.1)."""
    accepted = responses(question, "REFER", _SUCCESS, OUT)
    if not accepted:
        return question.unknown("not-stimulated", "no REFER of the device was accepted")
    left = byes(question)
    if left:
        return question.passed(accepted[0].evidence, left[0].evidence)
    return question.failed(
        "transferred-call-kept",
        "no BYE after NOTIFY said that the target had answered",
        "BYE in the call that was handed over",
        accepted[0].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )
