"""Connections of other programs than the device, and of the device beside many of them."""

from __future__ import annotations

import socket

import pytest

from certsuite.core.events import (
    FlowOpened,
    LoopLag,
    SipMessageSeen,
    TlsFailed,
)
from certsuite.edge import flow as flow_module
from certsuite.edge.flow import CROWD, STRANGER_EVENTS
from certsuite.sip.framer import KeepAlive
from tests.edge.conftest import World, ending
from tests.edge.flows import closed, options


@pytest.mark.asyncio
async def test_a_foreign_flow_is_recorded_under_a_name_of_its_own_and_never_served(world: World) -> None:
    world.owner = "foreign"
    wire = await world.connect()
    wire.send(options() + b"\r\n\r\n")
    assert await wire.next() == KeepAlive("pong")
    seen = await world.observed(SipMessageSeen)
    assert seen.flow == "x1"
    assert [event.owner for event in world.events(FlowOpened)] == ["foreign"]
    assert world.sent(status=200) == []


@pytest.mark.asyncio
async def test_a_stranger_is_given_little_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_module, "STRANGER_S", 0.05)
    world.owner = "foreign"
    wire = await world.connect()
    assert await wire.ended() == "rst"
    assert ending(await closed(world)) == ("bench", "timeout")
    assert not world.events(TlsFailed)


@pytest.mark.asyncio
@pytest.mark.parametrize("data", [b"\r\n" * 100_000, options(("X", "A" * 60_000))], ids=["many", "long"])
async def test_a_stranger_is_given_little_room(world: World, data: bytes) -> None:
    world.owner = "foreign"
    wire = await world.connect()
    wire.send(data)
    assert await wire.ended() == "rst"
    await closed(world)
    assert len(world.journal.since(0)) <= STRANGER_EVENTS + 1
    assert not world.events(SipMessageSeen)


@pytest.mark.asyncio
async def test_one_of_a_crowd_is_ended_at_once_and_leaves_nothing(world: World) -> None:
    world.owner = CROWD
    wire = await world.connect_plain()
    wire.send(options())
    assert await wire.ended() in ("fin", "rst")
    world.owner = "device"
    assert (await (await world.connect()).ask_options()).status == 200
    assert {seen.flow for seen in world.journal.since(0)} == {"f1"}
    assert len(world.primary.flows) == 1


@pytest.mark.asyncio
async def test_a_connection_that_had_to_wait_is_told_as_the_bench_s_lateness(world: World) -> None:
    with socket.socket() as early:
        early.connect((world.primary.address, world.primary.port))
        # The loop stands still, as it does when thousands of others are accepted first.
        until = world.journal.clock.monotonic_ns() + 200_000_000
        while world.journal.clock.monotonic_ns() < until:
            pass
        await world.observed(FlowOpened)
    (late,) = world.events(LoopLag)
    assert late.max_ms >= 100
