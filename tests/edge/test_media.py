"""The media loop on real sockets: two of its streams talk to each other, or to a socket of the test."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from certsuite.core.capture import Datagram, Endpoint
from certsuite.core.errors import AddressUnavailable, BenchError
from certsuite.core.events import DtmfEvent, Event, MediaClosed, MediaOpened, MediaWindow, Note
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import IN, Observation
from certsuite.edge.media import MediaLoop
from certsuite.edge.media_stream import MediaStream
from certsuite.media.codecs import CodecError
from certsuite.media.rtp import RtpPacket
from certsuite.media.sender import StreamSender
from certsuite.media.setup import prepare
from certsuite.media.srtp import Unprotector
from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import Agreement, PayloadFormat, agree, answer, webex_offer
from certsuite.sdp.session import Direction

HOST = "127.0.0.1"
SUITE = "AES_CM_128_HMAC_SHA1_80"
PATIENCE_S = 20.0


class Frames:
    """A capture that keeps datagrams."""

    def __init__(self) -> None:
        self.datagrams: list[Datagram] = []
        self.takes_s = 0.0
        "How long the disk takes for what it is given."
        self._lock = threading.Lock()
        self.arrived = threading.Condition(self._lock)

    def udp(self, *datagrams: Datagram) -> int:
        time.sleep(self.takes_s)
        with self._lock:
            first = len(self.datagrams) + 1
            self.datagrams.extend(datagrams)
            self.arrived.notify_all()
            return first

    def wait_for(self, matches: Callable[[Endpoint, Endpoint, bytes], bool]) -> int:
        """Number of the first frame that matches."""

        def found() -> int | None:
            for number, (source, destination, data, _) in enumerate(self.datagrams, 1):
                if matches(source, destination, data):
                    return number
            return None

        with self._lock:
            number = self.arrived.wait_for(found, PATIENCE_S)
        assert number is not None, "no such datagram was captured"
        return number

    def tcp_opened(self, flow: str, device: Endpoint, bench: Endpoint, t_ns: int) -> None:
        raise AssertionError("media opens no connection")

    def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        raise AssertionError("media opens no connection")

    def tcp_closed(self, flow: str, *, by_device: bool, reset: bool, t_ns: int) -> None:
        raise AssertionError("media opens no connection")

    def tls_secret(self, line: str) -> None:
        raise AssertionError("media has no TLS")

    def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        raise AssertionError("media has no SIP")


class Bench:
    """A loop with its record."""

    def __init__(self) -> None:
        self.journal = Journal(SystemClock())
        self.frames = Frames()
        self.loop = MediaLoop(self.journal, self.frames)
        self._news = threading.Condition()
        self.journal.subscribe(self._tell)

    def _tell(self, observation: Observation) -> None:
        with self._news:
            self._news.notify_all()

    def wait_for(self, matches: Callable[[Event], bool], since: int = 0) -> Observation:
        """The first observation that matches."""

        def found() -> Observation | None:
            return next((item for item in self.journal.since(since) if matches(item.event)), None)

        with self._news:
            observation = self._news.wait_for(found, PATIENCE_S)
        assert observation is not None, "it was not observed"
        return observation

    def heard(self, call_id: str, hz: float, since: int = 0) -> MediaWindow:
        """A window in which a call's party heard a tone."""

        def matches(event: Event) -> bool:
            if not isinstance(event, MediaWindow) or event.call_id != call_id:
                return False
            return abs(event.tone_hz - hz) < hz * 0.02 and event.tone_purity > 0.9

        window = self.wait_for(matches, since).event
        assert isinstance(window, MediaWindow)
        return window

    def pair(self, codec: str = "PCMU") -> tuple[MediaStream, MediaStream, Agreement, Agreement]:
        """Two streams that are about to talk."""
        ours, theirs = self.loop.open(HOST), self.loop.open(HOST)
        offer = webex_offer(HOST, ours.port, Crypto.mint(1, SUITE, os.urandom))
        reply = answer(offer, address=HOST, port=theirs.port, random_bytes=os.urandom, codecs=[codec])
        return ours, theirs, agree(offer, reply, we_offered=True), agree(offer, reply, we_offered=False)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.loop.start()
    yield made
    made.loop.stop()


