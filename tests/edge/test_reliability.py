"""A party that is slow to acknowledge, with a hand-made phone at the other end; and one that is not."""

from __future__ import annotations

import pytest

from certsuite.edge.call_leg import LegState
from certsuite.edge.reliability import prack_when_repeated
from tests.edge.conftest import World
from tests.edge.legs import calling

pytestmark = pytest.mark.asyncio
RELIABLY = [("Require", "100rel"), ("RSeq", "7")]


async def test_a_reliable_response_is_acknowledged_once(world: World) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 180, "Ringing", headers=RELIABLY)
    prack = await phone.wire.request("PRACK")
    assert (prack.get("RAck"), prack.to_tag) == (f"7 {invite.get('CSeq')}", phone.tag)
    phone.answer(invite, 180, "Ringing", headers=RELIABLY)
    phone.answer(invite, 183, "Session Progress", headers=[("Require", "100rel"), ("RSeq", "8")])
    assert ((await phone.wire.request("PRACK")).get("RAck") or "").startswith("8 ")
    assert leg.rang_reliably
    assert leg.state is LegState.EARLY


async def test_a_plain_response_is_not_acknowledged(world: World) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 180, "Ringing")
    await phone.wire.ask_options()
    assert not world.sent("PRACK")
    assert not leg.rang_reliably


async def test_a_slow_party_waits_for_the_second(world: World) -> None:
    phone, leg, invite = await calling(world)
    prack_when_repeated(leg)
    phone.answer(invite, 180, "Ringing", headers=RELIABLY)
    await phone.wire.ask_options()
    assert not world.sent("PRACK")
    assert leg.rang_reliably
    phone.answer(invite, 180, "Ringing", headers=RELIABLY)
    assert ((await phone.wire.request("PRACK")).get("RAck") or "").startswith("7 ")
