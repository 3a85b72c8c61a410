"""The device as one that fetches its configuration over HTTPS (RFC 9110, RFC 2818)."""

from __future__ import annotations

from typing import TypeVar

from certsuite.checks.registry import Question, check
from certsuite.checks.span import PROVISIONING, Seen, SeenMessage
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    DeviceStarted,
    DnsQuery,
    DoorsSeen,
    DriverAction,
    FlowOpened,
    OutsideMessage,
    ProvisioningAnswer,
    ProvisioningRequest,
    TlsPresented,
)
from certsuite.core.findings import Evidence, Judgement, Measurement
from certsuite.core.observations import IN, OUT
from certsuite.core.redaction import printable

S = TypeVar("S", Seen[DnsQuery], Seen[BindingChanged], SeenMessage)
_OK, _UNCHANGED = 200, 304
_TWICE = 2
AWAY = "away"
"What the server is called that refuses connections."


@check("prov.fetches", limits=("resync_s",))
def fetches(question: Question) -> Judgement:
    """The device asks for its configuration over HTTPS, and never without TLS (PROV-HTTPS)."""
    asked = _asked(question)
    clear = [seen for seen in asked if not seen.event.secure]
    if clear:
        return _in_clear(question, clear[0])
    if asked:
        return question.passed(asked[0].evidence)
    elsewhere = [*question.span.of(DnsQuery), *question.span.of(FlowOpened)]
    if not elsewhere and not question.span.of(FlowOpened, edge=PROVISIONING):
        return question.unknown("nothing-seen", "nothing came from the device")
    return question.failed(
        "prov-never-fetched",
        "no request to the provisioning server",
        "a request over HTTPS",
        hint="The address did not reach the device, or it could not connect: see the handshakes with provisioning.",
        settled=False,
    )


@check("prov.asks-for-its-file", limits=("resync_s",))
def asks_for_its_file(question: Question) -> Judgement:
    """It asks for the file that is its own, and names its MAC address where its profile says (PROV-FILE)."""
    path, place = question.text("path"), question.text("mac")
    asked = _asked(question)
    if not asked:
        return question.unknown("never-fetched", "the device asked the provisioning server for nothing")
    right = [seen for seen in asked if seen.event.target.partition("?")[0] == path]
    if not right:
        targets = sorted({printable(seen.event.target, at_most=80) for seen in asked})
        return question.failed(
            "prov-other-file",
            f"asked for {', '.join(targets[:5])}",
            path,
            *(seen.evidence for seen in asked[:5]),
            hint="The name is made from a pattern of the vendor's: MAC address, its letters' case, model, ending.",
            settled=False,
        )
    named = [seen for seen in right if place == "none" or _is_named(seen.event, place)]
    if named:
        return question.passed(named[0].evidence)
    return question.failed(
        "prov-mac-missing",
        f"the MAC address stands in {', '.join(right[-1].event.mac_in) or 'no part'} of the request",
        f"in {'the path' if place == 'path' else 'a header'}, as the profile says",
        right[-1].evidence,
        hint="Device management knows a device by it: switch on the header, or correct the profile.",
        settled=False,
    )


@check("prov.authenticates", limits=("resync_s",))
def authenticates(question: Question) -> Judgement:
    """It authenticates in the way that is asked for, with the credentials that it was given (PROV-AUTH)."""
    asked = [seen for seen in _asked(question) if seen.event.secure]
    accepted = [seen for seen in asked if seen.event.accepted]
    if accepted:
        return question.passed(accepted[0].evidence)
    if not asked:
        return question.unknown("never-fetched", "the device asked the provisioning server for nothing")
    last = asked[-1].event
    how = f"{last.credentials} credentials: {last.problem}" if last.credentials != "none" else "no credentials"
    return question.failed(
        "prov-not-authenticated",
        f"{len(asked)} requests, none with the right credentials; the last had {how}",
        f"{question.text('credentials')} credentials that are right",
        *(seen.evidence for seen in asked[-3:]),
        hint="Look at user and password as they reached the device, and at the ways of authentication that it knows.",
        settled=False,
    )


