"""Where tokens come from, when they are renewed, and what is said when they are wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret
from certsuite.webex.errors import Forbidden, TokensSwapped, Unauthorized
from certsuite.webex.tokens import Credentials, credentials_from
from tests.webex.conftest import Lab

EXPIRY = "GET /authorizations/tokenExpiry"
REFRESH = "POST /access_token"
MINT = "POST /applications/{applicationId}/token"
DEVICES = "GET /devices"


def routes(lab: Lab) -> list[str]:
    return [one.route for one in lab.emulator.exchanges]


def app(lab: Lab, **other: Secret) -> dict[str, Secret]:
    """What mints a Service App's token."""
    organization = lab.organization
    return {
        "application_id": Secret(organization.application_id),
        "target_org_id": Secret(organization.id),
        "client_id": Secret(organization.client_id),
        "client_secret": Secret(organization.client_secret),
        "manager_token": Secret(organization.manager_token),
    } | other


def pair(lab: Lab, **other: Secret) -> dict[str, Secret]:
    """A pair of tokens, and what refreshes it."""
    made = lab.organization.mint()
    return {
        "access_token": Secret(made["access_token"]),
        "refresh_token": Secret(made["refresh_token"]),
        "client_id": Secret(lab.organization.client_id),
        "client_secret": Secret(lab.organization.client_secret),
    } | other


@pytest.mark.asyncio
async def test_a_service_app_s_token_is_minted_once_and_used(lab: Lab) -> None:
    client = lab.client(**app(lab))
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(client.devices())
    assert sorted(routes(lab)) == sorted([MINT, *[DEVICES] * 5])


@pytest.mark.asyncio
async def test_a_token_is_refreshed_before_it_expires(lab: Lab) -> None:
    client = lab.client(**app(lab))
    await client.devices()
    lab.clock.passed += 14 * 86_400 - 301
    await client.devices()
    assert routes(lab) == [MINT, DEVICES, DEVICES]
    lab.clock.passed += 2
    await client.devices()
    assert routes(lab)[3:] == [REFRESH, DEVICES]
    await client.devices()
    assert routes(lab)[5:] == [DEVICES]


@pytest.mark.asyncio
async def test_webex_is_asked_when_a_given_token_expires(lab: Lab) -> None:
    client = lab.client(**pair(lab))
    await client.devices()
    lab.clock.passed += 14 * 86_400 - 299
    await client.devices()
    assert routes(lab) == [EXPIRY, DEVICES, REFRESH, DEVICES]


@pytest.mark.asyncio
async def test_a_token_that_has_expired_is_refreshed(lab: Lab) -> None:
    credentials = pair(lab)
    lab.clock.passed += 15 * 86_400
    await lab.client(**credentials).devices()
    assert routes(lab) == [EXPIRY, REFRESH, DEVICES]


@pytest.mark.asyncio
async def test_a_token_that_was_revoked_is_renewed_once_for_all_who_wait(lab: Lab) -> None:
    client = lab.client(**app(lab))
    await client.devices()
    lab.organization.access = {lab.organization.manager_token: lab.clock.utc() + 1000}
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(client.devices())
    assert routes(lab).count(REFRESH) == 1


@pytest.mark.asyncio
async def test_a_token_that_is_refused_again_after_it_was_renewed_is_an_error(lab: Lab) -> None:
    lab.emulator.fails("unauthorized", DEVICES, times=5)
    with pytest.raises(Unauthorized, match=r"401 Unauthorized.*trackingId"):
        await lab.client(**app(lab)).devices()
    assert routes(lab).count(DEVICES) == 2


@pytest.mark.asyncio
async def test_a_refresh_that_is_refused_falls_back_to_minting(lab: Lab) -> None:
    client = lab.client(**app(lab))
    await client.devices()
    lab.organization.refresh.clear()
    lab.clock.passed += 14 * 86_400
    lab.organization.access[lab.organization.manager_token] = lab.clock.utc() + 1000
    await client.devices()
    assert routes(lab)[-2:] == [MINT, DEVICES]


@pytest.mark.asyncio
async def test_a_token_that_nothing_renews_is_told_as_such(lab: Lab) -> None:
    with pytest.raises(Unauthorized, match="get a new access token") as raised:
        await lab.client(access_token=Secret("0" * 32)).devices()
    assert "0" * 32 not in str(raised.value)
    assert routes(lab) == [DEVICES]


@pytest.mark.asyncio
@pytest.mark.parametrize("expired", ["nothing", "access"])
async def test_swapped_tokens_are_named(lab: Lab, expired: str) -> None:
    right = pair(lab)
    if expired == "access":
        lab.clock.passed += 15 * 86_400
    swapped = right | {"access_token": right["refresh_token"], "refresh_token": right["access_token"]}
    with pytest.raises(TokensSwapped, match=r"in each other's place.*exchange the two") as raised:
        await lab.client(**swapped).devices()
    assert right["access_token"].reveal() not in str(raised.value)
    assert DEVICES not in routes(lab)


@pytest.mark.asyncio
async def test_tokens_that_are_both_wrong_are_not_called_swapped(lab: Lab) -> None:
    wrong = pair(lab) | {"access_token": Secret("1" * 32), "refresh_token": Secret("2" * 32)}
    with pytest.raises(Unauthorized, match="cannot be refreshed: 400") as raised:
        await lab.client(**wrong).devices()
    assert not isinstance(raised.value, TokensSwapped)


@pytest.mark.asyncio
async def test_a_manager_token_without_the_scope_is_forbidden(lab: Lab) -> None:
    with pytest.raises(Forbidden, match="spark:applications_token"):
        await lab.client(**app(lab, manager_token=lab.token)).devices()


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["dropped-after", "unavailable", "silent"])
async def test_minting_survives_a_lost_answer(lab: Lab, fault: str) -> None:
    lab.emulator.fails(fault, MINT)
    await lab.client(**app(lab)).devices()
    assert routes(lab) == [MINT, MINT, DEVICES]


# --- where they are read from


def test_credentials_come_from_the_environment() -> None:
    got = credentials_from({"WEBEX_ACCESS_TOKEN": " abc\n", "PATH": "/bin"})
    assert got == Credentials(access_token=Secret("abc"))


def test_credentials_come_from_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text('client_id: "a"\nclient_secret: "b"\nrefresh_token: "secret-c"\n')
    file.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        credentials_from({}, file)
    file.chmod(0o600)
    got = credentials_from({"WEBEX_ACCESS_TOKEN": "not this"}, file)
    assert got.refreshes
    assert got.access_token is None
    assert "secret-c" not in repr(got)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "names with a quoted text each"),
        ("access_token: 17", "names with a quoted text each"),
        ('acces_token: "secret"', "acces_token: not known; there are access_token"),
        ('access_token: "secret\n', ":2: not YAML"),
        ('client_id: "secret"', "no access token can be had from client_id: give access_token; or"),
        ('access_token: "sec ret"', "access_token holds a character that none has"),
    ],
)
def test_a_file_that_is_wrong_is_told_without_what_it_holds(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=problem) as raised:
        credentials_from({}, file)
    assert "secret" not in str(raised.value).replace("client_secret", "")


def test_without_any_credentials_it_says_what_to_give() -> None:
    with pytest.raises(UsageError, match="WEBEX_ACCESS_TOKEN"):
        credentials_from({})
