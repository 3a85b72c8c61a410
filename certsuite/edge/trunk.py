"""The edge's other side: SIP and RTP in the clear over UDP, towards the PSTN.

For one far end on the same machine, so nothing is sent again: a datagram on loopback arrives. What is said there goes
into the capture; what the device is judged by is what the far end makes of it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import cast

from certsuite.core.capture import Capture
from certsuite.core.errors import AddressUnavailable
from certsuite.core.journal import Journal
from certsuite.edge.call_leg import LegState
from certsuite.edge.leg_media import LegMedia, Place
from certsuite.edge.media import MediaLoop
from certsuite.sdp.offer_answer import WEBEX_FORMATS
from certsuite.sdp.terms import MediaTerms
from certsuite.sip.message import SipMessage, read, user_host
from certsuite.sip.sse import response_to

TRUNK = "trunk"
PORT = 5060
TRUNK_TERMS = MediaTerms(
    suites=(),
    # mu-law alone: the far end writes mu-law whatever it was asked for.
    formats=tuple(
        one for one in WEBEX_FORMATS if (one.name, one.clock_rate) in (("PCMU", 8000), ("telephone-event", 8000))
    ),
    codecs=("PCMU",),
)
Told = Callable[[LegState, int], None]


class TrunkCall:
    """A call between the edge and the far end."""

    def __init__(self, trunk: Trunk, media: LegMedia, *, call_id: str, local: str, remote: str) -> None:
        self.media = media
        self.state = LegState.CALLING
        self.on_state: Told = lambda state, status: None
        "Told each state that it comes to, and the status of the response that brought it there, or 0."
        self.has_early_media = False
        self.incoming = False
        "Whether the far end calls."
        self.invite: SipMessage | None = None
        "The one that made the call."
        self._trunk = trunk
        self._call_id = call_id
        self._local = local
        self._remote = remote
        self._cseq = 1

    @property
    def caller(self) -> str:
        """The number that calls, as the far end gives it."""
        return user_host((self.invite.get("From") or "").partition("<")[2].partition(">")[0])[0] if self.invite else ""

    @property
    def called(self) -> str:
        """The number that is called."""
        return user_host(self.invite.uri)[0] if self.invite else ""

    def place(self, number: str) -> None:
        """Call the far end."""
        self.invite = self._request("INVITE", number=number, body=self.media.offer())
        self._trunk.send(self.invite)

    def ring(self) -> None:
        """180 to the far end's INVITE."""
        self._respond(180, "Ringing")

    def accept(self) -> None:
        """200 to the far end's INVITE."""
        assert self.invite is not None
        body = self.media.answer(self.invite)
        if body is None:
            self.refuse(488, "Not Acceptable Here")
            return
        self._respond(200, "OK", body)
        self._came_to(LegState.CONFIRMED)

    def refuse(self, status: int, reason: str) -> None:
        """A final failure to the far end's INVITE."""
        self._respond(status, reason)
        self._end()

    def hang_up(self) -> None:
        """End the call as far as it has come. A far end that rings is not cancelled: it is told to refuse."""
        if self.incoming and self.state in (LegState.CALLING, LegState.EARLY):
            # One of the two refusals that pyVoIP ends a call at.
            self.refuse(503, "Service Unavailable")
            return
        if self.state is LegState.CONFIRMED:
            self._cseq += 1
            self._trunk.send(self._request("BYE"))
        self._end()

    def on_request(self, request: SipMessage) -> None:
        """A request within the call."""
        if request.method == "BYE":
            self._trunk.send(response_to(request, 200, "OK"))
            self._end()

    def on_response(self, response: SipMessage) -> None:
        """A response to the INVITE."""
        if response.cseq[1] != "INVITE" or self.state in (LegState.CONFIRMED, LegState.ENDED):
            return
        if response.status >= 200:
            self._remote = response.get("To") or self._remote
            self._trunk.send(self._request("ACK"))
        if response.status >= 300:
            self._end(response.status)
        elif response.has_sdp and not self.has_early_media:
            self.media.take_answer(response)
            self.has_early_media = response.status < 200
        if response.status < 300 and response.status > 100:
            self._came_to(LegState.CONFIRMED if response.status >= 200 else LegState.EARLY, response.status)

    # --- inside

    def _end(self, status: int = 0) -> None:
        if self.state is not LegState.ENDED:
            self.media.stream.close()
            self._trunk.calls.pop(self._call_id, None)
            self._came_to(LegState.ENDED, status)

    def _came_to(self, state: LegState, status: int = 0) -> None:
        self.state = state
        self.on_state(state, status)

    def _request(self, method: str, *, number: str = "far-end", body: bytes = b"") -> SipMessage:
        trunk = self._trunk
        headers = [
            ("Via", f"SIP/2.0/UDP {trunk.address}:{PORT};branch=z9hG4bK{secrets.token_hex(8)}"),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} {method}"),
            ("Max-Forwards", "70"),
            ("Contact", f"<sip:{trunk.address}:{PORT}>"),
        ]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return SipMessage(method, f"sip:{number}@{trunk.far_end[0]}:{PORT}", headers=tuple(headers), body=body)

    def _respond(self, status: int, reason: str, body: bytes = b"") -> None:
        assert self.invite is not None
        contact = [("Contact", f"<sip:{self._trunk.address}:{PORT}>")]
        tag = self._local.partition(";tag=")[2]
        self._trunk.send(response_to(self.invite, status, reason, to_tag=tag, headers=contact, body=body))


