"""The control traffic of one stream: when its reports are due, what they say, and what the device's say of it."""

from __future__ import annotations

from collections.abc import Callable

from certsuite.core.events import RtcpSeen
from certsuite.media import rtcp
from certsuite.media.outgoing import Outgoing
from certsuite.media.receiver import StreamReceiver
from certsuite.media.rtcp import Compound, ReportBlock, RtcpError, SenderInfo
from certsuite.media.rtp import RtpError, RtpPacket
from certsuite.media.sender import StreamSender
from certsuite.media.setup import StreamParts
from certsuite.media.srtp import SrtpError
from certsuite.media.statistics import StreamStatistics

FIRST_S = 0.5
"When the first report is due: it need not wait where there are two parties alone (RFC 3550 section 6.2)."
_INTERVAL_S = 5.0
_COMPENSATION = 1.21828
"RFC 3550 section 6.3.1: what the random factor of 0.5 to 1.5 is divided by."
_FRACTION = 1 << 32
TOLD_AT_MOST = 200
"Datagrams of a device that are told of a stream; the others are taken and forgotten."


class Reporter:
    """Sends and reads the reports of one stream. ``now`` is in seconds; its zero is the same for the whole stream."""

    def __init__(
        self,
        sender: StreamSender,
        receiver: StreamReceiver,
        outgoing: Outgoing,
        *,
        cname: str,
        random: Callable[[], float],
    ) -> None:
        """``random`` gives numbers from 0 to 1, evenly."""
        self._sender = sender
        self._receiver = receiver
        self._outgoing = outgoing
        self._cname = cname
        self._random = random
        self._parts: StreamParts | None = None
        self._due: float | None = None
        self._left = StreamStatistics()
        self._last_sr: tuple[int, float] | None = None
        "Of the device: the middle of its NTP time, and when it came."
        self._expected = self._lost = 0
        "At the last report."
        self.seen = 0
        "Datagrams of the device."

    def configure(self, parts: StreamParts, now: float) -> None:
        """Report as agreed from now on."""
        self._parts = parts
        if self._due is None:
            self._due = now + FIRST_S

    def left(self, packet: bytes, now: float) -> None:
        """A packet of audio leaves while the network is bad on purpose."""
        assert self._parts is not None
        try:
            read = RtpPacket.unpack(packet)
        except RtpError:
            return
        codec = self._parts.agreement.codec
        if read.payload_type == codec.send_payload_type:
            self._left.add(read.ssrc, read.sequence, read.timestamp, codec.clock_rate, now)

    def due(self, now: float) -> bytes | None:
        """The report that is due; none if none is. Raises :class:`SrtpError` when it cannot be protected."""
        if self._due is None or now < self._due:
            return None
        self._due = now + _INTERVAL_S * (0.5 + self._random()) / _COMPENSATION
        return self._report(now)

    def goodbye(self, now: float) -> bytes | None:
        """The last report of a stream that sent one or was sent one. Raises likewise."""
        return self._report(now, bye=True) if self._parts is not None and self._sender.source_packets else None

    def receive(self, data: bytes, now: float, *, multiplexed: bool) -> RtcpSeen | None:
        """Read a datagram of the device; gives what is told of it, if anything is."""
        self.seen += 1
        if self._parts is None or self.seen > TOLD_AT_MOST:
            return None
        protection, compound, flaw = self._opened(data)
        if compound is None:
            return RtcpSeen(self._receiver.call_id, self._receiver.local, protection, multiplexed, len(data), flaw=flaw)
        if compound.sender is not None:
            self._last_sr = (compound.sender.ntp >> 16 & 0xFFFFFFFF, now)
        return self._told(compound, protection, multiplexed=multiplexed, octets=len(data), now=now)

    def sent(self, data: bytes, *, multiplexed: bool, bye: bool = False) -> RtcpSeen:
        """What is told of a report that was sent."""
        assert self._parts is not None
        protection = "none" if self._parts.protector is None else "srtcp"
        kinds = ("SR", "SDES", "BYE") if bye else ("SR", "SDES")
        call_id, local = self._receiver.call_id, self._receiver.local
        return RtcpSeen(call_id, local, protection, multiplexed, len(data), kinds, ssrc=self._sender.ssrc)

    # --- inside

    def _report(self, now: float, *, bye: bool = False) -> bytes:
        assert self._parts is not None
        sender = self._sender
        info = SenderInfo(int(now * _FRACTION), sender.timestamp, sender.source_packets, sender.source_octets)
        plain = rtcp.pack(sender.ssrc, self._cname, sender=info, block=self._block(now), bye=bye)
        protector = self._parts.protector
        return plain if protector is None else protector.protect_rtcp(plain)

    def _block(self, now: float) -> ReportBlock | None:
        """How the device's audio arrived."""
        assert self._parts is not None
        receiver = self._receiver
        if not receiver.received:
            return None
        expected = receiver.received + receiver.lost
        new, new_lost = expected - self._expected, receiver.lost - self._lost
        self._expected, self._lost = expected, receiver.lost
        last_sr, came = self._last_sr or (0, now)
        return ReportBlock(
            ssrc=receiver.ssrc,
            lost=receiver.lost,
            highest_sequence=receiver.highest_sequence & 0xFFFFFFFF,
            jitter=round(receiver.jitter_ms * self._parts.agreement.codec.clock_rate / 1000),
            fraction_lost=min(max(new_lost, 0) * 256 // new, 255) if new > 0 else 0,
            last_sr=last_sr,
            # What came meanwhile may be later than the moment at which the report was due.
            delay_since_sr=min(max(int((now - came) * 0x10000), 0), 0xFFFFFFFF) if last_sr else 0,
        )

    def _opened(self, data: bytes) -> tuple[str, Compound | None, str]:
        """(protection, what stood in it, why it could not be read)."""
        assert self._parts is not None
        unprotector = self._parts.unprotector
        plain, protection = data, "none"
        if unprotector is not None:
            try:
                plain, protection = unprotector.unprotect_rtcp(data), "srtcp"
            except SrtpError as error:
                try:
                    # The lengths in it have to come out even: what is encrypted is no sequence of packets.
                    return "none", rtcp.unpack(data), ""
                except RtcpError:
                    return "unknown", None, str(error)
        try:
            return protection, rtcp.unpack(plain), ""
        except RtcpError as error:
            return protection, None, str(error)

    def _told(self, compound: Compound, protection: str, *, multiplexed: bool, octets: int, now: float) -> RtcpSeen:
        assert self._parts is not None
        receiver = self._receiver
        about = next((one for one in compound.blocks if one.ssrc == self._sender.ssrc), None)
        if about is None:
            about, is_about = ReportBlock(0, 0, 0, 0), False
        else:
            is_about = True
        round_trip = (int(now * 0x10000) - about.last_sr - about.delay_since_sr) & 0xFFFFFFFF
        return RtcpSeen(
            call_id=receiver.call_id,
            local=receiver.local,
            protection=protection,
            multiplexed=multiplexed,
            octets=octets,
            kinds=compound.kinds,
            flaw=compound.flaw,
            ssrc=compound.ssrc,
            cname=compound.cname,
            about_us=is_about,
            reported_lost=about.lost,
            reported_jitter_ms=round(about.jitter * 1000 / self._parts.agreement.codec.clock_rate, 3),
            highest_sequence=about.highest_sequence,
            round_trip_ms=round(round_trip / 65.536, 3) if about.last_sr and round_trip < 1 << 31 else None,
            withheld=self._outgoing.withheld_until(about.highest_sequence & 0xFFFF) if is_about else 0,
            sent_jitter_ms=round(self._left.jitter_ms, 3),
        )
