"""RTCP: reports come, protected and in form, and say what became of packets (RFC 3550, RFC 3711, RFC 5761)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from certsuite.checks.call_messages import final_answer
from certsuite.checks.media import no_media, opened_of
from certsuite.checks.media_bearing import stimulus_of
from certsuite.checks.registry import Question, check
from certsuite.checks.sdes import last_offer
from certsuite.checks.span import Seen, SeenMessage
from certsuite.core.events import MediaWindow, RtcpSeen
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import IN
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.sdp.session import SdpError, SessionDescription

_BELOW = 28
"Octets of UDP and IPv4 around a report: RFC 3550 section 6.2 counts them."
_LEAST_S = 0.5
"From the first to the last report of a stream: their rate can be told of no shorter time."
_JITTER_SLACK_MS = 10.0
"What a machine between the two may add by itself."


def _reports(question: Question) -> list[Seen[RtcpSeen]]:
    """The device's, in this call."""
    return [
        seen
        for seen in question.span.of(RtcpSeen)
        if seen.at.direction == IN and seen.event.call_id == question.subject.call_id
    ]


@check("rtcp.comes", limits=("rtcp_s",))
def comes(question: Question) -> Judgement:
    """The device's reports come, under SRTCP, as compound packets with a CNAME (MED-RTCP). None at all is a warning."""
    missing = no_media(question)
    if missing is not None:
        return missing
    limit = question.limits["rtcp_s"]
    reports = _reports(question)
    if not reports:
        return question.failed(
            "rtcp-none",
            "no RTCP from the device",
            f"a report within {limit.value:g} s",
            opened_of(question)[-1].evidence,
            hint="Without reports the platform cannot tell how well a call arrives at the device.",
            settled=False,
            verdict=Verdict.WARN,
            limit=limit,
        )
    clear = [seen for seen in reports if seen.event.protection == "none"]
    if clear:
        return question.failed(
            "rtcp-in-the-clear",
            f"{'+'.join(map(printable, clear[0].event.kinds)) or 'RTCP'} in the clear though SRTP was agreed",
            "SRTCP under the key of the device's crypto line (RFC 3711 section 3.4)",
            clear[0].evidence,
            hint="Who is on the way can read who talks to whom, and can end a call's audio by a BYE of his own.",
        )
    read = [seen for seen in reports if seen.event.protection == "srtcp"]
    if not read:
        return question.failed(
            "rtcp-wrong-key",
            f"{len(reports)} reports that do not authenticate under the key of the device's own crypto line",
            "SRTCP under that key",
            reports[0].evidence,
            settled=False,
            hint="The keys of SRTCP are derived from the same master key with labels of their own (RFC 3711 4.3.2).",
        )
    first = read[0]
    if first.event.flaw:
        return question.failed(
            "rtcp-not-compound",
            f"{'+'.join(map(printable, first.event.kinds))}: {printable(first.event.flaw, at_most=120)}",
            "SR or RR, and behind it SDES with a CNAME (RFC 3550 section 6.1)",
            first.evidence,
        )
    waited = Measurement("rtcp_first", round(first.at.t - opened_of(question)[0].at.t, 3), "s", limit.value)
    return question.passed(first.evidence, measurements=(waited,))


@check("rtcp.never-in-the-clear", passive=True)
def never_in_the_clear(question: Question) -> Judgement:
    """No RTCP of the whole run is in the clear in a call whose audio came under SRTP, not even a bye (MED-RTCP).

    A call with audio in the clear has a worse fault, which other cases tell of.
    """
    bare = {seen.event.call_id for seen in question.span.of(MediaWindow) if seen.event.cleartext}
    protected = {seen.event.call_id for seen in question.span.of(MediaWindow) if seen.event.packets} - bare
    came = [
        seen
        for seen in question.span.of(RtcpSeen)
        if seen.at.direction == IN and seen.event.call_id in protected and seen.event.protection != "unknown"
    ]
    if not came:
        return question.unknown("no-rtcp", "no RTCP of the device in a call whose audio came under SRTP")
    clear = [seen for seen in came if seen.event.protection == "none"]
    if not clear:
        return question.passed(came[0].evidence)
    kinds = Counter("+".join(map(printable, seen.event.kinds)) or "RTCP" for seen in clear)
    told = ", ".join(f"{count} of {kind}" for kind, count in kinds.most_common(4))
    named = next((seen for seen in clear if seen.event.cname), clear[0])
    name = f"; the CNAME in it is {printable(named.event.cname, at_most=120)}" if named.event.cname else ""
    return question.failed(
        "rtcp-in-the-clear",
        f"{len(clear)} of {len(came)} datagrams of RTCP in the clear though SRTP was agreed ({told}){name}",
        "SRTCP from the first datagram of a call to the last (RFC 3711 section 3.4)",
        named.evidence,
        clear[0].evidence,
        hint="Look at what goes out before the keys are in use, and at the bye when they are given up.",
    )


