"""Chains of real servers, and of servers that are none."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import dns.asyncresolver
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

from certsuite.core.errors import BenchError
from certsuite.core.journal import Journal, SystemClock
from certsuite.dns.zone import A, Record, Srv, Zone
from certsuite.edge.chain_fetcher import Target, fetch_chain, sips_targets
from certsuite.edge.dns_server import DnsServer
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki, Presentation
from certsuite.tls.probe_chains import Mode, Role, ServedChain, Technique
from certsuite.tls.probe_roots import certificates_of_pem
from certsuite.tls.probe_server import probe_engine
from tests.edge.conftest import Frames

ADDRESS = "127.0.0.1"
HOST = "edge.lab.example"
GENUINE = Path(__file__).parents[1] / "data" / "chains" / "identrust.com-expired-2020.pem"


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names(HOST), keys)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of ours; gives its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, ADDRESS, 0, ssl=context)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()


def context_of(shown: Presentation, folder: Path) -> ssl.SSLContext:
    key = shown.key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(key + shown.chain_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes whatever comes until the end."""
    while await reader.read(4096):
        continue


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.asyncio
async def test_a_chain_of_three_comes_as_it_was_sent_and_no_data_with_it(
    pki: Pki, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    shown = pki.presentation("path-length-exceeded")
    context = context_of(shown, tmp_path)
    context.maximum_version = version
    asked: list[str | None] = []
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    said: list[bytes] = []

    async def keeps(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(4096))

    async with server(keeps, context) as port:
        sent = await fetch_chain(ADDRESS, port, server_name=HOST)
    assert list(sent) == [one.public_bytes(Encoding.DER) for one in shown.chain]
    assert len(sent) == 3
    assert asked == [HOST]
    assert b"".join(said) == b""


@pytest.mark.asyncio
async def test_a_server_that_wants_a_certificate_has_shown_its_own(pki: Pki, tmp_path: Path) -> None:
    context = context_of(pki.presentation("good"), tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    async with server(listens, context) as port:
        assert len(await fetch_chain(ADDRESS, port, server_name=HOST)) == 2


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.asyncio
async def test_a_genuine_chain_is_read_although_its_key_is_not_proved(version: str) -> None:
    """It is only looked at: what makes it genuine are its signatures, and those are there."""
    genuine = certificates_of_pem(GENUINE.read_bytes())
    served = ServedChain(Role.PROBED, tuple(one.der for one in genuine), genuine[0].public_key)

    async def probes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine = probe_engine(Mode(Technique.BAD_SIGNATURE, version), served)
        while engine.outcome is None and (data := await reader.read(4096)):
            engine.receive(data, 0.0)
            writer.write(engine.output())

    async with server(probes) as port:
        assert await fetch_chain(ADDRESS, port, server_name=HOST) == served.certificates


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.lab.example ESMTP\x1b[31m\r\n")
    await reader.read(4096)


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)


async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)
    writer.write(bytes.fromhex("15030300020228"))
    await writer.drain()


@pytest.mark.parametrize(
    ("serve", "problem"),
    [
        (greets, r"does not speak TLS: it said '220 mail.lab.example ESMTP\\x1b\[31m"),
        (hangs_up, "presented no certificate: it closed the connection"),
        (refuses, "presented no certificate: .*handshake failure"),
    ],
)
@pytest.mark.asyncio
async def test_a_server_that_shows_no_certificate(serve: Serve, problem: str) -> None:
    async with server(serve) as port:
        with pytest.raises(BenchError, match=problem):
            await fetch_chain(ADDRESS, port, server_name=HOST)


@pytest.mark.asyncio
async def test_a_server_that_is_silent_is_given_up() -> None:
    async with server(listens) as port:
        with pytest.raises(BenchError, match=r"did not answer the ClientHello within 0\.2 s"):
            await fetch_chain(ADDRESS, port, server_name=HOST, patience_s=0.2)


@pytest.mark.asyncio
async def test_nobody_listens_and_nobody_is_called_so() -> None:
    async with server(listens) as port:
        pass
    with pytest.raises(BenchError, match=f"cannot connect to {ADDRESS} port {port}: nobody listens there"):
        await fetch_chain(ADDRESS, port, server_name=HOST)
    with pytest.raises(BenchError, match=r"no-such-host\.invalid cannot be resolved"):
        await fetch_chain("no-such-host.invalid", 5061, server_name=HOST)


# --- SRV


@asynccontextmanager
async def resolver(zone: Zone) -> AsyncIterator[dns.asyncresolver.Resolver]:
    dns_server = DnsServer(Journal(SystemClock()), Frames(), zone, ADDRESS)
    await dns_server.start()
    asks = dns.asyncresolver.Resolver(configure=False)
    asks.nameservers, asks.port = [ADDRESS], dns_server.endpoint[1]
    yield asks
    await dns_server.stop()


def srv(name: str, *targets: Srv) -> Zone:
    return Zone(tuple(Record(name, 60, target) for target in targets))


@pytest.mark.asyncio
async def test_targets_come_in_the_order_of_their_priority() -> None:
    zone = srv("_sips._tcp.lab.example", Srv(10, 5, 8935, "b.lab.example"), Srv(5, 50, 8934, "a.lab.example"))
    async with resolver(zone) as asks:
        assert await sips_targets("lab.example", resolver=asks) == (
            Target("a.lab.example", 8934, 5, 50),
            Target("b.lab.example", 8935, 10, 5),
        )


@pytest.mark.asyncio
async def test_what_srv_does_not_tell_is_said() -> None:
    zone = Zone((Record("_sips._tcp.no-srv.example", 60, A("192.0.2.1")),))
    async with resolver(zone) as asks:
        with pytest.raises(BenchError, match=r"_sips\._tcp\.no-srv\.example has no SRV record"):
            await sips_targets("no-srv.example", resolver=asks)
        with pytest.raises(BenchError, match=r"there is no name _sips\._tcp\.nothing\.example|cannot be resolved"):
            await sips_targets("nothing.example", resolver=asks)


@pytest.mark.asyncio
async def test_a_dns_server_that_does_not_answer_is_given_up() -> None:
    silent = dns.asyncresolver.Resolver(configure=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((ADDRESS, 0))
        silent.nameservers, silent.port = [ADDRESS], sink.getsockname()[1]
        with pytest.raises(BenchError, match=r"_sips\._tcp\.lab\.example cannot be resolved"):
            await sips_targets("lab.example", resolver=silent, patience_s=0.2)
