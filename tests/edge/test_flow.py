"""One connection at a time, on real sockets: what is seen of it, and who is said to have ended it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from certsuite.core.events import (
    Cleartext,
    ClientHelloSeen,
    FlowClosed,
    FlowOpened,
    SipGarbage,
    SipKeepAlive,
    SipMessageSeen,
    TlsAlert,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
    TrafficClass,
)
from certsuite.core.observations import IN, OUT
from certsuite.edge import flow as flow_module
from certsuite.edge.flow import FlowNames
from certsuite.sip.framer import KeepAlive
from certsuite.sip.message import SipMessage
from certsuite.tls.server import TlsBehaviour
from tests.clients.wire import PATIENCE_S, shake_hands
from tests.edge.conftest import HOST, World, ending
from tests.edge.flows import closed, options

RFC4475 = Path(__file__).parents[1] / "data" / "rfc4475"
TORTURES = sorted(RFC4475.glob("*.dat"))


@pytest.mark.asyncio
async def test_a_handshake_and_a_message_leave_their_observations_in_order(world: World) -> None:
    wire = await world.connect()
    wire.send(options())
    answer = await wire.message()
    assert answer.status == 200
    seen = [one for one in world.journal.since(0) if one.flow == "f1"]
    kinds = [type(one.event) for one in seen]
    assert kinds == [
        FlowOpened,
        TrafficClass,
        ClientHelloSeen,
        TlsPresented,
        TlsEstablished,
        SipMessageSeen,
        SipMessageSeen,
    ]
    opened, hello, presented, established, request, response = (one.event for one in seen)
    assert isinstance(opened, FlowOpened)
    assert opened.remote == f"{wire.local[0]}:{wire.local[1]}"
    assert (opened.owner, opened.port_role) == ("device", "sip-tls")
    assert isinstance(hello, ClientHelloSeen)
    assert hello.server_name == HOST
    assert isinstance(presented, TlsPresented)
    assert presented.presentation == "good"
    assert isinstance(established, TlsEstablished)
    assert established.version == "TLSv1.3"
    assert isinstance(request, SipMessageSeen)
    assert request.raw == options()
    assert request.strict_error == ""
    assert isinstance(response, SipMessageSeen)
    assert b"CSeq:1 OPTIONS\r\n" in response.raw
    assert [one.direction for one in seen] == [IN, IN, OUT, IN, IN, OUT]
    assert all(one.edge == "primary" for one in seen)
    assert [one.line for one in seen[-2:]] == [1, 1]
    assert all(one.frame is not None for one in seen[-2:])
    assert any(line.startswith("CLIENT_TRAFFIC_SECRET_0 ") for line in world.frames.secrets)


@pytest.mark.asyncio
async def test_a_message_in_pieces_and_two_in_one_piece(world: World) -> None:
    wire = await world.connect()
    whole = options(number=1) + options(number=2)
    for start in range(0, len(whole), 50):
        wire.send(whole[start : start + 50])
    assert [(await wire.message()).cseq[0] for _ in range(2)] == [1, 2]


@pytest.mark.asyncio
async def test_a_ping_gets_a_pong_and_a_pong_nothing(world: World) -> None:
    wire = await world.connect()
    wire.send(b"\r\n\r\n")
    assert await wire.next() == KeepAlive("pong")
    wire.send(b"\r\n" + options())
    assert isinstance(await wire.next(), SipMessage)
    # The edge's own answer is in the record too.
    assert [event.form for event in world.events(SipKeepAlive)] == ["ping", "pong", "pong"]


@pytest.mark.asyncio
async def test_garbage_is_kept_in_part_and_ends_the_connection_at_once(world: World) -> None:
    wire = await world.connect()
    wire.send(b"\x00\x01garbage\n" + b"\xff" * 5000)
    assert await wire.ended() == "rst"
    garbage = (await world.observed(SipGarbage)).event
    assert isinstance(garbage, SipGarbage)
    assert garbage.data.startswith(b"\x00\x01garbage\n")
    assert len(garbage.data) <= 512 < garbage.length
    assert ending(await closed(world)) == ("bench", "rst")
    await world.until(lambda: "f1" in world.frames.closed)
    assert world.frames.closed["f1"] == (False, True)
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "data",
    [options(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes.fromhex("802e0100020015000000100700c0") + bytes(32)],
    ids=["sip", "http", "sslv2"],
)
async def test_cleartext_at_the_tls_port_is_told_and_answered_by_nothing(world: World, data: bytes) -> None:
    wire = await world.connect_plain()
    wire.send(data)
    assert await wire.ended() in ("fin", "rst")
    seen = await world.observed(Cleartext)
    assert seen.event == Cleartext("tcp", f"{wire.local[0]}:{wire.local[1]}", data)
    assert (seen.flow, seen.direction) == ("f1", IN)
    assert not world.events(SipMessageSeen)
    assert (await closed(world)).by == "bench"


@pytest.mark.asyncio
async def test_a_client_that_closes_in_order(world: World) -> None:
    wire = await world.connect()
    wire.send(options())
    await wire.message()
    wire.close()
    assert ending(await closed(world)) == ("device", "close_notify")


@pytest.mark.asyncio
async def test_a_client_that_ends_tcp_without_close_notify(world: World) -> None:
    wire = await world.connect()
    wire.send(options())
    await wire.message()
    wire.disappear()
    assert ending(await closed(world)) == ("device", "fin")
    await world.until(lambda: "f1" in world.frames.closed)
    assert world.frames.closed["f1"] == (True, False)


@pytest.mark.asyncio
async def test_a_client_that_resets(world: World) -> None:
    wire = await world.connect()
    wire.send(options())
    await wire.message()
    wire.reset()
    assert ending(await closed(world)) == ("device", "rst")


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_the_edge_ends_it(world: World, how: str) -> None:
    wire = await world.connect()
    wire.send(options())
    await wire.message()
    flow = world.primary.flows["f1"]
    flow.close(how)
    assert not flow.usable
    assert await wire.ended() == how
    assert ending(await closed(world)) == ("bench", how)
    await world.until(lambda: not world.primary.flows)


@pytest.mark.asyncio
async def test_a_device_that_does_not_trust_the_chain_says_so_by_its_alert(world: World) -> None:
    await world.primary.behave("unknown-root", tls=TlsBehaviour(world.pki.presentation("unknown-root")))
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(shake_hands, (world.primary.address, world.primary.port), world.context(), HOST)
    seen = await world.observed(TlsAlert)
    assert seen.event == TlsAlert(2, 48, "unknown_ca")
    assert seen.direction == IN
    refused = await closed(world)
    assert ending(refused) == ("device", "alert 48")
    assert refused.unacknowledged == 0
    assert [event.presentation for event in world.events(TlsPresented)] == ["unknown-root"]


@pytest.mark.asyncio
async def test_the_edge_refuses_a_handshake_and_it_is_the_bench_that_ends_it(world: World) -> None:
    await world.primary.behave("1.3 alone", tls=TlsBehaviour(world.pki.presentation("good"), ("TLSv1.3",)))
    context = world.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        await asyncio.to_thread(shake_hands, (world.primary.address, world.primary.port), context, HOST)
    seen = await world.observed(TlsAlert)
    assert seen.direction == OUT
    await world.observed(TlsFailed)
    assert (await closed(world)).by == "bench"


@pytest.mark.asyncio
async def test_a_client_that_leaves_within_the_handshake(world: World) -> None:
    wire = await world.connect_plain()
    hello = await asyncio.to_thread(client_hello, world)
    wire.send(hello[: len(hello) // 2])
    await world.observed(FlowOpened)
    wire.close()
    assert ending(await closed(world)) == ("device", "fin")
    assert not world.events(TlsEstablished)


@pytest.mark.asyncio
async def test_a_client_hello_byte_by_byte(world: World) -> None:
    hello = await asyncio.to_thread(client_hello, world)
    wire = await world.connect_plain()
    flow_opened = await world.observed(FlowOpened)
    flow = world.primary.flows[flow_opened.flow or ""]
    for byte in hello:
        flow.data_received(bytes([byte]))
    assert [event.server_name for event in world.events(ClientHelloSeen)] == [HOST]
    assert len(world.events(TlsPresented)) == 1
    wire.close()
    await closed(world)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "data", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half a hello"], ids=["none", "half"]
)
async def test_a_client_that_begins_no_session_is_given_up(
    data: bytes, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_module, "HANDSHAKE_S", 0.05)
    wire = await world.connect_plain()
    wire.send(data)
    assert await wire.ended() == "rst"
    assert ending(await closed(world)) == ("bench", "timeout")
    assert [event.reason for event in world.events(TlsFailed)] == ["the handshake was not complete after 0.05 s"]


@pytest.mark.asyncio
async def test_a_session_that_stands_is_given_up_by_no_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_module, "HANDSHAKE_S", 0.2)
    early = await world.connect()
    assert (await early.ask_options()).status == 200
    late = await world.connect_plain()
    assert await late.ended() == "rst"
    assert (await early.ask_options()).status == 200


@pytest.mark.asyncio
async def test_a_client_hello_that_is_longer_than_any(world: World) -> None:
    hello = b"\x01\x01\x40\x00\x03\x03" + bytes(0x14000 - 2)
    records = [hello[at : at + 16_000] for at in range(0, len(hello), 16_000)]
    wire = await world.connect_plain()
    wire.send(b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in records))
    assert await wire.ended() in ("fin", "rst")
    failed = (await world.observed(TlsFailed)).event
    assert isinstance(failed, TlsFailed)
    assert "a ClientHello of 81924 bytes" in failed.reason
    assert (await closed(world)).by == "bench"
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
async def test_20_megabytes_of_garbage_after_the_handshake_leave_one_line(world: World) -> None:
    wire = await world.connect()
    wire.send(b"\xff" * 20_000_000)
    assert await wire.ended() == "rst"
    await closed(world)
    assert len(world.events(SipGarbage)) == 1
    assert len(world.journal.since(0)) < 10
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
async def test_keep_alives_without_end_are_garbage(world: World) -> None:
    wire = await world.connect()
    for _ in range(10):
        wire.send(b"\r\n" * 120)
    wire.send(options() + b"\r\n" * 100_000)
    assert await wire.ended() == "rst"
    garbage = (await world.observed(SipGarbage)).event
    assert isinstance(garbage, SipGarbage)
    assert garbage.problem == "more than 1000 keep-alives without a message between them"
    assert len(world.events(SipMessageSeen)) == 2
    # Of each ping the answer is in the record as well.
    assert sum(event.form == "ping" for event in world.events(SipKeepAlive)) < 2000
    assert len(world.events(SipGarbage)) == 1


def client_hello(world: World) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = world.context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.asyncio
async def test_a_header_of_60_kilobytes_is_a_message_like_any_other(world: World) -> None:
    wire = await world.connect()
    wire.send(options(("User-Agent", "A" * 60_000)))
    assert (await wire.message()).status == 200
    message = world.events(SipMessageSeen)[0]
    assert len(message.raw) > 60_000


@pytest.mark.asyncio
async def test_headers_without_end_are_garbage(world: World) -> None:
    wire = await world.connect()
    wire.send(b"OPTIONS sip:x SIP/2.0\r\nX: " + b"A" * 70_000)
    assert await wire.ended() == "rst"
    garbage = (await world.observed(SipGarbage)).event
    assert isinstance(garbage, SipGarbage)
    assert garbage.length >= 65_536


@pytest.mark.asyncio
async def test_half_a_message_and_a_disconnect_is_no_message(world: World) -> None:
    wire = await world.connect()
    wire.send(options()[:-10])
    wire.close()
    assert ending(await closed(world)) == ("device", "close_notify")
    assert not world.events(SipMessageSeen)
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
async def test_a_client_that_never_reads_is_cut_off_and_holds_nothing_up(world: World) -> None:
    greedy = await world.connect(receives=2048)
    # The answer repeats the Via, so each question brings as much back as it is long.
    via = "SIP/2.0/TLS 127.0.0.1:40000;branch=z9hG4bK" + "A" * 60_000

    async def ask_without_end() -> None:
        number = 0
        while not world.events(FlowClosed):
            number += 1
            greedy.send(options(("Via", via), number=number))
            await greedy.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(ask_without_end())
        other = await world.connect()
        assert (await other.ask_options()).status == 200
        ended = await closed(world)
        assert (ended.by, ended.how) == ("bench", "rst")
        assert ended.unacknowledged > 0
    assert (await other.ask_options()).status == 200


@pytest.mark.asyncio
async def test_a_connection_that_was_reset_before_it_was_accepted(world: World) -> None:
    # All of it happens while the loop stands still, so the edge accepts what is gone already.
    early = socket.socket()
    early.connect((world.primary.address, world.primary.port))
    early.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    early.close()
    await world.observed(FlowOpened)
    assert ending(await closed(world)) == ("device", "rst")
    assert (await (await world.connect()).ask_options()).status == 200


@pytest.mark.asyncio
async def test_nothing_is_sent_over_a_flow_that_has_ended(world: World) -> None:
    phone = await world.registered()
    flow = world.primary.flows["f1"]
    phone.wire.reset()
    await closed(world)
    before = world.journal.next_seq
    flow.send(SipMessage("OPTIONS", "sip:x"))
    flow.close("fin")
    flow.data_received(b"late")
    assert world.journal.next_seq == before


def test_names_count_on_over_devices_and_foreigners() -> None:
    names = FlowNames()
    assert [names.next(owner) for owner in ("device", "foreign", "device")] == ["f1", "x2", "f3"]


@pytest.mark.asyncio
async def test_the_messages_of_rfc_4475_leave_the_edge_standing(world: World) -> None:
    assert len(TORTURES) == 49
    for count, path in enumerate(TORTURES, start=1):
        data = path.read_bytes()
        before = world.journal.next_seq
        wire = await world.connect()
        wire.send(data)
        # A message whose body never comes is known to be none only when the connection ends.
        wire.finish()
        async with asyncio.timeout(PATIENCE_S):
            await wire.ended()
        await world.until(lambda: len(world.events(FlowClosed)) == count)  # noqa: B023 - called in this turn alone
        seen = [one.event for one in world.journal.since(before)]
        taken = [event for event in seen if isinstance(event, SipMessageSeen | SipGarbage)]
        if path.stem in ("baddn", "clerr"):
            assert not taken, path.stem
        else:
            assert taken, path.stem
            assert data.startswith(taken[0].raw if isinstance(taken[0], SipMessageSeen) else taken[0].data)
    phone = await world.registered()
    assert 1 in world.registrar.bindings
    assert world.registrar.bindings[1].contact == phone.contact


@pytest.mark.asyncio
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_a_slow_edge_says_the_same_later(world: World, version: str) -> None:
    world.primary.tls = TlsBehaviour(world.pki.presentation("good"), (version,), spread_s=0.1)
    wire = await world.connect()
    wire.send(options())
    assert (await wire.message()).status == 200
    (presented,) = world.events(TlsPresented)
    assert presented.manner == "sent over 0.1 s"
    assert len(world.events(TlsEstablished)) == 1


@pytest.mark.asyncio
async def test_a_slow_flow_that_is_ended_says_no_more(world: World) -> None:
    world.primary.tls = replace(world.good, spread_s=1000.0)

    async def end() -> None:
        await world.observed(TlsPresented)
        world.primary.end_flows("fin")

    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.gather(world.connect(), end())
    assert (await closed(world)).by == "bench"
    assert not world.loop_errors
