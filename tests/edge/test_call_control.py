"""What stands behind the edges: registrations with their expiry, who may call, and what belongs to no call."""

from __future__ import annotations

import pytest

from certsuite.core.errors import BenchError
from certsuite.core.events import BindingChanged, FlowClosed
from certsuite.edge.call_leg import LegState
from certsuite.sip.digest import parameters, response
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import response_to
from tests.clients.phone import sdp
from tests.edge.conftest import DOMAIN, World

OFFER = sdp("127.0.0.1", 40_000)


def ended(world: World, why: str) -> bool:
    return any(event.why == why for event in world.events(BindingChanged))


# --- registrations


@pytest.mark.asyncio
async def test_a_registration_with_a_password_full_of_signs(world: World) -> None:
    phone = await world.registered()
    binding = world.registrar.bindings[1]
    assert (binding.contact, binding.flow, binding.edge) == (phone.contact, "f1", "primary")


@pytest.mark.asyncio
async def test_two_lines_over_one_flow_and_a_third_edge_of_none(world: World) -> None:
    first = await world.registered(1)
    second = world.phone(first.wire, 2)
    assert (await second.register()).status == 200
    assert {line: binding.flow for line, binding in world.registrar.bindings.items()} == {1: "f1", 2: "f1"}
    changes = [seen for seen in world.journal.since(0) if isinstance(seen.event, BindingChanged)]
    assert [seen.line for seen in changes] == [1, 2]


@pytest.mark.asyncio
async def test_a_challenge_of_one_edge_is_answered_at_the_other(world: World) -> None:
    """One registrar stands behind both, as behind a real access SBC."""
    here = world.phone(await world.connect())
    there = world.phone(await world.connect(world.secondary))
    uri = f"sip:{DOMAIN}"
    here.wire.send(here.compose("REGISTER", uri, to=f"<{here.aor}>", call_id="c"))
    challenge = await here.wire.response("REGISTER")
    credentials = here.credentials(challenge, "REGISTER", uri)
    there.wire.send(there.compose("REGISTER", uri, to=f"<{there.aor}>", call_id="c", headers=[credentials]))
    assert (await there.wire.response("REGISTER")).status == 200
    assert world.registrar.bindings[1].edge == "secondary"


@pytest.mark.asyncio
async def test_a_wrong_password_is_forbidden(world: World) -> None:
    phone = world.phone(await world.connect())
    phone.password = "wrong"
    assert (await phone.register()).status == 403
    assert not world.registrar.bindings


@pytest.mark.asyncio
async def test_a_binding_expires_by_itself_at_its_time(world: World) -> None:
    phone = await world.registered()
    assert (await phone.register(expires=1)).get(
        "Contact",
    ) == f"<{phone.contact}>;expires=1;q=0.5"
    await world.until(lambda: ended(world, "expired"))
    bound, expired = world.events(BindingChanged)[-2:]
    assert (bound.granted_s, expired.granted_s, expired.contact) == (1, 0, phone.contact)
    with pytest.raises(BenchError, match="line 1 is not registered"):
        world.control.call(1, party="2065550100", caller="Colleague")


@pytest.mark.asyncio
async def test_a_flow_that_ends_takes_binding_and_call_along(world: World) -> None:
    phone = await world.registered()
    leg = world.control.call(1, party="2065550100", caller="Colleague")
    await phone.wire.request("INVITE")
    phone.wire.reset()
    await world.until(lambda: ended(world, "flow-closed"))
    await world.until(lambda: leg.state is LegState.ENDED)
    assert not world.control.legs
    with pytest.raises(BenchError, match="line 1 is not registered"):
        world.control.call(1, party="2065550100", caller="Colleague")
    with pytest.raises(BenchError, match="cannot be sent NOTIFY"):
        world.control.notify(1, "check-sync")


@pytest.mark.asyncio
async def test_a_line_whose_flow_is_ending_cannot_be_called(world: World) -> None:
    await world.registered()
    world.primary.end_flows("fin")
    assert 1 in world.registrar.bindings
    with pytest.raises(BenchError, match="line 1 is not registered"):
        world.control.call(1, party="2065550100", caller="Colleague")
    await world.observed(FlowClosed)


@pytest.mark.asyncio
async def test_a_notify_goes_down_the_flow_of_the_registration(world: World) -> None:
    phone = await world.registered()
    world.control.notify(1, "check-sync")
    notify = await phone.wire.request("NOTIFY")
    assert (notify.uri, notify.get("Event")) == (phone.contact, "check-sync")
    assert notify.get("Contact")
    assert not notify.to_tag
    phone.answer(notify, 200, "OK")
    assert (await phone.wire.ask_options()).status == 200


@pytest.mark.asyncio
async def test_a_device_that_asks_who_gives_it_orders_is_given_the_lines_credentials(world: World) -> None:
    phone = await world.registered()
    world.control.notify(1, "check-sync")
    first = await phone.wire.request("NOTIFY")
    challenge = 'Digest realm="device", nonce="n1", algorithm=MD5, qop="auth"'
    for nonce in ("n1", "n2"):
        asks = [("WWW-Authenticate", challenge.replace("n1", nonce))]
        phone.wire.send(response_to(first, 401, "Unauthorized", to_tag=phone.tag, headers=asks))
        if nonce == "n1":
            first, asked = await phone.wire.request("NOTIFY"), first
            given = parameters(first.get("Authorization") or "")
    account = world.registrar.accounts.of_line(1)
    assert (given["username"], given["realm"], given["uri"]) == (account.auth_user, "device", phone.contact)
    assert given["response"] == response(given, account.password.reveal(), "NOTIFY")
    assert (first.call_id, first.cseq[0], first.branch != asked.branch) == (asked.call_id, 2, True)
    # Once, and no more.
    assert (await phone.wire.ask_options()).status == 200


