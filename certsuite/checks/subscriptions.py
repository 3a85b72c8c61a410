"""What a device subscribes to, and what becomes of that when an edge fails (RFC 6665, RFC 3842, RFC 4235)."""

from __future__ import annotations

from certsuite.checks.outage import read_outage
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import SubscriptionChanged
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict

_MADE_ANEW = 0.5
"Share of the granted time after which another subscription is made in place of the first, rather than beside it."


def _granted(question: Question, package: str) -> list[Seen[SubscriptionChanged]]:
    changes = question.span.of(SubscriptionChanged)
    return [one for one in changes if one.event.package == package and one.event.granted_s > 0]


@check("sub.is-notified", limits=("subscribe_s", "response_s"))
def is_notified(question: Question) -> Judgement:
    """The device subscribes to a package, as its profile claims, and takes the NOTIFY that follows with a 2xx."""
    package, limit = question.text("package"), question.limits["subscribe_s"]
    asked = [
        one
        for one in question.span.messages(method="SUBSCRIBE")
        if (one.message.get("Event") or "").partition(";")[0].strip().lower() == package
    ]
    granted = _granted(question, package)
    if not granted:
        refused = question.span.messages(direction=OUT, method="SUBSCRIBE", status=range(300, 700))
        told = f", which was answered {refused[-1].message.status}" if asked and refused else ""
        return question.failed(
            "subscription-never",
            f"SUBSCRIBE for {package} came{told}, and no subscription came of it"
            if asked
            else f"no SUBSCRIBE for {package}",
            f"SUBSCRIBE for {package}, which the profile claims, within {limit.value:g} s",
            *(one.evidence for one in asked[-1:]),
            hint="Configure the device to subscribe, or take the claim out of capabilities.subscriptions.",
            settled=False,
            limit=limit,
        )
    ids = {one.event.call_id for one in granted}
    told_it = [one for one in question.span.messages(direction=OUT, method="NOTIFY") if one.message.call_id in ids]
    answers = [
        one for one in question.span.messages(method="NOTIFY", status=range(200, 700)) if one.message.call_id in ids
    ]
    if answers and answers[0].message.status < 300:
        return question.passed(granted[0].evidence, told_it[0].evidence if told_it else granted[0].evidence)
    if answers:
        status, reason = answers[0].message.status, printable(answers[0].message.reason, at_most=60)
        return question.failed(
            "notify-refused",
            f"NOTIFY for {package} within its subscription was answered {status} {reason}",
            "200 to NOTIFY",
            granted[0].evidence,
            answers[0].evidence,
            hint="A NOTIFY belongs to a subscription by Call-ID and tags, and may come before the 200 to SUBSCRIBE "
            "(RFC 6665 section 4.4.1).",
        )
    if not told_it:
        return question.unknown("never-notified", f"no NOTIFY for {package} was sent")
    return question.failed(
        "notify-not-answered",
        f"no response to NOTIFY for {package}",
        "200 to NOTIFY",
        told_it[0].evidence,
        settled=False,
    )


@check("sub.takes-unsolicited", limits=("action_s",))
def takes_unsolicited(question: Question) -> Judgement:
    """A NOTIFY of messages outside of any subscription is taken, or refused by a device that has ``subscribed`` to it
    (RFC 6665 section 4.1.3)."""
    call_id = question.subject.call_id
    told_it = question.span.messages(direction=OUT, method="NOTIFY", call_id=call_id)
    if not told_it:
        return question.unknown("not-stimulated", "the NOTIFY was not sent")
    answers = question.span.messages(method="NOTIFY", status=range(200, 700), call_id=call_id)
    if not answers:
        return question.failed(
            "unsolicited-notify-refused",
            "no response to a NOTIFY outside of a subscription",
            "a final response",
            told_it[0].evidence,
            settled=False,
            limit=question.limits["action_s"],
        )
    status = answers[0].message.status
    if status < 300 or (status in (481, 489) and question.param("subscribed")):
        return question.passed(told_it[0].evidence, answers[0].evidence)
    return question.failed(
        "unsolicited-notify-refused",
        f"NOTIFY of waiting messages was answered {status} {printable(answers[0].message.reason, at_most=60)}",
        "200 OK: the device has no subscription by which it could be told otherwise",
        told_it[0].evidence,
        answers[0].evidence,
        verdict=Verdict.WARN,
        hint="Configure the device to subscribe to message-summary, or to take what it is told without.",
    )


