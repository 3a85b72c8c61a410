"""How audio crossed: its level, distortion and gaps."""

from __future__ import annotations

from statistics import median

from certsuite.checks.media import is_heard, no_media, windows_of
from certsuite.checks.registry import Question, check
from certsuite.core.findings import Judgement, Measurement

_SENT_DBFS = -12.0
"Level at which the party's tones are sent."


@check("media.clean", limits=("audio_s", "tone_deviation", "level_deviation", "clipped_share", "dropout_share"))
def clean(question: Question) -> Judgement:
    """The tone comes back at its level, without distortion and without gaps (MED-CLEAN).

    ``tone``: the one that is played; ``windows``: how many are looked at, behind the one in which it was first heard.
    """
    tone = float(question.param("tone"))
    missing = no_media(question)
    if missing is not None:
        return missing
    windows = [seen for seen in windows_of(question) if seen.event.packets]
    deviation = question.limits["tone_deviation"].value
    first = next((at for at, seen in enumerate(windows) if is_heard(seen.event, tone, deviation)), len(windows))
    counted = windows[first + 1 : first + 1 + int(question.param("windows"))]
    if len(counted) < int(question.param("windows")):
        return question.unknown(
            "too-little-audio", f"{tone:g} Hz came back in {len(counted)} windows, too few to judge"
        )
    level = median(seen.event.tone_level_dbfs for seen in counted)
    clipped = max(seen.event.clipped for seen in counted)
    duration_ms = sum(seen.event.duration_s for seen in counted) * 1000
    # A window without the tone is one gap, whatever else is in it.
    silent = sum(
        seen.event.silent_ms if is_heard(seen.event, tone, deviation) else seen.event.duration_s * 1000
        for seen in counted
    )
    level_limit, clip_limit = question.limits["level_deviation"], question.limits["clipped_share"]
    gap_limit = question.limits["dropout_share"]
    measurements = (
        Measurement("echo_level", round(level, 1), "dBFS"),
        Measurement("clipped_share", round(clipped, 4), "ratio", clip_limit.value),
        Measurement("dropout_share", round(silent / duration_ms, 3), "ratio", gap_limit.value),
    )
    evidence = (counted[0].evidence, counted[-1].evidence)
    if silent > gap_limit.value * duration_ms:
        if question.span.lag_s * 1000 >= silent - gap_limit.value * duration_ms:
            return question.unknown("bench-lag", "the tone had gaps, and the bench itself was late", settled=True)
        return question.failed(
            "media-drop-outs",
            f"{silent:.0f} ms of {duration_ms:.0f} without the tone that was sent",
            f"{gap_limit.value:.0%} of the time or less",
            *evidence,
            verdict=gap_limit.breach,
            limit=gap_limit,
            measurements=measurements,
            hint="The jitter buffer runs dry, or the device's audio clock does not keep up with its network.",
        )
    if clipped > clip_limit.value:
        return question.failed(
            "media-clipped",
            f"{clipped:.0%} of the samples at full scale",
            f"a sine at {_SENT_DBFS:g} dBFS, as it was sent",
            *evidence,
            verdict=clip_limit.breach,
            limit=clip_limit,
            measurements=measurements,
            hint="A gain in the device's audio path is too high: turn its volume or its microphone's gain down.",
        )
    if abs(level - _SENT_DBFS) > level_limit.value:
        return question.failed(
            "media-other-level",
            f"{level:.0f} dBFS",
            f"{_SENT_DBFS:g} dBFS, give or take {level_limit.value:g} dB",
            *evidence,
            verdict=level_limit.breach,
            limit=level_limit,
            measurements=measurements,
            hint="The echo changes the level: look at volume, automatic gain control and the laws of G.711.",
        )
    return question.passed(*evidence, measurements=measurements)
