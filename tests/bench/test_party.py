"""Calls between a party and the device: what is expected of them, with the reference device at the other end."""

from __future__ import annotations

import pytest

from certsuite.bench.device import Unreachable
from certsuite.bench.expecting import ExpectationNotMet
from certsuite.core.cases import Case, State
from certsuite.core.errors import BenchError
from certsuite.core.events import DriverAction, Expectation, MediaOpened
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-CALL-060", "a title", ("CALL-TERM",), (), State.REGISTERED, ())


async def begun(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


@pytest.mark.asyncio
async def test_a_call_to_the_device_in_all_its_steps(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(2))
    await call.rings()
    await on.bench.phone.answers()
    await call.is_answered()
    await call.is_heard()
    await call.carries_audio_both_ways()
    await call.hangs_up()
    stated = on.events(Expectation)
    assert {event.call_id for event in stated} == {call.leg.call_id}
    assert {seen.line for seen in on.journal.since(0) if isinstance(seen.event, Expectation)} == {2}
    # A tone that was heard before is never asked for again: what comes back late proves nothing.
    tones = [tone for event in stated for tone in event.params.get("tones", [])]
    assert len(tones) == len(set(tones)) == 3


@pytest.mark.asyncio
async def test_an_offer_without_srtp_is_refused(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(1), offering="plain RTP")
    await call.is_refused()
    assert not on.events(MediaOpened)


@pytest.mark.asyncio
async def test_a_device_that_takes_plain_rtp_is_found_out(stage: Staging) -> None:
    on: Stage = await stage(reference(), "accepts-plain-rtp")
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(1), offering="plain RTP")
    with pytest.raises(ExpectationNotMet, match="200 to an offer of RTP/AVP"):
        await call.is_refused()
    assert [event.suite for event in on.events(MediaOpened)] == ["none"]


@pytest.mark.asyncio
async def test_a_call_that_never_comes_is_told(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    on.bench.patience_s = lambda check: 0.01  # type: ignore[method-assign]
    with pytest.raises(ExpectationNotMet):
        await on.bench.colleague.is_called()


@pytest.mark.asyncio
async def test_a_second_call_that_never_comes_is_not_the_first(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    await on.bench.phone.dials(on.bench.colleague)
    call = await on.bench.colleague.is_called()
    call.leg.hang_up()
    await on.until(lambda: not on.network.control.legs)
    on.bench.patience_s = lambda check: 0.01  # type: ignore[method-assign]
    on.device.acted_seq = on.journal.next_seq
    on.journal.record(DriverAction("dial", {}, ok=True))
    with pytest.raises(ExpectationNotMet, match="no INVITE after the device was told to dial"):
        await on.bench.colleague.is_called()


@pytest.mark.asyncio
async def test_a_call_of_another_line_is_told_and_can_be_ended(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    await on.bench.phone.dials(on.bench.colleague, line=2)
    with pytest.raises(ExpectationNotMet, match="INVITE from line 2"):
        await on.bench.colleague.is_called()
    # The call behind the challenge was waited for: what is not there could not be ended.
    assert on.network.control.legs
    on.network.control.hang_up_all()
    await on.until(lambda: not on.network.control.legs)


@pytest.mark.asyncio
async def test_a_call_that_the_device_drops_is_told(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(1))
    await call.rings()
    await on.bench.phone.answers()
    await call.is_answered()
    await on.bench.phone.hangs_up()
    await on.until(lambda: not on.network.control.legs)
    with pytest.raises(ExpectationNotMet, match="ended the call by itself"):
        await call.hangs_up()


@pytest.mark.asyncio
async def test_a_device_that_is_not_registered_cannot_be_called(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.begin(CASE)
    with pytest.raises(Unreachable, match="lost its registration"):
        await on.bench.colleague.calls(on.bench.phone.line(1))


@pytest.mark.asyncio
async def test_without_a_call_none_is_up(stage: Staging) -> None:
    on: Stage = await stage()
    with pytest.raises(BenchError, match="no call is up"):
        _ = on.bench.colleague.in_call


@pytest.mark.asyncio
async def test_a_call_that_no_case_took_is_forgotten(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    await on.bench.phone.dials(on.bench.colleague)
    await on.until(lambda: bool(on.network.control.legs))
    on.network.control.hang_up_all()
    on.bench.colleague.forget()
    await on.until(lambda: not on.network.control.legs)
    on.bench.begin(CASE)
    on.bench.patience_s = lambda check: 0.01  # type: ignore[method-assign]
    with pytest.raises(ExpectationNotMet):
        await on.bench.colleague.is_called()
