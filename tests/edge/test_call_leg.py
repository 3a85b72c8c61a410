"""Calls both ways with a hand-made phone: how they begin, change and end (RFC 3261 sections 9, 13 to 15; RFC 3264)."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from certsuite.core.events import MediaClosed, MediaNotAgreed, MediaOpened
from certsuite.edge import retransmission
from certsuite.edge.call_leg import LegState
from certsuite.sdp.session import SessionDescription
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import ALLOW
from tests.clients.phone import OTHER_KEY, sdp
from tests.edge.conftest import World
from tests.edge.legs import calling, direction, theirs, up

# --- the party calls


@pytest.mark.asyncio
async def test_a_call_to_the_device_from_invite_to_bye(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    assert invite.uri == phone.contact
    assert invite.branch.startswith("z9hG4bKBroadworksSSE.-")
    assert (invite.get("Supported"), invite.get("Allow")) == ("", ALLOW)
    assert direction(invite) == "sendrecv"
    phone.answer(invite, 100, "Trying")
    phone.answer(invite, 180, "Ringing")
    phone.answer(invite, 200, "OK", body=theirs(sink))
    ack = await phone.wire.request("ACK")
    assert (ack.uri, ack.cseq) == (phone.contact, (invite.cseq[0], "ACK"))
    assert ack.branch != invite.branch
    assert ack.to_tag == phone.tag
    opened = world.events(MediaOpened)[0]
    assert (opened.codec, opened.suite) == ("PCMA/8000", "AES_CM_128_HMAC_SHA1_80")
    leg.hang_up()
    leg.hang_up()
    bye = await phone.wire.request("BYE")
    assert (bye.from_tag, bye.to_tag) == (invite.from_tag, phone.tag)
    assert bye.cseq[0] > invite.cseq[0]
    assert world.control.legs
    phone.answer(bye, 200, "OK")
    await world.observed(MediaClosed)
    assert leg.state is LegState.ENDED
    assert not world.control.legs
    assert len(world.sent("BYE")) == 1


@pytest.mark.asyncio
async def test_a_200_that_comes_again_is_acknowledged_again(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    accepted = phone.answer(invite, 200, "OK", body=theirs(sink))
    first = await phone.wire.request("ACK")
    phone.wire.send(accepted)
    second = await phone.wire.request("ACK")
    assert second.cseq == first.cseq
    leg.hang_up()
    bye = await phone.wire.request("BYE")
    phone.wire.send(accepted)
    await phone.wire.request("ACK")
    phone.answer(bye, 200, "OK")
    await world.observed(MediaClosed)
    # The ACK was lost for good, says the device: the call does not rise from the dead.
    phone.wire.send(accepted)
    await phone.wire.request("ACK")
    assert leg.state is LegState.ENDED
    assert len(world.events(MediaOpened)) == 1
    assert len(world.sent("BYE")) == 1


@pytest.mark.asyncio
async def test_a_refusal_is_acknowledged_within_its_transaction(world: World) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 486, "Busy Here")
    ack = await phone.wire.request("ACK")
    assert (ack.branch, ack.uri, ack.cseq[0]) == (invite.branch, invite.uri, invite.cseq[0])
    assert ack.to_tag == phone.tag
    assert leg.state is LegState.ENDED


@pytest.mark.asyncio
async def test_a_cancel_that_is_heeded(world: World) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 180, "Ringing")
    await world.until(lambda: leg.state is LegState.EARLY)
    leg.hang_up()
    leg.hang_up()
    cancel = await phone.wire.request("CANCEL")
    assert cancel.branch == invite.branch
    assert cancel.cseq == (invite.cseq[0], "CANCEL")
    assert (cancel.uri, cancel.get("To"), cancel.get("From")) == (invite.uri, invite.get("To"), invite.get("From"))
    phone.answer(cancel, 200, "OK")
    phone.answer(invite, 487, "Request Terminated")
    ack = await phone.wire.request("ACK")
    assert ack.branch == invite.branch
    assert leg.state is LegState.ENDED
    assert len(world.sent("CANCEL")) == 1
    assert not world.events(MediaNotAgreed)


@pytest.mark.asyncio
async def test_nothing_is_cancelled_before_a_provisional_response(world: World) -> None:
    """RFC 3261 section 9.1: the CANCEL waits for it."""
    phone, leg, invite = await calling(world)
    leg.hang_up()
    assert (await phone.wire.ask_options()).status == 200
    assert not world.sent("CANCEL")
    phone.answer(invite, 100, "Trying")
    cancel = await phone.wire.request("CANCEL")
    phone.answer(cancel, 200, "OK")
    phone.answer(invite, 487, "Request Terminated")
    await phone.wire.request("ACK")
    assert leg.state is LegState.ENDED


@pytest.mark.asyncio
@pytest.mark.parametrize("rings", [True, False], ids=["cancel-crosses-200", "200-before-any-cancel"])
async def test_a_200_to_a_call_that_was_given_up_is_acknowledged_and_ended(
    world: World, sink: socket.socket, rings: bool
) -> None:
    phone, leg, invite = await calling(world)
    if rings:
        phone.answer(invite, 180, "Ringing")
        await world.until(lambda: leg.state is LegState.EARLY)
    leg.hang_up()
    phone.answer(invite, 200, "OK", body=theirs(sink))
    if rings:
        cancel = await phone.wire.request("CANCEL")
        phone.answer(cancel, 200, "OK")
    await phone.wire.request("ACK")
    bye = await phone.wire.request("BYE")
    phone.answer(bye, 200, "OK")
    await world.until(lambda: leg.state is LegState.ENDED)
    assert not world.events(MediaOpened)


@pytest.mark.asyncio
async def test_a_device_that_answers_when_nobody_waits_any_longer_is_told(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    leg.close()
    phone.answer(invite, 180, "Ringing")
    phone.answer(await phone.wire.request("CANCEL"), 481, "Call/Transaction Does Not Exist")
    phone.answer(invite, 200, "OK", body=theirs(sink))
    await phone.wire.request("ACK")
    phone.answer(await phone.wire.request("BYE"), 200, "OK")
    assert (await phone.wire.ask_options()).status == 200
    assert leg.state is LegState.ENDED


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"crypto": None, "profile": "RTP/AVP"}, "protocol-changed"),
        ({"crypto": f"7 AES_CM_128_HMAC_SHA1_80 inline:{OTHER_KEY}"}, "crypto-tag-unknown"),
        (None, "sdp-unreadable"),
    ],
    ids=["plain", "wrong-tag", "no-sdp"],
)
async def test_an_answer_that_makes_no_stream_is_told_and_the_call_can_be_ended(
    world: World, sink: socket.socket, about: dict[str, Any] | None, code: str
) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 200, "OK", body=b"" if about is None else theirs(sink, **about))
    await phone.wire.request("ACK")
    assert [event.reason_code for event in world.events(MediaNotAgreed)] == [code]
    assert not world.events(MediaOpened)
    leg.hang_up()
    phone.answer(await phone.wire.request("BYE"), 200, "OK")
    await world.until(lambda: leg.state is LegState.ENDED)


@pytest.mark.asyncio
async def test_a_device_cannot_cancel_the_call_that_it_is_called_by(world: World) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 180, "Ringing")
    phone.cancel(invite)
    assert (await phone.wire.response("CANCEL")).status == 481
    assert leg.state is LegState.EARLY


@pytest.mark.asyncio
async def test_the_device_ends_a_call_to_it(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 200, "OK", body=theirs(sink))
    await phone.wire.request("ACK")
    phone.wire.send(phone.in_dialog_of(invite, "BYE"))
    assert (await phone.wire.response("BYE")).status == 200
    assert leg.state is LegState.ENDED
    assert not world.sent("BYE")


# --- within the call


@pytest.mark.asyncio
async def test_hold_and_resume(world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    phone, leg, accepted = await up(world, sink)
    muted: list[bool] = []
    monkeypatch.setattr(leg.stream, "mute", muted.append)
    steps = (("sendonly", "recvonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv"))
    for version, (wanted, answered) in enumerate(steps, start=2):
        address, port = sink.getsockname()
        body = sdp(address, port, direction=wanted, version=version)
        phone.wire.send(phone.within(accepted, "INVITE", accepted.contact_uri, body=body))
        answer = await phone.wire.response("INVITE")
        assert (answer.status, direction(answer)) == (200, answered)
        assert (answer.get("Allow"), bool(answer.contact_uri)) == (ALLOW, True)
        phone.acknowledge(answer, answer.contact_uri)
    await phone.wire.ask_options()
    assert muted == [True, True, False]
    assert leg._retransmission.number is None
    origins = [SessionDescription.parse(one.body).origin for one in world.sent(status=200) if one.body]
    versions = [origin.version for origin in origins if origin is not None]
    assert versions == sorted(versions, key=int)
    assert len(set(versions)) == 4


@pytest.mark.asyncio
async def test_the_200_to_a_reinvite_is_sent_again_until_its_ack(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, leg, accepted = await up(world, sink)
    monkeypatch.setattr(retransmission, "_T1", 0.01)
    phone.wire.send(phone.within(accepted, "INVITE", accepted.contact_uri, body=theirs(sink, direction="sendonly")))
    first = await phone.wire.response("INVITE")
    assert await phone.wire.response("INVITE") == first
    phone.acknowledge(first, first.contact_uri)
    await phone.wire.ask_options()
    assert leg._retransmission.number is None


@pytest.mark.asyncio
async def test_an_update_changes_the_media_and_needs_no_ack(world: World, sink: socket.socket) -> None:
    phone, leg, accepted = await up(world, sink)
    phone.wire.send(phone.within(accepted, "UPDATE", accepted.contact_uri, body=theirs(sink, direction="inactive")))
    answer = await phone.wire.response("UPDATE")
    assert (answer.status, direction(answer), bool(answer.contact_uri)) == (200, "inactive", True)
    phone.wire.send(phone.within(accepted, "UPDATE", accepted.contact_uri))
    empty = await phone.wire.response("UPDATE")
    assert (empty.status, empty.body, bool(empty.contact_uri)) == (200, b"", True)
    assert leg._retransmission.number is None


@pytest.mark.asyncio
async def test_a_reinvite_that_cannot_be_taken_leaves_the_call_as_it_is(world: World, sink: socket.socket) -> None:
    """RFC 3261 section 14.2."""
    phone, leg, accepted = await up(world, sink)
    before = leg.media.agreement
    body = theirs(sink, profile="RTP/AVP", crypto="")
    phone.wire.send(phone.within(accepted, "INVITE", accepted.contact_uri, body=body.replace(b"a=crypto:\r\n", b"")))
    refused = await phone.wire.response("INVITE")
    assert refused.status == 488
    phone.acknowledge(refused, accepted.contact_uri)
    await phone.wire.ask_options()
    assert (leg.state, leg.media.agreement) == (LegState.CONFIRMED, before)
    assert [event.reason_code for event in world.events(MediaNotAgreed)] == ["srtp-not-offered"]


@pytest.mark.asyncio
async def test_a_reinvite_without_offer_gets_ours_under_the_same_key(world: World, sink: socket.socket) -> None:
    phone, _, accepted = await up(world, sink)
    phone.wire.send(phone.within(accepted, "INVITE", accepted.contact_uri))
    offered = await phone.wire.response("INVITE")
    keys = [
        [line for line in message.body.decode().splitlines() if line.startswith("a=crypto:")]
        for message in (accepted, offered)
    ]
    assert keys[0] == keys[1]
    phone.acknowledge(offered, offered.contact_uri, body=theirs(sink))
    await world.until(lambda: len(world.events(MediaOpened)) == 2)


@pytest.mark.asyncio
async def test_requests_go_to_the_contact_that_the_device_named_last(world: World, sink: socket.socket) -> None:
    phone, leg, accepted = await up(world, sink)
    update = phone.within(accepted, "UPDATE", accepted.contact_uri)
    moved = [
        (name, "<sip:moved@127.0.0.1:1;transport=tls>" if name == "Contact" else value)
        for name, value in update.headers
    ]
    phone.wire.send(SipMessage("UPDATE", update.uri, headers=tuple(moved)))
    await phone.wire.response("UPDATE")
    leg.hang_up()
    assert (await phone.wire.request("BYE")).uri == "sip:moved@127.0.0.1:1;transport=tls"


@pytest.mark.asyncio
async def test_a_request_whose_number_goes_back_is_out_of_order(world: World, sink: socket.socket) -> None:
    """RFC 3261 section 12.2.2."""
    phone, leg, accepted = await up(world, sink)
    phone.wire.send(phone.within(accepted, "BYE", accepted.contact_uri, cseq=0))
    assert (await phone.wire.response("BYE")).status == 500
    assert leg.state is LegState.CONFIRMED


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("INFO", 200), ("NOTIFY", 200), ("REFER", 501), ("FOO", 501)]
)
async def test_other_requests_within_the_call(world: World, sink: socket.socket, method: str, status: int) -> None:
    phone, leg, accepted = await up(world, sink)
    phone.wire.send(phone.within(accepted, method, accepted.contact_uri))
    assert (await phone.wire.response(method)).status == status
    assert leg.state is LegState.CONFIRMED