class Trunk(asyncio.DatagramProtocol):
    """SIP over UDP with one far end."""

    def __init__(self, journal: Journal, capture: Capture, media: MediaLoop, *, address: str, far_end: str) -> None:
        self.address = address
        self.far_end = (far_end, PORT)
        self.calls: dict[str, TrunkCall] = {}
        self.on_call: Callable[[TrunkCall], None] = lambda call: call.refuse(404, "Not Found")
        "Given each call of the far end."
        self._journal = journal
        self._capture = capture
        self._media = media
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Listen, unless it does already. Raises :class:`AddressUnavailable`."""
        if self._transport is not None:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, PORT))
        except OSError as error:
            raise AddressUnavailable(f"UDP {self.address}:{PORT}, for the trunk: {error.strerror}") from error

    def stop(self) -> None:
        """End all calls and stop listening."""
        for call in list(self.calls.values()):
            call.hang_up()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def call(self, *, caller: str, name: str, number: str, line: int) -> TrunkCall:
        """Call a number, for a line of the device."""
        local = f'"{name}" <sip:{caller}@{self.address}>;tag={secrets.token_hex(4)}'
        call = self._new(f"{secrets.token_hex(8)}@{self.address}", local, f"<sip:{number}@{self.far_end[0]}>", line)
        call.place(number)
        return call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr != self.far_end:
            return
        self._capture.udp((addr, (self.address, PORT), data, self._now_ns))
        message = read(data)
        if message is None:
            return
        call = self.calls.get(message.call_id)
        if not message.is_request:
            if call is not None:
                call.on_response(message)
        elif message.method == "REGISTER":
            contact = [("Contact", message.get("Contact") or ""), ("Expires", "3600")]
            self.send(response_to(message, 200, "OK", to_tag=secrets.token_hex(4), headers=contact))
        elif call is not None:
            call.on_request(message)
        elif message.method == "INVITE":
            self._called(message)
        elif message.method != "ACK":
            self.send(response_to(message, 481, "Call/Transaction Does Not Exist"))

    def send(self, message: SipMessage) -> None:
        """Send to the far end."""
        if self._transport is None:
            return
        data = message.to_bytes()
        self._capture.udp(((self.address, PORT), self.far_end, data, self._now_ns))
        self._transport.sendto(data, self.far_end)

    # --- inside

    @property
    def _now_ns(self) -> int:
        return round(self._journal.clock.utc() * 1e9)

    def _called(self, invite: SipMessage) -> None:
        self.send(response_to(invite, 100, "Trying"))
        local = f"{invite.get('To') or ''};tag={secrets.token_hex(4)}"
        call = self._new(invite.call_id, local, invite.get("From") or "", 0)
        call.incoming, call.invite = True, invite
        self.on_call(call)

    def _new(self, call_id: str, local: str, remote: str, line: int) -> TrunkCall:
        stream = self._media.open(self.address)
        # How the far end marks its packets says nothing of the device.
        stream.dscp_told = True
        media = LegMedia(self._journal, stream, lambda: Place(call_id, line, TRUNK, TRUNK))
        media.terms = TRUNK_TERMS
        call = self.calls[call_id] = TrunkCall(self, media, call_id=call_id, local=local, remote=remote)
        return call