class Phone:
    """A device's media on a socket of the test: sends when it is told to."""

    def __init__(self, stream: MediaStream, **changes: object) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(PATIENCE_S)
        self.address: Endpoint = self.socket.getsockname()
        self._target = (HOST, stream.port)
        local, remote = (Crypto.mint(1, SUITE, os.urandom) for _ in range(2))
        codec = PayloadFormat("PCMU", 8000, 1, 0, 0)
        dtmf = PayloadFormat("telephone-event", 8000, 1, 101, 101)
        self.agreement = replace(
            Agreement(codec, dtmf, local, remote, self.address, Direction.SENDRECV),
            **changes,  # type: ignore[arg-type]
        )
        mine = replace(self.agreement, local_crypto=self.agreement.remote_crypto, remote_crypto=None)
        self.sender = StreamSender(ssrc=5, sequence=1, timestamp=1)
        self.sender.configure(prepare(replace(mine, remote=self._target)))
        self._reader = Unprotector(self.agreement.local_crypto or local)

    def send(self, count: int) -> None:
        for _ in range(count):
            data = self.sender.next_packet()
            assert data is not None
            self.socket.sendto(data, self._target)

    def receive(self) -> RtpPacket:
        return RtpPacket.unpack(self._reader.unprotect(self.socket.recv(2048)))


@pytest.fixture
def phones() -> Iterator[Callable[..., Phone]]:
    made: list[Phone] = []

    def make(stream: MediaStream, **changes: object) -> Phone:
        made.append(Phone(stream, **changes))
        return made[-1]

    yield make
    for phone in made:
        phone.socket.close()


def test_ports_are_even_and_known_at_once(bench: Bench) -> None:
    streams = [bench.loop.open("127.0.0.2") for _ in range(5)]
    assert all(stream.port % 2 == 0 and stream.address == "127.0.0.2" for stream in streams)
    assert len({stream.port for stream in streams}) == 5


def test_an_address_of_another_machine_is_refused(bench: Bench) -> None:
    with pytest.raises(AddressUnavailable, match=re.escape("192.0.2.1")):
        bench.loop.open("192.0.2.1")


@pytest.mark.parametrize("codec", ["PCMU", "G722", "opus"])
def test_tones_go_both_ways_under_srtp(bench: Bench, codec: str) -> None:
    ours, theirs, mine, other = bench.pair(codec)
    ours.send_tone(440)
    theirs.send_tone(1000)
    ours.configure(mine, call_id="ours", line=1, flow="f1", edge="primary")
    theirs.configure(other, call_id="theirs")
    window = bench.heard("ours", 1000)
    assert (window.auth_failures, window.cleartext, window.lost) == (0, 0, 0)
    assert window.source == f"{HOST}:{theirs.port}"
    assert window.sent_tone_hz == 440
    bench.heard("theirs", 440)
    placed = bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.call_id == "ours")
    assert (placed.line, placed.flow, placed.edge, placed.direction) == (1, "f1", "primary", IN)
    seq = bench.journal.next_seq
    ours.send_tone(700)
    bench.heard("theirs", 700, seq)
    ours.send_tone(None)
    bench.wait_for(
        lambda event: isinstance(event, MediaWindow) and event.call_id == "theirs" and event.tone_hz == 0, seq
    )


