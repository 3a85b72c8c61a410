"""The receiving half of a stream: what came, whether it was authentic, what was heard in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from certsuite.core.capture import Endpoint
from certsuite.core.events import Event, MediaQuality, MediaWindow
from certsuite.media.codecs import CodecError, Samples, looks_unencrypted
from certsuite.media.dtmf import DtmfReceiver
from certsuite.media.rtp import RtpError, RtpPacket
from certsuite.media.setup import StreamParts
from certsuite.media.srtp import ReplayedPacket, SrtpError, Unprotector
from certsuite.media.statistics import StreamStatistics
from certsuite.media.tones import SILENCE, clipped_share, detect_digit, detect_tone, silent_ms

WINDOW_S = 0.1
"Length of a window."
QUIET_S = 0.5
"Windows in which nothing changes are put together up to this length."
REKEY_GRACE_S = 1.0
"How long packets under the key before a new agreement are still taken: some are on their way."

_CLOCK_SLACK_S = 0.001
_SINGLE = 0.9
"Purity above which a tone is alone."
_GREATEST_GAP = 3000
_GREATEST_DISORDER = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, when it was and the last capture frame that belongs to it."""

    event: Event
    at: float
    "Seconds of the same clock as ``now``."
    frame: int | None


class SequenceCounter:
    """Counts what is missing in a run of sequence numbers (RFC 3550 appendix A.1)."""

    def __init__(self) -> None:
        self._first = 0
        self._highest: int | None = None
        "Extended by the number of times that it rolled over."
        self._received = 0
        self._lost_before = 0

    def add(self, sequence: int) -> None:
        """Count a packet."""
        if self._highest is None:
            self._restart(sequence)
            return
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead <= _GREATEST_GAP:
            self._highest += ahead
        elif ahead < 0x10000 - _GREATEST_DISORDER:
            self._lost_before = self.lost
            self._restart(sequence)
            return
        self._received += 1

    def restart(self) -> None:
        """Another source begins to count."""
        self._lost_before = self.lost
        self._highest = None

    @property
    def highest(self) -> int:
        """The highest sequence number of the present source, extended by the number of times that it rolled over."""
        return self._highest or 0

    @property
    def lost(self) -> int:
        """Packets that are missing so far; fewer when late ones come."""
        if self._highest is None:
            return self._lost_before
        return self._lost_before + max(self._highest - self._first + 1 - self._received, 0)

    def _restart(self, sequence: int) -> None:
        self._first = self._highest = sequence
        self._received = 1


@dataclass(slots=True)
class _Tally:
    packets: int = 0
    auth_failures: int = 0
    cleartext: int = 0
    samples: int = 0


