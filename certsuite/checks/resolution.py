"""What the device does when DNS is difficult: odd answers, none, and other records (RFC 1034, RFC 2782, RFC 3263)."""

from __future__ import annotations

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import BenchChanged, BindingChanged, DnsQuery, FlowOpened
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import uri_of, user_host

_SHOWN = 6


def _changes(question: Question, behaviour: str) -> list[Seen[BenchChanged]]:
    """When DNS became so in this span."""
    return [
        seen
        for seen in question.span.of(BenchChanged)
        if seen.event.what == "DNS" and seen.event.behaviour == behaviour
    ]


def _asked_srv(question: Question, after: int = -1) -> list[Seen[DnsQuery]]:
    return [seen for seen in question.span.of(DnsQuery) if seen.event.type == "SRV" and seen.at.seq > after]


def _name(seen: Seen[DnsQuery]) -> str:
    """What was asked for, to be compared: letters may be of any case, and differ from one question to the next."""
    return seen.event.name.rstrip(".").lower()


def _described(queries: list[Seen[DnsQuery]]) -> str:
    """What was asked, and what came of it, in few words."""
    texts = dict.fromkeys(
        f"{seen.event.type} {printable(seen.event.name, at_most=80)}{' over TCP' * (seen.event.transport == 'tcp')}"
        for seen in queries
    )
    shown = list(texts)[:_SHOWN]
    return ", ".join(shown) + (f" and {len(texts) - len(shown)} more" if len(texts) > len(shown) else "")


@check("dns.is-asked", limits=("connect_s",))
def is_asked(question: Question) -> Judgement:
    """An SRV question came: without one nothing can be said of what the device makes of the answers."""
    asked = _asked_srv(question)
    if asked:
        return question.passed(asked[0].evidence)
    return _not_asked(question)


def _not_asked(question: Question, *, settled: bool = False) -> Judgement:
    reason = f"the device asked for no SRV record while DNS was: {question.text('behaviour')}"
    return question.unknown("not-asked", reason, settled=settled)


@check("dns.leads-to", limits=("connect_s",))
def leads_to(question: Question) -> Judgement:
    """With DNS as it is, the device first connects to this edge, or to any if none is named, at the port of SRV.

    The span begins when it has a reason to connect. A device that does not ask then says nothing: it may keep what it
    was answered before.
    """
    edge, behaviour = question.text("edge"), question.text("behaviour")
    worst = Verdict(question.text("worst"))
    asked, opened = _asked_srv(question), question.span.of(FlowOpened)
    if not asked:
        return _not_asked(question, settled=bool(opened))
    expected = (
        f"a connection to {f'the {edge}' if edge else 'an'} edge at the port of its SRV record (DNS: {behaviour})"
    )
    after = [seen for seen in opened if seen.at.seq > asked[0].at.seq]
    if not after:
        return question.failed(
            question.text("finding"),
            f"asked {_described(question.span.of(DnsQuery))}, and connected nowhere",
            expected,
            *(seen.evidence for seen in asked[:_SHOWN]),
            hint=question.text("hint"),
            verdict=worst,
            settled=False,
        )
    first = after[0]
    if edge not in ("", first.at.edge) or first.event.port_role != "sip-tls":
        return question.failed(
            question.text("finding"),
            f"connected to {first.event.local} first (the {first.at.edge} edge)",
            expected,
            asked[0].evidence,
            first.evidence,
            hint=question.text("hint"),
            verdict=worst,
        )
    # How long it takes to start, or waits before it comes back, is no matter of DNS.
    return question.timed(
        "dns_connect_time",
        first.at.t - asked[0].at.t,
        question.limits["connect_s"],
        "dns-connects-late",
        "connected, from its first question, after",
        asked[0].evidence,
        first.evidence,
        hint="Shorten the resolver's time-outs, and do not wait for answers that are not needed.",
    )