# --- calls from the device


@pytest.mark.asyncio
async def test_an_invite_is_challenged_and_comes_to_the_one_who_was_dialled(world: World) -> None:
    phone = await world.registered()
    await phone.invite("2065550100", OFFER)
    trying = await phone.wire.response("INVITE", final=False)
    assert (trying.status, trying.to_tag) == (100, "")
    ((leg, number),) = world.calls
    assert number == "2065550100"
    assert leg.account.line == 1
    assert world.control.legs == {"call-1": leg}


@pytest.mark.asyncio
async def test_wrong_credentials_in_an_invite_make_no_call(world: World) -> None:
    phone = await world.registered()
    phone.password = "wrong"
    await phone.invite("2065550100", OFFER)
    assert (await phone.wire.response("INVITE")).status == 403
    assert not world.calls


@pytest.mark.asyncio
async def test_an_invite_from_nobody_is_forbidden(world: World) -> None:
    phone = await world.registered()
    phone.user = "nobody"
    phone.wire.send(phone.compose("INVITE", f"sip:1@{DOMAIN}", to=f"<sip:1@{DOMAIN}>", call_id="c", body=OFFER))
    assert (await phone.wire.response("INVITE")).status == 403


@pytest.mark.asyncio
async def test_a_number_that_is_none_is_not_found(world: World) -> None:
    phone = await world.registered()
    uri = f"sip:{DOMAIN}"
    phone.wire.send(phone.compose("INVITE", uri, to=f"<{uri}>", call_id="c", body=OFFER))
    challenged = await phone.wire.response("INVITE")
    credentials = phone.credentials(challenged, "INVITE", uri)
    phone.wire.send(phone.compose("INVITE", uri, to=f"<{uri}>", call_id="c", headers=[credentials], body=OFFER))
    assert (await phone.wire.response("INVITE")).status == 404


@pytest.mark.asyncio
async def test_the_same_invite_again_makes_no_second_call(world: World) -> None:
    """A retransmission is passed over; one that came round another way is a loop (RFC 3261 section 8.2.2.2)."""
    phone = await world.registered()
    taken = await phone.invite("2065550100", OFFER)
    await phone.wire.response("INVITE", final=False)
    phone.wire.send(taken)
    assert (await phone.wire.ask_options()).status == 200
    merged = [(name, value.replace(taken.branch, phone.branch())) for name, value in taken.headers]
    phone.wire.send(SipMessage("INVITE", taken.uri, headers=tuple(merged), body=taken.body))
    assert (await phone.wire.response("INVITE")).status == 482
    assert len(world.calls) == 1
    assert world.sent(status=100) == world.sent(status=100)[:1]


# --- what belongs to no call


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "tag", "status"),
    [
        ("OPTIONS", "", 200),
        ("PUBLISH", "", 200),
        ("NOTIFY", "", 200),
        ("SUBSCRIBE", "", 489),
        ("MESSAGE", "", 405),
        ("FOO", "", 405),
        ("BYE", "", 481),
        ("BYE", "gone", 481),
        ("CANCEL", "", 481),
        ("INVITE", "gone", 481),
        ("UPDATE", "gone", 481),
        ("INFO", "gone", 481),
        ("OPTIONS", "gone", 481),
    ],
)
async def test_requests_outside_of_every_call(world: World, method: str, tag: str, status: int) -> None:
    phone = await world.registered()
    to = f"<sip:2065550100@{DOMAIN}>{f';tag={tag}' if tag else ''}"
    phone.wire.send(phone.compose(method, f"sip:2065550100@{DOMAIN}", to=to, call_id="other"))
    answer = await phone.wire.response(method)
    assert answer.status == status
    assert answer.to_tag == tag or (not tag and answer.to_tag)
    if status in (200, 405):
        assert "INVITE" in (answer.get("Allow") or "")


@pytest.mark.asyncio
async def test_an_ack_of_nothing_and_a_response_to_nothing_are_passed_over(world: World) -> None:
    phone = await world.registered()
    phone.wire.send(phone.compose("ACK", f"sip:1@{DOMAIN}", to=f"<sip:1@{DOMAIN}>;tag=x", call_id="c"))
    phone.wire.send(SipMessage(status=200, reason="OK", headers=(("Via", "SIP/2.0/TLS x;branch=z"), ("CSeq", "1 BYE"))))
    sent = len(world.sent(status=200))
    assert (await phone.wire.ask_options()).status == 200
    assert len(world.sent(status=200)) == sent + 1


@pytest.mark.asyncio
async def test_a_request_with_another_dialogs_tag_does_not_touch_the_call(world: World) -> None:
    phone = await world.registered()
    leg = world.control.call(1, party="2065550100", caller="Colleague")
    invite = await phone.wire.request("INVITE")
    phone.answer(invite, 180, "Ringing")
    bye = phone.in_dialog_of(invite, "BYE", cseq=1)
    wrong = [(name, f"<sip:x@{DOMAIN}>;tag=other" if name == "To" else value) for name, value in bye.headers]
    phone.wire.send(SipMessage("BYE", bye.uri, headers=tuple(wrong)))
    assert (await phone.wire.response("BYE")).status == 481
    assert leg.state is LegState.EARLY
