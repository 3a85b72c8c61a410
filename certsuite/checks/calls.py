"""Calls (RFC 3261 sections 12 to 15): rings, is answered, ends; offers and refusals (RFC 3264)."""

from __future__ import annotations

from certsuite.checks.call_messages import (
    acknowledgements,
    gone_after,
    not_acknowledged,
    requests,
    responses,
    taken,
    told,
)
from certsuite.checks.media import no_media
from certsuite.checks.registry import Question, check
from certsuite.checks.span import SeenMessage
from certsuite.core.events import DigestChecked, DriverAction
from certsuite.core.findings import Judgement
from certsuite.core.observations import IN, OUT
from certsuite.core.redaction import printable
from certsuite.sdp.session import MediaSection, SdpError, SessionDescription
from certsuite.sip.message import user_host

_PROVISIONAL = range(180, 200)
_SUCCESS = range(200, 300)
_FAILURE = range(300, 700)
_NOT_FOR_ITS_FORM = (*range(300, 400), 401, 404, 407, 408, 480, 481, 486, 487, 600, 603, 604)
"Diverted, nobody there, busy, declined, cancelled by the caller, not authorised: none says anything of the offer."
_SEPARATORS = str.maketrans("", "", "-.()")
_HELD = {"sendonly", "inactive"}
_SUITE = "AES_CM_128_HMAC_SHA1_80"
_USUAL_INVITE = (
    "The INVITE comes down the connection that the device registered over, in BroadWorks' formatting: "
    "Name:value without a space, an empty Supported, unknown headers."
)
_ODD_INVITE = "Where a plain INVITE rings (WXC-CALL-060), it is the form that the case's title names which does not."


def _not_asked(question: Question, what: str) -> Judgement:
    return question.unknown("not-stimulated", f"{what} was not sent")


def refused_otherwise(question: Question, answer: SeenMessage, of_what: str) -> Judgement | None:
    """That a call was refused, and not for what it asked for or how; ``None`` if it may be for that."""
    if answer.message.status not in _NOT_FOR_ITS_FORM:
        return None
    reason = f"refused with {told(answer)}, which says nothing of {of_what}"
    return question.unknown("refused-for-another-reason", reason)


@check("call.rings", limits=("ring_s",))
def rings(question: Question) -> Judgement:
    """The device answers an INVITE with 180 to 199 in time: SSE cancels a call that does not ring (CALL-TERM)."""
    limit = question.limits["ring_s"]
    invites = requests(question, "INVITE", OUT)
    if not invites:
        return _not_asked(question, "the INVITE")
    sent = invites[0]
    for answer in [*responses(question, "INVITE", _PROVISIONAL), *responses(question, "INVITE", _SUCCESS)]:
        return question.timed(
            "post_dial_delay", answer.at.t - sent.at.t, limit, "call-rings-late", "rang after", answer.evidence
        )
    refused = responses(question, "INVITE", _FAILURE)
    if refused:
        return question.failed(
            "call-refused",
            f"{refused[0].message.status} {printable(refused[0].message.reason, at_most=60)}",
            "180 Ringing",
            sent.evidence,
            refused[0].evidence,
        )
    return question.failed(
        "call-never-rings",
        f"{_no_ringing(question)}{gone_after(question, sent)}",
        f"180 Ringing within {limit.value:g} s",
        sent.evidence,
        hint=_ODD_INVITE if question.requirement == "CALL-ODD-FORM" else _USUAL_INVITE,
        settled=False,
        limit=limit,
    )


def _no_ringing(question: Question) -> str:
    trying = responses(question, "INVITE", range(100, 101))
    return "100 Trying and no 18x" if trying else "no response"


@check("call.is-answered", limits=("answer_s",))
def is_answered(question: Question) -> Judgement:
    """The device accepts the call with a 200 and an SDP answer (CALL-TERM)."""
    accepted = responses(question, "INVITE", _SUCCESS)
    if accepted:
        early = [seen for seen in responses(question, "INVITE", _PROVISIONAL) if seen.message.has_sdp]
        # A reliable 18x may have had the answer (RFC 3262 section 5).
        if not accepted[0].message.has_sdp and not any(seen.message.get("RSeq") for seen in early):
            return question.failed(
                "call-answer-without-sdp", "200 without SDP", "200 with an SDP answer", accepted[0].evidence
            )
        return question.passed(accepted[0].evidence)
    refused = responses(question, "INVITE", _FAILURE)
    if refused:
        return question.failed(
            "call-refused",
            f"{refused[0].message.status} {printable(refused[0].message.reason, at_most=60)}",
            "200 OK",
            refused[0].evidence,
        )
    return question.failed(
        "call-never-answered",
        "no 200 after the device was told to answer",
        "200 OK",
        hint="Look into the device's log: often no codec or no SRTP suite in common.",
        settled=False,
        limit=question.limits["answer_s"],
    )


