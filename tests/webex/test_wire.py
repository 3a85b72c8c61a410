"""What is tried again, for how long, and what is told in the end."""

from __future__ import annotations

import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from certsuite.core.errors import CertsuiteError, UsageError
from certsuite.core.redaction import Secret
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.edge.webex_models import Refusal
from certsuite.edge.webex_state import Organization
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.webex.client import WebexClient
from certsuite.webex.errors import (
    Forbidden,
    OutcomeUnknown,
    Overloaded,
    Refused,
    UnexpectedAnswer,
    Unreachable,
    WebexError,
)
from certsuite.webex.request import Request
from certsuite.webex.tokens import Credentials
from certsuite.webex.wire import BACK_OFF_LIMIT_S, DEADLINE_S, WEBEX, Wire, back_off, base_url
from tests.webex.conftest import FakeClock, Lab

DEVICES = "GET /devices"
READ = Request("GET", "/devices")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "slept"),
    [
        ("too-many-requests", [7.0, 7.0]),
        ("too-many-requests-without-hint", [1.0, 2.0]),
        ("locked", [3.0, 3.0]),
        ("locked-without-hint", [1.0, 2.0]),
        ("unavailable", [5.0, 5.0]),
        ("server-error", [1.0, 2.0]),
        ("bad-gateway", [1.0, 2.0]),
        ("error-page", [1.0, 2.0]),
        ("dropped", [1.0, 2.0]),
        ("silent", [1.0, 2.0]),
    ],
)
async def test_reading_is_tried_again(lab: Lab, fault: str, slept: list[float]) -> None:
    lab.emulator.fails(fault, DEVICES, times=2)
    assert await lab.client().devices() == ()
    assert lab.clock.slept == slept


@pytest.mark.asyncio
async def test_it_ends_at_the_deadline_and_says_what_webex_said(lab: Lab) -> None:
    lab.emulator.fails("server-error", DEVICES, times=100)
    with pytest.raises(Overloaded, match=r"GET /devices: 500 Internal Server Error.*try again later.*trackingId EMU"):
        await lab.client().devices()
    assert lab.clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert lab.clock.passed <= DEADLINE_S


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["too-many-requests-for-long", "too-many-requests-until"])
async def test_a_retry_after_beyond_the_deadline_is_not_waited_for(lab: Lab, fault: str) -> None:
    lab.emulator.fails(fault, DEVICES)
    with pytest.raises(Overloaded, match=r"Retry-After: (86400|Fri, 31 Dec 2100)"):
        await lab.client().devices()
    assert lab.clock.slept == []


@pytest.mark.asyncio
async def test_a_date_in_retry_after_is_reckoned_from_now(lab: Lab) -> None:
    lab.clock.passed = datetime(2100, 12, 31, 23, 59, 49, tzinfo=UTC).timestamp() - lab.clock.utc()
    token = Secret(lab.organization.mint()["access_token"])
    lab.emulator.fails("too-many-requests-until", DEVICES)
    await lab.client(access_token=token).devices()
    assert lab.clock.slept == [pytest.approx(10.0, abs=0.001)]


@pytest.mark.asyncio
async def test_after_429_all_others_wait_as_well(lab: Lab) -> None:
    client = lab.client()
    lab.emulator.fails("too-many-requests", DEVICES)
    sleeps = lab.clock.sleep

    async def sleep(seconds: float) -> None:
        lab.clock.sleep = sleeps  # type: ignore[method-assign]
        # While the first one is about to wait another begins, and it has to wait too.
        await client.supported_devices()
        await sleeps(seconds)

    lab.clock.sleep = sleep  # type: ignore[method-assign]
    await client.devices()
    assert lab.clock.slept == [7.0, 7.0]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "kind"),
    [("forbidden", Forbidden), ("conflict", Refused), ("redirect", UnexpectedAnswer)],
)
async def test_what_would_be_refused_again_is_not_tried_again(lab: Lab, fault: str, kind: type[WebexError]) -> None:
    lab.emulator.fails(fault, DEVICES)
    with pytest.raises(kind, match="trackingId EMULATOR_"):
        await lab.client().devices()
    assert len(lab.emulator.exchanges) == 1


@pytest.mark.asyncio
async def test_a_change_that_cannot_be_repeated_is_not(lab: Lab) -> None:
    wire = lab.open_wire()
    once = Request("POST", "/devices", body={}, repeatable=False)
    for fault in ("dropped", "silent", "server-error", "gateway-timeout-after"):
        lab.emulator.fails(fault, "POST /devices")
        asked = len(lab.emulator.exchanges)
        with pytest.raises(OutcomeUnknown):
            await wire.send(once, lab.token)
        assert len(lab.emulator.exchanges) == asked + 1
    # An empty body is no request of the description: it was sent here to see what is done with it.
    lab.emulator.exchanges.clear()


@pytest.mark.asyncio
async def test_no_connection_is_tried_three_times(lab: Lab) -> None:
    wire = lab.open_wire()
    lab.emulator.stop()
    with pytest.raises(Unreachable, match=r"no connection.*check the network"):
        await wire.send(READ)
    assert lab.clock.slept == [1.0, 2.0]


