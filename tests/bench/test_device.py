"""The states of a device, with the reference device as a real program."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from certsuite.bench.device import Unreachable
from certsuite.core.cases import State
from certsuite.core.errors import ActionFailed
from certsuite.core.events import (
    BindingChanged,
    ConfigDelivered,
    DeviceExited,
    DeviceStarted,
    DnsQuery,
    FlowClosed,
    StateNotReached,
    StateReached,
)
from certsuite.core.redaction import Secret
from certsuite.devices.drivers import process
from tests.bench.conftest import Stage, Staging, reference

QUICK_RETRY = 0.2


def reached(stage: Stage) -> list[tuple[str, str]]:
    return [(event.state, event.means) for event in stage.events(StateReached)]


async def kill(stage: Stage) -> None:
    """End the device's program as no one asked for."""
    (pid,) = [event.pid for event in stage.events(DeviceStarted)][-1:]
    os.kill(pid, signal.SIGKILL)
    await stage.until(lambda: stage.device.gone)


@pytest.mark.asyncio
async def test_it_is_started_registers_and_stays_so(stage: Staging) -> None:
    on: Stage = await stage()
    device = on.device
    assert not device.registered
    await device.reach(State.STARTED)
    assert device.driver.running
    await device.reach(State.REGISTERED)
    assert device.registered_at("primary")
    assert not device.registered_at("secondary")
    assert {binding.account.line for binding in on.network.registrar.bindings.values()} == {1, 2}
    second = on.network.registrar.bindings.pop(2)
    assert not device.registered
    on.network.registrar.bindings[2] = second
    before = on.journal.next_seq
    await device.reach(State.IN_CALL)
    await device.reach(State.STARTED)
    assert on.journal.next_seq == before
    assert device.starts == 1
    assert [state for state, _ in reached(on)] == ["started", "registered"]
    assert len(on.events(ConfigDelivered)) == 1
    await device.reach(State.STOPPED)
    assert not device.registered
    assert not device.driver.running
    assert not device.gone


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("values", "without", "means"),
    [
        ({}, (), "reregister"),
        ({}, ("reregister",), "restart"),
        ({"boot_s": 20.0}, ("reregister",), "flow-closed"),
    ],
    ids=["reregister", "restart", "flow-closed"],
)
async def test_it_connects_anew_by_the_cheapest_means(
    stage: Staging, values: dict[str, Any], without: tuple[str, ...], means: str
) -> None:
    on: Stage = await stage(reference(without=without, registration_retry_s=QUICK_RETRY))
    device = on.device
    await device.reach(State.REGISTERED)
    # The program itself boots at once; what it costs is what the profile says.
    device.profile = reference(without=without, registration_retry_s=QUICK_RETRY, **values)
    flows = {binding.flow for binding in on.network.registrar.bindings.values()}
    assert await device.connect_anew() == means
    assert device.attempt_seq > 0
    await on.until(lambda: device.registered)
    # What is asked now is not answered by the registration from before.
    assert not flows & {binding.flow for binding in on.network.registrar.bindings.values()}
    assert device.starts == (2 if means == "restart" else 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "register_s", "explained_by", "reason"),
    [
        ("wrong-digest", 0.9, "WXC-REG-010", "the response is wrong"),
        ("silent", 0.1, "", "the device asked the responder nothing"),
    ],
)
async def test_what_does_not_register_is_given_up_after_one_restart_with_the_step_that_broke(
    stage: Staging, fault: str, register_s: float, explained_by: str, reason: str
) -> None:
    on: Stage = await stage(reference(register_s=register_s), fault)
    device = on.device
    with pytest.raises(Unreachable) as given_up:
        await device.reach(State.REGISTERED)
    assert (given_up.value.code, given_up.value.explained_by) == ("not-registered", explained_by)
    assert reason in str(given_up.value)
    assert device.starts == 2
    told = on.events(StateNotReached)
    assert [(event.state, event.means) for event in told] == [("registered", "restart")]
    assert told[0].waited_s > 0
    # It is not tried for again, whatever state stands on it.
    for state in (State.REGISTERED, State.IN_CALL, State.REGISTERED_SECONDARY):
        with pytest.raises(Unreachable):
            await device.reach(state)
    assert device.starts == 2
    await device.reach(State.STARTED)


