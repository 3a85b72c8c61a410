"""A device with a call on each port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio


def gateway(lab: Lab) -> None:
    lab.configure(lines=2)
    file = lab.directory / "phone.toml"
    file.write_text("ports = true\n" + file.read_text())


async def test_two_ports_ring_and_each_is_answered(lab: Lab) -> None:
    gateway(lab)
    device, registrar = await lab.registered()
    party = await lab.party()
    for number in (1, 2):
        registrar.ask("INVITE", body=party.sdp(), uri=f"sip:line{number}@127.0.0.1", call_id=f"call{number}")
        await device.line("event ringing")
    assert await device.command("answer 2") == "ok answer"
    assert (await registrar.next("200")).message.call_id == "call2"
    assert await device.command("answer 2") == "ok answer"
    assert (await registrar.next("200")).message.call_id == "call1"
    assert (await device.command("answer")).startswith("error answer the call does not ring")


async def test_a_port_that_is_in_a_call_is_busy_and_the_other_is_not(lab: Lab) -> None:
    gateway(lab)
    device, registrar = await lab.registered()
    party = await lab.party()
    registrar.ask("INVITE", body=party.sdp(), uri="sip:line1@127.0.0.1", call_id="call1")
    await device.line("event ringing")
    registrar.ask("INVITE", body=party.sdp(), uri="sip:line1@127.0.0.1", call_id="call2")
    assert (await registrar.next("486")).message.call_id == "call2"
    registrar.ask("INVITE", body=party.sdp(), uri="sip:nobody@127.0.0.1", call_id="call3")
    assert (await registrar.next("404")).message.call_id == "call3"
    assert await device.command("dial 2001 2") == "ok dial"
    assert (await registrar.next("INVITE")).message.call_id != "call1"


async def test_a_call_that_is_over_leaves_its_port_free(lab: Lab) -> None:
    gateway(lab)
    device, registrar = await lab.registered()
    party = await lab.party()
    for call_id in ("call1", "call2"):
        registrar.ask("INVITE", body=party.sdp(), uri="sip:line2@127.0.0.1", call_id=call_id)
        await device.line("event ringing")
        assert await device.command("reject") == "ok reject"
        assert (await registrar.next("486", "603", "480")).message.call_id == call_id
    assert (await device.command("hangup")).startswith("error hangup there is no call")
