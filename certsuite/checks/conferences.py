"""Conferences that a device mixes: each far end hears the other (RFC 4579 section 5.5)."""

from __future__ import annotations

from certsuite.checks.media import dropped, is_heard, no_media, windows_of
from certsuite.checks.registry import Question, check
from certsuite.core.findings import Judgement


@check("conference.hears", limits=("audio_s", "tone_deviation"))
def hears(question: Question) -> Judgement:
    """The far end of a call receives the ``tone`` that the other far end plays, which is none of its ``own``."""
    missing = no_media(question)
    if missing is not None:
        return missing
    deviation, windows = question.limits["tone_deviation"].value, windows_of(question)
    tone, own = float(question.param("tone")), float(question.param("own"))
    heard = [seen for seen in windows if is_heard(seen.event, tone, deviation)]
    if heard:
        return question.passed(heard[0].evidence)
    if (gone := dropped(question)) is not None:
        return gone
    received = [seen for seen in windows if seen.event.packets]
    if not received:
        observed = "no audio"
    elif any(is_heard(seen.event, own, deviation) for seen in received):
        observed = f"its own {own:g} Hz, and not the {tone:g} Hz of the other"
    else:
        observed = f"audio without the {tone:g} Hz of the other"
    return question.failed(
        "conference-one-way",
        f"a far end receives {observed}",
        f"{tone:g} Hz, which the other far end plays",
        *(seen.evidence for seen in received[-1:]),
        hint="Each far end must get what the other says: look at the device's mixer, and whether a call is on hold.",
        settled=False,
        limit=question.limits["audio_s"],
    )
