"""Serves the list of revoked certificates that a certificate names, over plain HTTP (RFC 5280 section 4.2.1.13)."""

from __future__ import annotations

import asyncio

import h11

from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import HttpRequest
from certsuite.core.journal import Journal
from certsuite.core.observations import IN
from certsuite.core.redaction import printable
from certsuite.edge.flow import CROWD, OwnerOf, ends, waiting

_IDLE_S = 10.0
_REQUEST_LIMIT = 8192
_SHOWN = 200


class ListServer:
    """One file at one path, for whoever asks."""

    def __init__(self, journal: Journal, address: str, port: int, *, owner_of: OwnerOf) -> None:
        self.files: dict[str, bytes] = {}
        "What there is, by path."
        self._journal = journal
        self._address = address
        self._port = port
        self._owner_of = owner_of
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises :class:`AddressUnavailable`."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self), self._address, self._port)
        except OSError as error:
            raise AddressUnavailable(f"cannot listen on {self._address} port {self._port}: {error.strerror}") from error

    def stop(self) -> None:
        """Close everything; one that does not run stays so."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._open):
            connection.end()

    def asked(self, request: h11.Request, remote: tuple[str, int], owner: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        path = request.target.decode("ascii", "replace")
        body = self.files.get(path) if request.method == b"GET" else None
        status = 200 if body is not None else 404
        host = next((value.decode("latin-1") for name, value in request.headers if name == b"host"), "")
        self._journal.record(
            HttpRequest(
                f"{remote[0]}:{remote[1]}",
                printable(host, at_most=_SHOWN),
                printable(path, at_most=_SHOWN),
                status,
                owner,
            ),
            direction=IN,
        )
        return status, body or b""


class _Connection(asyncio.Protocol):
    """One request, one answer."""

    def __init__(self, server: ListServer) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_REQUEST_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._remote = ("", 0)
        self._owner = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        local, self._remote = ends(transport)
        self._owner = self._server._owner_of(self._remote, local, "tcp", lambda: waiting(transport))
        if self._owner == CROWD:
            transport.abort()
            return
        self._server._open.add(self)
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.end)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError:
            self.end()
            return
        if not isinstance(event, h11.Request):
            return
        status, body = self._server.asked(event, self._remote, self._owner)
        headers = [
            ("Content-Type", "application/pkix-crl"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        for part in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self._transport.write(self._http.send(part) or b"")
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._open.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def end(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()
