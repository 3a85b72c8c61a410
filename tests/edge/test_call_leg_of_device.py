"""Calls of a hand-made phone to a party (RFC 3261 sections 9, 13 to 15; RFC 3264)."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from certsuite.core.events import MediaNotAgreed, MediaOpened
from certsuite.edge import retransmission
from certsuite.edge.call_leg import LegState
from certsuite.sdp.session import SessionDescription
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import ALLOW
from tests.clients.phone import OTHER_KEY
from tests.edge.conftest import World
from tests.edge.legs import NUMBER, called, theirs, up


@pytest.mark.asyncio
async def test_a_call_from_the_device_rings_is_answered_and_ended_by_the_device(
    world: World, sink: socket.socket
) -> None:
    phone, leg, invite = await called(world, sink)
    leg.ring()
    leg.ring()
    ringing = await phone.wire.response("INVITE", final=False)
    assert (ringing.status, bool(ringing.contact_uri)) == (180, True)
    leg.accept()
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    assert (accepted.status, accepted.get("Allow")) == (200, ALLOW)
    assert accepted.to_tag == ringing.to_tag
    assert accepted.branch == invite.branch
    phone.acknowledge(accepted, accepted.contact_uri)
    phone.wire.send(phone.within(accepted, "BYE", accepted.contact_uri))
    assert (await phone.wire.response("BYE")).status == 200
    assert leg.state is LegState.ENDED
    assert len(world.sent(status=180)) == 1
    assert len([one for one in world.sent(status=200) if one.cseq[1] == "INVITE"]) == 1


@pytest.mark.asyncio
async def test_the_200_is_sent_again_until_the_ack_and_not_after_it(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retransmission, "_T1", 0.01)
    phone, leg, _ = await called(world, sink)
    leg.accept()
    first = await phone.wire.response("INVITE")
    again = [await phone.wire.response("INVITE") for _ in range(2)]
    assert again == [first, first]
    phone.acknowledge(first, first.contact_uri)
    await phone.wire.ask_options()
    assert leg._retransmission.number is None
    assert leg.state is LegState.CONFIRMED


@pytest.mark.asyncio
async def test_an_ack_of_another_number_does_not_count(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retransmission, "_T1", 0.01)
    phone, leg, _ = await called(world, sink)
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    phone.wire.send(phone.within(accepted, "ACK", accepted.contact_uri, cseq=accepted.cseq[0] + 1))
    await phone.wire.ask_options()
    assert (await phone.wire.response("INVITE")).status == 200


@pytest.mark.asyncio
async def test_a_200_without_ack_ends_in_a_bye(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 3261 section 13.3.1.4: after 64 times T1 the session is ended."""
    monkeypatch.setattr(retransmission, "_T1", 0.005)
    monkeypatch.setattr(retransmission, "_TIMER_H", 0.05)
    phone, leg, _ = await called(world, sink)
    leg.accept()
    bye = await phone.wire.request("BYE")
    accepted = [one for one in world.sent(status=200) if one.cseq[1] == "INVITE"]
    assert len(accepted) > 2
    phone.answer(bye, 200, "OK")
    await world.until(lambda: leg.state is LegState.ENDED)


@pytest.mark.asyncio
async def test_the_party_says_bye_only_when_it_has_the_ack(world: World, sink: socket.socket) -> None:
    """RFC 3261 section 15: the callee must wait for it."""
    phone, leg, _ = await called(world, sink)
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    leg.hang_up()
    await phone.wire.ask_options()
    assert not world.sent("BYE")
    phone.acknowledge(accepted, accepted.contact_uri)
    bye = await phone.wire.request("BYE")
    assert bye.uri == phone.contact
    assert (bye.from_tag, bye.to_tag) == (accepted.to_tag, phone.tag)
    phone.answer(bye, 200, "OK")
    await world.until(lambda: leg.state is LegState.ENDED)


