"""How a device marks its packets for the network: the DSCP of what it sends, as the kernel tells it (RFC 2474)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable

_PKTOPTIONS = 9
"IP_PKTOPTIONS of linux/in.h: what the kernel knows of the last packet of a connection."
_RECVTOS = 13
_HEADER = 16
"Bytes before the value of one such option (struct cmsghdr, 64 bits)."


def ask_for_dscp(one: socket.socket) -> None:
    """Have the kernel tell the mark of what comes over this socket. IPv4 alone."""
    if one.family == socket.AF_INET:
        one.setsockopt(socket.IPPROTO_IP, _RECVTOS, 1)


def dscp_of_datagram(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """The mark of a datagram that came over such a socket; ``None`` if it is not told."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == socket.IP_TOS and data:
            return data[0] >> 2
    return None


def dscp_of_connection(one: socket.socket) -> int | None:
    """The mark of the packet by which a TCP connection was completed; ``None`` where the kernel does not tell it."""
    try:
        ask_for_dscp(one)
        told = one.getsockopt(socket.IPPROTO_IP, _PKTOPTIONS, 128)
    except OSError:
        return None
    while len(told) > _HEADER:
        length = int.from_bytes(told[:8], sys.byteorder)
        kind = int.from_bytes(told[12:16], sys.byteorder)
        if length <= _HEADER:
            return None
        if kind == socket.IP_TOS:
            return told[_HEADER] >> 2
        told = told[(length + 7) & ~7 :]
    return None
