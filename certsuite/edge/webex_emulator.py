"""The Webex API on this machine: an :class:`Organization` over HTTP, and the ways in which an API fails, by name.

It serves loopback alone. Everything that it was asked and answered is kept, so that a test can hold it against the
official OpenAPI description.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11

from certsuite.core.errors import AddressUnavailable, UsageError
from certsuite.edge.webex_models import Json, Refusal
from certsuite.edge.webex_routes import ENDPOINTS, REFRESH_ROUTE, Call, Reply, answered, refused, routed
from certsuite.edge.webex_state import Organization

BASE = "/v1"
LAB = "/lab/registrations"
"Not of the API: where a lab tells that a device has registered, by ``mac`` and ``userAgent``."
_BODY_LIMIT = 1_000_000
_HEAD_LIMIT = 65_536
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a request goes wrong."""

    status: int = 0
    "Answers so; 0 gives no answer."
    retry_after: str = ""
    done: bool = False
    "What was asked for is done all the same."
    drops: bool = False
    "Ends the connection instead of an answer; otherwise it stays silent."
    body: str | None = None
    "Instead of an error envelope."


FAULTS: dict[str, Fault] = {
    "too-many-requests": Fault(429, retry_after="7"),
    "too-many-requests-briefly": Fault(429, retry_after="1"),
    "too-many-requests-for-long": Fault(429, retry_after="86400"),
    "too-many-requests-until": Fault(429, retry_after="Fri, 31 Dec 2100 23:59:59 GMT"),
    "too-many-requests-without-hint": Fault(429),
    "locked": Fault(423, retry_after="3"),
    "locked-briefly": Fault(423, retry_after="1"),
    "locked-without-hint": Fault(423),
    "conflict": Fault(409),
    "forbidden": Fault(403),
    "unauthorized": Fault(401),
    "server-error": Fault(500),
    "server-error-after": Fault(500, done=True),
    "bad-gateway": Fault(502),
    "unavailable": Fault(503, retry_after="5"),
    "gateway-timeout-after": Fault(504, done=True),
    "dropped": Fault(drops=True),
    "dropped-after": Fault(drops=True, done=True),
    "silent": Fault(),
    "silent-after": Fault(done=True),
    "not-json": Fault(200, body="<html>not the API</html>"),
    "error-page": Fault(502, body="<html>proxy error</html>"),
    "redirect": Fault(302),
}
"Faults by name; those that end in ``-after`` have made the change that they give no good answer to."


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it."""

    method: str
    path: str
    "Below the base."
    route: str
    "Method and template of the path, such as ``GET /devices/{deviceId}``; empty if there is none."
    query: Mapping[str, str]
    body: Any
    "As read from JSON or a form; None without one."
    status: int
    "0 if nothing was answered."
    answer: Json | None
    fault: str


class WebexEmulator:
    """Serves an organization. ``base_url`` is there once it is started."""

    def __init__(
        self,
        organization: Organization,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        page: int = _PAGE,
    ) -> None:
        """``page`` is the most items of one page. Raises :class:`UsageError` for an address beyond this machine."""
        if not ip_address(address).is_loopback:
            raise UsageError(f"{address}: the emulator is for this machine alone, such as 127.0.0.1")
        self.organization = organization
        self.base_url = ""
        self.exchanges: list[Exchange] = []
        self.peak = 0
        "The most requests that were open at a time."
        self._address = address
        self._port = port
        self._tls = tls
        self._page = page
        self._faults: list[tuple[str, str]] = []
        self._held: list[Callable[[], None]] | None = None
        self._open = 0
        self._came = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises :class:`AddressUnavailable`."""
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self), self._address, self._port, ssl=self._tls
            )
        except OSError as error:
            raise AddressUnavailable(f"cannot listen on {self._address} port {self._port}: {error.strerror}") from error
        scheme = "https" if self._tls else "http"
        self.base_url = f"{scheme}://{self._address}:{self._server.sockets[0].getsockname()[1]}{BASE}"

    def stop(self) -> None:
        """Close everything; one that does not run stays so."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.end()

    # --- what a test does

    def fails(self, fault: str, route: str, times: int = 1) -> None:
        """The next requests of a route, such as ``POST /devices``, go wrong. Raises :class:`UsageError`."""
        if fault not in FAULTS:
            raise UsageError(f"there is no fault {fault}; there are {', '.join(FAULTS)}")
        if route not in (f"{method} {template}" for method, template in ENDPOINTS):
            raise UsageError(f"there is no route {route}")
        self._faults += [(route, fault)] * times

    def hold(self) -> None:
        """Keep what comes in from now on, until :meth:`release`."""
        self._held = []

    def release(self) -> None:
        """Answer what was held."""
        held, self._held = self._held or [], None
        for answer in held:
            answer()

    async def holds(self, number: int) -> None:
        """Wait until so many requests are held."""
        while len(self._held or []) < number:
            self._came.clear()
            await self._came.wait()

    @property
    def failing(self) -> list[tuple[str, str]]:
        """Routes that are still to go wrong, and how."""
        return list(self._faults)

    @property
    def held(self) -> int:
        """How many requests are held now."""
        return len(self._held or [])

    def asked(self, route: str) -> list[Exchange]:
        """The exchanges of a route."""
        return [one for one in self.exchanges if one.route == route]

    # --- connections' calls

    def told(self, call: Call, connection: _Connection) -> None:
        """The lab tells that a device has registered: Webex would know by itself. It is no exchange of the API."""
        try:
            body = call.body()
            mac, agent = (str(body.get(name, "")) for name in ("mac", "userAgent"))
            self.organization.registered_as(mac, agent)
        except Refusal as refusal:
            connection.answer(refused(refusal))
        except KeyError:
            connection.answer(refused(Refusal(404, "Device not found.")))
        else:
            connection.answer(Reply(204))

    def came(self, call: Call, connection: _Connection) -> None:
        """A request is whole: it is answered now, or once it is no longer held."""
        self._open += 1
        self.peak = max(self.peak, self._open)
        self._came.set()
        if self._held is None:
            self._serve(call, connection)
        else:
            self._held.append(lambda: self._serve(call, connection))

    def _serve(self, call: Call, connection: _Connection) -> None:
        self._open -= 1
        route, _, _ = routed(call)
        name = next((fault for at, fault in self._faults if at == route), "")
        if not name:
            self._answer(call, route, self._reply(call), "", connection)
            return
        self._faults.remove((route, name))
        fault = FAULTS[name]
        if fault.done:
            self._reply(call)
        if fault.status:
            self._answer(call, route, _failing(fault), name, connection)
            return
        self._note(call, route, Reply(0), name)
        if fault.drops:
            connection.end()

    def _reply(self, call: Call) -> Reply:
        return answered(self.organization, call, page=self._page, base_url=self.base_url)

    def _answer(self, call: Call, route: str, reply: Reply, fault: str, connection: _Connection) -> None:
        self._note(call, route, reply, fault)
        connection.answer(reply)

    def _note(self, call: Call, route: str, reply: Reply, fault: str) -> None:
        try:
            body: Any = None
            if call.raw:
                body = call.form() if route == REFRESH_ROUTE else call.body()
        except Refusal:
            body = call.raw.decode("utf-8", "replace")
        self.exchanges.append(
            Exchange(call.method, call.path, route, call.query, body, reply.status, reply.body, fault)
        )


def _failing(fault: Fault) -> Reply:
    headers: tuple[tuple[str, str], ...] = (("Retry-After", fault.retry_after),) if fault.retry_after else ()
    if fault.status == HTTPStatus.FOUND:
        headers += (("Location", "http://127.0.0.1:9/v1/elsewhere"),)
    if fault.body is not None:
        return Reply(fault.status, None, headers, fault.body)
    reply = refused(Refusal(fault.status, HTTPStatus(fault.status).phrase))
    return Reply(fault.status, reply.body, headers)


class _Connection(asyncio.Protocol):
    """One connection: a request after the other."""

    def __init__(self, emulator: WebexEmulator) -> None:
        self._emulator = emulator
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._head: h11.Request | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # TLS has a transport of its own class, which is no subclass on every Python.
        self._transport = transport  # type: ignore[assignment]
        self._emulator._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._emulator._connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            self._read()
        except h11.RemoteProtocolError:
            self.end()

    def _read(self) -> None:
        while True:
            event = self._http.next_event()
            match event:
                case h11.Request():
                    self._head, self._body = event, b""
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > _BODY_LIMIT:
                        self.end()
                        return
                case h11.EndOfMessage():
                    self._whole()
                    return
                case _:
                    return

    def _whole(self) -> None:
        assert self._head is not None
        target = urlsplit(self._head.target.decode("ascii", "replace"))
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self._head.headers}
        # What is not below the base is no path of ours.
        path = target.path.removeprefix(BASE) if target.path.startswith(BASE + "/") else ""
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        call = Call(self._head.method.decode("ascii"), path, query, headers, self._body)
        if (call.method, target.path) == ("POST", LAB):
            self._emulator.told(call, self)
        else:
            self._emulator.came(call, self)

    def answer(self, reply: Reply) -> None:
        """Send an answer, and go on to the next request; nothing if the client has gone."""
        if self._transport is None:
            return
        content, kind = b"", "application/json;charset=UTF-8"
        if reply.raw is not None:
            content, kind = reply.raw.encode(), "text/html"
        elif reply.body is not None:
            content = json.dumps(reply.body).encode()
        headers = list(reply.headers)
        if reply.status != HTTPStatus.NO_CONTENT:
            headers += [("Content-Length", str(len(content))), ("Content-Type", kind)]
        tracking = (reply.body or {}).get("trackingId", f"EMULATOR_{uuid.uuid4()}")
        headers.append(("TrackingID", tracking))
        reason = HTTPStatus(reply.status).phrase
        head = h11.Response(status_code=reply.status, headers=headers, reason=reason.encode())
        self._transport.write(self._http.send(head) or b"")
        if content and self._head is not None and self._head.method != b"HEAD":
            self._transport.write(self._http.send(h11.Data(data=content)) or b"")
        self._transport.write(self._http.send(h11.EndOfMessage()) or b"")
        if self._http.our_state is h11.MUST_CLOSE:
            self._transport.close()
            return
        self._http.start_next_cycle()
        self._read()

    def end(self) -> None:
        """Close it at once, without an answer."""
        if self._transport is not None:
            self._transport.abort()
