"""The trunk: SIP over UDP with a far end that is a socket of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from certsuite.bench.addresses import LoopbackNet
from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import MediaOpened
from certsuite.core.journal import Journal, SystemClock
from certsuite.edge.call_leg import LegState
from certsuite.edge.media import MediaLoop
from certsuite.edge.trunk import PORT, Trunk, TrunkCall
from certsuite.sdp.session import SessionDescription
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import response_to
from tests.edge.conftest import Frames

pytestmark = pytest.mark.asyncio
PATIENCE_S = 10.0
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class FarEnd(asyncio.DatagramProtocol):
    """A far end that does as the test says."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait(SipMessage.parse(data))


class Line:
    """A trunk and its far end."""

    def __init__(self) -> None:
        self.net = LoopbackNet()
        self.journal = Journal(SystemClock())
        self.media = MediaLoop(self.journal, Frames())
        self.trunk = Trunk(self.journal, Frames(), self.media, address=self.net.host(15), far_end=self.net.host(16))
        self.far_end = FarEnd()
        self.states: list[tuple[LegState, int]] = []
        self.news = asyncio.Event()

    async def next(self, what: str) -> SipMessage:
        """The next message to the far end, which must be of that method or status."""
        async with asyncio.timeout(PATIENCE_S):
            message = await self.far_end.heard.get()
        assert what == (message.method or str(message.status))
        return message

    def says(self, message: SipMessage) -> None:
        assert self.far_end.transport is not None
        self.far_end.transport.sendto(message.to_bytes(), (self.trunk.address, PORT))

    def answers(self, invite: SipMessage, status: int, *, sdp: bool = False) -> None:
        headers = [("Content-Type", "application/sdp")] if sdp else []
        body = SDP.format(self.net.host(16)).encode() if sdp else b""
        made = response_to(invite, status, "-", to_tag="far", headers=[])
        self.says(SipMessage(status=status, reason="-", headers=(*made.headers, *headers), body=body))

    def request(self, method: str, *, call_id: str = "c", sdp: bool = False) -> SipMessage:
        host = self.net.host(16)
        headers = (
            ("Via", f"SIP/2.0/UDP {host}:{PORT};branch=z9hG4bK1"),
            ("From", f"<sip:2065550199@{host}>;tag=far"),
            ("To", f"<sip:line1@{self.trunk.address}>"),
            ("Call-ID", call_id),
            ("CSeq", f"1 {method}"),
            ("Contact", f"<sip:2065550199@{host}>"),
            *([("Content-Type", "application/sdp")] if sdp else []),
        )
        body = SDP.format(host).encode() if sdp else b""
        made = SipMessage(method, f"sip:line1@{self.trunk.address}", headers=headers, body=body)
        self.says(made)
        return made

    def calls(self) -> TrunkCall:
        call = self.trunk.call(caller="line1", name="Line 1", number="2065550199", line=1)
        call.on_state = self.came_to
        return call

    def came_to(self, state: LegState, status: int) -> None:
        self.states.append((state, status))
        self.news.set()

    async def until(self, state: LegState) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.states or self.states[-1][0] is not state:
                self.news.clear()
                await self.news.wait()


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    made = Line()
    made.media.start()
    await made.trunk.start()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: made.far_end, local_addr=(made.net.host(16), PORT))
    yield made
    made.trunk.stop()
    assert made.far_end.transport is not None
    made.far_end.transport.close()
    made.media.stop()
    made.net.release()


async def test_a_far_end_registers(line: Line) -> None:
    line.request("REGISTER")
    assert (await line.next("200")).get("Contact") == f"<sip:2065550199@{line.net.host(16)}>"


async def test_a_call_to_the_far_end_in_all_its_steps(line: Line) -> None:
    call = line.calls()
    invite = await line.next("INVITE")
    offer = SessionDescription.parse(invite.body)
    assert offer.audio is not None
    assert (offer.audio.protocol, [one.name for one in offer.audio.rtpmaps]) == ("RTP/AVP", ["PCMU", "telephone-event"])
    assert (call.called, call.caller) == ("2065550199", "line1")
    line.answers(invite, 100)
    line.answers(invite, 180)
    await line.until(LegState.EARLY)
    line.answers(invite, 200, sdp=True)
    assert (await line.next("ACK")).to_tag == "far"
    call.hang_up()
    assert (await line.next("BYE")).cseq == (2, "BYE")
    assert line.states == [(LegState.EARLY, 180), (LegState.CONFIRMED, 200), (LegState.ENDED, 0)]
    opened = [(one.edge, one.event.suite) for one in line.journal.since(0) if isinstance(one.event, MediaOpened)]
    assert opened == [("trunk", "none")]


async def test_early_media_is_told_from_ringing_and_a_refusal_has_its_status(line: Line) -> None:
    call = line.calls()
    invite = await line.next("INVITE")
    line.answers(invite, 183, sdp=True)
    await line.until(LegState.EARLY)
    assert call.has_early_media
    line.answers(invite, 486)
    await line.next("ACK")
    assert line.states[-1] == (LegState.ENDED, 486)
    assert not line.trunk.calls


async def test_a_call_of_the_far_end_is_taken_and_ended_by_it(line: Line) -> None:
    calls: list[TrunkCall] = []
    line.trunk.on_call = calls.append
    line.request("INVITE", sdp=True)
    await line.next("100")
    (call,) = calls
    assert (call.caller, call.called) == ("2065550199", "line1")
    call.on_state = line.came_to
    call.ring()
    assert (await line.next("180")).to_tag
    call.accept()
    assert (await line.next("200")).has_sdp
    line.request("BYE")
    await line.next("200")
    assert line.states == [(LegState.CONFIRMED, 0), (LegState.ENDED, 0)]


async def test_a_call_of_the_far_end_that_is_given_up_is_refused(line: Line) -> None:
    calls: list[TrunkCall] = []
    line.trunk.on_call = calls.append
    line.request("INVITE", sdp=True)
    await line.next("100")
    calls[0].hang_up()
    await line.next("503")


async def test_what_belongs_to_no_call_is_refused(line: Line) -> None:
    line.request("INVITE", sdp=True)
    await line.next("100")
    await line.next("404")
    line.request("BYE")
    await line.next("481")


async def test_a_call_that_cannot_be_agreed_on_is_refused(line: Line) -> None:
    line.trunk.on_call = TrunkCall.accept
    line.request("INVITE")
    await line.next("100")
    await line.next("488")


async def test_an_address_that_is_taken_is_named(line: Line) -> None:
    other = Trunk(line.journal, Frames(), line.media, address=line.trunk.address, far_end="127.0.0.1")
    with pytest.raises(AddressUnavailable, match="for the trunk"):
        await other.start()
