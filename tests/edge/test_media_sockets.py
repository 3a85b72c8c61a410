"""Sockets of media, on the kernel's own."""

from __future__ import annotations

import socket

import pytest

from certsuite.core.errors import AddressUnavailable
from certsuite.edge.media_sockets import ANCILLARY, age_ns_of, bind_pair

HOST = "127.0.0.1"


def test_a_pair_is_an_even_port_and_the_next() -> None:
    rtp, rtcp = bind_pair(HOST)
    with rtp, rtcp:
        assert rtp.getsockname()[1] % 2 == 0
        assert rtcp.getsockname()[1] == rtp.getsockname()[1] + 1


def test_an_address_of_another_machine_has_none() -> None:
    with pytest.raises(AddressUnavailable, match=r"192\.0\.2\.1"):
        bind_pair("192.0.2.1")


def test_the_kernel_tells_the_time() -> None:
    rtp, rtcp = bind_pair(HOST)
    with rtp, rtcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", rtp.getsockname())
        rtp.setblocking(True)
        data, ancillary, _, _ = rtp.recvmsg(100, ANCILLARY)
    assert data == b"x"
    assert 0 <= age_ns_of(ancillary) < 1_000_000_000


def test_without_a_word_of_the_kernel_nothing_is_known() -> None:
    assert age_ns_of([]) == 0
