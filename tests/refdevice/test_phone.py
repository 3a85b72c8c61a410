"""Requests of every kind from the network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Device, Lab, Registrar

pytestmark = pytest.mark.asyncio


async def _status(lab: Lab, method: str, *extra: tuple[str, str], **given: str) -> dict[str, str]:
    _, registrar = await lab.registered()
    registrar.ask(method, *extra, body=b"", **given)
    message = (await registrar.next(*map(str, range(200, 700)))).message
    assert message.user_agent
    return {"status": str(message.status)} | {name.lower(): value for name, value in message.headers}


@pytest.mark.parametrize(
    ("method", "extra", "status"),
    [
        ("OPTIONS", (), 200),
        ("NOTIFY", (("Event", "message-summary"),), 200),
        ("INFO", (), 200),
        ("INFO", (("Info-Package", "x-broadworks-client-session-info"),), 469),
        ("INVITE", (("Require", "lab"),), 420),
        ("BYE", (), 481),
        ("UPDATE", (), 481),
        ("CANCEL", (), 481),
        ("SUBSCRIBE", (), 501),
        ("MESSAGE", (), 501),
        ("BOGUS", (), 501),
    ],
)
async def test_a_request_outside_a_call(lab: Lab, method: str, extra: tuple[tuple[str, str], ...], status: int) -> None:
    assert (await _status(lab, method, *extra))["status"] == str(status)


async def test_what_is_not_supported_is_named(lab: Lab) -> None:
    assert (await _status(lab, "INVITE", ("Require", "timer, lab"), ("Require", "100rel")))["unsupported"] == "lab"
    _, registrar = await lab.registered("knows-no-session-timers")
    registrar.ask("INVITE", ("Require", "timer"))
    assert (await registrar.next("420")).message.get("Unsupported") == "timer"


async def test_another_user_is_not_here(lab: Lab) -> None:
    assert (await _status(lab, "INVITE", uri="sip:nobody@127.0.0.1"))["status"] == "404"


async def test_a_dialog_that_is_not_here(lab: Lab) -> None:
    assert (await _status(lab, "INVITE", to_value="<sip:line1@x>;tag=old"))["status"] == "481"


@pytest.mark.parametrize(
    "given", [{"from_value": "<sip:a@b>"}, {"cseq": "none"}, {"cseq_method": "BYE"}, {"call_id": ""}]
)
async def test_a_request_that_is_not_whole(lab: Lab, given: dict[str, str]) -> None:
    assert (await _status(lab, "OPTIONS", **given))["status"] == "400"


async def test_a_body_that_is_no_sdp(lab: Lab) -> None:
    _, registrar = await lab.registered()
    request = registrar.ask("OPTIONS")
    body = b"Content-Type: text/plain\r\nContent-Length: 5"
    changed = request.to_bytes().replace(b"OPTIONS", b"INVITE").replace(b"Content-Length: 0", body)
    registrar.connections[-1].write(changed + b"hello")
    assert (await registrar.next("415")).message.cseq[1] == "INVITE"


async def test_status(lab: Lab) -> None:
    device, registrar = await lab.registered()
    assert (
        await device.command("status")
        == f"ok status registered=1/1 target=sip-a.lab.example:{registrar.port} call=none"
    )


async def _second(lab: Lab, *faults: str) -> tuple[Device, Registrar, SipMessage]:
    """A device in a call, with another that rings; the last is the 200 of the first."""
    device, registrar, _, accepted = await lab.called(*faults)
    registrar.ask("INVITE", body=(await lab.party()).sdp(), call_id="second")
    return device, registrar, accepted


async def test_a_second_call_is_answered_while_the_first_is_held(lab: Lab) -> None:
    device, registrar, accepted = await _second(lab)
    await device.line("event ringing")
    answering = asyncio.create_task(device.command("answer"))  # noqa: TID251 - the test answers the hold meanwhile
    hold = await registrar.next("INVITE")
    assert (hold.message.call_id, b"a=sendonly" in hold.message.body) == (accepted.call_id, True)
    registrar.reply(hold.writer, hold.message, 200, body=(await lab.party()).sdp(direction="recvonly"))
    answer = (await registrar.next("200")).message
    assert (answer.call_id, await answering) == ("second", "ok answer")
    # The end of the second leaves the first, which is the user's again.
    registrar.ask("BYE", to_value=answer.get("To") or "", call_id="second", cseq="2")
    await registrar.next("200")
    await device.line("event closed")
    assert (await device.command("status")).endswith("call=established,held")


async def test_more_calls_than_there_is_room_for(lab: Lab) -> None:
    device, registrar, _ = await _second(lab)
    await device.line("event ringing")
    registrar.ask("INVITE", body=(await lab.party()).sdp(), call_id="third")
    assert (await registrar.next("486")).message.call_id == "third"
    assert await device.command("swap") == "error swap no other call is held"


async def test_no_room_for_a_second_call_if_so_faulty(lab: Lab) -> None:
    _, registrar, _ = await _second(lab, "no-call-waiting")
    assert (await registrar.next("486")).message.call_id == "second"
