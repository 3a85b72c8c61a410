"""The configuration over HTTPS (RFC 9110, RFC 2818): asked for at the start and when the network says so."""

from __future__ import annotations

import asyncio
import base64
import http.client
import logging
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.config import Config, Server
from certsuite.refdevice.digest import Credentials
from certsuite.refdevice.dns import DnsError, Resolver
from certsuite.sip.message import SipMessage

log = logging.getLogger("refdevice.fetching")

_CLEAR_PORT = 8080
_REDIRECTIONS_AT_MOST = 3
_REDIRECTED = (301, 302, 307, 308)
_UNCHANGED = 304
_NO_CHECK_TIME = 0x200000
"X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."


class FetchFailed(Exception):
    """There is no configuration to be had."""


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    "Names in lower case."
    body: bytes = field(repr=False)


class Fetcher:
    """Fetches one device's file, and knows which version of it came last."""

    def __init__(self, config: Config, server: Server, behaviour: Behaviour) -> None:
        """Raises :class:`OSError` if the trusted roots or its own certificate cannot be read."""
        self._config = config
        self._server = server
        self._behaviour = behaviour
        self._resolver = Resolver(config.resolver, config.address)
        self._etag = ""
        self._context = _context(config, server, behaviour)

    async def fetch(self) -> bytes | None:
        """The file's content; ``None`` if it is the same as last time. Raises :class:`FetchFailed`."""
        url = self._first_url()
        for _ in range(1 + _REDIRECTIONS_AT_MOST):
            response = await self._asked(url)
            if response.status not in _REDIRECTED:
                break
            url = self._followed(url, response.headers.get("location", ""))
        if response.status == _UNCHANGED and self._etag:
            return None
        if response.status != 200:
            raise FetchFailed(f"the server answered {response.status}")
        self._etag = response.headers.get("etag", "")
        return response.body

    def forget(self) -> None:
        """What came last was of no use."""
        self._etag = ""

    # --- inside

    def _first_url(self) -> str:
        scheme, place, path, query, _ = urlsplit(self._server.url)
        if self._behaviour.fetches_in_clear:
            scheme, place = "http", f"{place.partition(':')[0]}:{_CLEAR_PORT}"
        if self._behaviour.fetched_name:
            path = path.rpartition("/")[0] + "/" + self._behaviour.fetched_name
        if self._behaviour.password_in == "url":
            query = f"user={quote(self._server.user)}&password={quote(self._server.password)}"
        return urlunsplit((scheme, place, path, query, ""))

    def _followed(self, url: str, location: str) -> str:
        to = urljoin(url, location)
        if not location or not self._behaviour.follows_redirects:
            raise FetchFailed("the server sent the device elsewhere")
        if urlsplit(to).scheme != "https" and not self._behaviour.redirects_to_clear:
            raise FetchFailed(f"the server sent the device to {to}, without TLS")
        return to

    async def _asked(self, url: str) -> _Response:
        parts = urlsplit(url)
        try:
            addresses = await self._resolver.addresses(parts.hostname or "")
            return await asyncio.to_thread(self._ask, addresses[0], parts.scheme, parts.netloc, url)
        except (DnsError, IndexError) as error:
            raise FetchFailed(f"{parts.hostname}: no address: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            raise FetchFailed(f"{parts.netloc}: {error or type(error).__name__}") from error

    def _ask(self, address: str, scheme: str, place: str, url: str) -> _Response:
        """Ask, and once more with credentials if they are wanted. Blocks."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        timeout_s = self._behaviour.fetch_timeout_s or self._config.transaction_s
        port = parts.port or (443 if scheme == "https" else 80)
        with socket.create_connection((address, port), timeout_s, (self._config.address, 0)) as raw:
            stream = self._context.wrap_socket(raw, server_hostname=parts.hostname) if scheme == "https" else raw
            connection = http.client.HTTPConnection(place)
            connection.sock = stream
            try:
                response = self._exchange(connection, target, {})
                if response.status == 401:
                    authorization = self._authorization(response.headers.get("www-authenticate", ""), target)
                    response = self._exchange(connection, target, {"Authorization": authorization})
                return response
            finally:
                connection.close()

    def _exchange(self, connection: http.client.HTTPConnection, target: str, headers: dict[str, str]) -> _Response:
        agent = self._config.user_agent
        if self._behaviour.password_in == "user agent":
            agent = f"{agent} ({self._server.user}:{self._server.password})"
        headers = {"User-Agent": agent, "Accept": "*/*", **headers}
        if self._etag and self._behaviour.conditional:
            headers["If-None-Match"] = self._etag
        connection.request("GET", target, headers=headers)
        with connection.getresponse() as response:
            try:
                body = response.read()
            except http.client.IncompleteRead as half:
                if not self._behaviour.applies_halves:
                    raise
                body = half.partial.rpartition(b"\n\n")[0]  # what came of the last part of it is of no use
            return _Response(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def _authorization(self, challenge: str, target: str) -> str:
        """Raises :class:`FetchFailed` for a challenge that cannot be answered."""
        user, password = self._server.user, self._server.password
        if challenge.lower().startswith("basic"):
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        if self._behaviour.wrong_fetch_digest:
            password = password[:-1]
        asked = SipMessage(status=401, reason="Unauthorized", headers=(("WWW-Authenticate", challenge),))
        answered = Credentials(user, password).answer(asked, "GET", target)
        if answered is None:
            raise FetchFailed("the server asks for credentials in a way that is not known")
        return answered[1]


def _context(config: Config, server: Server, behaviour: Behaviour) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(config.trusted_roots)
    if not behaviour.verifies_fetched_dates:
        context.verify_flags |= _NO_CHECK_TIME
    if not (behaviour.verifies_fetched_name and behaviour.verifies_fetched_chain):
        context.check_hostname = False
    if not behaviour.verifies_fetched_chain:
        context.verify_mode = ssl.CERT_NONE
    if server.certificate:
        context.load_cert_chain(server.certificate, server.key)
    return context
