"""Secondary and back (RFC 3263 section 4.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from certsuite.checks.outage import CONNECTING, Outage, changes_of_edge, read_outage, reg_ids_of
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.checks.transactions import read_fate
from certsuite.core.events import BenchChanged, BindingChanged, FlowClosed, Note
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.limits import Limit
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict

_TURNS = 4
"Registrations over two flows by turns that show that both are kept: to and fro once may be a move and the way back."


def _outage(question: Question) -> Outage | None:
    """The failure that is asked about; ``None`` if there was none."""
    return read_outage(question.span, question.text("phase"), int(question.params.get("lines", 1)))


def _last_lines(question: Question, changes: list[Seen[BindingChanged]]) -> list[Seen[BindingChanged]]:
    """The binding by which the last of all lines was bound; empty if a line was not."""
    lines = int(question.params.get("lines", 1))
    first: dict[int | None, Seen[BindingChanged]] = {}
    for seen in changes:
        if seen.event.granted_s > 0:
            first.setdefault(seen.at.line, seen)
    return [max(first.values(), key=lambda one: one.at.seq)] if len(first) >= lines else []


@check("fo.uses-secondary", limits=("failover_s",))
def uses_secondary(question: Question) -> Judgement:
    """The device registers at the secondary when the primary cannot be reached (FO-SECONDARY), and how fast."""
    limit = question.limits["failover_s"]
    bound = _last_lines(question, question.span.of(BindingChanged, edge="secondary"))
    if not bound:
        return question.failed(
            "failover-never",
            "no registration at the secondary",
            f"a registration at the secondary, within {limit.value:g} s",
            hint="The device must ask for SRV, keep every target of the answer, and go on to the next one when a "
            "connection fails.",
            settled=False,
            limit=limit,
        )
    since = question.span.last_stimulus_before(bound[0].at.t_mono_ns) or question.span.start or bound[0].at.t
    return question.timed(
        "failover_time",
        bound[0].at.t - since,
        limit,
        "failover-late",
        "registered at the secondary after",
        bound[0].evidence,
        hint="Shorten the device's connection and transaction time-outs.",
    )


@check("fo.returns-to-primary", limits=("failback_expiries",))
def returns_to_primary(question: Question) -> Judgement:
    """The device registers at the primary again once it accepts connections (FO-FAILBACK), and how soon.

    The limit is so many of the expiries that were granted: a device that looks at each refresh cannot be faster.
    """
    span = question.span
    restored = [seen for seen in span.of(BenchChanged, edge="primary") if seen.event.behaviour == "good"]
    if not restored:
        return question.unknown("never-restored", "the primary was not restored")
    rule = question.limits["failback_expiries"]
    limit = replace(rule, value=rule.value * float(question.param("granted_s")), unit="s")
    bound = _last_lines(
        question, [seen for seen in span.of(BindingChanged, edge="primary") if seen.at.seq > restored[0].at.seq]
    )
    if not bound:
        return question.failed(
            "failback-never",
            "the device stayed on the secondary",
            f"back on the primary within {limit.value:g} s",
            restored[0].evidence,
            hint="Set the failback mode to the registration's refresh or to a timer; a device that stays until the "
            "secondary fails keeps its users on the backup.",
            settled=False,
            limit=limit,
        )
    return question.timed(
        "failback_time",
        bound[0].at.t - restored[0].at.t,
        limit,
        "failback-late",
        "back on the primary after",
        restored[0].evidence,
        bound[0].evidence,
        hint="Shorten the interval at which the device looks for its primary.",
    )


@check("fo.moves-on", limits=("failover_s", "tries_in_10_s"))
def moves_on(question: Question) -> Judgement:
    """When an edge fails in one phase, every line is registered anew over a connection that is served.

    ``elsewhere`` asks for another edge than the one that failed; without it a new connection to the same will do.
    ``sourced`` says whether a source asks for it: without one, nothing worse than a warning is said.
    """
    phase = question.text("phase")
    limit = question.limits["failover_s"]
    outage = _outage(question)
    if outage is None:
        return question.unknown("never-failed", f"the bench did not fail in the phase {phase}")
    bad = Verdict.FAIL if question.params.get("sourced", True) else Verdict.WARN
    elsewhere = bool(question.params.get("elsewhere", True))
    what = f"the {outage.edge} {outage.description} ({phase})"
    onto = next((one for one in outage.bindings if one.at.edge == outage.edge and one.at.t <= outage.until), None)
    if elsewhere and onto is not None and outage.failed.event.detail.get("presentation", "good") != "good":
        return question.failed(
            "failover-onto-failed",
            f"{what}: it registered there all the same",
            "a registration at another target",
            outage.failed.evidence,
            onto.evidence,
            hint="Make the device verify the server's certificate on each target.",
            verdict=bad,
            measurements=_figures(outage, None),
        )
    served = outage.served_elsewhere if elsewhere else outage.served_again
    if served is None or served.at.t > outage.until:
        return _stayed(question, outage, what, elsewhere=elsewhere, bad=bad)
    figures = _figures(outage, served.at.t)
    judged = question.timed(
        "service_outage",
        outage.without_service_s(served.at.t),
        limit,
        "failover-late",
        f"{what}: every line was served again after",
        outage.failed.evidence,
        served.evidence,
        hint="Shorten the device's connection and transaction time-outs.",
    )
    most = question.limits["tries_in_10_s"]
    tries = outage.most_tries_in(10.0, outage.edge)
    if judged.verdict is Verdict.PASS and most.judge(tries) is not Verdict.PASS:
        observed = f"{what}: it tried the {outage.edge} {tries} times in 10 s"
        return _hammers(question, outage, observed, most, most.judge(tries), figures)
    return replace(judged, measurements=figures)


def _stayed(question: Question, outage: Outage, what: str, *, elsewhere: bool, bad: Verdict) -> Judgement:
    """It did not move on: the finding is named by what it did instead."""
    limit = question.limits["failover_s"]
    nowhere = outage.without_service_s(outage.until)
    observed = f"{what}: {outage.instead}; without service for {nowhere:.0f} s, and no end"
    expected = f"every line registered {'elsewhere' if elsewhere else 'again'} within {limit.value:g} s"
    evidence = (outage.failed.evidence, *(one.evidence for one in outage.meanwhile[-2:]))
    about: dict[str, Any] = {
        "settled": False,
        "verdict": bad,
        "limit": limit,
        "measurements": _figures(outage, None),
    }
    there = [one.what for one in outage.meanwhile if one.edge != outage.edge and one.what != "attempt"]
    here = [one for one in outage.meanwhile if one.edge == outage.edge]
    if there and "REGISTER" not in there:
        about["hint"] = "Register at the target that was connected to: it is not enough to reach it."
        return question.failed("failover-without-register", observed, expected, *evidence, **about)
    if not there and here and all(one.what not in CONNECTING for one in here):
        about["hint"] = (
            "Let a request that is not answered in 64 times T1 (timer F), or whose answer serves nobody, lead to the "
            "next target."
        )
        return question.failed("failover-stuck", observed, expected, *evidence, **about)
    about["hint"] = "Let whatever does not come about in time lead to the next target of the SRV answer."
    return question.failed("failover-never", observed, expected, *evidence, **about)


def _figures(outage: Outage, served: float | None) -> tuple[Measurement, ...]:
    """What was measured: of a device that did not move on, how long it has been without service so far."""
    until = outage.until if served is None else served
    found = [Measurement("service_outage", round(outage.without_service_s(until), 3), "s")]
    if served is not None:
        found.insert(0, Measurement("failover_time", round(served - outage.failed.at.t, 3), "s"))
    tries = sum(one.edge == outage.edge for one in outage.meanwhile if one.what in (*CONNECTING, "REGISTER"))
    return (*found, Measurement("tries_at_failed", tries, "tries"), Measurement("edge_changes", outage.changes, ""))


def _hammers(
    question: Question,
    outage: Outage,
    observed: str,
    limit: Limit,
    verdict: Verdict,
    measurements: tuple[Measurement, ...],
) -> Judgement:
    return question.failed(
        "failover-hammering",
        observed,
        f"at most {limit.value:g} tries in 10 s",
        outage.failed.evidence,
        hint="Wait between tries, longer each time: a site of such devices keeps a server from coming back.",
        verdict=verdict,
        limit=limit,
        measurements=measurements,
    )


@check("fo.recovers", limits=("failover_s",))
def recovers(question: Question) -> Judgement:
    """Once the edge is good again, every line is served without anybody's help; its way back there is measured."""
    outage = _outage(question)
    if outage is None or outage.back is None:
        return question.unknown("never-restored", "the edge that failed was not restored")
    limit = question.limits["failover_s"]
    after, waited = outage.recovered_after_s, outage.end - outage.back.at.t
    if after is None:
        return question.failed(
            "recovery-never",
            f"not every line was registered {waited:.0f} s after the {outage.edge} was good again",
            "every line registered, without a restart",
            outage.back.evidence,
            hint="A device must go on trying for as long as it is switched on.",
            settled=False,
            limit=limit,
        )
    judged = question.timed(
        "recovery_time",
        after,
        limit,
        "recovery-late",
        "every line was registered again after",
        outage.back.evidence,
        hint="Do not let the pauses between tries grow over some minutes.",
    )
    back_after = outage.back_after_s
    if judged.verdict is not Verdict.PASS:
        return judged
    if back_after is None:
        return replace(judged, settled=False)
    return replace(judged, measurements=(*judged.measurements, Measurement("back_after", round(back_after, 3), "s")))


