"""The connection between registrations: keep-alives, silence, another port, and what a firewall would see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    Cleartext,
    DnsQuery,
    Event,
    FlowClosed,
    FlowOpened,
    SipKeepAlive,
    SipMessageSeen,
    TrafficClass,
)
from certsuite.core.findings import Evidence, Judgement, Measurement
from certsuite.core.observations import IN, Observation
from certsuite.core.verdicts import Verdict

_WATCHED = 3
"Keep-alives that show how often they come."
_CLOCK = 1.25
"How much longer than it says a device's pause may be: its timer, and what else it has to do."


@check("net.keeps-alive", limits=("nat_binding_s",))
def keeps_alive(question: Question) -> Judgement:
    """Keep-alives come over the flow of the registration as often as the profile says (NET-KEEP-ALIVE).

    ``interval_s`` is what it says. Counted is the longest time in which the device sent nothing over the flow, from its
    registration on to the last keep-alive that was watched.
    """
    interval_s, limit = float(question.param("interval_s")), question.limits["nat_binding_s"]
    bound = [seen for seen in question.span.of(BindingChanged) if seen.event.granted_s > 0]
    if not bound:
        return question.unknown("never-registered", "the device was not registered")
    flow = bound[-1].at.flow
    sent = [one for one in question.span if one.flow == flow and _is_sent(one)]
    kept = [one for one in sent if isinstance(one.event, SipKeepAlive)][:_WATCHED]
    end = max(one.t for one in question.span)
    if not kept:
        return _seldom(question, bound[-1:], f"no keep-alive in {end - bound[-1].at.t:.1f} s", never=True)
    times = [one.t for one in sent if one.t <= kept[-1].t]
    longest = max((after - before for before, after in pairwise(times)), default=0.0)
    enough = len(kept) == _WATCHED
    longest = longest if enough else max(longest, end - times[-1])
    measured = (
        Measurement("longest_silence", round(longest, 3), "s", round(interval_s * _CLOCK, 3)),
        Measurement("keep_alives", len(kept), "keep-alives"),
        Measurement("double_crlf", sum(_form(one.event) == "ping" for one in kept), "keep-alives"),
    )
    if longest > interval_s * _CLOCK + question.span.lag_s:
        seldom = f"nothing was sent over the connection for {longest:.1f} s"
        return replace(_seldom(question, bound[-1:], seldom), measurements=measured)
    if not enough:
        return question.unknown("not-watched", f"{len(kept)} of {_WATCHED} keep-alives were seen")
    if limit.judge(longest) is not Verdict.PASS:
        return question.failed(
            "keep-alive-rare",
            f"nothing was sent over the connection for {longest:.1f} s",
            f"at most {limit.value:g} s",
            *(seen.evidence for seen in bound[-1:]),
            hint="NATs forget a connection that is silent for longer than some minutes, and some for half a minute.",
            verdict=limit.judge(longest),
            limit=limit,
            measurements=measured,
        )
    return question.passed(*(seen.evidence for seen in bound[-1:]), measurements=measured)


def _is_sent(one: Observation) -> bool:
    return one.direction == IN and isinstance(one.event, SipMessageSeen | SipKeepAlive | BindingChanged)


def _form(event: Event) -> str:
    return event.form if isinstance(event, SipKeepAlive) else ""


def _seldom(
    question: Question, bound: Sequence[Seen[BindingChanged]], observed: str, *, never: bool = False
) -> Judgement:
    """It sends keep-alives more seldom than its profile says."""
    interval_s = float(question.param("interval_s"))
    return question.failed(
        "keep-alive-never" if never else "keep-alive-rare",
        observed,
        f"something every {interval_s:g} s, as the profile says",
        *(seen.evidence for seen in bound),
        hint="Switch keep-alives on; a double CRLF (RFC 5626 section 4.4.1) is answered, so that it finds a dead "
        "connection as well.",
        settled=False,
    )


@check("net.notices-silence", limits=("pong_s",))
def notices_silence(question: Question) -> Judgement:
    """A keep-alive that is not answered makes the device give the connection up (NET-PONG).

    ``interval_s``: how often it sends them; that may pass first.
    """
    forgotten = [seen for seen in question.span.of(BenchChanged) if seen.event.detail.get("cut")]
    if not forgotten:
        return question.unknown("never-silent", "the bench did not fall silent")
    since = forgotten[0]
    rule = question.limits["pong_s"]
    limit = replace(rule, value=rule.value + float(question.param("interval_s")))
    lost = _forgotten_flows(since)
    left = [one for one in question.span if one.seq > since.at.seq and _leaves(one, lost)]
    if not left:
        return question.failed(
            "silence-not-noticed",
            "the device stayed on a connection on which nothing was answered",
            f"another connection within {limit.value:g} s",
            since.evidence,
            hint="A double CRLF that is not answered within 10 s means that the connection is dead.",
            settled=False,
            limit=limit,
        )
    return question.timed(
        "silence_noticed_after",
        left[0].t - since.at.t,
        limit,
        "silence-noticed-late",
        "the connection was given up after",
        since.evidence,
        hint="A double CRLF that is not answered within 10 s means that the connection is dead.",
    )


def _forgotten_flows(forgotten: Seen[BenchChanged]) -> set[str]:
    """The flows over which lines were registered when the connection was forgotten."""
    return {flow for _, flow in forgotten.event.detail["bound"].values()}


def _leaves(one: Observation, lost: set[str]) -> bool:
    """Whether the device gives the connection up: it closes it, opens another, or uses another that it had."""
    match one.event:
        case FlowOpened():
            return True
        case FlowClosed(by=by):
            return by == "device"
        case BindingChanged(granted_s=granted_s):
            return granted_s > 0 and one.flow not in lost
        case _:
            return False


@check("net.another-port", limits=("failover_s",))
def another_port(question: Question) -> Judgement:
    """After a connection was forgotten every line is registered over another one, new or open already."""
    lines = int(question.param("lines"))
    forgotten = [seen for seen in question.span.of(BenchChanged) if seen.event.detail.get("cut")]
    if not forgotten:
        return question.unknown("never-silent", "the bench forgot no connection")
    since = forgotten[0]
    lost = _forgotten_flows(since)
    opened = [seen for seen in question.span.of(FlowOpened) if seen.at.seq > since.at.seq]
    bound = {
        seen.at.line: seen
        for seen in question.span.of(BindingChanged)
        if seen.event.granted_s > 0 and seen.at.seq > since.at.seq and seen.at.flow not in lost
    }
    if len(bound) < lines:
        return question.failed(
            "rebinding-not-survived",
            f"{len(opened)} new connections, and {len(bound)} of {lines} lines registered over another one",
            "every line registered over another connection",
            since.evidence,
            hint="A NAT that has forgotten a connection says so to nobody: what is not answered has to be given up.",
            settled=False,
        )
    last = max(bound.values(), key=lambda seen: seen.at.seq)
    return question.timed(
        "rebound_after",
        last.at.t - since.at.t,
        question.limits["failover_s"],
        "rebinding-survived-late",
        "every line was registered over another connection after",
        since.evidence,
        last.evidence,
    )


@check("net.no-default-port", passive=True)
def no_default_port(question: Question) -> Judgement:
    """The device needs neither port 5060 nor 5061, where SRV names another: a firewall may close both.

    Where DNS had no SRV record when it was last asked, the default port is the right one (RFC 3263 section 4.2).
    """
    has_srv = True
    for one in question.span:
        event = one.event
        if isinstance(event, DnsQuery) and event.type == "SRV":
            has_srv = bool(event.answers)
        wrong = isinstance(event, FlowOpened) and event.port_role != "sip-tls"
        if has_srv and (wrong or (isinstance(event, Cleartext) and event.transport == "udp")):
            return question.failed(
                "default-port-used",
                f"it went to {event.local if isinstance(event, FlowOpened) else '5060 over UDP'}",
                "the port of the SRV record alone",
                Evidence(one.seq, one.frame),
                hint="Leave the outbound proxy's port empty, and do not fall back to 5060 or 5061.",
            )
    opened = question.span.of(FlowOpened)
    if not opened:
        return question.unknown("nothing-seen", "the device connected to no edge")
    return question.passed(opened[0].evidence)


@check("net.traffic-class", passive=True)
def traffic_class(question: Question) -> Judgement:
    """How the device marks its packets is recorded; whatever it is, it is no fault (NET-DSCP)."""
    marked = question.span.of(TrafficClass)
    if not marked:
        return question.unknown("nothing-seen", "no packet of the device had a mark that the kernel tells")
    last = {seen.event.of: seen for seen in marked}
    measured = tuple(Measurement(f"dscp_{of}", seen.event.dscp, "") for of, seen in sorted(last.items()))
    return question.passed(*(seen.evidence for seen in last.values()), measurements=measured)
