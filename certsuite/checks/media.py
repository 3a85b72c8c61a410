"""Media as it was received: audio by its content, not by its packets (RFC 3550, RFC 3711, RFC 4733)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from certsuite.checks.call_messages import byes
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import (
    DriverAction,
    DtmfEvent,
    MediaNotAgreed,
    MediaOpened,
    MediaStimulus,
    MediaWindow,
    RtcpSeen,
)
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import IN
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict

PURE_ENOUGH = 0.35
"Share of a window's energy in one tone above which it counts as heard; speech and noise stay below."
LOUD_ENOUGH_DBFS = -45.0
_STRETCHED = 2
"Times that a digit's duration may be what has passed since the digit before it: a network holds packets back as well."


def windows_of(question: Question) -> list[Seen[MediaWindow]]:
    return [seen for seen in question.span.of(MediaWindow) if seen.event.call_id == question.subject.call_id]


def is_heard(window: MediaWindow, tone_hz: float, deviation: float) -> bool:
    return (
        window.packets > 0
        and window.tone_purity >= PURE_ENOUGH
        and window.tone_level_dbfs >= LOUD_ENOUGH_DBFS
        and abs(window.tone_hz - tone_hz) <= deviation * tone_hz
    )


@check("media.srtp", limits=("audio_s",))
def srtp(question: Question) -> Judgement:
    """The device's packets authenticate and decrypt under the key of its own crypto line (MED-SRTP)."""
    missing = no_media(question)
    if missing is not None:
        return missing
    windows = windows_of(question)
    good = [seen for seen in windows if seen.event.packets]
    cleartext = sum(seen.event.cleartext for seen in windows)
    if good and not cleartext:
        return question.passed(good[0].evidence)
    return _not_under_srtp(question, windows)


@check("media.audio-both-ways", limits=("audio_s", "tone_deviation"))
def audio_both_ways(question: Question) -> Judgement:
    """The tones that the far end played come back from the device, each of them, in order (CALL-TERM, CALL-ORIG).

    The device's audio path is an echo, and the tones are chosen anew for each call: what comes back has crossed both
    directions, and can be nothing that the device made up. The stream must have been decrypted under the keys that
    were agreed.
    """
    tones = [float(tone) for tone in question.param("tones")]
    deviation = question.limits["tone_deviation"].value
    missing = no_media(question)
    if missing is not None:
        return missing
    opened = opened_of(question)
    windows = windows_of(question)
    heard: list[Seen[MediaWindow]] = []
    for seen in windows:
        if len(heard) < len(tones) and is_heard(seen.event, tones[len(heard)], deviation):
            heard.append(seen)
    packets = sum(seen.event.packets for seen in windows)
    lost = sum(seen.event.lost for seen in windows)
    measurements = (
        Measurement("rtp_packets_received", packets, "packets"),
        Measurement("rtp_packets_lost", lost, "packets"),
    )
    if len(heard) == len(tones):
        sending = next((seen for seen in windows if abs(seen.event.sent_tone_hz - tones[0]) < 1), None)
        if sending is None:
            return question.unknown("tone-not-sent", f"{tones[0]:g} Hz came, and was not played to the device")
        if any(seen.event.cleartext for seen in windows):
            return _not_under_srtp(question, windows)
        judged = question.timed(
            "audio_delay",
            heard[0].at.t - max(opened[0].at.t, sending.at.t - sending.event.duration_s),
            question.limits["audio_s"],
            "media-audio-late",
            "the first tone came back after",
            *(seen.evidence for seen in heard),
            hint="Users say hello into silence: look at what the device does before it opens its audio path.",
        )
        level = Measurement("tone_level", round(heard[-1].event.tone_level_dbfs, 1), "dBFS")
        return replace(judged, measurements=(*measurements, *judged.measurements, level))
    if (gone := dropped(question)) is not None:
        return replace(gone, measurements=measurements)
    if not packets:
        return replace(_not_under_srtp(question, windows), measurements=measurements)
    strongest = max((seen.event for seen in windows if seen.event.packets), key=lambda one: one.tone_purity)
    unheard = ", ".join(f"{tone:g} Hz" for tone in tones[len(heard) :])
    return question.failed(
        "media-audio-missing",
        f"{packets} packets decrypted, {unheard} not in them; the strongest tone was {strongest.tone_hz:.0f} Hz at "
        f"{strongest.tone_level_dbfs:.0f} dBFS",
        f"{', '.join(f'{tone:g} Hz' for tone in tones)} come back, one after the other",
        *(seen.evidence for seen in windows[-3:]),
        hint=_where_it_ends(question, opened[-1]),
        settled=False,
        measurements=measurements,
        limit=question.limits["audio_s"],
    )