@check("fo.settles-down", limits=("failover_s", "edge_changes"))
def settles_down(question: Question) -> Judgement:
    """Once both edges serve, the device goes back at most, and stays there: it does not wander between them."""
    outage = _outage(question)
    if outage is None or outage.back is None:
        return question.unknown("never-restored", "the edge that failed was not restored")
    limit = question.limits["edge_changes"]
    after = [one for one in outage.bindings if one.at.seq > outage.back.at.seq]
    before = [one.at.edge or "" for one in outage.bindings if one.at.seq < outage.back.at.seq]
    changes = changes_of_edge(after, first=before[-1] if before else outage.edge, reg_ids=reg_ids_of(question.span))
    lasted = outage.end - outage.back.at.t
    measured = Measurement("edge_changes", changes, "", limit.value)
    if limit.judge(changes) is not Verdict.PASS:
        return question.failed(
            "failover-ping-pong",
            f"ping-pong: {changes} changes between the edges in {lasted:.0f} s, while both served",
            f"at most {limit.value:g} changes",
            outage.back.evidence,
            *(one.evidence for one in after[-2:]),
            hint="Stay on a target that serves; look for a better one at the refresh, and go to none that is worse.",
            verdict=limit.judge(changes),
            limit=limit,
            measurements=(measured,),
        )
    watched = question.span.of(Note)
    if not any(one.event.text == question.params.get("until") for one in watched) or not after:
        return question.unknown("not-watched", "the time in which the device was to stay had not passed")
    return question.passed(outage.back.evidence, after[-1].evidence, measurements=(measured,))