@pytest.mark.asyncio
async def test_a_device_that_registers_after_all_is_registered(stage: Staging) -> None:
    on: Stage = await stage(reference(register_s=0.0, boot_s=0.3))
    device = on.device
    with pytest.raises(Unreachable):
        await device.reach(State.REGISTERED)
    await on.until(lambda: device.registered)
    await device.reach(State.REGISTERED)


@pytest.mark.asyncio
async def test_a_program_that_ends_at_once_is_told_as_such(stage: Staging) -> None:
    on: Stage = await stage(reference(register_s=30.0), "exits-at-start")
    device = on.device
    with pytest.raises(Unreachable, match=r"ended by itself \(status 1\)") as given_up:
        await device.reach(State.REGISTERED)
    assert given_up.value.code == "device-exited"
    assert device.starts == 2
    assert device.gone
    assert [event.asked for event in on.events(DeviceExited)] == [False, False]


@pytest.mark.asyncio
async def test_a_program_that_cannot_be_started_is_tried_twice(stage: Staging) -> None:
    profile = reference()
    start = ("{python}", "-c", "import sys; sys.stderr.write('no display'); sys.exit(3)")
    control = profile.control.model_copy(update={"start": start, "ready": "it is up"})
    on: Stage = await stage(profile.model_copy(update={"control": control}))
    with pytest.raises(Unreachable, match=r"exit code 3.*no display") as given_up:
        await on.device.reach(State.STARTED)
    assert given_up.value.code == "device-not-started"
    assert on.device.starts == 2


@pytest.mark.asyncio
async def test_a_program_that_was_killed_is_started_again(stage: Staging) -> None:
    on: Stage = await stage()
    device = on.device
    await device.reach(State.REGISTERED)
    await kill(on)
    assert not device.registered
    await device.reach(State.REGISTERED)
    assert not device.gone
    assert device.starts == 2
    assert reached(on) == [("registered", "start"), ("registered", "start")]


@pytest.mark.asyncio
async def test_a_restart_leaves_nothing_of_the_old_registration(stage: Staging) -> None:
    on: Stage = await stage()
    device = on.device
    await device.reach(State.REGISTERED)
    await kill(on)
    await device.restart()
    assert not device.registered
    assert all(flow.closed or not flow.usable for edge in on.network.edges.values() for flow in edge.flows.values())
    await on.until(lambda: device.registered)
    assert on.journal.since(device.attempt_seq)
    assert [event for event in on.events(BindingChanged) if event.why == "unregister"] == []


@pytest.mark.asyncio
@pytest.mark.parametrize("retry", [QUICK_RETRY, None], ids=["retries", "says-nothing-of-retries"])
async def test_a_device_whose_flow_was_ended_comes_back_by_itself(stage: Staging, retry: float | None) -> None:
    on: Stage = await stage(reference(registration_retry_s=QUICK_RETRY))
    device = on.device
    await device.reach(State.REGISTERED)
    device.profile = reference(registration_retry_s=retry)
    on.network.edges["primary"].end_flows("fin")
    await device.reach(State.REGISTERED)
    assert reached(on)[-1] == ("registered", "own retry")
    assert device.starts == 1


@pytest.mark.asyncio
async def test_the_secondary_is_reached_while_the_primary_refuses_and_left_when_it_is_back(stage: Staging) -> None:
    on: Stage = await stage(reference(registration_retry_s=QUICK_RETRY))
    device, primary = on.device, on.network.edges["primary"]
    await device.reach(State.REGISTERED_SECONDARY)
    assert device.registered_at("secondary")
    assert device.registered
    assert not primary.accepts
    before = device.starts
    await device.reach(State.REGISTERED)
    assert device.starts == before
    await on.network.restore()
    assert primary.accepts
    # Still at the secondary, and the state includes that the primary refuses.
    if device.registered_at("secondary"):
        await device.reach(State.REGISTERED_SECONDARY)
        assert not primary.accepts
        await on.network.restore()


