"""What becomes of a case, however it ends. No device is started unless the case needs one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from certsuite.bench import execution
from certsuite.bench.bench import Bench, CannotJudge, Deferred, NotApplicable
from certsuite.bench.phone import Phone
from certsuite.core.cases import Case, Disturbance, State
from certsuite.core.errors import ActionFailed
from certsuite.core.events import BindingChanged, CaseFinished, CaseStarted, Expectation, Note
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-REG-060", "a title", ("REG-REFRESH",), (), State.STOPPED, ())
OTHER = replace(CASE, id="WXC-REG-070", disturbs=(Disturbance.REGISTRATION,))
BOUND = BindingChanged("a@b", "sip:a@127.0.0.1", 60)


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.asyncio
async def test_a_case_that_saw_what_it_expected_passes(stage: Staging) -> None:
    on: Stage = await stage()

    async def function(bench: Bench, phone: Phone) -> None:
        on.journal.record(BOUND)
        await bench.expect("reg.registers")

    await on.execution.run(CASE, function)
    result = on.result(CASE)
    assert (result.verdict, result.title) == (Verdict.PASS, "a title")
    assert on.execution.pending == []
    assert on.journal.case == ""
    assert [seen.case for seen in on.journal.since(0) if isinstance(seen.event, BindingChanged)] == [CASE.id]


@pytest.mark.asyncio
async def test_what_was_before_the_case_does_not_count_for_it(stage: Staging) -> None:
    on: Stage = await stage()
    on.journal.record(BOUND)

    async def function(bench: Bench, phone: Phone) -> None:
        await bench.expect("reg.registers", deadline=now())

    await on.execution.run(CASE, function)
    result = on.result(CASE)
    assert result.verdict is Verdict.FAIL
    assert [finding.id for finding in result.findings] == ["not-registered"]


@pytest.mark.asyncio
async def test_the_first_unmet_expectation_ends_the_case(stage: Staging) -> None:
    on: Stage = await stage()

    async def function(bench: Bench, phone: Phone) -> None:
        await bench.expect("reg.registers", deadline=now())
        on.journal.record(Note("went on"))

    await on.execution.run(CASE, function)
    assert not on.events(Note)
    assert len(on.events(CaseFinished)) == 1


@pytest.mark.asyncio
async def test_a_control_that_failed_makes_the_case_inconclusive_whatever_else_was_seen(stage: Staging) -> None:
    on: Stage = await stage()

    async def function(bench: Bench, phone: Phone) -> None:
        on.journal.record(BOUND, edge="primary")
        await bench.expect("reg.registers", edge="primary")
        await bench.expect("reg.registers", edge="secondary", control=True, deadline=now())

    await on.execution.run(CASE, function)
    result = on.result(CASE)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "control-failed")
    assert "secondary" in result.reason


@pytest.mark.asyncio
async def test_a_fault_of_the_suite_is_an_error_and_the_next_case_runs(stage: Staging) -> None:
    on: Stage = await stage()

    async def breaks(bench: Bench, phone: Phone) -> None:
        raise KeyError("a defect")

    async def works(bench: Bench, phone: Phone) -> None:
        on.journal.record(BOUND)
        await bench.expect("reg.registers")

    await on.execution.run(CASE, breaks)
    await on.execution.run(OTHER, works)
    assert on.result(CASE).verdict is Verdict.ERROR
    assert "a defect" in on.result(CASE).reason
    assert on.result(OTHER).verdict is Verdict.PASS


@pytest.mark.asyncio
async def test_a_case_that_states_nothing_never_passes(stage: Staging) -> None:
    on: Stage = await stage()

    async def nothing(bench: Bench, phone: Phone) -> None:
        return

    await on.execution.run(CASE, nothing)
    assert on.result(CASE).verdict is Verdict.ERROR


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("raised", "verdict", "code"),
    [
        (ActionFailed("it did not obey"), Verdict.INCONCLUSIVE, "device-not-driven"),
        (CannotJudge("no-echo", "no means to prove audio"), Verdict.INCONCLUSIVE, "no-echo"),
        (NotApplicable("no-credentials", "none were supplied"), Verdict.NOT_APPLICABLE, "no-credentials"),
    ],
)
async def test_what_a_case_may_stumble_over(stage: Staging, raised: Exception, verdict: Verdict, code: str) -> None:
    on: Stage = await stage()

    async def stumbles(bench: Bench, phone: Phone) -> None:
        raise raised

    await on.execution.run(CASE, stumbles)
    result = on.result(CASE)
    assert (result.verdict, result.reason_code) == (verdict, code)
    assert result.reason == str(raised)


@pytest.mark.asyncio
async def test_what_the_profile_does_not_claim_does_not_apply_and_is_not_run(stage: Staging) -> None:
    profile = reference()
    unable = profile.model_copy(update={"capabilities": profile.capabilities.model_copy(update={"hold": False})})
    on: Stage = await stage(unable)

    async def function(bench: Bench, phone: Phone) -> None:
        on.journal.record(Note("ran"))

    case = replace(CASE, claims=("hold",), needs=State.REGISTERED)
    await on.execution.run(case, function)
    assert on.result(case).verdict is Verdict.NOT_APPLICABLE
    assert not on.events(Note)
    assert on.device.starts == 0


@pytest.mark.asyncio
async def test_a_state_that_is_out_of_reach_blocks_the_case_and_says_why(stage: Staging) -> None:
    on: Stage = await stage(reference(register_s=30.0), "exits-at-start")

    async def function(bench: Bench, phone: Phone) -> None:
        on.journal.record(Note("ran"))

    case = replace(CASE, needs=State.REGISTERED)
    await on.execution.run(case, function)
    result = on.result(case)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "device-exited")
    assert result.restarts == 1
    assert not on.events(Note)


@pytest.mark.asyncio
async def test_a_device_that_is_gone_is_not_waited_for(stage: Staging) -> None:
    on: Stage = await stage(reference(), "exits-at-start")

    async def function(bench: Bench, phone: Phone) -> None:
        await bench.expect_of_attempt("dns.asks-sips-srv", outbound_proxy=bench.outbound_proxy)

    case = replace(CASE, needs=State.STARTED)
    async with asyncio.timeout(10):
        await on.execution.run(case, function)
    result = on.result(case)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "device-exited")
    assert "ended by itself (status 1)" in result.reason


@pytest.mark.asyncio
async def test_a_line_that_lost_its_registration_is_no_fault_of_the_suite(stage: Staging) -> None:
    on: Stage = await stage()

    async def function(bench: Bench, phone: Phone) -> None:
        on.network.registrar.bindings.clear()
        await bench.colleague.calls(phone.line(1))

    case = replace(CASE, needs=State.REGISTERED)
    await on.execution.run(case, function)
    assert on.result(case).verdict is Verdict.INCONCLUSIVE
    assert on.result(case).reason_code == "not-registered"


# --- deferred


@pytest.mark.asyncio
async def test_a_deferred_verdict_is_open_until_it_is_settled(stage: Staging) -> None:
    on: Stage = await stage()

    async def defers(bench: Bench, phone: Phone) -> Deferred:
        return Deferred(bench.stated("reg.registers"), now() + 10)

    await on.execution.run(CASE, defers)
    assert on.execution.pending == [CASE]
    assert not on.events(CaseFinished)
    asyncio.get_running_loop().call_soon(on.journal.record, BOUND)
    await on.execution.finish()
    assert on.execution.pending == []
    assert on.result(CASE).verdict is Verdict.PASS
    closing = [seen for seen in on.journal.since(0) if isinstance(seen.event, Expectation | CaseFinished)]
    assert [seen.case for seen in closing] == [CASE.id, CASE.id]


@pytest.mark.asyncio
async def test_what_a_case_would_spoil_is_settled_before_it_begins(stage: Staging) -> None:
    on: Stage = await stage()

    async def defers(bench: Bench, phone: Phone) -> Deferred:
        return Deferred(bench.stated("reg.registers"), now() + 10, (Disturbance.REGISTRATION,))

    async def judged_at_once(bench: Bench, phone: Phone) -> None:
        on.journal.record(BOUND)
        await bench.expect("reg.registers")

    await on.execution.run(CASE, defers)
    harmless = replace(OTHER, id="WXC-REG-080", disturbs=(Disturbance.CLOCK,))
    await on.execution.run(harmless, judged_at_once)
    assert on.execution.pending == [CASE]
    await on.execution.run(OTHER, judged_at_once)
    assert on.execution.pending == []
    kinds = [(type(seen.event), seen.case) for seen in on.journal.since(0)]
    assert kinds.index((CaseFinished, CASE.id)) < kinds.index((CaseStarted, OTHER.id))
    assert on.result(CASE).verdict is Verdict.PASS


@pytest.mark.asyncio
async def test_a_deferred_expectation_that_never_comes_true_fails_when_its_patience_is_over(stage: Staging) -> None:
    on: Stage = await stage()

    async def defers(bench: Bench, phone: Phone) -> Deferred:
        return Deferred(bench.stated("reg.registers"), now() + 0.01)

    await on.execution.run(CASE, defers)
    await on.execution.finish()
    assert on.result(CASE).verdict is Verdict.FAIL


@pytest.mark.asyncio
async def test_what_is_judged_over_the_whole_run_is_settled_last(stage: Staging) -> None:
    on: Stage = await stage()

    async def whole(bench: Bench, phone: Phone) -> Deferred:
        return bench.over_the_whole_run("reg.registers")

    async def defers(bench: Bench, phone: Phone) -> Deferred:
        return Deferred(bench.stated("reg.registers"), now() + 0.05)

    on.journal.record(BOUND)
    await on.execution.run(CASE, whole)
    await on.execution.run(OTHER, defers)
    await on.execution.finish()
    finished = [seen.case for seen in on.journal.since(0) if isinstance(seen.event, CaseFinished)]
    assert finished == [OTHER.id, CASE.id]
    assert on.result(CASE).verdict is Verdict.PASS
    spans = [event for event in on.events(Expectation) if event.first_seq == 0]
    assert len(spans) == 1


# --- calls


@pytest.mark.asyncio
async def test_a_case_within_a_call_begins_with_one_and_leaves_none(stage: Staging) -> None:
    on: Stage = await stage()
    seen: list[bool] = []

    async def function(bench: Bench, phone: Phone) -> None:
        seen.append(bench.colleague.in_call.leg.media.agreement is not None)
        await bench.expect("reg.registers", since=0)

    case = replace(CASE, needs=State.IN_CALL)
    await on.execution.run(case, function)
    assert seen == [True]
    assert on.result(case).verdict is Verdict.PASS
    assert not on.network.control.legs
    assert on.bench.colleague.current is None


@pytest.mark.asyncio
async def test_a_device_that_never_answers_has_no_call_to_offer(stage: Staging) -> None:
    on: Stage = await stage(reference(answer_s=0.1), "never-answers")
    on.bench.patience_s = lambda check: 0.3  # type: ignore[method-assign]

    async def function(bench: Bench, phone: Phone) -> None:
        on.journal.record(Note("ran"))

    case = replace(CASE, needs=State.IN_CALL)
    await on.execution.run(case, function)
    result = on.result(case)
    assert (result.verdict, result.explained_by) == (Verdict.INCONCLUSIVE, "WXC-CALL-060")
    assert not on.events(Note)
    assert not on.network.control.legs


@pytest.mark.asyncio
async def test_a_device_that_hears_no_call_connects_anew(stage: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    on: Stage = await stage()
    monkeypatch.setattr(execution, "_CALLS_END_S", 0.2)
    case = replace(CASE, needs=State.REGISTERED)

    async def calls(bench: Bench, phone: Phone) -> None:
        await bench.colleague.calls(phone.line(1))

    async def cuts_off(bench: Bench, phone: Phone) -> None:
        # Of this more was announced than comes: the device takes the call behind it for the rest.
        (flow,) = bench.network.edges["primary"].flows.values()
        flow.send(SipMessage("OPTIONS", "sip:a", headers=(("X-Lab", "1\r\nContent-Length: 60000"),)))
        await calls(bench, phone)

    await on.execution.run(case, calls)
    (heard,) = on.network.edges["primary"].flows
    await on.execution.run(case, cuts_off)
    assert heard not in on.network.edges["primary"].flows
    assert not on.network.control.legs
    await on.device.reach(State.REGISTERED)
    call = await on.bench.colleague.is_in_a_call()
    await call.hangs_up()
