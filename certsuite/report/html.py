"""``index.html``: the report for a person, one self-contained file without script that opens without a network.

What must be fixed stands first. Every value goes through :func:`certsuite.report.words.safe` and is escaped; the page's
own policy forbids scripts and anything from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from certsuite.checks.transactions import TRANSACTIONS
from certsuite.core.findings import Evidence, Finding
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Level, Mark, Outcome, Verdict
from certsuite.report.battery import Battery
from certsuite.report.failover import FailoverMatrix
from certsuite.report.media import MediaTable
from certsuite.report.offer import Offer
from certsuite.report.offer_changes import OfferComparison
from certsuite.report.results_json import doc_page
from certsuite.report.words import (
    MARKS,
    UNDECIDED,
    RequirementInfo,
    blocks,
    counts,
    duration,
    explain,
    family,
    family_title,
    figure,
    file_stem,
    ladder_path,
    name,
    name_of,
    overhead_ms_a_case,
    safe,
    settled_well,
    when,
    without_verdict,
    worst,
)
from certsuite.tls.fingerprint import METHOD
from certsuite.tls.suite_judgement import Grade

INDEX = "index.html"

SIGNS: Mapping[Verdict, str] = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✕",
    Verdict.WARN: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NEEDS_REVIEW: "?",
    Verdict.ERROR: "⚠",
    Verdict.NOT_APPLICABLE: "–",
}
_OUTCOMES: Mapping[Outcome, tuple[str, str, str]] = {
    Outcome.QUALIFIED: ("Qualified", "pass", "✓"),
    Outcome.PASSED: ("Passed", "pass", "✓"),
    Outcome.NOT_QUALIFIED: ("Not qualified", "fail", "✕"),
    Outcome.INCOMPLETE: ("Incomplete", "inconclusive", "?"),
}
_GRADE_COLOURS: Mapping[Grade, str] = {
    Grade.GOOD: "pass",
    Grade.DATED: "warn",
    Grade.WEAK: "fail",
    Grade.SIGNAL: "not-applicable",
    Grade.UNKNOWN: "inconclusive",
}
_NAME_AT_MOST = 60
_FACT_AT_MOST = 200
_LEVELS = (Level.MANDATORY, Level.CONDITIONAL, Level.EXPECTED, Level.INFORMATIVE)


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """One line of the table of requirements."""

    id: str
    title: str
    source: str
    level: Level
    mark: Mark
    verdict: Verdict
    cases: tuple[CaseResult, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Cases under one heading."""

    title: str
    hint: str
    cases: tuple[CaseResult, ...]
    open: bool


def index_html(
    result: RunResult,
    ladders: Mapping[tuple[str, str], str],
    titles: Mapping[str, RequirementInfo],
    offer: Offer | None = None,
    comparison: OfferComparison | None = None,
    battery: Battery | None = None,
    failover: FailoverMatrix | None = None,
    media: MediaTable | None = None,
) -> bytes:
    """The page. ``ladders`` are SVG of ours by (id, variant); ``titles`` say what a requirement's id stands for.

    ``offer`` is what the device offered as a TLS client, if it did; ``comparison`` is that against an earlier run.
    ``battery`` is what it made of certificate chains, if it was shown any.
    ``failover`` is what came of each failure of an edge, ``media`` how calls sounded, if there were any.
    """
    word, colour, sign = _OUTCOMES[result.outcome]
    page = _template().render(
        result=result,
        device_title=_device_title(result),
        outcome={"word": word, "colour": colour, "sign": sign, "because": explain(result)},
        facts=_facts(result),
        counts=counts(result.cases),
        requirements=requirement_rows(result, titles),
        not_tested=[(id, info) for id, info in titles.items() if info.not_tested],
        attention=_attention(result),
        families=_families(result),
        missing=[name_of(*planned) for planned in without_verdict(result)],
        ladders={key: Markup(svg) for key, svg in ladders.items()},
        anchors=_anchors(result),
        offer=offer,
        failover=failover,
        media=media,
        failover_transactions=TRANSACTIONS,
        offer_comparison=comparison,
        battery=battery,
        offer_method=METHOD,
        grade_colours=_GRADE_COLOURS,
        marks=MARKS,
        signs=SIGNS,
        Level=Level,
        Mark=Mark,
        Verdict=Verdict,
    )
    return page.encode("utf-8") + b"\n"


def requirement_rows(result: RunResult, titles: Mapping[str, RequirementInfo]) -> list[RequirementRow]:
    """Every requirement that a case touched, by level and id, with the worst verdict that a case gave it."""
    found: dict[str, list[tuple[CaseResult, Verdict, Level, Mark]]] = {}
    for case in result.cases:
        for part in case.requirements:
            found.setdefault(part.id, []).append((case, part.verdict, part.level, part.mark))
    rows = []
    for requirement, parts in found.items():
        info = titles.get(requirement)
        rows.append(
            RequirementRow(
                id=requirement,
                title=info.title if info else "",
                source=info.source if info else "",
                level=info.level if info else parts[0][2],
                mark=info.mark if info else parts[0][3],
                verdict=worst(verdict for _, verdict, _, _ in parts),
                cases=tuple(case for case, _, _, _ in parts),
            )
        )
    return sorted(rows, key=lambda row: (_LEVELS.index(row.level), row.id))


