"""What a device bears in the media that it is sent: audio goes on after something was done to it."""

from __future__ import annotations

from certsuite.checks.media import is_heard, no_media, windows_of
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import MediaStimulus
from certsuite.core.findings import Judgement


def _stimulus(question: Question) -> Seen[MediaStimulus] | None:
    """The last time that it was done in this call."""
    wanted = (question.text("kind"), question.subject.call_id)
    done = [seen for seen in question.span.of(MediaStimulus) if (seen.event.what, seen.event.call_id) == wanted]
    return done[-1] if done else None


@check("media.goes-on-after", limits=("audio_s", "tone_deviation"))
def goes_on_after(question: Question) -> Judgement:
    """A tone that came back before something was done to the stream is followed by another one after it.

    ``kind``: what was done; ``tones``: the one before and the one after; ``finding``, ``what`` and ``hint`` are the
    case's. Without the first tone nothing can be said of the second.
    """
    before, after = (float(tone) for tone in question.param("tones"))
    deviation = question.limits["tone_deviation"].value
    missing = no_media(question)
    if missing is not None:
        return missing
    stimulus = _stimulus(question)
    if stimulus is None:
        return question.unknown("not-stimulated", f"the stream was not {question.text('kind')}")
    windows = windows_of(question)
    earlier = [seen for seen in windows if seen.at.seq < stimulus.at.seq]
    later = [seen for seen in windows if seen.at.seq > stimulus.at.seq]
    if not any(is_heard(seen.event, before, deviation) for seen in earlier):
        return question.unknown("no-audio-before", f"no audio came back before the stream was {question.text('kind')}")
    heard = [seen for seen in later if is_heard(seen.event, after, deviation)]
    if heard:
        return question.timed(
            "audio_gap",
            heard[0].at.t - stimulus.at.t,
            question.limits["audio_s"],
            "media-audio-late",
            "audio came back after",
            stimulus.evidence,
            heard[0].evidence,
        )
    packets = sum(seen.event.packets for seen in later)
    failures = sum(seen.event.auth_failures + seen.event.cleartext for seen in later)
    return question.failed(
        question.text("finding"),
        f"{packets} packets, none with what was sent" + (f", and {failures} that do not authenticate" * bool(failures)),
        f"audio goes on after {question.text('what')}",
        stimulus.evidence,
        *(seen.evidence for seen in later[-2:]),
        hint=question.text("hint"),
        settled=False,
        limit=question.limits["audio_s"],
    )


@check("media.replay-not-heard", limits=("audio_s", "tone_deviation"))
def replay_not_heard(question: Question) -> Judgement:
    """What is sent a second time under SRTP is not heard a second time (RFC 3711 section 3.3.2).

    ``tones``: the one that was repeated, and the one that was sent after it.
    """
    repeated, after = (float(tone) for tone in question.param("tones"))
    deviation = question.limits["tone_deviation"].value
    missing = no_media(question)
    if missing is not None:
        return missing
    stimulus = _stimulus(question)
    if stimulus is None:
        return question.unknown("not-stimulated", "nothing was sent again")
    later = [seen for seen in windows_of(question) if seen.at.seq > stimulus.at.seq]
    again = [seen for seen in later if is_heard(seen.event, repeated, deviation)]
    if again:
        return question.failed(
            "srtp-replay-heard",
            f"{repeated:g} Hz came back a second time after its packets were sent again",
            "packets whose index was seen before are discarded (RFC 3711 section 3.3.2)",
            stimulus.evidence,
            again[0].evidence,
            hint="Whoever recorded a call on its way could play parts of it to the device again.",
        )
    for seen in later:
        if is_heard(seen.event, after, deviation):
            return question.passed(stimulus.evidence, seen.evidence)
    return question.failed(
        "srtp-lost-after-replay",
        "no audio came back after packets had been sent again",
        "what follows the repeated packets is heard",
        stimulus.evidence,
        *(seen.evidence for seen in later[-2:]),
        settled=False,
        limit=question.limits["audio_s"],
    )
