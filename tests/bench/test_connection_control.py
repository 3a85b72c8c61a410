"""What befalls the connection, with the reference device as a real program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.expecting import ExpectationNotMet
from certsuite.core.cases import Case, State
from certsuite.core.events import BenchChanged, BindingChanged, FlowOpened, SipMessageSeen
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import read
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-NET-020", "a title", ("NET-KEEP-ALIVE",), (), State.REGISTERED, ())
Verb = Callable[[Bench], Awaitable[None]]


async def in_state(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "verb", "finding"),
    [
        ("sends-no-keep-alive", lambda bench: bench.connection.is_kept_alive(), "keep-alive-never"),
        ("rare-keep-alive", lambda bench: bench.connection.is_kept_alive(), "keep-alive-rare"),
        ("", lambda bench: bench.connection.is_kept_alive(), ""),
        ("", lambda bench: bench.connection.is_given_up_without_a_pong(), ""),
        ("", lambda bench: bench.connection.is_forgotten(), ""),
    ],
    ids=["never", "rare", "kept-alive", "given-up", "forgotten"],
)
async def test_what_befalls_the_connection_is_judged(stage: Staging, fault: str, verb: Verb, finding: str) -> None:
    on: Stage = await stage(reference(keep_alive_s=1.0), *([fault] if fault else []))
    await in_state(on)
    found: list[str] = []
    try:
        await verb(on.bench)
    except ExpectationNotMet as unmet:
        found = [one.id for one in unmet.judgement.findings]
    assert found == ([finding] if finding else [])


@pytest.mark.asyncio
async def test_keep_alives_are_watched_while_no_refresh_is_due(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    await on.bench.connection.is_kept_alive()
    granted = [event.granted_s for event in on.events(BindingChanged) if event.granted_s]
    assert granted[-2:] == [240, 240]


@pytest.mark.asyncio
async def test_a_forgotten_connection_stays_open_and_another_one_is_served(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    await on.bench.connection.is_forgotten()
    assert "forgotten" in [event.behaviour for event in on.events(BenchChanged)]
    assert len({event.remote for event in on.events(FlowOpened)}) > 1
    assert on.device.registered


@pytest.mark.asyncio
async def test_a_long_invite_comes_in_pieces_and_is_longer_than_a_packet(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    await on.bench.connection.becomes_narrow()
    call = await on.bench.colleague.calls(on.bench.phone.line(1), over_s=on.bench.connection.over_s)
    stated = on.bench.stated("call.rings", call_id=call.leg.call_id, since=call.since)
    loop = asyncio.get_running_loop()
    assert (await on.bench.expecting.settles(stated, loop.time() + 10)).verdict is Verdict.PASS
    sent = [event.raw for event in on.events(SipMessageSeen) if (one := read(event.raw)) and one.method == "INVITE"]
    assert len(sent[0]) > 2600
    assert "packets of any length: loopback has no others" in [one.behaviour for one in on.events(BenchChanged)]
