"""One step of a root probe against real TLS clients: what they do goes into the record, and nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization

from certsuite.core.errors import AddressUnavailable
from certsuite.core.events import (
    Cleartext,
    ClientHelloSeen,
    FlowClosed,
    FlowOpened,
    RootProbeAnswer,
    TlsAlert,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.observations import IN
from certsuite.edge.flow import FlowNames
from certsuite.edge.probe_edge import EDGE, ProbeEdge
from certsuite.tls.pki import Pki
from certsuite.tls.probe_chains import MODES, ProbeChains, ProbeKeys, Role, ServedChain, Step, TrustedRoot
from certsuite.tls.probe_reissue import RawCertificate
from tests.clients.wire import PATIENCE_S, Wire, shake_hands
from tests.edge.conftest import HOST, PORT, World, ending

BY_NAME = {str(mode): mode for mode in MODES}
ROOT = "AB" * 32

Serve = Callable[..., Awaitable[ProbeEdge]]


@pytest.fixture(scope="session")
def chains(pki: Pki) -> ProbeChains:
    """Asks for a root that no client knows; in place of a genuine chain there is one of the lab's."""
    probed = RawCertificate.from_der(pki.unknown.root.public_bytes(serialization.Encoding.DER))
    trusted = TrustedRoot.of(pki.lab.root, pki.lab.root_key)
    spoofed = ProbeChains.make(probed, trusted, ProbeKeys(), host=HOST, now=datetime.now(UTC)).spoofed
    good = pki.presentation("good")
    der = tuple(one.public_bytes(serialization.Encoding.DER) for one in good.chain)
    return ProbeChains(spoofed, {Role.TRUSTED: ServedChain(Role.TRUSTED, der, good.key.public_key())})


@pytest_asyncio.fixture
async def serve(world: World, chains: ProbeChains) -> AsyncIterator[Serve]:
    """Lets a step listen where clients of the world connect; gives its station."""
    stations: list[ProbeEdge] = []
    await world.primary.stop()

    async def start(mode: str, role: Role, *, patience_s: float = 10.0, number: int = 0) -> ProbeEdge:
        station = ProbeEdge(
            Step(BY_NAME[mode], role, number),
            chains.chain(BY_NAME[mode], role),
            root=ROOT,
            journal=world.journal,
            capture=world.frames,
            names=FlowNames(),
            owner_of=world._owner_of,
            patience_s=patience_s,
        )
        stations.append(station)
        await station.listen(world.primary.address, PORT)
        return station

    yield start
    for station in stations:
        await station.stop()


async def hand(world: World, context: ssl.SSLContext | None = None) -> None:
    """A client that verifies as a device should, and says so by its alert."""
    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.to_thread(shake_hands, (world.primary.address, PORT), context or world.context(), HOST)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mode", "role", "alert"),
    [
        ("spoof TLSv1.2", Role.UNKNOWN, 48),
        ("spoof TLSv1.3", Role.UNKNOWN, 48),
        ("spoof TLSv1.3", Role.PROBED, 48),
        ("spoof TLSv1.3", Role.TRUSTED, 51),
        ("bad-signature TLSv1.2", Role.TRUSTED, 51),
        ("bad-signature TLSv1.3", Role.TRUSTED, 51),
    ],
)
async def test_an_alert_is_the_answer(world: World, serve: Serve, mode: str, role: Role, alert: int) -> None:
    station = await serve(mode, role, number=1)
    assert (station.contacted, station.accepted) == (False, False)
    await hand(world)
    seen = await world.observed(RootProbeAnswer)
    event = seen.event
    assert isinstance(event, RootProbeAnswer)
    technique, version = mode.split()
    assert (event.root, event.technique, event.version) == (ROOT, technique, version)
    assert (event.role, event.round, event.answer, event.alert) == (role, 1, "alert", alert)
    assert event.after_s is not None
    assert event.after_s >= 0
    assert (station.contacted, station.accepted) == (True, False)
    assert (seen.flow, seen.edge, seen.direction) == ("f1", EDGE, IN)
    assert seen.frame is not None
    await world.observed(FlowClosed)
    order = (FlowOpened, ClientHelloSeen, TlsPresented, TlsAlert, RootProbeAnswer, FlowClosed)
    kinds = [type(one.event) for one in world.journal.since(0) if one.flow == "f1"]
    assert [kind for kind in kinds if kind in order] == list(order)
    assert world.events(TlsPresented)[0] == TlsPresented(f"{technique}-{role}", (version,))
    assert [ending(one) for one in world.events(FlowClosed)] == [("device", f"alert {alert}")]
    assert world.frames.closed == {"f1": (True, False)}


