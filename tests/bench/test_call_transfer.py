"""Transfers, conferences and calls that replace others, with the reference device at the other end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from certsuite.bench.expecting import ExpectationNotMet, NotApplicable
from certsuite.bench.party import Call, Party
from certsuite.core.cases import Case, State
from certsuite.core.events import Expectation, SipMessageSeen
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-CALL-140", "a title", ("CALL-TRANSFEREE",), (), State.REGISTERED, ())


async def in_call(stage: Staging, *faults: str, without: tuple[str, ...] = ()) -> tuple[Stage, Call]:
    on: Stage = await stage(reference(without=without), *faults)
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    return on, await on.bench.colleague.is_in_a_call()


@pytest.mark.asyncio
async def test_a_good_device_is_handed_over(stage: Staging) -> None:
    on, call = await in_call(stage)
    on.bench.third.answers_when_called()
    await call.transfer.hands_over_to(on.bench.third, replacing=True)
    await call.transfer.is_told("success")
    await call.transfer.is_let_go()
    assert on.bench.third.is_wanted
    stated = [event.check for event in on.events(Expectation)]
    assert stated[-3:] == ["transfer.is-followed", "transfer.is-told", "transfer.lets-go"]


@pytest.mark.asyncio
async def test_a_good_device_takes_part_in_everything_else(stage: Staging) -> None:
    on, call = await in_call(stage)
    on.bench.third.refuses_when_called("Busy Here")
    await call.transfer.hands_over_to(on.bench.third, domain="elsewhere.example")
    await call.transfer.by_the_device(on.bench.third, ends="603 Decline")
    on.bench.third.forget()
    await call.transfer.becomes_a_conference_with(on.bench.third)
    taken = await call.transfer.is_taken_by(on.bench.third)
    assert taken.leg.party == on.bench.third.number


async def _handed_over(call: Call, third: Party) -> None:
    await call.transfer.hands_over_to(third)


async def _told(call: Call, third: Party) -> None:
    await call.transfer.hands_over_to(third)
    await call.transfer.is_told("failure")


async def _left(call: Call, third: Party) -> None:
    await call.transfer.by_the_device(third)
    await call.transfer.is_left()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "does", "observed"),
    [
        ("declines-refer", _handed_over, "603 Decline to REFER"),
        ("tells-of-success-alone", _told, "NOTIFY says 200"),
        ("keeps-transferred-call", _left, "no BYE"),
    ],
)
async def test_a_faulty_device_is_told_from_it(
    stage: Staging,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    does: Callable[[Call, Party], Awaitable[None]],
    observed: str,
) -> None:
    on, call = await in_call(stage, fault)
    on.bench.third.refuses_when_called("Busy Here")
    monkeypatch.setattr(on.bench, "patience_s", lambda check: 0.5)
    with pytest.raises(ExpectationNotMet, match=observed):
        await does(call, on.bench.third)


@pytest.mark.asyncio
async def test_who_cannot_be_made_to_is_not_asked(stage: Staging) -> None:
    on, call = await in_call(stage, without=("transfer", "conference"))
    with pytest.raises(NotApplicable, match="'transfer'"):
        await call.transfer.by_the_device(on.bench.third)
    with pytest.raises(NotApplicable, match="'conference'"):
        await call.transfer.becomes_a_conference_with(on.bench.third)


@pytest.mark.asyncio
async def test_a_conference_says_that_it_is_one(stage: Staging) -> None:
    on, call = await in_call(stage)
    await call.transfer.leads_into_a_conference_at(on.bench.third)
    answers = [event.raw for event in on.events(SipMessageSeen) if event.raw.startswith(b"SIP/2.0 200")]
    assert sum(b";isfocus" in raw for raw in answers) == 1
