"""Requests of a party in a call, with the reference device at the other end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from certsuite.bench.expecting import ExpectationNotMet
from certsuite.bench.within_call import STORM, WithinCall
from certsuite.core.cases import Case, State
from certsuite.core.events import Expectation
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-CALL-090", "a title", ("CALL-REFRESH",), (), State.REGISTERED, ())


async def within(stage: Staging, *faults: str) -> tuple[Stage, WithinCall]:
    on: Stage = await stage(reference(), *faults)
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    return on, (await on.bench.colleague.is_in_a_call()).within


@pytest.mark.asyncio
async def test_a_good_device_stands_everything(stage: Staging) -> None:
    on, call = await within(stage)
    await call.stands_a_storm_of_refreshes()
    await call.is_refreshed_by("UPDATE")
    await call.knows_its_order()
    await call.answers_an_unknown_method()
    await call.answers_an_unknown_package()
    await call.answers_a_message()
    await call.survives_malformed_requests()
    stated = [event.check for event in on.events(Expectation)]
    assert stated.count("call.takes-refresh") == STORM + 1
    assert stated.count("call.answers-request") == 5
    # A device that knows no OPTIONS was not broken by what came before it.
    behind = on.events(Expectation)[-1].params
    assert (behind["finding"], {405, 501} <= set(behind["allowed"])) == ("broken-by-malformed-requests", True)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "does", "observed"),
    [
        ("tires-of-reinvites", WithinCall.stands_a_storm_of_refreshes, "488 Not Acceptable Here"),
        ("ignores-cseq-order", WithinCall.knows_its_order, "200 OK to OPTIONS"),
    ],
)
async def test_a_faulty_device_does_not(
    stage: Staging, fault: str, does: Callable[[WithinCall], Awaitable[None]], observed: str
) -> None:
    _, call = await within(stage, fault)
    with pytest.raises(ExpectationNotMet, match=observed):
        await does(call)
