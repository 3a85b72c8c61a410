"""Texts of the commands that only look: cases, plan, profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from certsuite.bench.planning import ALONE, BENCH_S, PlannedCase, plan
from certsuite.catalogue import Catalogue
from certsuite.core.cases import Case
from certsuite.core.limits import Limits
from certsuite.devices.check import ProfileReport
from certsuite.devices.profile import DeviceProfile


def case_rows(cases: Sequence[Case], catalogue: Catalogue, profile: DeviceProfile | None) -> list[dict[str, Any]]:
    """What ``certsuite cases`` prints, a mapping a case."""
    rows = []
    for case in cases:
        level, mark = catalogue.level_and_mark(case.requirements)
        row: dict[str, Any] = {
            "id": case.id,
            "variant": case.variant,
            "title": case.title,
            "level": str(level),
            "mark": str(mark),
            "requirements": [
                {"id": id, "title": catalogue.requirement(id).title, "source": catalogue.requirement(id).source}
                for id in case.requirements
            ],
            "claims": list(case.claims),
            "needs": str(case.needs),
            "disturbs": [str(item) for item in case.disturbs],
            "plans": [name for name, one in catalogue.plans.items() if one.asks_for(case.id)],
        }
        if profile is not None:
            missing = [claim for claim in case.claims if not profile.claims(claim)]
            row["applies"] = not missing
            row["why_not"] = f"the profile does not claim {', '.join(missing)}" if missing else ""
        rows.append(row)
    return rows


def case_text(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as text for a person."""
    lines = []
    for row in rows:
        name = f"{row['id']}[{row['variant']}]" if row["variant"] else row["id"]
        applies = "" if row.get("applies", True) else f"  (not applicable: {row['why_not']})"
        lines.append(f"{name:<13} {row['level']}, {row['mark']}  {row['title']}{applies}")
        lines += [f"{'':<13}   {one['id']}: {one['source']}" for one in row["requirements"]]
    return "\n".join([*lines, "", f"{len(rows)} cases"])


def not_tested_text(catalogue: Catalogue) -> str:
    """Requirements that no case is about, and why."""
    left = [one for one in catalogue.requirements.values() if one.not_tested]
    lines = [f"{one.id:<18} {one.title}\n{'':<18}   {one.not_tested}" for one in left]
    return "\n".join([f"{len(left)} requirements are not tested:", *lines])


def plan_text(cases: Sequence[Case], profile: DeviceProfile, limits: Limits) -> str:
    """Order, restarts and expected duration of a run; for what each case waits, and why not beside others."""
    planned = plan(cases, profile, limits)
    width = max(len(_name(one.case)) for one in planned)
    lines = [f"{'case':<{width}} {'needs':<21} {'disturbs':<28} {'restarts':>8} {'seconds':>8}  waits for"]
    for one in planned:
        name = f"{_name(one.case):<{width}}"
        if not one.applies:
            lines.append(f"{name} not applicable: {one.why_not}")
            continue
        disturbs = ", ".join(one.case.disturbs) or "-"
        waits = ", ".join(f"{wait} {seconds:.4g}" for wait, seconds in one.waits) + (" (beside others)" * one.shared)
        row = f"{name} {one.case.needs:<21} {disturbs:<28} {one.restarts:>8} {one.seconds:>8.1f}  {waits}"
        lines.append(row.rstrip())
    return "\n".join([*lines, *_why_alone(planned), "", _total(planned)])


def _why_alone(planned: Sequence[PlannedCase]) -> list[str]:
    """Each kind of waiting that is shared with no other case, how much there is of it, and why."""
    alone = [(wait, seconds) for one in planned if not one.shared for wait, seconds in one.waits]
    if not alone:
        return []
    kinds = dict.fromkeys(wait for wait, _ in alone)
    lines = ["", "What is waited for alone, and why nothing else is done meanwhile:"]
    for kind in kinds:
        lengths = [seconds for wait, seconds in alone if wait is kind]
        lines.append(f"  {kind:<15} {len(lengths):>3} times, {sum(lengths):>6.1f} s: {ALONE[kind]}")
    return lines


def _total(planned: Sequence[PlannedCase]) -> str:
    applying = sum(one.applies for one in planned)
    restarts = sum(one.restarts for one in planned)
    waited = sum(seconds for one in planned if not one.shared for _, seconds in one.waits)
    seconds = BENCH_S + sum(one.seconds for one in planned)
    told = f"{applying} cases, {restarts} restarts, about {seconds:.0f} s when nothing goes wrong"
    return f"{told}, of which {waited:.0f} s are waited alone"


def _name(case: Case) -> str:
    return f"{case.id}[{case.variant}]" if case.variant else case.id


def profile_text(report: ProfileReport, cases: Sequence[Case]) -> str:
    """What is wrong with a profile; or that it is right, and what follows from it."""
    if report.problems or report.profile is None:
        return "\n".join(report.problems)
    profile = report.profile
    applying = [case for case in cases if all(profile.claims(claim) for claim in case.claims)]
    actions = ", ".join(sorted(profile.control.actions)) or "none"
    lines = [
        f"{profile.file}: valid",
        f"  {profile.vendor} {profile.model} {profile.firmware}, a {profile.kind} with {profile.lines} lines",
        f"  driver {profile.control.driver}; actions: {actions}",
        f"  configuration: {', '.join(report.files)}",
        f"  {len(applying)} of {len(cases)} cases apply",
    ]
    return "\n".join([*lines, *(f"  note: {note}" for note in report.notes)])
