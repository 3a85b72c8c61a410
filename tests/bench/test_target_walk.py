"""The target walk, with devices that walk far, less far, and not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from certsuite.bench.gauntlet import FaultyTarget
from certsuite.bench.network import AHEAD_AT_MOST
from certsuite.bench.target_walk import TargetWalk
from certsuite.core.cases import State
from certsuite.core.errors import BenchError
from certsuite.core.events import DnsQuery, FlowOpened, TargetsWalked
from certsuite.core.observations import IN
from certsuite.tls.server import TlsBehaviour
from tests.bench.conftest import Stage, Staging, reference

BAD = (
    "unknown-root",
    "self-signed",
    "expired",
    "not-yet-valid",
    "wrong-host",
    "san-wrong-cn-right",
    "ip-address-only",
    "wrong-eku",
    "intermediate-not-ca",
    "path-length-exceeded",
)
"Each is refused by the compliant device."
SOUND = ("rsa-3072", "san-proxy-only")
"Each is taken by it."

PROFILE = reference(failover_s=2.0)


def stations(on: Stage, names: Sequence[str]) -> list[FaultyTarget]:
    network = on.network
    return [
        FaultyTarget(name, TlsBehaviour(network.pki.presentation(name), network.good.versions), network)
        for name in names
    ]


async def walked(
    on: Stage, names: Sequence[str], *, one_by_one: bool = False
) -> tuple[TargetsWalked, list[FaultyTarget]]:
    """What a walk past these came to. The device is registered at a good edge afterwards."""
    await on.device.reach(State.REGISTERED)
    shown = stations(on, names)
    await TargetWalk(on.device, on.journal, patience_s=2.0, one_by_one=one_by_one).past(shown)
    assert on.device.registered
    (event,) = on.events(TargetsWalked)
    return event, shown


@pytest.mark.asyncio
async def test_a_device_that_fails_over_walks_past_everything_in_one_attempt(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    event, shown = await walked(on, [*BAD, *SOUND])
    assert (event.mode, event.attempts, event.most_in_one) == ("one answer", 1, len(BAD) + len(SOUND) + 1)
    assert event.targets == event.contacted == (*BAD, *SOUND)
    assert [one.name for one in shown if one.accepted] == list(SOUND)
    assert not any(one.busy or one.undecided for one in shown)


@pytest.mark.asyncio
async def test_what_is_taken_is_taken_out_and_the_walk_goes_on_behind_it(stage: Staging) -> None:
    on: Stage = await stage(PROFILE, "accepts-expired")
    event, shown = await walked(on, BAD)
    assert event.contacted == BAD
    assert [one.name for one in shown if one.accepted] == ["expired"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "mode", "most"),
    [
        ("takes-eight-targets", "several answers", 8),
        ("ignores-long-answers", "several answers", 9),
        ("walks-two-targets", "pairs", 2),
        ("never-fails-over", "one by one", 1),
    ],
)
async def test_a_device_that_walks_less_far_is_shown_fewer_at_a_time(
    stage: Staging, fault: str, mode: str, most: int
) -> None:
    on: Stage = await stage(PROFILE, fault)
    # More than fit into a plain datagram of DNS.
    event, shown = await walked(on, [*BAD, *SOUND])
    assert event.contacted == event.targets
    assert [one.name for one in shown if one.accepted] == list(SOUND)
    assert (event.mode, event.most_in_one) == (mode, most)


@pytest.mark.asyncio
async def test_one_by_one_if_that_is_asked_for(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    event, shown = await walked(on, ("expired", "rsa-3072"), one_by_one=True)
    assert (event.mode, event.attempts, event.contacted) == ("one by one", 2, ("expired", "rsa-3072"))
    assert [one.accepted for one in shown] == [False, True]


@pytest.mark.asyncio
async def test_a_device_that_refuses_in_silence_is_waited_for(stage: Staging) -> None:
    """It goes on to the next target and leaves the connection open: its end is not made to look like its own."""
    on: Stage = await stage(PROFILE, "rejects-by-silence")
    _, shown = await walked(on, ("expired", "wrong-host"))
    assert [(one.contacted, one.accepted) for one in shown] == [(True, False)] * 2


@pytest.mark.asyncio
async def test_a_device_that_does_not_come_back_is_led_nowhere(stage: Staging) -> None:
    on: Stage = await stage(reference(failover_s=0.5, register_s=3.0))
    await on.device.reach(State.REGISTERED)
    await on.device.stop()
    for edge in on.network.edges.values():
        await edge.behave("refused", accepts=False)
    shown = stations(on, ("expired", "wrong-host", "unknown-root"))
    await TargetWalk(on.device, on.journal, patience_s=0.5).past(shown)
    (event,) = on.events(TargetsWalked)
    # The faulty ones were walked all the same: what is missing is the good one, which no case will find as its control.
    assert event.contacted == event.targets
    assert not on.device.registered


@pytest.mark.asyncio
async def test_a_device_that_takes_the_last_one_and_comes_to_no_other_is_led_nowhere(stage: Staging) -> None:
    on: Stage = await stage(reference(failover_s=0.5, register_s=3.0), "accepts-expired")
    await on.device.reach(State.REGISTERED)
    await on.device.stop()
    for edge in on.network.edges.values():
        await edge.behave("refused", accepts=False)
    shown = stations(on, ("wrong-host", "expired"))
    await TargetWalk(on.device, on.journal, patience_s=0.5).past(shown)
    (event,) = on.events(TargetsWalked)
    assert event.contacted == event.targets
    assert [one.accepted for one in shown] == [False, True]


class LeftOpen(FaultyTarget):
    """One whose connection a device leaves open after the handshake, and never uses."""

    @property
    def undecided(self) -> bool:
        return self.contacted


@pytest.mark.asyncio
async def test_connections_that_are_left_open_are_a_reason_for_one_more_attempt_each(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certsuite.bench.target_walk._SPEAKS_WITHIN_S", 0.0)
    on: Stage = await stage(PROFILE)
    await on.device.reach(State.REGISTERED)
    network = on.network
    shown = [
        LeftOpen(name, TlsBehaviour(network.pki.presentation(name), network.good.versions), network)
        for name in ("expired", "wrong-host", "unknown-root")
    ]
    async with asyncio.timeout(60):
        await TargetWalk(on.device, on.journal, patience_s=0.5).past(shown)
    (event,) = on.events(TargetsWalked)
    assert event.contacted == event.targets


@pytest.mark.asyncio
async def test_each_has_an_address_of_its_own_and_none_listens_afterwards(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    await walked(on, BAD[:3])
    opened = {
        seen.edge: seen.event.local
        for seen in on.journal.since(0)
        if isinstance(seen.event, FlowOpened) and seen.edge in BAD
    }
    assert len(set(opened.values())) == 3
    assert on.network.dns is not None
    assert on.network.dns.zone == on.network.zone()


@pytest.mark.asyncio
async def test_more_than_there_are_places_for(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    with pytest.raises(BenchError, match="more than the"):
        await TargetWalk(on.device, on.journal, patience_s=1.0).past(stations(on, ["expired"] * (AHEAD_AT_MOST + 1)))


@pytest.mark.asyncio
async def test_a_question_of_another_program_is_none_of_the_device(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    walk = TargetWalk(on.device, on.journal, patience_s=1.0)
    asked = DnsQuery("tcp", "127.9.0.1:40000", "_sips._tcp.other.example", "SRV", "NXDOMAIN", ())
    on.journal.record(asked, flow="xdns-1", direction=IN)
    assert not walk._asked
    on.journal.record(asked, direction=IN)
    assert walk._asked
