"""An edge as a whole: it refuses and comes back, and notes who knocks at the wrong ports."""

from __future__ import annotations

import asyncio
import socket

import pytest

from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import BenchChanged, Cleartext, FlowClosed, FlowOpened
from certsuite.core.observations import IN
from certsuite.edge import sip_edge
from certsuite.edge.flow import CROWD, FlowNames
from certsuite.edge.sip_edge import CLEARTEXT_PORT, DEFAULT_TLS_PORT, SipEdge
from certsuite.tls.server import TlsBehaviour
from tests.clients.wire import Wire
from tests.edge.conftest import PORT, World, ending


def another(world: World, host: int, port: int = PORT) -> SipEdge:
    return SipEdge(
        "third",
        world.net.host(host),
        port,
        world.good,
        journal=world.journal,
        capture=world.frames,
        names=FlowNames(),
        user=world.control,
        stamp=1,
    )


@pytest.mark.asyncio
async def test_it_refuses_and_comes_back_while_open_flows_stay(world: World) -> None:
    early = await world.connect()
    await world.primary.behave("refused", accepts=False)
    assert not world.primary.accepts
    with pytest.raises(ConnectionRefusedError):
        await world.connect()
    assert (await early.ask_options()).status == 200
    assert (await (await world.connect(world.secondary)).ask_options()).status == 200
    await world.primary.behave("good", tls=world.good)
    assert (await (await world.connect()).ask_options()).status == 200
    told = [(event.what, event.behaviour, event.detail["accepts"]) for event in world.events(BenchChanged)]
    assert told == [("primary edge", "refused", False), ("primary edge", "good", True)]


@pytest.mark.asyncio
async def test_another_presentation_is_for_new_connections_alone(world: World) -> None:
    early = await world.connect()
    await world.primary.behave("wrong-host", tls=TlsBehaviour(world.pki.presentation("wrong-host")))
    assert (await early.ask_options()).status == 200
    context = world.context()
    context.check_hostname = False
    # It is verified all the same, so the name alone was wrong.
    late = await Wire.connect((world.primary.address, PORT), context, "x")
    world.wires.append(late)
    assert (await late.ask_options()).status == 200
    assert [event.detail["presentation"] for event in world.events(BenchChanged)] == ["wrong-host"]


@pytest.mark.asyncio
async def test_ending_the_flows_of_one_edge_leaves_the_others(world: World) -> None:
    here, there = await world.connect(), await world.connect(world.secondary)
    await here.ask_options()
    await there.ask_options()
    world.primary.end_flows()
    assert await here.ended() == "fin"
    assert (await there.ask_options()).status == 200
    await world.until(lambda: not world.primary.flows)
    assert len(world.secondary.flows) == 1


@pytest.mark.asyncio
async def test_cleartext_over_tcp_is_kept_and_closed(world: World) -> None:
    wire = await world.connect_plain(CLEARTEXT_PORT)
    wire.send(b"REGISTER sip:x SIP/2.0\r\n" + b"A" * 1000)
    assert await wire.ended() in ("fin", "rst")
    opened = (await world.observed(FlowOpened)).event
    assert isinstance(opened, FlowOpened)
    assert opened.port_role == "sip-cleartext"
    seen = await world.observed(Cleartext)
    assert isinstance(seen.event, Cleartext)
    assert seen.event.transport == "tcp"
    assert seen.event.data.startswith(b"REGISTER sip:x SIP/2.0\r\n")
    assert len(seen.event.data) == 512
    assert (seen.edge, seen.flow, seen.direction) == ("primary", "f1", IN)
    assert ending((await world.observed(FlowClosed)).event) == ("bench", "fin")


@pytest.mark.asyncio
async def test_tls_at_the_default_port_is_told_by_its_role_and_is_no_cleartext(world: World) -> None:
    wire = await world.connect_plain(DEFAULT_TLS_PORT)
    wire.send(b"\x16\x03\x01\x00\x05hello")
    assert await wire.ended() in ("fin", "rst")
    await world.observed(FlowClosed)
    assert [event.port_role for event in world.events(FlowOpened)] == ["sip-tls-default"]
    assert not world.events(Cleartext)


@pytest.mark.asyncio
async def test_who_knocks_at_a_wrong_port_and_leaves_has_left(world: World) -> None:
    wire = await world.connect_plain(DEFAULT_TLS_PORT)
    wire.close()
    assert ending((await world.observed(FlowClosed)).event) == ("device", "fin")


@pytest.mark.asyncio
async def test_a_foreign_knock_is_named_so(world: World) -> None:
    world.owner = "foreign"
    wire = await world.connect_plain(CLEARTEXT_PORT)
    wire.send(b"hello")
    seen = await world.observed(Cleartext)
    assert (seen.flow or "").startswith("x")


