"""The ClientHello of a very old stack: well formed, and with everything wrong with it that is meant to be."""

from __future__ import annotations

import asyncio

import pytest

from certsuite.core.events import ClientHelloSeen
from certsuite.refdevice.old_hello import old_client_hello, try_old_hello
from certsuite.tls.client_hello import ClientHelloReader


def test_it_is_what_it_is_meant_to_be() -> None:
    hello = ClientHelloReader().feed(old_client_hello())
    assert isinstance(hello, ClientHelloSeen)
    assert hello.versions == ("TLSv1.2", "TLSv1.1", "TLSv1")
    assert (hello.extensions, hello.groups, hello.compression_methods) == ((10, 11), (25,), (1, 0))
    assert hello.server_name is None
    assert not hello.signature_algorithms
    assert 0x00FF not in hello.cipher_suites


@pytest.mark.asyncio
async def test_it_is_sent_and_the_connection_given_up() -> None:
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(4096)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")
        rest = await reader.read()
        writer.close()
        came.set_result(data + rest)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await try_old_hello("127.0.0.1", port, "127.0.0.2")
        assert len(await came) == len(old_client_hello())


@pytest.mark.asyncio
async def test_a_target_that_refuses_is_no_matter() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    await try_old_hello("127.0.0.1", port, "127.0.0.2")