@pytest.mark.asyncio
async def test_a_call_that_is_given_up_without_ack_is_ended_for_the_device(world: World, sink: socket.socket) -> None:
    phone, leg, _ = await called(world, sink)
    leg.accept()
    await phone.wire.response("INVITE")
    leg.hang_up()
    leg.close()
    await phone.wire.request("BYE")
    assert leg.state is LegState.ENDED


@pytest.mark.asyncio
async def test_a_bye_before_the_ack_is_answered_and_ends_the_call(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retransmission, "_T1", 0.01)
    phone, leg, _ = await called(world, sink)
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    phone.wire.send(phone.within(accepted, "BYE", accepted.contact_uri))
    assert (await phone.wire.response("BYE")).status == 200
    assert leg.state is LegState.ENDED
    assert leg._retransmission.number is None
    phone.acknowledge(accepted, accepted.contact_uri)
    await phone.wire.ask_options()
    assert not world.sent("BYE")


@pytest.mark.asyncio
@pytest.mark.parametrize("header", ["From", "To"])
async def test_a_bye_with_another_tag_is_of_another_dialog(world: World, sink: socket.socket, header: str) -> None:
    """RFC 3261 section 12.2.2: both tags make the dialog."""
    phone, leg, accepted = await up(world, sink)
    bye = phone.within(accepted, "BYE", accepted.contact_uri)
    headers = [(name, f"{value}-other" if name == header else value) for name, value in bye.headers]
    phone.wire.send(replace(bye, headers=tuple(headers)))
    assert (await phone.wire.response("BYE")).status == 481
    assert leg.state is LegState.CONFIRMED


@pytest.mark.asyncio
@pytest.mark.parametrize("rings", [True, False])
async def test_the_device_cancels(world: World, sink: socket.socket, rings: bool) -> None:
    phone, leg, invite = await called(world, sink)
    if rings:
        leg.ring()
    phone.cancel(invite)
    cancelled = await phone.wire.response("CANCEL")
    terminated = await phone.wire.response("INVITE")
    assert (cancelled.status, terminated.status) == (200, 487)
    assert cancelled.to_tag == terminated.to_tag != ""
    phone.acknowledge(terminated, invite.uri)
    assert leg.state is LegState.ENDED
    # The party is late: nothing goes out for a call that is over.
    leg.ring()
    leg.accept()
    leg.hang_up()
    await phone.wire.ask_options()
    assert not world.sent(status=480)
    assert [one for one in world.sent(status=200) if one.cseq[1] == "INVITE"] == []


