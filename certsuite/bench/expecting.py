"""Waiting for facts: an expectation is a check over the record that is asked again whenever something is observed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from certsuite.bench.waits import Waits
from certsuite.checks.judge import evaluate
from certsuite.checks.registry import find_check
from certsuite.checks.span import Span, Spans, is_foreign
from certsuite.core.cases import Disturbance
from certsuite.core.events import CaseBlocked, CaseNotApplicable, Expectation
from certsuite.core.findings import Judgement
from certsuite.core.journal import Journal
from certsuite.core.limits import Limits
from certsuite.core.observations import Observation
from certsuite.core.verdicts import Verdict


class ExpectationNotMet(Exception):
    """What a case expected was not observed: the case ends here. Its verdict is in the record."""

    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement
        texts = [finding.observed for finding in judgement.findings] or [judgement.reason]
        super().__init__(texts[0] if texts else "")


class CannotJudge(Exception):
    """The case finds that this device gives no means to judge by."""

    def __init__(self, code: str, reason: str) -> None:
        self.event = CaseBlocked(reason, code)
        super().__init__(reason)


class NotApplicable(Exception):
    """The case finds that what it is about was not given."""

    def __init__(self, code: str, reason: str) -> None:
        self.event = CaseNotApplicable(reason, code)
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Stated:
    """An expectation before its span is closed."""

    check: str
    requirement: str
    since: int
    "Number of the first observation of its span."
    params: dict[str, Any]
    line: int | None = None
    flow: str | None = None
    call_id: str | None = None
    control: bool = False

    def over(self, last_seq: int) -> Expectation:
        """The event for the record, its span closed."""
        return Expectation(
            check=self.check,
            requirement=self.requirement,
            first_seq=self.since,
            last_seq=last_seq,
            limits=find_check(self.check).limits,
            params=self.params,
            call_id=self.call_id,
            control=self.control,
        )


@dataclass(frozen=True)
class Deferred:
    """An expectation that takes time and needs no attention: it is settled later in the run."""

    stated: Stated
    deadline: float
    "The loop's time at which the patience is over."
    spoiled_by: tuple[Disturbance, ...] = ()
    "It is waited for before a case disturbs this."
    at_end: bool = False
    "It judges the whole record, so it is settled when everything else is."


class Watch:
    """Tells one asyncio loop that something was observed, from whichever thread it was."""

    def __init__(self, journal: Journal) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._waiting = 0
        "How many wait; without any nobody has to be told."
        self._told = False
        "Whether the loop knows already that there is news: one look at it is enough for all that has come until then."
        journal.subscribe(self._observed)

    def _observed(self, observation: Observation) -> None:
        if self._waiting and not self._told and not is_foreign(observation) and not self._loop.is_closed():
            self._told = True
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._told = False
        self._news.set()

    async def until(self, true: Callable[[], bool], deadline: float) -> bool:
        """Wait until ``true()``, asked after each observation, or until the loop's time is ``deadline``."""
        self._waiting += 1
        try:
            while True:
                self._news.clear()
                if true():
                    return True
                remaining = deadline - self._loop.time()
                if remaining <= 0:
                    return False
                try:
                    async with asyncio.timeout(remaining):
                        await self._news.wait()
                except TimeoutError:
                    return true()
        finally:
            self._waiting -= 1


class Expecting:
    """States expectations, waits until they are settled, and writes them to the record."""

    def __init__(
        self,
        journal: Journal,
        watch: Watch,
        waits: Waits,
        limits: Limits,
        *,
        nothing_more: Callable[[], bool] = lambda: False,
    ) -> None:
        """``nothing_more`` tells that the device is gone, so that nothing is waited for any longer."""
        self._journal = journal
        self._watch = watch
        self._waits = waits
        self._limits = limits
        self._nothing_more = nothing_more
        self._spans = Spans(journal.since)

    async def settles(self, stated: Stated, deadline: float) -> Judgement:
        """Wait until an expectation is settled, or until the loop's time is ``deadline``. Nothing is recorded."""
        span = Span((), closed=False)
        last = stated.since - 1
        judgement: Judgement | None = None

        def so_far() -> Judgement:
            nonlocal last, judgement
            new = self._journal.since(last + 1)
            if judgement is None or new:
                last += len(new)
                span.add(new)
                judgement = evaluate(stated.over(last), span, self._limits, line=stated.line, flow=stated.flow)
            return judgement

        with self._waits.waiting():
            await self._watch.until(lambda: so_far().settled or self._nothing_more(), deadline)
        return so_far()

    def close(self, stated: Stated, case: tuple[str, str] | None = None) -> Judgement:
        """Close the span and write the expectation; its verdict is its value over exactly that span."""
        written = self.write(stated, case)
        span = self._spans.over(written.first_seq, written.last_seq)
        return evaluate(written, span, self._limits, line=stated.line, flow=stated.flow)

    def write(self, stated: Stated, case: tuple[str, str] | None = None) -> Expectation:
        """Close the span and write the expectation, and leave what it is worth to who reads the record."""
        expectation = stated.over(self._journal.next_seq - 1)
        self._journal.record(expectation, line=stated.line, flow=stated.flow, case=case)
        return expectation

    async def expect(self, stated: Stated, deadline: float) -> Judgement:
        """Wait, write, and give the judgement. Raises :class:`ExpectationNotMet` unless it passed or only warned."""
        await self.settles(stated, deadline)
        judgement = self.close(stated)
        if judgement.verdict not in (Verdict.PASS, Verdict.WARN):
            raise ExpectationNotMet(judgement)
        return judgement
