"""Session timers (RFC 4028): what is agreed on, who refreshes, and what becomes of a session that nobody refreshes."""

from __future__ import annotations

from certsuite.checks.call_messages import byes, crossed, final_answer, requests, responses, told
from certsuite.checks.calls import refused_otherwise
from certsuite.checks.registry import Question, check
from certsuite.checks.span import SeenMessage
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.limits import Limit
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Mark, Verdict
from certsuite.sip.message import SipMessage
from certsuite.sip.session_timer import LOWEST_S, min_se, names_option, session_timer

_FINAL = range(200, 700)
_SUCCESS = range(200, 300)
_RINGING = range(101, 200)
_TOO_SMALL = 422
_WHOLE_SECONDS = 1.0
"Session-Expires counts in these, and each side from a moment of its own."
_REFRESHES = ("INVITE", "UPDATE")


@check("timer.claim", limits=("action_s",))
def claim(question: Question) -> Judgement:
    """Session timers are shown if the profile claims them, and claimed if they are shown (CALL-SESSION-TIMER).

    What shows them is Session-Expires, or ``timer`` in Supported or Require, of any message of the device.
    """
    seen = [
        one for one in question.span.messages(call_id=question.subject.call_id) if one.message.cseq[1] in _REFRESHES
    ]
    shown = [one for one in seen if _shows_timers(one.message)]
    claimed = question.param("claimed")
    if shown and claimed:
        return question.passed(shown[0].evidence)
    if shown:
        return question.failed(
            "session-timer-not-claimed",
            f"{_where(shown[0].message)} of a device whose profile claims no session timers",
            "capabilities.session_timers: true in the profile, so that they are tested",
            shown[0].evidence,
            verdict=Verdict.WARN,
        )
    whole = [one for one in seen if one.message.is_request or one.message.status in _SUCCESS]
    if not whole:
        return question.unknown("nothing-seen", "the device neither placed a call nor accepted one")
    if not claimed:
        return question.passed(whole[0].evidence)
    return question.failed(
        "session-timer-not-offered",
        "neither Session-Expires nor timer in Supported, in any message of the device",
        "session timers, as the profile claims them",
        whole[-1].evidence,
    )


@check("timer.is-agreed", limits=("action_s",))
def is_agreed(question: Question) -> Judgement:
    """The device's 200 to an INVITE with a session timer has one: the refresher that was named, the interval that was
    asked for or a smaller one, not below Min-SE (RFC 4028 section 9)."""
    asked = [seen for seen in requests(question, "INVITE", OUT) if session_timer(seen.message)]
    accepted = responses(question, "INVITE", _SUCCESS)
    if not asked or not accepted:
        return question.unknown("not-stimulated", "no call with a session timer was accepted")
    wanted, given = session_timer(asked[0].message), session_timer(accepted[0].message)
    assert wanted is not None
    place = (asked[0].evidence, accepted[0].evidence)
    least = min(wanted.interval_s, min_se(asked[0].message) or LOWEST_S)
    expected = (
        f"Session-Expires: {wanted.interval_s};refresher={wanted.refresher}, or a smaller one of {least} s or more"
    )
    if given is None:
        return question.failed("session-timer-not-agreed", "200 without Session-Expires", expected, *place)
    if given.refresher != wanted.refresher or not least <= given.interval_s <= wanted.interval_s:
        observed = printable(accepted[0].message.get("Session-Expires") or "", at_most=60)
        return question.failed("session-timer-not-agreed", f"Session-Expires: {observed} in the 200", expected, *place)
    return question.passed(*place)


@check("timer.takes-refresh", limits=("action_s",))
def takes_refresh(question: Question) -> Judgement:
    """The 2xx to a refresh has Session-Expires, so that the timer goes on (RFC 4028 section 9)."""
    method, number = question.text("method"), question.param("cseq")
    asked = [seen for seen in requests(question, method, OUT) if seen.message.cseq[0] == number]
    if not asked:
        return question.unknown("not-stimulated", f"{method} was not sent")
    answer = final_answer(question, asked[0])
    if answer is None:
        return question.failed(
            "session-refresh-refused",
            f"no final response to {printable(method)}",
            "200 with Session-Expires",
            asked[0].evidence,
            settled=False,
            limit=question.limits["action_s"],
        )
    place = (asked[0].evidence, answer.evidence)
    if (glare := crossed(question, asked[0], answer)) is not None:
        return glare
    if answer.message.status not in _SUCCESS:
        return question.failed("session-refresh-refused", told(answer), "200 with Session-Expires", *place)
    if session_timer(answer.message):
        return question.passed(*place)
    return question.failed(
        "session-timer-dropped",
        f"200 to a refresh by {printable(method)} without Session-Expires",
        "Session-Expires, as the refresh has it",
        *place,
        hint="A 2xx without Session-Expires says that there is no session timer any more.",
    )


