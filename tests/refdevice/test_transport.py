"""Flows and transactions over real connections."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import pytest

from certsuite.edge.slow_writer import SlowWriter
from certsuite.refdevice.behaviour import Behaviour, RefusesBy
from certsuite.refdevice.tls import TlsChannel, client_context
from certsuite.refdevice.transport import Flow, FlowFailed, Target, TlsFailed
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab, Registrar

pytestmark = pytest.mark.asyncio


class _Listener:
    def __init__(self) -> None:
        self.requests: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.responses: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.lost: asyncio.Queue[str] = asyncio.Queue()

    def request_received(self, flow: Flow, request: SipMessage) -> None:
        self.requests.put_nowait(request)

    def response_received(self, flow: Flow, response: SipMessage) -> None:
        self.responses.put_nowait(response)

    def flow_lost(self, flow: Flow) -> None:
        self.lost.put_nowait(flow.reason)


def _register(branch: str = "z9hG4bK1") -> SipMessage:
    headers = (
        ("Via", f"SIP/2.0/TLS 127.0.0.1:1;branch={branch}"),
        ("From", "<sip:a@b>;tag=1"),
        ("To", "<sip:a@b>"),
        ("Call-ID", "1"),
        ("CSeq", "1 REGISTER"),
        ("Contact", "<sip:a@127.0.0.1:1>"),
    )
    return SipMessage(method="REGISTER", uri="sip:b", headers=headers)


async def _flow(lab: Lab, registrar: Registrar) -> tuple[Flow, _Listener]:
    listener = _Listener()
    context = client_context(lab.authority.bundle, Behaviour())
    channel = TlsChannel(context, "hs17.lab.example", verifies_name_itself=False)
    target = Target("a.example", "127.0.0.1", registrar.port)
    return await Flow.connect(target, listener, local_address="127.0.0.1", channel=channel, timeout_s=3.0), listener


async def test_a_response_goes_to_its_transaction(lab: Lab) -> None:
    registrar = await lab.registrar(challenges=False)
    flow, listener = await _flow(lab, registrar)
    assert flow.secure
    assert (await flow.transact(_register()).final(5)).status == 200
    heard = await registrar.next("REGISTER")
    registrar.reply(heard.writer, heard.message, 200)  # again: nobody waits for it now
    assert (await listener.responses.get()).status == 200
    flow.close()
    assert await listener.lost.get() == "closed by the device"
    with pytest.raises(FlowFailed, match="closed by the device"):
        flow.send(_register())


async def test_a_transaction_without_an_answer(lab: Lab) -> None:
    registrar = await lab.registrar(silent=True)
    flow, _ = await _flow(lab, registrar)
    with pytest.raises(TimeoutError):
        await flow.transact(_register()).final(0.01)
    flow.close()


async def test_a_transaction_ends_with_its_flow(lab: Lab) -> None:
    registrar = await lab.registrar(silent=True)
    flow, listener = await _flow(lab, registrar)
    transaction = flow.transact(_register())
    (await registrar.next("REGISTER")).writer.close()
    with pytest.raises(FlowFailed, match="closed by the server"):
        await transaction.final(5)
    assert await listener.lost.get() == "closed by the server"


async def test_requests_pings_and_unreadable_messages(lab: Lab) -> None:
    registrar = await lab.registrar(challenges=False)
    flow, listener = await _flow(lab, registrar)
    await flow.transact(_register()).final(5)
    registrar.connections[0].write(b"\r\n\r\nSIP/2.0 200\r\n\r\nNOT A REQUEST LINE\r\n\r\n")
    registrar.ask("OPTIONS", ("Content-Length", "0"))
    assert (await listener.requests.get()).method == "OPTIONS"
    flow.close()


async def test_garbage_ends_the_flow(lab: Lab) -> None:
    registrar = await lab.registrar(challenges=False)
    flow, listener = await _flow(lab, registrar)
    await flow.transact(_register()).final(5)
    registrar.connections[0].write(bytes(range(128, 256)) * 2 + b"\n\n")
    assert (await listener.lost.get()).startswith("the server sent garbage")
    assert not flow.alive


async def test_nobody_listens(lab: Lab) -> None:
    registrar = await lab.registrar()
    await registrar.close()
    with pytest.raises(FlowFailed) as raised:
        await _flow(lab, registrar)
    assert not isinstance(raised.value, TlsFailed)


async def test_tls_that_fails_says_why(lab: Lab) -> None:
    registrar = await lab.registrar("other.example")
    with pytest.raises(TlsFailed, match="Hostname mismatch"):
        await _flow(lab, registrar)


class _Watched:
    """A TLS server that keeps what the client sends after its ClientHello, byte by byte."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.raw = b""
        self.ended = asyncio.Event()
        self._context = context
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        while outgoing.pending == 0:
            incoming.write(await reader.read(65_536))
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
        writer.write(outgoing.read())
        while data := await reader.read(65_536):
            self.raw += data
        self.ended.set()
        writer.close()


