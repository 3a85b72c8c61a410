"""What a party asks of the device within a call, beside what makes and ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from certsuite.bench.expecting import NotApplicable
from certsuite.bench.media_terms import TERMS
from certsuite.edge.call_leg import CallLeg
from certsuite.edge.reoffer import offer_again, offer_into_an_offer
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

STORM = 10
"Offers of one after the other that change nothing."
_UNDERSTOOD_OR_NOT = [*range(200, 300), 405, 415, 469, 488, 489, 501]
"A success, or any of the ways to say that this kind of request is not understood."


class WithinCall:
    """Requests of a party within one call."""

    def __init__(self, bench: Bench, leg: CallLeg) -> None:
        self._bench = bench
        self._leg = leg

    async def is_refreshed_by(self, method: str) -> None:
        """The party offers the session again as it is, by ``INVITE`` or ``UPDATE``: the device agrees."""
        if method == "UPDATE" and not self._bench.has_allowed("UPDATE"):
            raise NotApplicable("update-not-allowed", "the device does not allow UPDATE")
        since = self._bench.here
        offer_again(self._leg, method)
        await self._expect("call.takes-refresh", since, method=method)

    async def is_asked_for_an_offer(self) -> None:
        """The party offers nothing in its re-INVITE: the device does."""
        since = self._bench.here
        self._leg.reoffer(TERMS["no offer"])
        await self._expect("call.takes-refresh", since, method="INVITE")

    async def stands_a_storm_of_refreshes(self) -> None:
        """The same again and again."""
        for _ in range(STORM):
            await self.is_refreshed_by("INVITE")

    def will_cross_an_offer(self) -> None:
        """The party's re-INVITE will cross the device's next one."""
        offer_into_an_offer(self._leg)

    async def is_told_of_the_crossing(self) -> None:
        """The device refuses the offer that crossed its own."""
        await self._expect("call.refuses-crossing-offer", self._bench.case_start)

    async def knows_its_order(self) -> None:
        """A request with a CSeq number that goes back is refused."""
        assert self._leg.dialog is not None
        stale = self._leg.dialog.request("OPTIONS", cseq=1)
        await self._asks(stale, [500], finding="cseq-order-ignored", expected="500 (RFC 3261 section 12.2.2)")

    async def answers_an_unknown_method(self) -> None:
        """A request of a method that nobody knows is refused as such."""
        await self._asks(self._request("LAB"), [405, 501], finding="unknown-method-not-refused", expected="405 or 501")

    async def answers_an_unknown_package(self) -> None:
        """An INFO of a package that the device never asked for is answered."""
        info = self._request(
            "INFO",
            ("Info-Package", "x-broadworks-client-session-info"),
            ("Content-Type", "application/x-broadworks-client-session-info+xml"),
            body=b'<?xml version="1.0"?><session xmlns="urn:certsuite:lab"/>',
        )
        await self._asks(
            info, _UNDERSTOOD_OR_NOT, finding="request-not-understood", expected="469 Bad Info Package, or 200"
        )

    async def answers_a_message(self) -> None:
        """A MESSAGE within the call is answered."""
        message = self._request("MESSAGE", ("Content-Type", "text/plain"), body=b"hello")
        await self._asks(
            message, _UNDERSTOOD_OR_NOT, finding="request-not-understood", expected="200, or 405 or 501 with Allow"
        )

    async def survives_malformed_requests(self) -> None:
        """Requests that cannot be read do the device no harm: whether it answers them is its own affair."""
        for break_ in (_without_colon, _without_cseq, _without_branch, _with_broken_body):
            self._leg.send(break_(self._request("INFO")))
        options = self._request("OPTIONS")
        await self._asks(
            options,
            # Whoever knows no OPTIONS tells so, and is not broken.
            [*range(200, 300), 405, 501],
            finding="broken-by-malformed-requests",
            expected="an answer to OPTIONS behind them, as in a call that is up",
        )

    # --- inside

    def _request(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> SipMessage:
        assert self._leg.dialog is not None
        return replace(self._leg.dialog.request(method, headers=headers), body=body)

    async def _asks(self, request: SipMessage, allowed: Sequence[int], *, finding: str, expected: str) -> None:
        since = self._bench.here
        self._leg.send(request)
        await self._expect(
            "call.answers-request",
            since,
            method=request.method,
            cseq=request.cseq[0],
            allowed=list(allowed),
            finding=finding,
            expected=expected,
        )

    async def _expect(self, check: str, since: int, **params: Any) -> None:
        line, call_id = self._leg.account.line, self._leg.call_id
        await self._bench.expect(check, call_id=call_id, line=line, since=since, **params)


def _without_colon(request: SipMessage) -> SipMessage:
    return replace(request, headers=(*request.headers, ("Broken header\r\nX-Lab", "1")))


def _without_cseq(request: SipMessage) -> SipMessage:
    return replace(request, headers=tuple(one for one in request.headers if one[0] != "CSeq"))


def _without_branch(request: SipMessage) -> SipMessage:
    return replace(request, headers=(("Via", "SIP/2.0/TLS"), *(one for one in request.headers if one[0] != "Via")))


def _with_broken_body(request: SipMessage) -> SipMessage:
    headers = (*request.headers, ("Content-Type", "multipart/mixed;boundary="))
    return replace(request, headers=headers, body=b"--\r\n\x00\xff\r\n")
