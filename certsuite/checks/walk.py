"""What a target walk cost, beside showing the same one by one (RFC 3263 section 4.3)."""

from __future__ import annotations

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.checks.tls import application_data
from certsuite.core.events import TargetsWalked, TlsPresented
from certsuite.core.findings import Judgement, Measurement

_ALONE = "one by one"


@check("walk.measured", limits=("connect_s",))
def measured(question: Question) -> Judgement:
    """How far the device walks in one answer, what the walk cost, and that it says what one by one says (TLS-WALK)."""
    target = question.params.get("target")
    walks = [seen for seen in question.span.of(TargetsWalked) if target is None or target in seen.event.targets]
    if not walks or not walks[0].event.contacted:
        return question.unknown("not-walked", "the device was led past no faulty target")
    walk = walks[0]
    # Others than these may be led past targets of another kind: a walk of theirs is no part of this comparison.
    alone = [
        seen
        for seen in question.span.of(TargetsWalked)
        if seen.at.seq > walk.at.seq
        and seen.event.mode == _ALONE
        and set(seen.event.targets) <= set(walk.event.targets)
    ]
    measurements = [
        Measurement("targets_shown", float(len(walk.event.targets)), ""),
        Measurement("targets_walked_in_one_answer", float(walk.event.most_in_one), ""),
        Measurement("walk_attempts", float(walk.event.attempts), ""),
        Measurement("walk_time", walk.event.took_s, "s"),
    ]
    shown = [name for seen in alone for name in seen.event.contacted]
    if shown:
        took_s = sum(seen.event.took_s for seen in alone)
        measurements += [
            Measurement("one_by_one_shown", float(len(shown)), ""),
            Measurement("one_by_one_attempts", float(sum(seen.event.attempts for seen in alone)), ""),
            Measurement("one_by_one_time", round(took_s, 3), "s"),
            Measurement("one_by_one_time_for_all", round(took_s / len(shown) * len(walk.event.targets), 1), "s"),
        ]
    differing = [name for name in shown if _taken(question, name, until=walk) != _taken(question, name, since=walk)]
    if differing:
        return question.unknown(
            "walk-disagrees", f"in the walk and alone the device did not do the same with {', '.join(differing)}"
        )
    return question.passed(*(seen.evidence for seen in walks[:2]), measurements=tuple(measurements))


def _taken(
    question: Question, name: str, *, since: Seen[TargetsWalked] | None = None, until: Seen[TargetsWalked] | None = None
) -> bool:
    """Whether the device sent data to the target of that name, after one moment or up to one."""
    return any(
        application_data(question, seen.at.flow)
        for seen in question.span.of(TlsPresented, edge=name)
        if (since is None or seen.at.seq > since.at.seq) and (until is None or seen.at.seq < until.at.seq)
    )