def test_what_is_agreed_and_what_it_came_to_is_recorded(bench: Bench) -> None:
    ours, theirs, mine, other = bench.pair()
    bench.journal.case = "WXC-CALL-060"
    ours.configure(mine, call_id="ours", line=2, flow="f", edge="e")
    theirs.configure(other, call_id="theirs")
    opened = bench.wait_for(lambda event: isinstance(event, MediaOpened)).event
    assert isinstance(opened, MediaOpened)
    assert (opened.local, opened.remote) == (f"{HOST}:{ours.port}", f"{HOST}:{theirs.port}")
    assert (opened.codec, opened.suite, opened.payload_type, opened.dtmf_payload_type) == ("PCMU/8000", SUITE, 0, 101)
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.packets > 0 and event.call_id == "ours")
    ours.close()
    ours.close()
    bench.journal.case = "another"
    closed = bench.wait_for(lambda event: isinstance(event, MediaClosed))
    assert isinstance(closed.event, MediaClosed)
    assert closed.event.sent > 0
    assert closed.event.received > 0
    assert (closed.event.auth_failures, closed.line, closed.case) == (0, 2, "WXC-CALL-060")
    bench.loop.stop()
    assert len([item for item in bench.journal.since(0) if isinstance(item.event, MediaClosed)]) == 2
    with pytest.raises(OSError, match="Bad file descriptor"):
        theirs.sockets[0].getsockname()
    assert bench.loop.lateness.count > 0


def test_digits_go_through(bench: Bench) -> None:
    ours, theirs, mine, other = bench.pair("opus")
    with pytest.raises(BenchError, match="telephone-event"):
        ours.send_dtmf("1")
    ours.configure(mine, call_id="ours")
    theirs.configure(other, call_id="theirs", line=4)
    ours.send_dtmf("7#")
    digit = bench.wait_for(lambda event: isinstance(event, DtmfEvent) and event.digit == "#")
    assert isinstance(digit.event, DtmfEvent)
    assert (digit.event.duration_ms, digit.event.end_packets, digit.event.call_id) == (100.0, 3, "theirs")
    assert (digit.line, digit.direction) == (4, IN)
    with pytest.raises(ValueError, match="DTMF"):
        ours.send_dtmf("x")
    ours.configure(replace(mine, dtmf=None), call_id="ours")
    with pytest.raises(BenchError, match="telephone-event"):
        ours.send_dtmf("1")


def test_hold_keeps_ssrc_sequence_and_key(bench: Bench, phones: Callable[..., Phone]) -> None:
    stream = bench.loop.open(HOST)
    phone = phones(stream)
    stream.configure(phone.agreement, call_id="c")
    before = phone.receive()
    stream.configure(replace(phone.agreement, direction=Direction.RECVONLY), call_id="c")
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.sent_packets == 0 and event.duration_s > 0.09)
    seq = bench.journal.next_seq
    stream.configure(phone.agreement, call_id="c")
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.sent_packets > 0, seq)
    packets = [before]
    while not (len(packets) > 1 and packets[-1].marker):
        packets.append(phone.receive())
    assert {packet.ssrc for packet in packets} == {before.ssrc}
    assert [packet.sequence for packet in packets] == [before.sequence + number for number in range(len(packets))]
    assert packets[-1].timestamp - packets[-2].timestamp > 160
    stream.mute(True)
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.sent_packets == 0, bench.journal.next_seq)


def test_media_goes_where_the_first_authentic_packet_came_from(bench: Bench, phones: Callable[..., Phone]) -> None:
    stream = bench.loop.open(HOST)
    advertised = phones(stream)
    stream.configure(advertised.agreement, call_id="c")
    advertised.receive()
    behind = phones(stream, local_crypto=advertised.agreement.local_crypto)
    behind.sender.configure(prepare(replace(advertised.agreement, local_crypto=advertised.agreement.remote_crypto)))
    stranger = phones(stream)
    stranger.send(3)
    behind.send(1)
    assert behind.receive().payload_type == 0
    window = bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.packets > 0).event
    assert isinstance(window, MediaWindow)
    assert window.source == f"{HOST}:{behind.address[1]}"
    failed = bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.auth_failures > 0).event
    assert isinstance(failed, MediaWindow)
    assert failed.auth_failures == 3


def test_plain_rtp_is_told_from_srtp(bench: Bench, phones: Callable[..., Phone]) -> None:
    stream = bench.loop.open(HOST)
    phone = phones(stream)
    plain = replace(phone.agreement, local_crypto=None, remote_crypto=None)
    stream.configure(phone.agreement, call_id="srtp")
    phone.sender.configure(prepare(plain))
    phone.send(5)
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.cleartext > 0)
    stream.configure(plain, call_id="plain")
    phone.sender.tone_hz = 600
    phone.send(20)
    bench.heard("plain", 600)