def _where_it_ends(question: Question, opened: Seen[MediaOpened]) -> str:
    """Where to look for audio that does not come back, by what the device's RTCP says that it received."""
    call_id = question.subject.call_id
    reports = [
        seen.event
        for seen in question.span.of(RtcpSeen)
        if seen.at.direction == IN and seen.event.call_id == call_id and seen.at.seq > opened.at.seq
    ]
    if any(report.about_us for report in reports):
        return "Its own RTCP reports on what was sent to it: look at its decoder, and at its audio device or loop."
    if any({"SR", "RR"} & set(report.kinds) for report in reports):
        return (
            "Its own RTCP says nothing of the stream that was sent to it, so it does not take it: look at the address, "
            "the key and the SSRC that it expects."
        )
    return "One direction is silent: look at what the device received, and at its audio device or loop."


def opened_of(question: Question) -> list[Seen[MediaOpened]]:
    return [seen for seen in question.span.of(MediaOpened) if seen.event.call_id == question.subject.call_id]


def no_media(question: Question) -> Judgement | None:
    """Why there is no SRTP stream to look at; ``None`` if there is one."""
    opened = opened_of(question)
    refused = [seen for seen in question.span.of(MediaNotAgreed) if seen.event.call_id == question.subject.call_id]
    if refused and not opened:
        if refused[0].event.reason_code == "not-playable":
            return question.unknown(
                "not-playable", f"the bench itself cannot play what was agreed on: {printable(refused[0].event.reason)}"
            )
        return question.failed(
            "media-not-agreed",
            f"{printable(refused[0].event.reason)} ({refused[0].event.reason_code})",
            "an offer or answer that takes a codec and a crypto line of the other side",
            refused[0].evidence,
        )
    if not opened:
        return question.unknown("no-media", "no media was agreed on")
    if opened[-1].event.suite == "none":
        return question.failed(
            "media-not-encrypted", "media was agreed without SRTP", "SRTP with the keys of the SDP", opened[-1].evidence
        )
    return None


def dropped(question: Question) -> Judgement | None:
    """That no audio comes any more because the device ended the call; ``None`` if it did not."""
    ended = byes(question)
    if not ended or any(seen.event.cleartext for seen in windows_of(question)):
        return None
    return question.failed(
        "call-dropped",
        "the device ended the call by itself, and audio with it",
        "the call stays up until one side hangs up",
        ended[0].evidence,
        hint="Look at what the device's log says before its BYE: no audio, a timer, a refused request.",
    )


def _not_under_srtp(question: Question, windows: list[Seen[MediaWindow]]) -> Judgement:
    """What came instead of packets under the agreed key."""
    failures = sum(seen.event.auth_failures for seen in windows)
    cleartext = sum(seen.event.cleartext for seen in windows)
    if cleartext:
        id = "media-in-the-clear"
        observed = f"{cleartext} packets of plain RTP though SRTP was agreed"
        hint = "Set SRTP to mandatory."
    elif failures:
        id = "srtp-wrong-key"
        observed = f"{failures} packets that do not authenticate under the key of the device's own crypto line"
        hint = "The device encrypts with another key than the one it announced."
    else:
        id = "media-none"
        observed = "no packet from the device"
        hint = "The device must send from its first moment on, to the address and port of the SDP."
    return question.failed(
        id,
        observed,
        "packets under the key of the device's crypto line",
        *(seen.evidence for seen in windows[-3:]),
        hint=hint,
        settled=bool(cleartext),
        limit=question.limits["audio_s"],
    )