@check("timer.refreshes", limits=("action_s",))
def refreshes(question: Question) -> Judgement:
    """The device, agreed to be the refresher, refreshes before the session is over (RFC 4028 section 10)."""
    agreed = _agreed(question)
    if agreed is None:
        return question.unknown("not-stimulated", "no session timer was agreed on")
    timer = session_timer(agreed.message)
    assert timer is not None
    sent = [one for method in _REFRESHES for one in requests(question, method) if one.at.seq > agreed.at.seq]
    if not sent:
        return _nothing_yet(
            question, agreed, timer.interval_s, "session-not-refreshed", "no refresh", "re-INVITE or UPDATE"
        )
    refresh = min(sent, key=lambda one: one.at.seq)
    if session_timer(refresh.message) is None:
        return question.failed(
            "session-timer-dropped",
            f"{refresh.message.method} without Session-Expires",
            "Session-Expires in a refresh (RFC 4028 section 7.4)",
            agreed.evidence,
            refresh.evidence,
            verdict=Verdict.WARN,
        )
    limit = _within(timer.interval_s)
    seconds = refresh.at.t - agreed.at.t
    place = (agreed.evidence, refresh.evidence)
    return question.timed("session_refresh", seconds, limit, "session-not-refreshed", "the refresh came after", *place)


@check("timer.ends-session", limits=("action_s",))
def ends_session(question: Question) -> Judgement:
    """A session that the far end has to refresh, and does not, is ended by BYE shortly before its end (RFC 4028
    section 10); not before the refresh was due."""
    agreed = _agreed(question)
    if agreed is None:
        return question.unknown("not-stimulated", "no session timer was agreed on")
    timer = session_timer(agreed.message)
    assert timer is not None
    own = [one for method in _REFRESHES for one in requests(question, method) if one.at.seq > agreed.at.seq]
    if own:
        return question.unknown("refreshed", "the device refreshed the session, which was the far end's part")
    ended = byes(question)
    if not ended:
        wait_s = timer.interval_s + question.limits["action_s"].value
        hint = "Without it the call stays up on the phone when the network has lost it (RFC 4028 section 10)."
        expected = "BYE shortly before its end"
        return _nothing_yet(question, agreed, wait_s, "expired-session-kept", "no BYE", expected, hint)
    seconds = ended[0].at.t - agreed.at.t
    place = (agreed.evidence, ended[0].evidence)
    measured = (Measurement("session_end", round(seconds, 3), "s", timer.interval_s),)
    if seconds < timer.interval_s / 2 - question.span.lag_s:
        return question.failed(
            "session-ended-early",
            f"BYE {seconds:.1f} s after a session of {timer.interval_s} s was agreed on",
            f"the call goes on for {timer.over_after_s:.1f} s at least",
            *place,
            measurements=measured,
        )
    if seconds > timer.interval_s + max(question.span.lag_s, _WHOLE_SECONDS):
        return question.failed(
            "expired-session-kept",
            f"BYE {seconds - timer.interval_s:.1f} s after the end of a session of {timer.interval_s} s",
            "BYE shortly before its end",
            *place,
            verdict=Verdict.WARN,
            measurements=measured,
        )
    return question.passed(*place, measurements=measured)