@check("prov.keeps-credentials", limits=("resync_s",))
def keeps_credentials(question: Question) -> Judgement:
    """It gives its credentials to no server that is not who it ought to be (PROV-CREDENTIALS)."""
    presentation = question.text("presentation")
    shown = [
        seen for seen in question.span.of(TlsPresented, edge=PROVISIONING) if seen.event.presentation == presentation
    ]
    if not shown:
        return question.unknown("never-connected", f"the device never came to see {question.text('what')}")
    flows = {seen.at.flow for seen in shown}
    given = [seen for seen in _asked(question) if seen.at.flow in flows and seen.event.credentials != "none"]
    if given:
        return question.failed(
            "prov-credentials-to-untrusted",
            f"{given[0].event.credentials} credentials for a server that presented {question.text('what')}",
            "no credentials before the server is known",
            shown[0].evidence,
            given[0].evidence,
            hint="Switch on the verification of the provisioning server: it decides who gets the SIP passwords.",
        )
    return question.passed(shown[0].evidence)


@check("prov.stays-with-tls", limits=("resync_s",))
def stays_with_tls(question: Question) -> Judgement:
    """A redirection to HTTP is not followed (PROV-HTTPS). It is asked once the device has done something else since."""
    told = [seen for seen in _answers(question) if seen.event.location.startswith("http:")]
    if not told:
        return question.unknown("never-told", "the device asked for nothing that could be answered with a redirection")
    clear = [seen for seen in _asked(question) if not seen.event.secure]
    if clear:
        return _in_clear(question, clear[0])
    return question.passed(told[0].evidence)


@check("prov.follows", limits=("resync_s",))
def follows(question: Question) -> Judgement:
    """A redirection to another host over HTTPS is followed, as in zero-touch provisioning (PROV-REDIRECT)."""
    told = [seen for seen in _answers(question) if seen.event.location.startswith("https:")]
    if not told:
        return question.unknown("never-told", "the device asked for nothing that could be answered with a redirection")
    host = question.text("host")
    there = [seen for seen in _asked(question) if seen.event.host == host and seen.at.seq > told[0].at.seq]
    if there:
        return question.passed(told[0].evidence, there[0].evidence)
    return question.failed(
        "prov-redirect-ignored",
        f"told to go to {printable(told[0].event.location)}, and never asked there",
        f"a request to {host}",
        told[0].evidence,
        hint="Zero-touch services of vendors send a new device to its operator's server in this way.",
        settled=False,
    )


@check("prov.applies", limits=("resync_s",))
def applies(question: Question) -> Judgement:
    """After a resync REGISTER asks for the expiry that the new configuration has (PROV-RESYNC)."""
    expiry = int(question.param("expiry_s"))
    fetched = _fetched(question)
    registers = _since(fetched, [seen for seen in _registers(question) if seen.message.expires])
    right = [seen for seen in registers if seen.message.expires == expiry]
    if right and fetched:
        took = Measurement("applied_after", round(right[0].at.t - fetched[0].at.t, 3), "s")
        return question.passed(fetched[0].evidence, right[0].evidence, measurements=(took,))
    return _not_taken(
        question,
        fetched,
        "prov-change-not-applied",
        f"REGISTER asks for {registers[-1].message.expires} s" if registers else "no REGISTER followed",
        f"REGISTER that asks for the {expiry} s of the new configuration",
        *(seen.evidence for seen in registers[-2:]),
    )


@check("prov.heeds-no-outsider", limits=("resync_s",))
def heeds_no_outsider(question: Question) -> Judgement:
    """An order to fetch from an address that is not the registrar's is not obeyed (PROV-ORDERS).

    It is asked once the registrar's own order has been obeyed since: what came before that came at the outsider's.
    """
    sent = [seen for seen in question.span.of(OutsideMessage) if seen.at.direction == OUT]
    first = sent[0].at.seq if sent else 0
    looked = question.span.of(DoorsSeen)
    orders = [seen for seen in question.span.of(DriverAction) if seen.event.action == "resync"]
    own = next((seen for seen in orders if looked and seen.at.seq > max(first, looked[0].at.seq)), None)
    came = question.span.of(FlowOpened, edge=PROVISIONING)
    if own is None or not any(seen.at.seq > own.at.seq for seen in came):
        return question.unknown("order-not-given", "the device was not seen to heed its registrar after the outsider")
    heeded = [seen for seen in came if sent and first < seen.at.seq < own.at.seq]
    if heeded:
        doors = ", ".join(sorted({printable(seen.event.door) for seen in sent}))
        return question.failed(
            "prov-outsider-obeyed",
            f"the device came for its configuration at a NOTIFY check-sync that was sent to {doors}",
            "nothing at an order that does not come from its registrar",
            sent[0].evidence,
            heeded[0].evidence,
            hint="Take orders over the flow of the registration alone, or ask for credentials (401) and verify them.",
        )
    answered = [seen for seen in question.span.of(OutsideMessage) if seen.at.direction == IN]
    counted = (
        Measurement("open_doors", float(len(looked[0].event.doors)), ""),
        Measurement("answers_to_outsider", float(len(answered)), ""),
    )
    return question.passed(looked[0].evidence, *(seen.evidence for seen in sent[:2]), measurements=counted)


