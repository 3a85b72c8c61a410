"""The part of a record that a check judges, and the questions that checks ask of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from certsuite.core.events import (
    BenchChanged,
    CaseStarted,
    Cleartext,
    DeviceStarted,
    DnsQuery,
    Event,
    FlowClosed,
    FlowOpened,
    HttpRequest,
    LoopLag,
    SipMessageSeen,
)
from certsuite.core.findings import Evidence
from certsuite.core.observations import IN, Observation
from certsuite.sip.message import SipMessage, read

E = TypeVar("E", bound=Event)

CUT_OFF = ("address lost", "packets dropped")
"Behaviours of an edge whose network is gone."

PROVISIONING = "provisioning"
"""The edge at which the device fetches its configuration. Its connections are no flows of SIP: they are seen by who
names the edge or the flow."""
TRUNK = "trunk"
"The edge's other side, towards the PSTN: likewise, since what comes there is not the device's."
_ASIDE = (PROVISIONING, TRUNK)
_START = 64
"Bytes of a message in which the method of a request stands, whatever blanks are before it."
_STUN = b"\x21\x12\xa4\x42"
"The magic cookie of STUN (RFC 8489 section 5)."

FOREIGN = "x"
"First letter of the name of a flow that is not the device's; it is recorded and never judged."
_OWNED = (FlowOpened, Cleartext, HttpRequest)


@dataclass(frozen=True, slots=True)
class Seen(Generic[E]):
    """An event with the observation that places it."""

    event: E
    at: Observation

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.at.seq, self.at.frame)


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A SIP message with the observation that places it."""

    message: SipMessage
    at: Observation

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.at.seq, self.at.frame)


class Span:
    """Observations of one run between two sequence numbers, without those of foreign flows."""

    def __init__(self, observations: Sequence[Observation], *, closed: bool = True) -> None:
        self._observations: list[Observation] = []
        self._by_kind: dict[type[Event], list[Observation]] = {}
        self._start: Observation | None = None
        self.lag_s = 0.0
        "The bench's own measured lag in this span: no time is known better than this."
        self.closed = closed
        "Whether nothing more will be added: live it is open until the patience is over."
        self.add(observations)

    def add(self, observations: Sequence[Observation]) -> None:
        """More of the run, which follows what is there."""
        if self._start is None and observations:
            self._start = observations[0]
        for observation in observations:
            if not is_foreign(observation):
                self._observations.append(observation)
                self._by_kind.setdefault(type(observation.event), []).append(observation)
                if isinstance(observation.event, LoopLag):
                    # Asked for at each time that is judged: in a long run that is thousands of times.
                    self.lag_s = max(self.lag_s, observation.event.max_ms / 1000)

    def __iter__(self) -> Iterator[Observation]:
        return (observation for observation in self._observations if observation.edge not in _ASIDE)

    def of(self, kind: type[E], *, edge: str | None = None, flow: str | None = None) -> list[Seen[E]]:
        """All events of a kind, of one edge or flow if named; those of provisioning and trunk only then."""
        return [
            Seen(observation.event, observation)
            for observation in self._by_kind.get(kind, ())
            if isinstance(observation.event, kind)
            and (observation.edge == edge if edge is not None else observation.edge not in _ASIDE or flow is not None)
            and (flow is None or observation.flow == flow)
        ]

    def messages(
        self,
        *,
        direction: str = IN,
        method: str | None = None,
        status: range | None = None,
        call_id: str | None = None,
        line: int | None = None,
        edge: str | None = None,
    ) -> list[SeenMessage]:
        """SIP messages in order: requests of ``method``, or responses to it with a status in ``status``."""
        found = []
        for seen in self.of(SipMessageSeen, edge=edge):
            if seen.at.direction != direction or (line is not None and seen.at.line not in (None, line)):
                continue
            if not _may_be(seen.event.raw, method, status):
                continue
            message = read(seen.event.raw)
            if message is None or (call_id is not None and message.call_id != call_id):
                continue
            if status is None and method is not None and not (message.is_request and message.method == method):
                continue
            if status is not None and (
                message.status not in status or (method is not None and message.cseq[1] != method)
            ):
                continue
            found.append(SeenMessage(message, seen.at))
        return found

    @property
    def said_in_the_clear(self) -> list[Seen[Cleartext]]:
        """What the device said outside TLS. Datagrams that say nothing are none of that: they keep a NAT open (RFC 5626
        section 3.5), and some devices send them whatever they speak."""
        return [one for one in self.of(Cleartext) if not _is_a_keep_alive(one.event)]

    def last_stimulus_before(self, t_ns: int) -> float | None:
        """Seconds at which the bench last gave the device a reason to connect anew before ``t_ns``: it was started, its
        flow was ended, or the edge of it stopped serving. What a program takes to start is no part of what it does
        then: a start counts from the first that is seen of it."""
        found: float | None = None
        starting = False
        for one in self:
            if one.t_mono_ns > t_ns:
                continue
            event = one.event
            if starting and isinstance(event, DnsQuery | FlowOpened):
                found, starting = one.t, False
            elif isinstance(event, DeviceStarted):
                found, starting = one.t, True
            elif (isinstance(event, FlowClosed) and event.by == "bench") or (
                isinstance(event, BenchChanged) and cuts_flows(event)
            ):
                found = one.t
        return found

    @property
    def start(self) -> float | None:
        """Monotonic seconds of the first observation, or of the case's start where the span has one."""
        started = self.of(CaseStarted)
        if started:
            return started[0].at.t
        return self._start.t if self._start else None


def _may_be(raw: bytes, method: str | None, status: range | None) -> bool:
    """Whether a message can be what is looked for: of a gateway's there are a hundred thousand, and reading them takes
    the longest."""
    if method is None:
        return True
    return method.encode() in (raw if status is not None else raw[:_START])


class Spans:
    """Spans of one record by where they begin: one that is asked for again, up to a later end, is grown and not made
    anew. Expectations over a whole run are many, and so are those of a hundred lines."""

    def __init__(self, between: Callable[[int, int], Sequence[Observation]]) -> None:
        """``between`` gives the observations from one number to another, both inclusive."""
        self._between = between
        self._kept: dict[int, tuple[Span, int]] = {}

    def over(self, first_seq: int, last_seq: int) -> Span:
        """The span between these numbers. It is good until the next is asked for."""
        span, last = self._kept.get(first_seq, (Span(()), first_seq - 1))
        if last > last_seq:
            span, last = Span(()), first_seq - 1
        span.add(self._between(last + 1, last_seq))
        self._kept[first_seq] = span, last_seq
        return span


def _is_a_keep_alive(event: Cleartext) -> bool:
    """Whether a datagram is blank, or a question to a STUN server."""
    data = event.data
    return event.transport == "udp" and (not data.strip(b"\r\n\0") or (data[0] < 4 and data[4:8] == _STUN))


def cuts_flows(event: BenchChanged) -> bool:
    """Whether an edge stops serving over flows that are open, and does not end them."""
    return event.behaviour in CUT_OFF or bool(event.detail.get("cut"))


def is_foreign(observation: Observation) -> bool:
    """Whether it is known not to be the device's."""
    event = observation.event
    if isinstance(event, _OWNED) and event.owner == "foreign":
        return True
    return observation.flow is not None and observation.flow.startswith(FOREIGN)
