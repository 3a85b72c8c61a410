"""Orders to fetch the configuration: a NOTIFY check-sync, from the registrar or from anyone (RFC 3261 section 22.2)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import cast

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.config import Line
from certsuite.refdevice.digest import Challenge, digest_response, fields
from certsuite.refdevice.messages import Composer, Header
from certsuite.sip.message import SipMessage, user_host

_REALM = "device"


def is_order(request: SipMessage) -> bool:
    """Whether it tells the device to fetch."""
    event = (request.get("Event") or "").partition(";")[0].strip().lower()
    return request.method == "NOTIFY" and event == "check-sync"


class Orders:
    """Asks who gives an order for the credentials of the line that it is for."""

    def __init__(self, lines: Callable[[], Iterable[Line]]) -> None:
        self._lines = lines
        self._nonces: set[str] = set()

    def challenge(self) -> Header:
        """The header of a 401."""
        nonce = secrets.token_hex(12)
        self._nonces.add(nonce)
        return "WWW-Authenticate", f'Digest realm="{_REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'

    def proves(self, request: SipMessage) -> bool:
        """Whether it has the right credentials, for a challenge that was not answered before."""
        given = fields(request.get("Authorization") or "")
        user = user_host(request.uri)[0]
        line = next((one for one in self._lines() if one.user == user), None)
        nonce = given.get("nonce", "")
        if line is None or nonce not in self._nonces or given.get("username") != line.auth_user:
            return False
        self._nonces.discard(nonce)
        asked = Challenge(_REALM, nonce, "MD5", ("auth",))
        counted = {name: given.get(name, "") for name in ("nc", "cnonce")}
        right = digest_response(asked, line.auth_user, line.password, "NOTIFY", given.get("uri", ""), **counted)
        return secrets.compare_digest(right, given.get("response", ""))


class OpenPort(asyncio.DatagramProtocol):
    """A port on which anyone can speak to the device."""

    def __init__(self, behaviour: Behaviour, orders: Orders, composer: Composer, obey: Callable[[], None]) -> None:
        self._behaviour = behaviour
        self._orders = orders
        self._composer = composer
        self._obey = obey
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No subclass of it on every Python, though it has all of its methods.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            request = SipMessage.parse(data)
        except ValueError:
            return
        if self._transport is None or not is_order(request):
            return
        if self._behaviour.heeds_outsiders or self._orders.proves(request):
            answer = self._composer.response(request, 200)
            self._obey()
        else:
            answer = self._composer.response(request, 401, extra=[self._orders.challenge()])
        self._transport.sendto(answer.to_bytes(), addr)
