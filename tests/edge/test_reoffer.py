"""A session offered again, with a hand-made phone at the other end."""

from __future__ import annotations

import socket

import pytest

from certsuite.core.events import MediaNotAgreed, MediaOpened
from certsuite.edge.reoffer import offer_again, offer_into_an_offer
from tests.edge.conftest import World
from tests.edge.legs import theirs, up

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_the_same_session_is_offered(world: World, sink: socket.socket, method: str) -> None:
    phone, leg, accepted = await up(world, sink)
    offer_again(leg, method)
    request = await phone.wire.request(method)
    assert request.body == accepted.body
    assert request.to_tag == phone.tag
    phone.answer(request, 200, "OK", body=theirs(sink))
    if method == "INVITE":
        assert (await phone.wire.request("ACK")).cseq[0] == request.cseq[0]
    await phone.wire.ask_options()
    assert leg.media.agreement is not None


async def test_a_200_that_comes_again_is_acknowledged_again(world: World, sink: socket.socket) -> None:
    phone, leg, _ = await up(world, sink)
    opened = len(world.events(MediaOpened))
    offer_again(leg, "INVITE")
    request = await phone.wire.request("INVITE")
    for _ in range(2):
        phone.answer(request, 200, "OK", body=theirs(sink))
        assert (await phone.wire.request("ACK")).cseq[0] == request.cseq[0]
    await phone.wire.ask_options()
    assert not world.events(MediaNotAgreed)
    assert len(world.events(MediaOpened)) <= opened + 1


async def test_a_refusal_is_acknowledged_and_the_call_stays(world: World, sink: socket.socket) -> None:
    phone, leg, _ = await up(world, sink)
    offer_again(leg, "INVITE")
    request = await phone.wire.request("INVITE")
    phone.answer(request, 488, "Not Acceptable Here")
    assert (await phone.wire.request("ACK")).branch == request.branch
    assert leg.call_id in world.control.legs


async def test_an_offer_meets_the_device_s(world: World, sink: socket.socket) -> None:
    phone, leg, accepted = await up(world, sink)
    offer_into_an_offer(leg)
    own = phone.compose(
        "INVITE", accepted.contact_uri, to=accepted.get("To") or "", call_id=leg.call_id, body=theirs(sink)
    )
    phone.wire.send(own)
    crossing = await phone.wire.request("INVITE")
    phone.answer(crossing, 491, "Request Pending")
    # One crosses, and the device's own goes its way.
    answered = await phone.wire.response("INVITE")
    assert (answered.status, answered.cseq[0]) == (200, own.cseq[0])
    assert (await phone.wire.request("ACK")).branch == crossing.branch
    # The ACK has no answer to the offer that was refused, and owes none.
    phone.acknowledge(answered, accepted.contact_uri)
    await phone.wire.ask_options()
    assert not world.events(MediaNotAgreed)