class StreamReceiver:
    """Judges nothing: it authenticates, decodes, and tells in windows what it got. ``now`` is in seconds."""

    def __init__(self) -> None:
        self.call_id = ""
        self.local = ""
        "``address:port`` of the stream, for its windows."
        self.latched: Endpoint | None = None
        "Where the first authentic packet came from: media goes there from then on."
        self.ssrc = 0
        self.received = 0
        self.auth_failures = 0
        self.cleartext = 0
        self.replayed = 0
        self.undecodable = 0
        self.not_rtp = 0
        self._parts: StreamParts | None = None
        self._previous: tuple[Unprotector, float] | None = None
        self._sequences = SequenceCounter()
        self._statistics = StreamStatistics()
        self._dtmf: DtmfReceiver | None = None
        self.passes: Callable[[RtpPacket, StreamParts], None] | None = None
        "Given each authentic packet and what it was agreed under, of a stream that is bridged."
        self._window_start = 0.0
        self._tally = _Tally()
        self._heard: list[Samples] = []
        self._frame: int | None = None
        self._reported_lost = 0
        self._reported_sent = 0
        self._last_quiet: MediaWindow | None = None
        "The window before, if nothing was heard in it."
        self._gathered: Seen | None = None
        "Quiet windows that are not told yet, as one."
        self._event_frame: int | None = None

    def configure(self, parts: StreamParts, call_id: str, now: float) -> None:
        """Receive as agreed from now on."""
        old = self._parts
        if old is None:
            self._window_start = now
        else:
            if old.agreement.remote != parts.agreement.remote:
                self.latched = None
            if old.unprotector is not None and old.unprotector is not parts.unprotector:
                self._previous = (old.unprotector, now + REKEY_GRACE_S)
            self._statistics.pause()
            if old.decoder.rate != parts.decoder.rate:
                self._heard.clear()
        dtmf, before = parts.agreement.dtmf, None if old is None else old.agreement.dtmf
        if dtmf is None:
            self._dtmf = None
        elif self._dtmf is None or before is None or before.clock_rate != dtmf.clock_rate or call_id != self.call_id:
            self._dtmf = DtmfReceiver(call_id, dtmf.clock_rate)
        self.call_id = call_id
        self._parts = parts

    @property
    def lost(self) -> int:
        """Packets that are missing so far."""
        return self._sequences.lost

    @property
    def highest_sequence(self) -> int:
        """The highest sequence number so far, extended."""
        return self._sequences.highest

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter (RFC 3550 section 6.4.1)."""
        return self._statistics.jitter_ms

    def receive(self, data: bytes, source: Endpoint, now: float, frame: int | None = None) -> list[Seen]:
        """Take a datagram; gives the telephone-events that it completes."""
        parts = self._parts
        if parts is None:
            return []
        self._frame = frame
        try:
            plain = data if parts.unprotector is None else self._unprotected(parts.unprotector, data, now)
            packet = RtpPacket.unpack(plain)
        except ReplayedPacket:
            self.replayed += 1
            return []
        except SrtpError:
            self._not_authentic(parts, data)
            return []
        except RtpError:
            self.not_rtp += 1
            return []
        return self._accepted(parts, packet, source, now)

    def poll(self, now: float, *, sent_tone_hz: float | None, sent: int) -> list[Seen]:
        """What is due: events that time out and the window that is full. ``sent`` is the total of packets sent."""
        seen = [Seen(event, now, self._event_frame) for event in (self._dtmf.poll(now) if self._dtmf else [])]
        if self._parts is not None and now - self._window_start >= WINDOW_S - _CLOCK_SLACK_S:
            seen += self._close_window(now, sent_tone_hz or 0.0, sent)
        return seen

    def finish(self, now: float, *, sent_tone_hz: float | None, sent: int) -> list[Seen]:
        """The stream ends: whatever is not told yet."""
        seen = [Seen(event, now, self._event_frame) for event in (self._dtmf.finish() if self._dtmf else [])]
        if self._parts is not None and now > self._window_start:
            seen += self._close_window(now, sent_tone_hz or 0.0, sent)
        return seen + self._flush()

    def quality(self) -> MediaQuality | None:
        """How well the audio arrived; none if there was none."""
        measured = self._statistics
        if self._parts is None or not measured.packets:
            return None
        return MediaQuality(
            call_id=self.call_id,
            local=self.local,
            codec=str(self._parts.agreement.codec),
            packets=measured.packets,
            lost=self.lost,
            duplicates=self.replayed + measured.duplicates,
            reordered=measured.reordered,
            jitter_ms=round(measured.jitter_ms, 3),
            jitter_max_ms=round(measured.jitter_max_ms, 3),
            longest_gap_s=round(measured.longest_gap_s, 3),
            skew_ms=round(measured.skew_ms, 3),
        )

    def _unprotected(self, unprotector: Unprotector, data: bytes, now: float) -> bytes:
        try:
            return unprotector.unprotect(data)
        except ReplayedPacket:
            raise
        except SrtpError:
            if self._previous is None or now > self._previous[1]:
                self._previous = None
                raise
            return self._previous[0].unprotect(data)

    def _not_authentic(self, parts: StreamParts, data: bytes) -> None:
        """Tell plain RTP from RTP under another key, as far as that can be told from its form."""
        try:
            packet = RtpPacket.unpack(data)
        except RtpError:
            self.not_rtp += 1
            return
        codec, dtmf = parts.agreement.codec, parts.agreement.dtmf
        is_audio = packet.payload_type == codec.receive_payload_type
        is_event = dtmf is not None and packet.payload_type == dtmf.receive_payload_type
        size = len(packet.payload)
        if (is_audio and looks_unencrypted(codec.name, size)) or (is_event and size == 4):
            self.cleartext += 1
            self._tally.cleartext += 1
        else:
            self.auth_failures += 1
            self._tally.auth_failures += 1

    def _accepted(self, parts: StreamParts, packet: RtpPacket, source: Endpoint, now: float) -> list[Seen]:
        if self.latched is None:
            self.latched = source
        if packet.ssrc != self.ssrc:
            self.ssrc = packet.ssrc
            self._sequences.restart()
        self._sequences.add(packet.sequence)
        self.received += 1
        self._tally.packets += 1
        if self.passes is not None:
            self.passes(packet, parts)
        codec, dtmf = parts.agreement.codec, parts.agreement.dtmf
        if dtmf is not None and self._dtmf is not None and packet.payload_type == dtmf.receive_payload_type:
            self._event_frame = self._frame
            return [Seen(event, now, self._frame) for event in self._dtmf.receive(packet, now)]
        noise = parts.agreement.noise
        if noise is not None and packet.payload_type == noise.receive_payload_type:
            # The device falls silent, and says so: what does not come is no gap.
            self._statistics.pause()
        if packet.payload_type == codec.receive_payload_type:
            self._statistics.add(packet.ssrc, packet.sequence, packet.timestamp, codec.clock_rate, now)
        # More than a second of audio in one window is a flood; what is heard in it is known by then.
        if packet.payload_type == codec.receive_payload_type and self._tally.samples < parts.decoder.rate:
            try:
                samples = parts.decoder.decode(packet.payload)
            except CodecError:
                self.undecodable += 1
            else:
                self._heard.append(samples)
                self._tally.samples += len(samples)
        return []

    def _close_window(self, now: float, sent_tone_hz: float, sent: int) -> list[Seen]:
        assert self._parts is not None
        rate = self._parts.decoder.rate
        heard = np.concatenate(self._heard) if self._heard else np.empty(0, np.int16)
        tone = detect_tone(heard, rate) if len(heard) else SILENCE
        # A single tone is no digit, and silence neither: neither is looked at twice.
        digit = detect_digit(heard, rate) if tone.hz and tone.purity < _SINGLE else ""
        lost = max(self.lost - self._reported_lost, 0)
        tally = self._tally
        window = MediaWindow(
            call_id=self.call_id,
            duration_s=round(now - self._window_start, 6),
            packets=tally.packets,
            lost=lost,
            auth_failures=tally.auth_failures,
            cleartext=tally.cleartext,
            source="" if self.latched is None else endpoint_text(self.latched),
            ssrc=self.ssrc,
            local=self.local,
            tone_hz=round(tone.hz, 2),
            tone_level_dbfs=tone.level_dbfs,
            tone_purity=round(tone.purity, 4),
            clipped=round(clipped_share(heard), 4) if tone.hz else 0.0,
            silent_ms=silent_ms(heard, rate) if tone.hz else 0.0,
            digit=digit,
            sent_tone_hz=sent_tone_hz if sent > self._reported_sent else 0.0,
            sent_packets=sent - self._reported_sent,
        )
        self._reported_lost += lost
        self._reported_sent = sent
        self._window_start = now
        self._tally = _Tally()
        self._heard = []
        told = self._told(Seen(window, now, self._frame), window)
        self._frame = None
        return told

    def _told(self, seen: Seen, window: MediaWindow) -> list[Seen]:
        """The window itself, or what is left to tell when it is like the quiet one before."""
        quiet = not (window.tone_hz or window.auth_failures or window.cleartext or window.lost)
        before = self._last_quiet
        self._last_quiet = window if quiet else None
        if not quiet or before is None or _likeness(before) != _likeness(window):
            return [*self._flush(), seen]
        if self._gathered is not None:
            window = _together(self._gathered.event, window)
            seen = Seen(window, seen.at, seen.frame or self._gathered.frame)
        self._gathered = seen
        return self._flush() if window.duration_s >= QUIET_S - _CLOCK_SLACK_S else []

    def _flush(self) -> list[Seen]:
        gathered, self._gathered = self._gathered, None
        return [] if gathered is None else [gathered]


def _together(first: Event, second: MediaWindow) -> MediaWindow:
    """Two quiet windows as one."""
    assert isinstance(first, MediaWindow)
    return replace(
        second,
        duration_s=round(first.duration_s + second.duration_s, 6),
        packets=first.packets + second.packets,
        sent_packets=first.sent_packets + second.sent_packets,
    )


def _likeness(window: MediaWindow) -> tuple[object, ...]:
    return (
        window.packets > 0,
        window.sent_packets > 0,
        window.sent_tone_hz,
        window.source,
        window.ssrc,
        window.local,
        window.call_id,
    )


def endpoint_text(endpoint: Endpoint) -> str:
    """``address:port``, with brackets around an IPv6 address."""
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
