"""The device as a TLS client (RFC 5246, RFC 8446, RFC 5922)."""

from __future__ import annotations

from collections.abc import Sequence

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import (
    Cleartext,
    ClientHelloSeen,
    DeviceExited,
    FlowClosed,
    FlowOpened,
    ProvisioningRequest,
    SipGarbage,
    SipKeepAlive,
    SipMessageSeen,
    TlsAlert,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
)
from certsuite.core.findings import Evidence, Judgement, Measurement
from certsuite.core.observations import IN
from certsuite.core.redaction import printable
from certsuite.tls.alerts import CLOSE_NOTIFY, USER_CANCELED

EXIT_IS_SEEN_S = 0.2
"How much later than its connections' end a program's own end may be noticed."
_ABOUT_THE_CHAIN = frozenset({42, 43, 44, 45, 46, 48})
"Alerts by which a client refuses a certificate (RFC 8446 section 6.2)."
_OLD_VERSIONS = frozenset({"TLSv1", "TLSv1.1"})


@check("tls.completes", limits=("connect_s",))
def completes(question: Question) -> Judgement:
    """A handshake completes in the version that the edge offers, and SIP comes over it (TLS-1.2)."""
    version = question.text("version")
    span = question.span
    for established in span.of(TlsEstablished):
        sip = application_data(question, established.at.flow)
        if established.event.version == version and sip:
            return question.passed(established.evidence, sip[0])
    opened = [seen for seen in span.of(FlowOpened) if seen.event.port_role == "sip-tls"]
    if not opened:
        return question.unknown("never-connected", "the device connected to no edge")
    hellos = span.of(ClientHelloSeen)
    offered = ", ".join(hellos[-1].event.versions) if hellos else "no ClientHello"
    evidence = [seen.evidence for seen in [*hellos[-1:], *_end_of_handshake(question, opened[-1].at.flow)]]
    return question.failed(
        "tls-handshake-failed",
        f"the device offered {offered}; {how_it_ended(question, opened[-1].at.flow)}",
        f"a handshake with {version} that completes, and SIP over it",
        *evidence,
        hint=f"Enable {version} on the device and give it the root of the lab.",
        settled=False,
        flow=opened[-1].at.flow,
    )


@check("tls.trusts", limits=("connect_s",))
def trusts(question: Question) -> Judgement:
    """The device accepts a chain that ends in a root that it was given (TLS-TRUST)."""
    good = question.text("presentation")
    edge = question.params.get("edge")
    presented = [seen for seen in question.span.of(TlsPresented, edge=edge) if seen.event.presentation == good]
    for seen in presented:
        sip = application_data(question, seen.at.flow)
        if sip:
            return question.passed(seen.evidence, sip[0])
    if not presented:
        return question.unknown("never-connected", "the device connected to no edge that presented the good chain")
    flow = presented[-1].at.flow
    return question.failed(
        "tls-refused-good-chain",
        how_it_ended(question, flow),
        "the chain under the lab root is accepted and SIP comes over the connection",
        *(seen.evidence for seen in _end_of_handshake(question, flow)),
        hint="Alert 48 (unknown_ca): the root did not reach the trust store. Alert 42, 45 or 46: look at the name, the "
        "device's clock and the signature algorithms.",
        settled=False,
        flow=flow,
    )


