"""Marks of packets, by real sockets."""

from __future__ import annotations

import socket

import pytest

from certsuite.edge.traffic_class import ask_for_dscp, dscp_of_connection, dscp_of_datagram

EF, CS3 = 46, 24


@pytest.mark.parametrize("dscp", [0, CS3])
def test_the_mark_of_a_connection(dscp: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as device:
        device.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        device.connect(listener.getsockname())
        with listener.accept()[0] as accepted:
            assert dscp_of_connection(accepted) == dscp


@pytest.mark.parametrize("dscp", [0, EF])
def test_the_mark_of_a_datagram(dscp: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as bench, socket.socket(type=socket.SOCK_DGRAM) as device:
        bench.bind(("127.0.0.1", 0))
        ask_for_dscp(bench)
        device.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        device.sendto(b"x", bench.getsockname())
        _, ancillary, _, _ = bench.recvmsg(10, 100)
        assert dscp_of_datagram(ancillary) == dscp
        assert dscp_of_datagram([]) is None


def test_of_a_connection_that_is_gone_nothing_is_told() -> None:
    gone = socket.socket()
    gone.close()
    assert dscp_of_connection(gone) is None
