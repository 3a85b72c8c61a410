"""Checks by name: what an expectation in the record refers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from certsuite.checks.span import Span
from certsuite.core.errors import CatalogueError, RecordError
from certsuite.core.findings import Evidence, Finding, Judgement, Measurement, Subject
from certsuite.core.limits import Limit, Limits
from certsuite.core.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Question:
    """What a check is asked: a span, whom it is about, by which numbers."""

    span: Span
    subject: Subject
    limits: Limits
    params: Mapping[str, Any]
    requirement: str

    def text(self, name: str) -> str:
        """A parameter as text. Raises :class:`RecordError` if it is not there: another version wrote the record."""
        return str(self.param(name))

    def param(self, name: str) -> Any:
        """The same, as it was written."""
        try:
            return self.params[name]
        except KeyError:
            raise RecordError(f"an expectation lacks {name!r}: the record was made by another version") from None

    # --- answers

    def passed(self, *evidence: Evidence, measurements: tuple[Measurement, ...] = ()) -> Judgement:
        """What was expected was seen: nothing that follows can take it back."""
        return Judgement(Verdict.PASS, measurements=measurements, evidence=evidence)

    def failed(
        self,
        id: str,
        observed: str,
        expected: str,
        *evidence: Evidence,
        hint: str = "",
        settled: bool = True,
        verdict: Verdict = Verdict.FAIL,
        limit: Limit | None = None,
        measurements: tuple[Measurement, ...] = (),
        flow: str | None = None,
    ) -> Judgement:
        """What was seen is not what was expected. ``settled=False``: it has not come, but still may."""
        finding = Finding(
            id=id,
            observed=observed,
            expected=expected,
            requirement=self.requirement,
            limit=limit.value if limit else None,
            unit=limit.unit if limit else None,
            hint=hint,
            subject=Subject(self.subject.line, flow or self.subject.flow, self.subject.call_id),
            evidence=evidence,
        )
        return Judgement(verdict, (finding,), measurements, settled=settled, evidence=evidence)

    def unknown(self, code: str, reason: str, *, settled: bool = False) -> Judgement:
        """Nothing was seen by which this could be judged."""
        return Judgement(Verdict.INCONCLUSIVE, reason=reason, reason_code=code, settled=settled)

    def timed(
        self, name: str, seconds: float, limit: Limit, finding_id: str, what: str, *evidence: Evidence, hint: str = ""
    ) -> Judgement:
        """A duration against its limit: late is another finding than never."""
        measurement = Measurement(name, round(seconds, 3), "s", limit.value)
        verdict = limit.judge(seconds, uncertainty=self.span.lag_s)
        if verdict is Verdict.PASS:
            return self.passed(*evidence, measurements=(measurement,))
        if verdict is Verdict.INCONCLUSIVE:
            return Judgement(
                verdict,
                measurements=(measurement,),
                reason=f"{what} {seconds:.3f} s; the limit is {limit.value:g} s and the bench itself was late by up to "
                f"{self.span.lag_s:.3f} s",
                reason_code="bench-lag",
            )
        return self.failed(
            finding_id,
            f"{what} {seconds:.1f} s",
            f"within {limit.value:g} {limit.unit}",
            *evidence,
            hint=hint,
            verdict=verdict,
            limit=limit,
            measurements=(measurement,),
        )


Check = Callable[[Question], Judgement]


@dataclass(frozen=True, slots=True)
class RegisteredCheck:
    """A check with the limits that it may ask for."""

    name: str
    function: Check
    limits: tuple[str, ...]
    passive: bool
    "Whether it judges the whole record rather than the case's own span."


_CHECKS: dict[str, RegisteredCheck] = {}


def check(name: str, *, limits: tuple[str, ...] = (), passive: bool = False) -> Callable[[Check], Check]:
    """Register a pure function as the check of this name. The first limit is the one that patience follows."""

    def decorate(function: Check) -> Check:
        if name in _CHECKS:
            raise CatalogueError(f"two checks are named {name}")
        _CHECKS[name] = RegisteredCheck(name, function, limits, passive)
        return function

    return decorate


def find_check(name: str) -> RegisteredCheck:
    """The check of that name. Raises :class:`CatalogueError` if there is none."""
    try:
        return _CHECKS[name]
    except KeyError:
        raise CatalogueError(f"there is no check named {name!r}; the record was made by another version") from None


def all_checks() -> list[RegisteredCheck]:
    """Every check there is."""
    return sorted(_CHECKS.values(), key=lambda one: one.name)