@pytest.mark.asyncio
async def test_a_foreign_knock_that_says_nothing_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_edge, "STRANGER_S", 0.05)
    world.owner = "foreign"
    wire = await world.connect_plain(DEFAULT_TLS_PORT)
    assert await wire.ended() in ("fin", "rst")
    assert ending((await world.observed(FlowClosed)).event) == ("bench", "fin")


@pytest.mark.asyncio
async def test_of_a_crowd_nothing_is_kept(world: World) -> None:
    world.owner = CROWD
    for port in (CLEARTEXT_PORT, DEFAULT_TLS_PORT):
        wire = await world.connect_plain(port)
        wire.send(b"hello")
        assert await wire.ended() in ("fin", "rst")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"one of many", (world.primary.address, CLEARTEXT_PORT))
        await asyncio.sleep(0)
        world.owner = "device"
        other.sendto(b"the device", (world.primary.address, CLEARTEXT_PORT))
        assert isinstance((await world.observed(Cleartext)).event, Cleartext)
    seen = world.journal.since(0)
    assert len(seen) <= 2
    assert not world.events(FlowOpened)


@pytest.mark.asyncio
async def test_more_come_at_once_than_are_accepted_at_once(world: World) -> None:
    """All are in the kernel's queue before the loop turns, and none is refused or forgotten."""
    wires = []
    for _ in range(300):
        wire = socket.socket()
        wire.connect((world.primary.address, CLEARTEXT_PORT))
        wires.append(wire)
    await world.until(lambda: len(world.events(FlowOpened)) == 300)
    for wire in wires:
        wire.close()
    await world.until(lambda: len(world.events(FlowClosed)) == 300)


@pytest.mark.asyncio
async def test_sip_over_udp_is_kept_with_its_frame(world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.sendto(b"OPTIONS sip:x SIP/2.0\r\n\r\n", (world.secondary.address, CLEARTEXT_PORT))
        seen = await world.observed(Cleartext)
        host, port = device.getsockname()
    assert isinstance(seen.event, Cleartext)
    assert (seen.event.transport, seen.edge) == ("udp", "secondary")
    assert seen.event.source == f"127.0.0.1:{port}", host
    assert seen.frame is not None
    assert seen.event.owner == "device"


@pytest.mark.asyncio
async def test_a_datagram_of_another_program_is_foreign(world: World) -> None:
    world.owner = "foreign"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"hello", (world.primary.address, CLEARTEXT_PORT))
        seen = await world.observed(Cleartext)
    assert isinstance(seen.event, Cleartext)
    assert seen.event.owner == "foreign"


@pytest.mark.asyncio
@pytest.mark.parametrize("port", [PORT, DEFAULT_TLS_PORT, CLEARTEXT_PORT])
async def test_a_port_in_use_is_told_in_words(world: World, port: int) -> None:
    with socket.socket() as other:
        other.bind((world.net.host(13), port))
        other.listen()
        edge = another(world, 13)
        with pytest.raises(
            AddressUnavailable, match=rf"cannot listen on 127\.\S+\.13 port {port}: another program has it"
        ):
            await edge.start()
        await edge.stop()


@pytest.mark.asyncio
async def test_a_udp_port_in_use_is_told_too(world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((world.net.host(13), CLEARTEXT_PORT))
        edge = another(world, 13)
        with pytest.raises(AddressUnavailable, match="another program has it"):
            await edge.start()
        await edge.stop()


@pytest.mark.asyncio
async def test_an_address_that_the_machine_does_not_have(world: World) -> None:
    edge = SipEdge(
        "third",
        "192.0.2.1",
        PORT,
        world.good,
        journal=world.journal,
        capture=world.frames,
        names=FlowNames(),
        user=world.control,
        stamp=1,
    )
    with pytest.raises(AddressUnavailable, match=r"cannot listen on 192\.0\.2\.1"):
        await edge.start()
    await edge.stop()


@pytest.mark.asyncio
async def test_stopping_ends_everyone_and_frees_every_port(world: World) -> None:
    edge = another(world, 13)
    await edge.start()
    wires = [await world.connect(edge)]
    for port in (DEFAULT_TLS_PORT, CLEARTEXT_PORT):
        wires.append(await Wire.connect((edge.address, port)))
    await world.until(lambda: len(world.events(FlowOpened)) == 3)
    world.wires += wires
    await edge.stop()
    assert [await wire.ended() for wire in wires] == ["rst", "fin", "fin"]
    for port in (PORT, DEFAULT_TLS_PORT, CLEARTEXT_PORT):
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind((edge.address, port))
            free.listen()
