"""What a check concludes, and why: judgements, findings, measurements."""

from __future__ import annotations

from dataclasses import dataclass, field

from certsuite.core.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check is about."""

    line: int | None = None
    "The device's line, counted from 1."
    flow: str | None = None
    "The transport connection (RFC 5626)."
    call_id: str | None = None
    "The dialog's Call-ID."


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where in the record a thing was seen."""

    seq: int
    "Number of the observation in ``record.jsonl``."
    frame: int | None = None
    "Number of the frame in ``evidence/run.pcapng``."


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a case did not pass."""

    id: str
    "Permanent name of this kind of finding, such as ``tls-accepted-unknown-root``; ``docs/findings/`` has its page."
    observed: str
    expected: str
    requirement: str = ""
    limit: float | None = None
    unit: str | None = None
    hint: str = ""
    subject: Subject = Subject()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure that was measured, passed or not."""

    name: str
    value: float
    unit: str
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The value of a check over a span of the record."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    settled: bool = True
    "Whether more observations could still change the verdict; live, the bench goes on once it is settled."
    reason: str = ""
    "One sentence for ``inconclusive`` and ``not-applicable``."
    reason_code: str = ""
    evidence: tuple[Evidence, ...] = field(default=())
    "Where what was expected was seen, for a pass."
