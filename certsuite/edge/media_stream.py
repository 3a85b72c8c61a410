"""One party's end of one audio stream. It belongs to the media loop's thread; its methods may be called from any other
one: they hand over what is to be done, and return at once.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from certsuite.core.capture import Datagram, Endpoint
from certsuite.core.errors import BenchError
from certsuite.core.events import MediaClosed, MediaOpened, MediaStimulus, Note, RtcpSeen, TrafficClass
from certsuite.core.observations import IN
from certsuite.edge.control_traffic import ControlTraffic
from certsuite.media.codecs import CodecError
from certsuite.media.dtmf import DIGITS
from certsuite.media.outgoing import Disturbance, Outgoing
from certsuite.media.pacing import PERIOD_NS
from certsuite.media.receiver import Seen, StreamReceiver, endpoint_text
from certsuite.media.reporting import Reporter
from certsuite.media.rtp import RtpPacket, is_rtcp
from certsuite.media.sender import StreamSender
from certsuite.media.setup import StreamParts, prepare
from certsuite.media.srtp import SrtpError
from certsuite.sdp.offer_answer import Agreement

if TYPE_CHECKING:
    from certsuite.edge.media import MediaLoop

_UNDISTURBED = Disturbance()
_SHORT_OF_ROLL_OVER = 0x10000 - 75
_random = random.SystemRandom()


class MediaStream:
    """One party's end of one audio stream: an even UDP port for RTP and the next one for RTCP."""

    def __init__(self, loop: MediaLoop, rtp: socket.socket, rtcp: socket.socket) -> None:
        self._loop = loop
        self._rtp = rtp
        self._rtcp = rtcp
        self.address, self.port = rtp.getsockname()[:2]
        self._prepared: StreamParts | None = None
        "What was handed to the loop last."
        self._sender = StreamSender(
            ssrc=_random.getrandbits(32), sequence=_random.getrandbits(15), timestamp=_random.getrandbits(32)
        )
        self._receiver = StreamReceiver()
        self._receiver.local = endpoint_text((self.address, self.port))
        self._outgoing = Outgoing()
        cname = f"{_random.getrandbits(64):016x}"
        reporter = Reporter(self._sender, self._receiver, self._outgoing, cname=cname, random=_random.random)
        self._control = ControlTraffic(rtp, rtcp, reporter, loop.capture, self._reported)
        self._place: tuple[int | None, str | None, str | None] = (None, None, None)
        self._remote: Endpoint | None = None
        self._last_due_ns: int | None = None
        self._lateness_max_ns = 0
        self._send_problem = ""
        self._closing = False
        self._ends: tuple[str, str] | None = None
        "The case in which it ends."
        self.dscp_told = False
        "Whether it is in the record how the device marks what it sends."

    def configure(
        self,
        agreement: Agreement,
        *,
        call_id: str,
        line: int | None = None,
        flow: str | None = None,
        edge: str | None = None,
    ) -> None:
        """Do as agreed from now on; again for a new agreement, which keeps SSRC, sequence and unchanged keys.

        Raises :class:`~certsuite.media.codecs.CodecError` or :class:`~certsuite.media.srtp.SrtpError` when the suite
        lacks what was agreed.
        """
        parts = prepare(agreement, self._prepared)
        self._prepared = parts
        remote = ("0.0.0.0", 0) if agreement.remote is None else agreement.remote
        opened = MediaOpened(
            call_id=call_id,
            local=endpoint_text((self.address, self.port)),
            remote=endpoint_text(remote),
            codec=str(agreement.codec),
            suite=agreement.suite,
            payload_type=agreement.codec.receive_payload_type,
            dtmf_payload_type=None if agreement.dtmf is None else agreement.dtmf.receive_payload_type,
        )
        self._loop.journal.record(opened, line=line, flow=flow, edge=edge)
        self._loop.call(lambda: self._configured(parts, call_id, (line, flow, edge)))

    def send_tone(self, hz: float | None) -> None:
        """Send a tone from the next packet on; silence for none."""
        self._loop.call(lambda: self._sends(hz))

    def send_dtmf(self, digits: str) -> None:
        """Send digits as telephone-events, 100 ms each with as much pause.

        Raises :class:`ValueError` for what is no digit, :class:`BenchError` when no format for it was agreed.
        """
        if self._prepared is None or self._prepared.agreement.dtmf is None:
            raise BenchError("no telephone-event format was agreed: digits cannot be sent")
        if not all(digit in DIGITS for digit in digits.upper()):
            raise ValueError(f"{digits!r} are not all DTMF digits")
        self._does("digits sent", lambda: self._sender.queue_digits(digits))

    def rolls_over_soon(self) -> None:
        """Number packets so that the sequence number rolls over a second and a half after the first."""
        self._loop.call(lambda: self._sender.begin_at(_SHORT_OF_ROLL_OVER))

    def packet_time(self, ms: int) -> None:
        """Send packets of so many milliseconds from now on."""
        self._loop.call(lambda: setattr(self._sender, "packet_ms", ms))

    def fall_silent(self, intervals: int) -> None:
        """Send comfort noise for so many packet intervals, and nothing else."""
        self._does("silent", lambda: self._sender.fall_silent(intervals))

    def change_source(self) -> None:
        """Go on under another SSRC, with other sequence numbers."""
        ssrc, sequence = _random.getrandbits(32), _random.getrandbits(15)
        self._does("another source", lambda: self._sender.change_source(ssrc, sequence))

    def disturb(self, disturbance: Disturbance) -> None:
        """Send as over a network that does this."""
        self._does("disturbed", lambda: setattr(self._outgoing, "disturbance", disturbance))

    def replay(self) -> None:
        """Send the first packets of the tone before the present one again, as they were, and nothing else meanwhile."""
        self._does("replayed", self._outgoing.replay)

    def mute(self, muted: bool) -> None:
        """Send nothing at all, or send again."""
        self._loop.call(lambda: setattr(self._sender, "muted", muted))

    def bridge(self, other: MediaStream) -> None:
        """Pass on what comes here to ``other`` and what comes there to this one, and send nothing else on either."""
        self._loop.call(lambda: self._passes_to(other))
        self._loop.call(lambda: other._passes_to(self))

    def close(self) -> None:
        """End the stream. The loop records it, in the case that runs now, and lets the ports go."""
        if not self._closing:
            self._closing = True
            journal = self._loop.journal
            case = (journal.case, journal.variant)
            self._loop.call(lambda: self._loop.closed(self, case))

    def _does(self, what: str, action: Callable[[], object]) -> None:
        """Have the loop do something to what is sent, and put it into the record there."""

        def done() -> None:
            action()
            self._stimulus(what)

        self._loop.call(done)

    # --- in the loop's thread ----------------------------------------------------------------------------------------

    def _sends(self, hz: float | None) -> None:
        self._sender.tone_hz = hz
        self._outgoing.keep_anew()

    def _passes_to(self, other: MediaStream) -> None:
        other._sender.bridged = True
        self._receiver.passes = other._pass_on

    def _pass_on(self, packet: RtpPacket, source: StreamParts) -> None:
        """Send what came on the stream that this one is bridged with, at once."""
        target = self._receiver.latched or self._remote
        if self._closing or target is None:
            return
        try:
            data = self._sender.pass_on(packet, source)
            if data is None:
                return
            self._rtp.sendto(data, target)
        except (OSError, SrtpError, CodecError) as error:
            self._cannot_send(error)
            return
        self._loop.sent((self.address, self.port), target, data)

    def _cannot_send(self, error: Exception) -> None:
        if not self._send_problem:
            self._send_problem = str(error)
            self.note(f"media from {self.address}:{self.port} could not be sent: {error}")

    def _stimulus(self, kind: str) -> None:
        line, flow, edge = self._place
        self._loop.journal.record(MediaStimulus(self._receiver.call_id, kind), line=line, flow=flow, edge=edge)

    def _configured(self, parts: StreamParts, call_id: str, place: tuple[int | None, str | None, str | None]) -> None:
        self._sender.configure(parts)
        self._receiver.configure(parts, call_id, time.monotonic_ns() / 1e9)
        self._place = place
        self._remote = parts.agreement.remote
        self._control.configure(parts, time.monotonic_ns())
        self._send_problem = ""
        self._loop.activated(self)

    def send_due(self, due_ns: int) -> list[Datagram]:
        """Send the packets that are due; gives what was sent."""
        if self._last_due_ns is not None and due_ns - self._last_due_ns > PERIOD_NS:
            self._sender.skip((due_ns - self._last_due_ns) // PERIOD_NS - 1)
        self._last_due_ns = due_ns
        try:
            packets = self._due()
            target = self._receiver.latched or self._remote
            if not packets or target is None:
                return []
            late_ns = time.monotonic_ns() - due_ns
            for data in packets:
                self._rtp.sendto(data, target)
                if self._outgoing.disturbance != _UNDISTURBED:
                    self._control.reporter.left(data, (due_ns + late_ns) / 1e9)
        except (OSError, SrtpError) as error:
            self._cannot_send(error)
            return []
        self._lateness_max_ns = max(self._lateness_max_ns, late_ns)
        self._loop.lateness.add(late_ns)
        utc_ns = self._loop.utc_ns()
        return [((self.address, self.port), target, data, utc_ns) for data in packets]

    def _due(self) -> list[bytes]:
        """The packets of this period."""
        if self._outgoing.replays:
            self._sender.skip(1)
            return [self._outgoing.next_replay()]
        before = self._sender.sequence
        packets = self._sender.next_packets()
        if self._sender.sequence < before:
            self._stimulus("rolled-over")
        return self._outgoing.pass_on(packets)

    def poll(self, now_ns: int) -> None:
        """Record the events and windows that are due."""
        sender = self._sender
        self._record(self._receiver.poll(now_ns / 1e9, sent_tone_hz=sender.tone_hz, sent=sender.sent))
        self._control.poll(now_ns, self._loop.utc_ns())

    def take(self, data: bytes, source: Endpoint, at_ns: int, frame: int, *, is_rtp: bool) -> None:
        """A datagram arrived at the port of RTP or at that of RTCP."""
        if is_rtcp(data):
            self._control.take(data, at_ns, frame, is_rtp=is_rtp)
        if is_rtcp(data) or not is_rtp:
            # Whatever else comes to RTCP's port keeps a NAT open: STUN, or nothing at all.
            return
        self._record(self._receiver.receive(data, source, at_ns / 1e9, frame))

    def finish(self, now_ns: int, case: tuple[str, str] | None) -> None:
        """Record what is left and the totals; close the sockets."""
        sender, receiver = self._sender, self._receiver
        if receiver.call_id:
            self._ends = case
            self._control.finish(now_ns, self._loop.utc_ns())
            self._record(receiver.finish(now_ns / 1e9, sent_tone_hz=sender.tone_hz, sent=sender.sent), case)
            totals = MediaClosed(
                call_id=receiver.call_id,
                received=receiver.received,
                sent=sender.sent,
                lost=receiver.lost,
                auth_failures=receiver.auth_failures,
                max_send_lateness_ms=round(self._lateness_max_ns / 1e6, 3),
            )
            line, flow, edge = self._place
            quality = receiver.quality()
            if quality is not None:
                self._loop.journal.record(quality, line=line, flow=flow, edge=edge, case=case)
            self._loop.journal.record(totals, line=line, flow=flow, edge=edge, case=case)
        self._rtp.close()
        self._rtcp.close()

    def tell(self, dscp: int) -> None:
        """Record how the first datagram was marked."""
        self.dscp_told = True
        line, flow, edge = self._place
        self._loop.journal.record(TrafficClass(dscp, "rtp"), line=line, flow=flow, edge=edge, direction=IN)

    def note(self, text: str) -> None:
        """Record something that nothing judges."""
        line, flow, edge = self._place
        self._loop.journal.record(Note(text), line=line, flow=flow, edge=edge)

    def _record(self, seen: list[Seen], case: tuple[str, str] | None = None) -> None:
        line, flow, edge = self._place
        for item in seen:
            at_ns = self._loop.stamp(round(item.at * 1e9))
            self._loop.journal.record(
                item.event,
                t_mono_ns=at_ns,
                line=line,
                flow=flow,
                edge=edge,
                direction=IN,
                frame=item.frame,
                case=case,
            )

    def _reported(self, seen: RtcpSeen, direction: str, at_ns: int, frame: int | None) -> None:
        line, flow, edge = self._place
        at = self._loop.stamp(at_ns)
        self._loop.journal.record(
            seen, t_mono_ns=at, line=line, flow=flow, edge=edge, direction=direction, frame=frame, case=self._ends
        )

    @property
    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """RTP's and RTCP's."""
        return self._rtp, self._rtcp