@check("dns.heeds-ttl", limits=("connect_s",))
def heeds_ttl(question: Question) -> Judgement:
    """A connection that is made after the TTL of what was answered is over goes where DNS says now (DNS-TTL).

    The span begins with the loss of the last connection; before that the device was answered with the short TTL.
    """
    edge = question.text("edge")
    opened, asked = question.span.of(FlowOpened), _asked_srv(question)
    if not opened:
        return question.unknown("never-connected", "the device connected to no edge")
    asked_first = bool(asked) and asked[0].at.seq < opened[0].at.seq
    if opened[0].at.edge == edge and asked_first:
        return question.passed(asked[0].evidence, opened[0].evidence)
    if opened[0].at.edge == edge:
        # Who goes to its next target when a connection is lost comes there as well, by the records of before.
        reason = f"the device went to the {edge} edge without asking DNS: it may have had it from before"
        return question.unknown("not-asked", reason, settled=True)
    return question.failed(
        "dns-ignores-ttl",
        f"connected to {opened[0].event.local} (the {opened[0].at.edge} edge)"
        + ("" if asked_first else " without having asked DNS again"),
        f"a connection to the {edge} edge: the TTL of the old records was over",
        opened[0].evidence,
        hint="Let the device keep records no longer than their TTL; some models have a setting that ignores it.",
        verdict=Verdict.WARN,
    )


@check("dns.retries-over-tcp", limits=("connect_s",))
def retries_over_tcp(question: Question) -> Judgement:
    """What came back truncated over UDP is asked for again over TCP (RFC 7766 section 5)."""
    queries = question.span.of(DnsQuery)
    truncated = [seen for seen in queries if seen.event.truncated and seen.event.transport == "udp"]
    if not truncated:
        return question.unknown("not-truncated", "no answer was truncated")
    cut_off = {(_name(seen), seen.event.type) for seen in truncated}
    again = [
        seen
        for seen in queries
        if seen.event.transport == "tcp"
        and (_name(seen), seen.event.type) in cut_off
        and seen.at.seq > truncated[0].at.seq
    ]
    if again:
        return question.passed(truncated[0].evidence, again[0].evidence)
    return question.failed(
        "dns-no-tcp-retry",
        f"asked {_described(truncated)} over UDP {len(truncated)} times, and not over TCP",
        "the same question over TCP: the answer had the TC bit",
        *(seen.evidence for seen in truncated[:_SHOWN]),
        hint="DNS over TCP is no option for a resolver (RFC 7766). See that no firewall rule of the device blocks it.",
        settled=False,
    )


@check("dns.recovers", limits=("dns_recovery_s",))
def recovers_from_dns(question: Question) -> Judgement:
    """After DNS was no use and is good again, every line is registered without anyone's help."""
    limit = question.limits["dns_recovery_s"]
    good = _changes(question, "good")
    if not good:
        return question.unknown("never-restored", "DNS did not come back")
    lines = int(question.params.get("lines", 1))
    bound: dict[int | None, Seen[BindingChanged]] = {}
    for seen in question.span.of(BindingChanged):
        if seen.event.granted_s > 0 and seen.at.seq > good[0].at.seq:
            bound.setdefault(seen.at.line, seen)
    if len(bound) >= lines:
        last = max(bound.values(), key=lambda one: one.at.seq)
        return question.timed(
            "dns_recovery_time",
            last.at.t - good[0].at.t,
            limit,
            "dns-recovers-late",
            "registered after DNS was good again after",
            good[0].evidence,
            last.evidence,
            hint="Shorten the pause before the device tries to register again.",
        )
    asked = _asked_srv(question, good[0].at.seq)
    again = f"asked {_described(asked)} again" if asked else "asked for SRV no more"
    return question.failed(
        "dns-no-recovery",
        f"not registered after DNS was good again; {again} (before, DNS was: {question.text('behaviour')})",
        f"registered by itself, within {limit.value:g} s",
        good[0].evidence,
        *(seen.evidence for seen in asked[:_SHOWN]),
        hint="A failed look-up is no reason to give up: the device has to try again, with growing pauses.",
        settled=False,
        limit=limit,
    )


