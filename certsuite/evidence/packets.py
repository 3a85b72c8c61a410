"""Synthetic IP packets with right lengths, checksums and sequence numbers (RFC 791, 8200, 768, 9293)."""

from __future__ import annotations

import socket
import struct
import zlib
from functools import lru_cache

from certsuite.core.capture import Endpoint

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
"Flags of a TCP segment."

_TCP, _UDP = 6, 17
_HOPS = 64
_WINDOW = 65_535
# Maximum segment size 65,495, and a window scale of 7: what loopback interfaces say.
_SYN_OPTIONS = struct.pack(">BBHBBBB", 2, 4, 65_495, 1, 3, 3, 7)


class TcpStream:
    """One connection: keeps the sequence numbers of both sides."""

    def __init__(self, device: Endpoint, bench: Endpoint, *, seed: str) -> None:
        """``seed`` decides the first sequence numbers, so that connections of the same ports differ."""
        self.device = device
        self.bench = bench
        first = zlib.crc32(seed.encode())
        self._next = {True: first, False: first ^ 0x5A5A5A5A}

    def segment(self, *, from_device: bool, flags: int, data: bytes = b"") -> bytes:
        """The next packet of one side. Everything that the other side has said is acknowledged by it."""
        source, destination = (self.device, self.bench) if from_device else (self.bench, self.device)
        sequence = self._next[from_device]
        acknowledged = self._next[not from_device] if flags & ACK else 0
        # SYN and FIN take a number each.
        self._next[from_device] = (sequence + len(data) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        options = _SYN_OPTIONS if flags & SYN else b""
        offset = (20 + len(options)) << 2
        fields = (source[1], destination[1], sequence, acknowledged, offset, flags, _WINDOW)
        return _ip(_TCP, source[0], destination[0], struct.pack(">HHIIBBH", *fields), options + data, urgent=True)


def udp_packet(source: Endpoint, destination: Endpoint, data: bytes) -> bytes:
    """A UDP datagram in an IP packet."""
    header = struct.pack(">HHH", source[1], destination[1], 8 + len(data))
    return _ip(_UDP, source[0], destination[0], header, data, urgent=False)


def _ip(protocol: int, source: str, destination: str, header: bytes, rest: bytes, *, urgent: bool) -> bytes:
    """An IP packet around a transport header that still lacks its checksum (and TCP's urgent pointer after it)."""
    after_checksum = b"\0\0" if urgent else b""
    ip, pseudo = _headers(protocol, source, destination, len(header) + 2 + len(after_checksum) + len(rest))
    checksum = _checksum(pseudo + header + after_checksum + rest)
    if protocol == _UDP and checksum == b"\0\0":
        checksum = b"\xff\xff"  # none at all would mean that it was not computed
    return ip + header + checksum + after_checksum + rest


@lru_cache(maxsize=1024)
def _headers(protocol: int, source: str, destination: str, length: int) -> tuple[bytes, bytes]:
    """The IP header and the pseudo header of a packet. Packets of media are of one length."""
    if ":" in source:
        from_, to = (socket.inet_pton(socket.AF_INET6, host.partition("%")[0]) for host in (source, destination))
        ip = struct.pack(">IHBB", 6 << 28, length, protocol, _HOPS) + from_ + to
        return ip, from_ + to + struct.pack(">II", length, protocol)
    from_, to = socket.inet_aton(source), socket.inet_aton(destination)
    start = struct.pack(">BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, _HOPS, protocol)
    ip = start + _checksum(start + from_ + to) + from_ + to
    return ip, from_ + to + struct.pack(">HH", protocol, length)


def _checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071). 2**16 is 1 modulo 65,535, so the whole is one division."""
    if len(data) % 2:
        data += b"\0"
    folded = int.from_bytes(data, "big") % 0xFFFF
    return (0xFFFF - (folded or 0xFFFF)).to_bytes(2, "big")
