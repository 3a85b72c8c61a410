"""What only a process in namespaces of its own can try: ``test_namespace.py`` runs this file with ``--bench netns``."""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from certsuite.bench.addresses import DEVICE_HOST, DNS_HOST, Drop
from certsuite.bench.namespace import NamespaceNet, find_program, inside
from certsuite.bench.network import OUTBOUND_PROXY, SIP_PORT, TARGETS
from certsuite.core.cases import State
from certsuite.core.errors import BenchError
from certsuite.core.events import BenchChanged, BindingChanged
from tests.bench.conftest import Stage, Staging

pytestmark = pytest.mark.asyncio
ARRIVES_S = 10.0
LOST_S = 0.3
"After so long, what takes no time counts as lost."


@pytest_asyncio.fixture
async def net(tmp_path: Path) -> AsyncIterator[NamespaceNet]:
    made = await asyncio.to_thread(NamespaceNet, tmp_path)
    yield made
    await made.restore()
    assert not made.faulty


class Wire:
    """A host's listeners, and what comes of packets to it."""

    def __init__(self, stack: ExitStack, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.stack = stack
        self.family = family
        self.address = address
        self.listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 9061))
        self.listener.listen()
        self.datagrams = {port: stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for port in (53, 5060)}
        for port, bound in self.datagrams.items():
            bound.bind((address, port))

    def connection(self) -> tuple[socket.socket, socket.socket]:
        """An open one: the device's end, and the host's."""
        device = self.client(socket.SOCK_STREAM)
        device.connect((self.address, 9061))
        return device, self.stack.enter_context(self.listener.accept()[0])

    def client(self, kind: int) -> socket.socket:
        client = self.stack.enter_context(socket.socket(self.family, kind))
        client.settimeout(ARRIVES_S)
        return client

    def gets(self, port: int) -> bool:
        """Whether a datagram that is sent to it now comes to that port."""
        self.client(socket.SOCK_DGRAM).sendto(b"x", (self.address, port))
        return comes(self.datagrams[port]) and self.datagrams[port].recv(10) == b"x"


def comes(where: socket.socket, seconds: float = LOST_S) -> bool:
    return bool(select.select([where], [], [], seconds)[0])


def system_files() -> tuple[str, str]:
    return Path("/etc/resolv.conf").read_text(), Path("/etc/nsswitch.conf").read_text()


