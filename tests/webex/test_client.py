"""The verbs against the emulator: what is asked, what is changed, and that nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret
from certsuite.edge.webex_state import REGISTRAR, Organization
from certsuite.webex.answers import Device
from certsuite.webex.client import WebexClient
from certsuite.webex.errors import Conflict, Forbidden, NotFound, OutcomeUnknown, Refused, UnexpectedAnswer
from tests.webex.conftest import Lab

MAC = "00:1A:2b:3c:4d:5e"
MODEL = "Partner Managed Phone"
CREATE = "POST /devices"

pytestmark = pytest.mark.asyncio


async def made(lab: Lab, client: WebexClient, password: Secret) -> Device:
    device = await client.create(MAC, MODEL, password, person_id=lab.owner.id)
    assert device is not None
    return device


def numbered(number: int) -> str:
    return f"00AABBCC{number:04X}"


async def test_a_device_from_its_mac_address_to_its_status(lab: Lab, password: Secret) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    assert (device.managed_by, device.person_id) == ("PARTNER", lab.owner.id)
    assert device.calling_id != device.id
    calling = await client.calling(device)
    assert calling.owner is not None
    assert calling.owner.line_port.endswith(f"@{REGISTRAR}")
    assert calling.proxy is not None
    assert calling.proxy.outbound_proxy
    before = await client.status(device.id)
    assert (before.registered, before.kind, before.make_and_model) == (False, "phone", "")
    lab.organization.registered("001A2B3C4D5E", "Yealink", "SIP-T46U", "108.86.0.20")
    after = await client.status(device.id)
    assert (after.registered, after.kind, after.make_and_model) == (True, "phone", "Yealink SIP-T46U")


async def test_codecs_that_an_administrator_set_and_none(lab: Lab, password: Secret) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    assert (await client.settings(device)).codecs == ()
    next(iter(lab.organization.devices.values())).codecs = ("OPUS", "G729a", "G711a")
    assert (await client.settings(device)).codecs == ("opus", "G729", "PCMA")
    # A model without settings is refused, and has none; a token that may not ask is an error.
    route = "GET /telephony/config/devices/{deviceId}/settings"
    lab.emulator.fails("conflict", route)
    assert (await client.settings(device)).codecs == ()
    lab.emulator.fails("forbidden", route)
    with pytest.raises(Forbidden):
        await client.settings(device)


async def test_a_list_has_all_its_pages(lab: Lab, password: Secret) -> None:
    client = lab.client()
    for number in range(7):
        await client.create(numbered(number), MODEL, password, person_id=lab.owner.id)
    assert len(await client.devices()) == 7
    assert [one.query.get("start") for one in lab.emulator.asked("GET /devices")[-3:]] == [None, "3", "6"]
    assert len({one.mac for one in await client.devices()}) == 7


async def test_a_device_is_found_by_its_mac_address_however_it_is_written(lab: Lab, password: Secret) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    for mac in (MAC, "001a2b3c4d5e", "00-1A-2B-3C-4D-5E", "001A.2B3C.4D5E"):
        assert await client.find(mac) == device
    assert await client.find("00:00:00:00:00:01") is None
    with pytest.raises(UsageError, match="12 hexadecimal digits"):
        await client.find("00:1A")


async def test_a_device_is_found_in_whatever_way_webex_wants_its_mac_address(
    lab: Lab, password: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    for wanted in ("001A2B3C4D5E", "00:1A:2B:3C:4D:5E"):

        def strict(organization: Organization, query: Mapping[str, str], wanted: str = wanted) -> list[dict[str, Any]]:
            every = [organization.shown(one) for one in organization.devices.values()]
            return every if query["mac"] == wanted else []

        monkeypatch.setattr(Organization, "listed", strict)
        assert await client.find(MAC) == device


async def test_another_organization_is_named_in_every_request(lab: Lab, password: Secret) -> None:
    client = WebexClient(lab.open_wire(), lab.client()._tokens._given, org_id="another")
    with pytest.raises(NotFound, match="organization"):
        await client.devices()
    assert lab.emulator.exchanges[-1].query["orgId"] == "another"


# --- creating


@pytest.mark.parametrize("fault", ["dropped-after", "silent-after", "gateway-timeout-after", "server-error-after"])
async def test_a_create_whose_answer_is_lost_is_looked_up_and_not_done_twice(
    lab: Lab, password: Secret, fault: str
) -> None:
    lab.emulator.fails(fault, CREATE)
    device = await made(lab, lab.client(), password)
    assert list(lab.organization.devices) == [device.id]
    assert len(lab.emulator.asked(CREATE)) == 1


@pytest.mark.parametrize("fault", ["dropped", "silent", "bad-gateway", "unavailable", "server-error"])
async def test_a_create_that_was_not_done_is_done_once_it_was_looked_up(lab: Lab, password: Secret, fault: str) -> None:
    lab.emulator.fails(fault, CREATE, times=2)
    device = await made(lab, lab.client(), password)
    assert list(lab.organization.devices) == [device.id]
    routes = [one.route for one in lab.emulator.exchanges]
    assert routes == ["GET /devices", CREATE] * 3
    assert lab.clock.slept == [1.0, 2.0]


async def test_a_create_that_took_place_after_the_look_up_is_found_by_the_refusal(lab: Lab, password: Secret) -> None:
    """The first answer is lost while Webex is still at it: the second is refused, and what is there is ours."""
    lab.emulator.fails("silent", CREATE)
    client, emulator = lab.client(), lab.emulator
    looked = 0

    async def sleep(seconds: float) -> None:
        nonlocal looked
        looked += 1
        lab.clock.passed += seconds

    lab.clock.sleep = sleep  # type: ignore[method-assign]
    body = {"mac": "001A2B3C4D5E", "model": MODEL, "personId": lab.owner.id, "password": password.reveal()}
    serve = emulator._serve

    def late(call, connection) -> None:  # type: ignore[no-untyped-def]
        if call.method == "POST" and looked and not lab.organization.devices:
            lab.organization.create(body)
        serve(call, connection)

    emulator._serve = late  # type: ignore[method-assign]
    device = await made(lab, client, password)
    assert list(lab.organization.devices) == [device.id]


async def test_a_create_is_given_up_when_its_time_is_over_and_says_that_it_may_be_there(
    lab: Lab, password: Secret
) -> None:
    lab.emulator.fails("bad-gateway", CREATE, times=50)
    with pytest.raises(OutcomeUnknown, match="look whether it was done") as raised:
        await made(lab, lab.client(), password)
    assert lab.clock.passed <= 120
    assert (raised.value.status, raised.value.request) == (502, CREATE)


async def test_a_device_that_the_owner_has_is_not_created_again(lab: Lab, password: Secret) -> None:
    client = lab.client()
    await made(lab, client, password)
    with pytest.raises(Conflict, match="has this device already"):
        await made(lab, client, password)
    assert len(lab.emulator.asked(CREATE)) == 1


async def test_a_mac_address_that_another_has_is_refused_with_code_and_tracking_id(lab: Lab, password: Secret) -> None:
    client = lab.client()
    await made(lab, client, password)
    other = lab.organization.someone("Cleo")
    with pytest.raises(Conflict, match=r"in use.*code 5675.*trackingId EMULATOR_") as raised:
        await client.create(MAC, MODEL, password, person_id=other.id)
    assert raised.value.codes == (5675,)


@pytest.mark.parametrize("fault", ["too-many-requests", "locked", "locked-without-hint"])
async def test_a_create_that_is_told_to_wait_waits_and_is_not_looked_up(lab: Lab, password: Secret, fault: str) -> None:
    lab.emulator.fails(fault, CREATE)
    await made(lab, lab.client(), password)
    assert [one.route for one in lab.emulator.exchanges] == ["GET /devices", CREATE, CREATE]
    assert lab.clock.slept == [{"too-many-requests": 7.0, "locked": 3.0}.get(fault, 1.0)]


async def test_an_owner_is_a_person_or_a_workspace(lab: Lab, password: Secret) -> None:
    client = lab.client()
    room = lab.organization.someone("Lobby", kind="PLACE")
    device = await client.create(MAC, MODEL, password, workspace_id=room.id)
    assert device is not None
    assert device.workspace_id == room.id
    for owners in ({}, {"person_id": "a", "workspace_id": "b"}):
        with pytest.raises(UsageError, match="either for a person or for a workspace"):
            await client.create(numbered(1), MODEL, password, **owners)


async def test_one_owner_s_devices_are_created_one_after_the_other(lab: Lab, password: Secret) -> None:
    client = lab.client()
    lab.emulator.hold()
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(client.create(numbered(number), MODEL, password, person_id=lab.owner.id))
        for _ in range(8):
            # Four times a look-up and the creation after it: never is there a second request in flight.
            await lab.emulator.holds(1)
            await other_requests(lab)
            assert lab.emulator.held == 1
            lab.emulator.release()
            lab.emulator.hold()
    assert len(lab.organization.devices) == 4


async def test_other_owners_devices_are_created_beside(lab: Lab, password: Secret) -> None:
    client = lab.client()
    lab.emulator.hold()
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            owner = lab.organization.someone(f"Number {number}")
            group.create_task(client.create(numbered(number), MODEL, password, person_id=owner.id))
        await lab.emulator.holds(3)
        lab.emulator.release()
    assert len(lab.organization.devices) == 3


async def test_at_most_ten_requests_are_out_at_once(lab: Lab) -> None:
    client = lab.client()
    lab.emulator.hold()
    async with asyncio.TaskGroup() as group:
        for _ in range(25):
            group.create_task(client.devices())
        await lab.emulator.holds(10)
        await other_requests(lab)
        assert lab.emulator.held == 10
        lab.emulator.release()
    assert lab.emulator.peak == 10


async def other_requests(lab: Lab) -> None:
    """Have the loop serve other connections for a while: whatever is on its way has come by then."""
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(lab.emulator.base_url.split(":")[2][:-3]))
        writer.write(b"not http\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()


# --- lines, password, changes


async def test_the_whole_list_of_members_is_sent_since_it_replaces_what_was_there(lab: Lab, password: Secret) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    before = (await client.members(device)).members
    shared = lab.organization.someone("Cleo", "Dahl")
    second = before[0].model_copy(
        update={"id": shared.id, "port": 2, "primary_owner": False, "line_type": "SHARED_CALL_APPEARANCE"}
    )
    await client.set_members(device, [*before, second])
    after = await client.members(device)
    assert [(one.name, one.port) for one in after.members] == [("Anna Berg", 1), ("Cleo Dahl", 2)]
    assert after.members[0].line_port == before[0].line_port
    sent = lab.emulator.asked("PUT /telephony/config/devices/{deviceId}/members")[-1].body
    assert [sorted(one) for one in sent["members"]] == [sorted(sent["members"][0])] * 2
    assert "lineLabel" not in sent["members"][0]
    await client.set_members(device, before)
    assert [one.name for one in (await client.members(device)).members] == ["Anna Berg"]


@pytest.mark.parametrize(
    ("ports", "owners", "weight", "problem"),
    [
        ((1, 2), (False, False), 1, "exactly one line is the primary owner's"),
        ((1, 2), (True, True), 1, "exactly one line is the primary owner's"),
        ((1, 1), (True, False), 1, "a port of its own"),
        ((1, 2), (True, False), 20, "40 lines; this device has at most 20"),
    ],
)
async def test_lines_that_cannot_be_are_not_sent(
    lab: Lab, password: Secret, ports: tuple[int, int], owners: tuple[bool, bool], weight: int, problem: str
) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    line = (await client.members(device)).members[0]
    lines = [
        line.model_copy(update={"port": port, "primary_owner": owner, "line_weight": weight})
        for port, owner in zip(ports, owners, strict=True)
    ]
    with pytest.raises(UsageError, match=problem):
        await client.set_members(device, lines)
    assert not lab.emulator.asked("PUT /telephony/config/devices/{deviceId}/members")


@pytest.mark.parametrize("fault", ["dropped-after", "bad-gateway", "silent", "too-many-requests"])
async def test_a_password_is_set_again_when_the_answer_is_lost_since_that_changes_nothing(
    lab: Lab, password: Secret, fault: str
) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    lab.emulator.fails(fault, "PUT /telephony/config/devices/{deviceId}")
    await client.set_password(device, Secret("Other5Password#"))
    assert lab.organization.devices[device.id].password == "Other5Password#"


async def test_changes_are_applied_once(lab: Lab, password: Secret) -> None:
    client = lab.client()
    device = await made(lab, client, password)
    apply = "POST /telephony/config/devices/{deviceId}/actions/applyChanges/invoke"
    lab.emulator.fails("locked", apply)
    await client.apply(device)
    assert lab.organization.devices[device.id].applied == 1
    lab.emulator.fails("dropped-after", apply)
    with pytest.raises(OutcomeUnknown, match="ended before the answer; look whether it was done"):
        await client.apply(device)
    assert lab.organization.devices[device.id].applied == 2


async def test_mac_addresses_are_validated(lab: Lab, password: Secret) -> None:
    client = lab.client()
    await made(lab, client, password)
    report = await client.validate_macs(["001A2B3C4D5E", "ab125678cdef", "AB125678CDEF", "no"])
    assert [(one.state, one.error_code) for one in report.mac_status] == [
        ("UNAVAILABLE", 5675),
        ("AVAILABLE", None),
        ("DUPLICATE_IN_LIST", 5676),
        ("INVALID", 25220),
    ]


async def test_models_of_partner_managed_devices_are_read_from_webex(lab: Lab) -> None:
    models = await lab.client().supported_devices()
    assert [(one.model, one.number_of_line_ports) for one in models] == [
        ("Partner Managed Phone", 20),
        ("Partner Managed Gateway", 100),
    ]


# --- answers that are not as described


async def test_an_answer_that_is_not_json_is_an_error_of_ours(lab: Lab) -> None:
    lab.emulator.fails("not-json", "GET /devices")
    with pytest.raises(UnexpectedAnswer, match=r"GET /devices: .*no JSON object.*trackingId"):
        await lab.client().devices()


async def test_a_next_page_elsewhere_does_not_get_the_token(lab: Lab, password: Secret) -> None:
    client = lab.client()
    for number in range(4):
        await client.create(numbered(number), MODEL, password, person_id=lab.owner.id)
    lab.emulator.base_url = "http://127.0.0.1:9/v1"
    asked = len(lab.emulator.exchanges)
    with pytest.raises(UnexpectedAnswer, match=r"next page is http://127\.0\.0\.1:9"):
        await client.devices()
    assert len(lab.emulator.exchanges) == asked + 1


async def test_what_webex_says_is_printed_without_what_would_be_live_and_without_the_password(
    lab: Lab, password: Secret
) -> None:
    client = lab.client()
    with pytest.raises(Refused) as raised:
        await client.create(MAC, "no \x1b[31m model", password, person_id=lab.owner.id)
    assert "\x1b" not in str(raised.value)
    assert password.reveal() not in str(raised.value)
