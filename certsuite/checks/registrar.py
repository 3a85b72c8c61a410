"""What a device makes of a registrar that asks, grants or refuses in another way (RFC 3261 sections 10, 20 and 22)."""

from __future__ import annotations

from certsuite.checks.registration import PART_OF_REGISTERING
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen, SeenMessage
from certsuite.core.events import BindingChanged, DeviceExited, DigestChecked, FlowClosed
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import parameter, split_values

_QUICK_TRIES = 3
"Refused attempts that may follow each other without a pause: a device may try each of its ways once."
_CLOCK_S = 0.05
"What two clocks may differ over an interval of seconds."


def _bound(question: Question, after: int) -> list[Seen[BindingChanged]]:
    """Bindings of the line that were made after an observation."""
    return [
        seen
        for seen in question.span.of(BindingChanged)
        if seen.event.granted_s > 0 and seen.at.seq > after and question.subject.line in (None, seen.at.line)
    ]


def _told(question: Question, status: int) -> list[SeenMessage]:
    """Responses with this status to a REGISTER of the line."""
    return question.span.messages(
        direction=OUT, method="REGISTER", status=range(status, status + 1), line=question.subject.line
    )


_STALE = "stale=true"


@check("reg.takes-challenge", limits=("registration_s",))
def takes_challenge(question: Question) -> Judgement:
    """A 401 that has ``shown`` in its challenges is answered, and the line is bound by that.

    ``optional``: that it is not answered is noted, and no fault.
    """
    line, shown = question.subject.line, question.text("shown")
    asked = [seen for seen in _told(question, 401) if shown in "\n".join(seen.message.all("WWW-Authenticate"))]
    if not asked:
        return question.unknown("never-asked", "the device sent no REGISTER that could be challenged so")
    first = asked[0]
    bound = _bound(question, first.at.seq)
    answers = [
        seen
        for seen in question.span.of(DigestChecked)
        if seen.event.method == "REGISTER" and line in (None, seen.at.line) and seen.at.seq > first.at.seq
    ]
    # Who gives up at a stale nonce comes to a new one at its next attempt, and has been without service until then.
    given_up = shown == _STALE and bool(answers) and not answers[0].event.nonce_right
    if bound and not given_up:
        return question.passed(first.evidence, bound[0].evidence)
    if given_up:
        answers = answers[:1]
    observed, last = "no REGISTER with credentials after the 401", first.evidence
    if answers:
        event, last = answers[-1].event, answers[-1].evidence
        wrong = "the response is wrong" if not event.response_right else "the nonce is not the one that was asked with"
        observed = f"{wrong}{f'; {printable(event.detail)}' if event.detail else ''}"
    return question.failed(
        question.text("finding"),
        observed,
        question.text("expected"),
        first.evidence,
        last,
        hint=question.text("hint"),
        settled=given_up,
        verdict=Verdict.WARN if question.params.get("optional") else Verdict.FAIL,
    )


@check("reg.takes-invite-challenge", limits=("action_s",))
def takes_invite_challenge(question: Question) -> Judgement:
    """A 407 in another realm than that of the registration is answered in this realm (REG-REALM)."""
    realm = question.text("realm")
    asked = [
        seen
        for seen in question.span.messages(direction=OUT, method="INVITE", status=range(407, 408))
        if realm in "\n".join(seen.message.all("Proxy-Authenticate"))
    ]
    if not asked:
        return question.unknown("never-asked", "the device sent no INVITE that could be challenged")
    answers = [
        seen
        for seen in question.span.of(DigestChecked)
        if seen.event.method == "INVITE" and seen.at.seq > asked[0].at.seq
    ]
    right = [seen for seen in answers if seen.event.realm == realm and seen.event.response_right]
    if right:
        return question.passed(asked[0].evidence, right[0].evidence)
    return question.failed(
        "invite-realm-not-answered",
        f"credentials for realm {printable(answers[-1].event.realm, at_most=60)}"
        if answers
        else "no INVITE with credentials after the 407",
        f"the INVITE again, with the digest for realm {realm}",
        asked[0].evidence,
        *(seen.evidence for seen in answers[-1:]),
        hint="Calls may be challenged in the realm of the registrar's domain: answer in the realm of the challenge.",
        settled=False,
    )