@check("fo.saves", limits=("failover_s",))
def saves(question: Question) -> Judgement:
    """A request that met the failure, or came after it, is sent to where it is served, and answered with a 2xx."""
    method, phase = question.text("method"), question.text("phase")
    outage = _outage(question)
    if outage is None:
        return question.unknown("never-failed", f"the bench did not fail in the phase {phase}")
    limit = question.limits["failover_s"]
    fate = read_fate(question.span, outage, method, call_id=question.subject.call_id)
    if fate is not None and fate.answer is not None:
        return question.timed(
            f"{method.lower()}_saved_after",
            fate.answer.at.t - fate.began,
            limit,
            "transaction-saved-late",
            f"{method} was answered after",
            fate.answer.evidence,
            hint="Shorten the device's transaction time-out.",
        )
    sent = fate.sent if fate is not None else ()
    done = f"it sent {method} {len(sent)} times, to the {sent[-1].at.edge} at last" if sent else f"it sent no {method}"
    return question.failed(
        "transaction-lost",
        f"the {outage.edge} {outage.description} ({phase}): {done}, and none was answered with a 2xx",
        f"{method} at a target that serves",
        outage.failed.evidence,
        *(one.evidence for one in sent[-1:]),
        hint="Send requests within a call over the flow that the registration has by then, and a new request to the "
        "next target (RFC 3263 section 4.3).",
        settled=False,
        verdict=Verdict.FAIL if question.params.get("sourced", True) else Verdict.WARN,
        limit=limit,
    )


