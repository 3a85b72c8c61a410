"""Passwords that a real program is given, and loses."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from certsuite.bench.expecting import ExpectationNotMet
from certsuite.core.cases import Case, Disturbance, State
from certsuite.core.events import BenchChanged, Expectation, PasswordTraced
from certsuite.sip.passwords import SPECIAL_CHARACTERS
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-PW-020", "a title", ("PW-CHARACTERS",), (), State.REGISTERED, (Disturbance.CONFIGURATION,))
ROTATION = replace(CASE, id="WXC-PW-030", requirements=("PW-ROTATION",))


@pytest.mark.asyncio
@pytest.mark.parametrize(("lines", "starts"), [(1, 2), (2, 1)])
async def test_it_registers_with_every_special_character(stage: Staging, lines: int, starts: int) -> None:
    on: Stage = await stage(reference(lines=lines))
    on.bench.begin(CASE)
    async with asyncio.timeout(20):
        await on.bench.passwords.have_every_special_character()
    asked = "".join(event.params["characters"] for event in on.events(Expectation))
    assert set(asked) == set(SPECIAL_CHARACTERS)
    assert on.device.starts == starts
    assert not on.events(BenchChanged)


@pytest.mark.asyncio
async def test_each_character_that_is_lost_is_named_with_the_place(stage: Staging) -> None:
    on: Stage = await stage(reference(), "mangles-password")
    on.bench.begin(CASE)
    async with asyncio.timeout(60):
        with pytest.raises(ExpectationNotMet) as unmet:
            await on.bench.passwords.have_every_special_character()
    traced = {event.signs: (event.in_configuration, event.made_of) for event in on.events(PasswordTraced)}
    assert traced == dict.fromkeys('%&"', (True, "without it"))
    assert unmet.value.judgement.findings[0].id == "password-characters"
    asked = "".join(event.params.get("characters", "") for event in on.events(Expectation))
    assert sorted(asked) == sorted(SPECIAL_CHARACTERS), "each in one group that passed, or by itself"
    await on.until(lambda: on.device.registered)


@pytest.mark.asyncio
async def test_a_password_that_is_too_long_is_lost_as_a_whole(stage: Staging) -> None:
    on: Stage = await stage(reference(), "cuts-off-password")
    on.bench.begin(CASE)
    async with asyncio.timeout(60):
        with pytest.raises(ExpectationNotMet):
            await on.bench.passwords.have_every_special_character()
    traced = [(event.length, event.made_of) for event in on.events(PasswordTraced)]
    assert traced == [(33, "its first 20 characters"), (29, "its first 20 characters")]


@pytest.mark.asyncio
@pytest.mark.parametrize("means", ["resync", "restart"])
async def test_another_password_is_taken_by_either_means(stage: Staging, means: str) -> None:
    on: Stage = await stage(reference(without=() if means == "resync" else ("resync",)))
    await on.device.reach(State.REGISTERED)
    on.bench.begin(ROTATION)
    before = {line.password for line in on.network.settings().lines}
    async with asyncio.timeout(20):
        await on.bench.passwords.are_rotated()
    assert not before & {line.password for line in on.network.settings().lines}
    assert on.device.starts == (1 if means == "resync" else 2)
    assert [event.params["granted_s"] for event in on.events(Expectation)] == [60, 60]
    assert on.device.registered


@pytest.mark.asyncio
async def test_one_that_is_not_taken_until_a_restart(stage: Staging) -> None:
    on: Stage = await stage(reference(), "keeps-old-password")
    await on.device.reach(State.REGISTERED)
    on.bench.begin(ROTATION)
    on.bench.patience_s = lambda check: 1.0  # type: ignore[method-assign]
    on.network.registrar.granted_expiry_s = 1
    with pytest.raises(ExpectationNotMet) as unmet:
        await on.bench.passwords.are_rotated()
    (finding,) = unmet.value.judgement.findings
    assert (finding.id, finding.observed.startswith("REGISTER with the digest of another")) == (
        "password-rotation-not-taken",
        True,
    )
    assert on.device.starts == 2
    await on.device.reach(State.REGISTERED)
