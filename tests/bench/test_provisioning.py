"""The provisioning server as a case moves it, with the reference device as a real program."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.expecting import CannotJudge, NotApplicable
from certsuite.bench.network import ASKED_EXPIRY_S, OUTBOUND_PROXY, SECOND_PROXY
from certsuite.core.cases import Case, State
from certsuite.core.events import BindingChanged, DoorsSeen, Expectation, OutsideMessage, SipMessageSeen, TlsPresented
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import read
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-PROV-030", "a title", ("PROV-RESYNC",), ("provisioning",), State.REGISTERED, ())
Verb = Callable[[Bench], Coroutine[Any, Any, None]]


async def in_state(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


def asked_expiries(on: Stage) -> set[int]:
    messages = [read(event.raw) for event in on.events(SipMessageSeen)]
    return {one.expires for one in messages if one and one.method == "REGISTER" and one.expires}


@pytest.mark.asyncio
async def test_a_device_that_is_told_fetches_a_change_and_is_set_back(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1))
    await in_state(on)
    await on.bench.provisioning.asks_for_another_expiry()
    assert asked_expiries(on) == {ASKED_EXPIRY_S, ASKED_EXPIRY_S + 60}
    assert on.device.starts == 1
    await on.bench.provisioning.restore()
    assert not on.device.driver.running
    assert not list((on.device._config_dir).glob("*"))
    seen = len(on.events(SipMessageSeen))
    await on.device.reach(State.REGISTERED)
    later = [read(event.raw) for event in on.events(SipMessageSeen)[seen:]]
    assert {one.expires for one in later if one and one.method == "REGISTER" and one.expires} == {ASKED_EXPIRY_S}


@pytest.mark.asyncio
async def test_another_outbound_proxy(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1))
    await in_state(on)
    await on.bench.provisioning.names_another_outbound_proxy()
    assert on.events(BindingChanged)[-1].granted_s > 0
    assert on.device.registered_at("secondary")
    assert on.network.settings().outbound_proxy == SECOND_PROXY
    await on.bench.network.restore()
    await on.bench.provisioning.restore()
    assert on.network.settings().outbound_proxy == OUTBOUND_PROXY


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("verb", "check"),
    [
        (lambda bench: bench.provisioning.is_refused_with("wrong-host"), "tls.refuses"),
        (lambda bench: bench.provisioning.gets_no_credentials_with("unknown-root"), "prov.keeps-credentials"),
        (lambda bench: bench.provisioning.sends_elsewhere(), "prov.follows"),
        (lambda bench: bench.provisioning.sends_to_clear(), "prov.stays-with-tls"),
        (lambda bench: bench.provisioning.fails("not found"), "prov.keeps-working"),
        (lambda bench: bench.provisioning.is_fetched_from_twice(), "prov.conditional"),
        (lambda bench: bench.provisioning.is_ordered_by_an_outsider(), "prov.heeds-no-outsider"),
    ],
)
async def test_what_the_server_does_is_recorded_judged_and_undone(stage: Staging, verb: Verb, check: str) -> None:
    on: Stage = await stage(reference(lines=1))
    await on.execution.run(CASE, lambda bench, phone: verb(bench))
    stated = [event for event in on.events(Expectation) if not event.control]
    assert stated[-1].check == check
    assert on.result(CASE).verdict is Verdict.PASS
    assert on.network.provisioning.good


@pytest.mark.asyncio
async def test_where_no_notify_makes_the_device_fetch_nobody_s_is_tried(stage: Staging) -> None:
    profile = reference(lines=1)
    how = profile.control.provisioning
    assert how is not None
    control = profile.control.model_copy(update={"provisioning": how.model_copy(update={"resync": "action"})})
    on: Stage = await stage(profile.model_copy(update={"control": control}))
    on.bench.begin(CASE)
    with pytest.raises(NotApplicable, match="does not fetch at a NOTIFY"):
        await on.bench.provisioning.is_ordered_by_an_outsider()
    on = await stage(reference(lines=1), "ignores-check-sync")
    await in_state(on)
    on.bench.provisioning._deaf = True
    with pytest.raises(CannotJudge, match="does not heed NOTIFY check-sync of its registrar either"):
        await on.bench.provisioning.is_ordered_by_an_outsider()
    assert not on.events(DoorsSeen)


@pytest.mark.asyncio
async def test_a_device_that_does_not_heed_check_sync_is_restarted(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1), "ignores-check-sync")
    await in_state(on)
    # What it is shown must not hang on that: another case is about it.
    on.bench.provisioning._deaf = True
    await on.bench.provisioning.is_refused_with("self-signed")
    assert on.device.starts == 3
    assert {"self-signed", "good"} <= {event.presentation for event in on.events(TlsPresented)}


@pytest.mark.asyncio
async def test_a_server_that_is_taken_for_good_is_told(stage: Staging) -> None:
    on: Stage = await stage(reference(lines=1), "fetches-from-any-root")
    await on.execution.run(CASE, lambda bench, phone: bench.provisioning.is_refused_with("unknown-root"))
    result = on.result(CASE)
    assert (result.verdict, result.findings[0].id) == (Verdict.FAIL, "prov-accepted-bad-certificate")
    assert on.network.provisioning.good


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("heeds-outsiders", Verdict.FAIL),
        ("challenges-outsiders", Verdict.PASS),
        ("challenges-check-sync", Verdict.PASS),
    ],
)
async def test_who_may_tell_the_device_to_fetch(stage: Staging, fault: str, verdict: Verdict) -> None:
    on: Stage = await stage(reference(lines=1), fault)
    await on.execution.run(CASE, lambda bench, phone: bench.provisioning.is_ordered_by_an_outsider())
    assert on.result(CASE).verdict is verdict
    told = [seen.door for seen in on.events(OutsideMessage)]
    # Its order, and what it was answered: a 200 or a 401.
    assert len(told) == (0 if fault == "challenges-check-sync" else 2)
    assert on.events(DoorsSeen)[0].doors == tuple(sorted(set(told)))
