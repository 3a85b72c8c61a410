"""The TLS handshake when the edge is slow, unusual, broken or lying (RFC 5246, RFC 8446).

A handshake is known by the ``manner`` that its edge presented itself in; an edge, and the rest of the run, may have
others. What decides is what the device did, never an alert alone: its number is told as a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.checks.tls import application_data, chain_refused, exited, lost_a_race, sip_elsewhere, went_elsewhere
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ClientHelloSeen,
    ClientKeyExchangeSeen,
    DeviceStarted,
    FlowClosed,
    TlsAlert,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.findings import Evidence, Judgement, Measurement
from certsuite.core.observations import IN
from certsuite.core.verdicts import Verdict
from certsuite.tls.client_hello import offers_session


@check("tls.is-not-followed", limits=("connect_s",))
def is_not_followed(question: Question) -> Judgement:
    """The device breaks off a handshake in which the server answers as no good one would (TLS-MIN-1.2, TLS-DOWNGRADE).

    Counted are handshakes whose ClientHello offers one of the versions ``offering``. One that the device goes on with
    shows by ClientKeyExchange: it cannot be completed, since the edge answered another ClientHello than was sent.
    """
    offering = {str(version) for version in question.param("offering")}
    asked = [
        seen
        for seen in _presented(question)
        if any(
            offering.intersection(hello.event.versions)
            for hello in question.span.of(ClientHelloSeen, flow=seen.at.flow)
        )
    ]
    for seen in asked:
        went_on = [one.evidence for one in question.span.of(ClientKeyExchangeSeen, flow=seen.at.flow)]
        went_on += application_data(question, seen.at.flow)
        if went_on:
            return question.failed(
                question.text("finding"),
                f"the device went on with the handshake of an edge that {question.text('what')}",
                "the device breaks the handshake off",
                seen.evidence,
                went_on[0],
                hint=question.text("hint"),
                flow=seen.at.flow,
            )
    for seen in _since_the_last_start(question, asked):
        closed = question.span.of(FlowClosed, flow=seen.at.flow)
        alerts = _alerts_of_the_device(question, seen.at.flow)
        # Without an alert, the device must at least have had what it is said to have refused.
        if not closed or exited(question, seen, closed[0]) or lost_a_race(question, seen, closed[0]):
            continue
        if closed[0].event.by == "device" and (alerts or not closed[0].event.unacknowledged):
            return question.passed(
                seen.evidence,
                *(alert.evidence for alert in alerts),
                closed[0].evidence,
                measurements=_numbers(alerts),
            )
    if not asked:
        return question.unknown(
            "never-connected", f"the device never connected to an edge that {question.text('what')}"
        )
    for alert in question.span.of(TlsAlert, flow=asked[-1].at.flow):
        if alert.at.direction != IN:
            reason = f"the edge could not answer so: its alert {alert.event.description} ({alert.event.name})"
            return question.unknown("not-asked", reason)
    return question.unknown("refusal-not-seen", "the device neither went on with the handshake nor broke it off")


@check("tls.completes-so", limits=("connect_s", "slow_handshake_s"))
def completes_so(question: Question) -> Judgement:
    """A handshake completes with an edge that does it in this manner, and SIP comes over it (TLS-FRAGMENTS, TLS-SLOW,
    TLS-RESUMPTION), or with one that presents this chain (TLS-ROOT-SWAP). How long it took is measured.

    With ``at_most`` warn a failure is told and does not count against the device.
    """
    presented = _presented(question)
    for seen in presented:
        established = question.span.of(TlsEstablished, flow=seen.at.flow)
        sip = application_data(question, seen.at.flow)
        if established and sip:
            took = Measurement("handshake_time", round(established[0].at.t - seen.at.t, 3), "s")
            return question.passed(seen.evidence, established[0].evidence, sip[0], measurements=(took,))
    if not presented:
        return question.unknown(
            "never-connected", f"the device never connected to an edge that {question.text('what')}"
        )
    last = presented[-1]
    alerts = _alerts_of_the_device(question, last.at.flow)
    refused = None if "presentation" in question.params else chain_refused(question, last.at.flow)
    if refused is not None:
        return refused
    closed = question.span.of(FlowClosed, flow=last.at.flow)
    return question.failed(
        question.text("finding"),
        _how_it_ended(question, last),
        f"a handshake that completes with an edge that {question.text('what')}, and SIP over it",
        last.evidence,
        *(alert.evidence for alert in alerts),
        *(one.evidence for one in closed),
        hint=question.text("hint"),
        settled=went_elsewhere(question, presented),
        verdict=Verdict.WARN if question.params.get("at_most") == Verdict.WARN else Verdict.FAIL,
        measurements=_numbers(alerts),
        flow=last.at.flow,
    )


@check("tls.gives-up-stalled", limits=("failover_s",))
def gives_up_stalled(question: Question) -> Judgement:
    """A handshake that does not go on is given up in time: the device ends it, or goes to another edge (TLS-SLOW)."""
    limit = question.limits["failover_s"]
    presented = _presented(question)
    if not presented:
        return question.unknown("never-connected", "the device never connected to the edge that stalls")
    for seen in _since_the_last_start(question, presented):
        ends = [
            one.at
            for one in question.span.of(FlowClosed, flow=seen.at.flow)
            if one.event.by == "device" and not exited(question, seen, one)
        ]
        ends += [one.at for one in sip_elsewhere(question, seen)]
        if ends:
            end = min(ends, key=lambda at: at.seq)
            return question.timed(
                "stalled_handshake_given_up",
                end.t - seen.at.t,
                limit,
                "tls-stalled-handshake",
                "a handshake that does not go on was given up after",
                seen.evidence,
                Evidence(end.seq, end.frame),
                hint="Give the handshake a time-out of its own, of some seconds.",
            )
    last = presented[-1]
    if any(exited(question, last, one) for one in question.span.of(FlowClosed, flow=last.at.flow)):
        return question.unknown("refusal-not-seen", "the connection ended with the device's own program")
    return question.failed(
        "tls-stalled-handshake",
        "the device waits in a handshake that does not go on",
        f"the handshake is given up within {limit.value:g} {limit.unit}, or another edge is tried meanwhile",
        last.evidence,
        hint="Give the handshake a time-out of its own: TCP alone does not notice a server that says nothing.",
        settled=False,
        verdict=limit.breach,
        limit=limit,
        flow=last.at.flow,
    )


@check("tls.resumption", limits=("connect_s",))
def resumption(question: Question) -> Judgement:
    """Whether the device offers a session of before when it connects again, and whether it was resumed. This is
    recorded; it judges nothing (TLS-RESUMPTION)."""
    for established in question.span.of(TlsEstablished, edge=question.params.get("edge")):
        hellos = question.span.of(ClientHelloSeen, flow=established.at.flow)
        if hellos:
            offered = any(_offers_session(hello.event) for hello in hellos)
            return question.passed(
                hellos[0].evidence,
                established.evidence,
                measurements=(
                    Measurement("session_offered", float(offered), ""),
                    Measurement("session_resumed", float(established.event.resumed), ""),
                ),
            )
    return question.unknown("never-connected", "the device did not connect again")


@check("tls.is-broken-off", limits=("connect_s",))
def is_broken_off(question: Question) -> Judgement:
    """The edge broke off a handshake of the device in this manner: without that, nothing is tried."""
    for seen in _presented(question):
        closed = question.span.of(FlowClosed, flow=seen.at.flow)
        if closed:
            return question.passed(seen.evidence, closed[0].evidence)
    return question.unknown("never-connected", "the device never connected to the edge while it broke off handshakes")


@check("tls.comes-back", limits=("failover_s",))
def comes_back(question: Question) -> Judgement:
    """After a handshake was broken off, the device registers, at whichever edge (TLS-BROKEN-OFF)."""
    broken = [
        closed
        for seen in question.span.of(TlsPresented)
        if seen.event.manner
        for closed in question.span.of(FlowClosed, flow=seen.at.flow)
    ]
    if not broken:
        return question.unknown("never-connected", "no handshake was broken off")
    first = broken[0]
    for bound in question.span.of(BindingChanged):
        if bound.event.granted_s > 0 and bound.at.seq > first.at.seq:
            took = Measurement("back_after_broken_handshake", round(bound.at.t - first.at.t, 3), "s")
            return question.passed(first.evidence, bound.evidence, measurements=(took,))
    return question.failed(
        "tls-gives-up-for-good",
        f"no registration after {len(broken)} handshakes that an edge broke off",
        "a registration at another edge, or at the same once it serves again",
        *(one.evidence for one in broken[:3]),
        hint="Treat a connection that ends in the handshake like one that is refused: go on to the next target, "
        "and try again after a pause.",
        settled=False,
    )


@check("tls.comes-with-its-clock", limits=("failover_s",))
def comes_with_its_clock(question: Question) -> Judgement:
    """A device whose clock was of 1970 at its start registers every line once the clock is set (TLS-CLOCK).

    Of one that registered before nothing is known: it does not look at dates, or its clock was never felt.
    """
    lines = int(question.param("lines"))
    moments = [seen for seen in question.span.of(BenchChanged) if seen.event.what == "clock"]
    if [seen.event.behaviour for seen in moments] != ["1970", "right"]:
        return question.unknown("clock-never-set", "the device was not started with a clock of 1970 that was set later")
    at_start, is_right = moments
    met = [seen for seen in question.span.of(TlsPresented) if seen.at.seq < is_right.at.seq]
    if not met:
        return question.unknown("never-connected", "the device connected to no edge while its clock was of 1970")
    bound = {
        seen.at.line: seen
        for seen in reversed(question.span.of(BindingChanged))
        if seen.event.granted_s > 0 and seen.at.line is not None
    }
    early = [seen for seen in bound.values() if seen.at.seq < is_right.at.seq]
    if early:
        return question.unknown(
            "clock-not-felt",
            f"line {early[0].at.line} was registered while the clock was of 1970: the device does not look at dates, "
            "or its clock was not set",
            settled=True,
        )
    if len(bound) >= lines:
        last = max(bound.values(), key=lambda seen: seen.at.seq)
        took = Measurement("registered_after_clock_was_set", round(last.at.t - is_right.at.t, 3), "s")
        return question.passed(at_start.evidence, last.evidence, measurements=(took,))
    return question.failed(
        "tls-never-without-clock",
        f"{len(met)} handshakes with a clock of 1970, and {len(bound)} of {lines} lines registered after it was set",
        "a registration of every line once the clock is right",
        met[-1].evidence,
        is_right.evidence,
        hint="A certificate that is not valid yet may mean that the clock is wrong: ask NTP first, and try again.",
        settled=False,
    )


def _presented(question: Question) -> list[Seen[TlsPresented]]:
    """Handshakes of the edge, manner and presentation that are asked about; of any where none is named."""
    manner, chain = question.text("manner"), question.params.get("presentation")
    return [
        seen
        for seen in question.span.of(TlsPresented, edge=question.params.get("edge"))
        if seen.event.manner == manner and chain in (None, seen.event.presentation)
    ]


def _since_the_last_start(question: Question, presented: Sequence[Seen[TlsPresented]]) -> list[Seen[TlsPresented]]:
    """Those that were not ended because the device's program was."""
    starts = [seen.at.seq for seen in question.span.of(DeviceStarted)]
    return [seen for seen in presented if not starts or seen.at.seq > starts[-1]]


