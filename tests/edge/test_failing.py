"""Each way in which an edge fails, as a client meets it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing

import pytest

from certsuite.core.events import BenchChanged
from certsuite.edge.failing import FAILURES, SERVES, Failure, SynHole
from certsuite.tls.server import TlsBehaviour
from tests.clients.wire import Wire
from tests.edge.conftest import PORT, World

_UNANSWERED_S = 0.3
"An answer on loopback takes a hundredth of it."


async def fail(world: World, name: str) -> None:
    failure = FAILURES[name]
    tls = TlsBehaviour(world.pki.presentation(failure.presents))
    await world.primary.fail(failure, tls=tls, stood={"bound": {"1": ["primary", "f1"]}})


async def is_unanswered(wire: Wire) -> bool:
    try:
        await asyncio.wait_for(wire.ask_options(), _UNANSWERED_S)
    except TimeoutError:
        return True
    return False


def test_names_are_those_by_which_they_are_found() -> None:
    assert all(name == failure.name and failure.description for name, failure in FAILURES.items())
    assert SERVES.serves


def test_a_hole_answers_no_syn_until_it_is_closed() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    hole = SynHole(*place)
    with closing(socket.socket()) as client:
        client.settimeout(_UNANSWERED_S)
        with pytest.raises(TimeoutError):
            client.connect(place)
    hole.close()
    with closing(socket.socket()) as client, pytest.raises(ConnectionRefusedError):
        client.connect(place)


@pytest.mark.asyncio
async def test_the_record_says_what_fails_and_where_lines_were(world: World) -> None:
    await fail(world, "silent")
    [event] = world.events(BenchChanged)
    assert (event.what, event.behaviour, event.detail["cut"]) == ("primary edge", "silent", True)
    assert event.detail["bound"] == {"1": ["primary", "f1"]}
    assert event.detail["failure"] == "answers nothing that comes over SIP"


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "how"), [("reset", "rst"), ("closed", "fin")])
async def test_open_flows_are_ended_and_new_ones_refused(world: World, name: str, how: str) -> None:
    early = await world.connect()
    await early.ask_options()
    await fail(world, name)
    assert await early.ended() == how
    with pytest.raises(ConnectionRefusedError):
        await world.connect()


@pytest.mark.asyncio
async def test_no_syn_is_answered_and_the_edge_comes_back(world: World) -> None:
    await fail(world, "syn-lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.connect(), _UNANSWERED_S)
    assert not world.primary.accepts
    await world.primary.behave("good", tls=world.good)
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["tcp-silent", "tls-stalled"])
async def test_a_handshake_does_not_come_to_its_end(world: World, name: str) -> None:
    await fail(world, name)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.connect(), _UNANSWERED_S)
    [flow] = world.primary.flows.values()
    assert not flow.presented
    assert not flow.usable


@pytest.mark.asyncio
async def test_a_stalled_handshake_sends_its_server_hello(world: World) -> None:
    await fail(world, "tls-stalled")
    context = world.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="x")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    reader, writer = await asyncio.open_connection(world.primary.address, PORT)
    writer.write(outgoing.read())
    header = await asyncio.wait_for(reader.readexactly(5), 5)
    body = await asyncio.wait_for(reader.readexactly(int.from_bytes(header[3:])), 5)
    assert (header[0], body[0]) == (22, 2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), _UNANSWERED_S)
    writer.close()


@pytest.mark.asyncio
async def test_silence_is_on_open_and_new_flows_and_ends_with_a_reset(world: World) -> None:
    early = await world.connect()
    await early.ask_options()
    await fail(world, "silent")
    late = await world.connect()
    assert await is_unanswered(early)
    assert await is_unanswered(late)
    assert not any(flow.usable for flow in world.primary.flows.values())
    await world.primary.behave("good", tls=world.good)
    assert await early.ended() == "rst"
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
async def test_forgotten_flows_are_silent_while_new_ones_are_served(world: World) -> None:
    early = await world.connect()
    await early.ask_options()
    await fail(world, "forgotten")
    assert await is_unanswered(early)
    assert (await (await world.connect()).ask_options()).status == 200
    assert world.primary.fails


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["closes-at-request", "resets-at-request"])
async def test_a_request_ends_the_flow(world: World, name: str) -> None:
    wire = await world.connect()
    await wire.ask_options()
    await fail(world, name)
    with pytest.raises((ConnectionError, EOFError)):
        await wire.ask_options()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "status", "retry_after"),
    [("503", 503, None), ("503-retry-after", 503, "1"), ("500", 500, None), ("408", 408, None), ("430", 430, None)],
)
async def test_requests_are_answered_by_an_error_until_it_is_over(
    world: World, name: str, status: int, retry_after: str | None
) -> None:
    wire = await world.connect()
    await fail(world, name)
    response = await wire.ask_options()
    assert (response.status, response.get("Retry-After")) == (status, retry_after)
    await world.primary.behave("good", tls=world.good)
    assert (await wire.ask_options()).status == 200


@pytest.mark.asyncio
async def test_a_late_answer_comes(world: World) -> None:
    wire = await world.connect()
    await world.primary.fail(Failure("late", "is late", late_s=0.05), tls=world.good, stood={})
    assert (await wire.ask_options()).status == 200
