"""Registration and its refresh (RFC 3261 section 10), and the digest (RFC 2617)."""

from __future__ import annotations

import re

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import (
    BindingChanged,
    DeviceExited,
    DigestChecked,
    FlowClosed,
    FlowOpened,
    SipGarbage,
    TlsEstablished,
)
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.sip.message import canonical

_ADDRESS_HEADERS = ("from", "to", "contact", "route", "record-route", "refer-to", "referred-by")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?$)')


def _checked(question: Question) -> list[Seen[DigestChecked]]:
    """What the registrar said of the credentials in REGISTER, of the line that is named if one is."""
    return [
        seen
        for seen in question.span.of(DigestChecked)
        if seen.event.method == "REGISTER" and question.subject.line in (None, seen.at.line)
    ]


@check("reg.digest", limits=("registration_s",))
def digest(question: Question) -> Judgement:
    """The challenge is answered with a right response, on the line that is named if one is (REG-DIGEST)."""
    registers = question.span.messages(method="REGISTER", line=question.subject.line)
    checked = _checked(question)
    right = [seen for seen in checked if seen.event.response_right and seen.event.nonce_right]
    if right:
        return question.passed(right[0].evidence)
    if checked:
        last = checked[-1]
        detail = f"; {printable(last.event.detail)}" if last.event.detail else ""
        wrong = "the response is wrong" if not last.event.response_right else "the nonce is not one that was given"
        return question.failed(
            "digest-wrong",
            f"{wrong} for user {printable(last.event.username, at_most=60)}, realm "
            f"{printable(last.event.realm, at_most=60)}{detail}",
            "the response that RFC 2617 gives for the line's password",
            last.evidence,
            hint="Check the password in the device's configuration, also how its format escapes special characters.",
            settled=False,
        )
    if registers and question.span.messages(method="REGISTER", direction=OUT, status=range(401, 402)):
        return question.failed(
            "digest-not-answered",
            f"{len(registers)} REGISTER without credentials",
            "a REGISTER with credentials after the 401",
            registers[-1].evidence,
            hint="The realm is BroadWorks and not the registrar's domain: do not pin the realm.",
            settled=False,
        )
    established = question.span.of(TlsEstablished)
    garbage = question.span.of(SipGarbage)
    if garbage:
        return question.failed(
            "sip-unreadable",
            f"{garbage[0].event.length} bytes that are no SIP: {printable(garbage[0].event.problem)}",
            "REGISTER over the connection",
            garbage[0].evidence,
        )
    if established:
        return question.failed(
            "register-never-sent",
            "the connection is up and no REGISTER came over it",
            "REGISTER over the connection",
            established[-1].evidence,
            hint="Look into the device's log: often the line is not enabled, or its registrar is looked up by itself.",
            settled=False,
        )
    return question.unknown("never-registered", "the device sent no REGISTER")


@check("reg.auth-user", limits=("registration_s",))
def auth_user(question: Question) -> Judgement:
    """The digest's username is the line's authentication user (REG-AUTH-USER)."""
    checked = _checked(question)
    if not checked:
        return question.unknown("no-credentials", "the device sent no credentials")
    wrong = [seen for seen in checked if not seen.event.username_right]
    if wrong:
        return question.failed(
            "digest-wrong-user",
            f"username {printable(wrong[0].event.username, at_most=60)}",
            "the line's authentication user, which differs from the user of its address of record",
            wrong[0].evidence,
            hint="Map sipUserName to the authentication name and the left part of linePort to the user name.",
        )
    return question.passed(checked[0].evidence)


@check("reg.registers", limits=("registration_s",))
def registers(question: Question) -> Judgement:
    """A binding is made; at the edge that is named, if one is."""
    edge = question.params.get("edge")
    bound = [
        seen
        for seen in question.span.of(BindingChanged, edge=edge)
        if seen.event.granted_s > 0 and question.subject.line in (None, seen.at.line)
    ]
    if bound:
        return question.passed(bound[0].evidence)
    return question.failed(
        "not-registered",
        f"no registration{f' at the {edge} edge' if edge else ''}",
        "a registration",
        settled=False,
    )


@check("reg.refreshes", limits=("registration_s",))
def refreshes(question: Question) -> Judgement:
    """A registration is refreshed before what was granted is over (REG-REFRESH).

    A REGISTER that follows a flow's end, or a start of the device, is no refresh; an interval in which the bench ended
    the flow or the device is not judged.
    """
    span = question.span
    bindings = [seen for seen in span.of(BindingChanged) if seen.event.why in ("register", "expired", "unregister")]
    breaks = [seen.at for seen in span.of(FlowClosed)] + [seen.at for seen in span.of(DeviceExited)]
    late = []
    measurements: list[Measurement] = []
    for index, bound in enumerate(bindings):
        if bound.event.why != "register" or bound.event.granted_s == 0:
            continue
        following = next((other for other in bindings[index + 1 :] if other.event.aor == bound.event.aor), None)
        if following is None:
            continue
        broken = any(
            bound.at.t_mono_ns < observation.t_mono_ns <= following.at.t_mono_ns
            and observation.flow in (None, bound.at.flow)
            for observation in breaks
        )
        if following.event.why == "expired":
            if not any(
                bound.at.t_mono_ns < observation.t_mono_ns <= following.at.t_mono_ns
                and (observation.flow is None or (observation.flow == bound.at.flow and _by_bench(observation.event)))
                for observation in breaks
            ):
                late.append((bound, following))
        elif following.event.why == "register" and not broken:
            interval = following.at.t - bound.at.t
            measurements.append(Measurement("refresh_interval", round(interval, 3), "s", bound.event.granted_s))
    if late:
        bound, expired = late[0]
        return question.failed(
            "refresh-too-late",
            f"no refresh within the {bound.event.granted_s} s that were granted",
            f"a REGISTER before {bound.event.granted_s} s are over",
            bound.evidence,
            expired.evidence,
            hint="The expiry in the 200 decides, not the one that was asked for.",
        )
    if measurements:
        return question.passed(measurements=tuple(measurements[:1]))
    return question.unknown("no-interval", "no registration lasted undisturbed until its refresh")


def _by_bench(event: object) -> bool:
    return isinstance(event, FlowClosed) and event.by == "bench"


@check("sip.no-sips-uri", passive=True)
def no_sips_uri(question: Question) -> Judgement:
    """No message of the device has a ``sips:`` URI (SIP-NO-SIPS)."""
    messages = question.span.messages()
    if not messages:
        return question.unknown("nothing-seen", "the device sent no SIP message")
    for seen in messages:
        places = [("Request-URI", seen.message.uri)]
        places += [(name, value) for name, value in seen.message.headers if canonical(name) in _ADDRESS_HEADERS]
        for name, value in places:
            # A display name may say what it likes; a quoted parameter, such as +sip.instance, may follow the URI.
            if "sips:" in _QUOTED.sub("", value).lower():
                return question.failed(
                    "sips-uri",
                    f"{seen.message.method or seen.message.status} with {name}: {printable(value, at_most=120)}",
                    "sip: URIs with transport=tls",
                    seen.evidence,
                    hint="Set the transport by the transport parameter, not by the scheme of the URI.",
                )
    return question.passed(messages[0].evidence, messages[-1].evidence)


@check("flow.opened", limits=("connect_s",))
def flow_opened(question: Question) -> Judgement:
    """The device opens a connection to an edge."""
    opened = question.span.of(FlowOpened, edge=question.params.get("edge"))
    if opened:
        return question.passed(opened[0].evidence)
    return question.unknown("never-connected", "the device connected to no edge")