@check("fo.old-binding", passive=True)
def old_binding(question: Question) -> Judgement:
    """No line is refreshed by turns over two flows, while both edges serve; whether old contacts are taken out is
    recorded. No fault are several flows that ``reg-id`` tells apart (RFC 5626), nor to go back to a flow that stayed
    open because the other one has failed."""
    moves = removed = 0
    reg_ids = reg_ids_of(question.span)
    turns: dict[int | None, list[Seen[BindingChanged]]] = {}
    places: dict[int | None, str | None] = {}
    for one in question.span:
        event = one.event
        if isinstance(event, BenchChanged) and event.what.endswith(" edge"):
            turns.clear()
        elif isinstance(event, FlowClosed):
            turns = {line: [seen for seen in own if seen.at.flow != one.flow] for line, own in turns.items()}
        elif isinstance(event, BindingChanged) and event.why == "unregister":
            removed += places.get(one.line) not in (None, one.edge)
        elif isinstance(event, BindingChanged) and event.granted_s > 0:
            moves += places.get(one.line, one.edge) != one.edge
            places[one.line] = one.edge
            own = turns.setdefault(one.line, [])
            if not own or own[-1].at.flow != one.flow:
                own.append(Seen(event, one))
            flows = {seen.at.flow for seen in own[-_TURNS:]}
            told_apart = len({reg_ids.get((one.line, flow)) for flow in flows} - {None}) == len(flows)
            if len(own) >= _TURNS and len(flows) == 2 and not told_apart:
                first, second = own[-2:]
                return question.failed(
                    "old-binding-kept",
                    f"line {one.line} is refreshed by turns at the {first.at.edge} and at the {second.at.edge}, over "
                    "two connections that both stay open",
                    "one registration for each line",
                    *(seen.evidence for seen in own[-_TURNS:]),
                    hint="Give up the old connection and its registration when the new one is there.",
                    verdict=Verdict.WARN,
                )
    if not moves:
        return question.unknown("never-moved", "no line moved from one edge to the other")
    return question.passed(
        measurements=(Measurement("moves", moves, ""), Measurement("old_contacts_removed", removed, ""))
    )


@check("fo.is-patient", limits=("failover_s", "tries_in_10_s"))
def is_patient(question: Question) -> Judgement:
    """While no target serves, the device does not try any of them more often than so many times in 10 s."""
    outage = _outage(question)
    if outage is None or not outage.meanwhile:
        return question.unknown("nothing-tried", "the device tried no target while none served")
    limit = question.limits["tries_in_10_s"]
    edges = {one.edge for one in outage.meanwhile}
    most = max(outage.most_tries_in(10.0, edge) for edge in edges)
    measured = Measurement("tries_in_10_s", most, "tries", limit.value)
    if limit.judge(most) is Verdict.PASS:
        return question.passed(outage.meanwhile[0].evidence, measurements=(measured,))
    observed = f"it tried one target {most} times in 10 s while none served"
    return _hammers(question, outage, observed, limit, limit.judge(most), (measured,))


@check("fo.call-from-secondary", limits=("action_s",))
def call_from_secondary(question: Question) -> Judgement:
    """What the device does with an INVITE from the other edge is recorded; whatever it is, it is no fault."""
    call_id = question.subject.call_id
    sent = question.span.messages(direction=OUT, method="INVITE", call_id=call_id)
    if not sent:
        return question.unknown("never-called", "no INVITE was sent from the other edge")
    answers = question.span.messages(method="INVITE", status=range(101, 700), call_id=call_id)
    status = answers[0].message.status if answers else 0
    judged = question.passed(
        *(one.evidence for one in [*sent[:1], *answers[:1]]), measurements=(Measurement("first_answer", status, ""),)
    )
    return replace(judged, settled=bool(answers))