@pytest.mark.asyncio
async def test_a_cancel_that_comes_after_the_200_changes_nothing(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await called(world, sink)
    leg.accept()
    phone.cancel(invite)
    accepted = await phone.wire.response("INVITE")
    assert (await phone.wire.response("CANCEL")).status == 200
    phone.acknowledge(accepted, accepted.contact_uri)
    await phone.wire.ask_options()
    assert leg.state is LegState.CONFIRMED
    assert not world.sent(status=487)


@pytest.mark.asyncio
async def test_a_cancel_of_another_transaction_is_unknown(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await called(world, sink)
    other = [(name, value.replace(invite.branch, "z9hG4bKother")) for name, value in invite.headers]
    phone.cancel(SipMessage("INVITE", invite.uri, headers=tuple(other)))
    assert (await phone.wire.response("CANCEL")).status == 481
    assert leg.state is LegState.CALLING


@pytest.mark.asyncio
async def test_a_bye_in_the_early_dialog_ends_the_invite_too(world: World, sink: socket.socket) -> None:
    """RFC 3261 section 15.1.2: what is pending is answered by 487."""
    phone, leg, _ = await called(world, sink)
    leg.ring()
    ringing = await phone.wire.response("INVITE", final=False)
    phone.wire.send(phone.within(ringing, "BYE", ringing.contact_uri))
    assert (await phone.wire.response("BYE")).status == 200
    assert (await phone.wire.response("INVITE")).status == 487
    assert leg.state is LegState.ENDED


@pytest.mark.asyncio
async def test_the_party_refuses(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await called(world, sink)
    leg.ring()
    leg.hang_up()
    refused = await phone.wire.response("INVITE")
    assert refused.status == 480
    # Until its ACK the device is busy with the INVITE, and takes no other call.
    assert (await phone.wire.ask_options()).status == 200
    assert leg.state.value == "early"
    assert list(world.control.legs) == [leg.call_id]
    phone.acknowledge(refused, invite.uri)
    assert (await phone.wire.ask_options()).status == 200
    assert leg.state is LegState.ENDED
    assert not world.control.legs


@pytest.mark.asyncio
async def test_what_was_refused_has_one_final_response(world: World, sink: socket.socket) -> None:
    """RFC 3261 section 9.2: a CANCEL that comes after it is answered, and changes nothing."""
    phone, leg, invite = await called(world, sink)
    leg.hang_up()
    refused = await phone.wire.response("INVITE")
    phone.cancel(invite)
    assert (await phone.wire.response("CANCEL")).status == 200
    leg.ring()
    leg.accept()
    phone.acknowledge(refused, invite.uri)
    assert (await phone.wire.ask_options()).status == 200
    assert leg.state is LegState.ENDED
    finals = [one.status for status in (200, 480, 487) for one in world.sent(status=status) if one.cseq[1] == "INVITE"]
    assert finals == [480]
    assert not world.sent(status=180)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"profile": "RTP/AVP", "crypto": None}, "srtp-not-offered"),
        ({"profile": "RTP/SAVP", "crypto": None}, "crypto-missing"),
        ({"profile": "UDP/TLS/RTP/SAVP"}, "protocol-unsupported"),
        ({"formats": "18"}, "no-common-codec"),
        ({"crypto": f"1 AES_CM_128_HMAC_SHA1_32 inline:{OTHER_KEY}"}, "crypto-unacceptable"),
        ({"crypto": "1 AES_CM_128_HMAC_SHA1_80 inline:short"}, "crypto-unacceptable"),
    ],
    ids=["plain", "no-key", "dtls", "codec", "suite", "malformed"],
)
async def test_an_offer_that_cannot_be_taken_is_refused_with_its_reason(
    world: World, sink: socket.socket, about: dict[str, Any], code: str
) -> None:
    phone, leg, invite = await called(world, sink, **about)
    leg.accept()
    refused = await phone.wire.response("INVITE")
    assert refused.status == 488
    phone.acknowledge(refused, invite.uri)
    assert [(event.call_id, event.reason_code) for event in world.events(MediaNotAgreed)] == [("call-1", code)]
    assert leg.state is LegState.ENDED
    assert not world.control.legs


@pytest.mark.asyncio
async def test_an_offer_that_cannot_be_read_is_refused(world: World) -> None:
    phone = await world.registered()
    await phone.invite(NUMBER, b"hello\r\n")
    await phone.wire.response("INVITE", final=False)
    world.calls[0][0].accept()
    assert (await phone.wire.response("INVITE")).status == 488
    assert [event.reason_code for event in world.events(MediaNotAgreed)] == ["sdp-unreadable"]


@pytest.mark.asyncio
async def test_an_invite_without_offer_gets_one_and_its_ack_answers_it(world: World, sink: socket.socket) -> None:
    """RFC 3261 section 13.2.1."""
    phone, leg, _ = await called(world, sink, formats="")
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    session = SessionDescription.parse(accepted.body)
    assert session.audio is not None
    assert session.audio.protocol == "RTP/SAVP"
    assert not world.events(MediaOpened)
    phone.acknowledge(accepted, accepted.contact_uri, body=theirs(sink))
    opened = (await world.observed(MediaOpened)).event
    assert isinstance(opened, MediaOpened)
    assert opened.codec == "PCMA/8000"


@pytest.mark.asyncio
async def test_an_ack_that_owes_the_answer_and_has_none(world: World, sink: socket.socket) -> None:
    phone, leg, _ = await called(world, sink, formats="")
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    phone.acknowledge(accepted, accepted.contact_uri)
    await world.observed(MediaNotAgreed)
    assert leg.state is LegState.CONFIRMED
