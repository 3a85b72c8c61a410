"""Requests and responses in the manner of the SSE."""

from __future__ import annotations

import re

from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse, invite_headers, response_to

REQUEST = SipMessage.parse(
    b"INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=1\r\nv: SIP/2.0/TLS b;branch=2\r\nf: <sip:a@x>;tag=1\r\n"
    b"t: <sip:b@x>\r\ni: c1\r\nCSeq: 7 INVITE\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n\r\n"
)


def test_names_are_its_own_and_unique() -> None:
    sse = Sse("127.9.0.1", 8934, stamp=1_795_292_100_123)
    branches = {sse.branch(1) for _ in range(100)}
    assert len(branches) == 100
    assert len({sse.call_id() for _ in range(100)} | {sse.tag() for _ in range(100)}) == 200
    assert re.fullmatch(r"z9hG4bKBroadworksSSE\.-127\.9\.0\.1V8934-0-1-\d+-\d+", min(branches))
    assert re.fullmatch(r"SSE\d+-\d+@127\.9\.0\.1", sse.call_id())


def test_two_runs_differ() -> None:
    first, second = Sse("127.9.0.1", 8934, stamp=1), Sse("127.9.0.1", 8934, stamp=2)
    assert first.call_id() != second.call_id()
    assert first.branch(1) != second.branch(1)


def test_a_response_mirrors_the_request() -> None:
    answer = response_to(REQUEST, 180, "Ringing", to_tag="t9", headers=[("Contact", "<sip:x>")])
    assert answer.all("Via") == REQUEST.all("Via")
    assert answer.all("Record-Route") == REQUEST.all("Record-Route")
    assert (answer.call_id, answer.cseq, answer.from_tag, answer.to_tag) == ("c1", (7, "INVITE"), "1", "t9")
    assert answer.contact_uri == "sip:x"
    assert not answer.has_sdp


def test_a_tag_is_not_added_twice() -> None:
    within = REQUEST.to_bytes().replace(b"t: <sip:b@x>", b"t: <sip:b@x>;tag=there")
    assert response_to(SipMessage.parse(within), 200, "OK", to_tag="mine").get("To") == "<sip:b@x>;tag=there"


def test_a_body_is_announced() -> None:
    assert response_to(REQUEST, 200, "OK", body=b"v=0\r\n").has_sdp


def test_an_invite_has_what_a_phone_does_not_know() -> None:
    headers = dict(invite_headers(asserted="<sip:a@x>", correlation="c" * 32))
    assert headers["Supported"] == ""
    assert {"X-BroadWorks-Correlation-Info", "Recv-Info", "Session-ID", "P-Asserted-Identity"} <= set(headers)
    raw = SipMessage(method="INVITE", uri="sip:a@x", headers=tuple(headers.items())).to_bytes(compact=True)
    assert b"\r\nSupported:\r\n" in raw
    assert b"\r\nPrivacy:none\r\n" in raw
