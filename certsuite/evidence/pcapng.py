"""The live capture: a pcapng file with synthetic IP headers, the TLS secrets, and the decrypted SIP beside the wire.

Two interfaces. ``wire`` has every flow's bytes as they went over the network. ``sip`` has each SIP message of a TLS
flow once more in the clear, as an exported PDU: Wireshark knows no port of ours as SIP, and one TLS record may hold
two messages or half of one, so only this way is one frame one message. Formats: the pcapng specification
(draft-ietf-opsawg-pcapng) and Wireshark's ``epan/exported_pdu.h``.

Nothing is buffered: a process that is killed leaves a file that is readable up to its last block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from certsuite.core.capture import Datagram, Endpoint
from certsuite.core.errors import RecordError
from certsuite.evidence import pcapng_blocks as blocks
from certsuite.evidence.packets import ACK, FIN, PSH, RST, SYN, TcpStream, udp_packet

WIRE = 0
"Interface of the frames as on the wire."
SIP = 1
"Interface of the decrypted SIP messages."

SEGMENT_LIMIT = 60_000
"Bytes of a TCP connection in one frame, at most: what fits into an IP packet with room to spare."


class PcapngWriter:
    """Writes a capture; see :class:`certsuite.core.capture.Capture` for what its methods mean.

    Opened on a file that is there already, it cuts off a torn last block, adds a section and counts frames on. Every
    method raises :class:`RecordError` if the file cannot be written, that call and each later one. It may be called
    from any thread.
    """

    def __init__(self, path: Path, *, comment: str = "", tools: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._streams: dict[str, TcpStream] = {}
        self._problem: OSError | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RecordError(f"the capture cannot be written: {error}") from error
        self._closed = False
        try:
            self._end, self._frames = _resume(self._file)
            application = "; ".join(f"{name} {version}" for name, version in (tools or {}).items())
            self._write(
                blocks.section_header(application=application, comment=comment)
                + blocks.interface(blocks.LINKTYPE_RAW, "wire", "as on the wire, with synthetic IP headers")
                + blocks.interface(blocks.LINKTYPE_UPPER_PDU, "sip", "the SIP messages of TLS flows, decrypted")
            )
        except (OSError, RecordError) as error:
            os.close(self._file)
            raise RecordError(f"the capture {path} cannot be written: {error}") from error

    @property
    def failure(self) -> RecordError | None:
        """Why nothing is written any more; ``None`` while all is well."""
        if self._problem is None:
            return None
        return RecordError(f"the capture {self.path} cannot be written: {self._problem}")

    @property
    def frames(self) -> int:
        """How many frames the file has: the number of the last one, as Wireshark counts."""
        return self._frames

    def tcp_opened(self, flow: str, device: Endpoint, bench: Endpoint, t_ns: int) -> None:
        with self._lock:
            stream = TcpStream(device, bench, seed=flow)
            self._streams[flow] = stream
            self._frame(WIRE, t_ns, stream.segment(from_device=True, flags=SYN))
            self._frame(WIRE, t_ns, stream.segment(from_device=False, flags=SYN | ACK))
            self._frame(WIRE, t_ns, stream.segment(from_device=True, flags=ACK))

    def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        with self._lock:
            stream = self._stream(flow)
            first = self._frames + 1
            for start in range(0, len(data), SEGMENT_LIMIT):
                part = data[start : start + SEGMENT_LIMIT]
                self._frame(WIRE, t_ns, stream.segment(from_device=from_device, flags=PSH | ACK, data=part))
            return min(first, self._frames)

    def tcp_closed(self, flow: str, *, by_device: bool, reset: bool, t_ns: int) -> None:
        with self._lock:
            stream = self._stream(flow)
            del self._streams[flow]
            if reset:
                self._frame(WIRE, t_ns, stream.segment(from_device=by_device, flags=RST | ACK))
                return
            self._frame(WIRE, t_ns, stream.segment(from_device=by_device, flags=FIN | ACK))
            self._frame(WIRE, t_ns, stream.segment(from_device=not by_device, flags=FIN | ACK))
            self._frame(WIRE, t_ns, stream.segment(from_device=by_device, flags=ACK))

    def tls_secret(self, line: str) -> None:
        with self._lock:
            self._write(blocks.tls_key_log(line))

    def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        with self._lock:
            stream = self._stream(flow)
            source, destination = (stream.device, stream.bench) if from_device else (stream.bench, stream.device)
            return self._frame(SIP, t_ns, blocks.exported_pdu("sip", source, destination, data))

    def udp(self, *datagrams: Datagram) -> int:
        frames = [
            blocks.enhanced_packet(WIRE, t_ns, udp_packet(source, destination, data))
            for source, destination, data, t_ns in datagrams
        ]
        with self._lock:
            self._write(b"".join(frames))
            first = self._frames + 1
            self._frames += len(frames)
            return first

    def sync(self) -> None:
        """Bring everything to the disk."""
        with self._lock:
            self._check()
            try:
                os.fsync(self._file)
            except OSError as error:
                self._problem = error
                self._check()

    def close(self) -> None:
        """End the file. What is written afterwards is refused."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._file)

    def _stream(self, flow: str) -> TcpStream:
        try:
            return self._streams[flow]
        except KeyError:
            raise RecordError(f"the capture knows no flow {flow!r}") from None

    def _frame(self, interface: int, t_ns: int, packet: bytes) -> int:
        self._write(blocks.enhanced_packet(interface, t_ns, packet))
        self._frames += 1
        return self._frames

    def _check(self) -> None:
        if (failure := self.failure) is not None:
            raise failure from self._problem
        if self._closed:
            raise RecordError(f"the capture {self.path} is closed")

    def _write(self, data: bytes) -> None:
        self._check()
        rest = data
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            self._problem = error
            if len(rest) < len(data):
                _cut(self._file, self._end)
            self._check()
        self._end += len(data)


def _cut(file: int, end: int) -> None:
    """Take away a block that was written in part; on a device that does not even do that it stays, torn."""
    try:
        os.ftruncate(file, end)
    except OSError:
        return


def _resume(file: int) -> tuple[int, int]:
    """Where to go on in a file: (its length without a torn last block, its frames)."""
    size = os.fstat(file).st_size
    end = frames = 0
    if size:
        with os.fdopen(os.dup(file), "rb") as stream:
            for kind, block_end in blocks.scan(stream, size):
                end = block_end
                frames += kind == blocks.ENHANCED_PACKET
        if not end:
            raise RecordError("the file is there already and is no capture")
        os.ftruncate(file, end)
    os.lseek(file, end, os.SEEK_SET)
    return end, frames