@check("media.dtmf", limits=("action_s", "dtmf_min_ms"))
def dtmf(question: Question) -> Judgement:
    """The digits arrive as telephone-events, in order, each long enough and properly ended (MED-DTMF)."""
    expected = question.text("digits")
    limit = question.limits["dtmf_min_ms"]
    seen = [one for one in question.span.of(DtmfEvent) if one.event.call_id == question.subject.call_id]
    digits = "".join(one.event.digit for one in seen)
    evidence = [one.evidence for one in seen]
    measurements = tuple(Measurement(f"dtmf_{one.event.digit}", round(one.event.duration_ms, 1), "ms") for one in seen)
    if digits == expected:
        short = [one for one in seen if one.event.duration_ms < limit.value]
        if short:
            return question.failed(
                "dtmf-too-short",
                f"digit {printable(short[0].event.digit)} for {short[0].event.duration_ms:.0f} ms",
                f"{limit.value:g} ms or more",
                short[0].evidence,
                verdict=limit.breach,
                limit=limit,
                measurements=measurements,
            )
        unended = [one for one in seen if one.event.end_packets == 0]
        if unended:
            return question.failed(
                "dtmf-without-end",
                f"digit {printable(unended[0].event.digit)} without an end packet",
                "three packets with the end bit (RFC 4733 section 2.5.1.4)",
                unended[0].evidence,
                measurements=measurements,
            )
        for last, one in pairwise(seen):
            since_ms = (one.at.t - last.at.t) * 1000
            if one.event.duration_ms > _STRETCHED * since_ms + question.span.lag_s * 1000:
                return question.failed(
                    "dtmf-too-long",
                    f"digit {printable(one.event.digit)} for {one.event.duration_ms:.0f} ms by its duration, "
                    f"{since_ms:.0f} ms after the end of digit {printable(last.event.digit)}",
                    "its duration in units of the telephone-event's own clock (RFC 4733 section 2.3.5)",
                    last.evidence,
                    one.evidence,
                    hint="Beside a codec of 48 kHz it is often that one's clock: the far end then plays digits longer "
                    "than they were pressed.",
                    verdict=Verdict.WARN,
                    measurements=measurements,
                )
        return question.passed(*evidence, measurements=measurements)
    wrong = not expected.startswith(digits)
    otherwise = "" if digits else _digits_otherwise(question)
    return question.failed(
        "dtmf-wrong-digits" if digits else "dtmf-none",
        f"{printable(digits)!r} arrived" if digits else f"no telephone-event arrived{otherwise}",
        f"{expected!r} as telephone-events",
        *evidence,
        hint="Set DTMF to RFC 4733 (RFC 2833), not to in-band or SIP INFO.",
        settled=wrong,
        measurements=measurements,
    )


def _digits_otherwise(question: Question) -> str:
    """In which other ways digits came, for a person to read."""
    told = [
        f", INFO with {printable(kind, at_most=60)} did"
        for info in question.span.messages(method="INFO", call_id=question.subject.call_id)[:1]
        for kind in [info.message.get("Content-Type") or "no body"]
        if "dtmf" in kind.lower() or "telephone-event" in kind.lower()
    ]
    tones: list[str] = []
    for seen in windows_of(question):
        if seen.event.digit and (not tones or tones[-1] != seen.event.digit):
            tones.append(seen.event.digit)
    return "".join(told) + (f", tones of {printable(' '.join(tones))} in the audio did" if tones else "")


@check("media.digits-received", limits=("action_s",))
def digits_received(question: Question) -> Judgement:
    """The device tells of the digits that were sent to it as telephone-events, and of no others (MED-DTMF-RECEIVED)."""
    sent = [seen for seen in question.span.of(MediaStimulus) if seen.event.what == "digits sent"]
    mine = [seen for seen in sent if seen.event.call_id == question.subject.call_id]
    told = [
        seen
        for seen in question.span.of(DriverAction)
        if seen.event.action == "hears" and mine and seen.at.seq > mine[-1].at.seq
    ]
    if not told:
        return question.unknown("not-stimulated", "no digits were sent to the device")
    if told[-1].event.ok:
        return question.passed(mine[-1].evidence, told[-1].evidence)
    return question.failed(
        "dtmf-not-received",
        f"the device did not tell of them ({printable(told[-1].event.problem, at_most=120)})",
        f"the device tells of {question.text('digits')}, each digit once",
        mine[-1].evidence,
        told[-1].evidence,
        hint="Menus and conferences that the device itself offers cannot be operated: look at its DTMF settings.",
    )