@check("reg.heeds-min-expires", limits=("registration_s",))
def heeds_min_expires(question: Question) -> Judgement:
    """After a 423 the REGISTER is sent again with the expiry that it names, or a longer one (REG-MIN-EXPIRES)."""
    told = _told(question, 423)
    if not told:
        return question.unknown("never-told", "the device sent no REGISTER that could be answered with 423")
    first = told[0]
    bound = _bound(question, first.at.seq)
    if bound:
        return question.passed(first.evidence, bound[0].evidence)
    least = first.message.get("Min-Expires") or ""
    again = [
        seen
        for seen in question.span.messages(method="REGISTER", line=question.subject.line)
        if seen.at.seq > first.at.seq
    ]
    if again:
        return question.failed(
            "min-expires-ignored",
            f"REGISTER with expiry {again[-1].message.expires} after the 423 with Min-Expires {least}",
            f"REGISTER with an expiry of {least} s or more",
            first.evidence,
            again[-1].evidence,
            settled=False,
        )
    return question.failed(
        "gave-up-on-423",
        "no REGISTER after the 423",
        f"REGISTER with an expiry of {least} s or more",
        first.evidence,
        hint="A registrar with a lowest expiry says so with 423: the device must ask again with that one.",
        settled=False,
    )


@check("reg.heeds-expiry", limits=("registration_s",))
def heeds_expiry(question: Question) -> Judgement:
    """The line is refreshed in time after a 200 that says the expiry in the Expires header (REG-EXPIRY).

    ``form``: ``header``, in the header alone; ``both``, in the Contact, beside a longer one in the header.
    """
    form, line = question.text("form"), question.subject.line
    granted = [seen for seen in _told(question, 200) if _form(seen) == form]
    if not granted:
        return question.unknown("never-granted", "no REGISTER came whose expiry could be granted so")
    first = granted[0]
    for seen in question.span.of(BindingChanged):
        if seen.at.seq <= first.at.seq or line not in (None, seen.at.line):
            continue
        if seen.event.why == "expired":
            return question.failed(
                "expires-header-ignored" if form == "header" else "contact-expiry-ignored",
                f"line {seen.at.line}: no refresh before the expiry was over",
                "a REGISTER before that",
                first.evidence,
                seen.evidence,
                hint="The expires of the own Contact counts; without one, the Expires header.",
            )
        if seen.event.why == "register" and seen.event.granted_s > 0:
            if seen.at.t - first.at.t < PART_OF_REGISTERING * seen.event.granted_s:
                reason = "the line registered once more at once, which says nothing of the expiry that was granted"
                return question.unknown("no-interval", reason, settled=True)
            interval = Measurement(f"refresh_after_{form}", round(seen.at.t - first.at.t, 3), "s")
            return question.passed(first.evidence, seen.evidence, measurements=(interval,))
        return question.unknown("disturbed", "the registration ended before its refresh was due")
    return question.unknown("no-interval", "the expiry that was granted so is not over yet")


def _form(seen: SeenMessage) -> str:
    """Where a 200 has expiries: ``contact``, ``header`` or ``both``; empty if nowhere."""
    contacts = [one for value in seen.message.all("Contact") for one in split_values(value)]
    in_contact = any(parameter(one.rpartition(">")[2], "expires") for one in contacts)
    in_header = seen.message.get("Expires") is not None
    return {(True, False): "contact", (False, True): "header", (True, True): "both"}.get((in_contact, in_header), "")