@pytest.mark.asyncio
async def test_secrets_of_the_connection_go_into_the_capture(world: World, serve: Serve) -> None:
    await serve("spoof TLSv1.3", Role.UNKNOWN)
    await hand(world)
    await world.observed(RootProbeAnswer)
    assert any(line.startswith("SERVER_HANDSHAKE_TRAFFIC_SECRET ") for line in world.frames.secrets)


@pytest.mark.asyncio
async def test_data_under_a_spoofed_root_is_shown_and_goes_no_further(world: World, serve: Serve) -> None:
    station = await serve("spoof TLSv1.2", Role.UNKNOWN)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wire = await Wire.connect((world.primary.address, PORT), context, HOST)
    wire.send(b"REGISTER sip:x \x1b[31m SIP/2.0\r\n\r\n")
    event = (await world.observed(RootProbeAnswer)).event
    assert isinstance(event, RootProbeAnswer)
    assert (event.answer, event.alert, event.established) == ("application-data", None, True)
    assert event.detail.startswith("REGISTER sip:x ")
    assert "\x1b" not in event.detail
    assert (station.contacted, station.accepted) == (True, True)
    assert len(world.events(TlsEstablished)) == 1
    assert await wire.ended() == "fin"
    wire.close()


@pytest.mark.asyncio
async def test_silence_is_an_answer_once_the_patience_is_over(world: World, serve: Serve) -> None:
    await serve("pause TLSv1.3", Role.TRUSTED, patience_s=0.05)
    await hand(world)
    event = (await world.observed(RootProbeAnswer)).event
    assert isinstance(event, RootProbeAnswer)
    assert event.answer == "silence"
    assert event.after_s is not None
    assert event.after_s >= 0.05
    await world.observed(FlowClosed)
    assert [ending(one) for one in world.events(FlowClosed)] == [("bench", "fin")]


@pytest.mark.asyncio
async def test_every_connection_is_answered_in_its_order(world: World, serve: Serve) -> None:
    await serve("spoof TLSv1.3", Role.TRUSTED)
    await hand(world)
    await hand(world, ssl.create_default_context())
    await world.until(lambda: len(world.events(RootProbeAnswer)) == 2)
    assert [event.alert for event in world.events(RootProbeAnswer)] == [51, 48]


@pytest.mark.asyncio
async def test_what_is_no_tls_and_who_says_nothing(world: World, serve: Serve) -> None:
    await serve("bad-signature TLSv1.2", Role.TRUSTED)
    plain = await world.connect_plain()
    plain.send(b"REGISTER sip:x SIP/2.0\r\n\r\n")
    await world.observed(RootProbeAnswer)
    assert [event.data for event in world.events(Cleartext)] == [b"REGISTER sip:x SIP/2.0\r\n\r\n"]
    silent = await world.connect_plain()
    silent.disappear()
    await world.until(lambda: len(world.events(RootProbeAnswer)) == 2)
    assert [event.answer for event in world.events(RootProbeAnswer)] == ["not-tls", "no-hello"]


@pytest.mark.asyncio
async def test_a_foreign_connection_is_recorded_as_such_and_contacts_nothing(world: World, serve: Serve) -> None:
    world.owner = "foreign"
    station = await serve("spoof TLSv1.3", Role.UNKNOWN)
    await hand(world)
    seen = await world.observed(RootProbeAnswer)
    assert (seen.flow or "").startswith("x")
    assert not station.contacted


@pytest.mark.asyncio
async def test_what_a_stop_ends_is_no_answer(world: World, serve: Serve) -> None:
    station = await serve("pause TLSv1.2", Role.TRUSTED)

    async def stop() -> None:
        await world.observed(ClientHelloSeen)
        await station.stop()

    await asyncio.gather(hand(world), stop())
    await world.observed(FlowClosed)
    assert world.events(RootProbeAnswer) == []
    assert not station.contacted
    assert [ending(one) for one in world.events(FlowClosed)] == [("bench", "fin")]


@pytest.mark.asyncio
@pytest.mark.parametrize("turns", range(5))
async def test_what_is_accepted_while_it_stops_is_ended_too(world: World, serve: Serve, turns: int) -> None:
    station = await serve("spoof TLSv1.3", Role.UNKNOWN)
    with socket.create_connection((world.primary.address, PORT), timeout=PATIENCE_S) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await station.stop()
        # In the first turns it is not accepted at all.
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(client.recv, 1) == b""
    assert not station.busy
    assert len(world.events(FlowOpened)) == len(world.events(FlowClosed))


@pytest.mark.asyncio
async def test_a_stopped_step_listens_again(world: World, serve: Serve) -> None:
    station = await serve("spoof TLSv1.3", Role.UNKNOWN)
    with pytest.raises(AddressUnavailable, match=f"port {PORT}"):
        await serve("spoof TLSv1.3", Role.UNKNOWN)
    await station.stop()
    await station.listen(world.primary.address, PORT)
    await hand(world)
    await world.observed(RootProbeAnswer)
    assert station.contacted
