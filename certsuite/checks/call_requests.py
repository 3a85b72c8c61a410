"""Requests within a call, forms of an INVITE, and numbers dialled: what the device says to them."""

from __future__ import annotations

from certsuite.checks.call_messages import crossed, final_answer, gone_after, requests, responses, taken, told
from certsuite.checks.calls import refused_otherwise
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Span
from certsuite.core.events import DriverAction, SipMessageSeen
from certsuite.core.findings import Judgement
from certsuite.core.observations import IN, OUT
from certsuite.core.redaction import printable
from certsuite.sip.message import SipMessage, display_name, read, split_values, tag_of, unescaped, uri_of, user_host
from certsuite.sip.session_timer import names_option

_FINAL = range(200, 700)
_HINTS = {
    "broken-by-malformed-requests": "Before it came four INFO: with a line without a colon, without CSeq, without a "
    "branch in Via, and with a broken multipart body. The device's log says which one it stumbled over.",
    "cseq-order-ignored": "A CSeq number below that of the last request is of one that comes late: taken as new, an "
    "old re-INVITE puts a call on hold for good.",
    "request-not-understood": "A request that the device has no use for wants an answer all the same: Webex sends INFO "
    "that nobody asked for.",
}
"What to do about findings of :func:`answers_request`, where the finding alone does not say it."
_PROVISIONAL = range(101, 200)


def allows(span: Span, method: str) -> bool:
    """Whether a message of the device named a method in ``Allow``."""
    return any(
        method == one.strip().upper()
        for seen in span.of(SipMessageSeen)
        if seen.at.direction == IN and (message := read(seen.event.raw)) is not None
        for value in message.all("Allow")
        for one in split_values(value)
    )


@check("call.answers-request", limits=("action_s",))
def answers_request(question: Question) -> Judgement:
    """A request within the call gets a final response of those ``allowed`` (RFC 3261 sections 8.2 and 12.2.2)."""
    method, number = question.text("method"), question.param("cseq")
    asked = [seen for seen in requests(question, method, OUT) if seen.message.cseq[0] == number]
    if not asked:
        return question.unknown("not-stimulated", f"{method} was not sent")
    answers = [seen for seen in responses(question, method, _FINAL) if seen.message.cseq[0] == number]
    if not answers:
        return question.failed(
            question.text("finding"),
            f"no response to {printable(method)}{gone_after(question, asked[0])}",
            question.text("expected"),
            asked[0].evidence,
            hint=_HINTS.get(question.text("finding"), ""),
            settled=False,
            limit=question.limits["action_s"],
        )
    if answers[0].message.status in question.param("allowed"):
        return question.passed(asked[0].evidence, answers[0].evidence)
    return question.failed(
        question.text("finding"),
        f"{told(answers[0])} to {printable(method)}",
        question.text("expected"),
        asked[0].evidence,
        answers[0].evidence,
        hint=_HINTS.get(question.text("finding"), ""),
    )


@check("call.takes-refresh", limits=("action_s",))
def takes_refresh(question: Question) -> Judgement:
    """The session, offered again as it is, is agreed to again (RFC 3264 section 8, RFC 4028 section 7.4)."""
    method = question.text("method")
    asked = requests(question, method, OUT)
    if not asked:
        return question.unknown("not-stimulated", f"{method} was not sent")
    answer = final_answer(question, asked[0])
    if answer is None:
        return question.failed(
            "session-refresh-refused",
            f"no final response to {printable(method)}",
            "200 with an SDP answer",
            asked[0].evidence,
            settled=False,
            limit=question.limits["action_s"],
        )
    if answer.message.status < 300 and answer.message.has_sdp:
        return question.passed(asked[0].evidence, answer.evidence)
    if (glare := crossed(question, asked[0], answer)) is not None:
        return glare
    return question.failed(
        "session-refresh-refused",
        f"{told(answer)}{'' if answer.message.status >= 300 else ' without SDP'}",
        "200 with an SDP answer",
        asked[0].evidence,
        answer.evidence,
        hint="Nothing changes by this offer: the access SBC asks whether the call is still there.",
    )


