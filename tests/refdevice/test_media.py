"""The media of a call, over real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.media import MediaSession
from certsuite.refdevice.sdp import Agreement, answer
from certsuite.refdevice.tasks import Tasks

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio


async def test_a_description_is_a_new_version_of_the_same_end() -> None:
    media = MediaSession("127.0.0.1", Behaviour(), incoming=True)
    first, second = media.local(), media.local()
    assert first.port % 2 == 0
    assert (first.port, first.keys, first.session) == (second.port, second.keys, second.session)
    assert second.version == first.version + 1
    media.close()


async def test_echoes_under_srtp_and_sends_nothing_when_it_must_not(lab: Lab) -> None:
    party = await lab.party()
    media = MediaSession("127.0.0.1", Behaviour(), incoming=True)
    sdp, agreement = answer(party.sdp(formats="0 8 101"), media.local())
    party.listen(sdp)
    media.agree(agreement)
    tasks = Tasks()
    tasks.spawn(media.run())
    await party.hears_echo(payload_type=0)
    assert media.received >= 5
    before = party.seen[-1].timestamp
    media.agree(answer(party.sdp(direction="sendonly"), media.local())[1])
    media.agree(answer(party.sdp(formats="0 8 101"), media.local())[1])
    after = await party.hears(lambda seen: seen.timestamp > before)
    assert after.payload_type == 0
    await tasks.close()
    media.close()


async def test_packets_that_are_not_authentic_are_counted(lab: Lab) -> None:
    party, other = await lab.party(), await lab.party()
    media = MediaSession("127.0.0.1", Behaviour(), incoming=True)
    sdp, agreement = answer(party.sdp(), media.local())
    media.agree(agreement)
    other.listen(sdp)
    other.say([bytes(160)])
    party.listen(sdp)
    tasks = Tasks()
    tasks.spawn(media.run())
    await party.hears_echo()
    assert media.refused == 1
    await tasks.close()
    media.close()


async def test_digits_need_telephone_events() -> None:
    media = MediaSession("127.0.0.1", behaviour_with(["one-way-in"]), incoming=False)
    assert not media.has_events
    media.agree(Agreement(("127.0.0.1", 9), "PCMA", 8, "sendrecv", 101, bytes(30)))
    assert media.has_events
    waiting = asyncio.get_running_loop().create_task(media.send_digit("1"))
    await asyncio.sleep(0)
    media.close()
    with pytest.raises(OSError, match="the call has ended"):
        await waiting


async def test_digits_where_nothing_may_be_sent_are_lost() -> None:
    media = MediaSession("127.0.0.1", behaviour_with(["one-way-in"]), incoming=False)
    media.agree(Agreement(("127.0.0.1", 9), "PCMA", 8, "sendrecv", 101, bytes(30)))
    tasks = Tasks()
    tasks.spawn(media.run())
    await media.send_digit("1")
    await tasks.close()
    media.close()