@pytest.mark.asyncio
async def test_a_password_that_webex_repeats_is_masked(
    lab: Lab, password: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talkative(organization: Organization, body: dict[str, str]) -> None:
        raise Refusal(400, f"password {body['password']} is too weak; token {lab.token.reveal()}")

    monkeypatch.setattr(Organization, "create", talkative)
    with pytest.raises(Refused, match=r"password \*\*\* is too weak; token \*\*\*"):
        await lab.client().create("00AABBCCDDEE", "Partner Managed Phone", password, person_id=lab.owner.id)


@pytest.mark.asyncio
async def test_no_log_has_a_secret(lab: Lab, password: Secret, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lab.emulator.fails("server-error", "POST /devices")
    await lab.client().create("00AABBCCDDEE", "Partner Managed Phone", password, person_id=lab.owner.id)
    assert "/devices" in caplog.text
    assert password.reveal() not in caplog.text
    assert lab.token.reveal() not in caplog.text


# --- dry runs


@pytest.mark.asyncio
async def test_a_dry_run_shows_every_request_and_sends_none_that_changes_something(lab: Lab, password: Secret) -> None:
    shown: list[str] = []
    client = lab.client()
    device = await client.create("00AABBCCDDEE", "Partner Managed Phone", password, person_id=lab.owner.id)
    assert device is not None
    lab.emulator.exchanges.clear()
    dry = lab.client_of(lab.open_wire(dry_run=shown.append))
    assert await dry.create("00AABBCCDDEF", "Partner Managed Phone", password, person_id=lab.owner.id) is None
    await dry.set_password(device, Secret("Other5Password#"))
    await dry.apply(device)
    await dry.set_members(device, (await dry.members(device)).members)
    assert {one.method for one in lab.emulator.exchanges} == {"GET"}
    assert [line.split()[0] for line in shown if line.endswith("(not sent)")] == ["POST", "PUT", "POST", "PUT"]
    assert len([line for line in shown if not line.endswith("(not sent)")]) == len(lab.emulator.exchanges)
    text = "\n".join(shown)
    assert '"password": "***"' in text
    assert '{"sipPassword": "***"}' in text
    assert password.reveal() not in text
    assert "Other5Password#" not in text
    assert lab.organization.devices[device.id].applied == 0


# --- where it goes


def test_webex_is_where_it_goes_unless_there_is_an_emulator() -> None:
    assert base_url(None) == WEBEX
    assert base_url("http://127.0.0.1:8089/v1/") == "http://127.0.0.1:8089/v1"
    assert base_url("https://[::1]:8089/v1") == "https://[::1]:8089/v1"


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/v1",
        "https://webexapis.com.example/v1",
        "http://localhost:8089/v1",
        "http://127.0.0.1@192.0.2.1/v1",
        "http://user@127.0.0.1/v1",
        "ftp://127.0.0.1/v1",
        "127.0.0.1",
        "http://127.0.0.1:8089/v1?x",
        "",
    ],
)
def test_tokens_go_nowhere_else(url: str) -> None:
    with pytest.raises(UsageError, match="tokens go nowhere else"):
        base_url(url)


def test_a_root_is_for_an_emulator_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="for an emulator"):
        Wire(root=tmp_path / "root.pem")
    with pytest.raises(UsageError, match="no root certificate"):
        Wire("https://127.0.0.1:1/v1", root=tmp_path / "root.pem")


def test_pauses_double_up_to_a_limit() -> None:
    assert [back_off(tries) for tries in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert back_off(1000) == BACK_OFF_LIMIT_S


@pytest.mark.asyncio
async def test_certificates_are_verified_and_a_wrong_one_is_not_tried_again(tmp_path: Path) -> None:
    clock = FakeClock()
    organization = Organization(clock.utc)
    with KeyPool() as keys:
        pki = Pki.mint(datetime.now(UTC), Names("127.0.0.1", addresses=("127.0.0.1",)), keys)
        good = pki.presentation("good")
    file = tmp_path / "chain.pem"
    key = good.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(good.chain_pem + key)
    root = tmp_path / "root.pem"
    root.write_bytes(pki.root_pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    emulator = WebexEmulator(organization, tls=tls)
    await emulator.start()
    token = Credentials(access_token=Secret(organization.mint()["access_token"]))
    async with Wire(emulator.base_url, root=root, clock=clock) as wire:
        assert await WebexClient(wire, token).devices() == ()
    async with Wire(emulator.base_url, clock=clock) as wire:
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await WebexClient(wire, token).devices()
    assert clock.slept == []
    assert len(emulator.exchanges) == 1
    emulator.stop()


def test_errors_have_the_exit_code_of_their_kind() -> None:
    assert issubclass(Refused, UsageError)
    for kind in (Overloaded, Unreachable, OutcomeUnknown, UnexpectedAnswer):
        assert issubclass(kind, CertsuiteError)
        assert not issubclass(kind, UsageError)
