"""Failover by phase and transaction: of each kind of request, where it went next and whether that saved it.

Every cell says why it is empty, if it is. Built by the same reading of the record that the checks make
(:mod:`certsuite.checks.transactions`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from certsuite.checks.outage import Outage
from certsuite.checks.span import SeenMessage, Span
from certsuite.checks.transactions import TRANSACTIONS, WITHIN_A_CALL, read_fate
from certsuite.core.observations import OUT
from certsuite.core.results import CaseResult

_ACTS = {"INVITE": "dials", WITHIN_A_CALL: "holds a call", "BYE": "hangs up"}


@dataclass(frozen=True, slots=True)
class Met:
    """A case, and the failure in it."""

    case: CaseResult
    phase: str
    "All of its failures, in order."
    both: bool
    "Whether both edges failed, so that there was no place to go to."
    transaction: str
    "The one that the case is about."
    call_id: str | None
    outage: Outage
    span: Span
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one kind of request in one phase."""

    text: str
    "Where it was sent next, and when; or why there is nothing to say."
    outcome: str = ""
    tone: str = ""
    "``pass``, ``fail`` or nothing."
    case: CaseResult | None = None


@dataclass(frozen=True, slots=True)
class GridRow:
    """One phase."""

    phase: str
    description: str
    cells: tuple[Cell, ...]
    "In the order of ``TRANSACTIONS``."


def make_grid(met: Iterable[Met]) -> tuple[GridRow, ...]:
    """A row for each phase, in the order of the run. The case about a transaction is heard before others."""
    phases: dict[str, list[Met]] = {}
    for one in met:
        phases.setdefault(one.phase, []).append(one)
    return tuple(
        GridRow(phase, _described(cases[0].outage), tuple(_cell(cases, transaction) for transaction in TRANSACTIONS))
        for phase, cases in phases.items()
    )


def _described(outage: Outage) -> str:
    return f"the {outage.edge} {outage.description}"


def _cell(cases: list[Met], transaction: str) -> Cell:
    for one in sorted(cases, key=lambda one: one.transaction != transaction):
        cell = _filled(one, transaction)
        if cell is not None:
            return cell
    return Cell(_why_empty(cases, transaction))


def _filled(one: Met, transaction: str) -> Cell | None:
    match transaction:
        case "REGISTER":
            return _registered(one)
        case "OPTIONS":
            return _sent(one, transaction) or _asked(one)
        case _:
            return _sent(one, transaction)


def _registered(one: Met) -> Cell | None:
    """The registration itself: of a case about something else it is told as well."""
    outage = one.outage
    served = outage.served_elsewhere if one.elsewhere else outage.served_again
    text = tried_in_order(outage) or "no other connection"
    if one.both:
        after = outage.recovered_after_s
        outcome = "did not recover" if after is None else f"recovered {_s(after)} after their return"
        return Cell(text, outcome, "fail" if after is None else "pass", one.case)
    if served is None or served.at.t > outage.until:
        return Cell(text, f"not in {_s(outage.until - outage.failed.at.t)}", "fail", one.case)
    return Cell(text, f"registered after {_s(served.at.t - outage.failed.at.t)}", "pass", one.case)


def tried_in_order(outage: Outage) -> str:
    """The targets to which the device turned after the failure, in their order, each with the time of the first try."""
    return ", ".join(
        f"{one.edge} after {_s(one.t - outage.failed.at.t)}{' (not taken)' if one.what == 'attempt' else ''}"
        for one in outage.turned_to
    )


def _sent(one: Met, transaction: str) -> Cell | None:
    """A request that the device sent."""
    fate = read_fate(one.span, one.outage, transaction, call_id=one.call_id if transaction == one.transaction else None)
    if fate is None:
        return None
    began = one.outage.failed.at.t if transaction == "SUBSCRIBE" else fate.began
    then = fate.next_after(one.outage.edge)
    if then is None:
        there = len(fate.sent)
        text = f"{fate.sent[0].at.edge} alone, {there} {'time' if there == 1 else 'times'}"
    else:
        text = f"{_place(one.outage, then)} after {_s(then.at.t - began)}"
    if fate.answer is None:
        return Cell(text, f"lost: no 2xx in {_s(one.outage.until - began)}", "fail", one.case)
    return Cell(text, f"answered after {_s(fate.answer.at.t - began)}", "pass", one.case)


def _place(outage: Outage, sent: SeenMessage) -> str:
    return f"{sent.at.edge}{' anew' if sent.at.edge == outage.edge else ''}"


def _asked(one: Met) -> Cell | None:
    """An OPTIONS that the edge sent to the device which had moved there."""
    after, until = one.outage.failed.at.seq, one.outage.until
    asked = [
        seen
        for seen in one.span.messages(direction=OUT, method="OPTIONS")
        if seen.at.seq > after and seen.at.t <= until
    ]
    if not asked:
        return None
    first = asked[0]
    answers = one.span.messages(method="OPTIONS", status=range(200, 700), call_id=first.message.call_id)
    text = f"asked by the {first.at.edge} after {_s(first.at.t - one.outage.failed.at.t)}"
    if not answers:
        return Cell(text, "not answered", "fail", one.case)
    status = answers[0].message.status
    return Cell(
        text, f"{status} after {_s(answers[0].at.t - first.at.t)}", "pass" if status < 300 else "fail", one.case
    )


def _why_empty(cases: list[Met], transaction: str) -> str:
    if transaction in _ACTS:
        about = next((one.outage for one in cases if one.transaction == transaction), None)
        return _not_sent(about) if about else f"no case {_ACTS[transaction]} in this phase"
    if transaction == "SUBSCRIBE" and not any(one.outage.subscribed for one in cases):
        return "the device subscribes to nothing"
    moved = [one for one in cases if one.outage.served_again is not None]
    if not moved:
        return "it was registered nowhere"
    if transaction == "OPTIONS":
        return "neither sent nor asked for"
    first = moved[0].outage
    assert first.served_again is not None
    return f"none in the {_s(max(first.until - first.served_again.at.t, 0.0))} that it lasted"


def _not_sent(outage: Outage) -> str:
    """A request that goes to an edge which takes no connection is never sent; that it was tried there is seen."""
    since = outage.served_elsewhere.at.t if outage.served_elsewhere else outage.failed.at.t
    tries = sum((one.what, one.edge) == ("attempt", outage.edge) and one.t >= since for one in outage.meanwhile)
    if not tries:
        return "the device sent none"
    return f"none sent; tried the {outage.edge} {tries} {'time' if tries == 1 else 'times'}, not taken"


def _s(seconds: float) -> str:
    return f"{seconds:.1f} s"
