"""Transfers, calls that replace others, calls that are answered without a hand, and a conference of three."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.transfers import asks_for_answer, target_of
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Heard, Lab, Registrar
from tests.refdevice.party import Party

pytestmark = pytest.mark.asyncio

CONTACT = ("Contact", "<sip:127.0.0.1:8934;transport=tls>")
REFER_TO = ("Refer-To", "<sip:2065550133@lab.invalid?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>")


def _answer(registrar: Registrar, heard: Heard, party: Party | None = None, status: int = 200) -> None:
    body = party.sdp() if party is not None else b""
    registrar.reply(heard.writer, heard.message, status, CONTACT, body=body)


async def _told(registrar: Registrar) -> tuple[str, str]:
    notify = await registrar.next("NOTIFY")
    _answer(registrar, notify)
    return notify.message.body.decode().strip(), notify.message.get("Subscription-State") or ""


async def _referred(lab: Lab, *faults: str) -> tuple[Registrar, SipMessage, Heard]:
    """(registrar, the 200 to the first call, the INVITE that a REFER in it led to)."""
    _, registrar, _, response = await lab.called(*faults)
    to_value = response.get("To") or ""
    registrar.ask("REFER", REFER_TO, ("Referred-By", "<sip:2001@lab.invalid>"), to_value=to_value, cseq="2")
    assert (await registrar.next("202")).message.cseq[1] == "REFER"
    assert await _told(registrar) == ("SIP/2.0 100 Trying", "active;expires=60")
    return registrar, response, await registrar.next("INVITE")


async def test_follows_a_refer_and_tells_of_it(lab: Lab) -> None:
    registrar, _, invite = await _referred(lab)
    assert invite.message.uri == "sip:2065550133@lab.invalid"
    assert invite.message.get("Replaces") == "a@b;to-tag=1;from-tag=2"
    assert invite.message.get("Referred-By") == "<sip:2001@lab.invalid>"
    _answer(registrar, invite, await lab.party())
    await registrar.next("ACK")
    assert await _told(registrar) == ("SIP/2.0 200 OK", "terminated;reason=noresource")


async def test_a_target_that_refuses_leaves_the_first_call(lab: Lab) -> None:
    registrar, response, invite = await _referred(lab)
    _answer(registrar, invite, status=486)
    await registrar.next("ACK")
    assert (await _told(registrar))[0] == "SIP/2.0 486 Failed"
    bye = registrar.ask("BYE", to_value=response.get("To") or "", cseq="3")
    assert (await registrar.next("200")).message.cseq == bye.cseq


async def test_a_stranger_is_refused(lab: Lab) -> None:
    _, registrar = await lab.registered()
    registrar.ask("REFER", REFER_TO)
    assert (await registrar.next("403")).message.cseq[1] == "REFER"


async def test_a_refer_names_one_target(lab: Lab) -> None:
    _, registrar, _, response = await lab.called()
    registrar.ask("REFER", REFER_TO, REFER_TO, to_value=response.get("To") or "", cseq="2")
    await registrar.next("400")


async def test_hands_its_far_end_over_and_leaves(lab: Lab) -> None:
    device, registrar, _, response = await lab.called()
    assert await device.command("transfer 2065550133") == "ok transfer"
    refer = await registrar.next("REFER")
    assert refer.message.get("Refer-To") == "<sip:2065550133@98079822.lab.invalid>"
    assert refer.message.to_tag == "far"
    _answer(registrar, refer, status=202)
    news = ("Event", "refer"), ("Subscription-State", "terminated"), ("Content-Type", "message/sipfrag")
    registrar.ask("NOTIFY", *news, to_value=response.get("To") or "", cseq="2", body=b"SIP/2.0 200 OK")
    assert (await registrar.next("200")).message.cseq[1] == "NOTIFY"
    assert (await registrar.next("BYE")).message.to_tag == "far"


async def test_talks_to_the_target_first(lab: Lab) -> None:
    device, registrar, party, _ = await lab.called()
    assert await device.command("attend 2065550133") == "ok attend"
    _answer(registrar, await registrar.next("INVITE"), party)
    await registrar.next("ACK")
    invite = await registrar.next("INVITE")
    assert invite.message.uri.startswith("sip:2065550133@")
    _answer(registrar, invite, await lab.party())
    refer = (await registrar.next("REFER")).message
    to_tag, from_tag = "far", invite.message.from_tag
    named = f"{invite.message.call_id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3D{from_tag}"
    assert (refer.get("Refer-To") or "").endswith(f"?Replaces={named}>")


async def test_is_replaced(lab: Lab) -> None:
    _, registrar, party, response = await lab.called()
    replaces = f"{response.call_id};to-tag={response.to_tag};from-tag={response.from_tag}"
    registrar.ask("INVITE", ("Replaces", replaces), call_id="new", body=party.sdp())
    accepted = (await registrar.next("200")).message
    assert accepted.call_id == "new"
    assert (await registrar.next("BYE")).message.call_id == response.call_id


async def test_a_call_that_rings_at_the_far_end_is_replaced(lab: Lab) -> None:
    _, registrar, party, invite = await lab.calling()
    registrar.reply(invite.writer, invite.message, 180, CONTACT)
    dialog = f"{invite.message.call_id};to-tag={invite.message.from_tag};from-tag=far"
    registrar.ask("INVITE", ("Replaces", dialog), call_id="new", body=party.sdp())
    assert (await registrar.next("200")).message.call_id == "new"
    assert (await registrar.next("CANCEL")).message.call_id == invite.message.call_id


async def test_what_is_not_there_is_not_replaced(lab: Lab) -> None:
    _, registrar, party, response = await lab.called()
    for replaces in ("other;to-tag=1;from-tag=2", f"{response.call_id};to-tag=1;from-tag=far"):
        registrar.ask("INVITE", ("Replaces", replaces), call_id=f"new-{secrets.token_hex(2)}", body=party.sdp())
        await registrar.next("481")


async def test_is_answered_without_a_hand(lab: Lab) -> None:
    device, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE", ("Call-Info", "<sip:lab.invalid>;answer-after=0"), body=party.sdp())
    await device.line("event ringing")
    assert (await registrar.next("200")).message.has_sdp


async def test_mixes_two_calls(lab: Lab) -> None:
    device, registrar, party, _ = await lab.called()
    assert await device.command("conference 2065550133") == "ok conference"
    invite = await registrar.next("INVITE")
    other = await lab.party()
    other.listen(invite.message.body)
    _answer(registrar, invite, other)
    await registrar.next("ACK")
    await device.line("event established")
    frame = bytes(secrets.choice(range(1, 0x50)) for _ in range(160))
    party.say([frame] * 3)
    assert await other.hears(lambda seen: seen.payload == frame)
    assert frame not in {seen.payload for seen in party.seen}


async def test_what_a_refer_to_says() -> None:
    assert target_of("<sip:a@b>") == ("sip:a@b", [])
    assert target_of('"A ? B" <sip:a@b?Subject=x&REPLACES=c%3Bto-tag%3D1>') == ("sip:a@b", [("Replaces", "c;to-tag=1")])


@pytest.mark.parametrize(
    ("header", "asks"),
    [
        (("Alert-Info", "<http://127.0.0.1/x>;info=alert-autoanswer"), True),
        (("Call-Info", "<sip:x>; Answer-After=0"), True),
        (("Alert-Info", "<http://127.0.0.1/Bellcore-dr5>;info=alert-internal"), False),
    ],
)
async def test_who_asks_to_be_answered(header: tuple[str, str], asks: bool) -> None:
    assert asks_for_answer(SipMessage("INVITE", "sip:a@b", headers=(header,))) is asks
