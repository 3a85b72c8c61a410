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

_IDENTITY_HEADERS = ("p-asserted-identity", "p-preferred-identity", "diversion", "path")
_ADDRESS_HEADERS = ("from", "to", "contact", "route", "record-route", "refer-to", "referred-by", *_IDENTITY_HEADERS)
PART_OF_REGISTERING = 0.1
"A REGISTER within this share of the granted expiry belongs to the registration itself, and is no refresh of it."
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
    """Every line is refreshed before what was granted to it is over, and so stays bound beyond that (REG-REFRESH).

    A flow's end, or the device's, begins the count anew: a REGISTER that follows it is no refresh.
    """
    lines = int(question.params.get("lines", 1))
    proven: dict[int | None, Measurement] = {}
    for line in {seen.at.line for seen in question.span.of(BindingChanged)}:
        late, refreshed = _refresh_of(question, line)
        if late is not None:
            return late
        if refreshed is not None:
            proven[line] = refreshed
    if len(proven) >= lines:
        return question.passed(measurements=tuple(proven[line] for line in sorted(proven, key=str)))
    return question.unknown("no-interval", "not every line's registration lasted undisturbed until its refresh")


def _refresh_of(question: Question, line: int | None) -> tuple[Judgement | None, Measurement | None]:
    """(what is wrong, the interval of the refresh) of one line; both ``None`` if nothing can be said."""
    began: Seen[BindingChanged] | None = None
    refreshed: Measurement | None = None
    last: Seen[BindingChanged] | None = None
    for observation in question.span:
        event = observation.event
        if isinstance(event, FlowClosed | DeviceExited):
            if last is not None and observation.flow in (None, last.at.flow):
                began = last = None
        elif began is not None and observation.t > began.at.t + began.event.granted_s and refreshed is not None:
            return None, refreshed
        if not isinstance(event, BindingChanged) or observation.line != line:
            continue
        seen = Seen(event, observation)
        if event.why == "expired" and last is not None:
            granted = last.event.granted_s
            return (
                question.failed(
                    "refresh-too-late",
                    f"line {line}: no refresh within the {granted} s that were granted",
                    f"a REGISTER before {granted} s are over",
                    last.evidence,
                    seen.evidence,
                    hint="The expiry in the 200 decides, not the one that was asked for.",
                ),
                None,
            )
        if event.why != "register" or event.granted_s == 0:
            began = last = refreshed = None
        elif began is None:
            began = last = seen
            refreshed = None
        else:
            assert last is not None
            interval = observation.t - began.at.t
            if interval > PART_OF_REGISTERING * event.granted_s:
                between = round(observation.t - last.at.t, 3)
                refreshed = Measurement(f"refresh_interval_line_{line}", between, "s", event.granted_s)
            last = seen
    return None, None


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
