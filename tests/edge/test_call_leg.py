"""Calls both ways with a hand-made phone: how they begin, change and end (RFC 3261 sections 9, 13 to 15; RFC 3264)."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from certsuite.core.events import MediaClosed, MediaNotAgreed, MediaOpened
from certsuite.edge import call_leg
from certsuite.edge.call_leg import CallLeg, LegState
from certsuite.sdp.session import SessionDescription
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import ALLOW
from tests.clients.phone import OTHER_KEY, HandPhone, sdp
from tests.edge.conftest import World

NUMBER = "2065550100"


def theirs(sink: socket.socket, **about: Any) -> bytes:
    """The phone's description: what it receives goes into a socket of the test."""
    address, port = sink.getsockname()
    return sdp(address, port, **about)


def direction(message: SipMessage) -> str:
    session = SessionDescription.parse(message.body)
    assert session.audio is not None
    return session.direction_of(session.audio)


async def called(world: World, sink: socket.socket, **about: Any) -> tuple[HandPhone, CallLeg, SipMessage]:
    """The device has called, and the party is to act: (phone, leg, the INVITE that was taken)."""
    phone = await world.registered()
    invite = await phone.invite(NUMBER, theirs(sink, **about) if about.get("formats") != "" else b"")
    assert (await phone.wire.response("INVITE", final=False)).status == 100
    return phone, world.calls[0][0], invite


async def up(world: World, sink: socket.socket) -> tuple[HandPhone, CallLeg, SipMessage]:
    """A call of the device that is up: (phone, leg, the 200)."""
    phone, leg, _ = await called(world, sink)
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    phone.acknowledge(accepted, accepted.contact_uri)
    await phone.wire.ask_options()
    return phone, leg, accepted


async def calling(world: World) -> tuple[HandPhone, CallLeg, SipMessage]:
    """The party calls the device: (phone, leg, the INVITE)."""
    phone = await world.registered()
    leg = world.control.call(1, party=NUMBER, caller="Colleague")
    return phone, leg, await phone.wire.request("INVITE")


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
        ({"formats": "18"}, "not-playable"),
        ({"crypto": None, "profile": "RTP/AVP"}, "protocol-changed"),
        ({"crypto": f"7 AES_CM_128_HMAC_SHA1_80 inline:{OTHER_KEY}"}, "crypto-tag-unknown"),
        (None, "sdp-unreadable"),
    ],
    ids=["g729", "plain", "wrong-tag", "no-sdp"],
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


# --- the device calls


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
    monkeypatch.setattr(call_leg, "_T1", 0.01)
    phone, leg, _ = await called(world, sink)
    leg.accept()
    first = await phone.wire.response("INVITE")
    again = [await phone.wire.response("INVITE") for _ in range(2)]
    assert again == [first, first]
    phone.acknowledge(first, first.contact_uri)
    await phone.wire.ask_options()
    assert leg._retransmission is None
    assert leg.state is LegState.CONFIRMED


@pytest.mark.asyncio
async def test_an_ack_of_another_number_does_not_count(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_leg, "_T1", 0.01)
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
    monkeypatch.setattr(call_leg, "_T1", 0.005)
    monkeypatch.setattr(call_leg, "_TIMER_H", 0.05)
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
    monkeypatch.setattr(call_leg, "_T1", 0.01)
    phone, leg, _ = await called(world, sink)
    leg.accept()
    accepted = await phone.wire.response("INVITE")
    phone.wire.send(phone.within(accepted, "BYE", accepted.contact_uri))
    assert (await phone.wire.response("BYE")).status == 200
    assert leg.state is LegState.ENDED
    assert leg._retransmission is None
    phone.acknowledge(accepted, accepted.contact_uri)
    await phone.wire.ask_options()
    assert not world.sent("BYE")


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
    assert leg._retransmission is None
    origins = [SessionDescription.parse(one.body).origin for one in world.sent(status=200) if one.body]
    versions = [origin.version for origin in origins if origin is not None]
    assert versions == sorted(versions, key=int)
    assert len(set(versions)) == 4


@pytest.mark.asyncio
async def test_the_200_to_a_reinvite_is_sent_again_until_its_ack(
    world: World, sink: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, leg, accepted = await up(world, sink)
    monkeypatch.setattr(call_leg, "_T1", 0.01)
    phone.wire.send(phone.within(accepted, "INVITE", accepted.contact_uri, body=theirs(sink, direction="sendonly")))
    first = await phone.wire.response("INVITE")
    assert await phone.wire.response("INVITE") == first
    phone.acknowledge(first, first.contact_uri)
    await phone.wire.ask_options()
    assert leg._retransmission is None


@pytest.mark.asyncio
async def test_an_update_changes_the_media_and_needs_no_ack(world: World, sink: socket.socket) -> None:
    phone, leg, accepted = await up(world, sink)
    phone.wire.send(phone.within(accepted, "UPDATE", accepted.contact_uri, body=theirs(sink, direction="inactive")))
    answer = await phone.wire.response("UPDATE")
    assert (answer.status, direction(answer), bool(answer.contact_uri)) == (200, "inactive", True)
    phone.wire.send(phone.within(accepted, "UPDATE", accepted.contact_uri))
    empty = await phone.wire.response("UPDATE")
    assert (empty.status, empty.body, bool(empty.contact_uri)) == (200, b"", True)
    assert leg._retransmission is None


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
