"""Both ways in which a dialog comes to be, and requests within it (RFC 3261 section 12)."""

from __future__ import annotations

import pytest

from certsuite.sip.dialog import Dialog
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse

INVITE = SipMessage.parse(
    b"INVITE sip:2000@x SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=1\r\nFrom: <sip:a@x>;tag=dev\r\nTo: <sip:2000@x>\r\n"
    b"Call-ID: c1\r\nCSeq: 7 INVITE\r\nContact: <sip:a@192.0.2.7:4001;transport=tls>\r\n"
    b"Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n\r\n"
)
ANSWER = SipMessage.parse(
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS a;branch=1\r\nFrom: <sip:2000@x>;tag=ours\r\nTo: <sip:a@x>;tag=dev\r\n"
    b"Call-ID: c2\r\nCSeq: 101 INVITE\r\nContact: <sip:a@192.0.2.7:4002>\r\n"
    b"Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n\r\n"
)


@pytest.fixture
def sse() -> Sse:
    return Sse("127.9.0.1", 8934, stamp=1)


def called(sse: Sse) -> Dialog:
    return Dialog(
        sse, "c2", local="<sip:2000@x>;tag=ours", remote="<sip:a@x>", target="sip:a@192.0.2.7", local_user="2000"
    )


def test_a_dialog_of_the_device_s_call(sse: Sse) -> None:
    dialog = Dialog.from_request(INVITE, sse, tag="ours", user="2000")
    bye = dialog.request("BYE")
    assert bye.uri == "sip:a@192.0.2.7:4001;transport=tls"
    assert (bye.from_tag, bye.to_tag, bye.call_id) == ("ours", "dev", "c1")
    # The callee keeps the order of Record-Route (section 12.1.1).
    assert bye.all("Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert dialog.remote_cseq == 7


def test_a_dialog_of_our_call(sse: Sse) -> None:
    dialog = called(sse)
    invite = dialog.request("INVITE", body=b"v=0\r\n")
    assert (invite.to_tag, invite.all("Route"), invite.has_sdp) == ("", [], True)
    assert invite.contact_uri == "sip:2000@127.9.0.1:8934;transport=tls"
    dialog.established_by(ANSWER)
    ack = dialog.request("ACK", cseq=invite.cseq[0])
    assert (ack.uri, ack.to_tag, ack.cseq) == ("sip:a@192.0.2.7:4002", "dev", (invite.cseq[0], "ACK"))
    # The caller reverses it (section 12.1.2).
    assert ack.all("Route") == ["<sip:p2;lr>", "<sip:p1;lr>"]
    assert ack.get("Contact") is None


def test_each_request_counts_on_and_has_a_branch_of_its_own(sse: Sse) -> None:
    dialog = called(sse)
    requests = [dialog.request(method) for method in ("INVITE", "ACK", "UPDATE", "BYE")]
    numbers = [request.cseq[0] for request in requests]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert len({request.branch for request in requests}) == 4


def test_the_target_is_refreshed(sse: Sse) -> None:
    dialog = called(sse)
    dialog.updated_by(INVITE)
    assert dialog.target == "sip:a@192.0.2.7:4001;transport=tls"
    dialog.updated_by(SipMessage(method="UPDATE", uri="sip:x"))
    assert dialog.target == "sip:a@192.0.2.7:4001;transport=tls"


def test_a_request_that_goes_back_is_out_of_order(sse: Sse) -> None:
    dialog = Dialog.from_request(INVITE, sse, tag="ours", user="2000")

    def with_cseq(number: int) -> SipMessage:
        return SipMessage(method="BYE", uri="sip:x", headers=(("CSeq", f"{number} BYE"),))

    assert not dialog.in_order(with_cseq(6))
    assert dialog.in_order(with_cseq(8))
    assert not dialog.in_order(with_cseq(7))