@check("dns.keeps-registration", limits=("registration_s",))
def keeps_registration(question: Question) -> Judgement:
    """While DNS fails, every line is refreshed over the flow that it has, and none is lost (RFC 5626 section 4.4)."""
    behaviour = question.text("behaviour")
    changed = _changes(question, behaviour)
    if not changed:
        return question.unknown("dns-never-failed", f"DNS was never: {behaviour}")
    since = changed[-1].at.seq
    changes = [seen for seen in question.span.of(BindingChanged) if seen.at.seq > since]
    asked = [seen for seen in question.span.of(DnsQuery) if seen.at.seq > since]
    lost = [seen for seen in changes if seen.event.granted_s == 0]
    if lost:
        asked_text = f"after it had asked {_described(asked)} in vain" if asked else "without having asked DNS"
        return question.failed(
            "dns-drops-registration",
            f"the registration of line {lost[0].at.line} ended ({lost[0].event.why}), {asked_text}",
            f"the registration is refreshed over the connection that there is (DNS: {behaviour})",
            *(seen.evidence for seen in asked[:_SHOWN]),
            lost[0].evidence,
            hint="A refresh needs no look-up while its connection stands. Resolve anew only to connect anew.",
        )
    refreshed = {seen.at.line: seen for seen in changes}
    if len(refreshed) >= int(question.params.get("lines", 1)):
        measured = Measurement("dns_questions_at_refresh", float(len(asked)), "questions")
        return question.passed(*(seen.evidence for seen in refreshed.values()), measurements=(measured,))
    return question.unknown("not-refreshed", "no refresh was seen, and no registration was lost")


@check("dns.heeds-weight", limits=("connect_s",))
def heeds_weight(question: Question) -> Judgement:
    """Of targets with one priority, that with all the weight is registered at, at least once (RFC 2782).

    How often each was is measured. A device that spreads evenly passes: to tell it from one that heeds weights takes
    more attempts than anyone waits for.
    """
    edge, attempts = question.text("edge"), int(question.param("attempts"))
    bound = {seen.at.flow: seen for seen in question.span.of(BindingChanged) if seen.event.granted_s > 0}
    heavy = [seen for seen in bound.values() if seen.at.edge == edge]
    measured = (
        Measurement("connections_to_heavy_target", float(len(heavy)), "connections"),
        Measurement("connections_to_light_target", float(len(bound) - len(heavy)), "connections"),
    )
    if heavy:
        return question.passed(heavy[0].evidence, measurements=measured)
    if not bound:
        return question.unknown("never-registered", "the device registered at no edge")
    return question.failed(
        "dns-ignores-weight",
        f"registered at the target of weight 0 in {attempts} of {attempts} attempts",
        f"the {edge} edge at least once: its target has the same priority and all the weight",
        *(seen.evidence for seen in list(bound.values())[:_SHOWN]),
        hint="RFC 2782: among targets of one priority the choice is random, in proportion to weight.",
        verdict=Verdict.WARN,
        measurements=measured,
        settled=False,
    )


@check("dns.heeds-no-service", limits=("dns_recovery_s",))
def heeds_no_service(question: Question) -> Judgement:
    """SRV target ``.`` says that there is no service: nothing else is tried until SRV says otherwise (RFC 2782)."""
    denied = [
        seen for seen in _asked_srv(question) if any(line.endswith(" SRV 0 0 0 .") for line in seen.event.answers)
    ]
    if not denied:
        return question.unknown("not-asked", "the device was not told that there is no service")
    opened = [seen for seen in question.span.of(FlowOpened) if seen.at.seq > denied[0].at.seq]
    wrong = [seen for seen in opened if seen.event.port_role != "sip-tls"]
    if wrong:
        return question.failed(
            "dns-ignores-no-service",
            f"connected to {wrong[0].event.local}",
            "no connection: the SRV record's target is a dot, which says that the service is not there",
            denied[0].evidence,
            wrong[0].evidence,
            hint="RFC 2782: a dot as target is no missing record. The fallback to the address and a default port is "
            "for a name without SRV records.",
        )
    if opened:
        return question.passed(denied[0].evidence, opened[0].evidence)
    return question.unknown("never-connected", "the device connected to no edge afterwards")


