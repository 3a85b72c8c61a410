"""Connections that an edge does not take, seen all the same."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from certsuite.bench import attempts
from certsuite.bench.attempts import AttemptWatch
from certsuite.bench.expecting import Watch
from certsuite.core.events import AttemptsWatched, ConnectionAttempt
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import IN, Observation
from certsuite.edge.failing import SynHole

PATIENCE_S = 5.0


class Edge:
    """What the watch asks of an edge."""

    def __init__(self, name: str, address: str, port: int) -> None:
        self.name, self.address, self.port = name, address, port
        self.accepts = False
        self.swallows = False
        self.own_ports: frozenset[int] = frozenset()


class World:
    """An edge at which nobody listens, and who tries it."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.edge = Edge("primary", "127.0.0.1", free.getsockname()[1])
        self.journal = Journal(SystemClock())
        self.news = Watch(self.journal)
        self.cut_off: set[str] = set()
        self.sources = {"127.0.0.9"}
        self.watch = AttemptWatch(
            self.journal,
            {"primary": self.edge},  # type: ignore[dict-item]
            is_cut_off=self.cut_off.__contains__,
            is_the_devices=self.sources.__contains__,
        )

    def tries(self, source: str = "127.0.0.9") -> int:
        """One attempt that does not wait; gives its port."""
        trying = socket.socket()
        trying.setblocking(False)
        trying.bind((source, 0))
        port: int = trying.getsockname()[1]
        trying.connect_ex((self.edge.address, self.edge.port))
        trying.close()
        return port

    def seen(self) -> list[Observation]:
        return [one for one in self.journal.since(0) if isinstance(one.event, ConnectionAttempt)]

    async def sees(self, number: int) -> list[ConnectionAttempt]:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        assert await self.news.until(lambda: len(self.seen()) >= number, deadline)
        return [one.event for one in self.seen() if isinstance(one.event, ConnectionAttempt)]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    made.watch.start()
    [told] = [one.event for one in made.journal.since(0) if isinstance(one.event, AttemptsWatched)]
    if not told.seen:
        pytest.skip(told.why_not)
    yield made
    made.watch.stop()


@pytest.mark.asyncio
async def test_each_attempt_at_an_edge_that_refuses_is_seen_once(world: World) -> None:
    ports = [world.tries(), world.tries()]
    seen = await world.sees(2)
    assert [one.remote for one in seen] == [f"127.0.0.9:{port}" for port in ports]
    assert {(one.local, one.fate) for one in seen} == {(f"127.0.0.1:{world.edge.port}", "refused")}
    assert (world.seen()[0].edge, world.seen()[0].direction) == ("primary", IN)


@pytest.mark.asyncio
async def test_others_attempts_and_those_that_are_taken_are_not(world: World) -> None:
    world.tries("127.0.0.8")
    world.edge.accepts = True
    world.tries()
    world.edge.accepts = False
    # The last to come is the first to be seen: what is read is read in order.
    await asyncio.sleep(0)
    port = world.tries()
    seen = await world.sees(1)
    assert seen[-1].remote == f"127.0.0.9:{port}"
    assert all("127.0.0.8" not in one.remote for one in seen)


@pytest.mark.asyncio
async def test_a_syn_that_is_sent_again_is_one_attempt_and_our_own_are_none(world: World) -> None:
    hole = SynHole(world.edge.address, world.edge.port)
    world.edge.own_ports, world.edge.swallows = hole.ports, True
    world.sources.add("127.0.0.1")
    trying = socket.socket()
    trying.setblocking(False)
    trying.bind(("127.0.0.9", 0))
    trying.connect_ex((world.edge.address, world.edge.port))
    try:
        [seen] = await world.sees(1)
        assert (seen.fate, seen.remote) == ("unanswered", f"127.0.0.9:{trying.getsockname()[1]}")
    finally:
        trying.close()
        hole.close()


@pytest.mark.asyncio
async def test_one_whose_packets_are_lost_answers_nothing(world: World) -> None:
    world.edge.accepts = True
    world.cut_off.add("primary")
    world.tries()
    assert [one.fate for one in await world.sees(1)] == ["unanswered"]


@pytest.mark.asyncio
async def test_who_never_stops_is_recorded_for_so_long_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_AT_MOST", 3)
    for port in range(1000, 1006):
        world.watch._take(("127.0.0.9", port), (world.edge.address, world.edge.port), port)
    assert len(world.seen()) == 3


@pytest.mark.asyncio
async def test_where_it_may_not_look_the_record_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(ports: set[int]) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(attempts, "_listener", refused)
    world = World()
    world.watch.start()
    world.watch.stop()
    [told] = [one.event for one in world.journal.since(0)]
    assert told == AttemptsWatched(False, "a packet socket is refused: Operation not permitted")


def packet(*, flags: int = 0x02, protocol: int = 6, fragment: int = 0, options: int = 0) -> bytes:
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45 + options, 0, 60, 1, fragment, 64, protocol, 0, b"\x7f\0\0\1", b"\x7f\0\0\2"
    )
    return header + bytes(4 * options) + struct.pack("!HHIIBBHHH", 1000, 8934, 7, 0, 0x50, flags, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "is_syn"),
    [
        (packet(), True),
        (packet(options=3), True),
        (packet(flags=0xC2), True),
        (packet(flags=0x12), False),
        (packet(flags=0x10), False),
        (packet(protocol=17), False),
        (packet(fragment=1), False),
        (packet()[:30], False),
        (b"\x40" + packet()[1:], False),
        (b"", False),
    ],
)
def test_what_is_read_as_a_syn(data: bytes, is_syn: bool) -> None:
    expected = (("127.0.0.1", 1000), ("127.0.0.2", 8934), 7)
    assert attempts._syn(data) == (expected if is_syn else None)


def run(program: list[tuple[int, int, int, int]], data: bytes) -> int:
    """Classic BPF, as far as the filter uses it."""
    a = x = place = 0
    while True:
        code, so, not_so, value = program[place]
        place += 1
        match code:
            case 0x30:
                a = data[value]
            case 0x28:
                a = int.from_bytes(data[value : value + 2])
            case 0xB1:
                x = (data[value] & 0x0F) * 4
            case 0x50:
                a = data[x + value]
            case 0x48:
                a = int.from_bytes(data[x + value : x + value + 2])
            case 0x54:
                a &= value
            case 0x15:
                place += so if a == value else not_so
            case 0x45:
                place += so if a & value else not_so
            case 0x06:
                return value
            case _:
                raise AssertionError(f"line {place - 1} of the filter has the code {code:#x}")


@pytest.mark.parametrize("ports", [[8934], [5061, 8934], [8934, 9000, 9001]])
def test_the_filter_lets_syns_to_these_ports_through_alone(ports: list[int]) -> None:
    program = attempts._program(ports)
    assert run(program, packet()) > 0
    assert run(program, packet(options=5)) > 0
    for other in (packet(flags=0x12), packet(protocol=17), packet(fragment=3)):
        assert run(program, other) == 0
    assert run(attempts._program([one + 1 for one in ports if one != 8933]), packet()) == 0
