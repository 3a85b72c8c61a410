"""The certificate battery as cases see it: one walk for all, and what each states of its own chain."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.phone import Phone
from certsuite.bench.target_walk import Station, TargetWalk
from certsuite.core.cases import Case, Disturbance, State
from certsuite.core.errors import AddressUnavailable, DriverError
from certsuite.core.events import TargetsWalked
from certsuite.core.verdicts import Verdict
from tests.bench.conftest import Stage, Staging, reference

PROFILE = reference(failover_s=2.0)


def about(presents: str, number: int = 1) -> Case:
    return Case(
        f"WXC-TLS-{number:03}",
        "t",
        ("TLS-VERIFY-CHAIN",),
        (),
        State.REGISTERED,
        (Disturbance.REGISTRATION,),
        presents=presents,
    )


async def refused(bench: Bench, phone: Phone) -> None:
    await bench.gauntlet.is_refused(finding="tls-accepted-expired", hint="h")


async def accepted(bench: Bench, phone: Phone) -> None:
    await bench.gauntlet.is_accepted(finding="tls-refused-long-key", hint="h")


async def noted(bench: Bench, phone: Phone) -> None:
    await bench.gauntlet.is_noted()


async def compared(bench: Bench, phone: Phone) -> None:
    await bench.gauntlet.is_compared_with_one_by_one()


@pytest.mark.asyncio
async def test_the_first_case_leads_the_device_past_what_all_of_them_want_shown(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    on.bench.gauntlet.planned = ("expired", "rsa-3072", "wildcard", "revoked-stapled")
    cases = {
        about("expired", 1): refused,
        about("rsa-3072", 2): accepted,
        about("wildcard", 3): noted,
        about("revoked-stapled", 4): refused,
    }
    for case, function in cases.items():
        await on.execution.run(case, function)
    results = [on.result(case) for case in cases]
    assert [one.verdict for one in results] == [*[Verdict.PASS] * 3, Verdict.NOT_APPLICABLE]
    assert [(one.name, one.value) for one in results[2].measurements] == [("accepts wildcard", 1.0)]
    assert results[3].reason_code == "not-offered"
    (walk,) = on.events(TargetsWalked)
    assert walk.targets == ("expired", "rsa-3072", "wildcard", "revoked-stapled")


@pytest.mark.asyncio
async def test_a_faulty_device_fails_the_case_of_its_fault_alone(stage: Staging) -> None:
    on: Stage = await stage(PROFILE, "accepts-expired", "refuses-rsa-3072")
    on.bench.gauntlet.planned = ("expired", "not-yet-valid", "rsa-3072", "san-proxy-only")
    cases = {
        about("expired", 1): refused,
        about("not-yet-valid", 2): refused,
        about("rsa-3072", 3): accepted,
        about("san-proxy-only", 4): accepted,
    }
    for case, function in cases.items():
        await on.execution.run(case, function)
    verdicts = [on.result(case).verdict for case in cases]
    assert verdicts == [Verdict.FAIL, Verdict.PASS, Verdict.FAIL, Verdict.PASS]
    (finding,) = on.result(next(iter(cases))).findings
    assert finding.observed.endswith("to an edge that presented a leaf that expired two days ago")


@pytest.mark.asyncio
async def test_a_case_of_a_chain_that_nobody_planned_walks_past_it_alone(stage: Staging) -> None:
    on: Stage = await stage(PROFILE)
    await on.execution.run(about("self-signed"), refused)
    assert on.result(about("self-signed")).verdict is Verdict.PASS
    assert [one.targets for one in on.events(TargetsWalked)] == [("self-signed",)]


@pytest.mark.asyncio
async def test_what_the_walk_saves_is_measured_beside_one_by_one(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certsuite.bench.gauntlet._COMPARED_FOR_S", 0.0)
    on: Stage = await stage(PROFILE)
    on.bench.gauntlet.planned = ("expired", "wrong-host")
    await on.execution.run(about("expired"), compared)
    result = on.result(about("expired"))
    assert result.verdict is Verdict.PASS
    measured = {one.name: one.value for one in result.measurements}
    assert (measured["targets_shown"], measured["walk_attempts"], measured["one_by_one_shown"]) == (2, 1, 1)
    assert measured["one_by_one_time_for_all"] == pytest.approx(2 * measured["one_by_one_time"], abs=0.1)


@pytest.mark.asyncio
@pytest.mark.parametrize("problem", [AddressUnavailable("taken"), DriverError("no start"), RuntimeError("a mistake")])
async def test_what_breaks_the_walk_does_not_cost_the_verdicts_of_the_others(
    stage: Staging, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    on: Stage = await stage(PROFILE)
    on.bench.gauntlet.planned = ("expired", "rsa-3072", "wrong-host")
    whole = TargetWalk.past

    async def breaks_off(self: TargetWalk, stations: Sequence[Station]) -> None:
        if len(stations) == 1:
            return await whole(self, stations)
        await whole(self, stations[:2])
        raise problem

    monkeypatch.setattr(TargetWalk, "past", breaks_off)
    cases = {about("expired", 1): refused, about("rsa-3072", 2): accepted, about("wrong-host", 3): refused}
    for case, function in cases.items():
        await on.execution.run(case, function)
    # A mistake of the suite's own is told as such, once.
    first = Verdict.ERROR if isinstance(problem, RuntimeError) else Verdict.PASS
    assert [on.result(case).verdict for case in cases] == [first, Verdict.PASS, Verdict.PASS]
    assert [one.targets for one in on.events(TargetsWalked)] == [("expired", "rsa-3072"), ("wrong-host",)]
