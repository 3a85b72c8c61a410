"""Waiting for facts, and what the record keeps of it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from certsuite.bench.expecting import ExpectationNotMet, Expecting, Stated, Watch
from certsuite.bench.waits import Waits
from certsuite.catalogue import load_catalogue
from certsuite.checks.judge import evaluate
from certsuite.checks.span import Span
from certsuite.core.events import BindingChanged, Expectation, FlowOpened, Note
from certsuite.core.journal import Journal
from certsuite.core.verdicts import Verdict

LIMITS = load_catalogue().limits
REGISTERS = Stated("reg.registers", "REG-DIGEST", 0, {})
BOUND = BindingChanged("a@b", "sip:a@127.0.0.1", 60)


def now() -> float:
    return asyncio.get_running_loop().time()


def expecting(journal: Journal, *, gone: bool = False) -> Expecting:
    waits = Waits(lambda: journal.clock.monotonic_ns() / 1e9)
    return Expecting(journal, Watch(journal), waits, LIMITS, nothing_more=lambda: gone)


@pytest.mark.asyncio
async def test_a_fact_ends_the_wait_whichever_thread_brings_it(journal: Journal) -> None:
    watch = Watch(journal)
    thread = threading.Thread(target=lambda: journal.record(Note("it happened")))
    asyncio.get_running_loop().call_soon(thread.start)
    assert await watch.until(lambda: journal.next_seq > 0, now() + 10)
    thread.join()


@pytest.mark.asyncio
async def test_the_wait_ends_at_its_deadline_and_a_past_one_asks_once(journal: Journal) -> None:
    watch = Watch(journal)
    assert not await watch.until(lambda: False, now() + 0.01)
    answers = iter([False])
    assert not await watch.until(lambda: next(answers), now() - 1)
    assert await watch.until(lambda: True, now() - 1)


@pytest.mark.asyncio
async def test_an_observation_after_the_loop_has_ended_disturbs_nobody(journal: Journal) -> None:
    def another_loop() -> None:
        async def watches() -> None:
            Watch(journal)

        asyncio.run(watches())

    await asyncio.to_thread(another_loop)
    journal.record(Note("late"))


@pytest.mark.asyncio
async def test_an_expectation_is_settled_by_what_it_waits_for(journal: Journal) -> None:
    asyncio.get_running_loop().call_soon(journal.record, BOUND)
    judgement = await expecting(journal).expect(REGISTERS, now() + 10)
    assert judgement.verdict is Verdict.PASS
    written = journal.since(0)[-1].event
    assert isinstance(written, Expectation)
    assert (written.check, written.first_seq, written.last_seq) == ("reg.registers", 0, 0)
    assert written.limits == ("registration_s",)


@pytest.mark.asyncio
async def test_what_was_written_is_judged_alike_from_the_record_alone(journal: Journal) -> None:
    journal.record(Note("before"))
    stated = Stated("reg.registers", "REG-DIGEST", 1, {"edge": "primary"}, line=1)
    with pytest.raises(ExpectationNotMet) as unmet:
        await expecting(journal).expect(stated, now())
    # What came too late is in the record and not in the span.
    journal.record(BOUND, edge="primary", line=1)
    placed = next(seen for seen in journal.since(0) if isinstance(seen.event, Expectation))
    event = placed.event
    assert isinstance(event, Expectation)
    span = Span(journal.since(event.first_seq, event.last_seq))
    again = evaluate(event, span, LIMITS, line=placed.line, flow=placed.flow)
    assert again == unmet.value.judgement
    assert again.verdict is Verdict.FAIL
    assert str(unmet.value) == again.findings[0].observed


@pytest.mark.asyncio
async def test_an_expectation_over_nothing_has_an_empty_span(journal: Journal) -> None:
    journal.record(BOUND)
    stated = Stated("reg.registers", "REG-DIGEST", 1, {})
    with pytest.raises(ExpectationNotMet):
        await expecting(journal).expect(stated, now())


@pytest.mark.asyncio
async def test_settling_writes_nothing(journal: Journal) -> None:
    stated = Stated("flow.opened", "TLS-1.2", 0, {})
    judgement = await expecting(journal).settles(stated, now())
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert journal.next_seq == 0
    journal.record(FlowOpened("127.0.0.1:1", "127.0.0.1:2", "device", "sip-tls"), flow="f1")
    assert (await expecting(journal).settles(stated, now())).verdict is Verdict.PASS


@pytest.mark.asyncio
async def test_nothing_is_waited_for_once_the_device_is_gone(journal: Journal) -> None:
    async with asyncio.timeout(10):
        judgement = await expecting(journal, gone=True).settles(REGISTERS, now() + 3600)
    assert not judgement.settled


@pytest.mark.asyncio
async def test_a_deferred_verdict_is_written_in_the_name_of_its_case(journal: Journal) -> None:
    journal.case = "WXC-OTHER-010"
    expecting(journal).close(REGISTERS, case=("WXC-REG-060", "v"))
    seen = journal.since(0)[0]
    assert (seen.case, seen.variant) == ("WXC-REG-060", "v")


@pytest.mark.asyncio
async def test_what_others_do_wakes_nobody_and_a_burst_is_looked_at_once(journal: Journal) -> None:
    asked = 0

    def bound() -> bool:
        nonlocal asked
        asked += 1
        return any(isinstance(seen.event, BindingChanged) for seen in journal.since(0))

    def strangers() -> None:
        for number in range(1000):
            journal.record(FlowOpened("127.0.0.1:1", "127.0.0.1:2", "foreign", "sip-tls"), flow=f"x{number}")
            journal.record(Note("said by a stranger"), flow=f"x{number}")
        asyncio.get_running_loop().call_later(0.01, device)

    def device() -> None:
        for _ in range(1000):
            journal.record(Note("said by the device"))
        journal.record(BOUND)

    asyncio.get_running_loop().call_soon(strangers)
    assert await Watch(journal).until(bound, now() + 10)
    assert asked == 2


@pytest.mark.asyncio
async def test_a_wait_can_be_cancelled_in_the_moment_of_news(journal: Journal) -> None:
    watch = Watch(journal)
    for turns in range(6):
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            waiting = group.create_task(watch.until(lambda: False, now() + 3600))
            await asyncio.sleep(0)
            journal.record(Note("news"))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
        assert waiting.cancelled()
