"""The end of a run in the terminal: the outcome, what failed and what to do about it, and where the report is.

Everything is a :class:`rich.text.Text`, never markup, and every string that may be a device's is made printable.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

from certsuite.core.findings import Finding
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Outcome, Verdict
from certsuite.report.html import INDEX
from certsuite.report.words import (
    UNDECIDED,
    blocks,
    counts,
    duration,
    explain,
    figure,
    name,
    name_of,
    overhead_ms_a_case,
    overhead_s,
    safe,
    settled_well,
    without_verdict,
)

_STYLES: Mapping[Verdict, str] = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.NEEDS_REVIEW: "magenta",
    Verdict.ERROR: "bold magenta",
    Verdict.NOT_APPLICABLE: "dim",
}
_OF_LINES = ("WXC-REG-152", "WXC-FO-005")
_LINES_WERE = {"lines_registered_after": "registered in", "failover_time": "at the secondary after"}
"Measurements of these cases, and how they are told."
_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.QUALIFIED: "bold green",
    Outcome.PASSED: "bold green",
    Outcome.NOT_QUALIFIED: "bold red",
    Outcome.INCOMPLETE: "bold yellow",
}


def summary(result: RunResult, folder: Path) -> Text:
    """The text to print (with ``soft_wrap=True``, so that a path stays whole); its last lines are the outcome's."""
    text = Text()
    for title, cases in _parts(result):
        if cases:
            text.append(f"\n{title}\n", "bold")
            for case in cases:
                _case(text, case)
    if missing := without_verdict(result):
        text.append("\nWithout a verdict\n", "bold")
        text.append("".join(f"  {safe(name_of(*planned))}\n" for planned in missing))
    text.append("\n")
    _counts(text, result)
    _lines(text, result)
    _time(text, result)
    if result.control_hub:
        text.append(f"in Control Hub: {safe(result.control_hub)}\n")
    text.append(f"report: {safe(str(folder / INDEX))}\n")
    text.append("outcome: ")
    text.append(result.outcome.value, _OUTCOMES[result.outcome])
    text.append(f"\n{explain(result)}")
    return text


def _parts(result: RunResult) -> list[tuple[str, list[CaseResult]]]:
    failing = [case for case in result.cases if case.verdict is Verdict.FAIL]
    return [
        ("What to fix", [case for case in failing if blocks(case)]),
        ("Not decided", [case for case in result.cases if case.verdict in UNDECIDED]),
        (
            "Worth attention",
            [case for case in failing if not blocks(case)]
            + [case for case in result.cases if case.verdict is Verdict.WARN],
        ),
        ("Settled by a person", list(settled_well(result.cases))),
    ]


def _case(text: Text, case: CaseResult) -> None:
    text.append(f"  {case.verdict.value:<14}", _STYLES[case.verdict])
    text.append(f"{safe(name(case))}  {safe(case.title)}\n")
    if case.reason:
        because = f" (see {safe(case.explained_by)})" if case.explained_by else ""
        text.append(f"{'':16}{safe(case.reason)}{because}\n")
    for finding in case.findings:
        _finding(text, finding)


def _finding(text: Text, finding: Finding) -> None:
    limit = f" (limit {figure(finding.limit, finding.unit)})" if finding.limit is not None else ""
    text.append(f"{'':16}observed: {safe(finding.observed)}\n")
    text.append(f"{'':16}expected: {safe(finding.expected)}{safe(limit)}\n")
    if finding.hint:
        text.append(f"{'':16}to do: {safe(finding.hint)}\n")


def _counts(text: Text, result: RunResult) -> None:
    parts = counts(result.cases)
    for place, (verdict, count) in enumerate(reversed(parts.items())):
        text.append(", " if place else "cases: ")
        text.append(f"{count} {verdict.value}", _STYLES[verdict])
    if not parts:
        text.append("cases: none")
    text.append("\n")


def _lines(text: Text, result: RunResult) -> None:
    """How soon a device with many lines had all of them registered, and registered at the secondary."""
    measured = {one.name: one.value for case in result.cases for one in case.measurements if case.id in _OF_LINES}
    lines = measured.get("lines", 0)
    words = [f"{word} {duration(measured[name])}" for name, word in _LINES_WERE.items() if name in measured]
    if lines > 1 and words:
        text.append(f"lines: all {lines:.0f} {'; '.join(words)}\n")


def _time(text: Text, result: RunResult) -> None:
    text.append(f"time: {duration(result.wall_s)}, of which {duration(result.waited_s)} waited for the device")
    a_case = overhead_ms_a_case(result)
    if a_case is not None:
        text.append(f"; overhead {duration(overhead_s(result))}, {a_case:.0f} ms a case")
    text.append("\n")