@check("call.refuses-crossing-offer", limits=("action_s",))
def refuses_crossing_offer(question: Question) -> Judgement:
    """A re-INVITE that crosses the device's own is refused with 491 (RFC 3261 section 14.2)."""
    own = [seen for seen in requests(question, "INVITE") if seen.message.to_tag]
    theirs = [seen for seen in requests(question, "INVITE", OUT) if seen.message.to_tag]
    if not own or not theirs or theirs[0].at.seq < own[0].at.seq:
        return question.unknown("not-stimulated", "no offer crossed one of the device")
    number = theirs[0].message.cseq[0]
    answers = [seen for seen in responses(question, "INVITE", _FINAL) if seen.message.cseq[0] == number]
    if answers and answers[0].message.status == 491:
        return question.passed(own[0].evidence, answers[0].evidence)
    return question.failed(
        "crossing-offer-not-refused",
        f"{told(answers[0])}" if answers else "no final response to the re-INVITE that crossed the device's own",
        "491 Request Pending",
        own[0].evidence,
        theirs[0].evidence,
        settled=bool(answers),
        limit=question.limits["action_s"],
    )


@check("call.mirrors-caller", limits=("action_s",))
def mirrors_caller(question: Question) -> Judgement:
    """From of each response is that of the INVITE, to the letter of URI, name and tag (RFC 3261 section 8.2.6.2)."""
    invites = requests(question, "INVITE", OUT)
    answers = responses(question, "INVITE", range(100, 700))
    if not invites or not answers:
        return question.unknown("nothing-seen", "the device answered no INVITE")
    expected = _caller(invites[0].message)
    for seen in answers:
        if _caller(seen.message) != expected:
            return question.failed(
                "caller-changed",
                f"From: {printable(seen.message.get('From') or '', at_most=120)}",
                f"From: {printable(invites[0].message.get('From') or '', at_most=120)}",
                seen.evidence,
            )
    return question.passed(invites[0].evidence, answers[0].evidence)


def _caller(message: SipMessage) -> tuple[str, str, str]:
    """Name, URI and tag of From. A name means the same with quotes and without (RFC 3261 section 25.1)."""
    address = message.get("From") or ""
    name = display_name(address)
    return name, uri_of(address), tag_of(address)


@check("call.heeds-100rel", limits=("action_s",))
def heeds_100rel(question: Question) -> Judgement:
    """An INVITE that requires 100rel gets reliable provisional responses, or 420 (RFC 3262 section 3)."""
    invites = requests(question, "INVITE", OUT)
    if not invites:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    failed = responses(question, "INVITE", range(300, 700))
    refused = [seen for seen in failed if seen.message.status == 420]
    if refused:
        return question.passed(invites[0].evidence, refused[0].evidence)
    seen = [*responses(question, "INVITE", _PROVISIONAL), *responses(question, "INVITE", range(200, 300))]
    if not seen and failed:
        # RFC 3261 section 8.2.2.3 has 420 for what is not understood.
        otherwise = refused_otherwise(question, failed[0], "reliable responses")
        return otherwise or question.failed(
            "required-100rel-ignored",
            f"{told(failed[0])} to an INVITE that requires 100rel",
            "a reliable 18x, or 420 Bad Extension",
            invites[0].evidence,
            failed[0].evidence,
        )
    if not seen:
        return question.unknown("nothing-seen", "the device neither rang nor refused the call")
    first = seen[0]
    if first.message.status < 200 and names_option(first.message, "Require", "100rel") and first.message.get("RSeq"):
        return question.passed(invites[0].evidence, first.evidence)
    return question.failed(
        "required-100rel-ignored",
        f"{told(first)} without RSeq to an INVITE that requires 100rel",
        "a reliable 18x, or 420 Bad Extension",
        invites[0].evidence,
        first.evidence,
        hint="Without 100rel the answer is 420 with Unsupported: 100rel; the caller then calls without it.",
    )


@check("call.rings-plainly", limits=("ring_s",))
def rings_plainly(question: Question) -> Judgement:
    """Provisional responses are reliable only where the INVITE names 100rel (RFC 3262 section 3)."""
    invites = requests(question, "INVITE", OUT)
    rung = responses(question, "INVITE", _PROVISIONAL)
    if not invites or not rung:
        return question.unknown("nothing-seen", "the device did not ring")
    if any(names_option(invites[0].message, header, "100rel") for header in ("Supported", "Require")):
        return question.unknown("not-stimulated", "the INVITE allows reliable responses")
    for seen in rung:
        if names_option(seen.message, "Require", "100rel") or seen.message.get("RSeq"):
            return question.failed(
                "reliable-response-unasked",
                f"{told(seen)} with {'RSeq' if seen.message.get('RSeq') else 'Require: 100rel'}",
                "a plain one: the INVITE does not name 100rel",
                invites[0].evidence,
                seen.evidence,
            )
    return question.passed(invites[0].evidence, rung[0].evidence)