@check("tls.refuses", limits=("connect_s",))
def refuses(question: Question) -> Judgement:
    """The device refuses a faulty edge: ClientHello sent, server's answer given, and no byte of application data before
    the connection ended (TLS-VERIFY-CHAIN, TLS-VERIFY-NAME, TLS-MIN-1.2)."""
    presented = _presented(question)
    if "versions" in question.params:
        presented = [seen for seen in presented if list(seen.event.versions) == list(question.params["versions"])]
    for seen in presented:
        data = application_data(question, seen.at.flow)
        if data:
            established = question.span.of(TlsEstablished, flow=seen.at.flow)
            version = f" over {established[0].event.version}" if established else ""
            said = question.params.get("said", "SIP")
            return question.failed(
                question.text("finding"),
                f"the device sent {said}{version} to an edge that presented {question.text('what')}",
                f"the connection is refused before {said} is sent",
                seen.evidence,
                data[0],
                hint=question.text("hint"),
                flow=seen.at.flow,
            )
    refused = _refused(question, presented)
    if refused:
        presented_at, closed_at = refused[0]
        alerts = [
            alert.evidence
            for alert in question.span.of(TlsAlert, flow=presented_at.at.flow)
            if alert.at.direction == IN
        ]
        return question.passed(presented_at.evidence, *alerts, closed_at.evidence)
    return _not_shown(question, presented)


@check("tls.accepts", limits=("connect_s",))
def accepts(question: Question) -> Judgement:
    """The device accepts what an edge presents, since it is as good as the usual: SIP comes over the connection
    (TLS-VERIFY-SOUND)."""
    presented = _presented(question)
    for seen in presented:
        sip = application_data(question, seen.at.flow)
        if sip:
            return question.passed(seen.evidence, sip[0])
    refused = _refused(question, presented)
    crashed = [(seen, exit_) for seen in presented for exit_ in _crashes(question, seen)]
    if crashed:
        at, end = crashed[0]
        return question.failed(
            question.text("finding"),
            f"the device was presented {question.text('what')}: its program ended (status {end.event.status})",
            "the chain is accepted and SIP comes over the connection",
            at.evidence,
            end.evidence,
            hint=question.text("hint"),
            settled=False,
            flow=at.at.flow,
        )
    if not refused:
        return _not_shown(question, presented)
    flow = refused[0][0].at.flow
    return question.failed(
        question.text("finding"),
        f"the device was presented {question.text('what')}: {how_it_ended(question, flow)}",
        "the chain is accepted and SIP comes over the connection",
        *(seen.evidence for seen in _end_of_handshake(question, flow)),
        hint=question.text("hint"),
        settled=False,
        flow=flow,
    )


@check("tls.accepts-or-refuses", limits=("connect_s",))
def accepts_or_refuses(question: Question) -> Judgement:
    """Whether the device accepts what an edge presents, where the standards leave it open: recorded (TLS-NOTED)."""
    presented = _presented(question)
    for seen in presented:
        sip = application_data(question, seen.at.flow)
        if sip:
            return question.passed(seen.evidence, sip[0], measurements=(_taken(question, 1.0),))
    for seen, closed in _refused(question, presented):
        return question.passed(seen.evidence, closed.evidence, measurements=(_taken(question, 0.0),))
    return _not_shown(question, presented)


@check("net.no-cleartext", passive=True)
def no_cleartext(question: Question) -> Judgement:
    """Nothing is said outside TLS (TLS-MIN-1.2). Needs a connection to be seen: silence proves nothing. Datagrams that
    say nothing are counted: some devices keep their NAT open so, whatever they speak."""
    cleartext = question.span.said_in_the_clear
    if cleartext:
        first = cleartext[0]
        return question.failed(
            "cleartext-fallback",
            f"{len(cleartext)} times data in the clear, first over {first.event.transport}: "
            f"{printable(first.event.data.decode('latin-1'), at_most=60)}",
            "no fallback to UDP or TCP without TLS",
            first.evidence,
            hint="Set the transport to TLS only; switch off any automatic or NAPTR transport choice.",
        )
    if not question.span.of(FlowOpened):
        return question.unknown("nothing-seen", "the device connected to no edge")
    keep_alives = len(question.span.of(Cleartext))
    measured = (Measurement("keep_alives_in_the_clear", keep_alives, "datagrams"),) if keep_alives else ()
    return question.passed(question.span.of(FlowOpened)[0].evidence, measurements=measured)


