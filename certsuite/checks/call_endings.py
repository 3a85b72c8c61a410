"""How calls end before they are answered, and as they are: refused, given up, crossed (RFC 3261 sections 9, 13, 15)."""

from __future__ import annotations

from certsuite.checks.call_messages import acknowledgements, byes, not_acknowledged, requests, responses, taken, told
from certsuite.checks.registry import Question, check
from certsuite.core.findings import Judgement
from certsuite.core.observations import OUT

_FINAL = range(200, 700)
_SUCCESS = range(200, 300)
_FAILURE = range(300, 700)
_CHALLENGES = (401, 407)
_REJECTIONS = (480, 486, 600, 603)
"Not now, busy here, busy everywhere, declined: what a user's refusal is (RFC 3261 section 21)."
_NO_TRANSACTION = 481
_TERMINATED = 487


@check("call.is-given-up", limits=("action_s",))
def is_given_up(question: Question) -> Judgement:
    """The device takes its INVITE back, by CANCEL or BYE, after it was told to hang up (CALL-ORIG-CANCEL)."""
    told_at = question.param("after")
    said = [seen for method in ("CANCEL", "BYE") for seen in requests(question, method) if seen.at.seq >= told_at]
    right = [seen for seen in said if taken(question, seen)]
    if right:
        return question.passed(right[0].evidence)
    invites = requests(question, "INVITE")
    if not invites:
        return question.unknown("nothing-seen", "the device sent no INVITE")
    return question.failed(
        "call-not-given-up",
        f"{said[0].message.method} of another transaction than the INVITE's"
        if said
        else "no CANCEL after the device was told to hang up",
        "CANCEL for the INVITE that rings, with its branch and its CSeq number",
        invites[-1].evidence,
        *(seen.evidence for seen in said[:1]),
        settled=False,
        limit=question.limits["action_s"],
    )


@check("call.acknowledges-refusal", limits=("action_s",))
def acknowledges_refusal(question: Question) -> Judgement:
    """The device sends ACK for a final failure to its INVITE (RFC 3261 section 17.1.1.3)."""
    refusals = [seen for seen in responses(question, "INVITE", _FAILURE, OUT) if seen.message.status not in _CHALLENGES]
    if not refusals:
        return question.unknown("not-stimulated", "the device's INVITE was not refused")
    refused = refusals[-1]
    acks = acknowledgements(question, refused)
    if acks:
        return question.passed(refused.evidence, acks[0].evidence)
    return question.failed(
        "refusal-not-acknowledged",
        not_acknowledged(question, refused),
        f"ACK for {told(refused)}, with its tag in To and the branch of the INVITE",
        refused.evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


@check("call.answers-cancel", limits=("action_s",))
def answers_cancel(question: Question) -> Judgement:
    """The device answers a CANCEL: with 200, or with 481 once the INVITE has its final response (RFC 3261 section
    9.2)."""
    cancels = requests(question, "CANCEL", OUT)
    if not cancels:
        return question.unknown("not-stimulated", "CANCEL was not sent")
    answers = responses(question, "CANCEL", _FINAL)
    # What the device sent before it had the CANCEL may come behind it. Its 487 was sent for it.
    over = [seen for seen in responses(question, "INVITE", _FINAL) if seen.message.status != _TERMINATED]
    good = [
        seen
        for seen in answers
        if seen.message.status < 300
        or (seen.message.status == _NO_TRANSACTION and any(one.at.seq < seen.at.seq for one in over))
    ]
    if good:
        return question.passed(cancels[0].evidence, good[0].evidence)
    return question.failed(
        "cancel-not-answered",
        f"{told(answers[0])} to CANCEL" if answers else "no answer to CANCEL",
        "200 OK",
        cancels[0].evidence,
        *(seen.evidence for seen in answers[:1]),
        settled=bool(answers),
        limit=question.limits["action_s"],
    )


@check("call.is-called-off", limits=("action_s",))
def is_called_off(question: Question) -> Judgement:
    """An INVITE that is cancelled while it rings gets its final response, best 487 (CALL-TERM-CANCEL)."""
    cancels = requests(question, "CANCEL", OUT)
    if not cancels:
        return question.unknown("not-stimulated", "CANCEL was not sent")
    accepted = responses(question, "INVITE", _SUCCESS)
    heeded = [seen for seen in responses(question, "CANCEL", _SUCCESS) if accepted and seen.at.seq < accepted[0].at.seq]
    if heeded:
        return question.failed(
            "cancelled-call-not-ended",
            f"{told(accepted[0])} to the INVITE after the CANCEL had been answered",
            "487 Request Terminated",
            heeded[0].evidence,
            accepted[0].evidence,
        )
    if accepted:
        return question.unknown("answered-meanwhile", "the call was answered before the CANCEL came")
    failures = responses(question, "INVITE", _FAILURE)
    if failures:
        return question.passed(cancels[0].evidence, failures[0].evidence)
    return question.failed(
        "cancelled-call-not-ended",
        "no final response to the INVITE that was cancelled",
        "487 Request Terminated",
        cancels[0].evidence,
        settled=False,
        limit=question.limits["action_s"],
    )


@check("call.is-rejected", limits=("action_s",))
def is_rejected(question: Question) -> Judgement:
    """The device refuses a call that its user rejects, as its user's wish and not as a failure (CALL-REJECT)."""
    failures = responses(question, "INVITE", _FAILURE)
    if not requests(question, "INVITE", OUT):
        return question.unknown("not-stimulated", "the INVITE was not sent")
    accepted = responses(question, "INVITE", _SUCCESS)
    if accepted:
        return question.failed(
            "call-not-rejected",
            f"{told(accepted[0])} to a call that the user rejects",
            "486 Busy Here or 603 Decline",
            accepted[0].evidence,
        )
    if not failures:
        return question.failed(
            "call-not-rejected",
            "no final response after the device was told to reject",
            "486 Busy Here or 603 Decline",
            settled=False,
            limit=question.limits["action_s"],
        )
    refused = failures[0]
    if refused.message.status in _REJECTIONS:
        return question.passed(refused.evidence)
    return question.failed(
        "call-rejected-as-failure",
        f"{told(refused)} to a call that the user rejects",
        "486 Busy Here, 603 Decline, 480 or 600",
        refused.evidence,
        hint="A server treats this status as a failure of the device, and not as its user's wish.",
    )


@check("call.ends-crossed-call", limits=("action_s",))
def ends_crossed_call(question: Question) -> Judgement:
    """A 200 that crosses the device's CANCEL is acknowledged, and the call ended by BYE (RFC 3261 section 9.1)."""
    cancels = requests(question, "CANCEL")
    accepted = responses(question, "INVITE", _SUCCESS, OUT)
    if not cancels or not accepted:
        return question.unknown("not-stimulated", "no 200 crossed a CANCEL of the device")
    after = accepted[0]
    acks = acknowledgements(question, after)
    ended = [seen for seen in byes(question) if seen.at.seq > after.at.seq]
    if acks and ended:
        return question.passed(after.evidence, acks[0].evidence, ended[0].evidence)
    missing = "no BYE for the call that was answered as it was given up"
    if not acks:
        missing = f"{'BYE, and ' if ended else ''}{not_acknowledged(question, after)}"
    return question.failed(
        "crossed-call-kept",
        missing,
        "ACK, then BYE",
        cancels[0].evidence,
        after.evidence,
        hint="A CANCEL that comes too late ends nothing: the call that was answered is acknowledged, and ended by BYE.",
        settled=False,
        limit=question.limits["action_s"],
    )
