"""The sending half of a stream: one packet each 20 ms of tone, silence or telephone-event."""

from __future__ import annotations

from certsuite.media.codecs import FRAME_MS
from certsuite.media.dtmf import DtmfSender
from certsuite.media.rtp import RtpPacket
from certsuite.media.setup import StreamParts
from certsuite.media.voice import Voice

_OCTETS_PER_MS = 8
_NOISE_EACH = 10
"Intervals from one packet of comfort noise to the next."
_NOISE_LEVEL = bytes([70])
"Minus dBov."


class StreamSender:
    """Makes the packets of one stream. SSRC, sequence number and timestamp go on over new agreements."""

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        # The first sequence number is kept below 2^15, so that the receiver cannot miss that it rolled over
        # (RFC 3711 section 3.3.1: the rollover counter is not signalled).
        self._sequence = sequence & 0x7FFF
        self._timestamp = timestamp & 0xFFFFFFFF
        self._parts: StreamParts | None = None
        self._voice: Voice | None = None
        self._dtmf: DtmfSender | None = None
        self._step = 0
        self._resumes = True
        "Whether the next packet is the first after a pause: it carries the marker (RFC 3551 section 4.1)."
        self.tone_hz: float | None = None
        "What is sent: a tone, or silence."
        self.muted = False
        "Whether nothing is sent at all."
        self.packet_ms = FRAME_MS
        "Packet time; another one is for G.711 and G.722, whose octets can be cut anywhere."
        self._octets = b""
        "What waits for its packet, of another packet time."
        self.bridged = False
        "Whether it sends what it is given to pass on, and nothing of its own."
        self._shift: tuple[int, int] | None = None
        "The source that is passed on, and what its timestamps are shifted by."
        self._noise = 0
        "Intervals of comfort noise that are left."
        self.sent = 0
        "Packets made."
        self.source_packets = 0
        self.source_octets = 0
        "The same under the present SSRC, and their octets of payload: what a sender report has."

    def configure(self, parts: StreamParts) -> None:
        """Send as agreed from now on."""
        codec, dtmf = parts.agreement.codec, parts.agreement.dtmf
        if self._voice is None:
            self._voice = Voice(parts.encoder)
        else:
            self._voice.use(parts.encoder)
        before = None if self._parts is None else self._parts.agreement.dtmf
        if dtmf is None:
            self._dtmf = None
        elif self._dtmf is None or before is None or before.clock_rate != dtmf.clock_rate:
            self._dtmf = DtmfSender(dtmf.clock_rate, interval_ms=FRAME_MS)
        self._step = codec.clock_rate * FRAME_MS // 1000
        self._parts = parts

    def change_source(self, ssrc: int, sequence: int) -> None:
        """Go on as another source: a new SSRC, and numbers that have nothing to do with those before."""
        self.ssrc = ssrc
        self._sequence = sequence & 0x7FFF
        self._resumes = True
        self.source_packets = self.source_octets = 0

    def begin_at(self, sequence: int) -> None:
        """Number the next packet so."""
        self._sequence = sequence & 0xFFFF

    @property
    def sequence(self) -> int:
        """Number of the next packet."""
        return self._sequence

    @property
    def timestamp(self) -> int:
        """RTP timestamp of the next packet of audio."""
        return self._timestamp

    def queue_digits(self, digits: str) -> None:
        """Send digits. Raises :class:`ValueError` for what is none, or when no format for them was agreed."""
        if self._dtmf is None:
            raise ValueError("no telephone-event format was agreed")
        self._dtmf.queue(digits)

    def skip(self, intervals: int) -> None:
        """Let packet intervals pass in which nothing is sent."""
        self._timestamp = (self._timestamp + intervals * self._step) & 0xFFFFFFFF
        self._resumes = True

    def fall_silent(self, intervals: int) -> None:
        """Send comfort noise in place of audio for so many packet intervals (RFC 3389): a packet now and then."""
        self._noise = intervals

    def next_packets(self) -> list[bytes]:
        """The packets of the next interval, protected: as many as the packet time makes of it.

        Raises what :meth:`next_packet` does.
        """
        if self.bridged:
            return []
        if self.packet_ms == FRAME_MS or self._parts is None or self._voice is None:
            packet = self.next_packet()
            return [] if packet is None else [packet]
        parts, size = self._parts, self.packet_ms * _OCTETS_PER_MS
        if self.muted or parts.agreement.remote is None or not parts.agreement.direction.sends:
            self.skip(1)
            return []
        self._octets += self._voice.next(self.tone_hz)
        packets = []
        while len(self._octets) >= size:
            payload, self._octets = self._octets[:size], self._octets[size:]
            step = self._step * self.packet_ms // FRAME_MS
            codec = parts.agreement.codec
            packets.append(self._packet(codec.send_payload_type, self._timestamp, payload, step, marker=self._resumes))
        return packets

    def next_packet(self) -> bytes | None:
        """The packet of the next interval, protected; none if nothing is to be sent.

        Raises :class:`~certsuite.media.srtp.SrtpError` when the key can protect nothing more.
        """
        parts = self._parts
        if parts is None or self._voice is None:
            return None
        agreement = parts.agreement
        if self.muted or agreement.remote is None or not agreement.direction.sends:
            self.skip(1)
            return None
        if self._noise and agreement.noise is not None:
            return self._next_noise(agreement.noise.send_payload_type)
        frame = None if self._dtmf is None else self._dtmf.next(self._timestamp)
        if frame is not None and agreement.dtmf is not None:
            kind, stamp, payload = agreement.dtmf.send_payload_type, frame.timestamp, frame.payload
            marker = frame.marker
        else:
            kind, stamp = agreement.codec.send_payload_type, self._timestamp
            payload = self._voice.next(self.tone_hz)
            marker = self._resumes
        return self._packet(kind, stamp, payload, self._step, marker=marker)

    def pass_on(self, packet: RtpPacket, source: StreamParts) -> bytes | None:
        """A packet of the stream that this one is bridged with, as one of its own, protected: the same timing, marker
        and telephone-event, the payload in this stream's codec. None for what was not agreed on here.

        Both are of G.711, or of one codec. Raises what :meth:`next_packet` does.
        """
        parts = self._parts
        if parts is None or not parts.agreement.direction.sends:
            return None
        ours, theirs = parts.agreement, source.agreement
        payload = packet.payload
        if theirs.dtmf is not None and packet.payload_type == theirs.dtmf.receive_payload_type:
            if ours.dtmf is None:
                return None
            kind = ours.dtmf.send_payload_type
        elif packet.payload_type == theirs.codec.receive_payload_type:
            kind = ours.codec.send_payload_type
            if ours.codec.name.upper() != theirs.codec.name.upper():
                payload = parts.encoder.encode(source.decoder.decode(payload))
        else:
            return None
        if self._shift is None or self._shift[0] != packet.ssrc:
            self._shift = packet.ssrc, self._timestamp - packet.timestamp
        stamp = (packet.timestamp + self._shift[1]) & 0xFFFFFFFF
        self._timestamp = stamp
        return self._packet(kind, stamp, payload, 0, marker=packet.marker)

    def _next_noise(self, kind: int) -> bytes | None:
        due = self._noise % _NOISE_EACH == 0
        self._noise -= 1
        packet = self._packet(kind, self._timestamp, _NOISE_LEVEL, self._step, marker=False) if due else None
        if packet is None:
            self.skip(1)
        self._resumes = True
        return packet

    def _packet(self, kind: int, stamp: int, payload: bytes, step: int, *, marker: bool) -> bytes:
        assert self._parts is not None
        packet = RtpPacket(kind, self._sequence, stamp, self.ssrc, payload, marker).pack()
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + step) & 0xFFFFFFFF
        self._resumes = False
        self.sent += 1
        self.source_packets += 1
        self.source_octets += len(payload)
        protector = self._parts.protector
        return packet if protector is None else protector.protect(packet)