@check("dns.falls-back-to-address", limits=("connect_s",))
def falls_back_to_address(question: Question) -> Judgement:
    """Where there is no SRV record, the addresses of the name itself are asked for (RFC 3263 section 4.2).

    What else was asked, and whether the default port was tried, is measured.
    """
    proxy = question.text("outbound_proxy").lower()
    queries = question.span.of(DnsQuery)
    empty = [seen for seen in queries if seen.event.type == "SRV" and not seen.event.answers]
    if not empty:
        return question.unknown("not-asked", "the device asked for no SRV record that is missing")
    # Some ask for both at once, so that the answer for addresses is there when they find that there is no SRV record.
    address = [seen for seen in queries if seen.event.type in ("A", "AAAA") and _name(seen) == proxy]
    if address:
        other = {_name(seen).removesuffix(f".{proxy}") for seen in queries if seen.event.type == "SRV"}
        measured = (
            Measurement("asked_naptr", float(any(seen.event.type == "NAPTR" for seen in queries)), "yes/no"),
            Measurement("asked_sip_tls", float("_sip._tls" in other), "yes/no"),
        )
        return question.passed(empty[0].evidence, address[0].evidence, measurements=measured)
    return question.failed(
        "dns-no-address-fallback",
        f"asked {_described(queries)}, and for no address of {proxy}",
        f"A or AAAA of {proxy}: it has no SRV record",
        *(seen.evidence for seen in queries[:_SHOWN]),
        hint="Webex Calling always has SRV records, so this is for information (RFC 3263 section 4.2).",
        verdict=Verdict.WARN,
        settled=False,
    )


@check("dns.needs-no-registrar", limits=("registration_s",))
def needs_no_registrar(question: Question) -> Judgement:
    """The device registers although the registrar's domain resolves nowhere (DNS-NO-REGISTRAR)."""
    domain = question.text("registrar_domain").lower()
    asked = [seen for seen in question.span.of(DnsQuery) if f".{_name(seen)}".endswith(f".{domain}")]
    bound = [seen for seen in question.span.of(BindingChanged) if seen.event.granted_s > 0]
    if bound:
        measured = Measurement("questions_for_registrar_domain", float(len(asked)), "questions")
        return question.passed(bound[0].evidence, measurements=(measured,))
    if asked:
        return question.failed(
            "dns-needs-registrar-domain",
            f"asked {_described(asked)}, and did not register",
            "a registration over the outbound proxy: the registrar's domain is a name in SIP, and resolves nowhere",
            *(seen.evidence for seen in asked[:_SHOWN]),
            hint="Enter the outbound proxy as outbound proxy, and the registrar's domain as domain or realm only.",
            settled=False,
        )
    return question.unknown("never-registered", "the device did not register, and never asked for the registrar")


@check("dns.names-registrar", limits=("registration_s",))
def names_registrar(question: Question) -> Judgement:
    """REGISTER goes to the outbound proxy, and names the registrar's domain: in its URI, From and To."""
    domain = question.text("registrar_domain").lower()
    registers = question.span.messages(method="REGISTER")
    for seen in registers:
        places = {"Request-URI": seen.message.uri, "From": seen.message.get("From"), "To": seen.message.get("To")}
        for place, value in places.items():
            host = user_host(uri_of(value or ""))[1].lower()
            if host != domain:
                return question.failed(
                    "register-names-other-host",
                    f"{place} of REGISTER names {printable(host, at_most=80) or 'nothing'}",
                    f"{domain}, the registrar's domain",
                    seen.evidence,
                    hint="The outbound proxy is where REGISTER is sent, not what it is addressed to: it belongs into a "
                    "Route or nowhere.",
                )
    if registers:
        return question.passed(registers[0].evidence)
    return question.unknown("never-registered", "the device sent no REGISTER")
