"""``allure-results/``: the results for Allure, the device as a parameter, so that the histories of devices do not mix.

Allure 3 before its fix of issue 227 puts a message into its page as HTML, so no angle bracket of a device's string is
written.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from allure_commons.model2 import (
    ATTACHMENT_PATTERN,
    TEST_CASE_PATTERN,
    Attachment,
    Label,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
)
from allure_commons.types import AttachmentType, LabelType, Severity
from attr import asdict

from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Level, Verdict
from certsuite.report.results_json import doc_page
from certsuite.report.words import family, family_title, figure, name, safe, when

ALLURE = "allure-results"
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:certsuite:allure")
_INERT = str.maketrans("<>", "‹›")

_STATUS: Mapping[Verdict, str] = {
    Verdict.PASS: Status.PASSED,
    Verdict.WARN: Status.PASSED,
    Verdict.FAIL: Status.FAILED,
    Verdict.ERROR: Status.BROKEN,
    Verdict.INCONCLUSIVE: Status.UNKNOWN,
    Verdict.NEEDS_REVIEW: Status.UNKNOWN,
    Verdict.NOT_APPLICABLE: Status.SKIPPED,
}
_SEVERITY: Mapping[Level, Severity] = {
    Level.MANDATORY: Severity.CRITICAL,
    Level.CONDITIONAL: Severity.NORMAL,
    Level.EXPECTED: Severity.MINOR,
    Level.INFORMATIVE: Severity.TRIVIAL,
}
_CATEGORIES = [
    {"name": "The device does not meet a requirement", "matchedStatuses": [Status.FAILED]},
    {"name": "The suite itself failed; says nothing of the device", "matchedStatuses": [Status.BROKEN]},
    {"name": "Not decided: a person must look", "matchedStatuses": [Status.UNKNOWN]},
    {"name": "Does not apply to this device", "matchedStatuses": [Status.SKIPPED]},
]


def allure_results(result: RunResult, ladders: Mapping[tuple[str, str], str]) -> dict[str, bytes]:
    """The folder's files by name. ``ladders`` are SVG by (id, variant)."""
    files = {
        "categories.json": _json(_CATEGORIES),
        "environment.properties": _properties(_environment(result)),
    }
    for case in result.cases:
        key = str(uuid.uuid5(_NAMES, "\0".join((result.run, case.id, case.variant))))
        ladder = ladders.get((case.id, case.variant))
        attachment = ATTACHMENT_PATTERN.format(prefix=key, ext=AttachmentType.SVG.extension)
        if ladder is not None:
            files[attachment] = ladder.encode()
        item = _case(result, case, key, attachment if ladder is not None else "")
        files[TEST_CASE_PATTERN.format(prefix=key)] = _json(
            asdict(item, filter=lambda _, value: value not in (None, []))
        )
    return files


def _case(result: RunResult, case: CaseResult, key: str, attachment: str) -> TestResult:
    device = _device(result)
    start, stop = _times(result, case)
    same_case = _digest(case.id, case.variant)
    parameters = [Parameter(name="device", value=device)]
    if case.variant:
        parameters.append(Parameter(name="variant", value=_inert(case.variant)))
    if firmware := result.device.get("firmware", ""):
        # Firmware is shown and does not start another history: what changed with it is what a history is for.
        parameters.append(Parameter(name="firmware", value=_inert(firmware), excluded=True))
    return TestResult(
        uuid=key,
        historyId=_digest(case.id, case.variant, device),
        testCaseId=same_case,
        fullName=_inert(f"{name(case)} on {device}"),
        name=_inert(f"{name(case)} {case.title}"),
        status=_STATUS[case.verdict],
        statusDetails=_details(case),
        stage="finished",
        start=start,
        stop=stop,
        parameters=parameters,
        labels=[
            Label(name=LabelType.PARENT_SUITE, value=device),
            Label(name=LabelType.SUITE, value=family_title(family(case))),
            Label(name=LabelType.SEVERITY, value=_SEVERITY[case.level].value),
            Label(name=LabelType.FRAMEWORK, value="certsuite"),
            Label(name=LabelType.TAG, value=case.verdict.value),
            Label(name=LabelType.TAG, value=f"mark: {case.mark.value}"),
            *([Label(name=LabelType.TAG, value="settled by a person")] if case.review is not None else []),
            *(Label(name=LabelType.STORY, value=_inert(part.id)) for part in case.requirements),
        ],
        attachments=[Attachment(name="Ladder", source=attachment, type=AttachmentType.SVG.mime_type)]
        if attachment
        else [],
    )


def _details(case: CaseResult) -> StatusDetails | None:
    if case.verdict is Verdict.PASS and case.review is None:
        return None
    message = case.findings[0].observed if case.findings else case.reason or case.verdict.value
    if case.verdict is Verdict.WARN:
        message = f"warning: {message}"
    lines = [case.reason] if case.reason and case.findings else []
    if case.explained_by:
        lines.append(f"explained by: {case.explained_by}")
    for finding in case.findings:
        lines += [finding.id, f"  observed: {finding.observed}", f"  expected: {finding.expected}"]
        lines += [f"  limit: {figure(finding.limit, finding.unit)}"] if finding.limit is not None else []
        lines += [f"  hint: {finding.hint}"] if finding.hint else []
        lines += [f"  see: {doc_page(finding)}"]
    lines += [f"{each.name}: {figure(each.value, each.unit)}" for each in case.measurements]
    return StatusDetails(message=_inert(message), trace="\n".join(_inert(line) for line in lines) or None)


def _environment(result: RunResult) -> list[tuple[str, str]]:
    return [
        ("device", _device(result)),
        ("firmware", result.device.get("firmware", "")),
        ("user_agent_seen", " | ".join(result.user_agents_seen)),
        ("plan", result.plan),
        ("outcome", result.outcome.value),
        ("certsuite", result.suite_version),
        ("bench", result.bench),
        *sorted(result.tools.items()),
    ]


def _properties(pairs: list[tuple[str, str]]) -> bytes:
    """Java properties: Latin-1, and everything beyond ASCII as ``\\uNNNN``."""
    lines = []
    for key, value in pairs:
        written = _inert(value).replace("\\", "\\\\")
        units = written.encode("utf-16-be")
        signs = (int.from_bytes(units[place : place + 2], "big") for place in range(0, len(units), 2))
        shown = "".join(chr(sign) if 0x20 <= sign < 0x7F else f"\\u{sign:04x}" for sign in signs)
        lines.append(f"{''.join(c if c.isalnum() and c.isascii() else '_' for c in key)}={shown}")
    return "\n".join(lines).encode("ascii") + b"\n"


def _times(result: RunResult, case: CaseResult) -> tuple[int, int]:
    """Start and end in milliseconds since 1970."""
    started = when(case.started) or when(result.started)
    if started is None:
        return 0, 0
    ended = started + timedelta(seconds=case.duration_s)
    return round(started.timestamp() * 1000), round(ended.timestamp() * 1000)


def _device(result: RunResult) -> str:
    parts = [part for part in (result.device.get("vendor", ""), result.device.get("model", "")) if part]
    title = " ".join(parts) or "device"
    profile = result.device.get("profile", "")
    return _inert(f"{title} ({profile})" if profile and profile != title else title)


def _inert(text: str) -> str:
    return safe(text).translate(_INERT)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=True).encode("ascii") + b"\n"
