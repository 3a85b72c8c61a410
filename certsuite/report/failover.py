"""The failover matrix: for each phase what the device tried next, how long nobody was served, and when it was back.

Built from the record alone, by the same reading of it that the checks make (:mod:`certsuite.checks.outage`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from certsuite.checks.outage import CONNECTING, NOWHERE, Outage, read_outage
from certsuite.checks.span import Span
from certsuite.checks.transactions import WITHIN_A_CALL
from certsuite.core.events import (
    AttemptsWatched,
    BenchChanged,
    DriverAction,
    Expectation,
    FlowClosed,
    MediaOpened,
    MediaWindow,
)
from certsuite.core.observations import Observation
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Verdict
from certsuite.report.failover_grid import GridRow, Met, make_grid, tried_in_order

_WIDTH = 640.0
"Units of a drawing, from the time before the failure to the case's end."
_BEFORE = 0.06
"Share of it that shows what was before the failure."
_AFTER = 0.04
"Share of it that shows what was at the end."
_JUDGED_BY = ("fo.moves-on", "fo.saves", "fo.recovers", "fo.settles-down", "fo.resubscribes")
_ABOUT_MORE = ("fo.saves", "fo.resubscribes")
"What is about more than the registration, and stands beside what is about that."
_WATCHED_S = 0.5
"A case that ends so soon after the edge was good again has not looked for the way back."
_AUDIO_LOST_S = 0.5
"Without a packet for so long, audio did not go on."


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the drawing."""

    where: str
    x: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One phase, and what happened."""

    case: CaseResult
    phase: str
    description: str
    transaction: str
    "What met the failure: REGISTER, or the method of a request."
    tried: str
    "The targets that it turned to, in order."
    saved: str
    saved_after_s: float | None
    without_service_s: float
    endless: bool
    "Whether service was not there again before the edge was."
    back: str
    tries: int
    changes: int
    media: str
    old: str
    "What became of the connection that the registration was on."
    bars: tuple[Bar, ...]
    failed_x: float
    back_x: float | None
    lasted_s: float


@dataclass(frozen=True, slots=True)
class Absent:
    """A phase of which nothing can be shown, and why."""

    case: CaseResult
    reason: str


@dataclass(frozen=True, slots=True)
class FailoverMatrix:
    """All phases that the run came to."""

    rows: tuple[Row, ...]
    grid: tuple[GridRow, ...]
    "By phase and transaction."
    absent: tuple[Absent, ...]
    notes: tuple[str, ...]
    "What was seen over all of them."


def gather_failover(result: RunResult, observations: Sequence[Observation]) -> FailoverMatrix | None:
    """The matrix of a run's cases about failover; ``None`` if there was none."""
    rows, absent, met = [], [], []
    for case in result.cases:
        if not case.id.startswith("WXC-FO-"):
            continue
        span = [one for one in observations if case.first_seq <= one.seq <= case.last_seq]
        asked = _asked(case, span)
        one = None if asked is None else _met(case, span, asked)
        if one is not None and asked is not None:
            met.append(one)
            rows.append(_row(one, span, asked))
        elif case.verdict in (Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE):
            absent.append(Absent(case, case.reason))
    return FailoverMatrix(tuple(rows), make_grid(met), tuple(absent), _notes(result, observations)) if rows else None


def _notes(result: RunResult, observations: Sequence[Observation]) -> tuple[str, ...]:
    """Old bindings and subscriptions, which no single phase is about."""
    figures = {one.name: one.value for case in result.cases if case.id == "WXC-FO-120" for one in case.measurements}
    kept = any(one.id == "old-binding-kept" for case in result.cases for one in case.findings)
    notes = ["Old bindings: a line was refreshed at a place that it had left."] if kept else []
    if "moves" in figures:
        notes.append(
            f"Old bindings: in {figures['moves']:.0f} moves of a line the old contact was taken out "
            f"{figures['old_contacts_removed']:.0f} times, and never refreshed once left."
        )
    subscribed = Span(observations).messages(method="SUBSCRIBE")
    places = sorted({str(one.at.edge) for one in subscribed})
    notes.append(
        f"Subscriptions: {len(subscribed)} SUBSCRIBE, at the {' and '.join(places)}."
        if subscribed
        else "Subscriptions: the device sent no SUBSCRIBE in this run, so none could be lost."
    )
    watched = Span(observations).of(AttemptsWatched)
    unseen = [one.event.why_not for one in watched if not one.event.seen]
    if unseen or not watched:
        why = f" ({unseen[-1]})" if unseen else ""
        notes.append(
            f"Tries: what an edge did not accept is not among them; this bench cannot see it{why}, --bench netns can."
        )
    else:
        notes.append(
            "Tries: connections that an edge refused or left unanswered are among them. Who tries one that is "
            "lost sends nothing that could be seen."
        )
    return tuple(notes)


def _asked(case: CaseResult, span: list[Observation]) -> Expectation | None:
    """The expectation that names the phase; of a request in the failure, the one about that request."""
    found = [
        one.event
        for one in span
        if isinstance(one.event, Expectation)
        and (one.case, one.variant) == (case.id, case.variant)
        and one.event.check in _JUDGED_BY
    ]
    return next((one for one in found if one.check in _ABOUT_MORE), found[0] if found else None)