def test_all_datagrams_are_captured_as_they_are(bench: Bench, phones: Callable[..., Phone]) -> None:
    stream = bench.loop.open(HOST)
    phone = phones(stream)
    local, remote = (HOST, stream.port), phone.address
    phone.socket.sendto(b"too early", local)
    bench.frames.wait_for(lambda source, target, data: (source, target, data) == (remote, local, b"too early"))
    phone.socket.sendto(b"rtcp", (HOST, stream.port + 1))
    bench.frames.wait_for(lambda source, target, data: target == (HOST, stream.port + 1) and data == b"rtcp")
    stream.configure(phone.agreement, call_id="c")
    raw = phone.socket.recv(2048)
    bench.frames.wait_for(lambda source, target, data: (source, target, data) == (local, remote, raw))
    phone.send(1)
    last = bench.frames.wait_for(lambda source, target, data: target == local and len(data) == 182)
    window = bench.wait_for(lambda event: isinstance(event, MediaWindow) and event.packets == 1)
    assert window.frame == last
    times = [t_ns for _, _, _, t_ns in bench.frames.datagrams]
    assert max(times) - min(times) < PATIENCE_S * 1e9


def test_an_address_that_takes_nothing_is_noted_once(bench: Bench, phones: Callable[..., Phone]) -> None:
    stream = bench.loop.open(HOST)
    phone = phones(stream, remote=("::1", 9))
    stream.configure(phone.agreement, call_id="c")
    note = bench.wait_for(lambda event: isinstance(event, Note)).event
    assert isinstance(note, Note)
    assert "could not be sent" in note.text
    bench.wait_for(lambda event: isinstance(event, MediaWindow))
    assert sum(isinstance(item.event, Note) for item in bench.journal.since(0)) == 1


def test_what_cannot_be_agreed_on_is_refused_to_the_caller(bench: Bench, phones: Callable[..., Phone]) -> None:
    stream = bench.loop.open(HOST)
    phone = phones(stream)
    with pytest.raises(CodecError):
        stream.configure(replace(phone.agreement, codec=PayloadFormat("GSM", 8000, 1, 3, 3)), call_id="c")
    assert bench.journal.next_seq == 0


def test_a_loop_that_never_ran_lets_everything_go() -> None:
    bench = Bench()
    stream = bench.loop.open(HOST)
    bench.loop.stop()
    bench.loop.stop()
    assert stream.sockets[0].fileno() == -1
    with pytest.raises(BenchError, match="stopped"):
        bench.loop.open(HOST)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_loop_itself_is_recorded_and_told() -> None:
    bench = Bench()
    stream = bench.loop.open(HOST)
    bench.loop.start()
    bench.loop.call(lambda: [][1])
    error = bench.wait_for(lambda event: event.kind == "tool-error")
    assert "IndexError" in str(error.event)
    with pytest.raises(BenchError, match="IndexError"):
        bench.loop.stop()
    assert stream.sockets[0].fileno() == -1


def test_a_bench_that_cannot_keep_up_leaves_packets_out_and_loses_none_that_came() -> None:
    bench = Bench()
    streams: list[MediaStream] = []
    for _ in range(10):
        ours, theirs, mine, other = bench.pair()
        for stream, agreement in ((ours, mine), (theirs, other)):
            stream.configure(agreement, call_id=f"c{len(streams)}")
            stream.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            streams.append(stream)
    bench.frames.takes_s = 0.005
    bench.loop.start()
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and bench.loop.left_out > 50)
    for stream in streams:
        stream.mute(True)
    bench.frames.takes_s = 0.0
    bench.wait_for(lambda event: isinstance(event, MediaWindow) and not event.sent_packets, bench.journal.next_seq)
    bench.loop.stop()
    ends = [item.event for item in bench.journal.since(0) if isinstance(item.event, MediaClosed)]
    assert len(ends) == 20
    assert sum(end.sent for end in ends) == sum(end.received for end in ends) > 50
    assert {end.lost for end in ends} == {0}