def application_data(question: Question, flow: str | None) -> list[Evidence]:
    """Where application data came in over a flow."""
    return [
        Evidence(observation.seq, observation.frame)
        for observation in question.span
        if observation.flow == flow
        and observation.direction == IN
        and isinstance(observation.event, SipMessageSeen | SipGarbage | SipKeepAlive | ProvisioningRequest)
    ]


def _end_of_handshake(
    question: Question, flow: str | None
) -> list[Seen[TlsAlert] | Seen[TlsFailed] | Seen[FlowClosed]]:
    span = question.span
    return [*span.of(TlsAlert, flow=flow), *span.of(TlsFailed, flow=flow), *span.of(FlowClosed, flow=flow)]


def _presented(question: Question) -> list[Seen[TlsPresented]]:
    """Connections to the edge in question on which it presented the chain in question."""
    chain = question.text("presentation")
    return [
        seen for seen in question.span.of(TlsPresented, edge=question.text("edge")) if seen.event.presentation == chain
    ]


def _taken(question: Question, value: float) -> Measurement:
    return Measurement(f"accepts {question.text('presentation')}", value, "")


def _refused(
    question: Question, presented: Sequence[Seen[TlsPresented]]
) -> list[tuple[Seen[TlsPresented], Seen[FlowClosed]]]:
    """Connections that the device gave up for what it was presented."""
    return [
        (seen, closed)
        for seen in presented
        for closed in question.span.of(FlowClosed, flow=seen.at.flow)
        if _is_a_refusal(question, seen, closed)
    ]


def _not_shown(question: Question, presented: Sequence[Seen[TlsPresented]]) -> Judgement:
    """It was neither accepted nor refused."""
    if not presented:
        return question.unknown("never-connected", f"the device never came to see {question.text('what')}")
    if not any(question.span.of(FlowClosed, flow=seen.at.flow) for seen in presented):
        return question.unknown(
            "refusal-not-seen", "the device neither sent SIP to the faulty edge nor ended the connection"
        )
    return question.unknown(
        "refusal-not-seen",
        "the connection ended before the device had the server's answer, with the device's own program, or for another "
        "connection that the device had begun beside it",
    )


def _is_a_refusal(question: Question, presented: Seen[TlsPresented], closed: Seen[FlowClosed]) -> bool:
    """Whether a connection that carried no data was given up by a device that had the server's whole answer.

    One that the bench ended counts too, if TLS itself had not failed and the device had had the time to use it: one
    that is cut off in its middle, as by the end of a walk, says nothing.
    """
    flow = presented.at.flow
    if not question.span.of(ClientHelloSeen, flow=flow) or exited(question, presented, closed):
        return False
    if lost_a_race(question, presented, closed):
        return False
    if closed.event.by == "network":
        return False
    # Who completed the handshake has had the server's flight: what may be missing then are session tickets.
    if closed.event.unacknowledged and not question.span.of(TlsEstablished, flow=flow):
        return False
    alerts = [seen for seen in question.span.of(TlsAlert, flow=flow) if seen.event.description != CLOSE_NOTIFY]
    failed_here = bool(question.span.of(TlsFailed, flow=flow)) or any(seen.at.direction != IN for seen in alerts)
    had_time = closed.at.t - presented.at.t >= question.limits["connect_s"].value
    return closed.event.by != "bench" or (had_time and not failed_here) or _refused_by_version(question, presented)


def exited(question: Question, presented: Seen[TlsPresented], closed: Seen[FlowClosed]) -> bool:
    """Whether the connection may have ended because the device's program did: then its end says nothing."""
    if _said_why(question, presented.at.flow):
        return False
    return any(presented.at.t <= seen.at.t <= closed.at.t + EXIT_IS_SEEN_S for seen in question.span.of(DeviceExited))


