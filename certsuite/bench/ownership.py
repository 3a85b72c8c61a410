"""Whose connection or datagram it is: on loopback, the one of the process that holds the socket at its other end.

The kernel is asked about that one socket (sock_diag(7)), which takes no privileges and no longer with ten thousand
connections than with one. Where it does not answer, its tables are read instead (proc(5)).
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_MAPPED = "0000000000000000FFFF0000"
"What stands before an IPv4 address in an IPv6 table (RFC 4291 section 2.5.5.2)."
_ANY_6, _ANY_4 = "0" * 32, "0" * 8
_OPEN: tuple[tuple[Literal["tcp", "udp"], str], ...] = (("tcp", "0A"), ("udp", "07"))
"States in the kernel's tables of sockets that anyone can reach: one that listens, one that is not connected."
_SOCKET = re.compile(r"socket:\[(\d+)\]")

# Linux's numbers (linux/netlink.h, linux/sock_diag.h), for which Python has no names.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_HEADER = struct.Struct("=IHHII")
"nlmsghdr: length, type, flags, number, port."
_QUERY = struct.Struct("=BBBBI")
"inet_diag_req_v2 up to its id: family, protocol, extensions, padding, states."
_ENDS = struct.Struct("!HH16s16s")
"inet_diag_sockid up to its interface: ports and addresses of source and destination."
_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_INODE = struct.Struct("=I")
_INODE_AT = _HEADER.size + 4 + 48 + 4 * 4
"Offset of the inode in an answer: inet_diag_msg follows the header, and the inode is its last field."
_ANY_STATE = 0xFFFFFFFF
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


def owner_of(
    remote: tuple[str, int],
    local: tuple[str, int],
    pids: Iterable[int],
    *,
    transport: str = "tcp",
    said: Callable[[], bytes] = lambda: b"",
    names: Iterable[bytes] = (),
) -> str:
    """``device`` if one of ``pids`` holds the socket ``remote`` that is connected or sends to ``local``, else
    ``foreign``.

    A socket that is gone already tells nothing: a device that was just ended leaves one as well as whoever connects
    and leaves. It was the device's if what it ``said``, asked only then, has one of ``names`` (in lower case) in it,
    which nobody else has reason to say: what a device sent at its end must not be lost for its verdict, and what others
    send must not decide it.
    """
    inode = far_end(remote, local, transport)
    if inode:
        return "device" if holds_socket(pids, inode) else "foreign"
    words = said().lower()
    return "device" if any(name in words for name in names) else "foreign"


def far_end(remote: tuple[str, int], local: tuple[str, int], transport: str = "tcp") -> int | None:
    """The inode of the socket ``remote``, which is connected or sends to ``local``; 0 or ``None`` if it is gone."""
    try:
        return _asked(remote, local, transport)
    except OSError:
        return _looked_up(remote, local, transport)


@dataclass(frozen=True, slots=True)
class Door:
    """A socket that anyone can send to."""

    transport: Literal["tcp", "udp"]
    address: str
    "IPv4; ``0.0.0.0`` is each of the machine's."
    port: int

    def __str__(self) -> str:
        return f"{self.transport} {self.address}:{self.port}"


def doors(pids: Iterable[int]) -> list[Door]:
    """Where these processes can be reached: TCP sockets that listen, UDP sockets that are not connected (proc(5))."""
    inodes = {inode for pid in pids for inode in _sockets_of(pid)}
    found = set()
    for transport, state in _OPEN:
        for table in _tables(transport):
            for row in table.splitlines()[1:]:
                fields = row.split()
                if len(fields) <= 9 or fields[3] != state or int(fields[9]) not in inodes:
                    continue
                host, _, port = fields[1].partition(":")
                if len(host) == len(_ANY_4):
                    address = socket.inet_ntoa(int(host, 16).to_bytes(4, "little"))
                    found.add(Door(transport, address, int(port, 16)))
    return sorted(found, key=str)


def spellings(name: str) -> tuple[bytes, bytes]:
    """A name as it stands in SIP and in TLS, and as in a DNS message (RFC 1035 section 3.1), in lower case."""
    labels = (part.encode("ascii") for part in name.lower().split("."))
    return name.lower().encode("ascii"), b"".join(bytes([len(label)]) + label for label in labels)


def holds_socket(pids: Iterable[int], inode: int) -> bool:
    """Whether one of the processes has the socket open."""
    return any(inode == one for pid in pids for one in _sockets_of(pid))


def _sockets_of(pid: int) -> Iterator[int]:
    """The inodes of a process's sockets; none if it is gone."""
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for link in os.listdir(folder):
            with suppress(OSError):
                if found := _SOCKET.fullmatch(os.readlink(f"{folder}/{link}")):
                    yield int(found[1])


