"""Who may tell the reference device to fetch its configuration."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from certsuite.bench.ownership import Door, doors
from certsuite.core.redaction import Secret
from certsuite.refdevice.orders import is_order
from certsuite.sip.digest import credentials
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Device, Lab, Registrar

pytestmark = pytest.mark.asyncio

PASSWORD = 'S3cret!%&"'
ORDER = ("Event", "check-sync;reboot=false")


async def answered(registrar: Registrar, status: str, times: int) -> SipMessage:
    """The device's answer to a NOTIFY, the last of so many with this status."""
    found: list[SipMessage] = []

    def came() -> bool:
        found[:] = [one.message for one in registrar.heard if str(one.message.status) == status]
        return len(found) >= times

    await registrar.until(came)
    return found[-1]


async def test_what_is_an_order() -> None:
    assert is_order(SipMessage("NOTIFY", "sip:a@x", headers=(ORDER,)))
    assert not is_order(SipMessage("NOTIFY", "sip:a@x", headers=(("Event", "message-summary"),)))
    assert not is_order(SipMessage("SUBSCRIBE", "sip:a@x", headers=(ORDER,)))


async def test_an_order_is_obeyed_once_its_giver_has_proved_who_it_is(lab: Lab) -> None:
    device, registrar = await lab.registered("challenges-check-sync")
    asked = registrar.ask("NOTIFY", ORDER)
    for times, password in enumerate(("wrong", PASSWORD), 1):
        challenge = await answered(registrar, "401", times)
        proof = credentials(challenge, "2055550101", Secret(password), "NOTIFY", asked.uri, cnonce="c")
        assert proof is not None
        registrar.ask("NOTIFY", ORDER, proof, cseq=str(times + 1))
    await answered(registrar, "200", 1)
    await device.line("event registered 1")
    assert proof is not None
    # The same credentials a second time are no proof: whoever saw them has them.
    registrar.ask("NOTIFY", ORDER, proof, cseq="4")
    await answered(registrar, "401", 3)


def door_of(device: Device) -> Door:
    (door,) = [one for one in doors([device.process.pid]) if one.transport == "udp"]
    return door


def told(device: Device, *extra: tuple[str, str]) -> SipMessage:
    """What the device answers an order that comes from anywhere."""
    door = door_of(device)
    headers = (
        ("Via", "SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1"),
        ("From", "<sip:a@x>;tag=1"),
        ("To", "<sip:a@x>"),
        ("Call-ID", "c"),
        ("CSeq", "1 NOTIFY"),
        *extra,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outsider:
        outsider.settimeout(10)
        outsider.connect(("127.0.0.1" if door.address == "0.0.0.0" else door.address, door.port))
        outsider.send(b"no SIP")
        outsider.send(SipMessage("NOTIFY", "sip:a@x", headers=headers[:-1]).to_bytes())
        outsider.send(SipMessage("NOTIFY", "sip:a@x", headers=headers).to_bytes())
        return SipMessage.parse(outsider.recv(65_536))


async def test_anyone_is_asked_for_credentials_or_obeyed(lab: Lab) -> None:
    device, _ = await lab.registered("challenges-outsiders")
    assert told(device, ORDER).status == 401


async def test_anyone_is_obeyed_if_so_faulty(lab: Lab) -> None:
    device, _ = await lab.registered("heeds-outsiders")
    assert told(device, ORDER).status == 200
    await device.line("event registered 1")


async def test_a_good_device_has_no_door(lab: Lab) -> None:
    device, _ = await lab.registered()
    assert not [one for one in doors([device.process.pid]) if one.transport == "tcp"]
