"""An outsider's order, to sockets of all kinds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from certsuite.bench.expecting import Watch
from certsuite.bench.outsider import Order, Outsider
from certsuite.bench.ownership import Door
from certsuite.core.events import DoorsSeen, OutsideMessage
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import IN, OUT
from certsuite.sip.message import SipMessage
from tests.refdevice.conftest import Authority
from tests.waiting import WatchOfAll

pytestmark = pytest.mark.asyncio

ORDER = Order("check-sync", "a@registrar.example", "sip:a@127.0.0.1:5060")
ADDRESS = "127.0.0.1"


class Sip(asyncio.Protocol):
    """Answers every NOTIFY with 403."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"NOTIFY"):
            self.transport.write(b"SIP/2.0 403 Forbidden\r\n\r\n")  # type: ignore[attr-defined]


class Datagrams(Sip):
    """The same by datagrams."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(b"SIP/2.0 403 Forbidden\r\n\r\n", addr)  # type: ignore[attr-defined]


async def test_an_order_goes_through_every_door_and_answers_are_recorded(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    journal = Journal(SystemClock())
    watch: Watch = WatchOfAll(journal)
    tls = Authority(tmp_path).server_context("device.example")
    servers = [
        await loop.create_server(Sip, ADDRESS, 0),
        await loop.create_server(Sip, ADDRESS, 0, ssl=tls),
    ]
    plain, over_tls = (server.sockets[0].getsockname()[1] for server in servers)
    datagrams, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=(ADDRESS, 0))
    udp = datagrams.get_extra_info("sockname")[1]
    doors = [
        Door("tcp", ADDRESS, plain),
        Door("tcp", ADDRESS, over_tls),
        Door("udp", ADDRESS, udp),
        Door("tcp", ADDRESS, 9),
    ]
    expected = {f"tcp {ADDRESS}:{plain}", f"tls {ADDRESS}:{over_tls}", f"udp {ADDRESS}:{udp}"}

    def seen(direction: str) -> dict[str, bytes]:
        told = [(one.direction, one.event) for one in journal.since(0)]
        return {event.door: event.raw for way, event in told if way == direction and isinstance(event, OutsideMessage)}

    async with Outsider(journal, "127.0.0.15") as outsider:
        await outsider.sends(ORDER, doors)
        assert await watch.until(lambda: expected <= set(seen(IN)), loop.time() + 10)
    assert [one.event.doors for one in journal.since(0) if isinstance(one.event, DoorsSeen)] == [tuple(map(str, doors))]
    # What listens for TLS was spoken to without it as well; what is shut was not.
    sent = {door: SipMessage.parse(raw) for door, raw in seen(OUT).items()}
    assert set(sent) == expected | {f"tcp {ADDRESS}:{over_tls}"}
    for door, order in sent.items():
        assert (order.method, order.uri, order.get("Event")) == ("NOTIFY", ORDER.contact, "check-sync")
        assert (order.get("Via") or "").startswith(f"SIP/2.0/{door[:3].upper()} 127.0.0.15:")
        assert order.get("Authorization") is None
    assert {raw for door, raw in seen(IN).items() if door in expected} == {b"SIP/2.0 403 Forbidden\r\n\r\n"}
    datagrams.close()
    for server in servers:
        server.close()
