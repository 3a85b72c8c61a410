"""Forms of an INVITE."""

from __future__ import annotations

from certsuite.sip.invite_forms import (
    adding,
    folded,
    from_a_focus,
    identified,
    of_size,
    replacing,
    through,
    unedited,
    without_identity,
)
from certsuite.sip.message import SipMessage, parameter

INVITE = SipMessage(
    "INVITE",
    "sip:a@x",
    headers=(
        ("From", '"C" <sip:c@x>;tag=7'),
        ("P-Asserted-Identity", "<sip:c@x>"),
        ("Privacy", "none"),
        ("Allow", "ACK,BYE"),
    ),
    body=b"v=0\r\n",
)


def test_a_header_is_added_or_replaced() -> None:
    assert unedited(INVITE) is INVITE
    assert adding(("Require", "100rel"))(INVITE).get("Require") == "100rel"
    edited = replacing(("allow", "BYE"), dropping=["Privacy"])(INVITE)
    assert (edited.all("Allow"), edited.get("Privacy"), edited.body) == (["BYE"], None, INVITE.body)


def test_another_caller_keeps_the_tag() -> None:
    edited = identified("<sip:anonymous@anonymous.invalid>", "<sip:c@x>", "<tel:+1>", privacy="id")(INVITE)
    assert edited.get("From") == "<sip:anonymous@anonymous.invalid>;tag=7"
    assert edited.all("P-Asserted-Identity") == ["<sip:c@x>", "<tel:+1>"]
    assert edited.all("Privacy") == ["id"]
    bare = without_identity(INVITE)
    assert (bare.get("P-Asserted-Identity"), bare.get("Privacy"), bare.from_tag) == (None, None, "7")


def test_folded_headers_say_the_same() -> None:
    raw = folded(INVITE).to_bytes()
    assert b"ACK,\r\n BYE" in raw
    read = SipMessage.parse(raw)
    assert read.get("Allow") == "ACK, BYE"
    assert len(read.get("X-Lab-Long") or "") == 4096


def test_a_body_grows_to_a_size() -> None:
    grown = of_size(20_000)(INVITE)
    assert 20_000 <= len(grown.body) < 20_300
    assert grown.body.startswith(INVITE.body)
    assert len(of_size(1)(INVITE).body) == len(INVITE.body)


def test_proxies_stand_behind_the_own_via() -> None:
    invite = SipMessage("INVITE", "sip:a@x", headers=(("Via", "SIP/2.0/TLS own;branch=z9hG4bK1"), *INVITE.headers))
    vias = through(3)(invite).all("Via")
    assert vias[0] == "SIP/2.0/TLS own;branch=z9hG4bK1"
    assert len({parameter(via, "branch") for via in vias}) == 4
    assert through(3)(invite).branch == invite.branch


def test_a_focus_is_named_in_the_contact() -> None:
    edited = from_a_focus(replacing(dropping=["Contact"])(INVITE).with_headers([("Contact", "<sip:c@h>")]))
    assert edited.all("Contact") == ["<sip:c@h>;isfocus"]
    assert edited.body == INVITE.body
