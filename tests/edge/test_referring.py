"""The device's REFER as the far end takes it, with a hand-made phone at the other end."""

from __future__ import annotations

import socket

import pytest

from certsuite.core.events import DigestChecked
from certsuite.edge.notifier import PACKAGES
from certsuite.edge.referring import in_place_of, take_refer
from certsuite.sip.message import SipMessage
from tests.clients.phone import HandPhone
from tests.edge.conftest import World
from tests.edge.legs import calling, theirs, up

pytestmark = pytest.mark.asyncio


async def refers(phone: HandPhone, accepted: SipMessage) -> None:
    """The phone refers its far end, and answers the challenge."""
    uri = accepted.contact_uri
    refer = phone.within(accepted, "REFER", uri)
    phone.wire.send(refer.with_headers([("Refer-To", "<sip:2065550133@x>")]))
    challenged = await phone.wire.response("REFER")
    assert challenged.status == 407
    again = phone.within(accepted, "REFER", uri).with_headers([("Refer-To", "<sip:2065550133@x>")])
    phone.wire.send(again.with_headers([phone.credentials(challenged, "REFER", uri)]))
    assert (await phone.wire.response("REFER")).status == 202


async def test_a_refer_is_challenged_accepted_and_told_of(world: World, sink: socket.socket) -> None:
    phone, leg, accepted = await up(world, sink)
    take_refer(leg, world.registrar, status=603, reason="Decline")
    await refers(phone, accepted)
    assert [one.method for one in world.events(DigestChecked) if one.response_right][-1:] == ["REFER"]
    first = await phone.wire.request("NOTIFY")
    assert (first.body, first.get("Subscription-State")) == (b"SIP/2.0 100 Trying\r\n", "active;expires=60")
    assert (first.get("Event") or "").startswith("refer;id=")
    assert first.get("Content-Type") == "message/sipfrag;version=2.0"
    # The end is told once the beginning was taken.
    phone.answer(first, 200, "OK")
    last = await phone.wire.request("NOTIFY")
    assert last.body == b"SIP/2.0 603 Decline\r\n"
    assert (last.get("Subscription-State") or "").startswith("terminated")
    assert last.cseq[0] == first.cseq[0] + 1


async def test_other_requests_go_their_way(world: World, sink: socket.socket) -> None:
    phone, leg, accepted = await up(world, sink)
    take_refer(leg, world.registrar, status=200, reason="OK")
    phone.wire.send(phone.within(accepted, "INFO", accepted.contact_uri))
    assert (await phone.wire.response("INFO")).status == 200


async def test_the_call_that_is_replaced_is_named_as_the_device_knows_it(world: World, sink: socket.socket) -> None:
    phone, leg, invite = await calling(world)
    phone.answer(invite, 200, "OK", body=theirs(sink))
    await phone.wire.request("ACK")
    assert in_place_of(leg) == [
        ("Replaces", f"{invite.call_id};to-tag={phone.tag};from-tag={invite.from_tag}"),
    ]


async def test_a_stranger_s_refer_and_news_that_nobody_asked_for(world: World) -> None:
    phone = await world.registered()
    call_id = world.control.refer(1, "sip:2065550133@x", "sip:2065550100@x")
    refer = await phone.wire.request("REFER")
    assert (refer.call_id, refer.to_tag, refer.get("Refer-To")) == (call_id, "", "<sip:2065550133@x>")
    call_id = world.control.tell_unsubscribed(1, PACKAGES["message-summary"])
    notify = await phone.wire.request("NOTIFY")
    assert (notify.call_id, notify.get("Event")) == (call_id, "message-summary")
    assert b"Messages-Waiting" in notify.body
