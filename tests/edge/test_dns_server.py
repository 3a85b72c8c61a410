"""The server on loopback: asked by dnspython's own client and by hand-made bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from certsuite.checks.span import is_foreign
from certsuite.core.errors import AddressUnavailable, BenchError
from certsuite.core.events import BenchChanged, DnsGarbage, DnsQuery
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import Observation
from certsuite.dns.behaviour import DnsBehaviour
from certsuite.dns.zone import Zone
from certsuite.edge.dns_server import CONNECTIONS_AT_MOST, DnsServer
from certsuite.evidence.pcapng import PcapngWriter

ADDRESS = "127.0.0.1"
ZONE = Zone().with_address("edge1.lab.example", "127.8.0.2")
QUERY = dns.message.make_query("edge1.lab.example", "A")
PATIENCE = 5.0


@pytest.fixture
def capture(tmp_path: Path) -> Iterator[PcapngWriter]:
    writer = PcapngWriter(tmp_path / "run.pcapng")
    yield writer
    writer.close()


class Bench:
    """A running server and what it wrote."""

    def __init__(self, capture: PcapngWriter, *, idle_s: float = 10.0) -> None:
        self.owner = "device"
        self.journal = Journal(SystemClock())
        self.capture = capture
        self.server = DnsServer(self.journal, capture, ZONE, ADDRESS, idle_s=idle_s, owner_of=lambda *_: self.owner)

    @property
    def port(self) -> int:
        return self.server.endpoint[1]

    @property
    def seen(self) -> list[Observation]:
        return list(self.journal.since(0))

    async def tcp(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(ADDRESS, self.port)


@asynccontextmanager
async def running(capture: PcapngWriter, *, idle_s: float = 10.0) -> AsyncIterator[Bench]:
    bench = Bench(capture, idle_s=idle_s)
    await bench.server.start()
    try:
        yield bench
    finally:
        await bench.server.stop()


async def read_reply(reader: asyncio.StreamReader) -> dns.message.Message:
    length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), PATIENCE), "big")
    return dns.message.from_wire(await asyncio.wait_for(reader.readexactly(length), PATIENCE))


def framed(message: dns.message.Message) -> bytes:
    wire = message.to_wire()
    return len(wire).to_bytes(2, "big") + wire


@pytest.mark.asyncio
async def test_a_datagram_is_answered_recorded_and_captured(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        before = bench.journal.clock.monotonic_ns()
        reply = await dns.asyncquery.udp(QUERY, ADDRESS, PATIENCE, bench.port)
        after = bench.journal.clock.monotonic_ns()

    assert [rrset.to_text() for rrset in reply.answer] == ["edge1.lab.example. 60 IN A 127.8.0.2"]
    (seen,) = bench.seen
    assert isinstance(seen.event, DnsQuery)
    assert (seen.event.name, seen.event.transport, seen.direction, seen.frame) == ("edge1.lab.example", "udp", "in", 1)
    assert before <= seen.t_mono_ns <= after
    assert capture.frames == 2


@pytest.mark.asyncio
async def test_time_is_the_kernels_not_the_loops(capture: PcapngWriter) -> None:
    """The question waits in the socket while the loop is busy: the record tells when it came."""
    async with running(capture) as bench:
        clock = bench.journal.clock
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.sendto(QUERY.to_wire(), bench.server.endpoint)
            sent = clock.monotonic_ns()
            while clock.monotonic_ns() < sent + 100_000_000:
                pass
            asker.setblocking(False)
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(asker, 512), PATIENCE)
    (seen,) = bench.seen
    assert seen.t_mono_ns < sent + 60_000_000


@pytest.mark.asyncio
async def test_the_zone_can_be_replaced_at_any_moment(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        bench.server.zone = ZONE.without("edge1.lab.example").with_address("other.lab.example", "127.8.0.9")
        reply = await dns.asyncquery.udp(QUERY, ADDRESS, PATIENCE, bench.port)
    assert reply.rcode() == dns.rcode.NXDOMAIN


@pytest.mark.asyncio
async def test_a_truncated_reply_is_fetched_over_tcp(capture: PcapngWriter) -> None:
    zone = Zone()
    for number in range(40):
        zone = zone.with_srv("_sips._tcp.obp.lab", priority=1, weight=1, port=1, target=f"edge{number}.lab")
    query = dns.message.make_query("_sips._tcp.obp.lab", "SRV")
    async with running(capture) as bench:
        bench.server.zone = zone
        reply, used_tcp = await dns.asyncquery.udp_with_fallback(query, ADDRESS, PATIENCE, bench.port)
    assert used_tcp
    assert len(reply.answer[0]) == 40
    assert [seen.event.transport for seen in bench.seen if isinstance(seen.event, DnsQuery)] == ["udp", "tcp"]
    assert bench.seen[1].flow == "dns-1"
    assert bench.seen[1].frame == 2 + 3 + 1


@pytest.mark.asyncio
async def test_pipelined_and_divided_questions_are_answered_in_order(capture: PcapngWriter) -> None:
    queries = [dns.message.make_query(f"host{number}.lab.example", "A") for number in range(5)]
    stream = b"".join(framed(query) for query in queries)
    async with running(capture) as bench:
        reader, writer = await bench.tcp()
        for start, end in ((0, 1), (1, 30), (30, len(stream))):
            writer.write(stream[start:end])
            await writer.drain()
        replies = [await read_reply(reader) for _ in queries]
        writer.close()
        await writer.wait_closed()
    assert all(query.is_response(reply) for query, reply in zip(queries, replies, strict=True))


@pytest.mark.asyncio
async def test_garbage_is_recorded_and_the_next_question_answered(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            for data in (b"", b"REGISTER sip:x SIP/2.0\r\n", bytes(9_000)):
                asker.sendto(data, bench.server.endpoint)
        await dns.asyncquery.udp(QUERY, ADDRESS, PATIENCE, bench.port)
        reader, writer = await bench.tcp()
        writer.write(b"\x00\x00" + b"\x00\x05hello" + framed(QUERY))
        assert QUERY.is_response(await read_reply(reader))
        writer.close()
        await writer.wait_closed()
    assert [type(seen.event) for seen in bench.seen] == [DnsGarbage] * 3 + [DnsQuery] + [DnsGarbage] * 2 + [DnsQuery]


@pytest.mark.asyncio
async def test_an_idle_connection_is_closed(capture: PcapngWriter) -> None:
    async with running(capture, idle_s=0.01) as bench:
        reader, writer = await bench.tcp()
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.asyncio
async def test_too_many_connections_are_closed_at_once(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        connections = [await bench.tcp() for _ in range(CONNECTIONS_AT_MOST)]
        # The last of those that fit has been answered, so all of them are counted.
        connections[-1][1].write(framed(QUERY))
        await read_reply(connections[-1][0])
        reader, writer = await bench.tcp()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        for _, open_writer in [*connections, (reader, writer)]:
            open_writer.close()


@pytest.mark.asyncio
async def test_what_others_ask_is_named_so(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        bench.owner = "foreign"
        await dns.asyncquery.udp(QUERY, ADDRESS, PATIENCE, bench.port)
        await dns.asyncquery.tcp(QUERY, ADDRESS, PATIENCE, bench.port)
        bench.owner = "device"
        await dns.asyncquery.udp(QUERY, ADDRESS, PATIENCE, bench.port)
    assert [seen.flow for seen in bench.seen] == ["xdns-1", "xdns-2", None]
    assert [is_foreign(seen) for seen in bench.seen] == [True, True, False]


@pytest.mark.asyncio
async def test_others_take_no_connection_from_the_device_and_ask_little(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        bench.owner = "foreign"
        others = [await bench.tcp() for _ in range(CONNECTIONS_AT_MOST + 1)]
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await asyncio.wait_for(others[-1][0].readexactly(1), PATIENCE)
        others[0][1].write(framed(QUERY) * 100)
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionResetError):
                while await others[0][0].read(65_536):
                    pass
        bench.owner = "device"
        reader, writer = await bench.tcp()
        writer.write(framed(QUERY))
        assert QUERY.is_response(await read_reply(reader))
        for _, open_writer in [*others, (reader, writer)]:
            open_writer.close()
    assert len(bench.seen) < 30


@pytest.mark.asyncio
async def test_a_crowd_gets_no_answer_and_leaves_nothing(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        before = capture.frames
        bench.owner = "crowd"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            for _ in range(100):
                asker.sendto(QUERY.to_wire(), bench.server.endpoint)
        reader, writer = await bench.tcp()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        writer.close()
    assert bench.seen == []
    assert capture.frames == before


@pytest.mark.asyncio
async def test_stop_closes_what_is_open(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        reader, writer = await bench.tcp()
        writer.write(framed(QUERY))
        await read_reply(reader)
        port = bench.port
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()
    await writer.wait_closed()
    with pytest.raises(BenchError):
        _ = bench.server.endpoint
    await bench.server.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((ADDRESS, port))


@pytest.mark.asyncio
async def test_a_port_in_use_is_named(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        other = DnsServer(bench.journal, capture, ZONE, ADDRESS, bench.port)
        with pytest.raises(AddressUnavailable, match=rf"UDP on {ADDRESS} port {bench.port}"):
            await other.start()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()
        other = DnsServer(bench.journal, capture, ZONE, ADDRESS, taken.getsockname()[1])
        with pytest.raises(AddressUnavailable, match="TCP"):
            await other.start()
        await other.stop()


@pytest.mark.asyncio
async def test_an_address_of_another_machine_is_refused(capture: PcapngWriter) -> None:
    server = DnsServer(Journal(SystemClock()), capture, ZONE, "192.0.2.1")
    with pytest.raises(AddressUnavailable, match=r"192\.0\.2\.1"):
        await server.start()


@pytest.mark.asyncio
async def test_it_misbehaves_by_name_and_the_record_knows(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        bench.server.behave("SERVFAIL for A", behaviour=DnsBehaviour("x", types=frozenset({"A"}), rcode="SERVFAIL"))
        reply = await dns.asyncquery.udp(QUERY, ADDRESS, PATIENCE, bench.port)
        assert reply.rcode() == dns.rcode.SERVFAIL
        bench.server.behave("other zone", zone=Zone().with_address("edge1.lab.example", "127.8.0.9"))
        reply = await dns.asyncquery.tcp(QUERY, ADDRESS, PATIENCE, bench.port)
        assert [rrset.to_text() for rrset in reply.answer] == ["edge1.lab.example. 60 IN A 127.8.0.9"]
    changed = [seen.event for seen in bench.seen if isinstance(seen.event, BenchChanged)]
    assert [(one.what, one.behaviour, one.detail) for one in changed] == [
        ("DNS", "SERVFAIL for A", {"types": ["A"]}),
        ("DNS", "other zone", {}),
    ]


@pytest.mark.asyncio
async def test_an_answer_comes_late_and_not_after_the_end(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        clock = bench.journal.clock
        bench.server.behave("late", behaviour=DnsBehaviour("late", delay_s=0.2))
        for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
            before = clock.monotonic_ns()
            await ask(QUERY, ADDRESS, PATIENCE, bench.port)
            assert clock.monotonic_ns() - before >= 200_000_000
        bench.server.behave("never", behaviour=DnsBehaviour("late", delay_s=3600.0))
        with pytest.raises(dns.exception.Timeout):
            await dns.asyncquery.udp(QUERY, ADDRESS, 0.1, bench.port)
        assert len(bench.server._delayed) == 1
    assert bench.server._delayed == set()


@pytest.mark.asyncio
async def test_an_answer_with_another_id_is_sent_ahead(capture: PcapngWriter) -> None:
    async with running(capture) as bench:
        bench.server.behave("forged", behaviour=DnsBehaviour("forged", forged=Zone()))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.setblocking(False)
            asker.sendto(QUERY.to_wire(), bench.server.endpoint)
            loop = asyncio.get_running_loop()
            answers = [await asyncio.wait_for(loop.sock_recv(asker, 512), PATIENCE) for _ in range(2)]
    assert [dns.message.from_wire(one).id == QUERY.id for one in answers] == [False, True]
