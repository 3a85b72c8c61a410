"""How each call sounded: packets, loss, jitter, skew, gaps, silence, delay, R-factor and MOS, with a plot, out of the
record.

What the device says of the other way, in its RTCP, stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from certsuite.checks.span import Seen, Span
from certsuite.core.events import MediaOpened, MediaQuality, MediaWindow, RtcpSeen
from certsuite.core.observations import IN, Observation
from certsuite.media.e_model import has_values, mos, r_factor
from certsuite.report.words import name_of

_HEARD_DEVIATION = 0.03
_PURE_ENOUGH = 0.35
_WIDTH, _HEIGHT = 600.0, 36.0
_FLOOR_DBFS = -60.0
_ON_THEIR_WAY = 4
"Windows after whose sending a tone may still come back."
_Stream = tuple[str, str]
"Call-ID and the party's end."


@dataclass(frozen=True, slots=True)
class Bar:
    """One window of time in a plot: where it stands in the plot's own units, and what it was."""

    x: float
    width: float
    height: float
    kind: str
    """``heard``: the tone that was sent came back; ``sound``; ``quiet``: packets without a tone; ``clear``: plain RTP
    alone; ``none``: no packets."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the device's last report says of what it received."""

    lost: int
    jitter_ms: float
    round_trip_ms: float | None
    "By its own delay and the times of the party's report; none where it had had none."


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One stream of one call."""

    name: str
    "Of the case."
    codec: str
    suite: str
    packets: int
    "Of SRTP, and those of plain RTP though SRTP was agreed."
    in_the_clear: int
    lost: int
    jitter_ms: float
    skew_ms: float
    longest_gap_s: float
    silence_s: float
    "The longest time in which a tone was sent, and neither it nor one before it came back: one way is silent."
    talk_path_s: float | None
    "From the agreement on the stream to the first tone that came back; none where none did."
    round_trip_s: float | None
    "From a tone sent to its return, to a window's length; none where none came back."
    r: float | None
    "None for a codec without values in the narrow-band model, and where the delay is not known."
    report: Report | None
    "None where the device sent none about this stream."
    bars: tuple[Bar, ...]
    seconds: float

    @property
    def mos(self) -> float | None:
        """Mean opinion score of the R-factor."""
        return None if self.r is None else mos(self.r)


@dataclass(frozen=True, slots=True)
class MediaTable:
    """All streams on which audio came, or had to come."""

    rows: tuple[StreamRow, ...]
    "Those on which a tone was played to the device: what came back is drawn."
    unplayed: tuple[StreamRow, ...]
    "The others, in calls that are about something else: what came may well be silence."
    width: float = _WIDTH
    height: float = _HEIGHT


def gather_media(observations: Sequence[Observation]) -> MediaTable | None:
    """The streams of a whole record; ``None`` if no audio came, or had to come, on any."""
    span = Span(observations)
    windows: dict[_Stream, list[Seen[MediaWindow]]] = {}
    for seen in span.of(MediaWindow):
        windows.setdefault((seen.event.call_id, seen.event.local), []).append(seen)
    qualities = {(seen.event.call_id, seen.event.local): seen.event for seen in span.of(MediaQuality)}
    reports = {
        (seen.event.call_id, seen.event.local): Report(
            seen.event.reported_lost, seen.event.reported_jitter_ms, seen.event.round_trip_ms
        )
        for seen in span.of(RtcpSeen)
        if seen.at.direction == IN and seen.event.about_us
    }
    rows: list[StreamRow] = []
    unplayed: list[StreamRow] = []
    # A stream is opened anew by each offer: what counts is what it came to.
    opened: dict[_Stream, list[Seen[MediaOpened]]] = {}
    for one in span.of(MediaOpened):
        opened.setdefault((one.event.call_id, one.event.local), []).append(one)
    for key, openings in opened.items():
        of_it = windows.get(key, [])
        row = _row(openings, qualities.get(key), of_it, reports.get(key))
        if any(seen.event.sent_tone_hz for seen in of_it):
            rows.append(row)
        elif row.packets or row.in_the_clear:
            unplayed.append(row)
    return MediaTable(tuple(rows), tuple(unplayed)) if rows or unplayed else None


def _row(
    openings: list[Seen[MediaOpened]],
    quality: MediaQuality | None,
    windows: list[Seen[MediaWindow]],
    report: Report | None,
) -> StreamRow:
    opened, at = openings[-1].event, openings[-1].at
    if quality is None:
        # Of a stream without a packet nothing is measured.
        quality = MediaQuality(opened.call_id, opened.local, opened.codec, 0, 0, 0, 0, 0.0, 0.0, 0.0)
    round_trip = _round_trip(windows)
    codec = quality.codec.partition("/")[0]
    r = None
    if round_trip is not None and quality.packets and has_values(codec):
        loss = quality.lost / (quality.lost + quality.packets)
        r = r_factor(codec, delay_ms=round_trip * 500, loss=loss)
    begin = windows[0].at.t - windows[0].event.duration_s if windows else 0.0
    seconds = windows[-1].at.t - begin if windows else 0.0
    return StreamRow(
        name=name_of(at.case, at.variant),
        codec=quality.codec,
        suite=opened.suite,
        packets=quality.packets,
        in_the_clear=sum(one.event.cleartext for one in windows),
        lost=quality.lost,
        jitter_ms=quality.jitter_ms,
        skew_ms=quality.skew_ms,
        longest_gap_s=quality.longest_gap_s,
        silence_s=_silence(windows),
        talk_path_s=_talk_path(openings[0], windows),
        round_trip_s=round_trip,
        r=r,
        report=report,
        bars=tuple(_bars(windows, begin, seconds)),
        seconds=seconds,
    )


def _is_back(window: MediaWindow, tone_hz: float) -> bool:
    near = abs(window.tone_hz - tone_hz) <= _HEARD_DEVIATION * tone_hz
    return bool(tone_hz) and near and window.tone_purity >= _PURE_ENOUGH


def _round_trip(windows: list[Seen[MediaWindow]]) -> float | None:
    """The shortest time from the first window with a tone sent to the first with it heard."""
    times = []
    sent_since: dict[float, float] = {}
    for seen in windows:
        window, begin = seen.event, seen.at.t - seen.event.duration_s
        if window.sent_tone_hz:
            sent_since.setdefault(window.sent_tone_hz, begin)
        back = next((hz for hz in sent_since if _is_back(window, hz)), None)
        if back is not None:
            times.append(max(begin - sent_since.pop(back), 0.0))
            sent_since[back] = float("inf")
    known = [time for time in times if time < float("inf")]
    return min(known) if known else None


def _with_tones(windows: list[Seen[MediaWindow]]) -> Iterator[tuple[Seen[MediaWindow], bool]]:
    """Each window, and whether one of the tones that were sent last came back in it."""
    tones: list[float] = []
    for seen in windows:
        tones = [*tones, seen.event.sent_tone_hz][-_ON_THEIR_WAY:]
        yield seen, any(_is_back(seen.event, tone) for tone in tones)


def _talk_path(opened: Seen[MediaOpened], windows: list[Seen[MediaWindow]]) -> float | None:
    heard = [seen for seen, is_heard in _with_tones(windows) if is_heard]
    return max(heard[0].at.t - heard[0].event.duration_s - opened.at.t, 0.0) if heard else None


def _silence(windows: list[Seen[MediaWindow]]) -> float:
    """The longest run of windows with a tone sent and none heard; how long the first takes is the talk path's."""
    longest, run = 0.0, 0.0
    is_open = not any(is_heard for _, is_heard in _with_tones(windows))
    for seen, is_heard in _with_tones(windows):
        is_open = is_open or is_heard
        is_silent = is_open and not is_heard and bool(seen.event.sent_tone_hz)
        run = run + seen.event.duration_s if is_silent else 0.0
        longest = max(longest, run)
    return longest


def _bars(windows: list[Seen[MediaWindow]], begin: float, seconds: float) -> list[Bar]:
    if seconds <= 0:
        return []
    bars = []
    for seen, is_heard in _with_tones(windows):
        window = seen.event
        loudness = 1 - min(max(window.tone_level_dbfs / _FLOOR_DBFS, 0.0), 1.0)
        if not window.packets:
            kind = "clear" if window.cleartext else "none"
        elif is_heard:
            kind = "heard"
        else:
            kind = "sound" if window.tone_hz else "quiet"
        bars.append(
            Bar(
                x=round((seen.at.t - window.duration_s - begin) / seconds * _WIDTH, 1),
                width=round(window.duration_s / seconds * _WIDTH, 1),
                height=round(max(loudness, 0.1) * _HEIGHT, 1),
                kind=kind,
            )
        )
    return bars
