"""A network of the run's own."""

from __future__ import annotations

import ipaddress

import pytest

from certsuite.bench.addresses import Drop, LoopbackNet
from certsuite.core.errors import AddressUnavailable, BenchError


def test_two_networks_differ_and_lie_on_loopback() -> None:
    nets = [LoopbackNet(), LoopbackNet()]
    try:
        ours = {ipaddress.ip_network(net.host(1) + "/24", strict=False) for net in nets}
        assert len(ours) == 2
        assert all(net.is_loopback for net in ours)
        assert nets[0].host(100).rpartition(".")[0] == nets[0].host(1).rpartition(".")[0]
        # Those that other programs use by habit stay theirs.
        assert not any(ipaddress.ip_address("127.0.0.1") in net for net in ours)
    finally:
        for net in nets:
            net.release()


def test_a_network_that_is_taken_is_told_and_free_again_when_released(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = LoopbackNet()
    a, b = (int(part) for part in taken.host(1).split(".")[1:3])
    # Chance has this one network alone to offer.
    monkeypatch.setattr("certsuite.bench.addresses.secrets.randbelow", lambda below: a - 16 if below == 224 else b)
    with pytest.raises(AddressUnavailable, match="none of 200 loopback networks could be locked"):
        LoopbackNet()
    taken.release()
    again = LoopbackNet()
    assert again.host(7) == f"127.{a}.{b}.7"
    again.release()


@pytest.mark.asyncio
async def test_loopback_loses_neither_addresses_nor_packets_and_says_where_that_can_be_had() -> None:
    net = LoopbackNet()
    try:
        assert (net.can_drop, net.faulty) == (False, False)
        for change in (net.lose_address(11), net.restore_address(11), net.drop(Drop(11)), net.undrop(Drop(11))):
            with pytest.raises(BenchError, match="needs --bench netns"):
                await change
        with pytest.raises(BenchError, match="no IPv6 addresses: it needs --bench netns"):
            net.host6(11)
        await net.restore()
    finally:
        net.release()
