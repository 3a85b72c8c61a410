"""The notifier as a case moves it, with the reference device as a real program."""

from __future__ import annotations

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.expecting import CannotJudge, Deferred, ExpectationNotMet, NotApplicable
from certsuite.core.cases import Case, State
from certsuite.core.events import BenchChanged, SubscriptionChanged
from certsuite.core.verdicts import Verdict
from certsuite.devices.capabilities import Capabilities
from certsuite.edge.notifier import MOST_GRANTED_S
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-SUB-010", "a title", ("SUB-NOTIFIED",), (), State.REGISTERED, ())


async def in_state(on: Stage) -> Bench:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    return on.bench


@pytest.mark.asyncio
async def test_what_it_has_subscribed_to_is_told_of_and_in_use(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0))
    bench = await in_state(on)
    for package in ("message-summary", "dialog"):
        await bench.notifier.tells_of(package)
    await bench.notifier.must_be_in_use()
    assert {(one.package, one.granted_s) for one in on.events(SubscriptionChanged)} == {
        ("message-summary", MOST_GRANTED_S),
        ("dialog", MOST_GRANTED_S),
    }
    ever = on.network.stood["subscribed"]
    assert {package for _, package, _ in ever} == {"message-summary", "dialog"}


@pytest.mark.asyncio
async def test_who_never_subscribes_is_told_from_who_need_not(stage: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0), "never-subscribes")
    bench = await in_state(on)
    monkeypatch.setattr(bench, "patience_s", lambda check: 0.1)
    with pytest.raises(ExpectationNotMet, match="no SUBSCRIBE for dialog"):
        await bench.notifier.tells_of("dialog")
    with pytest.raises(CannotJudge, match="claims message-summary, dialog"):
        await bench.notifier.must_be_in_use()
    unclaimed = bench.device.profile.model_copy(update={"capabilities": Capabilities()})
    monkeypatch.setattr(bench.device, "profile", unclaimed)
    with pytest.raises(NotApplicable, match="claims no subscription"):
        await bench.notifier.must_be_in_use()


@pytest.mark.asyncio
@pytest.mark.parametrize(("faults", "verdict"), [((), Verdict.PASS), (("lets-subscriptions-expire",), Verdict.FAIL)])
async def test_a_short_grant_has_to_be_refreshed(stage: Staging, faults: tuple[str, ...], verdict: Verdict) -> None:
    on: Stage = await stage(reference(lines=1, register_s=10.0, failover_expiry_s=2), *faults)
    await in_state(on)

    async def grants(bench: Bench, _: object) -> Deferred:
        return await bench.notifier.grants_briefly("message-summary")

    await on.execution.run(CASE, grants)
    await on.execution.finish()
    assert on.result(CASE).verdict is verdict
    grants_told = [one.detail["expiry_s"] for one in on.events(BenchChanged) if one.what == "notifier"]
    assert grants_told == [2, MOST_GRANTED_S]