def lost_a_race(question: Question, presented: Seen[TlsPresented], closed: Seen[FlowClosed]) -> bool:
    """Whether the device may have ended a connection because another was ready first: its end says nothing then.

    Some connect to several targets at once, and close all but one without a word (RFC 8305 has it for addresses). The
    other one completed its handshake while this one was open.
    """
    flow = presented.at.flow
    if closed.event.by != "device" or _said_why(question, flow):
        return False
    opened = [seen.at.seq for seen in question.span.of(FlowOpened, flow=flow)]
    began = opened[0] if opened else presented.at.seq
    return any(
        seen.at.flow != flow and began < seen.at.seq < closed.at.seq for seen in question.span.of(TlsEstablished)
    )


def _said_why(question: Question, flow: str | None) -> bool:
    """Whether the device ended a connection by an alert that has a reason in it."""
    return any(
        seen.at.direction == IN and seen.event.description not in (CLOSE_NOTIFY, USER_CANCELED)
        for seen in question.span.of(TlsAlert, flow=flow)
    )


def _crashes(question: Question, presented: Seen[TlsPresented]) -> list[Seen[DeviceExited]]:
    """Ends of the device's program, by itself, while a connection was open or at its end."""
    closed = [seen.at.t for seen in question.span.of(FlowClosed, flow=presented.at.flow)]
    until = (closed[0] if closed else presented.at.t) + EXIT_IS_SEEN_S
    return [
        seen for seen in question.span.of(DeviceExited) if not seen.event.asked and presented.at.t <= seen.at.t <= until
    ]


def _refused_by_version(question: Question, presented: Seen[TlsPresented]) -> bool:
    """The edge itself ended the handshake: the device had offered nothing that old.

    It says so by protocol_version (70), or by handshake_failure (40) where the device names TLS 1.2 as its highest
    version alone, and offers no suite that an older one could use.
    """
    if presented.event.presentation != "good":
        # Where a certificate is the fault, the device has to see it before it can refuse it.
        return False
    too_old = {70, 40} if _OLD_VERSIONS.issuperset(presented.event.versions) else {70}
    return any(
        alert.event.description in too_old and alert.at.direction != IN
        for alert in question.span.of(TlsAlert, flow=presented.at.flow)
    )


def chain_refused(question: Question, flow: str | None) -> Judgement | None:
    """Why nothing can be said of a handshake, if the device refused its chain: another case is about that."""
    for alert in question.span.of(TlsAlert, flow=flow):
        if alert.at.direction == IN and alert.event.description in _ABOUT_THE_CHAIN:
            reason = f"the device refused the chain, by alert {alert.event.description} ({alert.event.name})"
            return question.unknown("chain-refused", reason)
    return None


def are_over(question: Question, presented: Sequence[Seen[TlsPresented]]) -> bool:
    """Whether there were such connections and all of them have ended."""
    closed = {seen.at.flow for seen in question.span.of(FlowClosed)}
    return bool(presented) and {seen.at.flow for seen in presented} <= closed


def sip_elsewhere(question: Question, seen: Seen[TlsPresented]) -> list[Seen[SipMessageSeen]]:
    """SIP of the device over other edges after this handshake had begun."""
    return [
        one
        for one in question.span.of(SipMessageSeen)
        if one.at.direction == IN and one.at.edge != seen.at.edge and one.at.seq > seen.at.seq
    ]


def went_elsewhere(question: Question, presented: Sequence[Seen[TlsPresented]]) -> bool:
    """Whether the device ended these connections and then sent SIP to another edge: it will not come back soon."""
    return are_over(question, presented) and bool(sip_elsewhere(question, presented[-1]))


def how_it_ended(question: Question, flow: str | None) -> str:
    """In words: the device's alert, the edge's, or how the connection ended."""
    for alert in question.span.of(TlsAlert, flow=flow):
        who = "device" if alert.at.direction == IN else "edge"
        return f"the {who} ended the connection with alert {alert.event.description} ({alert.event.name})"
    for closed in question.span.of(FlowClosed, flow=flow):
        return f"the connection was ended by the {closed.event.by} ({closed.event.how}) without an alert"
    if question.span.of(TlsEstablished, flow=flow):
        return "the handshake completed and no SIP followed"
    return "the handshake did not complete"
