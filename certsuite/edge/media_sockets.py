"""Sockets of media: pairs of ports, and what the kernel tells of each datagram."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time

from certsuite.core.errors import AddressUnavailable
from certsuite.edge.traffic_class import ask_for_dscp

_SO_TIMESTAMPNS = 35
"Linux: the kernel stamps each datagram when it arrives (socket(7)); Python has no name for it."
_TIMESPEC = struct.Struct("qq")
ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(4)
"Bytes of what the kernel tells of a datagram."
_PORT_TRIES = 200


def age_ns_of(ancillary: list[tuple[int, int, bytes]]) -> int:
    """How long ago the kernel got the datagram; 0 without its time, or when the machine's clock was set meanwhile."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            age_ns = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
            return age_ns if 0 <= age_ns < 1_000_000_000 else 0
    return 0


def bind_pair(address: str) -> tuple[socket.socket, socket.socket]:
    """Sockets on an even port and the one after it, for RTP and RTCP. Raises :class:`AddressUnavailable`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    problem: OSError | None = None
    for _ in range(_PORT_TRIES):
        rtp = socket.socket(family, socket.SOCK_DGRAM)
        rtcp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind((address, 0))
            port = rtp.getsockname()[1]
            if port % 2:
                # Even ports are for RTP (RFC 3550 section 11); the one below may be free.
                rtcp, rtp = rtp, rtcp
                rtp.bind((address, port - 1))
            else:
                rtcp.bind((address, port + 1))
        except OSError as error:
            problem = error
            rtp.close()
            rtcp.close()
            if error.errno != errno.EADDRINUSE:
                break
            continue
        for item in (rtp, rtcp):
            item.setblocking(False)
            item.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        ask_for_dscp(rtp)
        return rtp, rtcp
    raise AddressUnavailable(f"no free pair of UDP ports on {address}: {problem}")


def clear(wake: int) -> None:
    """Take a wake-up that was written to an eventfd, if there is one."""
    try:
        os.eventfd_read(wake)
    except BlockingIOError:
        return