@check("call.is-placed", limits=("invite_s",))
def is_placed(question: Question) -> Judgement:
    """The device sends an INVITE after it was told to dial (CALL-ORIG)."""
    invites = question.span.messages(method="INVITE")
    if invites:
        called, _, _ = user_host(invites[0].message.uri)
        number, line = question.text("number"), question.subject.line
        # A prefix that was added is the dial plan's right; visual separators are no part of a number (RFC 3966 5.1.1).
        if not called.translate(_SEPARATORS).endswith(number.lstrip("+")):
            return question.failed(
                "call-wrong-number",
                f"INVITE to {printable(invites[0].message.uri, at_most=80)}",
                f"INVITE to {number}, as it was dialled",
                invites[0].evidence,
                hint="Look at the device's dial plan: it must not change a full number.",
            )
        if line is not None and invites[0].at.line not in (None, line):
            return question.failed(
                "call-wrong-line",
                f"INVITE from line {invites[0].at.line}",
                f"INVITE from line {line}, on which it was dialled",
                invites[0].evidence,
            )
        return question.passed(invites[0].evidence)
    if not [seen for seen in question.span.of(DriverAction) if seen.event.action == "dial"]:
        return _not_asked(question, "the order to dial")
    return question.failed(
        "call-never-placed",
        "no INVITE after the device was told to dial",
        "INVITE to the number that was dialled",
        settled=False,
        limit=question.limits["invite_s"],
    )


@check("call.answers-challenge", limits=("action_s",))
def answers_challenge(question: Question) -> Judgement:
    """The device's INVITE is sent again with right credentials after a 407 (REG-DIGEST)."""
    checked = [seen for seen in question.span.of(DigestChecked) if seen.event.method == "INVITE"]
    right = [seen for seen in checked if seen.event.response_right and seen.event.username_right]
    if right:
        return question.passed(right[0].evidence)
    invites = question.span.messages(method="INVITE")
    unknown = question.span.messages(direction=OUT, method="INVITE", status=range(403, 404))
    if checked:
        observed = "wrong credentials in the INVITE"
    elif unknown:
        observed = "the INVITE was answered 403: its From is no address of a line"
    else:
        observed = "no INVITE with credentials after the 407"
    return question.failed(
        "invite-challenge-not-answered",
        observed,
        "the INVITE again, with the digest of the line" if not unknown else "an INVITE from the line's address",
        *(seen.evidence for seen in invites[-1:]),
        settled=False,
    )


@check("call.offers-srtp", limits=("invite_s",))
def offers_srtp(question: Question) -> Judgement:
    """The device's offer is RTP/SAVP with ``AES_CM_128_HMAC_SHA1_80`` (MED-SRTP)."""
    offers = [seen for seen in requests(question, "INVITE", IN) if seen.message.has_sdp]
    if not offers:
        return question.unknown("nothing-seen", "the device sent no offer")
    offer = offers[0]
    audio = audio_of(offer)
    profile = audio.protocol if audio else "no audio"
    suites = suites_of(audio)
    if profile == "RTP/SAVP" and _SUITE in suites:
        return question.passed(offer.evidence)
    return question.failed(
        "offer-without-srtp",
        f"{printable(profile)} with {', '.join(map(printable, suites)) or 'no crypto line'}",
        f"RTP/SAVP with {_SUITE}",
        offer.evidence,
        hint="Set SRTP to mandatory with SDES and this suite; others may stand beside it.",
    )


@check("call.is-acknowledged", limits=("action_s",))
def is_acknowledged(question: Question) -> Judgement:
    """The device sends ACK for the 200 (RFC 3261 section 13.2.2.4)."""
    accepted = responses(question, "INVITE", _SUCCESS, OUT)
    if not accepted:
        missing = no_media(question)
        # An offer that the party cannot take gets no 200.
        return missing if missing and missing.findings else _not_asked(question, "a 200 to the device's INVITE")
    acks = acknowledgements(question, accepted[0])
    if acks:
        return question.passed(acks[0].evidence)
    return question.failed(
        "no-ack",
        not_acknowledged(question, accepted[0]),
        f"ACK with CSeq {accepted[0].message.cseq[0]}, and the tags of the 200",
        accepted[0].evidence,
        settled=False,
    )


@check("call.is-refused", limits=("answer_s",))
def is_refused(question: Question) -> Judgement:
    """The device refuses an offer without SRTP with a final failure, best 488, or its audio by port 0
    (MED-NO-PLAIN-RTP)."""
    if not requests(question, "INVITE", OUT):
        return _not_asked(question, "the INVITE")
    accepted = responses(question, "INVITE", _SUCCESS)
    if accepted and rejects_audio(accepted[0]):
        return question.passed(accepted[0].evidence)
    if accepted:
        return question.failed(
            "accepts-plain-rtp",
            "200 to an offer of RTP/AVP without keys",
            "488 Not Acceptable Here",
            accepted[0].evidence,
            hint="Set SRTP to mandatory, not to optional or negotiated.",
        )
    refused = responses(question, "INVITE", _FAILURE)
    if refused:
        return refused_otherwise(question, refused[0], "SRTP") or question.passed(refused[0].evidence)
    return question.unknown("no-answer", "the device neither accepted nor refused the offer without SRTP")


