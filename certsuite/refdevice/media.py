"""The media of one call: SRTP both ways, the echo, digits, paced by absolute deadlines."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterator

from certsuite.refdevice import audio, rtcp
from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.rtp import FRAME, JitterBuffer, Packet, parse, telephone_event
from certsuite.refdevice.sdp import Agreement, Local
from certsuite.refdevice.srtp import SUITES, Srtcp, SrtpError, SrtpReceiver, SrtpSender

log = logging.getLogger("refdevice.media")

_FRAME_S = FRAME / audio.RATE
_BEHIND_S = 0.2
"Further behind than this, frames are left out rather than sent in a burst."
_EVENT_FRAMES = 6
"A digit lasts 120 ms."
_PAUSE_FRAMES = 4
"Between two digits are 80 ms."
_END_PACKETS = 3
_IN_BAND_MS = 120
_DATAGRAM = 2048
_WHOLE = ("OPUS", "G729")
"Codecs whose packets are sent back as they came: they cannot be cut into octets."


class MediaSession:
    """The device's end of one call's audio."""

    def __init__(self, address: str, behaviour: Behaviour, *, incoming: bool) -> None:
        """Open the port. ``incoming`` says who called. Raises :class:`OSError` if there is none."""
        self._behaviour = behaviour
        self._socket, self._rtcp = _port_pair(address)
        self._others = () if behaviour.sends_from_own_port else _port_pair(address)
        self._sends_by = self._others[0] if self._others else self._socket
        self._loop = asyncio.get_running_loop()
        for opened in (self._socket, self._rtcp):
            self._loop.add_reader(opened.fileno(), self._readable, opened)
        self._keys = _new_keys()
        self._session, self._version = secrets.randbelow(1 << 31), 0
        self._sending_keys = self._keys if behaviour.true_key else _new_keys()
        self._sender: SrtpSender | None = None
        self._suite = ""
        self._receiver: SrtpReceiver | None = None
        self._remote_key: bytes | None = None
        self._buffer = JitterBuffer(waits_for_lost=behaviour.waits_for_lost)
        self._source: int | None = None
        self._agreement: Agreement | None = None
        self._remote = ("", 0)
        self._digits: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbelow(1 << 15)
        self._timestamp = secrets.randbits(31)
        self._sent = self._octets = self._echoed = 0
        self._reception = rtcp.Reception()
        self._cname = secrets.token_hex(8)
        self._control: tuple[Srtcp | None, Srtcp | None] = (None, None)
        "Of what it sends and of what comes."
        self._last_sr = (0, 0.0)
        "Of the far end: its number, and when it came."
        self._next_report = 0.0
        self.echoes = behaviour.echoes_incoming if incoming else behaviour.echoes_outgoing
        self._joined: MediaSession | None = None
        self.early = False
        "Whether the call is not answered yet."
        self.held = False
        "Whether the device holds the call: it sends silence."
        self.muted = not behaviour.sends_rtp
        "Whether it sends nothing at all."
        self.on_digit: Callable[[str], None] = lambda digit: None
        "Told of each digit that comes."
        self._last_event: int | None = None
        self.received = 0
        "Packets that were authentic."
        self.refused = 0
        "Packets that were not."

    def local(self) -> Local:
        """The device's end for a description; each call is a new version of it."""
        address, port = self._socket.getsockname()
        self._version += 1
        return Local(address, port, self._keys, self._session, self._version)

    def agree(self, agreement: Agreement) -> None:
        """Go on with what has been agreed. A key that stays keeps its roll-over counter."""
        behaviour = self._behaviour
        is_new = self._agreement is None or (agreement.remote_key != self._remote_key and behaviour.takes_new_keys)
        is_fresh = is_new or not behaviour.keeps_roll_over
        if is_fresh:
            self._remote_key = agreement.remote_key
            self._receiver = self._receiver_for(agreement)
            theirs = None if agreement.remote_key is None else Srtcp(agreement.remote_key, agreement.suite)
            self._control = (self._control[0], theirs)
        if is_fresh or self._agreement is None or agreement.codec != self._agreement.codec:
            self._buffer.clear(0 if agreement.codec in _WHOLE else FRAME)
        if self._sender is None or agreement.suite != self._suite:
            self._suite = agreement.suite
            self._sender = SrtpSender(self._sending_keys[agreement.suite], agreement.suite)
            self._control = (Srtcp(self._sending_keys[agreement.suite], agreement.suite), self._control[1])
        if self._agreement is not None and not self._agreement.sends and agreement.sends:
            self.muted = self.muted or not (self.held or behaviour.comes_back_from_hold)
        if behaviour.follows_address or self._agreement is None:
            self._remote = agreement.remote
        self._agreement = agreement
        log.info("media: %s %s to %s:%d", agreement.codec, agreement.direction, *agreement.remote)

    def _receiver_for(self, agreement: Agreement) -> SrtpReceiver | None:
        if agreement.remote_key is None:
            return None
        return SrtpReceiver(
            agreement.remote_key,
            agreement.suite,
            counts_roll_overs=self._behaviour.counts_roll_overs,
            takes_replays=self._behaviour.takes_replays,
        )

    def join(self, other: MediaSession) -> None:
        """From now on each far end hears the other in place of itself; the device's own user says nothing."""
        self._joined = other
        other._joined = self if self._behaviour.mixes_both_ways else None

    @property
    def has_events(self) -> bool:
        """Whether digits can be sent as telephone events."""
        return self._agreement is not None and self._agreement.event_payload_type is not None

    async def send_digit(self, digit: str) -> None:
        """Send one digit after those that are under way, and wait until it was sent.

        Raises :class:`OSError` if the call ends before.
        """
        sent: asyncio.Future[None] = self._loop.create_future()
        self._digits.append((digit, sent))
        await sent

    async def run(self) -> None:
        """Send a frame each 20 ms, until cancelled."""
        deadline = self._loop.time()
        frames = self._frames()
        while True:
            packet = next(frames)
            if packet is not None:
                self._send(packet)
            self._report()
            deadline += _FRAME_S
            now = self._loop.time()
            if now - deadline > _BEHIND_S:
                log.warning("media: %d ms behind", (now - deadline) * 1000)
                deadline = now
            await asyncio.sleep(deadline - now)

    def close(self) -> None:
        """Say goodbye and close the ports; digits that were not sent are given up."""
        if self._joined is not None:
            self._joined._joined = None
            self._joined = None
        self._report(last=True)
        for opened in (self._socket, self._rtcp):
            self._loop.remove_reader(opened.fileno())
        for opened in (self._socket, self._rtcp, *self._others):
            opened.close()
        for _, sent in self._digits:
            if not sent.done():
                sent.set_exception(OSError("the call has ended"))
        self._digits.clear()
        log.info("media: %d packets received, %d refused", self.received, self.refused)

    # --- sending

    def _frames(self) -> Iterator[Packet | None]:
        """What to send, a packet or nothing for each 20 ms."""
        marker = True
        while True:
            agreement = self._agreement
            if self._behaviour.waits_for_media and not self.received:
                yield None
                continue
            if agreement is None or self.muted or not (agreement.sends or self._behaviour.goes_on_when_held):
                self._buffer.take()
                while self._digits:  # pressed where nothing may be sent: lost, as on any phone
                    self._is_sent(self._digits[0][1])
                marker = True
                self._skip()
                yield None
                continue
            if self._digits:
                digit, sent = self._digits[0]
                yield from self._digit(digit, agreement)
                self._is_sent(sent)
                continue
            yield self._audio(self._heard(agreement), agreement, marker=marker)
            marker = False

    def _is_sent(self, sent: asyncio.Future[None]) -> None:
        self._digits.popleft()
        if not sent.done():
            sent.set_result(None)

    def _digit(self, digit: str, agreement: Agreement) -> Iterator[Packet | None]:
        """A digit and the pause after it."""
        code = (audio.DIGITS.index(digit) + self._behaviour.dtmf_shift) % len(audio.DIGITS)
        if self._behaviour.dtmf_in_band and agreement.codec in ("PCMU", "PCMA"):
            tone = audio.digit_tone(audio.DIGITS[code], agreement.codec, _IN_BAND_MS)
            for at in range(0, len(tone), FRAME):
                yield self._audio(tone[at : at + FRAME], agreement)
        elif agreement.event_payload_type is not None:
            # The timestamp is that of the beginning in every packet; time goes on all the same.
            beginning = self._timestamp
            for frame in range(1, _EVENT_FRAMES + _END_PACKETS):
                self._buffer.take()
                clock_hz = self._behaviour.dtmf_clock_hz or agreement.clock_hz
                duration = min(frame, _EVENT_FRAMES) * clock_hz * FRAME // audio.RATE
                payload = telephone_event(code, duration, end=frame >= _EVENT_FRAMES and self._behaviour.dtmf_ended)
                self._skip()
                marked = frame == 1 and self._behaviour.dtmf_marked
                yield self._packet(agreement.event_payload_type, beginning, payload, marker=marked)
        for frame in range(_PAUSE_FRAMES):
            yield self._audio(self._heard(agreement), agreement, marker=frame == 0)

    def _heard(self, agreement: Agreement) -> bytes:
        """20 ms of what came in; silence if nothing did, or if it is not to be echoed."""
        source = self._joined or self
        frame = source._buffer.take()
        if frame is not None and source._agreement is not None:
            frame = audio.transcode(frame, source._agreement.codec, agreement.codec)
        if self.early and not self._behaviour.echoes_early:
            return audio.ring_back(agreement.codec)[self._timestamp // FRAME % 2]
        if frame is None or self.held or not self.echoes or agreement.codec in self._behaviour.mute_codecs:
            return audio.SILENCE[agreement.codec]
        if agreement.codec not in ("PCMU", "PCMA"):
            return frame
        self._echoed += 1
        if self._behaviour.drops_frames and self._echoed % self._behaviour.drops_frames == 0:
            return audio.SILENCE[agreement.codec]
        return frame if self._behaviour.gain == 1.0 else audio.louder(frame, agreement.codec, self._behaviour.gain)

    def _audio(self, frame: bytes, agreement: Agreement, *, marker: bool = False) -> Packet:
        packet = self._packet(agreement.payload_type, self._timestamp, frame, marker=marker)
        self._skip()
        return packet

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> Packet:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return Packet(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)

    def _skip(self) -> None:
        clock_hz = 8000 if self._agreement is None else self._agreement.clock_hz
        self._timestamp = (self._timestamp + clock_hz * FRAME // audio.RATE) & 0xFFFFFFFF

    def _send(self, packet: Packet) -> None:
        agreement = self._agreement
        assert agreement is not None
        data = packet.to_bytes()
        if agreement.remote_key is not None and self._sender is not None:
            data = self._sender.protect(data)
        self._sent += 1
        self._octets += len(packet.payload)
        try:
            self._sends_by.sendto(data, self._remote)
        except OSError as error:
            # The far end's port may be closed for a while; that is for the signalling to find out.
            log.debug("media: %s", error)

    def _report(self, *, last: bool = False) -> None:
        """Send the report that is due, or the last one. The first one need not wait (RFC 3550 section 6.2)."""
        agreement, behaviour, now = self._agreement, self._behaviour, self._loop.time()
        if agreement is None or not behaviour.report_s or (now < self._next_report and not last):
            return
        if self.muted or not agreement.remote[1]:
            return
        self._next_report = now + behaviour.report_s
        block = b""
        if self._reception.ssrc is not None:
            number, came = self._last_sr
            delay = int((now - came) * 0x10000) if number else 0
            block = self._reception.block(
                number, delay, counts_lost=behaviour.reports_lost, jitter_factor=behaviour.jitter_factor
            )
        if self._sent:
            data = rtcp.sender_report(self._ssrc, now, self._timestamp, self._sent, self._octets, block)
        else:
            data = rtcp.receiver_report(self._ssrc, block)
        data += rtcp.description(self._ssrc, self._cname) if behaviour.names_itself else b""
        data += rtcp.goodbye(self._ssrc) if last else b""
        protects = behaviour.protects_last_report if last else behaviour.protects_reports
        if agreement.remote_key is not None and protects and self._control[0] is not None:
            data = self._control[0].protect(data)
        address, port = self._remote
        try:
            if agreement.multiplexed and behaviour.multiplexes:
                self._socket.sendto(data, (address, port))
            else:
                self._rtcp.sendto(data, (address, min(port + 1, 65_535)))
        except OSError as error:
            log.debug("media: %s", error)

    # --- receiving

    def _readable(self, opened: socket.socket) -> None:
        while True:
            try:
                data = opened.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                log.debug("media: %s", error)
                return
            if opened is self._rtcp or rtcp.is_rtcp(data):
                self._reported(data)
            else:
                self._received(data)

    def _reported(self, data: bytes) -> None:
        """A report of the far end."""
        try:
            plain = data if self._control[1] is None else self._control[1].unprotect(data)
        except SrtpError:
            self.refused += 1
            return
        number = rtcp.last_sender_report(plain)
        if number is not None:
            self._last_sr = (number, self._loop.time())

    def _received(self, data: bytes) -> None:
        agreement = self._agreement
        if agreement is None:
            return
        try:
            packet = parse(self._receiver.unprotect(data) if self._receiver else data)
        except SrtpError:
            self.refused += 1
            return
        self.received += 1
        if packet.payload_type != agreement.event_payload_type:
            self._reception.add(packet, self._loop.time(), agreement.clock_hz)
        if self._source is None:
            self._source = packet.ssrc
        if packet.ssrc != self._source and not self._behaviour.takes_other_sources:
            return
        if packet.payload_type == agreement.noise_payload_type and not self._behaviour.heeds_comfort_noise:
            self.muted = True
        if packet.payload_type == agreement.event_payload_type:
            self._digit_came(packet)
        heard = b""  # a telephone event: it has its place in the sequence, and is not heard
        narrow = (("PCMU", 0), ("PCMA", 8)) if agreement.codec in ("PCMU", "PCMA") else ()
        for codec, payload_type in (*narrow, (agreement.codec, agreement.payload_type)):
            if packet.payload_type == payload_type:
                heard = audio.transcode(packet.payload, codec, agreement.codec)
        if (
            self._behaviour.packet_octets
            and agreement.codec not in _WHOLE
            and len(heard) != self._behaviour.packet_octets
        ):
            heard = audio.SILENCE[agreement.codec]
        self._buffer.put(packet, heard, audio.SILENCE[agreement.codec])

    def _digit_came(self, packet: Packet) -> None:
        """A packet of a telephone-event: each event has a timestamp of its own (RFC 4733 section 2.2.1)."""
        if packet.timestamp == self._last_event or not packet.payload or packet.payload[0] >= len(audio.DIGITS):
            return
        self._last_event = packet.timestamp
        if self._behaviour.hears_digits:
            self.on_digit(audio.DIGITS[packet.payload[0]])


def _new_keys() -> dict[str, bytes]:
    """A master key and salt for each suite."""
    return {name: secrets.token_bytes(suite.key + suite.salt) for name, suite in SUITES.items()}


def _port_pair(address: str) -> tuple[socket.socket, socket.socket]:
    """UDP sockets at an even port and the one above it, for RTP and RTCP (RFC 3550 section 11)."""
    while True:
        opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            opened[0].bind((address, 0))
            port = opened[0].getsockname()[1]
            if port % 2:
                opened.reverse()
                opened[0].bind((address, port - 1))
            else:
                opened[1].bind((address, port + 1))
            for one in opened:
                one.setblocking(False)
        except OSError as error:
            for one in opened:
                one.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        return opened[0], opened[1]