@check("prov.moves", limits=("resync_s",))
def moves(question: Question) -> Judgement:
    """After a resync the device registers at the outbound proxy that the new configuration has (PROV-PROXY)."""
    proxy, edge = question.text("outbound_proxy"), question.text("edge")
    fetched = _fetched(question)
    asked = [
        seen
        for seen in _since(fetched, question.span.of(DnsQuery))
        if seen.event.type == "SRV" and seen.event.name.rstrip(".").lower().endswith(f".{proxy}")
    ]
    bound = [
        seen
        for seen in _since(fetched, question.span.of(BindingChanged, edge=edge))
        if seen.event.granted_s > 0 and question.subject.line in (None, seen.at.line)
    ]
    if fetched and asked and bound:
        took = Measurement("moved_after", round(bound[0].at.t - fetched[0].at.t, 3), "s")
        return question.passed(fetched[0].evidence, asked[0].evidence, bound[0].evidence, measurements=(took,))
    seen_of_it = "the device asked DNS for it and did not register there" if asked else "the device went on as before"
    return _not_taken(
        question,
        fetched,
        "prov-old-proxy",
        seen_of_it,
        f"SRV of {proxy}, and a registration there",
        *(seen.evidence for seen in asked[:2]),
    )


@check("prov.fails-so", limits=("resync_s",))
def fails_so(question: Question) -> Judgement:
    """The device met the server's failure: without that, nothing is tried."""
    failed = _failed(question)
    if failed is not None:
        return question.passed(failed)
    return question.unknown("never-fetched", "the device did not come to meet the failure")


@check("prov.keeps-working", limits=("registration_s",))
def keeps_working(question: Question) -> Judgement:
    """After a fetch that failed a line registers as its last good configuration says (PROV-KEEPS)."""
    fault, expiry = question.text("fault"), int(question.param("expiry_s"))
    failed = _failed(question)
    if failed is None:
        return question.unknown("never-fetched", "the device did not come to meet the failure")
    registers = [seen for seen in _registers(question) if seen.message.expires and seen.at.seq > failed.seq]
    other = [seen for seen in registers if seen.message.expires != expiry]
    if other:
        return question.failed(
            "prov-last-lost" if fault == AWAY else "prov-failed-fetch-applied",
            f"REGISTER asks for {other[0].message.expires} s",
            f"for {expiry} s, as in the last configuration that came whole",
            failed,
            other[0].evidence,
            hint="Keep the last good configuration in permanent memory, and replace it by one that came whole alone.",
        )
    bound = [
        seen
        for seen in question.span.of(BindingChanged)
        if seen.at.seq > failed.seq and seen.event.granted_s > 0 and seen.at.line == question.subject.line
    ]
    if registers and bound:
        return question.passed(failed, registers[0].evidence, bound[0].evidence)
    return question.failed(
        "prov-stops-without-server",
        f"line {question.subject.line} did not register after its configuration could not be fetched ({fault})",
        "a registration by the last good configuration",
        failed,
        hint="A device must work without its provisioning server, from its start on.",
        settled=False,
    )


