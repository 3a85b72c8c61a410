"""Calls with the PSTN, as the independent program at their far end wrote them down."""

from __future__ import annotations

from certsuite.checks.call_messages import responses
from certsuite.checks.media import LOUD_ENOUGH_DBFS, PURE_ENOUGH, is_heard, windows_of
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import PstnCall, PstnDigit, PstnHeard, PstnTold
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import OUT
from certsuite.core.redaction import printable


def _told(question: Question, order: str, tone_hz: float = 0.0) -> list[Seen[PstnTold]]:
    return [
        seen
        for seen in question.span.of(PstnTold)
        if (seen.event.call_id, seen.event.order, seen.event.tone_hz) == (question.subject.call_id, order, tone_hz)
    ]


def _of_call(question: Question, state: str) -> list[Seen[PstnCall]]:
    seen = question.span.of(PstnCall)
    return [one for one in seen if (one.event.call_id, one.event.state) == (question.subject.call_id, state)]


def _far_end_failed(question: Question) -> Judgement | None:
    """Why the far end says nothing of the device; ``None`` if it did as it was told."""
    failed = _of_call(question, "failed")
    if failed:
        return question.unknown("far-end-failed", f"the program at the far end: {printable(failed[0].event.text)}")
    return None


@check("pstn.hears", limits=("audio_s", "tone_deviation"))
def hears(question: Question) -> Judgement:
    """The far end decodes, in order, the tones that it played and that the device sends back (PSTN-AUDIO).

    The far end is a program with an RTP and a G.711 of its own, so what it decodes was heard by another than the bench.
    """
    tones = [float(tone) for tone in question.param("tones")]
    deviation = question.limits["tone_deviation"].value
    failed = _far_end_failed(question)
    if failed is not None:
        return failed
    played = [_told(question, "play", tone) for tone in tones]
    if not all(played):
        return question.unknown("tone-not-played", "the far end was not told to play these tones")
    all_heard = [seen for seen in question.span.of(PstnHeard) if seen.event.call_id == question.subject.call_id]
    found: list[Seen[PstnHeard]] = []
    for seen in all_heard:
        if len(found) == len(tones) or seen.at.seq < played[len(found)][0].at.seq:
            continue
        event, wanted = seen.event, tones[len(found)]
        loud = event.level_dbfs >= LOUD_ENOUGH_DBFS and event.purity >= PURE_ENOUGH
        if loud and abs(event.tone_hz - wanted) <= deviation * wanted:
            found.append(seen)
    if len(found) == len(tones):
        level = Measurement("pstn_tone_level", found[-1].event.level_dbfs, "dBFS")
        return question.passed(*(seen.evidence for seen in found), measurements=(level,))
    missing = ", ".join(f"{tone:g} Hz" for tone in tones[len(found) :])
    if all_heard:
        last = all_heard[-1]
        observed = f"the far end heard {last.event.tone_hz:g} Hz at {last.event.level_dbfs:g} dBFS last, not {missing}"
        evidence = (last.evidence,)
    else:
        observed, evidence = "the far end heard nothing", (played[0][0].evidence,)
    return question.failed(
        "pstn-audio-missing",
        observed,
        f"{', '.join(f'{tone:g} Hz' for tone in tones)} come back, one after the other, and G.711 decodes to them",
        *evidence,
        hint="Compare with what the edge heard from the device: if that is right, look at what the device marks its "
        "packets with.",
        settled=False,
        limit=question.limits["audio_s"],
    )


@check("pstn.announcement", limits=("audio_s", "tone_deviation"))
def announcement(question: Question) -> Judgement:
    """What the far end plays before it answers comes back from the device, in the early dialog (PSTN-EARLY).

    A device that sends nothing, or silence, before the call is answered does no wrong: what it plays to its user is
    then not known. One that gives back another tone plays that.
    """
    tone = float(question.param("tone_hz"))
    failed = _far_end_failed(question)
    if failed is not None:
        return failed
    progress = [seen for seen in responses(question, "INVITE", range(183, 184), OUT) if seen.message.has_sdp]
    if not progress or not _told(question, "play", tone):
        return question.unknown("not-stimulated", "no announcement was played")
    refused = responses(question, "CANCEL", range(200, 300), OUT)
    if refused:
        return question.failed(
            "pstn-announcement-cut",
            "CANCEL after 183 with a session description",
            "the call goes on, and its announcement is heard",
            progress[0].evidence,
            refused[0].evidence,
        )
    windows = windows_of(question)
    heard = [seen for seen in windows if is_heard(seen.event, tone, question.limits["tone_deviation"].value)]
    if heard:
        return question.passed(progress[0].evidence, heard[0].evidence)
    others = [
        seen
        for seen in windows
        if seen.event.tone_level_dbfs >= LOUD_ENOUGH_DBFS and seen.event.tone_purity >= PURE_ENOUGH
    ]
    if not others:
        # Some mute what they send until the call is answered, so that nobody talks for free.
        return question.unknown(
            "silent-early", "the device sends nothing, or silence, before the call is answered: no tone came back"
        )
    return question.failed(
        "pstn-announcement-not-heard",
        f"{others[-1].event.tone_hz:.0f} Hz from the device before the answer, not {tone:g} Hz",
        f"{tone:g} Hz, which the far end plays behind 183 Session Progress",
        progress[0].evidence,
        others[-1].evidence,
        hint="A session description in 183 is the answer: its audio is the announcement or the ring-back of the PSTN, "
        "and a ring-back of the device's own must not cover it.",
        settled=False,
        limit=question.limits["audio_s"],
    )


@check("pstn.digits", limits=("action_s",))
def digits(question: Question) -> Judgement:
    """The digits that were pressed are what the far end received, each once and in order (PSTN-DTMF)."""
    expected = question.text("digits")
    failed = _far_end_failed(question)
    if failed is not None:
        return failed
    if not _of_call(question, "answered"):
        return question.unknown("not-stimulated", "the far end was in no call")
    seen = [one for one in question.span.of(PstnDigit) if one.event.call_id == question.subject.call_id]
    received = "".join(one.event.digit for one in seen)
    if received == expected:
        return question.passed(*(one.evidence for one in seen))
    return question.failed(
        "pstn-digits-wrong" if received else "pstn-digits-missing",
        f"the far end received {printable(received)!r}" if received else "the far end received no digit",
        f"{expected!r}",
        *(one.evidence for one in seen),
        hint="The first packet of an event bears the marker (RFC 4733 section 2.2.2): gateways begin a digit at it.",
        settled=not expected.startswith(received),
        limit=question.limits["action_s"],
    )
