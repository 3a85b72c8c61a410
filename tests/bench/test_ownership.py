"""Whose connection it is, on real sockets and real processes."""

from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from certsuite.bench import ownership
from certsuite.bench.ownership import (
    Door,
    datagram_inode,
    doors,
    far_end,
    holds_socket,
    owner_of,
    socket_inode,
    spellings,
)

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B1E107F:22E6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 641E107F:9C40 0B1E107F:22E6 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 20 4 30 10 -1
   2: 0B1E107F:22E6 641E107F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   3: 641E107F:9C41 0B1E107F:22E6 06 00000000
"""
"Of proc(5): addresses are little-endian."
EDGE, DEVICE = ("127.16.30.11", 8934), ("127.16.30.100", 40_000)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def test_a_row_is_found_from_the_side_that_is_asked_about() -> None:
    assert socket_inode(DEVICE, EDGE, TABLE) == 4711
    assert socket_inode(EDGE, DEVICE, TABLE) == 4712


def test_no_row_and_a_cut_off_row_are_nobodys() -> None:
    assert socket_inode(("127.16.30.100", 40_001), EDGE, TABLE) is None
    assert socket_inode(("127.16.30.100", 40_002), EDGE, TABLE) is None
    assert socket_inode(DEVICE, EDGE, "") is None


UDP_TABLE = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   7: 641E107F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4720 2 0 0
   8: 00000000:9C41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4721 2 0 0
"""


def udp_owner_of(source: tuple[str, int], pids: list[int]) -> str:
    return owner_of(source, ("127.0.0.53", 5300), pids, transport="udp")


@pytest.fixture(params=["asked", "looked-up"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked; where it may not be, as in some containers, its tables say the same."""
    if request.param == "looked-up":

        def denied(*_: object) -> int:
            raise PermissionError(errno.EPERM, "netlink is not for you")

        monkeypatch.setattr(ownership, "_asked", denied)


def test_the_socket_of_a_datagram_is_that_of_its_port() -> None:
    assert datagram_inode(DEVICE, UDP_TABLE) == 4720
    assert datagram_inode((DEVICE[0], 40_001), UDP_TABLE) == 4721
    assert datagram_inode((EDGE[0], 40_000), UDP_TABLE) is None


def test_a_name_as_it_is_said_in_sip_and_in_dns() -> None:
    assert spellings("HS17.lab.test") == (b"hs17.lab.test", b"\x04hs17\x03lab\x04test")


def test_a_socket_of_ours_is_the_devices_if_we_are_the_device(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as ours:
        accepted, remote = listener.accept()
        with accepted:
            assert remote == ours.getsockname()
            assert owner_of(remote, accepted.getsockname(), [os.getpid()]) == "device"
            assert owner_of(remote, accepted.getsockname(), []) == "foreign"
            assert owner_of(remote, accepted.getsockname(), [1 << 22]) == "foreign"


def test_a_socket_of_another_process_is_foreign_until_that_one_is_the_device(listener: socket.socket) -> None:
    host, port = listener.getsockname()
    script = f"import socket, sys; s = socket.create_connection(({host!r}, {port})); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as other:
        accepted, remote = listener.accept()
        with accepted:
            assert owner_of(remote, accepted.getsockname(), [os.getpid()]) == "foreign"
            assert owner_of(remote, accepted.getsockname(), [other.pid]) == "device"
        assert other.stdin is not None
        other.stdin.close()


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize(
    ("said", "owner"),
    [
        (b"REGISTER sip:lab SIP/2.0\r\nFrom: <sip:Line1-7F3A@lab>", "device"),
        (b"\x16\x03\x01\x00\xf0\x01...\x00\x00\x0fedge.lab.test", "device"),
        (b"GET / HTTP/1.1\r\n", "foreign"),
        (b"", "foreign"),
    ],
)
def test_a_connection_that_is_gone_counts_as_the_device_s_if_it_said_what_only_the_device_says(
    said: bytes, owner: str, accepted: bool, reset: bool, listener: socket.socket
) -> None:
    names = [*spellings("line1-7f3a"), *spellings("edge.lab.test")]
    with socket.create_connection(listener.getsockname()) as ours:
        remote, local = ours.getsockname(), listener.getsockname()
        if reset:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        kept = listener.accept() if accepted else None
    assert not far_end(remote, local)
    assert owner_of(remote, local, [os.getpid()], said=lambda: said, names=names) == owner
    if kept:
        kept[0].close()


def test_a_listener_on_the_far_port_is_not_the_far_end(listener: socket.socket) -> None:
    assert far_end(listener.getsockname(), ("127.0.0.1", 9)) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_datagram_is_of_the_process_that_has_its_port(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((address, 0))
        port = ours.getsockname()[1]
        assert udp_owner_of(("127.0.0.1", port), [os.getpid()]) == "device"
        assert udp_owner_of(("127.0.0.1", port), []) == "foreign"
        # Another address of this machine, which a socket that is bound to one address cannot send from.
        other = udp_owner_of(("127.0.0.2", port), [os.getpid()])
        assert other == ("device" if address == "0.0.0.0" else "foreign")
    assert udp_owner_of(("127.0.0.1", port), [os.getpid()]) == "foreign"


@pytest.fixture
def both_families() -> None:
    """Some phones open one socket for IPv6 and IPv4 alike: the kernel lists it in the IPv6 table."""
    try:
        with socket.socket(socket.AF_INET6) as trying:
            trying.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            trying.bind(("::ffff:127.0.0.1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 sockets here: {error}")


@pytest.mark.usefixtures("both_families")
def test_a_connection_of_an_ipv6_socket_to_an_ipv4_address(listener: socket.socket) -> None:
    with socket.socket(socket.AF_INET6) as ours:
        ours.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        accepted, remote = listener.accept()
        with accepted:
            assert owner_of(remote, accepted.getsockname(), [os.getpid()]) == "device"
            assert owner_of(remote, accepted.getsockname(), [1 << 22]) == "foreign"


@pytest.mark.usefixtures("both_families")
@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "::"])
def test_a_datagram_of_an_ipv6_socket_from_an_ipv4_address(address: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ours:
        ours.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        ours.bind((address, 0))
        port = ours.getsockname()[1]
        assert udp_owner_of(("127.0.0.1", port), [os.getpid()]) == "device"
        assert udp_owner_of(("127.0.0.1", port), []) == "foreign"
        other = udp_owner_of(("127.0.0.2", port), [os.getpid()])
        assert other == ("device" if address == "::" else "foreign")


def test_a_process_that_has_ended_holds_nothing() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert not holds_socket([done.pid], 1)


def test_doors_are_what_anyone_can_reach(listener: socket.socket) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as open_to_all,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected,
        socket.socket() as calling,
    ):
        open_to_all.bind(("0.0.0.0", 0))
        connected.connect(("127.0.0.1", 9))
        calling.connect(listener.getsockname())
        ours = doors([os.getpid()])
        assert Door("tcp", *listener.getsockname()) in ours
        assert Door("udp", "0.0.0.0", open_to_all.getsockname()[1]) in ours
        own_ends = {connected.getsockname()[1], calling.getsockname()[1]}
        assert not own_ends & {door.port for door in ours if door.transport == "udp" or door.address == "127.0.0.1"}
        assert str(ours[0]).startswith("tcp ")
        assert doors([]) == doors([2**22 + 1]) == []
