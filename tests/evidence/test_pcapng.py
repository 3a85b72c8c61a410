"""The capture, read by tshark; TLS made by the standard library's client against the edge's engine."""

from __future__ import annotations

import resource
import shutil
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certsuite.core.capture import Capture
from certsuite.core.errors import RecordError
from certsuite.evidence.pcapng import PcapngWriter
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.server import SecretLine, TlsBehaviour, TlsServer

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed (Debian: apt install tshark)")

DEVICE, BENCH = ("127.8.0.1", 40_001), ("127.8.0.2", 18_934)
T_NS = 1_795_291_200_123_456_789


def tshark(path: Path, *options: str, torn: bool = False) -> list[str]:
    """The lines that tshark prints."""
    assert TSHARK is not None
    done = subprocess.run([TSHARK, "-n", "-r", str(path), *options], capture_output=True, text=True, check=False)
    if torn:
        assert "cut short" in done.stderr or done.returncode == 0, done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert "cut short" not in done.stderr
    return done.stdout.splitlines()


def fields(path: Path, wanted: str, *options: str, torn: bool = False) -> list[str]:
    return tshark(path, "-T", "fields", "-e", wanted, *options, torn=torn)


def request(number: int, body: bytes = b"") -> bytes:
    return (
        b"OPTIONS sip:bench.example SIP/2.0\r\nVia: SIP/2.0/TLS 127.8.0.1:40001;branch=z9hG4bK%d\r\n"
        b"From: <sip:a@lab.example>;tag=1\r\nTo: <sip:b@lab.example>\r\nCall-ID: c%d\r\nCSeq: %d OPTIONS\r\n"
        b"Max-Forwards: 70\r\nContent-Length: %d\r\n\r\n%s"
    ) % (number, number, number, len(body), body)


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names("obp.lab.example"), keys)


@pytest.fixture
def capture(tmp_path: Path) -> Iterator[PcapngWriter]:
    writer = PcapngWriter(tmp_path / "run.pcapng", comment="a test's capture", tools={"certsuite": "0", "OpenSSL": "4"})
    yield writer
    writer.close()


class CapturedTls:
    """A TLS connection whose bytes and secrets go into the capture as an edge puts them there."""

    def __init__(self, pki: Pki, capture: PcapngWriter, version: ssl.TLSVersion, flow: str = "f1") -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pki.root_pem.decode())
        context.minimum_version = context.maximum_version = version
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self._in, self._out, server_hostname="obp.lab.example")
        self.server = TlsServer(TlsBehaviour(pki.presentation("good")))
        self._capture, self._flow = capture, flow
        capture.tcp_opened(flow, DEVICE, BENCH, T_NS)
        while not self.server.established:
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.exchange()
            else:
                self.exchange()
        self.exchange()

    def exchange(self) -> None:
        data = self._out.read()
        for event in self.server.receive(data):
            if isinstance(event, SecretLine):
                self._capture.tls_secret(event.text)
        if data:
            self._capture.tcp(self._flow, from_device=True, data=data, t_ns=T_NS)
        if out := self.server.output():
            self._capture.tcp(self._flow, from_device=False, data=out, t_ns=T_NS)
            self._in.write(out)


def test_it_is_a_capture(capture: PcapngWriter) -> None:
    as_capture: Capture = capture
    assert as_capture is capture
    assert stat.S_IMODE(capture.path.stat().st_mode) == 0o600


