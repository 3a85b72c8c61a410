"""What became of the registration when an edge failed: where each line was served, what was tried, and for how long
nobody was (RFC 3263 section 4.3, RFC 5626 section 4.4). Built from a record alone, for checks and reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from certsuite.checks.span import CUT_OFF, Seen, Span, cuts_flows
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ConnectionAttempt,
    DeviceExited,
    DnsQuery,
    FlowClosed,
    FlowOpened,
    SipMessageSeen,
)
from certsuite.core.findings import Evidence
from certsuite.core.observations import IN, Observation
from certsuite.sip.message import parameter, read

NOWHERE = "nowhere"
CONNECTING = ("connection", "attempt")
"What of a try is no request: a connection, and one that was not taken."
_NAMED = 5
"Lines that are named at most."
_CUT_OFF_BY = {"address lost": "has lost its address", "packets dropped": "loses every packet"}
_EDGE = re.compile(r"^(\w+) edge$")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the lines were served at one place; times are monotonic seconds."""

    where: str
    "An edge, ``both``, or ``nowhere`` as long as one line is not served."
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Try:
    """A connection or a request of the device after the failure."""

    edge: str
    what: str
    "``connection``, ``attempt`` at one that was not taken, or the request's method."
    t: float
    flow: str
    evidence: Evidence
    line: int | None = None
    "Of a request; a connection is for all lines."


@dataclass(frozen=True, slots=True)
class Outage:
    """One failure of an edge and what came of it. Times are monotonic seconds."""

    phase: str
    edge: str
    description: str
    failed: Seen[BenchChanged]
    back: Seen[BenchChanged] | None
    "When the edge was good again."
    end: float
    "Of the span."
    stretches: tuple[Stretch, ...]
    tries: tuple[Try, ...]
    bindings: tuple[Seen[BindingChanged], ...]
    "Registrations after the failure, in order."
    served_again: Seen[BindingChanged] | None
    "The registration by which every line had been registered anew and was served."
    served_elsewhere: Seen[BindingChanged] | None
    "The same, at another edge than the one that failed."
    left_at: float
    "When the first line was no longer served; the failure, if none was."
    queries: int
    "Questions to DNS between the failure and the return."
    subscribed: tuple[tuple[int, str, str], ...]
    "(line, package, resource) of all that the device had subscribed to before."
    exited: bool
    lines: int

    @property
    def until(self) -> float:
        """When the failure was over."""
        return self.back.at.t if self.back else self.end

    @property
    def meanwhile(self) -> tuple[Try, ...]:
        """Tries while it lasted."""
        return tuple(one for one in self.tries if one.t <= self.until)

    def most_tries_in(self, seconds: float, edge: str) -> int:
        """The most tries at an edge within so many seconds by any one line, while the failure lasted: its requests, and
        its share of the connections. That a device has many lines is no reason to call it impatient."""
        tries = [one for one in self.meanwhile if one.edge == edge and one.what != "BYE"]
        shared = [one.t for one in tries if one.line is None][:: max(self.lines, 1)]
        lines = {one.line for one in tries if one.line is not None} or {0}
        own = [[one.t for one in tries if one.line == line] for line in lines]
        return max(most_in(seconds, sorted([*shared, *times])) for times in own)

    @property
    def turned_to(self) -> tuple[Try, ...]:
        """The first try at each edge while it lasted, in order: a connection, taken or not, or another edge's use."""
        first: dict[str, Try] = {}
        for one in self.meanwhile:
            if one.what in CONNECTING or one.edge != self.edge:
                first.setdefault(one.edge, one)
        return tuple(first.values())

    def without_service_s(self, until: float) -> float:
        """Seconds between the failure and ``until`` in which not every line was served."""
        return sum(
            max(min(one.until, until) - max(one.since, self.failed.at.t), 0.0)
            for one in self.stretches
            if one.where == NOWHERE
        )

    @property
    def changes(self) -> int:
        """How often the lines' place changed from one edge to another while the failure lasted."""
        return changes_of_edge([one for one in self.bindings if one.at.t <= self.until], first=self.edge)

    @property
    def back_after_s(self) -> float | None:
        """Seconds from the edge's return until every line was served there, however it came to that."""
        if self.back is None:
            return None
        for one in self.stretches:
            if one.where == self.edge and one.until > self.back.at.t:
                return max(one.since - self.back.at.t, 0.0)
        return None

    @property
    def recovered_after_s(self) -> float | None:
        """Seconds from the edge's return until every line was served anywhere."""
        if self.back is None:
            return None
        for one in self.stretches:
            if one.where != NOWHERE and one.until > self.back.at.t:
                return max(one.since - self.back.at.t, 0.0)
        return None

    @property
    def instead(self) -> str:
        """What the device did in place of registering elsewhere, in words."""
        here = [one for one in self.meanwhile if one.edge == self.edge]
        there = [one for one in self.meanwhile if one.edge != self.edge]
        registers_there = [one for one in there if one.what == "REGISTER"]
        connections_here = [one for one in here if one.what in CONNECTING]
        said = [one for one in here if one.what not in CONNECTING]
        lasted = f"{self.until - self.failed.at.t:.0f} s"
        other = there[0].edge if there else "other target"
        if self.exited:
            return "its program ended"
        if registers_there:
            lines = sorted({one.at.line for one in self.bindings if one.at.edge != self.edge and one.at.line})
            named = ", ".join(map(str, lines[:_NAMED])) + (f" and {len(lines) - _NAMED} more" if lines[_NAMED:] else "")
            partly = f", and only line {named} was registered" if lines else " in vain"
            return f"it sent {_times(len(registers_there), 'REGISTER')} to the {other}{partly}"
        if any(one.what != "attempt" for one in there):
            connections = sum(one.what == "connection" for one in there)
            return f"it opened {_times(connections, 'connection')} to the {other} and sent no REGISTER there"
        if there:
            return f"it tried the {other} {_times(len(there), 'time')}, which took no connection"
        if connections_here:
            return f"it tried the {self.edge} {_times(len(connections_here), 'time')} more and no other target"
        if said:
            methods = ", ".join(sorted({one.what for one in said}))
            return f"it stayed for {lasted} on the connection to the {self.edge}, and sent {methods} there"
        if self.queries:
            return f"it asked DNS {_times(self.queries, 'time')} and came to no target in {lasted}"
        return f"it did nothing at all for {lasted}"


