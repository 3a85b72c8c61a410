"""How the device finds its edge (RFC 3263, RFC 2782)."""

from __future__ import annotations

from certsuite.checks.registry import Question, check
from certsuite.core.events import DnsQuery, FlowOpened, SipMessageSeen
from certsuite.core.findings import Judgement
from certsuite.core.observations import IN
from certsuite.core.redaction import printable

_SRV_NAME = "_sips._tcp."
_AT_ONCE_S = 0.25
"Connections that follow each other so soon were begun at once: RFC 8305 section 5 waits as long between two."


@check("dns.asks-sips-srv", limits=("connect_s",))
def asks_sips_srv(question: Question) -> Judgement:
    """The device asks for SRV ``_sips._tcp.<outbound proxy>`` (DNS-SRV)."""
    proxy = question.text("outbound_proxy")
    queries = question.span.of(DnsQuery)
    right = [
        seen
        for seen in queries
        if seen.event.type == "SRV" and seen.event.name.rstrip(".").lower() == f"{_SRV_NAME}{proxy}".lower()
    ]
    if right:
        return question.passed(right[0].evidence)
    if not queries:
        return question.unknown("nothing-seen", "the device asked the responder nothing")
    asked = sorted({f"{seen.event.type} {printable(seen.event.name, at_most=80)}" for seen in queries})
    return question.failed(
        "dns-no-sips-srv",
        f"asked {', '.join(asked[:8])}",
        f"SRV {_SRV_NAME}{proxy}",
        *(seen.evidence for seen in queries[:8]),
        hint="Set transport TLS, the outbound proxy's name and no port: an explicit port suppresses SRV.",
        settled=False,
    )


@check("dns.uses-srv-port", limits=("connect_s",))
def uses_srv_port(question: Question) -> Judgement:
    """The device connects to the port of the SRV record, and to no default one (DNS-SRV-PORT)."""
    opened = question.span.of(FlowOpened)
    right = [seen for seen in opened if seen.event.port_role == "sip-tls"]
    wrong = [seen for seen in opened if seen.event.port_role != "sip-tls"]
    # Cleartext on the SRV port is another matter, and has a case of its own.
    srv_flows = {seen.at.flow for seen in right}
    cleartext = [
        seen for seen in question.span.said_in_the_clear if seen.at.flow is None or seen.at.flow not in srv_flows
    ]
    if wrong or cleartext:
        ports = sorted({seen.event.local for seen in wrong} | {f"{seen.event.transport} 5060" for seen in cleartext})
        return question.failed(
            "dns-ignores-srv-port",
            f"connected to {', '.join(ports)}",
            f"port {question.text('port')}, as the SRV record says",
            *[*(seen.evidence for seen in wrong), *(seen.evidence for seen in cleartext)][:8],
            hint="Clear the port of the outbound proxy; the port comes from SRV and changes from region to region.",
        )
    if right:
        return question.passed(right[0].evidence)
    return question.unknown("never-connected", "the device connected to no port of any edge")


@check("dns.lowest-priority-first", limits=("connect_s",))
def lowest_priority_first(question: Question) -> Judgement:
    """With both targets up, the first connection goes to the one with the lowest priority value (DNS-SRV-PRIORITY).

    Of a device that connects to several targets at once, the one counts that it uses.
    """
    wanted, opened = question.text("edge"), question.span.of(FlowOpened)
    if not opened:
        return question.unknown("never-connected", "the device connected to no edge")
    first = opened[0]
    if first.event.port_role != "sip-tls":
        # The address of the outbound proxy itself is that of an edge, too.
        reason = f"the first connection went to {first.event.local}, which no SRV record names"
        return question.unknown("not-by-srv", reason, settled=True)
    if first.at.edge == wanted:
        return question.passed(first.evidence)
    flows = {seen.at.flow for seen in opened}
    used = [seen for seen in question.span.of(SipMessageSeen) if seen.at.direction == IN and seen.at.flow in flows]
    beside = [seen for seen in opened if seen.at.edge == wanted and seen.at.t - first.at.t <= _AT_ONCE_S]
    if beside and used and used[0].at.edge == wanted:
        return question.passed(first.evidence, beside[0].evidence, used[0].evidence)
    return question.failed(
        "dns-ignores-priority",
        f"connected to the {first.at.edge} edge first",
        f"the {wanted} edge first: it has the lowest priority value",
        first.evidence,
        hint="RFC 2782: targets are tried in rising order of priority value; weight only orders equals.",
        settled=bool(used),
    )
