"""``results.json``: the results of a run for programs. Its JSON Schema is ``results_schema.json`` beside this file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from importlib import resources
from typing import Any

from certsuite.core.findings import Finding, Measurement
from certsuite.core.results import CaseResult, Review, RunResult
from certsuite.report.words import (
    ladder_path,
    name_of,
    overhead_ms_a_case,
    overhead_s,
    safe,
    without_verdict,
)

RESULTS = "results.json"
SCHEMA_VERSION = 1


def results_document(result: RunResult, ladders: AbstractSet[tuple[str, str]] = frozenset()) -> dict[str, Any]:
    """The document as plain data. ``ladders`` are the (id, variant) that have a ladder among their evidence."""
    a_case = overhead_ms_a_case(result)
    return {
        "schema": SCHEMA_VERSION,
        "run": safe(result.run),
        "suite": {"version": result.suite_version},
        "tools": {safe(tool): safe(version) for tool, version in sorted(result.tools.items())},
        "complete": result.complete,
        "interrupted": result.interrupted,
        "outcome": result.outcome.value,
        "exit_code": result.exit_code,
        "scope": {
            "plan": safe(result.plan),
            "cases": [] if result.full_plan else [name_of(*planned) for planned in result.planned],
        },
        "time_scale": result.time_scale,
        "fault": safe(result.fault),
        "bench": safe(result.bench),
        "plan_hash": result.plan_hash,
        "catalogue_hash": result.catalogue_hash,
        "profile_hash": result.profile_hash,
        "started": result.started,
        "finished": result.finished,
        "wall_s": _round(result.wall_s),
        "waited_s": _round(result.waited_s),
        "overhead_s": _round(overhead_s(result)),
        "overhead_ms_a_case": None if a_case is None else _round(a_case),
        "device": {
            **{key: safe(result.device.get(key, "")) for key in ("vendor", "model", "firmware", "kind", "profile")},
            "user_agent_seen": [safe(agent) for agent in result.user_agents_seen],
            "control_hub": safe(result.control_hub),
        },
        "measurements": _measurements(result.measurements),
        "without_verdict": [name_of(*planned) for planned in without_verdict(result)],
        "cases": [_case(case, (case.id, case.variant) in ladders) for case in result.cases],
    }


def results_json(document: dict[str, Any]) -> bytes:
    """The document as written: ASCII, since everything else is a device's string."""
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"


def results_schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12) of ``results.json``."""
    text = resources.files("certsuite.report").joinpath("results_schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _case(case: CaseResult, has_ladder: bool) -> dict[str, Any]:
    return {
        "id": case.id,
        "variant": case.variant,
        "title": safe(case.title),
        "level": case.level.value,
        "mark": case.mark.value,
        "claimed": case.claimed,
        "requirements": [
            {"id": part.id, "level": part.level.value, "mark": part.mark.value, "verdict": part.verdict.value}
            for part in case.requirements
        ],
        "verdict": case.verdict.value,
        "reason": safe(case.reason),
        "reason_code": case.reason_code,
        "explained_by": case.explained_by,
        "review": None if case.review is None else _review(case.review),
        "restarts": case.restarts,
        "started": case.started,
        "duration_s": _round(case.duration_s),
        "waited_on_device_s": _round(case.waited_on_device_s),
        "span": {"first_seq": case.first_seq, "last_seq": case.last_seq},
        "findings": [_finding(finding) for finding in case.findings],
        "measurements": _measurements(case.measurements),
        "evidence": [
            *([{"kind": "ladder", "path": str(ladder_path(case))}] if has_ladder else []),
            *([{"kind": "review", "path": safe(case.review.evidence)}] if case.review is not None else []),
        ],
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "by": safe(review.by),
        "at": review.at,
        "verdict": review.verdict.value,
        "before": {"verdict": review.before.value, "reason": safe(review.before_reason)},
        "evidence": safe(review.evidence),
        "sha256": safe(review.sha256),
        "replaced": [{"by": safe(one.by), "at": one.at, "verdict": one.verdict.value} for one in review.replaced],
    }


def doc_page(finding: Finding) -> str:
    """The page that explains this kind of finding, seen from the project's folder."""
    return f"docs/findings/{finding.id}.md"


def _finding(finding: Finding) -> dict[str, Any]:
    subject = finding.subject
    return {
        "id": finding.id,
        "requirement": finding.requirement,
        "observed": safe(finding.observed),
        "expected": safe(finding.expected),
        "limit": _finite(finding.limit),
        "unit": finding.unit,
        "hint": safe(finding.hint),
        "doc": doc_page(finding),
        "subject": {
            "line": subject.line,
            "flow": subject.flow,
            "call_id": None if subject.call_id is None else safe(subject.call_id),
        },
        "evidence": [{"seq": place.seq, "frame": place.frame} for place in finding.evidence],
    }


def _measurements(measurements: Iterable[Measurement]) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "value": each.value, "unit": each.unit, "limit": _finite(each.limit)}
        for each in measurements
        if math.isfinite(each.value)
    ]


def _finite(number: float | None) -> float | None:
    """JSON has no infinity: what is unlimited has no limit."""
    return number if number is not None and math.isfinite(number) else None


def _round(number: float) -> float:
    """To the microsecond: more is noise."""
    return round(number, 6)