def _offers_session(hello: ClientHelloSeen) -> bool:
    try:
        return offers_session(hello)
    except ValueError:
        return False


def _alerts_of_the_device(question: Question, flow: str | None) -> list[Seen[TlsAlert]]:
    return [alert for alert in question.span.of(TlsAlert, flow=flow) if alert.at.direction == IN]


def _numbers(alerts: Sequence[Seen[TlsAlert]]) -> tuple[Measurement, ...]:
    """Alerts as figures: the number that was sent, under its name."""
    return tuple(Measurement(f"alert_{one.event.name}", float(one.event.description), "") for one in alerts)


def _how_it_ended(question: Question, seen: Seen[TlsPresented]) -> str:
    """In words: an alert with its number, or how the connection ended, and after what time."""
    flow = seen.at.flow
    for alert in question.span.of(TlsAlert, flow=flow):
        whose = "the device's" if alert.at.direction == IN else "the edge's"
        return f"{whose} alert {alert.event.description} ({alert.event.name})"
    for closed in question.span.of(FlowClosed, flow=flow):
        after = f"{closed.at.t - seen.at.t:.1f} s after the ClientHello"
        return f"the {closed.event.by} ended the connection ({closed.event.how}) without an alert, {after}"
    if question.span.of(TlsEstablished, flow=flow):
        return "the handshake completed and no SIP followed"
    return "the handshake did not complete"