def _met(case: CaseResult, observations: list[Observation], asked: Expectation) -> Met | None:
    """The failure that a case was about."""
    span = Span(observations)
    phase = str(asked.params.get("phase"))
    outage = read_outage(span, phase, int(asked.params.get("lines", 1)))
    if outage is None:
        return None
    transaction = str(asked.params.get("method") or "REGISTER")
    if asked.check == "fo.resubscribes":
        transaction = "SUBSCRIBE"
    elif transaction == "INVITE" and asked.call_id:
        transaction = WITHIN_A_CALL
    if any(one.event.check == "sip.answers-options" for one in span.of(Expectation)):
        transaction = "OPTIONS"
    failures = [one for one in span.of(BenchChanged) if "failure" in one.event.detail]
    here = [one.event.behaviour for one in failures if one.at.edge == outage.edge]
    both = any(one.at.edge != outage.edge for one in failures)
    return Met(
        case=case,
        phase=", then ".join(here or [phase]) + (", at both" if both else ""),
        both=both,
        transaction=transaction,
        call_id=asked.call_id,
        outage=outage,
        span=span,
        elsewhere=bool(asked.params.get("elsewhere", True)),
    )


def _row(met: Met, span: list[Observation], asked: Expectation) -> Row:
    case, outage, elsewhere = met.case, met.outage, met.elsewhere
    method = str(asked.params.get("method") or "REGISTER")
    figures = {one.name: one.value for one in case.measurements}
    served = outage.served_elsewhere if elsewhere else outage.served_again
    if served is not None and served.at.t > outage.until:
        served = None
    saved_after = served.at.t - outage.failed.at.t if served else None
    saved = f"at the {served.at.edge}" if served else f"no: {outage.instead}"
    if asked.check == "fo.saves":
        saved_after = figures.get(f"{method.lower()}_saved_after")
        saved = f"{method} answered" if saved_after is not None else f"{method} lost"
    elif asked.check == "fo.resubscribes":
        saved_after = figures.get("subscribed_again_after")
        saved = "subscribed again" if saved_after is not None else "subscriptions lost"
    elif asked.check == "fo.recovers":
        saved_after = figures.get("recovery_time")
        saved = "recovered by itself" if saved_after is not None else "did not recover"
    bars, scale = _bars(outage)
    return Row(
        case=case,
        phase=outage.phase,
        description=f"the {outage.edge} {outage.description}",
        transaction=met.transaction,
        tried=tried_in_order(outage) or "none",
        saved=saved,
        saved_after_s=saved_after,
        without_service_s=outage.without_service_s(outage.until if served is None else served.at.t),
        endless=served is None and outage.without_service_s(outage.until) > 0,
        back=_back(outage),
        tries=sum(one.edge == outage.edge for one in outage.meanwhile if one.what in (*CONNECTING, "REGISTER")),
        changes=outage.changes,
        media=_media(span, outage),
        old=_old(met.span, outage),
        bars=bars,
        failed_x=_WIDTH * _BEFORE,
        back_x=None if outage.back is None else _WIDTH * _BEFORE + (outage.back.at.t - outage.failed.at.t) * scale,
        lasted_s=outage.end - outage.failed.at.t,
    )


def _back(outage: Outage) -> str:
    """When every line was served by the edge again."""
    after = outage.back_after_s
    if outage.back is None:
        return "not restored in the case"
    if after is not None:
        return "never left" if not after and outage.changes == 0 else f"{after:.1f} s"
    where = outage.stretches[-1].where
    watched = outage.end - outage.back.at.t
    if watched < _WATCHED_S:
        return "not waited for"
    return f"not in {watched:.1f} s: {'registered nowhere' if where == NOWHERE else f'at the {where}'}"


def _old(span: Span, outage: Outage) -> str:
    """Whether the connections that lines were registered over stayed open, or were even used, when they had moved."""
    moved = outage.served_elsewhere
    if moved is None or moved.at.t > outage.until:
        return "it did not move"
    bound = {str(place[1]) for place in outage.failed.event.detail.get("bound", {}).values()}
    again = [one for one in outage.bindings if one.at.seq > moved.at.seq and one.at.flow in bound]
    if any(one.at.t <= outage.until for one in again):
        return "registered there as well"
    ends = [one for one in span.of(FlowClosed) if one.at.flow in bound and one.at.t <= outage.until]
    if len({one.at.flow for one in ends}) < len(bound):
        return "left open"
    by_device = [one for one in ends if one.event.by == "device"]
    if not by_device:
        return "ended by the failure"
    return f"closed after {max(by_device[-1].at.t - outage.failed.at.t, 0.0):.1f} s"


def _media(span: list[Observation], outage: Outage) -> str:
    """Whether audio went on in a call that the failure met, for as long as the device was told nothing."""
    orders = [one.t for one in span if isinstance(one.event, DriverAction) and one.t > outage.failed.at.t]
    until = min([outage.until, *orders[:1]])
    windows = [
        (one.t, one.event) for one in span if isinstance(one.event, MediaWindow) and outage.failed.at.t < one.t <= until
    ]
    if not windows:
        up = any(isinstance(one.event, MediaOpened) and one.t <= outage.failed.at.t for one in span)
        return "too short to tell" if up else "no call"
    silent = sum(event.duration_s for _, event in windows if event.packets == 0)
    return "went on" if silent < _AUDIO_LOST_S else f"silent for {silent:.1f} s"


def _bars(outage: Outage) -> tuple[tuple[Bar, ...], float]:
    """The stretches of the drawing, and its units a second."""
    start = outage.failed.at.t
    scale = _WIDTH * (1 - _BEFORE - _AFTER) / max(outage.end - start, 0.001)
    bars = [Bar(outage.edge, 0.0, _WIDTH * _BEFORE, 0.0)]
    for one in outage.stretches:
        x = _WIDTH * _BEFORE + (max(one.since, start) - start) * scale
        seconds = one.until - max(one.since, start)
        bars.append(Bar(one.where, round(x, 2), round(max(seconds * scale, 0.5), 2), seconds))
    bars.append(Bar(outage.stretches[-1].where, round(_WIDTH * (1 - _AFTER), 2), _WIDTH * _AFTER, 0.0))
    return tuple(bars), scale