@check("sub.refreshes", limits=("subscribe_s",))
def refreshes(question: Question) -> Judgement:
    """A subscription is refreshed in its dialog, or late in its time made anew, before what was granted is over (RFC
    6665 section 4.1.2.2)."""
    package, granted_s = question.text("package"), int(question.param("granted_s"))
    short = [one for one in _granted(question, package) if one.event.granted_s == granted_s]
    if not short:
        return question.unknown("never-granted", f"no subscription to {package} was granted {granted_s} s")
    first = short[0]
    again = [
        one
        for one in _granted(question, package)
        if one.at.seq > first.at.seq
        and (one.at.line, one.event.resource) == (first.at.line, first.event.resource)
        # Another dialog that was begun beside the first keeps nothing alive: it ends as the first does.
        and (one.event.call_id == first.event.call_id or one.at.t - first.at.t >= granted_s * _MADE_ANEW)
    ]
    ended = [
        one
        for one in question.span.of(SubscriptionChanged)
        if one.event.call_id == first.event.call_id and one.event.why == "expired"
    ]
    if again and (not ended or again[0].at.seq < ended[0].at.seq):
        after = Measurement("subscription_refreshed_after", round(again[0].at.t - first.at.t, 3), "s", granted_s)
        return question.passed(first.evidence, again[0].evidence, measurements=(after,))
    if not ended:
        return question.unknown("not-over", "the granted time was not over")
    return question.failed(
        "subscription-expired",
        f"the subscription to {package} expired after {granted_s} s and was not refreshed before",
        f"SUBSCRIBE within {granted_s} s",
        first.evidence,
        ended[0].evidence,
        hint="Heed the Expires of the 200 to SUBSCRIBE, which may be shorter than what was asked for.",
    )


@check("fo.resubscribes", limits=("resubscribe_s",))
def resubscribes(question: Question) -> Judgement:
    """What the device had subscribed to, it subscribes to again where its lines have moved to, and soon."""
    phase, lines = question.text("phase"), int(question.params.get("lines", 1))
    outage, limit = read_outage(question.span, phase, lines), question.limits["resubscribe_s"]
    if outage is None:
        return question.unknown("never-failed", f"the bench did not fail in the phase {phase}")
    wanted = outage.subscribed
    if not wanted:
        return question.unknown("never-subscribed", "the device had subscribed to nothing when the edge failed")
    served = outage.served_elsewhere
    if served is None:
        return question.unknown("never-moved", f"the lines did not move away from the {outage.edge}")
    again: dict[tuple[int, str, str], Seen[SubscriptionChanged]] = {}
    for one in question.span.of(SubscriptionChanged):
        key = one.at.line or 0, one.event.package, one.event.resource
        if one.event.granted_s > 0 and one.at.seq > outage.failed.at.seq and one.at.edge != outage.edge:
            again.setdefault(key, one)
    lost = [one for one in wanted if one not in again]
    if lost:
        watched = outage.end - served.at.t
        line, package, resource = lost[0]
        return question.failed(
            "subscriptions-lost",
            f"the {outage.edge} {outage.description} ({phase}): {len(lost)} of {len(wanted)} subscriptions were not "
            f"made again in {watched:.0f} s after the lines had registered at the {served.at.edge}, first that of "
            f"line {line} to {package} of {printable(resource, at_most=80)}",
            f"SUBSCRIBE over the new connection within {limit.value:g} s",
            outage.failed.evidence,
            served.evidence,
            hint="Subscribe anew after each registration over a new connection: until the old subscription's refresh, "
            "an hour later, message lamp and keys are dark.",
            settled=False,
            limit=limit,
            measurements=(Measurement("subscriptions_lost", len(lost), ""),),
        )
    last = max((again[one] for one in wanted), key=lambda one: one.at.seq)
    return question.timed(
        "subscribed_again_after",
        max(last.at.t - served.at.t, 0.0),
        limit,
        "subscriptions-late",
        "every subscription was made again after",
        outage.failed.evidence,
        last.evidence,
        hint="Subscribe anew as soon as the registration over the new connection is there.",
    )
