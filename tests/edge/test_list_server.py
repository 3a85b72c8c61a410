"""The server of the revocation list, with real requests."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import HttpRequest
from certsuite.core.journal import Journal, SystemClock
from certsuite.edge.list_server import ListServer

PORT = 28_880
NET = f"127.77.{os.getpid() % 250}"
"Another one in each process that runs tests."


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[ListServer, Journal]]:
    journal = Journal(SystemClock())
    server = ListServer(journal, f"{NET}.1", PORT, owner_of=lambda *_: "foreign")
    server.files["/lab.crl"] = b"\x30\x00"
    await server.start()
    yield server, journal
    server.stop()


async def get(path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://{NET}.1:{PORT}{path}", headers={"Host": "crl.lab.example"})


@pytest.mark.asyncio
async def test_the_list_is_given_and_who_asked_is_in_the_record(served: tuple[ListServer, Journal]) -> None:
    answer = await get("/lab.crl")
    assert (answer.status_code, answer.content) == (200, b"\x30\x00")
    assert answer.headers["content-type"] == "application/pkix-crl"
    (seen,) = served[1].since(0)
    assert isinstance(seen.event, HttpRequest)
    assert (seen.event.host, seen.event.target, seen.event.status) == ("crl.lab.example", "/lab.crl", 200)
    assert seen.event.owner == "foreign"


@pytest.mark.asyncio
async def test_there_is_nothing_else(served: tuple[ListServer, Journal]) -> None:
    assert (await get("/other")).status_code == 404
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"http://{NET}.1:{PORT}/lab.crl")).status_code == 404


@pytest.mark.asyncio
@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x05hello", b"GET " + b"A" * 20_000, b"\r\n\r\n\0\0\0\r\n\r\n"])
async def test_garbage_ends_the_connection(served: tuple[ListServer, Journal], garbage: bytes) -> None:
    reader, writer = await asyncio.open_connection(f"{NET}.1", PORT)
    writer.write(garbage)
    try:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        return
    finally:
        writer.close()


@pytest.mark.asyncio
async def test_who_says_nothing_is_let_go_with_the_server(served: tuple[ListServer, Journal]) -> None:
    reader, writer = await asyncio.open_connection(f"{NET}.1", PORT)
    await get("/lab.crl")
    served[0].stop()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


@pytest.mark.asyncio
async def test_a_port_that_is_taken(served: tuple[ListServer, Journal]) -> None:
    other = ListServer(served[1], f"{NET}.1", PORT, owner_of=lambda *_: "device")
    with pytest.raises(AddressUnavailable, match=f"{NET}.1 port {PORT}"):
        await other.start()


@pytest.mark.asyncio
async def test_one_of_a_crowd_gets_nothing() -> None:
    journal = Journal(SystemClock())
    server = ListServer(journal, f"{NET}.2", PORT, owner_of=lambda *_: "crowd")
    await server.start()
    reader, writer = await asyncio.open_connection(f"{NET}.2", PORT)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    server.stop()
    assert not journal.since(0)