def most_in(seconds: float, times: list[float]) -> int:
    """The most of ``times``, in order, that lie within so many seconds."""
    return max((sum(first <= other < first + seconds for other in times) for first in times), default=0)


def _times(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 or what.isupper() else 's'}"


def changes_of_edge(
    bindings: list[Seen[BindingChanged]], *, first: str = "", reg_ids: Mapping[tuple[int | None, str | None], str] = {}
) -> int:
    """How often the edge changes, line by line, at the most; ``first`` is where they were before.

    A line that keeps several flows (RFC 5626) counts for each, as :func:`reg_ids_of` tells them apart.
    """
    places: dict[tuple[int | None, str], list[str | None]] = {}
    for one in bindings:
        key = (one.at.line, reg_ids.get((one.at.line, one.at.flow), ""))
        places.setdefault(key, [first] * bool(first)).append(one.at.edge)
    return max((sum(before != after for before, after in pairwise(own)) for own in places.values()), default=0)


def reg_ids_of(span: Span) -> dict[tuple[int | None, str | None], str]:
    """The ``reg-id`` of registrations by line and flow, of lines that give one to each (RFC 5626 section 4.2)."""
    found = {}
    for seen in span.messages(method="REGISTER"):
        contact = seen.message.get("Contact") or ""
        found[seen.at.line, seen.at.flow] = parameter(contact.partition(">")[2], "reg-id")
    without = {line for (line, _), reg_id in found.items() if not reg_id}
    return {place: reg_id for place, reg_id in found.items() if place[0] not in without}


@dataclass
class _State:
    """Where the lines are, as observations come."""

    lines: int
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    "Edge and flow of each line's registration."
    cut: set[str] = field(default_factory=set)
    "Flows that are open and not served."

    @property
    def where(self) -> str:
        served = {edge for edge, flow in self.held.values() if flow not in self.cut}
        whole = sum(flow not in self.cut for _, flow in self.held.values()) >= self.lines
        if not whole or not served:
            return NOWHERE
        return served.pop() if len(served) == 1 else "both"

    def take(self, one: Observation) -> None:
        event = one.event
        match event:
            case BenchChanged() if place := _EDGE.match(event.what):
                edge = place[1]
                if cuts_flows(event):
                    self.cut |= {flow for at, flow in self.held.values() if at == edge}
                elif event.behaviour == "good":
                    self.cut -= {flow for at, flow in self.held.values() if at == edge}
            case BindingChanged() if event.granted_s > 0:
                self.held[str(one.line)] = (one.edge or "", one.flow or "")
                self.cut.discard(one.flow or "")
            case BindingChanged():
                if self.held.get(str(one.line), ("", ""))[1] == one.flow:
                    del self.held[str(one.line)]
            case FlowClosed():
                self.held = {line: place for line, place in self.held.items() if place[1] != one.flow}
            case DeviceExited():
                self.held.clear()


