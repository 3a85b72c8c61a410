"""Connections that an edge does not take: seen as SYNs, since a socket that is refused is gone before one can look.

That takes a packet socket (packet(7)), which namespaces of the run's own give, and which on loopback is root's alone.
There is no other means: a refused connection leaves no socket that sock_diag(7) could show, and the kernel's counters
do not say whose it was. Where there is none, the record says so, and nobody takes silence for no attempt.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Callable, Mapping

from certsuite.core.events import AttemptsWatched, ConnectionAttempt
from certsuite.core.journal import Journal
from certsuite.core.observations import IN
from certsuite.edge.sip_edge import SipEdge

_ETH_P_IP = 0x0800
_OUTGOING = 4
"PACKET_OUTGOING: on lo each packet is there twice, as it leaves and as it comes."
_ATTACH_FILTER = 26
_BUFFER = 128
_AT_A_TIME = 64
_AT_MOST = 1000
"Attempts at one edge that are recorded while it takes none; a device that tries without a pause needs no more."
_TCP, _SYN, _SYN_ACK, _FRAGMENT = 6, 0x02, 0x12, 0x1FFF


class AttemptWatch:
    """Records each connection that the device tries to open to an edge while that takes none."""

    def __init__(
        self,
        journal: Journal,
        edges: Mapping[str, SipEdge],
        *,
        is_cut_off: Callable[[str], bool],
        is_the_devices: Callable[[str], bool],
    ) -> None:
        """``is_cut_off`` says of an edge whether its packets are lost; ``is_the_devices`` of an address whether the
        device speaks from it."""
        self._journal = journal
        self._edges = {(edge.address, edge.port): edge for edge in edges.values()}
        self._is_cut_off = is_cut_off
        self._is_the_devices = is_the_devices
        self._socket: socket.socket | None = None
        self._seen: dict[tuple[str, int, int], None] = {}
        self._counts: dict[str, int] = {}

    def start(self) -> None:
        """Watch from now on, if this process may; the record says whether."""
        try:
            self._socket = _listener({port for _, port in self._edges})
        except OSError as error:
            self._journal.record(AttemptsWatched(False, f"a packet socket is refused: {error.strerror}"))
            return
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._journal.record(AttemptsWatched(True))

    def stop(self) -> None:
        """Watch no more."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        for _ in range(_AT_A_TIME):
            try:
                packet, (_, _, kind, *_) = self._socket.recvfrom(_BUFFER)
            except BlockingIOError:
                return
            syn = _syn(packet) if kind != _OUTGOING else None
            if syn is not None:
                self._take(*syn)

    def _take(self, source: tuple[str, int], target: tuple[str, int], number: int) -> None:
        edge = self._edges.get(target)
        if edge is None or source[1] in edge.own_ports or not self._is_the_devices(source[0]):
            return
        if edge.accepts and not self._is_cut_off(edge.name):
            self._counts[edge.name] = 0
            return
        # A SYN that is not answered is sent again, with the number that it had: one attempt all the same.
        attempt = (*source, number)
        count = self._counts.get(edge.name, 0)
        if attempt in self._seen or count >= _AT_MOST:
            return
        self._seen[attempt] = None
        self._counts[edge.name] = count + 1
        unanswered = edge.swallows or self._is_cut_off(edge.name)
        fate = "unanswered" if unanswered else "refused"
        local, remote = (f"{host}:{port}" for host, port in (target, source))
        self._journal.record(ConnectionAttempt(local, remote, fate), edge=edge.name, direction=IN)


def _syn(packet: bytes) -> tuple[tuple[str, int], tuple[str, int], int] | None:
    """Source, target and sequence number of a TCP SYN over IPv4; ``None`` of any other packet."""
    header = (packet[0] & 0x0F) * 4 if packet else 0
    if len(packet) < header + 14 or header < 20 or packet[9] != _TCP:
        return None
    if packet[header + 13] & _SYN_ACK != _SYN or int.from_bytes(packet[6:8]) & _FRAGMENT:
        return None
    ports_and_number: tuple[int, int, int] = struct.unpack_from("!HHI", packet, header)
    source, target, number = ports_and_number
    return (socket.inet_ntoa(packet[12:16]), source), (socket.inet_ntoa(packet[16:20]), target), number


def _listener(ports: set[int]) -> socket.socket:
    """A socket that gets the SYNs to these TCP ports. Raises :class:`OSError`."""
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        listener.setblocking(False)
        # The kernel picks them out, so that a flood of media costs nothing here (bpf(4), classic).
        program = b"".join(struct.pack("HBBI", *line) for line in _program(sorted(ports)))
        code = ctypes.create_string_buffer(program)
        listener.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(program) // 8, ctypes.addressof(code))
        )
        listener.bind(("lo", _ETH_P_IP))
    except OSError:
        listener.close()
        raise
    return listener


def _program(ports: list[int]) -> list[tuple[int, int, int, int]]:
    """Lines of (code, jump if so, jump if not, value); what is jumped to is counted from the next line."""
    load_byte, load_half, load_header, load_byte_x, load_half_x = 0x30, 0x28, 0xB1, 0x50, 0x48
    equal, has_bits, and_, give = 0x15, 0x45, 0x54, 0x06
    refuse, take = 9 + len(ports) + 1, 9 + len(ports)

    def to(line: int, here: int) -> int:
        return line - here - 1

    lines = [
        (load_byte, 0, 0, 9),
        (equal, 0, to(refuse, 1), _TCP),
        (load_half, 0, 0, 6),
        (has_bits, to(refuse, 3), 0, _FRAGMENT),
        (load_header, 0, 0, 0),
        (load_byte_x, 0, 0, 13),
        (and_, 0, 0, _SYN_ACK),
        (equal, 0, to(refuse, 7), _SYN),
        (load_half_x, 0, 0, 2),
    ]
    for port in ports:
        here = len(lines)
        lines.append((equal, to(take, here), 0 if port != ports[-1] else to(refuse, here), port))
    return [*lines, (give, 0, 0, _BUFFER), (give, 0, 0, 0)]
