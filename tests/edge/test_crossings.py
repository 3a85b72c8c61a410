"""Messages that cross each other, with a hand-made phone at the other end."""

from __future__ import annotations

import socket

import pytest

from certsuite.edge.call_leg import LegState
from certsuite.edge.crossings import answer_when_cancelled, bye_before_ack, cancel_when_answered
from tests.edge.conftest import World
from tests.edge.legs import called, calling, theirs

pytestmark = pytest.mark.asyncio


async def test_a_cancel_meets_the_answer(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    cancel_when_answered(leg)
    phone.answer(invite, 180, "Ringing")
    phone.answer(invite, 200, "OK", body=theirs(sink))
    cancel = await phone.wire.request("CANCEL")
    assert cancel.branch == invite.branch
    assert (await phone.wire.request("ACK")).branch != invite.branch
    assert leg.state is LegState.CONFIRMED


async def test_an_answer_meets_the_cancel(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await called(world, sink)
    leg.ring()
    answer_when_cancelled(leg)
    assert (await phone.wire.response("INVITE", final=False)).status == 180
    phone.cancel(invite)
    assert (await phone.wire.response("CANCEL")).status == 200
    accepted = await phone.wire.response("INVITE")
    assert (accepted.status, accepted.has_sdp) == (200, True)
    phone.acknowledge(accepted, accepted.contact_uri)
    await phone.wire.ask_options()
    assert leg.state is LegState.CONFIRMED


async def test_a_bye_overtakes_the_ack(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    bye_before_ack(leg)
    phone.answer(invite, 180, "Ringing")
    accepted = phone.answer(invite, 200, "OK", body=theirs(sink))
    bye = await phone.wire.request("BYE")
    assert bye.to_tag == phone.tag
    assert not world.sent("ACK")
    # The 200 comes again: the BYE is said once.
    phone.wire.send(accepted)
    phone.answer(bye, 200, "OK")
    assert (await phone.wire.request("ACK")).cseq[0] == invite.cseq[0]
    await phone.wire.ask_options()
    assert leg.state is LegState.ENDED
    assert len(world.sent("BYE")) == 1
