"""What the reference device subscribes to, and that it goes on doing so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Heard, Lab, Registrar

pytestmark = pytest.mark.asyncio

CONFIGURED = 'message_waiting = true\nmonitored = ["sip:colleague@98079822.lab.invalid"]\n'


async def subscribing(lab: Lab, *faults: str) -> Registrar:
    """A registrar with a device that subscribes, if its fault lets it."""
    lab.configure()
    file = lab.directory / "phone.toml"
    file.write_text(CONFIGURED + file.read_text())
    _, registrar = await lab.registered(*faults)
    return registrar


async def both(registrar: Registrar) -> dict[str, Heard]:
    """Its next two SUBSCRIBEs by package."""
    heard = [await registrar.next("SUBSCRIBE") for _ in range(2)]
    return {one.message.get("Event") or "": one for one in heard}


def grants(registrar: Registrar, heard: Heard, seconds: int) -> SipMessage:
    """Grant a subscription; gives the NOTIFY that belongs to it."""
    registrar.reply(heard.writer, heard.message, 200, ("Expires", str(seconds)), ("Contact", "<sip:n@127.0.0.1>"))
    return registrar.ask(
        "NOTIFY",
        ("Event", heard.message.get("Event") or ""),
        from_value=f"{heard.message.get('To')};tag=far",
        to_value=heard.message.get("From") or "",
        call_id=heard.message.call_id,
    )


async def test_it_subscribes_to_its_messages_and_to_who_is_monitored(lab: Lab) -> None:
    registrar = await subscribing(lab)
    asked = await both(registrar)
    own, other = asked["message-summary"].message, asked["dialog"].message
    assert (own.uri, own.get("Accept")) == ("sip:line1@98079822.lab.invalid", "application/simple-message-summary")
    assert (other.uri, other.get("Accept")) == ("sip:colleague@98079822.lab.invalid", "application/dialog-info+xml")
    assert (own.get("Expires"), own.contact_uri != "", own.user_agent != "") == ("3600", True, True)
    grants(registrar, asked["message-summary"], 60)
    assert (await registrar.next("200")).message.cseq[1] == "NOTIFY"


async def test_a_notify_may_come_before_the_answer_and_another_s_is_refused(lab: Lab) -> None:
    registrar = await subscribing(lab)
    heard = (await both(registrar))["dialog"]
    tags = {"from_value": "<sip:n@h>;tag=far", "to_value": heard.message.get("From") or ""}
    registrar.ask("NOTIFY", ("Event", "dialog"), body=b"", call_id=heard.message.call_id, **tags)
    assert (await registrar.next("200", "481")).message.status == 200
    registrar.ask("NOTIFY", ("Event", "dialog"), body=b"", call_id="nobody's", **tags)
    assert (await registrar.next("200", "481")).message.status == 481


async def test_it_refreshes_within_its_dialog(lab: Lab) -> None:
    registrar = await subscribing(lab)
    heard = (await both(registrar))["message-summary"]
    grants(registrar, heard, 1)
    again = (await registrar.next("SUBSCRIBE")).message
    assert (again.call_id, again.to_tag) == (heard.message.call_id, "far")
    assert again.cseq[0] > heard.message.cseq[0]


@pytest.mark.parametrize(("fault", "again"), [("", 2), ("drops-subscriptions", 0)])
async def test_over_a_new_connection_it_subscribes_anew(lab: Lab, fault: str, again: int) -> None:
    registrar = await subscribing(lab, *([fault] if fault else []))
    for heard in (await both(registrar)).values():
        grants(registrar, heard, 60)
    before = {heard.message.call_id for heard in registrar.heard if heard.message.method == "SUBSCRIBE"}
    registrar.connections[-1].transport.abort()
    await lab.devices[0].line("event registered 1")
    assert await lab.devices[0].command("reregister") == "ok reregister"
    await lab.devices[0].line("event registered 1")
    if again:
        await both(registrar)
    calls = {heard.message.call_id for heard in registrar.heard if heard.message.method == "SUBSCRIBE"}
    assert len(calls - before) == again


async def test_who_never_subscribes(lab: Lab) -> None:
    registrar = await subscribing(lab, "never-subscribes")
    assert await lab.devices[0].command("reregister") == "ok reregister"
    await lab.devices[0].line("event registered 1")
    assert not [heard for heard in registrar.heard if heard.message.method == "SUBSCRIBE"]


async def test_who_refuses_to_be_told(lab: Lab) -> None:
    registrar = await subscribing(lab, "refuses-notify")
    grants(registrar, (await both(registrar))["dialog"], 60)
    assert (await registrar.next("200", "481")).message.status == 481


async def test_what_fails_is_tried_again_when_the_line_registers(lab: Lab) -> None:
    registrar = await subscribing(lab)
    for heard in (await both(registrar)).values():
        registrar.reply(heard.writer, heard.message, 403)
    assert await lab.devices[0].command("status")
    assert await lab.devices[0].command("reregister") == "ok reregister"
    assert set(await both(registrar)) == {"message-summary", "dialog"}


async def test_it_takes_its_subscriptions_back_when_it_ends(lab: Lab) -> None:
    registrar = await subscribing(lab)
    for heard in (await both(registrar)).values():
        grants(registrar, heard, 60)
        await registrar.next("200")
    lab.devices[0].process.terminate()
    assert [one.message.get("Expires") for one in (await both(registrar)).values()] == ["0", "0"]