def filter_table() -> str:
    return subprocess.run([find_program("nft"), "list", "ruleset"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def primary(net: NamespaceNet) -> Iterator[Wire]:
    with ExitStack() as stack:
        yield Wire(stack, net.host(11))


@pytest.fixture
def other(net: NamespaceNet) -> Iterator[Wire]:
    with ExitStack() as stack:
        yield Wire(stack, net.host(12))


async def test_the_process_is_inside_and_a_child_of_it_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert inside()
    monkeypatch.setattr("certsuite.bench.namespace.os.getpid", lambda: 1)
    assert not inside()
    with pytest.raises(BenchError, match="in namespaces of its own alone"):
        NamespaceNet(tmp_path)


async def test_packets_of_a_device_that_binds_to_nothing_bear_its_own_address(primary: Wire, net: NamespaceNet) -> None:
    device, host = primary.connection()
    assert device.getsockname()[0] == host.getpeername()[0] == net.host(DEVICE_HOST)
    assert primary.gets(53)


@pytest.mark.parametrize("outside", ["192.0.2.1", "2001:db9::1"])
async def test_outside_is_silence_though_a_device_finds_its_address_for_it(outside: str, net: NamespaceNet) -> None:
    family = socket.AF_INET6 if ":" in outside else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.connect((outside, 80))
        assert client.getsockname()[0] in (net.host(DEVICE_HOST), net.host6(DEVICE_HOST))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection(outside, 80), LOST_S)


async def test_the_systems_resolver_asks_the_bench(stage: Staging, net: NamespaceNet) -> None:
    on: Stage = await stage(net=net)
    resolver, services = await asyncio.to_thread(system_files)
    assert resolver == f"nameserver {net.host(DNS_HOST)}\n"
    assert [line for line in services.splitlines() if line.startswith("hosts:")] == ["hosts: files dns"]
    found = await asyncio.to_thread(socket.gethostbyname, TARGETS["secondary"])
    assert found == net.host(12) == on.network.edges["secondary"].address
    with pytest.raises(OSError, match=r"not known|No address"):
        await asyncio.to_thread(socket.gethostbyname, "elsewhere.test")


async def test_an_address_that_is_lost_has_no_route_and_its_flows_are_silent(
    primary: Wire, other: Wire, net: NamespaceNet
) -> None:
    device, host = primary.connection()
    device.send(b"before")
    assert comes(host)
    assert host.recv(10) == b"before"
    await net.lose_address(11)
    assert net.faulty
    with pytest.raises(OSError, match="No route to host"):
        primary.connection()
    with pytest.raises(OSError, match="No route to host"):
        primary.gets(53)
    device.send(b"meanwhile")
    assert not comes(host)
    assert other.gets(53)
    await net.restore_address(11)
    assert not net.faulty
    assert comes(host, ARRIVES_S)
    assert host.recv(10) == b"meanwhile"
    primary.connection()


async def test_a_connection_to_a_host_whose_packets_are_dropped_hangs_until_they_are_not(
    primary: Wire, other: Wire, net: NamespaceNet
) -> None:
    await net.drop(Drop(11))
    connecting = asyncio.gather(asyncio.open_connection(primary.address, 9061))
    done, _ = await asyncio.wait([connecting], timeout=LOST_S)
    assert not done
    assert not comes(primary.listener, 0)
    assert other.gets(53)
    await net.undrop(Drop(11))
    ((_, writer),) = await asyncio.wait_for(connecting, ARRIVES_S)
    assert comes(primary.listener, ARRIVES_S)
    writer.close()
    await writer.wait_closed()


async def test_an_open_connection_is_silent_both_ways_while_packets_are_dropped(
    primary: Wire, net: NamespaceNet
) -> None:
    device, host = primary.connection()
    await net.drop(Drop(11, transport="tcp"))
    device.send(b"up")
    host.send(b"down")
    assert not comes(host)
    assert not comes(device, 0)
    assert primary.gets(53)
    await net.restore()
    assert comes(host, ARRIVES_S)
    assert comes(device, ARRIVES_S)


async def test_one_way_is_dropped_alone(primary: Wire, net: NamespaceNet) -> None:
    client = primary.client(socket.SOCK_DGRAM)
    await net.drop(Drop(11, "from", "udp"))
    client.sendto(b"asks", (primary.address, 53))
    assert comes(primary.datagrams[53], ARRIVES_S)
    _, source = primary.datagrams[53].recvfrom(10)
    primary.datagrams[53].sendto(b"answers", source)
    assert not comes(client)
    await net.undrop(Drop(11, "from", "udp"))
    await net.drop(Drop(11, "to", "udp"))
    primary.datagrams[53].sendto(b"answers", source)
    assert comes(client, ARRIVES_S)
    assert not primary.gets(53)


async def test_one_port_is_dropped_alone_and_each_drop_is_undone_alone(primary: Wire, net: NamespaceNet) -> None:
    await net.drop(Drop(11, "to", "udp", 5060))
    await net.drop(Drop(11, "to", port=53))
    assert not primary.gets(5060)
    assert not primary.gets(53)
    primary.connection()
    await net.undrop(Drop(11, "to", port=53))
    assert primary.gets(53)
    assert not primary.gets(5060)
    assert net.faulty


async def test_a_narrow_path_takes_no_long_packets_until_it_is_restored(primary: Wire, net: NamespaceNet) -> None:
    assert await net.narrow(1300) == "packets of 1300 bytes at most"
    assert net.faulty
    device, host = primary.connection()
    segment = device.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    assert segment <= 1300 - 40
    device.sendall(b"x" * 5000)
    host.settimeout(ARRIVES_S)
    received = b""
    while len(received) < 5000:
        received += host.recv(8192)
    await net.restore()
    assert not net.faulty
    wide, _ = primary.connection()
    assert wide.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) > 1300


