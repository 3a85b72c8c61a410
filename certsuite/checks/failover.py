"""Secondary and back (RFC 3263 section 4.3)."""

from __future__ import annotations

from dataclasses import replace

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import BenchChanged, BindingChanged
from certsuite.core.findings import Judgement


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
