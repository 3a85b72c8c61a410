"""The provisioning server: HTTPS for the device's configuration, and HTTP to see a device that asks without TLS.

What it answers is in :mod:`certsuite.edge.provisioning_site`. Its TLS is that of the edges, so it presents any chain
that they do. Its secrets are not put into the capture: credentials pass through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus

import h11

from certsuite.core.capture import Capture
from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import BenchChanged
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.edge.flow import STRANGER_BYTES, Flow, FlowNames, OwnerOf
from certsuite.edge.provisioning_site import Answer, Asked, Site
from certsuite.sip.message import SipMessage
from certsuite.tls.server import TlsBehaviour, TlsEvent

EDGE = "provisioning"
"What it is called in the record."
HTTPS_PORT, HTTP_PORT = 8443, 8080
"Not the usual ones: to listen there takes rights."
_HEAD_LIMIT = 65_536
_REQUEST_LIMIT = 1_000_000
"Bytes of one request of the device, its body included, of which nothing is kept."
_TLS_HANDSHAKE = 22
"First byte of a ClientHello's record (RFC 8446 section 5.1)."


class ProvisioningServer:
    """Serves a site to whoever connects."""

    def __init__(
        self,
        site: Site,
        tls: TlsBehaviour,
        address: str,
        *,
        journal: Journal,
        capture: Capture,
        names: FlowNames,
        owner_of: OwnerOf,
    ) -> None:
        self.site = site
        self._good = self.tls = self._asking(tls)
        self.flows: dict[str, HttpFlow] = {}
        self._address = address
        self._journal = journal
        self._capture = capture
        self._names = names
        self._owner_of = owner_of
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen for HTTPS and for HTTP. Raises :class:`AddressUnavailable`."""
        loop = asyncio.get_running_loop()
        for port, kind in ((HTTPS_PORT, HttpsFlow), (HTTP_PORT, HttpFlow)):
            make = partial(
                kind,
                EDGE,
                lambda: self.tls,
                self._journal,
                self._capture,
                self._names,
                self,
                self._opened,
            )
            try:
                self._servers.append(await loop.create_server(make, self._address, port))
            except OSError as error:
                self.stop()
                raise AddressUnavailable(f"cannot listen on {self._address} port {port}: {error.strerror}") from error

    def stop(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self.end_flows("rst")

    def end_flows(self, how: str = "fin") -> None:
        """End every connection."""
        for flow in list(self.flows.values()):
            flow.close(how)

    # --- behaviour

    async def behave(
        self,
        name: str,
        *,
        tls: TlsBehaviour | None = None,
        fault: str = "",
        asks_for: str = "",
        redirect: str = "",
        away: bool = False,
    ) -> None:
        """From now on present ``tls``, fail and ask as the :class:`Site` does, or be ``away``: refuse connections.

        What is not given is good again. Connections that are open are ended: each behaviour is met by new ones.
        Raises :class:`AddressUnavailable` and :class:`UsageError`.
        """
        self.site.fails(fault)
        self.site.asks_for, self.site.redirect = asks_for, redirect
        self.tls = self._asking(tls) if tls else self._good
        self.end_flows()
        if away:
            self.stop()
        elif not self._servers:
            await self.start()
        self._journal.record(BenchChanged("provisioning", name, {"presents": self.tls.presentation.name}), edge=EDGE)

    @property
    def good(self) -> bool:
        """Whether it serves as it should."""
        site = self.site
        return self.tls == self._good and bool(self._servers) and not (site.fault or site.asks_for or site.redirect)

    def _asking(self, tls: TlsBehaviour) -> TlsBehaviour:
        """The same, with a request for the device's certificate where that is how it authenticates."""
        return replace(tls, asks_for_certificate=self.site.access.credentials == "certificate")

    # --- flows' calls

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        return self._owner_of(remote, local, transport, said)

    def line_of(self, message: SipMessage) -> int | None:
        return None

    def on_message(self, flow: Flow, message: SipMessage) -> None:
        raise AssertionError("no SIP comes over HTTP")

    def on_closed(self, flow: Flow) -> None:
        self.flows.pop(flow.id, None)

    def _opened(self, flow: Flow) -> None:
        assert isinstance(flow, HttpFlow)
        self.flows[flow.id] = flow


class HttpFlow(Flow):
    """One connection: a request after the other. What is said without TLS is not captured: it may be a password."""

    port_role = "http"
    _plain = True
    _user: ProvisioningServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._head: h11.Request | None = None
        self._length = 0
        self._begun = False
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        if not self._begun:
            self._begun = True
            self._plain = self._plain or data[0] != _TLS_HANDSHAKE
        if self._plain:
            self._take_data(data)
        else:
            super().data_received(data)

    def _keep_secrets(self, events: list[TlsEvent]) -> None:
        """None of them is kept."""

    def _take_data(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > (_REQUEST_LIMIT if self.is_the_devices else STRANGER_BYTES):
            self.close("rst")
            return
        try:
            self._http.receive_data(data)
            while self._read():
                self._length = 0
        except h11.RemoteProtocolError:
            self.close()

    def _read(self) -> bool:
        """Read on to the end of a request and answer it; whether there may be another one."""
        while True:
            event = self._http.next_event()
            match event:
                case h11.Request():
                    self._head = event
                case h11.EndOfMessage():
                    self._answer()
                    return self._http.our_state is h11.IDLE
                case h11.Data():
                    pass
                case _:
                    return False

    def _answer(self) -> None:
        assert self._head is not None
        asked = Asked(
            secure=not self._plain,
            method=self._head.method.decode("ascii", "replace"),
            target=self._head.target.decode("latin-1"),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers],
            certificate=b"" if self._plain else self._tls.certificate,
        )
        request, answer, told = self._user.site.answer(asked)
        self._record(request, IN)
        if not answer.fault.silent:
            self._send_answer(answer)
        self._record(told, OUT)

    def _send_answer(self, answer: Answer) -> None:
        headers = list(answer.headers)
        if answer.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            headers.append(("Content-Length", str(len(answer.body))))
        reason = HTTPStatus(answer.status).phrase.encode("ascii")
        self._say(self._http.send(h11.Response(status_code=answer.status, headers=headers, reason=reason)))
        if answer.sent:
            self._say(self._http.send(h11.Data(data=answer.body[: answer.sent])))
        if answer.fault.truncated:
            self.close()
            return
        self._say(self._http.send(h11.EndOfMessage()))
        if self._http.our_state is h11.MUST_CLOSE:
            self.close()
        else:
            self._http.start_next_cycle()

    def _say(self, data: bytes | None) -> None:
        if not data or self.closed or self._transport is None:
            return
        if self._plain:
            self._transport.write(data)
        elif self.usable:
            self._tls.send(data)
            self._flush()


class HttpsFlow(HttpFlow):
    """The same over TLS; a client that speaks HTTP on its port is answered in HTTP, and told that it must not."""

    port_role = "https"
    _plain = False
