"""Media as it is offered within and beside calls: late offers, and calls that the far end holds (RFC 3264)."""

from __future__ import annotations

from certsuite.checks.call_messages import final_answer, told
from certsuite.checks.calls import audio_of, refused_otherwise, suites_of
from certsuite.checks.media import windows_of
from certsuite.checks.registry import Question, check
from certsuite.checks.sdes import last_offer
from certsuite.core.findings import Judgement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80
from certsuite.sdp.session import SessionDescription

_SILENT = ("recvonly", "inactive")

_BESIDE_CODECS = ("telephone-event", "cn", "red")
"What an offer has beside codecs: RFC 4733, RFC 3389, RFC 2198."


@check("media.offers-as-claimed", passive=True)
def offers_as_claimed(question: Question) -> Judgement:
    """The device's own offers have the ``codecs`` and crypto ``suites`` that its profile claims, and no others, and
    telephone-events if ``dtmf`` is claimed (MED-CLAIMS)."""
    offers = [
        (seen, audio)
        for seen in question.span.messages(method="INVITE")
        if seen.message.has_sdp and not seen.message.to_tag and (audio := audio_of(seen)) is not None
    ]
    if not offers:
        return question.unknown("nothing-seen", "the device made no offer")
    names = {one.name.lower(): one.name for _, audio in offers for one in audio.rtpmaps}
    shown = {name for key, name in names.items() if key not in _BESIDE_CODECS}
    shown |= {suite for _, audio in offers for suite in suites_of(audio)}
    shown |= {"telephone-event"} & set(names)
    claimed = {*question.param("codecs"), *question.param("suites")}
    claimed |= {"telephone-event"} if question.param("dtmf") else set()
    known, seen_so = {one.lower() for one in claimed}, {one.lower() for one in shown}
    place = (offers[0][0].evidence, offers[-1][0].evidence)
    unclaimed = ", ".join(sorted(one for one in shown if one.lower() not in known))
    if unclaimed:
        return question.failed(
            "ability-not-claimed",
            f"{printable(unclaimed, at_most=160)} in the device's own offers",
            f"{printable(unclaimed, at_most=160)} claimed in the profile",
            *place,
            verdict=Verdict.WARN,
            hint="What is not claimed is not tested: claim it in the profile, or switch it off in the device.",
        )
    unkept = sorted(one for one in claimed if one.lower() not in seen_so)
    if not unkept:
        return question.passed(*place)
    return question.failed(
        "claim-not-offered",
        f"no {', no '.join(unkept)} in the device's own offers",
        "each codec and suite that the profile claims",
        *place,
        verdict=Verdict.WARN,
        hint="Calls that the device places go without it: switch it on in the device, or take the claim back.",
    )


@check("call.offers-late", limits=("answer_s",))
def offers_late(question: Question) -> Judgement:
    """The device answers an INVITE without an offer by a 200 with one, with SRTP (MED-LATE-OFFER)."""
    call_id = question.subject.call_id
    invites = question.span.messages(method="INVITE", direction=OUT, call_id=call_id)
    if not invites:
        return question.unknown("not-stimulated", "the INVITE was not sent")
    answer = final_answer(question, invites[0])
    if answer is None:
        return question.unknown("no-answer", "the device did not answer the INVITE")
    if (otherwise := refused_otherwise(question, answer, "offers that come late")) is not None:
        return otherwise
    if answer.message.status >= 300:
        return question.failed(
            "late-offer-refused",
            f"{told(answer)} to an INVITE without an offer",
            "200 OK with an offer (RFC 3261 section 13.3.1.4)",
            answer.evidence,
            hint="Calls that are transferred or clicked to dial may come without an offer.",
        )
    audio = audio_of(answer)
    suites = suites_of(audio)
    if audio is not None and audio.protocol == "RTP/SAVP" and AES_CM_128_HMAC_SHA1_80 in suites:
        return question.passed(answer.evidence)
    return question.failed(
        "late-offer-without-srtp",
        f"{printable(audio.protocol) if audio else 'no audio'} with {printable(', '.join(suites)) or 'no crypto line'}",
        f"RTP/SAVP with {AES_CM_128_HMAC_SHA1_80}",
        answer.evidence,
        hint="Set SRTP to mandatory: an offer in a 200 is one like any other.",
    )


@check("media.stops-when-held", limits=("action_s",))
def stops_when_held(question: Question) -> Judgement:
    """A device that the far end holds answers that it does not send, and sends nothing (MED-FAR-HOLD)."""
    offer = last_offer(question, reoffer=True)
    answer = None if offer is None else final_answer(question, offer)
    if offer is None or answer is None or answer.message.status >= 300:
        return question.unknown("not-held", "the call was not held")
    audio = audio_of(answer)
    if audio is None:
        return question.unknown("not-held", "the answer has no audio")
    direction = SessionDescription.parse(answer.message.body).direction_of(audio)
    offered = audio_of(offer)
    asked = "" if offered is None else SessionDescription.parse(offer.message.body).direction_of(offered)
    # With an address of all zeros the attribute may still say sendrecv: its answer is nobody's mistake.
    by_attribute = offered is not None and not offered.values("sendrecv")
    right = ("inactive",) if asked == "inactive" else _SILENT
    if by_attribute and direction not in right:
        return question.failed(
            "held-answer-wrong",
            f"a={direction} in answer to a={asked}",
            f"a={' or a='.join(right)} (RFC 3264 section 6.1)",
            offer.evidence,
            answer.evidence,
        )
    for seen in windows_of(question):
        begun = seen.at.t - seen.event.duration_s
        if begun >= answer.at.t and not (seen.event.packets or seen.event.auth_failures or seen.event.cleartext):
            return question.passed(answer.evidence, seen.evidence)
    return question.failed(
        "held-goes-on-sending",
        "packets of media after the far end held the call",
        "nothing is sent to who does not want to receive",
        answer.evidence,
        *(seen.evidence for seen in windows_of(question)[-1:]),
        hint="The one who holds the call may hear what is said meanwhile.",
        settled=False,
        limit=question.limits["action_s"],
    )
