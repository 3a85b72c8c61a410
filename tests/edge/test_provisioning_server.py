"""The provisioning server, with real requests over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from certsuite.bench.addresses import LoopbackNet
from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import BenchChanged, FlowClosed, FlowOpened, ProvisioningAnswer, ProvisioningRequest
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.redaction import Secret
from certsuite.edge.flow import FlowNames
from certsuite.edge.provisioning_server import HTTP_PORT, HTTPS_PORT, ProvisioningServer
from certsuite.edge.provisioning_site import Access, Site
from certsuite.tls.pki import Pki
from certsuite.tls.server import TlsBehaviour
from tests.edge.conftest import HOST, Frames
from tests.waiting import WatchOfAll

MAC = "02005e0000a1"
PASSWORD = Secret("fetch-me-9X.")


class Served:
    """A server with one file."""

    def __init__(self, pki: Pki, credentials: str) -> None:
        self.journal = Journal(SystemClock())
        self.frames = Frames()
        self.own = pki.for_device(MAC)
        access = Access(credentials, "dms-1", PASSWORD, MAC, self.own.leaf_der)
        self.site = Site(access, secrets=lambda: [Secret("line-one-7Z.")])
        self.site.files[f"{MAC}.toml"] = b"expires = 300\n" * 20
        self.owner = "device"
        self.net = LoopbackNet()
        self.address = self.net.host(14)
        self.watch = WatchOfAll(self.journal)
        self.server = ProvisioningServer(
            self.site,
            TlsBehaviour(pki.presentation("good")),
            self.address,
            journal=self.journal,
            capture=self.frames,
            names=FlowNames(),
            owner_of=lambda *_: self.owner,
        )
        self.trust = ssl.create_default_context(cadata=pki.root_pem.decode("ascii"))

    async def get(self, name: str = f"{MAC}.toml", **about: Any) -> httpx.Response:
        return await self.ask("GET", self.site.path + name, **about)

    async def ask(
        self, method: str, path: str, *, port: int = HTTPS_PORT, auth: Any = None, **headers: str
    ) -> httpx.Response:
        scheme = "http" if port == HTTP_PORT else "https"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(verify=self.trust, trust_env=False, timeout=5) as client:
            return await client.request(
                method,
                f"{scheme}://{self.address}:{port}{path}",
                headers={"Host": f"{HOST}:{port}", "User-Agent": "Acme X1", **named},
                auth=auth,
                extensions={"sni_hostname": HOST},
            )

    async def saw(self, kind: type[Any]) -> None:
        """Wait until something of a kind was observed."""
        assert await self.watch.until(lambda: bool(self.seen(kind)), asyncio.get_running_loop().time() + 5)

    def seen(self, kind: type[Any]) -> list[Any]:
        return [one.event for one in self.journal.since(0) if isinstance(one.event, kind)]


@pytest.fixture
def credentials() -> str:
    return "digest"


@pytest_asyncio.fixture
async def served(pki: Pki, credentials: str) -> AsyncIterator[Served]:
    made = Served(pki, credentials)
    await made.server.start()
    yield made
    made.server.stop()
    made.net.release()
    await asyncio.sleep(0)


def digest() -> httpx.DigestAuth:
    return httpx.DigestAuth("dms-1", PASSWORD.reveal())


@pytest.mark.asyncio
async def test_a_file_is_given_to_who_has_the_digest(served: Served) -> None:
    answer = await served.get(auth=digest())
    assert (answer.status_code, answer.content) == (200, served.site.files[f"{MAC}.toml"])
    first, second = served.seen(ProvisioningRequest)
    assert (first.credentials, first.accepted, first.secure) == ("none", False, True)
    assert (second.credentials, second.accepted, second.problem) == ("digest", True, "")
    assert (second.user_agent, second.host, second.mac_in) == ("Acme X1", f"{HOST}:{HTTPS_PORT}", ("path",))
    assert second.target == f"{served.site.path}{MAC}.toml"
    refused, given = served.seen(ProvisioningAnswer)
    assert (refused.status, given.status, given.length) == (401, 200, len(answer.content))
    assert given.etag == answer.headers["etag"]


@pytest.mark.asyncio
async def test_the_record_has_the_connection_and_the_capture_no_secret(served: Served) -> None:
    await served.get(auth=digest())
    (opened,) = served.seen(FlowOpened)
    assert (opened.port_role, opened.owner) == ("https", "device")
    assert served.frames.count > 2
    assert not served.frames.secrets


@pytest.mark.asyncio
async def test_what_has_not_changed_is_not_sent_again(served: Served) -> None:
    etag = (await served.get(auth=digest())).headers["etag"]
    again = await served.get(auth=digest(), If_None_Match=etag)
    assert (again.status_code, again.content) == (304, b"")
    served.site.files[f"{MAC}.toml"] += b"\n"
    assert (await served.get(auth=digest(), If_None_Match=etag)).status_code == 200
    assert served.seen(ProvisioningRequest)[-1].if_none_match == etag


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["other.toml", "../x", ""])
async def test_what_there_is_not(served: Served, name: str) -> None:
    assert (await served.get(name, auth=digest())).status_code == 404


@pytest.mark.asyncio
async def test_another_password(served: Served) -> None:
    answer = await served.get(auth=httpx.DigestAuth("dms-1", "guessed"))
    assert answer.status_code == 401
    last = served.seen(ProvisioningRequest)[-1]
    assert (last.credentials, last.accepted) == ("digest", False)
    assert "the response is wrong" in last.problem


@pytest.mark.asyncio
@pytest.mark.parametrize("credentials", ["basic"])
async def test_basic(served: Served) -> None:
    assert (await served.get(auth=("dms-1", PASSWORD.reveal()))).status_code == 200
    assert (await served.get(auth=("dms-1", "guessed"))).status_code == 401
    assert [one.accepted for one in served.seen(ProvisioningRequest)] == [True, False]
    assert PASSWORD.reveal() not in repr(served.seen(ProvisioningRequest))


@pytest.mark.asyncio
@pytest.mark.parametrize("credentials", ["none"])
async def test_whoever_comes(served: Served) -> None:
    assert (await served.get()).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("credentials", ["certificate"])
async def test_a_certificate_of_its_own(served: Served, tmp_path: Path) -> None:
    assert (await served.get()).status_code == 403
    file = tmp_path / "device.pem"
    file.write_bytes(served.own.chain_pem + served.own.key_pem)
    served.trust.load_cert_chain(file)
    assert (await served.get()).status_code == 200
    assert [one.credentials for one in served.seen(ProvisioningRequest)] == ["none", "certificate"]


@pytest.mark.asyncio
async def test_without_tls_it_is_seen_and_gets_nothing(served: Served) -> None:
    answer = await served.get(port=HTTP_PORT, auth=("dms-1", PASSWORD.reveal()))
    assert answer.status_code == 403
    assert not served.seen(ProvisioningRequest)[0].secure
    assert served.seen(FlowOpened)[0].port_role == "http"


@pytest.mark.asyncio
async def test_http_on_the_port_of_https(served: Served) -> None:
    reader, writer = await asyncio.open_connection(served.address, HTTPS_PORT)
    writer.write(f"GET {served.site.path}x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 403")
    writer.close()
    assert not served.seen(ProvisioningRequest)[0].secure


@pytest.mark.asyncio
@pytest.mark.parametrize(("fault", "status"), [("not found", 404), ("server error", 500), ("unavailable", 503)])
async def test_it_fails_by_name(served: Served, fault: str, status: int) -> None:
    await served.server.behave(fault, fault=fault)
    assert (await served.get(auth=digest())).status_code == status
    assert served.seen(ProvisioningAnswer)[-1].fault == fault
    await served.server.behave("good")
    assert served.server.good
    assert (await served.get(auth=digest())).status_code == 200
    assert [one.behaviour for one in served.seen(BenchChanged)] == [fault, "good"]


@pytest.mark.asyncio
async def test_half_a_file(served: Served) -> None:
    await served.server.behave("truncated", fault="truncated")
    with pytest.raises(httpx.RemoteProtocolError):
        await served.get(auth=digest())
    told = served.seen(ProvisioningAnswer)[-1]
    assert (told.status, told.length, told.fault) == (200, len(served.site.files[f"{MAC}.toml"]) * 9 // 10, "truncated")


@pytest.mark.asyncio
async def test_silence_ends_with_the_fault(served: Served) -> None:
    await served.server.behave("silent", fault="silent")

    async def waits_in_vain() -> None:
        with pytest.raises(httpx.HTTPError):
            await served.get()

    async def is_good_again() -> None:
        await served.saw(ProvisioningAnswer)
        await served.server.behave("good")

    await asyncio.gather(waits_in_vain(), is_good_again())
    assert served.seen(ProvisioningAnswer)[-1].status == 0


@pytest.mark.asyncio
async def test_away_and_back(served: Served) -> None:
    await served.server.behave("away", away=True)
    assert not served.server.good
    with pytest.raises(httpx.ConnectError):
        await served.get()
    await served.server.behave("good")
    assert (await served.get(auth=digest())).status_code == 200


@pytest.mark.asyncio
async def test_another_chain(served: Served, pki: Pki) -> None:
    await served.server.behave("unknown-root", tls=TlsBehaviour(pki.presentation("unknown-root")), asks_for="basic")
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        await served.get()
    served.trust = ssl._create_unverified_context()
    answer = await served.get()
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.asyncio
async def test_a_port_that_is_taken(served: Served, pki: Pki) -> None:
    other = Served(pki, "none")
    other.net.release()
    other.server._address = served.address
    with pytest.raises(AddressUnavailable, match=f"{served.address} port {HTTPS_PORT}"):
        await other.server.start()


@pytest.mark.asyncio
@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x05hello", b"\0\0\0\0\r\n\r\n", b"GET " + b"A" * 100_000])
@pytest.mark.parametrize("port", [HTTPS_PORT, HTTP_PORT])
async def test_garbage_ends_the_connection(served: Served, garbage: bytes, port: int) -> None:
    reader, writer = await asyncio.open_connection(served.address, port)
    with contextlib.suppress(ConnectionError):
        writer.write(garbage)
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await served.saw(FlowClosed)
    assert not served.seen(ProvisioningRequest)


@pytest.mark.asyncio
async def test_requests_one_after_the_other_and_all_at_once(served: Served) -> None:
    reader, writer = await asyncio.open_connection(served.address, HTTP_PORT)
    writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2000 + b"GET /b HTTP/1.0\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 10)).count(b"HTTP/1.1 403") == 2001
    writer.close()


@pytest.mark.asyncio
async def test_one_of_a_crowd_gets_nothing(served: Served) -> None:
    served.owner = "crowd"
    with pytest.raises(httpx.HTTPError):
        await served.get()
    assert not served.journal.since(0)
