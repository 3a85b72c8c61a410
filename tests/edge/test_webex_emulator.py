"""The emulator at real sockets: its faults, what it keeps, and that what is wrong would be noticed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio

from certsuite.core.errors import AddressUnavailable, UsageError
from certsuite.edge.webex_emulator import FAULTS, WebexEmulator
from certsuite.edge.webex_state import Organization
from tests.openapi import problems

PASSWORD = "Test4Password123&"
MAC = "001A2B3C4D5E"
SILENCE_S = 0.3

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[WebexEmulator]:
    served = WebexEmulator(Organization(time.time))
    await served.start()
    yield served
    served.stop()


@pytest_asyncio.fixture
async def http(emulator: WebexEmulator) -> AsyncIterator[httpx.AsyncClient]:
    token = emulator.organization.mint()["access_token"]
    async with httpx.AsyncClient(
        base_url=emulator.base_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as client:
        yield client


def wanted(emulator: WebexEmulator) -> dict[str, str]:
    owner = emulator.organization.someone("Anna", "Berg")
    return {"mac": MAC, "model": "Partner Managed Phone", "password": PASSWORD, "personId": owner.id}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_goes_wrong_as_it_says_and_once(
    emulator: WebexEmulator, http: httpx.AsyncClient, name: str
) -> None:
    fault = FAULTS[name]
    emulator.fails(name, "POST /devices")
    body = wanted(emulator)
    if fault.status:
        answer = await http.post("/devices", json=body)
        assert answer.status_code == fault.status
        assert answer.headers.get("retry-after", "") == fault.retry_after
        assert answer.headers["trackingid"]
    else:
        with pytest.raises(httpx.RemoteProtocolError if fault.drops else httpx.ReadTimeout):
            await http.post("/devices", json=body, timeout=SILENCE_S)
    assert bool(emulator.organization.devices) is fault.done
    assert emulator.exchanges[-1].fault == name
    again = await http.post("/devices", json=body)
    assert again.status_code == (409 if fault.done else 200)


async def test_faults_and_routes_that_there_are_not(emulator: WebexEmulator) -> None:
    with pytest.raises(UsageError, match="there is no fault slow; there are too-many-requests"):
        emulator.fails("slow", "POST /devices")
    with pytest.raises(UsageError, match="there is no route"):
        emulator.fails("dropped", "POST /elsewhere")


async def test_a_wrong_answer_or_request_would_be_noticed(emulator: WebexEmulator, http: httpx.AsyncClient) -> None:
    assert (await http.post("/devices", json=wanted(emulator))).status_code == 200
    (good,) = emulator.exchanges
    assert problems([good]) == []
    assert isinstance(good.answer, dict)
    for wrong in (
        replace(good, answer=good.answer | {"managedBy": "SOMEONE"}),
        replace(good, answer={name: value for name, value in good.answer.items() if name != "created"}),
        replace(good, body={"mac": MAC}),
        replace(good, body=None),
        replace(good, status=299),
        replace(good, query={"unknown": "1"}),
        replace(good, route="POST /nowhere"),
    ):
        assert len(problems([wrong])) == 1, wrong


async def test_what_there_is_not(emulator: WebexEmulator, http: httpx.AsyncClient) -> None:
    assert (await http.get("/nothing")).status_code == 404
    assert (await http.get(emulator.base_url.replace("/v1", "/v2") + "/devices")).status_code == 404
    wrong = await http.request("PATCH", "/devices")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    assert (await http.head("/nothing")).content == b""


async def test_a_token_is_needed_and_expires(emulator: WebexEmulator) -> None:
    async with httpx.AsyncClient(base_url=emulator.base_url, trust_env=False) as client:
        answer = await client.get("/devices")
        assert answer.status_code == 401
        assert answer.json()["trackingId"].startswith("EMULATOR_")
        short = emulator.organization.mint(lives_s=-1)["access_token"]
        assert (await client.get("/devices", headers={"Authorization": f"Bearer {short}"})).status_code == 401


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x05hello", b"GET " + b"A" * 70_000, b"\r\n\r\n\0\0\r\n\r\n"])
async def test_garbage_ends_the_connection(emulator: WebexEmulator, garbage: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(emulator.base_url).port)
    writer.write(garbage)
    try:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        return
    finally:
        writer.close()


async def test_several_requests_at_once_on_one_connection(emulator: WebexEmulator) -> None:
    token = emulator.organization.mint()["access_token"]
    request = f"GET /v1/devices HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(emulator.base_url).port)
    writer.write(request * 2 + request.replace(b"Host: a", b"Host: a\r\nConnection: close"))
    text = await asyncio.wait_for(reader.read(), 5)
    assert text.count(b"HTTP/1.1 200 OK") == 3
    writer.close()


async def test_it_serves_this_machine_alone(emulator: WebexEmulator) -> None:
    with pytest.raises(UsageError, match="for this machine alone"):
        WebexEmulator(emulator.organization, "0.0.0.0")
    port = httpx.URL(emulator.base_url).port
    assert port is not None
    with pytest.raises(AddressUnavailable, match=f"port {port}"):
        await WebexEmulator(emulator.organization, port=port).start()
