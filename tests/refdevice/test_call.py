"""What happens within an established call: hold, digits, offers of the far end, the loss of the flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Device, Heard, Lab, Registrar
from tests.refdevice.party import Party

pytestmark = pytest.mark.asyncio


def _give(device: Device, command: str) -> None:
    assert device.process.stdin is not None
    device.process.stdin.write(command.encode() + b"\n")


async def _reinvite(device: Device, registrar: Registrar, party: Party, command: str, direction: str) -> Heard:
    _give(device, command)
    invite = await registrar.next("INVITE")
    contact = ("Contact", "<sip:127.0.0.1:8934;transport=tls>")
    registrar.reply(invite.writer, invite.message, 200, contact, body=party.sdp(formats="8 101", direction=direction))
    await registrar.next("ACK")
    assert await device.line(rf"(ok|error) {command}") == f"ok {command}"
    return invite


async def test_hold_and_resume(lab: Lab) -> None:
    device, registrar, party, response = await lab.called()
    await party.hears_echo()
    invite = await _reinvite(device, registrar, party, "hold", "recvonly")
    assert b"a=sendonly" in invite.message.body
    assert invite.message.to_tag == "far"
    assert invite.message.from_tag == response.to_tag
    assert (await device.command("status")).endswith("call=established,held")
    held = len(party.seen)
    party.say([bytes(range(160))] * 5)
    for count in range(12):
        await party.hears(lambda seen: True, after=held + count)
    assert {seen.payload for seen in party.seen[held:]} == {b"\xd5" * 160}
    invite = await _reinvite(device, registrar, party, "resume", "sendrecv")
    assert b"a=sendrecv" in invite.message.body
    await party.hears_echo()


async def test_a_refused_hold_is_an_error(lab: Lab) -> None:
    device, registrar, party, _ = await lab.called()
    _give(device, "hold")
    invite = await registrar.next("INVITE")
    registrar.reply(invite.writer, invite.message, 488)
    assert await device.line("(ok|error) hold") == "error hold the far end answered 488 R"
    await party.hears_echo()


async def test_hold_without_reinvite_if_so_faulty(lab: Lab) -> None:
    device, registrar, party, _ = await lab.called("hold-without-reinvite")
    assert await device.command("hold") == "ok hold"
    await party.hears_echo()
    assert await device.command("resume") == "ok resume"
    assert not [heard for heard in registrar.heard if heard.message.method == "INVITE"]


async def test_never_resumes_if_so_faulty(lab: Lab) -> None:
    device, registrar, party, _ = await lab.called("never-resumes")
    await _reinvite(device, registrar, party, "hold", "recvonly")
    assert await device.command("resume") == "ok resume"
    assert sum(heard.message.method == "INVITE" for heard in registrar.heard) == 1


async def test_stays_silent_after_resume_if_so_faulty(lab: Lab) -> None:
    device, registrar, party, _ = await lab.called("resume-stays-silent")
    await _reinvite(device, registrar, party, "hold", "recvonly")
    await _reinvite(device, registrar, party, "resume", "sendrecv")
    assert (await device.command("dtmf 1x")).startswith("error dtmf digits are")


@pytest.mark.parametrize(("direction", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")])
async def test_is_held_by_the_far_end(lab: Lab, direction: str, answered: str) -> None:
    _, registrar, party, response = await lab.called()
    to_value = response.get("To") or ""
    registrar.ask("INVITE", to_value=to_value, cseq="2", body=party.sdp(direction=direction))
    second = (await registrar.next("200")).message
    assert f"a={answered}".encode() in second.body
    registrar.ask("ACK", to_value=to_value, cseq="2")
    registrar.ask("INVITE", to_value=to_value, cseq="3", body=party.sdp())
    third = (await registrar.next("200")).message
    assert b"a=sendrecv" in third.body
    registrar.ask("ACK", to_value=to_value, cseq="3")
    await party.hears_echo()


async def test_update_with_and_without_an_offer(lab: Lab) -> None:
    _, registrar, party, response = await lab.called()
    registrar.ask("UPDATE", to_value=response.get("To") or "", cseq="2")
    assert (await registrar.next("200")).message.body == b""
    registrar.ask("UPDATE", to_value=response.get("To") or "", cseq="3", body=party.sdp(direction="sendonly"))
    assert b"a=recvonly" in (await registrar.next("200")).message.body


async def test_an_offer_that_cannot_be_taken_leaves_the_call(lab: Lab) -> None:
    _, registrar, party, response = await lab.called()
    registrar.ask("INVITE", to_value=response.get("To") or "", cseq="2", body=party.sdp(profile="RTP/AVP"))
    await registrar.next("488")
    await party.hears_echo()


async def test_digits_by_rfc_4733(lab: Lab) -> None:
    device, _, party, _ = await lab.called()
    assert await device.command("dtmf 5#") == "ok dtmf"
    events = [seen for seen in party.seen if seen.payload_type == 101]
    for code in (5, 11):
        digit = [seen for seen in events if seen.payload[0] == code]
        assert [seen.marker for seen in digit] == [True] + [False] * 7
        assert len({seen.timestamp for seen in digit}) == 1
        assert [int.from_bytes(seen.payload[2:], "big") for seen in digit] == [160, 320, 480, 640, 800, 960, 960, 960]
        assert [seen.payload[1] >> 7 for seen in digit] == [0] * 5 + [1] * 3
    numbers = [seen.sequence for seen in party.seen]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_the_digit_after_if_so_faulty(lab: Lab) -> None:
    device, _, party, _ = await lab.called("dtmf-wrong-digit")
    await device.command("dtmf 5")
    assert {seen.payload[0] for seen in party.seen if seen.payload_type == 101} == {6}


async def test_tones_in_the_audio_if_so_faulty(lab: Lab) -> None:
    device, _, party, _ = await lab.called("dtmf-inband")
    await device.command("dtmf 5")
    assert not [seen for seen in party.seen if seen.payload_type == 101]
    assert len({seen.payload for seen in party.seen}) > 5


async def test_no_rtp_if_so_faulty(lab: Lab) -> None:
    device, _, party, _ = await lab.called("one-way-in")
    party.say([bytes(range(160))] * 5)
    await device.command("status")
    assert not party.seen
    assert not party.undecryptable


async def test_a_call_outlives_its_flow_and_ends_over_the_next(lab: Lab) -> None:
    device, registrar, party, response = await lab.called()
    registrar.connections[0].transport.abort()
    await device.line("event unregistered")
    await party.hears_echo()
    await device.line("event registered")
    _give(device, "hangup")
    bye = await registrar.next("BYE")
    assert bye.writer is registrar.connections[1]
    assert bye.message.from_tag == response.to_tag


async def test_a_call_keeps_its_flow_through_failback(lab: Lab) -> None:
    primary, secondary = await lab.registrar(), await lab.registrar()
    await primary.close()
    lab.zone.srv((5, "a.lab.example", primary.port), (10, "b.lab.example", secondary.port))
    device = await lab.start()
    await device.line("event registered 1 b")
    party = await lab.party()
    secondary.ask("INVITE", body=party.sdp())
    await device.line("event ringing")
    await device.command("answer")
    response = (await secondary.next("200")).message
    party.listen(response.body)
    to_value = response.get("To") or ""
    secondary.ask("ACK", to_value=to_value)
    await primary.open(lab.authority.server_context("hs17.lab.example"), primary.port)
    await device.command("reregister")
    await device.line("event registered 1 a")
    await party.hears_echo()
    secondary.ask("BYE", to_value=to_value, cseq="2")
    assert (await secondary.next("200")).message.cseq[1] == "BYE"
    await secondary.until(lambda: secondary.connections[0].is_closing())


async def test_without_a_call_there_is_nothing_to_do(lab: Lab) -> None:
    device, _ = await lab.registered()
    for command in ("answer", "reject", "hangup", "hold", "resume", "dtmf 1"):
        assert await device.command(command) == f"error {command.split()[0]} there is no call"


async def test_a_request_out_of_order_is_refused(lab: Lab) -> None:
    _, registrar, _, response = await lab.called()
    registrar.ask("BYE", to_value=response.get("To") or "", cseq="1")
    refused: SipMessage = (await registrar.next("500")).message
    assert refused.cseq == (1, "BYE")
