"""Calls of tests, as far as each of them begins."""

from __future__ import annotations

import socket
from typing import Any

from certsuite.edge.call_leg import CallLeg
from certsuite.sdp.session import SessionDescription
from certsuite.sip.message import SipMessage
from tests.clients.phone import HandPhone, sdp
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