@check("reg.backs-off", limits=("pause_after_refusal_s", "registration_s"))
def backs_off(question: Question) -> Judgement:
    """A device whose credentials are refused pauses, after a few tries at most (REG-BACK-OFF).

    What is counted are REGISTERs with credentials; silence until the span's last observation is a pause.
    """
    status, line = int(question.param("status")), question.subject.line
    tries = [
        seen
        for seen in question.span.of(DigestChecked)
        if seen.event.method == "REGISTER" and line in (None, seen.at.line)
    ]
    refused = _told(question, status)
    if not tries or not refused:
        return question.unknown("never-refused", "the device sent no credentials that could be refused")
    limit = question.limits["pause_after_refusal_s"]
    last = max(observation.t for observation in question.span)
    times = [seen.at.t for seen in tries]
    quick = next(
        (
            number
            for number, (one, next_) in enumerate(zip(times, [*times[1:], last], strict=True), 1)
            if next_ - one >= limit.value
        ),
        None,
    )
    counted = Measurement("refused_attempts", len(tries), "attempts", _QUICK_TRIES)
    if quick is not None and quick <= _QUICK_TRIES:
        return question.passed(refused[0].evidence, tries[quick - 1].evidence, measurements=(counted,))
    if len(tries) <= _QUICK_TRIES:
        return question.unknown("not-paused-yet", "the device had no time to pause yet")
    return question.failed(
        "hammers-registrar",
        f"{len(tries)} REGISTERs with credentials in {times[-1] - times[0]:.1f} s, none with a pause before it",
        f"a pause of {limit.value:g} s or more after {_QUICK_TRIES} refused attempts at most",
        refused[0].evidence,
        tries[-1].evidence,
        hint="A platform locks an account after a few wrong passwords: wait longer after each refusal.",
        verdict=limit.breach,
        limit=limit,
        measurements=(counted,),
    )


@check("reg.heeds-retry-after", limits=("registration_s",))
def heeds_retry_after(question: Question) -> Judgement:
    """After a 503 with Retry-After the edge gets no REGISTER of the line until its time is over (REG-RETRY-AFTER)."""
    edge = question.text("edge")
    told = [
        seen
        for seen in question.span.messages(direction=OUT, method="REGISTER", status=range(503, 504), edge=edge)
        if (seen.message.get("Retry-After") or "").isdecimal()
    ]
    if not told:
        return question.unknown("never-told", "the device sent no REGISTER that could be answered with 503")
    asked = question.span.messages(method="REGISTER", edge=edge)
    for one in told:
        after_s = int(one.message.get("Retry-After") or "0")
        for seen in asked:
            waited = seen.at.t - one.at.t
            if seen.at.line == one.at.line and seen.at.seq > one.at.seq and waited + _CLOCK_S < after_s:
                return question.failed(
                    "retry-after-ignored",
                    f"REGISTER again after {waited:.1f} s",
                    f"no REGISTER to that edge for {after_s} s, as Retry-After says",
                    one.evidence,
                    seen.evidence,
                    hint="Leave the server alone for that long, and use the next target of the SRV record meanwhile.",
                )
    last = max(observation.t for observation in question.span)
    if last < told[0].at.t + int(told[0].message.get("Retry-After") or "0"):
        return question.unknown("not-over-yet", "the time that Retry-After names is not over")
    return question.passed(told[0].evidence)


@check("reg.takes-response", limits=("action_s",))
def takes_response(question: Question) -> Judgement:
    """After a 200 to REGISTER with ``what`` in it the device keeps its flow, and answers over it (REG-UNKNOWN)."""
    shown, what = question.text("shown"), question.text("what")
    told = [seen for seen in _told(question, 200) if shown in seen.message.to_bytes().decode("utf-8", "replace")]
    if not told:
        return question.unknown("never-told", f"the device sent no REGISTER that could be answered with {what}")
    first = told[0]
    for observation in question.span:
        if observation.seq <= first.at.seq:
            continue
        event = observation.event
        ended = isinstance(event, FlowClosed) and observation.flow == first.at.flow and event.by == "device"
        if ended or (isinstance(event, DeviceExited) and not event.asked):
            return question.failed(
                "register-response-not-taken",
                f"the device {'ended the connection' if ended else 'ended'} after the 200 with {what}",
                "what it does not know in a response is ignored",
                first.evidence,
                Seen(event, observation).evidence,
                hint="RFC 3261 section 8.2.2: a header or body that is not known is no reason to stop.",
                settled=False,
            )
    call_id = question.subject.call_id
    answers = [
        seen
        for seen in question.span.messages(method="OPTIONS", status=range(100, 700), call_id=call_id)
        if seen.at.flow == first.at.flow and seen.at.seq > first.at.seq
    ]
    if answers:
        return question.passed(first.evidence, answers[0].evidence)
    return question.unknown("no-sign-of-life", "the device kept its connection, and has not answered anything over it")