@check("call.repeats-reliably", limits=("action_s",))
def repeats_reliably(question: Question) -> Judgement:
    """A reliable response for which no PRACK comes is sent again (RFC 3262 section 3)."""
    rung = [seen for seen in responses(question, "INVITE", _PROVISIONAL) if seen.message.get("RSeq")]
    if not rung:
        return question.unknown("not-stimulated", "the device did not ring reliably")
    same = [seen for seen in rung if seen.message.get("RSeq") == rung[0].message.get("RSeq")]
    if len(same) > 1:
        return question.passed(same[0].evidence, same[1].evidence)
    if any(seen.at.seq > rung[0].at.seq for seen in requests(question, "PRACK", OUT)):
        return question.unknown("not-stimulated", "the PRACK was not held back")
    return question.failed(
        "reliable-response-not-repeated",
        f"{told(rung[0])} once, and no PRACK came for it",
        "the same again, after half a second at first",
        rung[0].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


@check("call.takes-prack", limits=("action_s",))
def takes_prack(question: Question) -> Judgement:
    """The PRACK for a reliable response of the device's is answered with 2xx (RFC 3262 section 3)."""
    pracks = requests(question, "PRACK", OUT)
    if not pracks:
        return question.unknown("not-stimulated", "PRACK was not sent")
    answers = [seen for seen in responses(question, "PRACK", _FINAL) if seen.at.seq > pracks[0].at.seq]
    if answers and answers[0].message.status < 300:
        return question.passed(pracks[0].evidence, answers[0].evidence)
    return question.failed(
        "prack-refused",
        f"{told(answers[0])} to PRACK" if answers else "no final response to PRACK",
        "200 OK",
        pracks[0].evidence,
        *(seen.evidence for seen in answers[:1]),
        settled=bool(answers),
        limit=question.limits["action_s"],
    )


@check("call.sends-prack", limits=("action_s",))
def sends_prack(question: Question) -> Judgement:
    """A reliable provisional response to the device's INVITE gets its PRACK (RFC 3262 section 4)."""
    reliable = [seen for seen in responses(question, "INVITE", _PROVISIONAL, OUT) if seen.message.get("RSeq")]
    if not reliable:
        return question.unknown("not-stimulated", "no reliable provisional response was sent")
    message = reliable[0].message
    wanted = [message.get("RSeq"), *(message.get("CSeq") or "").split()]
    pracks = requests(question, "PRACK")
    named = [seen for seen in pracks if (seen.message.get("RAck") or "").split() == wanted]
    right = [seen for seen in named if taken(question, seen)]
    if right:
        return question.passed(reliable[0].evidence, right[0].evidence)
    observed = f"PRACK with RAck {printable(pracks[0].message.get('RAck') or '', at_most=60)}" if pracks else "no PRACK"
    if named:
        observed = "PRACK of another dialog"
    return question.failed(
        "prack-missing",
        observed,
        f"PRACK with RAck {' '.join(map(str, wanted))}",
        reliable[0].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


@check("call.dials-exactly", limits=("invite_s", "emergency_s"))
def dials_exactly(question: Question) -> Judgement:
    """A number of a dial plan's own goes out as it was dialled, with nothing before or behind it (CALL-DIAL-PLAN), and
    with ``at_once`` as soon as it was (CALL-EMERGENCY)."""
    number = question.text("number")
    invites = [seen for seen in question.span.messages(method="INVITE") if not seen.message.to_tag]
    told_to = [seen for seen in question.span.of(DriverAction) if seen.event.action == "dial"]
    if not invites:
        if not told_to:
            return question.unknown("not-stimulated", "the device was not told to dial")
        return question.failed(
            "call-never-placed",
            "no INVITE after the device was told to dial",
            f"INVITE to {number}",
            settled=False,
            limit=question.limits["invite_s"],
        )
    user = unescaped(user_host(invites[0].message.uri)[0])
    if user == number and question.params.get("at_once"):
        if not told_to:
            return question.unknown("not-stimulated", "when the device was told to dial is not known")
        return question.timed(
            "emergency_delay",
            max(invites[0].at.t - (told_to[0].at.t - told_to[0].event.took_s), 0.0),
            question.limits["emergency_s"],
            "emergency-late",
            "the INVITE came after",
            invites[0].evidence,
            hint="An emergency number is complete as it is: the dial plan must not wait for more digits.",
        )
    if user == number:
        return question.passed(invites[0].evidence)
    return question.failed(
        "dialled-number-changed",
        f"INVITE to {printable(invites[0].message.uri, at_most=80)}",
        f"INVITE to {number}, as it was dialled",
        invites[0].evidence,
        hint="Look at the device's dial plan. Webex has its own, and takes what the user dialled.",
    )
