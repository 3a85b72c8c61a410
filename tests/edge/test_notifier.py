"""The notifier of the edges: what is granted, what is told, and when a subscription is gone."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pytest

from certsuite.core.events import BenchChanged, SubscriptionChanged
from certsuite.edge.notifier import MOST_GRANTED_S
from certsuite.sip.message import SipMessage
from tests.clients.phone import HandPhone
from tests.edge.conftest import World

pytestmark = pytest.mark.asyncio


async def subscribe(
    phone: HandPhone,
    event: str = "message-summary",
    *,
    expires: str = "300",
    to: str = "",
    call_id: str = "s1",
    cseq: int | None = None,
) -> SipMessage:
    """The final response to a SUBSCRIBE."""
    headers = [("Event", event), ("Expires", expires), ("Contact", f"<{phone.contact}>")]
    to = to or f"<{phone.aor}>"
    phone.wire.send(phone.compose("SUBSCRIBE", phone.aor, to=to, call_id=call_id, cseq=cseq, headers=headers))
    return await phone.wire.response("SUBSCRIBE")


def changes(world: World) -> list[tuple[str, int, str]]:
    return [(one.package, one.granted_s, one.why) for one in world.events(SubscriptionChanged)]


async def test_a_subscription_is_granted_and_told_of_at_once(world: World) -> None:
    phone = await world.registered()
    answer = await subscribe(phone)
    assert (answer.status, answer.get("Expires")) == (200, "300")
    notify = await phone.wire.request("NOTIFY")
    assert (notify.call_id, notify.to_tag, notify.from_tag) == ("s1", phone.tag, answer.to_tag)
    assert (notify.uri, notify.get("Event")) == (phone.contact, "message-summary")
    assert notify.get("Subscription-State") == "active;expires=300"
    assert notify.get("Content-Type") == "application/simple-message-summary"
    assert b"Messages-Waiting: no\r\n" in notify.body
    phone.answer(notify, 200, "OK")
    assert changes(world) == [("message-summary", 300, "subscribe")]
    seen = await world.observed(SubscriptionChanged)
    assert (seen.line, seen.flow, seen.edge) == (1, "f1", "primary")
    assert world.control.notifier.ever == [[1, "message-summary", phone.aor.removeprefix("sip:")]]


async def test_dialogs_of_another_are_told_as_xml(world: World) -> None:
    phone = await world.registered()
    headers = [("Event", "dialog;id=7"), ("Contact", f"<{phone.contact}>")]
    to = "<sip:a&b@h>"
    phone.wire.send(phone.compose("SUBSCRIBE", "sip:a&b@h", to=to, call_id="d", headers=headers))
    answer = await phone.wire.response("SUBSCRIBE")
    assert answer.get("Expires") == str(MOST_GRANTED_S)
    notify = await phone.wire.request("NOTIFY")
    assert (notify.get("Event"), notify.get("Content-Type")) == ("dialog;id=7", "application/dialog-info+xml")
    state = ElementTree.fromstring(notify.body)
    assert state.tag == "{urn:ietf:params:xml:ns:dialog-info}dialog-info"
    assert (state.get("version"), state.get("state"), state.get("entity")) == ("0", "full", "sip:a&b@h")


async def test_it_is_refreshed_over_another_flow_and_ended(world: World) -> None:
    first = await world.registered()
    answer = await subscribe(first)
    await first.wire.request("NOTIFY")
    second = world.phone(await world.connect(world.secondary))
    second.tag = first.tag
    to = answer.get("To") or ""
    refreshed = await subscribe(second, to=to, expires="60", cseq=50)
    assert (refreshed.status, refreshed.get("Expires")) == (200, "60")
    notify = await second.wire.request("NOTIFY")
    assert f"TLS {world.secondary.address}:" in (notify.get("Via") or "")
    ended = await subscribe(second, to=to, expires="0", cseq=51)
    assert ended.get("Expires") == "0"
    last = await second.wire.request("NOTIFY")
    assert last.get("Subscription-State") == "terminated;reason=timeout"
    assert [(granted, why) for _, granted, why in changes(world)] == [
        (300, "subscribe"),
        (60, "refresh"),
        (0, "unsubscribe"),
    ]
    assert (await subscribe(second, to=to, cseq=52)).status == 481


@pytest.mark.parametrize(("event", "status"), [("presence", 489), ("", 489), ("MESSAGE-SUMMARY", 200)])
async def test_what_it_does_not_know_is_refused(world: World, event: str, status: int) -> None:
    phone = await world.registered()
    answer = await subscribe(phone, event)
    assert answer.status == status
    assert answer.get("Allow-Events") == ("message-summary,dialog" if status == 489 else None)


async def test_a_stranger_and_an_old_request_are_refused(world: World) -> None:
    phone = await world.registered()
    answer = await subscribe(phone)
    headers = [("Event", "message-summary")]
    old = phone.compose("SUBSCRIBE", phone.aor, to=answer.get("To") or "", call_id="s1", cseq=0, headers=headers)
    phone.wire.send(old)
    assert (await phone.wire.response("SUBSCRIBE")).status == 500
    phone.user = "nobody"
    assert (await subscribe(phone, call_id="s2")).status == 403


async def test_a_fetch_leaves_nothing(world: World) -> None:
    phone = await world.registered()
    assert (await subscribe(phone, expires="0")).status == 200
    assert (await phone.wire.request("NOTIFY")).get("Subscription-State") == "terminated;reason=timeout"
    assert changes(world) == [("message-summary", 0, "fetch")]
    assert not world.control.notifier.subscriptions
    assert not world.control.notifier.ever


async def test_it_ends_by_itself_at_its_time_and_says_so(world: World) -> None:
    phone = await world.registered()
    world.control.notifier.grant(1)
    assert (await subscribe(phone)).get("Expires") == "1"
    assert world.events(BenchChanged)[-1].detail == {"expiry_s": 1}
    await phone.wire.request("NOTIFY")
    last = await phone.wire.request("NOTIFY")
    assert last.get("Subscription-State") == "terminated;reason=timeout"
    assert changes(world)[-1] == ("message-summary", 0, "expired")


async def test_it_ends_with_its_flow(world: World) -> None:
    phone = await world.registered()
    await subscribe(phone)
    phone.wire.reset()
    await world.until(lambda: ("message-summary", 0, "flow-closed") in changes(world))


async def test_who_refuses_a_notify_is_told_no_more(world: World) -> None:
    phone = await world.registered()
    await subscribe(phone)
    phone.answer(await phone.wire.request("NOTIFY"), 481, "No")
    await world.until(lambda: ("message-summary", 0, "notify-refused") in changes(world))
    await asyncio.sleep(0)
    assert not world.control.notifier.subscriptions
