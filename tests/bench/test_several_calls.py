"""Several calls, with the reference device at the other end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from certsuite.bench.expecting import ExpectationNotMet, NotApplicable
from certsuite.bench.several_calls import SeveralCalls, TwoCalls
from certsuite.core.cases import Case, State
from certsuite.core.events import Expectation, Note
from certsuite.devices.profile import DeviceProfile
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-CALL-151", "a title", ("CALL-WAITING",), (), State.REGISTERED, ())


async def several(stage: Staging, *faults: str, profile: DeviceProfile | None = None) -> tuple[Stage, SeveralCalls]:
    on: Stage = await stage(profile or reference(), *faults)
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    return on, on.bench.several


@pytest.mark.asyncio
async def test_two_calls_of_a_good_device(stage: Staging) -> None:
    on, calls = await several(stage)
    await calls.wait_as_claimed()
    on.network.control.hang_up_all()
    await on.until(lambda: not on.network.control.legs)
    two = await calls.talk_to_two()
    await two.change_places()
    await two.end()
    assert not on.events(Note)
    stated = [event.check for event in on.events(Expectation)]
    assert stated.count("call.is-held") == 2
    assert stated.count("media.audio-both-ways") == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("goes_on", [TwoCalls.survive_the_end_of_the_first, TwoCalls.survive_the_end_of_the_second])
async def test_one_call_ends_and_the_other_goes_on(
    stage: Staging, goes_on: Callable[[TwoCalls], Awaitable[None]]
) -> None:
    on, calls = await several(stage)
    await goes_on(await calls.talk_to_two())
    assert not on.network.control.legs


@pytest.mark.asyncio
async def test_every_line_is_called_at_once(stage: Staging) -> None:
    on, calls = await several(stage, profile=reference(lines=20))
    await calls.come_to_each_line()
    assert len({event.call_id for event in on.events(Expectation)}) == 20


@pytest.mark.asyncio
async def test_one_line_alone_is_no_case(stage: Staging) -> None:
    _, calls = await several(stage, profile=reference(lines=1))
    with pytest.raises(NotApplicable):
        await calls.come_to_each_line()


@pytest.mark.asyncio
async def test_a_device_that_cannot_be_told_to_swap(stage: Staging) -> None:
    _, calls = await several(stage, profile=reference(without=("swap",)))
    two = await calls.talk_to_two()
    with pytest.raises(NotApplicable):
        await two.change_places()


@pytest.mark.asyncio
async def test_a_first_call_that_is_not_held_is_found_out(stage: Staging) -> None:
    on, calls = await several(stage, "mixes-calls")
    on.bench.patience_s = lambda check: 1.0  # type: ignore[method-assign]
    with pytest.raises(ExpectationNotMet, match="no re-INVITE"):
        await calls.talk_to_two()