async def test_changes_at_the_same_time_all_count(primary: Wire, other: Wire, net: NamespaceNet) -> None:
    await asyncio.gather(*(net.drop(Drop(host, "to", port=port)) for host in (11, 12) for port in (53, 5060)))
    assert not any(wire.gets(port) for wire in (primary, other) for port in (53, 5060))
    await net.restore()
    assert all(wire.gets(port) for wire in (primary, other) for port in (53, 5060))


async def test_hosts_have_ipv6_addresses_that_can_be_lost_too(net: NamespaceNet) -> None:
    with ExitStack() as stack:
        wire = Wire(stack, net.host6(11))
        device, _ = wire.connection()
        assert device.getsockname()[0] == net.host6(DEVICE_HOST)
        await net.drop(Drop(11, "to", "udp"))
        assert not wire.gets(53)
        await net.restore()
        assert wire.gets(53)
        await net.lose_address(11)
        with pytest.raises(OSError, match="No route to host"):
            wire.connection()


async def test_without_nft_an_address_can_be_lost_and_packets_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = find_program
    monkeypatch.setattr("certsuite.bench.namespace.find_program", lambda name: "" if name == "nft" else real(name))
    net = await asyncio.to_thread(NamespaceNet, tmp_path)
    assert not net.can_drop
    with pytest.raises(BenchError, match="nft is missing; apt-get install nftables"):
        await net.drop(Drop(11))
    assert not net.faulty


async def test_what_a_program_refuses_is_told(net: NamespaceNet) -> None:
    with pytest.raises(BenchError, match=r"nft -f -: (?s:.*)70000"):
        await net.drop(Drop(11, port=70_000))
    assert not net.faulty
    with pytest.raises(BenchError, match="ip route replace unreachable"):
        await net.lose_address(999)


async def test_a_device_goes_to_the_secondary_when_the_primary_has_lost_its_address(
    stage: Staging, net: NamespaceNet
) -> None:
    on: Stage = await stage(net=net)
    await on.bench.primary.loses_its_address()
    await on.device.reach(State.STARTED)
    await on.until(lambda: on.device.registered_at("secondary"))
    await on.network.restore()
    assert not net.faulty
    assert [(event.what, event.behaviour) for event in on.events(BenchChanged)] == [
        ("primary edge", "address lost"),
        ("primary edge", "good"),
    ]
    await on.device.stop()
    await on.device.reach(State.STARTED)
    await on.until(lambda: on.device.registered_at("primary"))


async def test_a_primary_that_falls_silent_comes_back(stage: Staging, net: NamespaceNet) -> None:
    on: Stage = await stage(net=net)
    await on.device.reach(State.REGISTERED)
    assert on.device.registered_at("primary")
    bound = len(on.events(BindingChanged))
    await on.bench.primary.falls_silent()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection(net.host(11), SIP_PORT), LOST_S)
    await on.bench.primary.comes_back()
    assert not net.faulty
    await on.device.stop()
    await on.device.reach(State.REGISTERED)
    assert on.device.registered_at("primary")
    assert len(on.events(BindingChanged)) > bound
    assert [event.behaviour for event in on.events(BenchChanged)] == ["packets dropped", "good"]


async def test_a_flow_that_lived_under_a_fault_is_ended_with_it(stage: Staging, net: NamespaceNet) -> None:
    on: Stage = await stage(net=net)
    await on.device.reach(State.REGISTERED)
    before = set(on.network.edges["primary"].flows)
    assert before
    await on.bench.primary.falls_silent()
    await on.network.restore()
    await on.until(lambda: bool(on.device.registered and not before & set(on.network.edges["primary"].flows)))


async def test_the_kernel_has_one_table_of_ours_whatever_was_dropped(net: NamespaceNet) -> None:
    for _ in range(3):
        await net.drop(Drop(11, "to", "tcp", 5061))
    shown = await asyncio.to_thread(filter_table)
    assert shown.count("table ") == 1
    assert shown.count("dport 5061 drop") == 2 * 3
    await net.undrop(Drop(11, "to", "tcp", 5061))
    assert not net.faulty


async def test_the_outbound_proxy_itself_resolves(stage: Staging, net: NamespaceNet) -> None:
    await stage(net=net)
    assert await asyncio.to_thread(socket.gethostbyname, OUTBOUND_PROXY) == net.host(11)
