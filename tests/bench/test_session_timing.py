"""Session timers, with the reference device at the other end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from certsuite.bench.expecting import ExpectationNotMet, NotApplicable
from certsuite.bench.session_timing import SessionTiming
from certsuite.core.cases import Case, State
from certsuite.core.events import Expectation
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-CALL-132", "a title", ("CALL-SESSION-TIMER",), (), State.REGISTERED, ())


async def sessions(stage: Staging, *faults: str) -> tuple[Stage, SessionTiming]:
    on: Stage = await stage(reference(), *faults)
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    return on, on.bench.sessions


@pytest.mark.asyncio
async def test_a_good_device_in_calls_to_it(stage: Staging) -> None:
    on, timing = await sessions(stage)
    await timing.are_as_claimed()
    call = await timing.begins_as_refresher()
    await call.is_kept_by_the_party()
    await call.hangs_up()
    call = await timing.makes_the_device_refresh()
    await call.is_kept_by_the_device()
    await call.hangs_up()
    await timing.asks_for_too_little()
    call = await timing.begins_and_never_refreshes()
    await call.is_ended_by_the_device()
    stated = [event.check for event in on.events(Expectation)]
    assert stated.count("timer.takes-refresh") == 2


@pytest.mark.asyncio
async def test_a_good_device_in_calls_of_its_own(stage: Staging) -> None:
    _, timing = await sessions(stage)
    call = await timing.is_called_as_refresher()
    await call.is_kept_by_the_party()
    await call.hangs_up()
    call = await timing.is_called_and_makes_the_device_refresh()
    await call.is_kept_by_the_device()
    await call.hangs_up()
    await timing.asks_for_more()


@pytest.mark.asyncio
async def test_what_has_no_interval_cannot_be_refused_for_it(stage: Staging) -> None:
    _, timing = await sessions(stage, "knows-no-session-timers")
    with pytest.raises(NotApplicable):
        await timing.asks_for_more()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "does", "observed"),
    [
        ("names-no-least-interval", SessionTiming.asks_for_too_little, "with no Min-SE"),
        ("gives-up-at-422", SessionTiming.asks_for_more, "no INVITE after the 422"),
    ],
)
async def test_a_faulty_device_is_found_out(
    stage: Staging, fault: str, does: Callable[[SessionTiming], Awaitable[None]], observed: str
) -> None:
    on, timing = await sessions(stage, fault)
    on.bench.patience_s = lambda check: 1.0  # type: ignore[method-assign]
    with pytest.raises(ExpectationNotMet, match=observed):
        await does(timing)


@pytest.mark.asyncio
async def test_a_device_that_never_refreshes_is_waited_for(stage: Staging) -> None:
    _, timing = await sessions(stage, "never-refreshes-sessions")
    call = await timing.makes_the_device_refresh()
    with pytest.raises(ExpectationNotMet, match="no refresh within 1"):
        await call.is_kept_by_the_device()