@needs_tshark
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_line_for_each_sip_message_and_the_wire_decrypts(
    pki: Pki, capture: PcapngWriter, version: ssl.TLSVersion
) -> None:
    tls = CapturedTls(pki, capture, version)
    messages = [request(number) for number in range(6)]
    long = request(6, bytes(range(65, 91)) * 1_500)

    tls.client.write(messages[0])  # one record, one message
    tls.exchange()
    tls.client.write(messages[1] + messages[2])  # one record, two messages
    tls.client.write(messages[3][:90])  # one message, two records
    tls.client.write(messages[3][90:])
    tls.exchange()
    tls.server.send(messages[4])
    tls.server.send(messages[5])
    tls.client.write(long)
    tls.exchange()
    frames = [
        capture.sip("f1", from_device=number not in (4, 5), data=message, t_ns=T_NS)
        for number, message in enumerate([*messages, long])
    ]
    capture.tcp_closed("f1", by_device=True, reset=False, t_ns=T_NS)

    assert [int(frame) for frame in fields(capture.path, "frame.number", "-Y", "sip")] == frames
    assert len(tshark(capture.path, "-Y", "sip")) == 7
    assert fields(capture.path, "sip.CSeq", "-Y", "sip") == [f"{number} OPTIONS" for number in range(7)]
    on_the_wire = ["-d", f"tls.port=={BENCH[1]},sip", "-Y", "sip && frame.interface_name == wire"]
    decrypted = ",".join(fields(capture.path, "sip.CSeq", *on_the_wire))
    assert sorted(decrypted.split(",")) == [f"{number} OPTIONS" for number in range(7)]
    assert tshark(capture.path, "-Y", "tcp.analysis.flags || tls.alert_message") == []
    assert fields(capture.path, "tls.handshake.extensions_server_name", "-Y", "tls.handshake.type == 1") == [
        "obp.lab.example"
    ]


@needs_tshark
def test_checksums_and_numbers_hold(capture: PcapngWriter) -> None:
    for flow, (device, bench) in {
        "v4": (DEVICE, BENCH),
        "v6": (("fd00::1%eth0", 40_002), ("fd00::2", 18_934)),
    }.items():
        capture.tcp_opened(flow, device, bench, T_NS)
        for size in (1, 2, 1_399, 150_001):
            capture.tcp(flow, from_device=True, data=bytes(size), t_ns=T_NS)
            capture.tcp(flow, from_device=False, data=b"\xff" * size, t_ns=T_NS)
            capture.udp((device, bench, bytes(min(size, 60_000)), T_NS))
        capture.tcp_closed(flow, by_device=flow == "v4", reset=flow == "v6", t_ns=T_NS)

    checked = [option for protocol in ("ip", "tcp", "udp") for option in ("-o", f"{protocol}.check_checksum:TRUE")]
    bad = "ip.checksum.status == Bad || tcp.checksum.status == Bad || udp.checksum.status == Bad || _ws.malformed"
    assert tshark(capture.path, *checked, "-Y", bad) == []
    assert tshark(capture.path, *checked, "-Y", "tcp.analysis.flags") == []
    # SYN, SYN and ACK, ACK; the two sides' 1 + 1 + 1 + 3 frames and 4 datagrams; an end of three frames or of one.
    assert len(tshark(capture.path)) == capture.frames == 2 * (3 + 2 * 6 + 4) + 3 + 1
    assert len(tshark(capture.path, "-Y", "tcp.flags.reset == 1 && ipv6.src == fd00::2")) == 1


@needs_tshark
def test_datagrams_decode_as_rtp_and_times_are_exact(capture: PcapngWriter) -> None:
    datagrams = []
    for number in range(5):
        rtp = b"\x80\x00" + number.to_bytes(2, "big") + (number * 160).to_bytes(4, "big") + b"\0\0\0\x07" + bytes(160)
        datagrams.append((("127.8.0.1", 4_000), ("127.8.0.2", 5_000), rtp, T_NS + number))
    assert capture.udp(datagrams[0]) == 1
    assert capture.udp(*datagrams[1:]) == 2
    assert capture.frames == 5

    assert fields(capture.path, "rtp.seq", "-d", "udp.port==5000,rtp", "-Y", "rtp") == ["0", "1", "2", "3", "4"]
    assert fields(capture.path, "frame.time_epoch", "-c", "2") == ["1795291200.123456789", "1795291200.123456790"]


@needs_tshark
def test_exported_sip_of_ipv6_flows(capture: PcapngWriter) -> None:
    capture.tcp_opened("v6", ("fd00::1", 40_002), ("fd00::2", 18_934), T_NS)
    assert capture.sip("v6", from_device=False, data=request(1), t_ns=T_NS) == 4
    assert fields(capture.path, "sip.Call-ID", "-Y", "sip && ipv6.src == fd00::2") == ["c1"]