@pytest.mark.asyncio
async def test_a_device_that_never_fails_over_is_given_up_for_the_secondary_alone(stage: Staging) -> None:
    on: Stage = await stage(reference(failover_s=0.5), "never-fails-over")
    device = on.device
    with pytest.raises(Unreachable) as given_up:
        await device.reach(State.REGISTERED_SECONDARY)
    assert (given_up.value.state, given_up.value.explained_by) == (State.REGISTERED_SECONDARY, "WXC-FO-005")
    await on.network.restore()
    await device.reach(State.REGISTERED)
    starts = device.starts
    with pytest.raises(Unreachable):
        await device.reach(State.REGISTERED_SECONDARY)
    assert device.starts == starts


@pytest.mark.asyncio
async def test_another_configuration_brings_other_passwords(stage: Staging) -> None:
    on: Stage = await stage()
    device = on.device
    await device.reach(State.REGISTERED)
    since = on.journal.next_seq
    await device.reconfigure({1: Secret('Aa1%&"x'), 2: Secret("Aa1-xyz")})
    assert not device.registered
    assert device.attempt_seq > since
    await device.reach(State.REGISTERED)
    assert len(on.events(ConfigDelivered)) == 2
    assert on.network.registrar.accounts.of_line(1).password == Secret('Aa1%&"x')
    assert device.starts == 2


@pytest.mark.asyncio
async def test_an_action_that_the_profile_lacks_is_no_action(stage: Staging) -> None:
    on: Stage = await stage(reference(without=("dtmf",)))
    with pytest.raises(ActionFailed, match="no action 'dtmf'"):
        await on.device.act("dtmf", digits="1")


@pytest.mark.asyncio
async def test_a_stopped_device_has_no_connection_left(stage: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_TERMINATION_S", 0.1)
    on: Stage = await stage(reference(), "ignores-sigterm")
    await on.device.reach(State.REGISTERED)
    await on.device.stop()
    await on.until(lambda: not any(edge.flows for edge in on.network.edges.values()))
    assert on.events(FlowClosed)
    assert [event.asked for event in on.events(DeviceExited)] == [True]
    assert not on.network.registrar.bindings


@pytest.mark.asyncio
@pytest.mark.parametrize(("faults", "starts"), [((), 1), (("ignores-ttl",), 2)], ids=["asks anew", "keeps answers"])
async def test_it_reconnects_without_a_restart_if_it_then_asks_dns(
    stage: Staging, faults: tuple[str, ...], starts: int
) -> None:
    on: Stage = await stage(reference(), *faults)
    await on.device.reach(State.REGISTERED)
    await on.device.reconnect()
    await on.device.until(lambda: on.device.registered, 10)
    assert on.device.registered
    assert on.device.starts == starts
    assert [event for event in on.events(DnsQuery) if event.type == "SRV"][1:]


@pytest.mark.asyncio
async def test_another_programs_question_is_not_the_devices_when_it_reconnects(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: Stage = await stage(reference(), "ignores-ttl")
    await on.device.reach(State.REGISTERED)
    loses_it = on.device.lose_connection

    async def while_another_asks() -> None:
        await loses_it()
        on.journal.record(DnsQuery("udp", "127.9.0.1:40000", "x.example", "A", "NXDOMAIN", ()), flow="xdns-1")

    monkeypatch.setattr(on.device, "lose_connection", while_another_asks)
    await on.device.reconnect()
    assert on.device.starts == 2


@pytest.mark.asyncio
async def test_a_device_that_cannot_be_told_to_register_reconnects_by_the_cheapest_means(stage: Staging) -> None:
    on: Stage = await stage(reference(without=("reregister",)))
    await on.device.reach(State.REGISTERED)
    await on.device.reconnect()
    await on.device.until(lambda: on.device.registered, 10)
    assert on.device.starts == 2
