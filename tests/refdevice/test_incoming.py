"""Calls to the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio


async def test_rings_answers_and_echoes_under_srtp(lab: Lab) -> None:
    device, registrar, party, response = await lab.called()
    seen = [heard.message.status for heard in registrar.heard if heard.message.status]
    assert seen[:3] == [100, 180, 200]
    sdp = response.body.decode()
    assert "RTP/SAVP 8 101" in sdp
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in sdp
    assert "m=video 0 RTP/SAVP 97" in sdp
    assert response.user_agent == "Certsuite ReferencePhone/1.0"
    await party.hears_echo()
    assert party.undecryptable == 0
    bye = registrar.ask("BYE", to_value=response.get("To") or "", cseq="2")
    assert (await registrar.next("200")).message.cseq == bye.cseq
    await device.line("event closed")


async def test_hangs_up(lab: Lab) -> None:
    device, registrar, _, response = await lab.called()
    hanging_up = registrar.next("BYE")
    assert device.process.stdin is not None
    device.process.stdin.write(b"hangup\n")
    bye = await hanging_up
    assert bye.message.from_tag == response.to_tag
    assert bye.message.uri == "sip:127.0.0.1:8934;transport=tls"
    registrar.reply(bye.writer, bye.message, 200)
    await device.line("event closed")
    await device.line("ok hangup")


async def test_takes_the_first_common_codec_of_the_offer(lab: Lab) -> None:
    device, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp(formats="9 0 8"))
    await device.line("event ringing sip:2001@lab.invalid")
    await device.command("answer")
    body = (await registrar.next("200")).message.body
    assert b"RTP/SAVP 0\r\n" in body
    assert b"telephone-event" not in body


async def test_refuses_an_offer_without_srtp(lab: Lab) -> None:
    _, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp(profile="RTP/AVP"))
    await registrar.next("488")


async def test_plain_rtp_if_so_faulty(lab: Lab) -> None:
    device, registrar = await lab.registered("accepts-plain-rtp")
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp(profile="RTP/AVP"))
    await device.line("event ringing")
    await device.command("answer")
    body = (await registrar.next("200")).message.body
    assert b"RTP/AVP 8 101" in body
    party.listen(body)
    seen = await party.hears(lambda seen: True)
    assert not seen.secure
    assert len(seen.payload) == 160


async def test_late_offer(lab: Lab) -> None:
    device, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE")
    await device.line("event ringing")
    await device.command("answer")
    response = (await registrar.next("200")).message
    assert b"RTP/SAVP 0 8 9 99 18 101" in response.body
    party.listen(response.body)
    registrar.ask("ACK", to_value=response.get("To") or "", body=party.sdp(formats="8 101"))
    await device.line("event established")
    await party.hears_echo()


async def test_cancel(lab: Lab) -> None:
    device, registrar = await lab.registered()
    party = await lab.party()
    invite = registrar.ask("INVITE", body=party.sdp())
    await registrar.next("180")
    registrar.ask("CANCEL", branch=invite.branch)
    assert (await registrar.next("200")).message.cseq[1] == "CANCEL"
    assert (await registrar.next("487")).message.cseq[1] == "INVITE"
    await device.line("event closed")


async def test_rejects(lab: Lab) -> None:
    device, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp())
    await device.line("event ringing")
    assert await device.command("reject") == "ok reject"
    await registrar.next("486")


async def test_repeats_its_200_until_the_ack(lab: Lab) -> None:
    device, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp())
    await device.line("event ringing")
    await device.command("answer")
    first, second = await registrar.next("200"), await registrar.next("200")
    assert first.message.body == second.message.body
    registrar.ask("ACK", to_value=first.message.get("To") or "")
    await device.line("event established")


async def test_never_answers_if_so_faulty(lab: Lab) -> None:
    device, registrar = await lab.registered("never-answers")
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp())
    await device.line("event ringing")
    assert await device.command("answer") == "ok answer"
    assert (await device.command("status")).endswith("call=ringing")


@pytest.mark.parametrize("faults", [("silent-call",), ("dtmf-inband", "silent-call")])
async def test_silence_if_so_faulty(lab: Lab, faults: tuple[str, ...]) -> None:
    _, _, party, _ = await lab.called(*faults)
    party.say([bytes(range(160))] * 5)
    for count in range(15):
        await party.hears(lambda seen: True, after=count)
    assert {seen.payload for seen in party.seen} == {b"\xd5" * 160}


async def test_a_wrong_key_if_so_faulty(lab: Lab) -> None:
    _, _, party, _ = await lab.called("plain-srtp-key")
    await party.hears_something()
    assert party.undecryptable


async def test_no_user_agent_outside_register_if_so_faulty(lab: Lab) -> None:
    _, registrar, _, response = await lab.called("user-agent-register-only")
    assert registrar.heard[0].message.user_agent
    assert not response.user_agent


async def test_rings_reliably_until_the_prack_comes(lab: Lab) -> None:
    _, registrar = await lab.registered()
    party = await lab.party()
    invite = registrar.ask("INVITE", ("Require", "100rel"), body=party.sdp())
    first = (await registrar.next("180")).message
    assert first.get("Require") == "100rel"
    again = (await registrar.next("180")).message
    assert again.get("RSeq") == first.get("RSeq")
    to_value, sequence = first.get("To") or "", first.get("RSeq")
    registrar.ask("PRACK", ("RAck", f"{sequence} 7 INVITE"), to_value=to_value, cseq="2")
    assert (await registrar.next("481")).message.cseq[1] == "PRACK"
    registrar.ask("PRACK", ("RAck", f"{sequence} {invite.get('CSeq')}"), to_value=to_value, cseq="3")
    assert (await registrar.next("200")).message.cseq[1] == "PRACK"


async def test_rings_plainly_for_who_knows_no_better(lab: Lab) -> None:
    _, registrar = await lab.registered()
    registrar.ask("INVITE", body=(await lab.party()).sdp())
    assert (await registrar.next("180")).message.get("RSeq") is None


async def test_says_the_smallest_session_interval(lab: Lab) -> None:
    _, registrar = await lab.registered()
    body = (await lab.party()).sdp()
    registrar.ask("INVITE", ("Session-Expires", "89;refresher=uac"), body=body)
    assert (await registrar.next("422")).message.get("Min-SE") == "90"


async def test_agrees_to_a_session_timer(lab: Lab) -> None:
    device, registrar = await lab.registered()
    body = (await lab.party()).sdp()
    registrar.ask("INVITE", ("Supported", "timer"), ("Session-Expires", "90;refresher=uas"), body=body)
    await device.line("event ringing")
    await device.command("answer")
    assert (await registrar.next("200")).message.get("Session-Expires") == "90;refresher=uas"
