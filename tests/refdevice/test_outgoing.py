"""Calls from the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.call import CallFailed
from certsuite.refdevice.config import Line
from certsuite.refdevice.outgoing import dialled_uri
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

_CHALLENGE = 'Digest realm="98079822.lab.invalid",nonce="n2",algorithm=MD5,qop="auth"'
_CONTACT = ("Contact", "<sip:127.0.0.1:8934;transport=tls>")


@pytest.mark.parametrize(
    ("dialled", "uri"),
    [
        ("2001", "sip:2001@d.invalid"),
        ("+15551000#", "sip:+15551000%23@d.invalid"),
        ("a@b.example", "sip:a@b.example"),
        ("sip:a@b.example;user=phone", "sip:a@b.example;user=phone"),
    ],
)
def test_dialled_uri(dialled: str, uri: str) -> None:
    assert dialled_uri(dialled, Line("u", "d.invalid", "a", "p")) == uri


def test_dialled_uri_that_is_none() -> None:
    with pytest.raises(CallFailed, match="neither a number nor a SIP URI"):
        dialled_uri("sip:a@b>", Line("u", "d.invalid", "a", "p"))


@pytest.mark.asyncio
async def test_is_challenged_rings_and_is_answered(
    lab: Lab, authorization_is_right: Callable[[SipMessage, str, str], bool]
) -> None:
    device, registrar, party, first = await lab.calling()
    assert first.message.uri == "sip:2001@98079822.lab.invalid"
    assert b"RTP/SAVP 0 8 9 99 18 101" in first.message.body
    assert first.message.user_agent
    registrar.reply(first.writer, first.message, 407, ("Proxy-Authenticate", _CHALLENGE))
    ack = (await registrar.next("ACK")).message
    assert ack.branch == first.message.branch
    second = await registrar.next("INVITE")
    assert authorization_is_right(second.message, "2055550101", 'S3cret!%&"')
    registrar.reply(second.writer, second.message, 100)
    registrar.reply(second.writer, second.message, 180, _CONTACT)
    await device.line("event progress 180")
    registrar.reply(second.writer, second.message, 200, _CONTACT, body=party.sdp(formats="0 101"))
    ack = (await registrar.next("ACK")).message
    assert ack.branch != second.message.branch
    assert ack.uri == "sip:127.0.0.1:8934;transport=tls"
    await device.line("event established")
    await party.hears_echo(payload_type=0)
    registrar.reply(second.writer, second.message, 200, _CONTACT, body=party.sdp(formats="0 101"))
    assert (await registrar.next("ACK")).message.cseq == ack.cseq  # the 200 came again


@pytest.mark.asyncio
async def test_an_interval_that_is_too_small_is_raised(lab: Lab) -> None:
    device, registrar, party, first = await lab.calling()
    assert (first.message.get("Session-Expires"), first.message.get("Min-SE")) == ("1800", "90")
    registrar.reply(first.writer, first.message, 422, ("Min-SE", "3600"))
    second = await registrar.next("INVITE")
    assert (second.message.get("Session-Expires"), second.message.get("Min-SE")) == ("3600", "3600")
    assert second.message.cseq[0] == first.message.cseq[0] + 1
    granted = ("Session-Expires", "3600;refresher=uac")
    registrar.reply(second.writer, second.message, 200, _CONTACT, granted, body=party.sdp(formats="0 101"))
    await device.line("event established")


@pytest.mark.asyncio
async def test_early_media(lab: Lab) -> None:
    device, registrar, party, invite = await lab.calling()
    registrar.reply(invite.writer, invite.message, 183, _CONTACT, body=party.sdp(formats="8 101"))
    await device.line("event progress 183")
    await party.hears_echo()
    registrar.reply(invite.writer, invite.message, 200, _CONTACT, body=party.sdp(formats="8 101"))
    await device.line("event established")


@pytest.mark.asyncio
async def test_cancel_waits_for_a_provisional_response(lab: Lab) -> None:
    device, registrar, _, invite = await lab.calling()
    assert await device.command("hangup") == "ok hangup"
    registrar.reply(invite.writer, invite.message, 180, _CONTACT)
    cancel = await registrar.next("CANCEL")
    assert cancel.message.branch == invite.message.branch
    registrar.reply(cancel.writer, cancel.message, 200)
    registrar.reply(invite.writer, invite.message, 487)
    await registrar.next("ACK")
    await device.line("event closed")


@pytest.mark.asyncio
async def test_an_answer_that_crosses_the_cancel_is_ended(lab: Lab) -> None:
    device, registrar, party, invite = await lab.calling()
    registrar.reply(invite.writer, invite.message, 180, _CONTACT)
    await device.line("event progress")
    await device.command("hangup")
    await registrar.next("CANCEL")
    registrar.reply(invite.writer, invite.message, 200, _CONTACT, body=party.sdp(formats="8 101"))
    await registrar.next("BYE")


@pytest.mark.asyncio
async def test_refused(lab: Lab) -> None:
    device, registrar, _, invite = await lab.calling()
    registrar.reply(invite.writer, invite.message, 486)
    await registrar.next("ACK")
    await device.line("event closed")
    assert (await device.command("status")).endswith("call=none")


@pytest.mark.asyncio
async def test_an_answer_without_srtp_is_ended(lab: Lab) -> None:
    _, registrar, party, invite = await lab.calling()
    registrar.reply(invite.writer, invite.message, 200, _CONTACT, body=party.sdp(profile="RTP/AVP"))
    await registrar.next("ACK")
    await registrar.next("BYE")


@pytest.mark.asyncio
async def test_silence_if_so_faulty(lab: Lab) -> None:
    device, registrar, party, invite = await lab.calling("outgoing-silent")
    registrar.reply(invite.writer, invite.message, 200, _CONTACT, body=party.sdp(formats="8 101"))
    await device.line("event established")
    party.say([bytes(range(160))] * 5)
    for count in range(15):
        await party.hears(lambda seen: True, after=count)
    assert {seen.payload for seen in party.seen} == {b"\xd5" * 160}


@pytest.mark.asyncio
async def test_cannot_dial_when_not_registered(lab: Lab) -> None:
    registrar = await lab.registrar(status=403)
    lab.zone.srv((5, "sip-a.lab.example", registrar.port))
    device = await lab.start()
    assert await device.command("dial 2001") == "error dial line 1 is not registered"
    assert await device.command("dial 2001 7") == "error dial there is no line 7"