@check("prov.keeps-secrets", passive=True)
def keeps_secrets(question: Question) -> Judgement:
    """No password stands in a URL or a header, and none is sent without TLS, in the whole run (PROV-SECRETS)."""
    asked = _asked(question)
    if not asked:
        return question.unknown("never-fetched", "the device asked the provisioning server for nothing")
    shown = [seen for seen in asked if seen.event.secrets_in]
    clear = [seen for seen in asked if not seen.event.secure and seen.event.credentials == "basic"]
    for seen in [*shown, *clear]:
        where = ", ".join(seen.event.secrets_in) or "a request without TLS"
        return question.failed(
            "prov-password-shown",
            f"a password stands in {where}",
            "passwords in no URL and no header but Authorization, and over TLS alone",
            seen.evidence,
            hint="URLs and User-Agents are written into the logs of every server and proxy on the way.",
        )
    return question.passed(asked[0].evidence)


@check("prov.conditional", limits=("resync_s",))
def conditional(question: Question) -> Judgement:
    """Whether what it has already is asked for conditionally: recorded, it judges nothing (PROV-NOTED)."""
    fetched = [seen for seen in _answers(question) if seen.event.status in (_OK, _UNCHANGED)]
    if len(fetched) < _TWICE:
        return question.unknown("not-fetched-again", "the device did not fetch its configuration once more")
    asks = any(seen.event.if_none_match for seen in _asked(question))
    saved = any(seen.event.status == _UNCHANGED for seen in fetched)
    return question.passed(
        fetched[-1].evidence,
        measurements=(
            Measurement("asks_if_none_match", float(asks), ""),
            Measurement("not_modified", float(saved), ""),
        ),
    )


def _asked(question: Question) -> list[Seen[ProvisioningRequest]]:
    return question.span.of(ProvisioningRequest, edge=PROVISIONING)


def _answers(question: Question) -> list[Seen[ProvisioningAnswer]]:
    return question.span.of(ProvisioningAnswer, edge=PROVISIONING)


def _fetched(question: Question) -> list[Seen[ProvisioningAnswer]]:
    return [seen for seen in _answers(question) if seen.event.status == _OK and not seen.event.fault]


def _since(fetched: list[Seen[ProvisioningAnswer]], seen: list[S]) -> list[S]:
    """Of what was seen, what came after the first fetch: nothing before it can have been made by it."""
    return [one for one in seen if fetched and one.at.seq > fetched[0].at.seq]


def _registers(question: Question) -> list[SeenMessage]:
    return question.span.messages(method="REGISTER", line=question.subject.line)


def _failed(question: Question) -> Evidence | None:
    """Where the device met the server's failure: its answer, or a start while nobody listened."""
    fault = question.text("fault")
    if fault != AWAY:
        return next((seen.evidence for seen in _answers(question) if seen.event.fault == fault), None)
    gone = [seen for seen in question.span.of(BenchChanged, edge=PROVISIONING) if seen.event.behaviour == AWAY]
    starts = [seen for seen in question.span.of(DeviceStarted) if gone and seen.at.seq > gone[0].at.seq]
    return starts[0].evidence if starts else None


def _is_named(request: ProvisioningRequest, place: str) -> bool:
    in_header = any(where != "path" for where in request.mac_in)
    return "path" in request.mac_in if place == "path" else in_header


def _in_clear(question: Question, seen: Seen[ProvisioningRequest]) -> Judgement:
    return question.failed(
        "prov-fetched-in-clear",
        f"{printable(seen.event.method)} {printable(seen.event.target, at_most=80)} without TLS",
        "HTTPS alone: the configuration has the SIP passwords in it",
        seen.evidence,
        hint="Give the device an https:// address, and switch off every fallback to HTTP, FTP and TFTP.",
    )


def _not_taken(
    question: Question,
    fetched: list[Seen[ProvisioningAnswer]],
    finding: str,
    observed: str,
    expected: str,
    *evidence: Evidence,
) -> Judgement:
    """What a resync ought to have brought about was not seen: it did not fetch, or it did not use what it fetched."""
    if not fetched:
        return question.failed(
            "prov-no-resync",
            f"the device did not fetch its configuration again ({question.text('by')})",
            "a fetch when the network asks for it",
            *evidence,
            hint="Switch on the handling of NOTIFY with Event check-sync; some phones want it to be authenticated.",
            settled=False,
        )
    return question.failed(
        finding,
        f"the new configuration was fetched; {observed}",
        expected,
        fetched[0].evidence,
        *evidence,
        hint="Some phones take a change after a restart alone, or if a version in the file is another than before.",
        settled=False,
    )
