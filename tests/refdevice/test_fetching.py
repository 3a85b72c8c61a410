"""Fetching the configuration, from a small HTTPS server of the tests' own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from certsuite.refdevice.config import Config, Server, load
from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.fetching import Fetcher, FetchFailed

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio

HOST = "dms.lab.example"
PASSWORD = "f3tch me%"


class Site:
    """Answers requests one by one, as it was told to, and keeps them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.asked: list[str] = []
        self.answers: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self, context: ssl.SSLContext | None, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        self.lab.zone.records[f"{HOST}.", "A"] = ["127.0.0.1"]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while self.answers and (asked := await reader.readuntil(b"\r\n\r\n")):
                self.asked.append(asked.decode())
                writer.write(self.answers.pop(0))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    def will(self, status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> None:
        """The next answer."""
        named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        size = len(body) if length is None else length
        self.answers.append(f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n{named}\r\n".encode() + body)

    def fetcher(self, *faults: str, scheme: str = "https") -> Fetcher:
        self.lab.configure()
        config: Config = load(self.lab.directory)
        server = Server(f"{scheme}://{HOST}:{self.port}/x/a.toml", "dms", PASSWORD)
        return Fetcher(config, server, behaviour_with(faults))


@pytest_asyncio.fixture
async def site(lab: Lab) -> AsyncIterator[Site]:
    made = Site(lab)
    await made.open(lab.authority.server_context(HOST))
    yield made
    await made.close()


DIGEST = 'Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"'


def header(request: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


async def test_a_file_that_anyone_may_have(site: Site) -> None:
    site.will(200, b"x = 1")
    assert await site.fetcher().fetch() == b"x = 1"
    (asked,) = site.asked
    assert asked.startswith("GET /x/a.toml HTTP/1.1\r\n")
    assert (header(asked, "Host"), header(asked, "If-None-Match")) == (f"{HOST}:{site.port}", "")


async def test_a_digest_over_the_same_connection(site: Site) -> None:
    site.will(401, b"no", WWW_Authenticate=DIGEST)
    site.will(200, b"x = 1")
    assert await site.fetcher().fetch() == b"x = 1"
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', header(site.asked[1], "Authorization")))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    middle = f"n1:{given['nc']}:{given['cnonce']}:auth"
    assert given["uri"] == "/x/a.toml"
    assert given["response"] == md5(f"{md5(f'dms:r:{PASSWORD}')}:{middle}:{md5('GET:/x/a.toml')}")


async def test_a_wrong_digest_if_so_faulty(site: Site) -> None:
    responses = []
    for faults in ((), ("wrong-fetch-digest",)):
        site.will(401, WWW_Authenticate=DIGEST.replace(', qop="auth"', ""))
        site.will(200)
        await site.fetcher(*faults).fetch()
        responses.append(re.findall(r'response="(\w+)"', site.asked[-1]))
    assert responses[0] != responses[1]


async def test_basic(site: Site) -> None:
    site.will(401, WWW_Authenticate='Basic realm="r"')
    site.will(200, b"x")
    await site.fetcher().fetch()
    assert base64.b64decode(header(site.asked[1], "Authorization").removeprefix("Basic ")).decode() == f"dms:{PASSWORD}"


async def test_a_challenge_that_it_does_not_know(site: Site) -> None:
    site.will(401, WWW_Authenticate='Bearer realm="r"')
    with pytest.raises(FetchFailed, match="not known"):
        await site.fetcher().fetch()


@pytest.mark.parametrize(("faults", "asked"), [((), '"7"'), (("fetches-whole",), "")])
async def test_what_it_has_is_asked_for_conditionally(site: Site, faults: tuple[str, ...], asked: str) -> None:
    fetcher = site.fetcher(*faults)
    site.will(200, b"x", ETag='"7"')
    site.will(304, ETag='"7"')
    assert await fetcher.fetch() == b"x"
    site.answers = [b"HTTP/1.1 304 X\r\n\r\n"]
    assert await fetcher.fetch() is None
    assert header(site.asked[-1], "If-None-Match") == asked
    fetcher.forget()
    site.will(304)
    with pytest.raises(FetchFailed, match="304"):
        await fetcher.fetch()


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_what_is_not_given(site: Site, status: int) -> None:
    site.will(status, b"<html>")
    with pytest.raises(FetchFailed, match=f"answered {status}"):
        await site.fetcher().fetch()


async def test_a_redirection(site: Site) -> None:
    site.will(302, Location=f"https://{HOST}:{site.port}/y/b.toml")
    site.will(200, b"x")
    # Each hop is a connection of its own: the first one's next answer is the second's.
    assert await site.fetcher().fetch() == b"x"
    assert site.asked[1].startswith("GET /y/b.toml ")


@pytest.mark.parametrize(
    ("faults", "location", "problem"),
    [
        ((), "http://dms.lab.example/x", "without TLS"),
        ((), "", "elsewhere"),
        (("follows-no-redirection",), "/y", "elsewhere"),
    ],
)
async def test_a_redirection_that_is_not_followed(
    site: Site, faults: tuple[str, ...], location: str, problem: str
) -> None:
    site.will(302, Location=location)
    with pytest.raises(FetchFailed, match=problem):
        await site.fetcher(*faults).fetch()


async def test_a_circle_of_redirections_ends(site: Site) -> None:
    for _ in range(9):
        site.will(302, Location="/x/a.toml")
    with pytest.raises(FetchFailed, match="answered 302"):
        await site.fetcher().fetch()
    assert len(site.asked) == 4


async def test_half_a_file(site: Site) -> None:
    site.will(200, b"x = 1\n\n[y]\nz", length=100)
    with pytest.raises(FetchFailed, match="IncompleteRead"):
        await site.fetcher().fetch()
    site.will(200, b"x = 1\n\n[y]\nz", length=100)
    assert await site.fetcher("applies-half-a-file").fetch() == b"x = 1"


@pytest.mark.parametrize(
    ("faults", "names", "taken"),
    [
        ((), ("other.lab.example",), False),
        (("fetches-from-any-host",), ("other.lab.example",), True),
        (("fetches-from-expired",), ("other.lab.example",), False),
    ],
)
async def test_the_server_s_name(lab: Lab, faults: tuple[str, ...], names: tuple[str, ...], taken: bool) -> None:
    site = Site(lab)
    await site.open(lab.authority.server_context(*names))
    site.will(200, b"x")
    if taken:
        assert await site.fetcher(*faults).fetch() == b"x"
    else:
        with pytest.raises(FetchFailed, match=r"not for|not valid for|certificate"):
            await site.fetcher(*faults).fetch()
        assert not site.asked
    await site.close()


async def test_another_root(lab: Lab, tmp_path: Path) -> None:
    from tests.refdevice.conftest import Authority

    (tmp_path / "other").mkdir()
    site = Site(lab)
    await site.open(Authority(tmp_path / "other", "Other Root").server_context(HOST))
    site.will(200, b"x")
    with pytest.raises(FetchFailed, match="certificate verify failed"):
        await site.fetcher().fetch()
    assert not site.asked
    assert await site.fetcher("fetches-from-any-root").fetch() == b"x"
    await site.close()


@pytest.mark.parametrize(("fault", "where"), [("password-in-url", r"GET \S*f3tch%20me%25 "), ("", "")])
async def test_where_its_password_stands(site: Site, fault: str, where: str) -> None:
    site.will(200)
    await site.fetcher(*([fault] if fault else [])).fetch()
    assert re.search(where, site.asked[0])
    assert bool(fault) == ("f3tch" in site.asked[0])


async def test_its_password_in_the_user_agent_if_so_faulty(site: Site) -> None:
    site.will(200)
    await site.fetcher("password-in-user-agent").fetch()
    assert PASSWORD in header(site.asked[0], "User-Agent")


async def test_no_address_and_nobody_there(site: Site) -> None:
    fetcher = site.fetcher()
    await site.close()
    with pytest.raises(FetchFailed, match="refused"):
        await fetcher.fetch()
    site.lab.zone.records.clear()
    with pytest.raises(FetchFailed, match="no address"):
        await fetcher.fetch()


async def test_a_device_starts_with_what_it_fetches_and_keeps_it(site: Site, lab: Lab) -> None:
    lab.configure()
    given = (lab.directory / "phone.toml").read_text()
    url = f"https://{HOST}:{site.port}/x/a.toml"
    (lab.directory / "phone.toml").write_text(f'{given}\n[server]\nurl = "{url}"\nuser = "u"\npassword = "p"\n')
    registrar = await lab.registrar()
    lab.zone.srv((5, "sip-a.lab.example", registrar.port))
    site.will(200, f"expires = 300\n{given}".encode())
    device = await lab.start()
    assert (await registrar.next("REGISTER")).message.expires == 300
    await device.line("event registered 1")
    # What is no configuration is left alone.
    site.will(200, b"expires = ")
    registrar.ask("NOTIFY", ("Event", "check-sync"))
    await device.line("event registered 1")
    assert registrar.heard[-1].message.expires == 300
    await device.command("stop")
    await device.end()
    await site.close()
    registrar.heard.clear()
    again = await lab.start()
    await again.line("event registered 1")
    assert registrar.heard[-1].message.expires == 300
