"""What a device bears in the media that it is sent: audio goes on after something was done to it."""

from __future__ import annotations

from itertools import takewhile

from certsuite.checks.media import dropped, is_heard, no_media, opened_of, windows_of
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import MediaStimulus
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.redaction import printable


def stimulus_of(question: Question) -> Seen[MediaStimulus] | None:
    """The last time that it was done in this call."""
    wanted = (question.text("kind"), question.subject.call_id)
    done = [seen for seen in question.span.of(MediaStimulus) if (seen.event.what, seen.event.call_id) == wanted]
    return done[-1] if done else None


@check("media.comes-first", limits=("audio_s",))
def comes_first(question: Question) -> Judgement:
    """The device sends before the party has sent anything (MED-FIRST)."""
    missing = no_media(question)
    if missing is not None:
        return missing
    windows = windows_of(question)
    before = list(takewhile(lambda seen: not seen.event.sent_packets, windows))
    if windows and not before:
        return question.unknown("not-stimulated", "the party sent from the beginning", settled=True)
    came = [seen for seen in before if seen.event.packets or seen.event.auth_failures or seen.event.cleartext]
    if came:
        return question.passed(came[0].evidence)
    return question.failed(
        "media-waits",
        "no packet from the device while its far end sent none",
        "packets from the answer on",
        *(seen.evidence for seen in before[-1:]),
        hint="The access SBC sends where media comes from: it waits for the device, and the device for it.",
        settled=False,
        limit=question.limits["audio_s"],
    )


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
    stimulus = stimulus_of(question)
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
    if (gone := dropped(question)) is not None:
        return gone
    packets = sum(seen.event.packets for seen in later)
    failures = sum(seen.event.auth_failures + seen.event.cleartext for seen in later)
    return question.failed(
        question.text("finding"),
        f"{packets} packets, none with the {after:g} Hz that were played"
        + (f", and {failures} that do not authenticate" * bool(failures)),
        f"audio goes on after {question.text('what')}",
        stimulus.evidence,
        *(seen.evidence for seen in later[-2:]),
        hint=question.text("hint"),
        settled=False,
        limit=question.limits["audio_s"],
    )


@check("media.holds-up", limits=("audio_s", "tone_deviation", "heard_share"))
def holds_up(question: Question) -> Judgement:
    """Over a network that loses, doubles, swaps and delays packets the tone stays heard for most of the time.

    ``tones``: the one before and the one after; ``windows``: of how many windows in which packets came the share is.
    """
    before, after = (float(tone) for tone in question.param("tones"))
    deviation, limit = question.limits["tone_deviation"].value, question.limits["heard_share"]
    missing = no_media(question)
    if missing is not None:
        return missing
    stimulus = stimulus_of(question)
    if stimulus is None:
        return question.unknown("not-stimulated", "the network was good")
    windows = windows_of(question)
    earlier = [seen for seen in windows if seen.at.seq < stimulus.at.seq]
    if not any(is_heard(seen.event, before, deviation) for seen in earlier):
        return question.unknown("no-audio-before", "no audio came back over the good network")
    later = [seen for seen in windows if seen.at.seq > stimulus.at.seq]
    first = next((at for at, seen in enumerate(later) if is_heard(seen.event, after, deviation)), len(later))
    counted = later[first : first + int(question.param("windows"))]
    if len(counted) < int(question.param("windows")):
        if (gone := dropped(question)) is not None:
            return gone
        return question.failed(
            "media-breaks-over-bad-network",
            f"audio came back in {len(counted)} windows and then no more" if counted else "no audio came back",
            "audio goes on over a network that loses some packets",
            stimulus.evidence,
            *(seen.evidence for seen in later[-1:]),
            hint="The device waits for packets that were lost, or begins anew at each: look at its jitter buffer.",
            settled=False,
            limit=question.limits["audio_s"],
        )
    share = sum(is_heard(seen.event, after, deviation) for seen in counted) / len(counted)
    measurement = Measurement("heard_share", round(share, 3), "ratio", limit.value)
    if share >= limit.value:
        return question.passed(stimulus.evidence, counted[-1].evidence, measurements=(measurement,))
    return question.failed(
        "media-gaps-over-bad-network",
        f"audio in {share:.0%} of the time",
        f"in {limit.value:.0%} or more",
        stimulus.evidence,
        counted[-1].evidence,
        hint="A jitter buffer that adapts keeps a few lost or late packets from being heard.",
        verdict=limit.breach,
        limit=limit,
        measurements=(measurement,),
    )


def _port(endpoint: str) -> str:
    return endpoint.rpartition(":")[2]


@check("media.symmetric", limits=("audio_s",))
def symmetric(question: Question) -> Judgement:
    """What the device sends comes from the port at which it receives (MED-SYMMETRIC).

    Addresses are not compared: a NAT changes them, and on loopback the kernel chooses one.
    """
    missing = no_media(question)
    if missing is not None:
        return missing
    announced = {_port(seen.event.remote) for seen in opened_of(question)}
    came = [seen for seen in windows_of(question) if seen.event.packets and seen.event.source]
    if not came:
        return question.unknown("no-media", "no packet came from the device")
    other = [seen for seen in came if _port(seen.event.source) not in announced]
    if not other:
        return question.passed(came[0].evidence)
    return question.failed(
        "media-other-port",
        f"media from {printable(other[0].event.source)}",
        f"from port {', '.join(sorted(announced))}, at which the device receives (RFC 4961)",
        other[0].evidence,
        hint="The access SBC sends to where media came from: the device must receive there.",
    )


@check("media.moves-along", limits=("audio_s", "tone_deviation"))
def moves_along(question: Question) -> Judgement:
    """Media goes to the address of the party's last offer, and is heard there (MED-MOVED). ``tones``: the one there."""
    opened = opened_of(question)
    if len(opened) < 2:
        return question.unknown("not-moved", "the party did not move")
    at_new = [seen for seen in windows_of(question) if seen.event.local == opened[-1].event.local]
    (tone,) = (float(one) for one in question.param("tones"))
    heard = [seen for seen in at_new if is_heard(seen.event, tone, question.limits["tone_deviation"].value)]
    if heard:
        return question.passed(opened[-1].evidence, heard[0].evidence)
    if (gone := dropped(question)) is not None:
        return gone
    return question.failed(
        "media-not-moved",
        f"{sum(seen.event.packets for seen in at_new)} packets at the new address, without what was sent",
        f"media at {opened[-1].event.local}, as the re-INVITE says",
        opened[-1].evidence,
        settled=False,
        hint="Calls that are transferred or picked up go on at another place.",
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
    stimulus = stimulus_of(question)
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
    if (gone := dropped(question)) is not None:
        return gone
    return question.failed(
        "srtp-lost-after-replay",
        "no audio came back after packets had been sent again",
        "what follows the repeated packets is heard",
        stimulus.evidence,
        *(seen.evidence for seen in later[-2:]),
        settled=False,
        limit=question.limits["audio_s"],
    )
