"""Whose connection it is: on loopback, the one of the process that holds the other end's socket (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_MAPPED = "0000000000000000FFFF0000"
"What stands before an IPv4 address in an IPv6 table (RFC 4291 section 2.5.5.2)."
_ANY_6, _ANY_4 = "0" * 32, "0" * 8


def socket_inode(local: tuple[str, int], remote: tuple[str, int], table: str) -> int | None:
    """The inode of the TCP socket with these ends in a ``/proc/net/tcp`` table, seen from ``local``'s side."""
    wanted = (_hex(local), _hex(remote))
    for row in table.splitlines()[1:]:
        fields = row.split()
        if len(fields) > 9 and (fields[1], fields[2]) == wanted:
            return int(fields[9])
    return None


def holds_socket(pids: Iterable[int], inode: int) -> bool:
    """Whether one of the processes has the socket open."""
    wanted = f"socket:[{inode}]"
    for pid in pids:
        folder = Path(f"/proc/{pid}/fd")
        try:
            links = os.listdir(folder)
        except OSError:
            continue
        for link in links:
            try:
                if os.readlink(folder / link) == wanted:
                    return True
            except OSError:
                continue
    return False


def owner_of(remote: tuple[str, int], local: tuple[str, int], pids: Iterable[int]) -> str:
    """``foreign`` if a process that is none of ``pids`` holds the far end of the connection that we accepted, else
    ``device``.

    A far end that is gone already, such as that of a device which was just ended, is the device's: what it sent must
    not be lost for its verdict.
    """
    for table in _tables("tcp"):
        inode = socket_inode(remote, local, table)
        if inode:
            return "device" if holds_socket(pids, inode) else "foreign"
    return "device"


def udp_owner_of(source: tuple[str, int], pids: Iterable[int]) -> str:
    """The same for the sender of a datagram: who holds a UDP socket on its port, of its address or of any."""
    ends = (_hex(source), _hex(("0.0.0.0", source[1])))
    for table in _tables("udp"):
        for row in table.splitlines()[1:]:
            fields = row.split()
            if len(fields) > 9 and fields[1] in ends and holds_socket(pids, int(fields[9])):
                return "device"
    return "foreign"


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