def filled(path: Path) -> PcapngWriter:
    writer = PcapngWriter(path)
    writer.tcp_opened("f1", DEVICE, BENCH, T_NS)
    writer.tls_secret("CLIENT_RANDOM " + "0" * 64 + " " + "1" * 96)
    writer.sip("f1", from_device=True, data=request(1), t_ns=T_NS)
    writer.sip("f1", from_device=True, data=request(2), t_ns=T_NS)
    return writer


@needs_tshark
@pytest.mark.parametrize("cut", [1, 5, 100, -8])
def test_a_torn_last_block_leaves_the_rest_readable(tmp_path: Path, cut: int) -> None:
    """``cut`` bytes are missing at the end, or that many of the last block are left."""
    path = tmp_path / "run.pcapng"
    writer = filled(path)
    before = path.stat().st_size
    writer.sip("f1", from_device=True, data=request(3), t_ns=T_NS)
    after = path.stat().st_size
    writer.close()

    with path.open("r+b") as stream:
        stream.truncate(after - cut if cut > 0 else before - cut)
    assert fields(path, "sip.Call-ID", "-Y", "sip", torn=True)[:2] == ["c1", "c2"]


def test_a_second_process_goes_on_wherever_the_first_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    writer = filled(path)
    whole = path.read_bytes()
    writer.sip("f1", from_device=True, data=request(3), t_ns=T_NS)
    writer.close()
    longer = path.read_bytes()

    for length in range(len(whole), len(longer)):
        path.write_bytes(longer[:length])
        second = PcapngWriter(path)
        assert second.frames == 5
        second.close()
        assert path.read_bytes().startswith(whole)


@needs_tshark
def test_sections_are_read_as_one_file(pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    first = filled(path)
    first.close()
    with path.open("ab") as stream:
        stream.write(b"\x06\0\0\0\xff")

    second = PcapngWriter(path)
    tls = CapturedTls(pki, second, ssl.TLSVersion.TLSv1_3)
    tls.client.write(request(3))
    tls.exchange()
    assert second.sip("f1", from_device=True, data=request(3), t_ns=T_NS) == second.frames
    second.close()

    assert fields(path, "sip.Call-ID", "-Y", "sip") == ["c1", "c2", "c3"]
    assert int(fields(path, "frame.number", "-Y", "sip")[-1]) == second.frames
    wire = fields(path, "sip.Call-ID", "-d", f"tls.port=={BENCH[1]},sip", "-Y", "sip && frame.interface_name == wire")
    assert wire == ["c3"]


def test_a_full_disk_is_told_at_each_call_and_the_file_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    writer = filled(path)
    size, frames = path.stat().st_size, writer.frames
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, limits[1]))
    try:
        for _ in range(2):
            with pytest.raises(RecordError, match=r"run\.pcapng cannot be written"):
                writer.udp(*[(DEVICE, BENCH, bytes(100), T_NS)] * 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with pytest.raises(RecordError, match="cannot be written"):
        writer.tls_secret("CLIENT_RANDOM 00 00")
    with pytest.raises(RecordError, match="cannot be written"):
        writer.sync()
    writer.close()
    assert (path.stat().st_size, writer.frames) == (size, frames)


def test_what_cannot_be_a_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be written"):
        PcapngWriter(tmp_path)
    with pytest.raises(RecordError, match="cannot be written"):
        PcapngWriter(tmp_path / "absent" / "run.pcapng")
    other = tmp_path / "notes.txt"
    other.write_text("something else entirely")
    with pytest.raises(RecordError, match="no capture"):
        PcapngWriter(other)
    assert other.read_text() == "something else entirely"


def test_after_close_nothing_is_taken(capture: PcapngWriter) -> None:
    capture.sync()
    capture.close()
    capture.close()
    with pytest.raises(RecordError, match="closed"):
        capture.udp((DEVICE, BENCH, b"", T_NS))


def test_an_unknown_flow_is_named(capture: PcapngWriter) -> None:
    with pytest.raises(RecordError, match="f9"):
        capture.tcp("f9", from_device=True, data=b"x", t_ns=T_NS)


@needs_tshark
def test_threads_do_not_tear_each_others_frames(capture: PcapngWriter) -> None:
    numbers: list[int] = []

    def write() -> None:
        numbers.extend(capture.udp((DEVICE, BENCH, bytes(40), T_NS)) for _ in range(500))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 2_001))
    assert len(tshark(capture.path)) == 2_000