@check("call.ends", limits=("response_s",))
def ends(question: Question) -> Judgement:
    """The call ends when it is to: by the device's BYE after it was told to hang up (``after``), else by the party's
    BYE, which the device answers with 200."""
    own = question.span.messages(method="BYE", call_id=question.subject.call_id)
    theirs = question.span.messages(method="BYE", direction=OUT, call_id=question.subject.call_id)
    told_at = question.params.get("after")
    due_at = told_at if told_at is not None else theirs[0].at.seq if theirs else None
    if own and (due_at is None or own[0].at.seq < due_at):
        return question.failed(
            "call-dropped",
            "the device ended the call by itself",
            "the call stays up until one side hangs up",
            own[0].evidence,
            hint="Look at what the device's log says before its BYE: no audio, a timer, a refused request.",
        )
    if told_at is not None:
        right = [seen for seen in own if taken(question, seen)]
        if right:
            return question.passed(right[0].evidence)
        return question.failed(
            "call-never-ended",
            "BYE of another dialog" if own else "no BYE after the device was told to hang up",
            "BYE within the call, by its tags",
            *(seen.evidence for seen in own[:1]),
            settled=False,
        )
    if not theirs:
        return _not_asked(question, "BYE")
    answered = responses(question, "BYE", range(200, 700))
    if answered and answered[0].message.status < 300:
        return question.passed(answered[0].evidence)
    if answered:
        return question.failed("bye-refused", f"{answered[0].message.status} to BYE", "200 OK", answered[0].evidence)
    return question.failed("bye-not-answered", "no answer to BYE", "200 OK", theirs[0].evidence, settled=False)


@check("call.is-held", limits=("action_s",))
def is_held(question: Question) -> Judgement:
    """The device's re-INVITE offers ``sendonly`` or ``inactive`` after it was told to hold (MED-HOLD)."""
    return _reoffer(question, _HELD, "hold-not-offered", "put the call on hold")


@check("call.is-resumed", limits=("action_s",))
def is_resumed(question: Question) -> Judgement:
    """The device's re-INVITE offers ``sendrecv`` after it was told to resume (MED-HOLD)."""
    held = [seen for seen in _reoffers(question) if _direction(seen) in _HELD]
    since = held[-1].at.seq if held else -1
    return _reoffer(question, {"sendrecv"}, "resume-not-offered", "take the call back", since)


def _reoffers(question: Question) -> list[SeenMessage]:
    """The device's offers within the call, after the one that made it, by re-INVITE or UPDATE (RFC 3311)."""
    asked = [seen for method in ("INVITE", "UPDATE") for seen in requests(question, method, IN)]
    offers = [one for one in asked if one.message.has_sdp and one.message.to_tag and taken(question, one)]
    return sorted(offers, key=lambda seen: seen.at.seq)


def audio_of(seen: SeenMessage) -> MediaSection | None:
    """The audio section of a message; ``None`` also where the body is no session description."""
    try:
        return SessionDescription.parse(seen.message.body).audio
    except SdpError:
        return None


def rejects_audio(answer: SeenMessage) -> bool:
    """Whether a session description refuses its audio by port 0 (RFC 3264 section 6)."""
    audio = audio_of(answer)
    return audio is not None and audio.rejected


def _direction(seen: SeenMessage) -> str:
    audio = audio_of(seen)
    return SessionDescription.parse(seen.message.body).direction_of(audio) if audio else "no audio"


def _reoffer(question: Question, directions: set[str], finding: str, told: str, since: int = -1) -> Judgement:
    offers = [seen for seen in _reoffers(question) if seen.at.seq > since]
    for seen in offers:
        if _direction(seen) not in directions:
            continue
        audio = audio_of(seen)
        if audio is not None and audio.protocol == "RTP/SAVP" and suites_of(audio):
            return question.passed(seen.evidence)
        return question.failed(
            "reoffer-without-srtp",
            f"{printable(audio.protocol) if audio else 'no audio'} in the {_kind(seen)}",
            "RTP/SAVP with a crypto line, as in the first offer",
            seen.evidence,
        )
    observed = f"no re-INVITE after the device was told to {told}"
    return question.failed(
        finding,
        f"{_kind(offers[-1])} with a={_direction(offers[-1])}" if offers else observed,
        f"a re-INVITE with a={' or a='.join(sorted(directions))}",
        *(seen.evidence for seen in offers[-1:]),
        settled=False,
        limit=question.limits["action_s"],
    )


def _kind(offer: SeenMessage) -> str:
    return "UPDATE" if offer.message.method == "UPDATE" else "re-INVITE"


def suites_of(audio: MediaSection | None) -> list[str]:
    """Crypto suites that a media section names (RFC 4568), readable or not."""
    return [value.split()[1] for value in audio.values("crypto") if len(value.split()) > 1] if audio else []
