"""What the emulated organization refuses, and what a change leaves."""

from __future__ import annotations

from typing import Any

import pytest

from certsuite.edge.webex_models import Refusal
from certsuite.edge.webex_state import Organization

MODEL = "Partner Managed Phone"
PASSWORD = "Test4Password123&"
NOW = 1_795_000_000.0


@pytest.fixture
def organization() -> Organization:
    made = Organization(lambda: NOW)
    made.someone("Anna", "Berg")
    return made


def body(organization: Organization, **other: Any) -> dict[str, Any]:
    owner = next(iter(organization.people))
    return {"mac": "001A2B3C4D5E", "model": MODEL, "password": PASSWORD, "personId": owner} | other


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"mac": "00:1A:2B:3C:4D:5E"}, 400),
        ({"mac": 12}, 400),
        ({"model": "none"}, 400),
        ({"workspaceId": "both"}, 400),
        ({"personId": ""}, 400),
        ({"personId": "nobody"}, 404),
        ({"personId": "", "workspaceId": "nowhere"}, 404),
        ({"password": ""}, 400),
        ({"password": "alllower1&"}, 400),
        ({"password": "Ab1&"}, 400),
    ],
)
def test_devices_that_cannot_be_created(organization: Organization, other: dict[str, Any], status: int) -> None:
    with pytest.raises(Refusal) as raised:
        organization.create(body(organization, **other))
    assert raised.value.status == status
    assert not organization.devices


def test_a_person_is_no_workspace(organization: Organization) -> None:
    person = next(iter(organization.people))
    with pytest.raises(Refusal, match="owner"):
        organization.create(body(organization, personId="", workspaceId=person))


def test_filters_are_about_what_is_shown(organization: Organization) -> None:
    organization.create(body(organization))
    for query in ({"mac": "00:1a:2b:3c:4d:5e"}, {"mac": "001A2B3C4D5E"}, {"type": "phone"}, {"orgId": "any"}):
        assert len(organization.listed(query)) == 1, query
    for query in ({"mac": "001A2B3C4D5F"}, {"type": "roomdesk"}, {"tag": "a"}, {"serial": "1"}, {"product": "x"}):
        assert organization.listed(query) == [], query


def test_a_device_registers_once_it_is_told_to_apply_changes(organization: Organization) -> None:
    organization.create(body(organization))
    (device,) = organization.devices.values()
    organization.apply(device)
    assert device.connection == "activating"
    organization.registers_as = ("Snom", "D785")
    organization.apply(device)
    assert (device.connection, device.product, device.applied) == ("connected", f"{MODEL} - Snom D785", 2)
    with pytest.raises(KeyError):
        organization.registered("000000000000", "Snom", "D785")


def test_an_empty_list_of_members_leaves_the_primary_owner(organization: Organization) -> None:
    organization.create(body(organization))
    (device,) = organization.devices.values()
    organization.set_members(device, {"members": []})
    assert [one["primaryOwner"] for one in device.members] == [True]


@pytest.mark.parametrize(
    "change",
    [
        {"port": 0},
        {"port": "1"},
        {"port": 1.5},
        {"lineWeight": 21},
        {"lineType": "OTHER"},
        {"lineLabel": "Desk"},
        {"primaryOwner": False},
        {"hotlineEnabled": 1},
        {"id": "nobody"},
    ],
)
def test_members_that_cannot_be_set(organization: Organization, change: dict[str, Any]) -> None:
    organization.create(body(organization))
    (device,) = organization.devices.values()
    before = list(device.members)
    with pytest.raises(Refusal):
        organization.set_members(device, {"members": [before[0] | change]})
    assert device.members == before


def test_a_refreshed_token_keeps_its_refresh_token_and_others_do_not_work(organization: Organization) -> None:
    made = organization.mint()
    form = {"grant_type": "refresh_token", "client_id": organization.client_id}
    form |= {"client_secret": organization.client_secret, "refresh_token": made["refresh_token"]}
    again = organization.refreshed(form)
    assert again["refresh_token"] == made["refresh_token"]
    assert again["access_token"] != made["access_token"]
    assert organization.refreshed(form)["refresh_token"] == made["refresh_token"]
    for wrong in ({"grant_type": "x"}, {"client_secret": "x"}, {"refresh_token": made["access_token"]}):
        with pytest.raises(Refusal):
            organization.refreshed(form | wrong)