def _attention(result: RunResult) -> list[Group]:
    """What a reader must see before the rest: each such case stands here and nowhere else."""
    failed = [case for case in result.cases if case.verdict is Verdict.FAIL]
    groups = [
        Group(
            "What to fix",
            "These cases decide the outcome, and the device failed them.",
            tuple(case for case in failed if blocks(case)),
            True,
        ),
        Group(
            "Failures of the suite",
            "The suite itself failed here. They say nothing of the device.",
            tuple(case for case in result.cases if case.verdict is Verdict.ERROR),
            True,
        ),
        Group(
            "Not decided",
            "These could not be judged. Where another case says why, it is named.",
            tuple(case for case in result.cases if case.verdict in UNDECIDED - {Verdict.ERROR}),
            True,
        ),
        Group(
            "Worth attention",
            "These do not decide the outcome.",
            tuple(case for case in failed if not blocks(case))
            + tuple(case for case in result.cases if case.verdict is Verdict.WARN),
            True,
        ),
        Group(
            "Settled by a person",
            "The record left these open. A person decided, and the evidence is named.",
            settled_well(result.cases),
            True,
        ),
    ]
    return [group for group in groups if group.cases]


def _families(result: RunResult) -> list[Group]:
    by_family: dict[str, list[CaseResult]] = {}
    for case in result.cases:
        if case.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) and case.review is None:
            by_family.setdefault(family_title(family(case)), []).append(case)
    return [Group(title, "", tuple(cases), False) for title, cases in by_family.items()]


def _facts(result: RunResult) -> list[tuple[str, str]]:
    started, finished = when(result.started), when(result.finished)
    times = f"{started:%Y-%m-%d %H:%M:%S} UTC" if started else "not known"
    if started and finished and finished > started:
        times += f", {duration((finished - started).total_seconds())}"
    overhead = overhead_ms_a_case(result)
    restarts = sum(case.restarts for case in result.cases)
    rows = [
        ("Firmware", safe(result.device.get("firmware", ""), _FACT_AT_MOST) or "not stated"),
        ("Kind", safe(result.device.get("kind", ""), _FACT_AT_MOST)),
        ("Profile", safe(result.device.get("profile", ""), _FACT_AT_MOST)),
        ("User-Agent seen", "\n".join(safe(agent, _FACT_AT_MOST) for agent in result.user_agents_seen) or "none"),
        ("In Control Hub", safe(result.control_hub, _FACT_AT_MOST) or "not known"),
        ("Plan", result.plan if result.full_plan else f"{result.plan or 'single cases'} (less than the full plan)"),
        ("Run", result.run),
        ("When", times),
        ("Suite", f"certsuite {result.suite_version}"),
        ("Bench", safe(result.bench, _FACT_AT_MOST)),
        ("Suite's own time", f"{overhead:.0f} ms a case" if overhead is not None else ""),
        ("Restarts", str(restarts) if restarts else ""),
        ("Time scale", f"{result.time_scale:g}" if result.time_scale != 1.0 else ""),
        ("Injected fault", safe(result.fault, _FACT_AT_MOST)),
        ("Complete", "" if result.complete else "no: the run did not come to its end"),
        ("Catalogue", result.catalogue_hash[:12]),
        ("Tools", ", ".join(f"{tool} {version}" for tool, version in sorted(result.tools.items()))),
    ]
    return [(term, text) for term, text in rows if text]


def _device_title(result: RunResult) -> str:
    parts = (result.device.get("vendor", ""), result.device.get("model", ""))
    return " ".join(safe(part, _NAME_AT_MOST) for part in parts if part) or "Device"


def _anchors(result: RunResult) -> dict[str, str]:
    """Where a case stands in the page, by its name and, for the first variant, by its id."""
    anchors: dict[str, str] = {}
    for case in result.cases:
        anchors[name(case)] = f"case-{file_stem(case)}"
        anchors.setdefault(case.id, f"case-{file_stem(case)}")
    return anchors


def _place(place: Evidence) -> str:
    return f"#{place.seq}" + (f" (frame {place.frame})" if place.frame is not None else "")


def _where(finding: Finding) -> str:
    subject = finding.subject
    parts = [f"line {subject.line}"] if subject.line is not None else []
    parts += [f"flow {subject.flow}"] if subject.flow else []
    parts += [f"call {subject.call_id}"] if subject.call_id else []
    return ", ".join(parts)


def _evidence(finding: Finding) -> str:
    parts = [_place(place) for place in finding.evidence[:8]]
    more = len(finding.evidence) - len(parts)
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _within(value: float, limit: float | None) -> str:
    return "" if limit is None else "over" if value > limit else "within"


def _shown(value: Any) -> Any:
    """Every text that the template prints, unless it is HTML of ours."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> list[str]:
    return text.split("\n")


@cache
def _template() -> jinja2.Template:
    source = resources.files("certsuite.report").joinpath("templates")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda file: source.joinpath(file).read_text("utf-8")),
    )
    environment.filters.update(
        case_name=name,
        duration=duration,
        doc_page=doc_page,
        evidence=_evidence,
        ladder_path=lambda case: str(ladder_path(case)),
        lines=_lines,
        place=_place,
        where=_where,
    )
    environment.globals.update(blocks=blocks, figure=figure, within=_within)
    return environment.get_template("index.html.j2")