@check("rtcp.reports-loss", limits=("rtcp_s", "rtcp_loss_deviation", "rtcp_jitter_factor"))
def reports_loss(question: Question) -> Judgement:
    """The device's reports say what was lost on the way to it, and what jitter it had (MED-RTCP-LOSS).

    ``least``: how many packets have to be lost before a report counts. The party knows which packets it held back, and
    the report says up to which number it counts: both are about the same packets.
    """
    missing = no_media(question)
    if missing is not None:
        return missing
    stimulus = stimulus_of(question)
    if stimulus is None:
        return question.unknown("not-stimulated", "the network was good")
    least = int(question.param("least"))
    later = [seen for seen in _reports(question) if seen.at.seq > stimulus.at.seq]
    about = [seen for seen in later if seen.event.about_us and seen.event.withheld >= least]
    if not about:
        return question.unknown("no-report", f"{len(later)} reports came after packets were lost, none about them")
    seen, report = about[0], about[0].event
    measurements = (
        Measurement("reported_lost", report.reported_lost, "packets"),
        Measurement("withheld", report.withheld, "packets"),
        Measurement("reported_jitter", report.reported_jitter_ms, "ms"),
        Measurement("sent_jitter", report.sent_jitter_ms, "ms"),
    )
    evidence = (stimulus.evidence, seen.evidence)
    if report.reported_lost <= 0:
        return question.failed(
            "rtcp-reports-no-loss",
            f"{report.reported_lost} packets reported lost of {report.withheld} that were",
            f"{report.withheld} packets (RFC 3550 section 6.4.1)",
            *evidence,
            measurements=measurements,
            hint="What supervises the quality of calls believes that this device hears everything.",
        )
    limit = question.limits["rtcp_loss_deviation"]
    if abs(report.reported_lost - report.withheld) > max(2, limit.value * report.withheld):
        return question.failed(
            "rtcp-loss-wrong",
            f"{report.reported_lost} packets reported lost",
            f"{report.withheld}, give or take {max(2, limit.value * report.withheld):.0f}",
            *evidence,
            verdict=limit.breach,
            limit=limit,
            measurements=measurements,
        )
    factor, sent = question.limits["rtcp_jitter_factor"], report.sent_jitter_ms
    if not sent / factor.value <= report.reported_jitter_ms <= sent * factor.value + _JITTER_SLACK_MS:
        return question.failed(
            "rtcp-jitter-wrong",
            f"jitter of {report.reported_jitter_ms:g} ms reported",
            f"about the {sent:g} ms with which the packets left",
            *evidence,
            verdict=factor.breach,
            limit=factor,
            measurements=measurements,
            hint="Jitter is in units of the RTP timestamp, not in milliseconds (RFC 3550 section 6.4.1).",
        )
    return question.passed(*evidence, measurements=measurements)


@check("rtcp.where-agreed", limits=("rtcp_s",))
def where_agreed(question: Question) -> Judgement:
    """Reports come on the port of RTP where both sides agreed to that, and else on their own (MED-RTCP-MUX)."""
    offer = last_offer(question, reoffer=False)
    answer = None if offer is None else final_answer(question, offer)
    if offer is None or answer is None or answer.message.status >= 300:
        return question.unknown("not-stimulated", "no offer with rtcp-mux was taken")
    offered, answered = _multiplexes(offer), _multiplexes(answer)
    if answered and not offered:
        return question.failed(
            "rtcp-mux-not-offered",
            "rtcp-mux in the answer",
            "an answer without it: it was not offered (RFC 5761 section 5.1.1)",
            offer.evidence,
            answer.evidence,
        )
    reports = _reports(question)
    if not reports:
        return question.unknown("no-rtcp", "no RTCP from the device")
    first = reports[0]
    if first.event.multiplexed == answered:
        return question.passed(answer.evidence, first.evidence)
    return question.failed(
        "rtcp-other-port",
        "RTCP on the port of RTP" if first.event.multiplexed else "RTCP on a port of its own",
        "RTCP on the port of RTP, as the answer agrees" if answered else "RTCP on the port above that of RTP",
        answer.evidence,
        first.evidence,
        hint="What is sent to another port than was agreed on does not pass a NAT or an access SBC.",
    )


def _multiplexes(seen: SeenMessage) -> bool:
    try:
        audio = SessionDescription.parse(seen.message.body).audio
    except SdpError:
        return False
    return audio is not None and bool(audio.values("rtcp-mux"))


@check("rtcp.rate", limits=("rtcp_s", "rtcp_bandwidth"))
def rate(question: Question) -> Judgement:
    """The device's reports take no more than their share of the bandwidth of this call (MED-RTCP-RATE)."""
    limit = question.limits["rtcp_bandwidth"]
    # A bye may come as soon as the stream ends.
    reports = [seen for seen in _reports(question) if "BYE" not in seen.event.kinds]
    if not reports or _seconds(reports) < _LEAST_S:
        return question.unknown("too-few-reports", "the device sent fewer than two reports in the call")
    bits = _rate(reports)
    interval = _seconds(reports) / (len(reports) - 1)
    measurements = (
        Measurement("rtcp_rate", round(bits), "bit/s", limit.value),
        Measurement("rtcp_interval", round(interval, 3), "s"),
    )
    evidence = (reports[0].evidence, reports[-1].evidence)
    if bits <= limit.value:
        return question.passed(*evidence, measurements=measurements)
    return question.failed(
        "rtcp-too-often",
        f"{bits:.0f} bit/s of reports, one each {interval:.2f} s",
        f"{limit.value:g} bit/s or less, at best one each 5 s",
        *evidence,
        verdict=limit.breach,
        limit=limit,
        measurements=measurements,
    )


def _rate(reports: Sequence[Seen[RtcpSeen]]) -> float:
    """Bits a second of one stream's reports."""
    return sum(seen.event.octets + _BELOW for seen in reports[1:]) * 8 / _seconds(reports)


def _seconds(reports: Sequence[Seen[RtcpSeen]]) -> float:
    return reports[-1].at.t - reports[0].at.t
