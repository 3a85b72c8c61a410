"""Whose connection it is, on real sockets and real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from certsuite.bench.ownership import holds_socket, owner_of, socket_inode, udp_owner_of

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


def test_a_connection_that_is_gone_counts_as_the_device_s(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as ours:
        remote, local = ours.getsockname(), listener.getsockname()
    assert owner_of(remote, local, [os.getpid()]) == "device"


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
