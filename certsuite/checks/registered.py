"""A registered device over time: pace of refreshes, its flow, its lines, and what it answers at rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen, SeenMessage
from certsuite.core.events import BenchChanged, BindingChanged, DeviceExited, DriverAction, FlowClosed, FlowOpened
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict

_TOO_FAST_AT_LEAST = 2
"Refreshes of a line in a row that come too early: one may be part of registering, or have a reason of its own."
_ASKS_TO_REGISTER = ("reregister", "resync", "restart", "start")
"Actions after which a registration is not of the device's own accord."
_ACTION_S = 1.0
"How long an order to the device takes at most, from its effect to its end or the other way about."


@check("reg.refresh-pace", limits=("refresh_share",), passive=True)
def refresh_pace(question: Question) -> Judgement:
    """No line is refreshed faster than its grant makes necessary, over all cycles of the run (REG-PACE)."""
    limit = question.limits["refresh_share"]
    intervals: list[tuple[float, Seen[BindingChanged]]] = []
    early: Counter[int | None] = Counter()
    for before, seen in _refreshes(question):
        interval = seen.at.t - before.at.t
        intervals.append((interval / before.event.granted_s, seen))
        least = limit.value * before.event.granted_s
        line = seen.at.line
        early[line] = early[line] + 1 if interval + question.span.lag_s < least else 0
        if early[line] >= _TOO_FAST_AT_LEAST:
            return question.failed(
                "refresh-too-fast",
                f"line {line}: a refresh {interval:.1f} s after the one before, of "
                f"{before.event.granted_s} s that were granted",
                f"not before {least:g} s",
                before.evidence,
                seen.evidence,
                hint="A refresh at half the granted expiry or later is enough; each costs the platform work.",
                verdict=limit.breach,
                limit=limit,
            )
    if not intervals:
        return question.unknown("no-interval", "no registration lasted undisturbed until its refresh")
    shares = [share for share, _ in intervals]
    measured = (
        Measurement("refreshes", len(shares), "refreshes"),
        Measurement("least_share_of_grant", round(min(shares), 3), "ratio", limit.value),
        Measurement("largest_share_of_grant", round(max(shares), 3), "ratio"),
    )
    return question.passed(intervals[0][1].evidence, intervals[-1][1].evidence, measurements=measured)


def _refreshes(question: Question) -> list[tuple[Seen[BindingChanged], Seen[BindingChanged]]]:
    """(a registration, its refresh) over the same flow, none of them asked for by the bench."""
    pairs = []
    # An action stands in the record when it is done: what it brought about may stand before it. A device that was about
    # to register by itself does that first.
    asked = [seen.at.t for seen in question.span.of(DriverAction) if seen.event.action in _ASKS_TO_REGISTER]
    last: dict[tuple[int | None, str | None], Seen[BindingChanged]] = {}
    for observation in question.span:
        event = observation.event
        if isinstance(event, DeviceExited) or (isinstance(event, DriverAction) and event.action in _ASKS_TO_REGISTER):
            last.clear()
        if not isinstance(event, BindingChanged):
            continue
        place, seen = (observation.line, observation.flow), Seen(event, observation)
        if event.why != "register" or event.granted_s <= 0:
            last.pop(place, None)
            continue
        if place in last and not any(abs(at - seen.at.t) <= _ACTION_S for at in asked):
            pairs.append((last[place], seen))
        last[place] = seen
    return pairs


@check("flow.reused", passive=True)
def reused(question: Question) -> Judgement:
    """What the device sends for a line goes over a flow that the line registered over (REG-FLOW; RFC 5626).

    It may ask any server by OPTIONS whether it is there, has no choice where it answers, and may take a request to the
    next target while the edge of its registration fails (RFC 3263 section 4.3).
    """
    registered: dict[int | None, set[str | None]] = {}
    used: list[SeenMessage] = []
    edges: dict[int | None, str | None] = {}
    failing: set[str] = set()
    bindings = {seen.at.seq: seen for seen in question.span.of(BindingChanged) if seen.event.granted_s > 0}
    messages = {seen.at.seq: seen for seen in question.span.messages() if _method(seen) != "REGISTER"}
    for observation in question.span:
        event = observation.event
        if isinstance(event, BenchChanged) and event.what.endswith(" edge"):
            edge = event.what.removesuffix(" edge")
            failing = failing - {edge} if event.behaviour == "good" else failing | {edge}
        if observation.seq in bindings:
            registered.setdefault(observation.line, set()).add(observation.flow)
            edges[observation.line] = observation.edge
        seen = messages.get(observation.seq)
        if seen is None or observation.line not in registered:
            continue
        if observation.flow not in registered[observation.line]:
            if not seen.message.is_request or _method(seen) == "OPTIONS" or edges[observation.line] in failing:
                continue
            return question.failed(
                "request-over-other-flow",
                f"{printable(_method(seen), at_most=20)} of line {observation.line} over a connection "
                "that the line never registered over",
                "the connection of the registration",
                seen.evidence,
                hint="Keep one connection for the registration and all calls: an access SBC knows the line by it.",
            )
        used.append(seen)
    if not used:
        return question.unknown("nothing-seen", "the device sent nothing but REGISTER")
    flows = len(question.span.of(FlowOpened))
    measured = (Measurement("messages_over_the_registration_flow", len(used), "messages"),)
    return question.passed(
        used[0].evidence, used[-1].evidence, measurements=(*measured, Measurement("flows", flows, "connections"))
    )


def _method(seen: SeenMessage) -> str:
    """Method of a request, or of that which is responded to."""
    return seen.message.method or seen.message.cseq[1]


@check("reg.comes-back", limits=("reconnect_expiries", "connect_s"))
def comes_back_over_another_flow(question: Question) -> Judgement:
    """After the bench has ended the flow at rest the line registers again over a new one (REG-RECONNECT)."""
    line = question.subject.line
    ended = [seen for seen in question.span.of(FlowClosed) if seen.event.by == "bench"]
    if not ended:
        return question.unknown("never-ended", "no connection of the device was there to be ended")
    rule = question.limits["reconnect_expiries"]
    limit = replace(rule, value=rule.value * float(question.param("granted_s")), unit="s")
    bound = [
        seen
        for seen in question.span.of(BindingChanged)
        if seen.event.granted_s > 0 and seen.at.seq > ended[0].at.seq and line in (None, seen.at.line)
    ]
    if not bound:
        return question.failed(
            "reconnect-never",
            "no registration after the connection was ended",
            f"a registration over a new connection within {limit.value:g} s",
            ended[0].evidence,
            hint="A connection that the server ends is to be opened again at once, and the lines registered over it.",
            settled=False,
            limit=limit,
        )
    return question.timed(
        "reconnect_time",
        bound[0].at.t - ended[0].at.t,
        limit,
        "reconnect-late",
        "registered again after",
        ended[0].evidence,
        bound[0].evidence,
        hint="Until it registers again the line cannot be called: do not wait for the next refresh.",
    )


@check("reg.own-call-ids", passive=True)
def own_call_ids(question: Question) -> Judgement:
    """Each line registers with a Call-ID of its own, and every line is bound (REG-LINES)."""
    lines = int(question.param("lines"))
    owner: dict[str, SeenMessage] = {}
    first: dict[int | None, SeenMessage] = {}
    for seen in question.span.messages(method="REGISTER"):
        if seen.at.line is None:
            continue
        before = owner.setdefault(seen.message.call_id, seen)
        if before.at.line != seen.at.line:
            return question.failed(
                "lines-share-call-id",
                f"lines {before.at.line} and {seen.at.line} register with Call-ID "
                f"{printable(seen.message.call_id, at_most=80)}",
                "a Call-ID for each line",
                before.evidence,
                seen.evidence,
                hint="RFC 3261 section 10.2 counts CSeq by Call-ID: two lines that share one are easily mixed up.",
                verdict=Verdict.WARN,
            )
        first.setdefault(seen.at.line, seen)
    bound = {seen.at.line for seen in question.span.of(BindingChanged) if seen.event.granted_s > 0}
    if len(bound & set(first)) < lines or not first:
        return question.unknown("lines-missing", f"{len(bound)} of {lines} lines registered")
    measured = (Measurement("lines", len(first), "lines"), Measurement("call_ids", len(owner), "Call-IDs"))
    return question.passed(*(seen.evidence for seen in list(first.values())[:2]), measurements=measured)


@check("reg.takes-back", limits=("action_s",))
def takes_back(question: Question) -> Judgement:
    """A device that is stopped in good order takes its bindings back first (REG-DEREGISTER)."""
    bound: dict[int | None, Seen[BindingChanged]] = {}
    taken: list[Seen[BindingChanged]] = []
    left: Seen[BindingChanged] | None = None
    for observation in question.span:
        event = observation.event
        if isinstance(event, BindingChanged):
            seen = Seen(event, observation)
            before = bound.pop(observation.line, None)
            if event.granted_s > 0:
                bound[observation.line] = seen
                left = None
            elif event.why == "unregister" and before is not None:
                taken.append(seen)
            elif event.why == "flow-closed":
                left = before or left
        if isinstance(event, DeviceExited) and (bound or taken or left):
            remaining = next(iter(bound.values()), left)
            if remaining is None:
                return question.passed(*(seen.evidence for seen in taken))
            if event.status < 0:
                return question.unknown(
                    "ended-by-signal", "the program does not heed the order to end: a signal ends it"
                )
            return question.failed(
                "not-deregistered",
                f"the device ended with line {remaining.at.line} still bound",
                "REGISTER with an expiry of 0 before it ends",
                remaining.evidence,
                hint="Until the expiry is over calls go to a device that is no longer there.",
                settled=False,
                verdict=Verdict.WARN,
            )
    return question.unknown("never-stopped", "no device that was registered was stopped")


@check("sip.answers-options", limits=("action_s",))
def answers_options(question: Question) -> Judgement:
    """An OPTIONS is answered with a 2xx (RFC 3261 section 11)."""
    call_id = question.subject.call_id
    asked = question.span.messages(direction=OUT, method="OPTIONS", call_id=call_id)
    if not asked:
        return question.unknown("never-asked", "the device was sent no OPTIONS")
    answers = question.span.messages(method="OPTIONS", status=range(200, 700), call_id=call_id)
    if not answers:
        return question.failed(
            "options-not-answered",
            "no response to OPTIONS",
            "200 to OPTIONS",
            asked[0].evidence,
            hint="Access SBCs ask devices with OPTIONS whether they are there: who does not answer may be given up.",
            settled=False,
        )
    status = answers[0].message.status
    if status >= 300:
        return question.failed(
            "options-refused",
            f"{status} {printable(answers[0].message.reason, at_most=60)}",
            "200 to OPTIONS",
            asked[0].evidence,
            answers[0].evidence,
        )
    return question.timed(
        "options_time",
        answers[0].at.t - asked[0].at.t,
        question.limits["action_s"],
        "options-late",
        "200 to OPTIONS after",
        asked[0].evidence,
        answers[0].evidence,
    )
