"""One failure after the other on a bench with the reference device, as cases meet them."""

from __future__ import annotations

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.failover import TIMES_LATE
from certsuite.bench.phone import Phone
from certsuite.core.cases import Case, Disturbance, State
from certsuite.core.events import BenchChanged, FlowClosed, Note
from certsuite.core.verdicts import Verdict
from certsuite.edge.failing import FAILURES
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-FO-010", "It moves on.", ("FO-SECONDARY",), (), State.REGISTERED, (Disturbance.REGISTRATION,), "reset")
OTHER = Case("WXC-UA-010", "It says who it is.", ("UA-MAKE-MODEL",), (), State.REGISTERED, ())


@pytest.mark.asyncio
async def test_the_device_moves_on_and_back_and_is_registered_afterwards(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0))

    async def meets(bench: Bench, phone: Phone) -> None:
        await bench.failover.meets("reset")
        assert bench.device.registered_at("primary")

    await on.execution.run(CASE, meets)
    result = on.result(CASE)
    assert result.verdict is Verdict.PASS, result.findings
    measured = {one.name: one.value for one in result.measurements}
    assert measured["edge_changes"] == 1
    assert measured["service_outage"] <= measured["failover_time"]
    assert "back_after" in measured
    assert [one.edge for one in on.journal.since(0) if b"OPTIONS sip:" in getattr(one.event, "raw", b"")] == [
        "secondary"
    ]
    changes = [event for event in on.events(BenchChanged) if event.what == "primary edge"]
    assert [event.behaviour for event in changes][:2] == ["reset", "good"]
    assert changes[0].detail["bound"]["1"][0] == "primary"
    assert not on.network.edges["primary"].fails


@pytest.mark.asyncio
async def test_a_short_expiry_is_granted_while_it_lasts(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0, failover_expiry_s=2))
    granted: list[int] = []

    async def begins(bench: Bench, phone: Phone) -> None:
        await bench.failover.begins()
        granted.append(on.network.registrar.bindings[1].granted_s)
        await bench.expect("reg.registers", since=0)

    async def another(bench: Bench, phone: Phone) -> None:
        granted.append(on.network.registrar.granted_expiry_s)
        await bench.expect("reg.registers", since=0)

    usual = on.network.registrar.granted_expiry_s
    await on.execution.run(CASE, begins)
    await on.execution.run(OTHER, another)
    assert granted == [2, usual]


@pytest.mark.asyncio
async def test_a_grant_outlasts_answers_that_come_late(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0, failover_expiry_s=1))

    async def late(bench: Bench, phone: Phone) -> None:
        await bench.failover.meets("late", elsewhere=False, sourced=False)
        assert on.network.registrar.granted_expiry_s == TIMES_LATE * FAILURES["late"].late_s

    await on.execution.run(CASE, late)
    assert on.result(CASE).verdict is Verdict.PASS


@pytest.mark.asyncio
async def test_both_are_down_from_when_the_device_is_served_no_more(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0, failover_expiry_s=1, both_down_s=1.0))

    async def both(bench: Bench, phone: Phone) -> None:
        await bench.failover.both_fail("503")

    await on.execution.run(CASE, both)
    assert on.result(CASE).verdict is Verdict.PASS
    seen = on.journal.since(0)
    noted = next(n for n, one in enumerate(seen) if isinstance(one.event, Note))
    left = next(n for n, one in enumerate(seen) if isinstance(one.event, FlowClosed) and one.edge == "primary")
    assert left < noted
    assert [one.event.behaviour for one in seen[noted:] if isinstance(one.event, BenchChanged)][:2] == ["good", "good"]


@pytest.mark.asyncio
async def test_who_stays_away_is_not_waited_for_again(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0, failback_s=0.1), "never-fails-back")

    async def meets(bench: Bench, phone: Phone) -> None:
        await bench.failover.meets("reset")

    for _ in range(2):
        await on.execution.run(CASE, meets)
    assert on.result(CASE).verdict is Verdict.PASS
    assert "its way back is not waited for: it did not return in WXC-FO-010[reset]" in [
        note.text for note in on.events(Note)
    ]


@pytest.mark.asyncio
async def test_a_device_that_never_goes_to_the_secondary_is_not_tried_in_each_phase(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0, failover_s=0.5), "never-fails-over")

    async def uses(bench: Bench, phone: Phone) -> None:
        await bench.primary.refuses_connections()
        await phone.connects_anew()
        await bench.failover.uses_the_secondary()

    async def meets(bench: Bench, phone: Phone) -> None:
        await bench.failover.meets("reset")

    first = Case("WXC-FO-005", "It goes.", ("FO-SECONDARY",), (), State.REGISTERED, (Disturbance.REGISTRATION,))
    monkeypatch.setattr(on.bench, "patience_s", lambda check: 0.5)
    await on.execution.run(first, uses)
    assert on.result(first).verdict is Verdict.FAIL
    await on.execution.run(CASE, meets)
    result = on.result(CASE)
    assert (result.verdict, result.reason_code, result.explained_by) == (
        Verdict.INCONCLUSIVE,
        "no-failover",
        "WXC-FO-005",
    )
