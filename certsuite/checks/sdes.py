"""Keys by SDES (RFC 4568): answers that fit their offers, offers of one suite, answers that fit no offer."""

from __future__ import annotations

from certsuite.checks.call_messages import byes, crossed, final_answer, requests, told
from certsuite.checks.calls import refused_otherwise, rejects_audio
from certsuite.checks.registry import Question, check
from certsuite.checks.span import SeenMessage
from certsuite.core.events import MediaNotAgreed, MediaWindow
from certsuite.core.findings import Judgement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.sdp.offer_answer import NoAgreement, agree
from certsuite.sdp.session import SdpError, SessionDescription


def last_offer(question: Question, *, reoffer: bool) -> SeenMessage | None:
    """The party's last offer in an INVITE: the one that made the call, or one within it."""
    invites = requests(question, "INVITE", OUT)
    offers = [seen for seen in invites if seen.message.has_sdp and bool(seen.message.to_tag) == reoffer]
    return offers[-1] if offers else None


def _misfit(offer: SeenMessage, answer: SeenMessage) -> str:
    """Why an answer does not fit its offer; empty if it does."""
    try:
        offered = SessionDescription.parse(offer.message.body)
        agree(offered, SessionDescription.parse(answer.message.body), we_offered=True)
    except (SdpError, NoAgreement) as error:
        return str(error)
    return ""


def _wrong_answer(question: Question, offer: SeenMessage, answer: SeenMessage, reason: str) -> Judgement:
    return question.failed(
        "srtp-answer-wrong",
        printable(reason),
        "one crypto line, with tag and suite of an offered one and a key of its own (RFC 4568 section 5.1.2)",
        offer.evidence,
        answer.evidence,
        hint="The access SBC takes such an answer for a failed negotiation, or the call is silent.",
    )


@check("sdes.answer-fits", limits=("answer_s",))
def answer_fits(question: Question) -> Judgement:
    """The device's answer takes one crypto line of the offer, by its tag, with a key of its own (MED-SDES-ANSWER)."""
    offer = last_offer(question, reoffer=False)
    if offer is None:
        return question.unknown("not-stimulated", "no offer was sent")
    answer = final_answer(question, offer)
    if answer is None:
        return question.unknown("no-answer", "the device did not answer the offer")
    if answer.message.status >= 300:
        return question.failed(
            "call-refused",
            told(answer),
            "200 OK: a suite of the device is among those that are offered",
            offer.evidence,
            answer.evidence,
        )
    reason = _misfit(offer, answer)
    return _wrong_answer(question, offer, answer, reason) if reason else question.passed(answer.evidence)


@check("sdes.takes-reoffer", limits=("action_s",))
def takes_reoffer(question: Question) -> Judgement:
    """The device answers the party's re-INVITE with 200 and an answer that fits (RFC 3264 section 8)."""
    offer = last_offer(question, reoffer=True)
    if offer is None:
        return question.unknown("not-stimulated", "no re-INVITE was sent")
    answer = final_answer(question, offer)
    if answer is None:
        return question.failed(
            "reoffer-not-answered", "no answer to the re-INVITE", "200 OK", offer.evidence, settled=False
        )
    if (glare := crossed(question, offer, answer)) is not None:
        return glare
    if answer.message.status >= 300:
        return question.failed(
            "reoffer-refused",
            f"{told(answer)} to the re-INVITE",
            "200 OK with an SDP answer",
            offer.evidence,
            answer.evidence,
            hint="The access SBC sends re-INVITEs for hold, for transfers, and when a session is refreshed.",
        )
    reason = _misfit(offer, answer)
    return _wrong_answer(question, offer, answer, reason) if reason else question.passed(answer.evidence)


@check("sdes.taken-or-refused", limits=("answer_s",))
def taken_or_refused(question: Question) -> Judgement:
    """An offer that not every device can take is refused, or taken with SRTP as it was offered (MED-SDES-ALONE).

    ``claimed``: the device says that it can, so that it must not be refused.
    """
    offer = last_offer(question, reoffer=False)
    if offer is None:
        return question.unknown("not-stimulated", "no offer was sent")
    answer = final_answer(question, offer)
    if answer is None:
        return question.unknown("no-answer", "the device neither took nor refused the offer")
    by_port = rejects_audio(answer)
    if answer.message.status >= 300 or by_port:
        if (otherwise := refused_otherwise(question, answer, "SRTP")) is not None:
            return otherwise
        if not question.param("claimed"):
            return question.passed(answer.evidence)
        return question.failed(
            "srtp-claimed-suite-refused",
            f"{told(answer)}{' with port 0' if by_port else ''}",
            "200 OK: the profile claims this suite",
            offer.evidence,
            answer.evidence,
            hint="Correct the claim in the profile, or enable the suite in the device.",
        )
    reason = _misfit(offer, answer)
    if reason:
        return _wrong_answer(question, offer, answer, reason)
    audio = SessionDescription.parse(answer.message.body).audio
    if audio is not None and not audio.values("crypto"):
        return question.failed(
            "accepts-plain-rtp",
            f"{printable(audio.protocol)} without a crypto line in the answer",
            "SRTP as it was offered, or a refusal",
            offer.evidence,
            answer.evidence,
            hint="Set SRTP to mandatory, not to optional or negotiated.",
        )
    for refused in question.span.of(MediaNotAgreed):
        if refused.event.call_id == question.subject.call_id and refused.event.reason_code == "not-playable":
            return question.unknown("not-playable", printable(refused.event.reason), settled=True)
    return question.passed(answer.evidence)


@check("sdes.gives-up-bad-answer", limits=("action_s",))
def gives_up_bad_answer(question: Question) -> Judgement:
    """The device ends a call whose answer fits no crypto line of its offer (RFC 4568 section 5.1.3)."""
    call_id = question.subject.call_id
    accepted = question.span.messages(method="INVITE", direction=OUT, status=range(200, 300), call_id=call_id)
    if not accepted:
        return question.unknown("not-stimulated", "the answer was not sent")
    ended = byes(question)
    if ended:
        return question.passed(ended[0].evidence)
    windows = [seen for seen in question.span.of(MediaWindow) if seen.event.call_id == call_id]
    clear = sum(seen.event.cleartext for seen in windows)
    packets = sum(seen.event.packets + seen.event.auth_failures for seen in windows) + clear
    seen_clear = f", {clear} of them in the clear" if clear else ""
    return question.failed(
        "srtp-bad-answer-taken",
        f"no BYE, {packets} packets of media{seen_clear}" if packets else "no BYE, and a call without media",
        "BYE: the answer names a suite that the device did not offer under this tag",
        accepted[0].evidence,
        *(seen.evidence for seen in windows[-1:]),
        hint="The user hears nothing, or the audio goes out under a key that nobody agreed on.",
        settled=False,
        limit=question.limits["action_s"],
    )