def read_outage(span: Span, phase: str, lines: int) -> Outage | None:
    """The first failure of this name in a span; ``None`` if there is none."""
    observations = list(span)
    start = next(
        (n for n, one in enumerate(observations) if isinstance(one.event, BenchChanged) and _is(one.event, phase)), None
    )
    if start is None:
        return None
    onset = observations[start]
    assert isinstance(onset.event, BenchChanged)
    place = _EDGE.match(onset.event.what)
    edge = place[1] if place else ""
    state = _State(lines, _bound(onset.event))
    stretches: list[Stretch] = []
    since, where = onset.t, state.where
    back: Seen[BenchChanged] | None = None
    anywhere: Seen[BindingChanged] | None = None
    elsewhere: Seen[BindingChanged] | None = None
    bindings: list[Seen[BindingChanged]] = []
    renewed: set[int | None] = set()
    tries: list[Try] = []
    queries, exited, left_at = 0, False, None
    for one in observations[start:]:
        state.take(one)
        event = one.event
        if state.where != where:
            # What happens at the moment of the failure is the failure.
            if one.t > since:
                stretches.append(Stretch(where, since, one.t))
            since, where = one.t, state.where
        if where == NOWHERE and left_at is None:
            left_at = one.t
        if isinstance(event, BenchChanged) and event.what == onset.event.what and event.behaviour == "good":
            back = back or Seen(event, one)
        elif isinstance(event, BindingChanged) and event.granted_s > 0:
            seen = Seen(event, one)
            bindings.append(seen)
            renewed.add(one.line)
            if len(renewed) >= lines and where != NOWHERE:
                anywhere = anywhere or seen
                elsewhere = elsewhere or (seen if where not in (edge, "both") else None)
        elif isinstance(event, DnsQuery):
            queries += back is None
        elif isinstance(event, DeviceExited):
            exited = exited or not event.asked
        elif (tried := _try(one)) is not None:
            tries.append(tried)
    end = max(one.t for one in observations)
    stretches.append(Stretch(where, since, end))
    return Outage(
        phase=phase,
        edge=edge,
        description=str(
            onset.event.detail.get("failure") or _CUT_OFF_BY.get(onset.event.behaviour, onset.event.behaviour)
        ),
        failed=Seen(onset.event, onset),
        back=back,
        end=end,
        stretches=tuple(stretches),
        tries=tuple(tries),
        bindings=tuple(bindings),
        served_again=anywhere,
        served_elsewhere=elsewhere,
        left_at=onset.t if left_at is None else left_at,
        queries=queries,
        subscribed=_subscribed(onset.event),
        exited=exited,
        lines=lines,
    )


def _is(event: BenchChanged, phase: str) -> bool:
    known = "failure" in event.detail or event.behaviour in CUT_OFF
    return known and event.behaviour == phase and _EDGE.match(event.what) is not None


def _subscribed(event: BenchChanged) -> tuple[tuple[int, str, str], ...]:
    """What the device had ever subscribed to when the edge failed, as the bench wrote it down."""
    ever = event.detail.get("subscribed", [])
    return tuple((int(line), str(package), str(resource)) for line, package, resource in ever)


def _bound(event: BenchChanged) -> dict[str, tuple[str, str]]:
    """Where each line was registered when the edge failed, as the bench wrote it down."""
    return {str(line): (str(place[0]), str(place[1])) for line, place in event.detail.get("bound", {}).items()}


def _try(one: Observation) -> Try | None:
    event = one.event
    if isinstance(event, ConnectionAttempt):
        return Try(one.edge or "", "attempt", one.t, "", Evidence(one.seq, one.frame))
    if isinstance(event, FlowOpened):
        return Try(one.edge or "", "connection", one.t, one.flow or "", Evidence(one.seq, one.frame))
    if isinstance(event, SipMessageSeen) and one.direction == IN:
        message = read(event.raw)
        if message is not None and message.is_request and message.method in _TRIED:
            return Try(one.edge or "", message.method, one.t, one.flow or "", Evidence(one.seq, one.frame), one.line)
    return None


_TRIED = ("REGISTER", "INVITE", "BYE", "OPTIONS", "SUBSCRIBE", "UPDATE")