def socket_inode(local: tuple[str, int], remote: tuple[str, int], table: str) -> int | None:
    """The inode of the TCP socket with these ends in a ``/proc/net/tcp`` table, seen from ``local``'s side."""
    wanted = (_hex(local), _hex(remote))
    for row in table.splitlines()[1:]:
        fields = row.split()
        if len(fields) > 9 and (fields[1], fields[2]) == wanted:
            return int(fields[9])
    return None


def datagram_inode(local: tuple[str, int], table: str) -> int | None:
    """The inode of the socket in a ``/proc/net/udp`` table that is bound to ``local``, or to any address's port."""
    ends = (_hex(local), _hex(("0.0.0.0", local[1])))
    for row in table.splitlines()[1:]:
        fields = row.split()
        if len(fields) > 9 and fields[1] in ends:
            return int(fields[9])
    return None


def _asked(remote: tuple[str, int], local: tuple[str, int], transport: str) -> int | None:
    """What the kernel says of one socket; ``None`` if there is none. Raises :class:`OSError` if it does not say."""
    # For UDP it takes the two ends the other way round, "for historical reasons" (net/ipv4/udp_diag.c).
    source, destination = (remote, local) if transport == "tcp" else (local, remote)
    query = (
        _QUERY.pack(socket.AF_INET, _PROTOCOLS[transport], 0, 0, _ANY_STATE)
        + _ENDS.pack(source[1], destination[1], socket.inet_aton(source[0]), socket.inet_aton(destination[0]))
        + _NO_COOKIE
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
        kernel.setblocking(False)
        kernel.send(_HEADER.pack(_HEADER.size + len(query), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + query)
        # The kernel answers before the call returns, so nothing is waited for.
        answer = kernel.recv(8192)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind == _NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        if code == -2:  # ENOENT: there is no such socket
            return None
        raise OSError(-code, os.strerror(-code))
    port, far_port, _, _ = _ENDS.unpack_from(answer, _HEADER.size + 4)
    if port != remote[1] or (transport == "tcp" and far_port != local[1]):
        return None  # a listener on that port, which is what the kernel finds where there is no connection
    (inode,) = _INODE.unpack_from(answer, _INODE_AT)
    return int(inode)


def _looked_up(remote: tuple[str, int], local: tuple[str, int], transport: str) -> int | None:
    for table in _tables(transport):
        found = socket_inode(remote, local, table) if transport == "tcp" else datagram_inode(remote, table)
        if found is not None:
            return found
    return None


def _tables(transport: str) -> list[str]:
    """The kernel's tables of sockets; the IPv6 one with IPv4 addresses, where mapped, written as such."""
    tables = []
    for name in (transport, f"{transport}6"):
        path = Path("/proc/net") / name
        if path.exists():
            tables.append(path.read_text(encoding="ascii").replace(_MAPPED, "").replace(_ANY_6, _ANY_4))
    return tables


def _hex(endpoint: tuple[str, int]) -> str:
    host, port = endpoint
    number = int.from_bytes(bytes(int(part) for part in host.split(".")), "little")
    return f"{number:08X}:{port:04X}"
