"""The state of a dialog."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.config import Config, Line
from certsuite.refdevice.dialog import Dialog
from certsuite.refdevice.messages import Composer
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage

_LINE = Line("user", "d.invalid", "auth", "p")
_COMPOSER = Composer(Config("127.0.0.2", "p.example", ("127.0.0.1", 53), Path("none"), (_LINE,)), Behaviour())
_FLOW = cast(Flow, SimpleNamespace(local=("127.0.0.2", 4711), secure=True))
_INVITE = SipMessage(
    method="INVITE",
    uri="sip:user@127.0.0.2",
    headers=(
        ("From", '"A, B"<sip:2001@x>;tag=far'),
        ("To", "<sip:user@x>"),
        ("Call-ID", "c1"),
        ("CSeq", "7 INVITE"),
        ("Contact", "<sip:far@127.0.0.9:8934;transport=tls>"),
        ("Record-Route", "<sip:one;lr>, <sip:two;lr>"),
        ("Record-Route", "<sip:three;lr>"),
    ),
)


def test_a_dialog_that_the_far_end_begins() -> None:
    dialog = Dialog.of_incoming(_LINE, _INVITE, "near")
    bye = dialog.request("BYE", _COMPOSER, _FLOW)
    assert bye.uri == "sip:far@127.0.0.9:8934;transport=tls"
    assert (bye.from_tag, bye.to_tag, bye.call_id, bye.cseq) == ("near", "far", "c1", (1, "BYE"))
    assert bye.all("Route") == ["<sip:one;lr>", "<sip:two;lr>", "<sip:three;lr>"]
    assert dialog.remote_cseq == 7


def test_a_request_within_it() -> None:
    dialog = Dialog.of_incoming(_LINE, _INVITE, "near")
    headers = (("From", "<sip:2001@x>;tag=far"), ("To", "<sip:user@x>;tag=near"), ("Call-ID", "c1"))
    assert dialog.is_of(SipMessage(method="BYE", headers=headers))
    assert not dialog.is_of(SipMessage(method="BYE", headers=(*headers[:2], ("Call-ID", "c2"))))
    turned_round = (("From", headers[1][1]), ("To", headers[0][1]), headers[2])
    assert not dialog.is_of(SipMessage(method="BYE", headers=turned_round))


def test_a_dialog_that_the_device_begins() -> None:
    dialog = Dialog(_LINE, "c2", "<sip:user@d>;tag=near", "<sip:2001@d>", "sip:2001@d", "near", routes=["<sip:p;lr>"])
    assert dialog.request("INVITE", _COMPOSER, _FLOW).all("Route") == ["<sip:p;lr>"]
    to_value = ("To", "<sip:2001@d>;tag=far")
    dialog.confirmed(SipMessage(status=200, headers=(*_INVITE.headers[4:], to_value)))
    ack = dialog.request("ACK", _COMPOSER, _FLOW, cseq=1)
    assert ack.uri == "sip:far@127.0.0.9:8934;transport=tls"
    assert (ack.to_tag, ack.cseq) == ("far", (1, "ACK"))
    assert ack.all("Route") == ["<sip:three;lr>", "<sip:two;lr>", "<sip:one;lr>"]
    assert dialog.request("BYE", _COMPOSER, _FLOW).cseq == (2, "BYE")
