"""A program that knows the bench's ports and means no good: thousands of connections and datagrams, each a bad one.

``python -m tests.clients.flood <process> <connections> <datagrams>`` waits until that process listens, floods it, and
prints how many connections it made and how many datagrams it sent.
"""

from __future__ import annotations

import os
import socket
import sys
from itertools import cycle
from pathlib import Path

from tests.waiting import until

PORTS = 7
"Listening TCP ports of a raised bench, at least: three of each edge, and DNS."
HELD = 3
"One of so many connections is kept open until the end."
SIP_PORT, DNS_PORT, CLEARTEXT_PORT = 8934, 5300, 5060
SAID = (
    b"",
    b"\x00\x01garbage\xff" * 50,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half a ClientHello",
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10SSLv2",
    b"GET / HTTP/1.1\r\nHost: phone\r\n\r\n",
    b"REGISTER sip:elsewhere SIP/2.0\r\nTo: <sip:nobody@elsewhere>\r\nContent-Length: 0\r\n\r\n",
)
ASKED = (
    b"\x00garbage that is no DNS",
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05flood\x07example\x00\x00\x01\x00\x01",
)


def listeners(pid: int) -> list[tuple[str, int]]:
    """Where a process listens (proc(5))."""
    inodes = set()
    for link in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{link}"))
        except OSError:  # closed meanwhile
            continue
    found = []
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = row.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            host, port = fields[1].split(":")
            found.append((socket.inet_ntoa(int(host, 16).to_bytes(4, "little")), int(port, 16)))
    return sorted(found)


def flood(targets: list[tuple[str, int]], connections: int, datagrams: int) -> tuple[int, int]:
    """Connect and send; (connections made, datagrams sent). It ends early where nobody listens any more."""
    resolver = next(target for target in targets if target[1] == DNS_PORT)
    in_the_clear = next((host, CLEARTEXT_PORT) for host, port in targets if port == SIP_PORT)
    targets_, said, asked = cycle(targets), cycle(SAID), cycle(ASKED)
    held: list[socket.socket] = []
    made = sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        while made < connections:
            connection = socket.socket()
            connection.settimeout(20)
            try:
                connection.connect(next(targets_))
                made += 1
                connection.sendall(next(said))
            except ConnectionRefusedError:
                break
            except OSError:  # it was ended while it was made, or while it was spoken over
                pass
            if made % HELD:
                connection.close()
            else:
                held.append(connection)
            while sent * connections < datagrams * made:
                asker.sendto(next(asked), resolver if sent % HELD else in_the_clear)
                sent += 1
    for connection in held:
        connection.close()
    return made, sent


def main() -> None:
    """See above."""
    pid, connections, datagrams = map(int, sys.argv[1:])
    until(lambda: len(listeners(pid)) >= PORTS, 60.0)
    made, sent = flood(listeners(pid), connections, datagrams)
    sys.stdout.write(f"{made} {sent}\n")


if __name__ == "__main__":
    main()