@pytest.mark.parametrize("how", RefusesBy)
async def test_how_a_certificate_is_refused(lab: Lab, how: RefusesBy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certsuite.refdevice.transport._SILENCE_S", 0.05)
    monkeypatch.setattr("certsuite.refdevice.transport._SILENT_OPEN_S", 0.4)
    server = _Watched(lab.authority.server_context("other.example"))
    target = Target("a.example", "127.0.0.1", await server.open())
    channel = TlsChannel(
        client_context(lab.authority.bundle, Behaviour()), "hs17.lab.example", verifies_name_itself=False
    )
    with pytest.raises(TlsFailed, match="Hostname mismatch"):
        await Flow.connect(
            target, _Listener(), local_address="127.0.0.1", channel=channel, timeout_s=3.0, refuses_by=how
        )
    assert how is not RefusesBy.SILENCE or not server.ended.is_set()
    async with asyncio.timeout(20):
        await server.ended.wait()
    assert bool(server.raw) is (how is RefusesBy.ALERT)
    await server.close()


async def test_a_reason_of_the_devices_own(lab: Lab) -> None:
    registrar = await lab.registrar("other.example")
    behaviour = Behaviour(verifies_chain=False)
    channel = TlsChannel(client_context(lab.authority.bundle, behaviour), "hs17.lab.example", verifies_name_itself=True)
    target = Target("a.example", "127.0.0.1", registrar.port)
    with pytest.raises(TlsFailed, match=r"^TLS: the certificate is for other\.example and not for hs17\.lab\.example$"):
        await Flow.connect(target, _Listener(), local_address="127.0.0.1", channel=channel, timeout_s=3.0)


async def test_a_server_that_closes_during_the_handshake(lab: Lab) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    registrar = await lab.registrar()
    await registrar.close()
    registrar.port = server.sockets[0].getsockname()[1]
    with pytest.raises(TlsFailed):
        await _flow(lab, registrar)
    server.close()
    await server.wait_closed()


async def test_a_server_that_says_nothing_is_given_up_and_a_slow_one_is_not(lab: Lab) -> None:
    context = client_context(lab.authority.bundle, Behaviour())

    async def piecewise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What the good server says comes in pieces, none of them late."""
        to, of = await asyncio.open_connection("127.0.0.1", registrar.port)
        of.write(await reader.read(65_536))
        flight = await to.read(65_536)
        SlowWriter(writer.write).write(flight, over_s=0.8)
        of.write(await reader.read(65_536))
        writer.write(await to.read(65_536))
        await reader.read()
        of.close()
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def connected(port: int) -> Flow:
        channel = TlsChannel(context, "hs17.lab.example", verifies_name_itself=False)
        target = Target("a.example", "127.0.0.1", port)
        return await Flow.connect(
            target, _Listener(), local_address="127.0.0.1", channel=channel, timeout_s=30.0, silence_s=0.4
        )

    registrar = await lab.registrar()
    async with (
        await asyncio.start_server(piecewise, "127.0.0.1", 0) as slow,
        await asyncio.start_server(silent, "127.0.0.1", 0) as mute,
    ):
        flow = await connected(slow.sockets[0].getsockname()[1])
        assert flow.alive
        with pytest.raises(TlsFailed, match="timed out"):
            await connected(mute.sockets[0].getsockname()[1])
        flow.close()


async def test_plain_tcp(lab: Lab) -> None:
    registrar = type(await lab.registrar(challenges=False))(challenges=False)
    lab.registrars.append(registrar)
    await registrar.open(None)
    target = Target("a.example", "127.0.0.1", registrar.port)
    flow = await Flow.connect(target, _Listener(), local_address="127.0.0.1", channel=None, timeout_s=3.0)
    assert not flow.secure
    assert (await flow.transact(_register()).final(5)).status == 200
    flow.close()


# --- keep-alives


async def test_keep_alives_go_on_while_they_are_answered(lab: Lab) -> None:
    lab.configure(keep_alive_s=0.1, pong_s=5.0)
    _, registrar = await lab.registered()
    await registrar.until(lambda: registrar.pings >= 4)
    assert len(registrar.connections) == 1


async def test_a_flow_on_which_a_keep_alive_is_not_answered_is_given_up(lab: Lab) -> None:
    lab.configure(keep_alive_s=0.2, pong_s=0.1)
    registrar = await lab.registrar(pongs=False)
    lab.zone.srv((5, "sip-a.lab.example", registrar.port))
    await lab.start()
    await registrar.until(lambda: len(registrar.connections) >= 3)


async def test_who_ignores_that_stays_and_who_sends_none_cannot_know(lab: Lab) -> None:
    lab.configure(keep_alive_s=0.1, pong_s=0.05)
    ignoring = await lab.registrar(pongs=False)
    lab.zone.srv((5, "sip-a.lab.example", ignoring.port))
    await lab.start("ignores-missing-pong")
    await ignoring.until(lambda: ignoring.pings >= 4)
    assert len(ignoring.connections) == 1


async def test_who_takes_what_comes_at_once_for_a_message_loses_one_in_pieces(lab: Lab) -> None:
    device, registrar = await lab.registered("loses-messages-in-pieces")
    whole = registrar.ask("OPTIONS", call_id="whole").to_bytes()
    assert (await registrar.next("200")).message.call_id == "whole"
    for part in (whole[:100], whole[100:]):
        registrar.connections[0].write(part.replace(b"whole", b"parts"))
        await registrar.connections[0].drain()
        assert "registered=1/1" in await device.command("status")
    registrar.ask("OPTIONS", call_id="again")
    assert (await registrar.next("200")).message.call_id == "again"