@check("timer.raises-interval", limits=("action_s",))
def raises_interval(question: Question) -> Judgement:
    """A call that is refused with 422 is placed again, with the interval of its Min-SE or more (RFC 4028 section
    7.3)."""
    refused = [
        seen
        for seen in question.span.messages(direction=OUT, method="INVITE", status=_FINAL)
        if seen.message.status == _TOO_SMALL
    ]
    if not refused:
        return question.unknown("not-stimulated", "422 was not sent")
    least = min_se(refused[0].message) or 0
    expected = f"INVITE with Session-Expires and Min-SE of {least} s or more"
    again = [seen for seen in question.span.messages(method="INVITE") if seen.at.seq > refused[0].at.seq]
    if not again:
        return question.failed(
            "session-interval-not-raised",
            "no INVITE after the 422",
            expected,
            refused[0].evidence,
            settled=False,
            limit=question.limits["action_s"],
        )
    timer, minimum = session_timer(again[0].message), min_se(again[0].message) or 0
    if timer is not None and timer.interval_s >= least and minimum >= least:
        return question.passed(refused[0].evidence, again[0].evidence)
    shown = f"Session-Expires: {timer.interval_s}" if timer else "no Session-Expires"
    return question.failed(
        "session-interval-not-raised",
        f"INVITE with {shown} and {f'Min-SE: {minimum}' if minimum else 'no Min-SE'} after the 422",
        expected,
        refused[0].evidence,
        again[0].evidence,
    )


@check("timer.minds-interval", limits=("ring_s",))
def minds_interval(question: Question) -> Judgement:
    """A call with an interval that is too small for the device rings, or is refused with 422 and the Min-SE that is not
    (RFC 4028 section 6)."""
    asked = [seen for seen in requests(question, "INVITE", OUT) if session_timer(seen.message)]
    if not asked:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    timer = session_timer(asked[0].message)
    assert timer is not None
    answers = responses(question, "INVITE", range(_RINGING.start, _FINAL.stop))
    if not answers:
        return question.unknown("nothing-seen", "the device neither rang nor refused the call")
    place = (asked[0].evidence, answers[0].evidence)
    message = answers[0].message
    if message.status < _SUCCESS.stop or (message.status == _TOO_SMALL and (min_se(message) or 0) > timer.interval_s):
        return question.passed(*place)
    if (otherwise := refused_otherwise(question, answers[0], "session timers")) is not None:
        return otherwise
    least = f" with {f'Min-SE: {min_se(message)}' if min_se(message) is not None else 'no Min-SE'}"
    return question.failed(
        "small-session-interval-refused",
        f"{told(answers[0])}{least if message.status == _TOO_SMALL else ''} to Session-Expires: {timer.interval_s}",
        f"422 with a Min-SE above {timer.interval_s}, or a call that rings",
        *place,
    )


def _shows_timers(message: SipMessage) -> bool:
    named = any(names_option(message, header, "timer") for header in ("Supported", "Require"))
    return named or session_timer(message) is not None


def _where(message: SipMessage) -> str:
    what = "Session-Expires" if session_timer(message) is not None else "timer in Supported"
    return f"{what} in {printable(message.method) if message.is_request else f'the {message.status}'}"


def _agreed(question: Question) -> SeenMessage | None:
    """The 2xx that set the session timer of the call: the device's, or that of the party which it called."""
    found = [
        seen
        for direction in ("in", OUT)
        for seen in responses(question, "INVITE", _SUCCESS, direction)
        if session_timer(seen.message) is not None
    ]
    return min(found, key=lambda seen: seen.at.seq) if found else None


def _within(interval_s: int) -> Limit:
    """The interval that was agreed on, as a limit."""
    return Limit("session_interval_s", interval_s, "s", Mark.PRIMARY, "RFC 4028 section 10")


def _nothing_yet(
    question: Question, agreed: SeenMessage, wait_s: float, finding: str, observed: str, expected: str, hint: str = ""
) -> Judgement:
    """A failure once it was waited for long enough: silence before proves nothing."""
    waited = max((one.t for one in question.span), default=0.0) - agreed.at.t
    if waited < wait_s:
        return question.unknown("not-waited-for", f"the record ends {waited:.1f} s after the session was agreed on")
    return question.failed(
        finding,
        f"{observed} within {waited:.1f} s",
        f"{expected}, in a session of {session_interval(agreed.message)} s",
        agreed.evidence,
        hint=hint,
    )


def session_interval(message: SipMessage) -> int:
    """Seconds of Session-Expires; 0 without one."""
    timer = session_timer(message)
    return timer.interval_s if timer else 0
