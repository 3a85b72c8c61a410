"""What changed between two runs, and whether the newer one is worse than a baseline.

Both are ``results.json`` documents, of whichever version wrote them: a case is known by (id, variant).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certsuite.core.errors import UsageError
from certsuite.core.verdicts import Level, Verdict
from certsuite.report.offer_changes import OfferComparison
from certsuite.report.results_json import RESULTS
from certsuite.report.words import UNDECIDED, figure, name_of, safe

NOTABLE = 0.2
"A measurement that changed by less than this share is not told."

_RANK: Mapping[str, int] = {
    Verdict.PASS: 0,
    Verdict.WARN: 1,
    **dict.fromkeys(UNDECIDED, 2),
    Verdict.FAIL: 3,
}

Key = tuple[str, str]
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A case with another verdict than before."""

    id: str
    variant: str
    title: str
    level: str
    before: str
    after: str
    blocking: bool
    before_by: str = ""
    "The person who settled it so; empty if the record did."
    after_by: str = ""

    def __str__(self) -> str:
        before, after = _told(self.before, self.before_by), _told(self.after, self.after_by)
        return f"{name_of(self.id, self.variant)}  {before} → {after}  {safe(self.title)}"


@dataclass(frozen=True, slots=True)
class MeasurementChange:
    """A figure that changed notably."""

    case: str
    name: str
    unit: str
    before: float
    after: float

    def __str__(self) -> str:
        share = f" ({(self.after - self.before) / abs(self.before):+.0%})" if self.before else ""
        values = f"{figure(self.before, self.unit)} → {figure(self.after, self.unit)}"
        return f"{self.case}  {safe(self.name)}: {safe(values)}{share}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different in the newer of two runs."""

    old: str
    new: str
    outcome: tuple[str, str]
    facts: tuple[tuple[str, str, str], ...]
    "(fact, before, after): firmware, suite, catalogue and whatever else could explain a change."
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    other: tuple[Change, ...]
    "Neither: a failure that can no longer be judged, a case that applies no more."
    added: tuple[str, ...]
    removed: tuple[str, ...]
    measurements: tuple[MeasurementChange, ...]
    offer: OfferComparison | None = None
    "What the device offers otherwise as a TLS client; it is no verdict."
    settled: tuple[str, ...] = ()
    "Cases of the newer run with the same verdict as before, which a person gave them now."

    @property
    def same(self) -> bool:
        """Whether no verdict changed and the same cases were judged."""
        return not (self.worse or self.better or self.other or self.added or self.removed)

    def text(self) -> str:
        """The comparison for a reader, plain, with an end of line after each line."""
        lines = [f"{safe(self.old)} → {safe(self.new)}"]
        before, after = self.outcome
        lines.append(f"outcome: {after}" if before == after else f"outcome: {before} → {after}")
        lines += [f"{fact}: {safe(was) or 'none'} → {safe(now) or 'none'}" for fact, was, now in self.facts]
        for title, part in (
            ("Worse", self.worse),
            ("Better", self.better),
            ("Otherwise changed", self.other),
            ("New cases", self.added),
            ("Cases no longer run", self.removed),
            ("The same verdict, now settled by a person", self.settled),
            (f"Measurements that changed by more than {NOTABLE:.0%}", self.measurements),
        ):
            if part:
                lines += ["", f"{title} ({len(part)})", *(f"  {each}" for each in part)]
        if self.offer is not None:
            lines += ["", "What the device offered", *(f"  {line}" for line in self.offer.lines())]
        if self.same:
            lines += ["", "No verdict changed."]
        return "\n".join(lines) + "\n"


def compare(old: Document, new: Document, offer: OfferComparison | None = None) -> Comparison:
    """Compare two ``results.json`` documents; ``offer`` is what became of what the device offers."""
    before, after = _cases(old), _cases(new)
    changes = [
        _change(before[key], case)
        for key, case in after.items()
        if key in before and before[key]["verdict"] != case["verdict"]
    ]
    return Comparison(
        old=str(old["run"]),
        new=str(new["run"]),
        outcome=(str(old["outcome"]), str(new["outcome"])),
        facts=_facts(old, new),
        worse=tuple(change for change in changes if _direction(change) > 0),
        better=tuple(change for change in changes if _direction(change) < 0),
        other=tuple(change for change in changes if _direction(change) == 0),
        added=tuple(_line(key, case) for key, case in after.items() if key not in before),
        removed=tuple(_line(key, case) for key, case in before.items() if key not in after),
        measurements=tuple(
            change for key, case in after.items() if key in before for change in _measurements(before[key], case)
        ),
        offer=offer,
        settled=tuple(
            _line(key, case)
            for key, case in after.items()
            if key in before and before[key]["verdict"] == case["verdict"] and _by(case) and not _by(before[key])
        ),
    )


def read_results(folder: Path) -> Document:
    """The results of the run in ``folder``. Raises :class:`UsageError` if it holds none."""
    path = folder / RESULTS
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; the folder of a run is expected") from error
    except ValueError as error:
        raise UsageError(f"{path}: not a results file: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
        raise UsageError(f"{path}: not a results file")
    return document


def worse_than(baseline: Document, result: Document) -> bool:
    """Whether the device does worse than in the baseline.

    It does if a case that blocks fails or has no decision and did not fare so in the baseline, or if the run did not
    come to its end and the baseline's did. A case that the baseline does not have cannot be worse.
    """
    if baseline["complete"] and not result["complete"]:
        return True
    before = _cases(baseline)
    return any(
        _blocks(case) and _rank(case) >= _RANK[Verdict.INCONCLUSIVE] and _rank(case) > _rank(before[key])
        for key, case in _cases(result).items()
        if key in before
    )


def _cases(document: Document) -> dict[Key, Document]:
    return {(case["id"], case["variant"]): case for case in document["cases"]}


def _change(before: Document, after: Document) -> Change:
    return Change(
        id=after["id"],
        variant=after["variant"],
        title=after["title"],
        level=after["level"],
        before=before["verdict"],
        after=after["verdict"],
        blocking=_blocks(after),
        before_by=_by(before),
        after_by=_by(after),
    )


def _line(key: Key, case: Document) -> str:
    return f"{name_of(*key)}  {_told(case['verdict'], _by(case))}"


def _by(case: Document) -> str:
    """The person who settled a case; empty if none did. Results of an older version do not say."""
    review = case.get("review")
    return str(review["by"]) if review else ""


def _told(verdict: str, by: str) -> str:
    return f"{verdict} (settled by {safe(by)})" if by else verdict


def _direction(change: Change) -> int:
    """1 for worse, -1 for better, 0 for neither."""
    if Verdict.NOT_APPLICABLE in (change.before, change.after):
        return 0
    if change.before == Verdict.FAIL and change.after in UNDECIDED:
        return 0
    before, after = _RANK[change.before], _RANK[change.after]
    return (after > before) - (after < before)


def _rank(case: Document) -> int:
    return _RANK.get(case["verdict"], -1)


def _blocks(case: Document) -> bool:
    if case["level"] == Level.CONDITIONAL:
        return bool(case.get("claimed", True))
    return bool(case["level"] == Level.MANDATORY)


def _facts(old: Document, new: Document) -> tuple[tuple[str, str, str], ...]:
    facts: dict[str, Callable[[Document], str]] = {
        "firmware": lambda document: document["device"]["firmware"],
        "model": lambda document: document["device"]["model"],
        "User-Agent": lambda document: " | ".join(document["device"]["user_agent_seen"]),
        "certsuite": lambda document: document["suite"]["version"],
        "plan": lambda document: document["scope"]["plan"],
        "profile": lambda document: document["profile_hash"][:12],
        "catalogue": lambda document: document["catalogue_hash"][:12],
        "time scale": lambda document: f"{document['time_scale']:g}",
    }
    return tuple((fact, of(old), of(new)) for fact, of in facts.items() if of(old) != of(new))


def _measurements(before: Document, after: Document) -> list[MeasurementChange]:
    was = {(each["name"], each["unit"]): each["value"] for each in before["measurements"]}
    changes = []
    for each in after["measurements"]:
        old = was.get((each["name"], each["unit"]))
        if old is not None and abs(each["value"] - old) > NOTABLE * abs(old):
            case = name_of(after["id"], after["variant"])
            changes.append(MeasurementChange(case, each["name"], each["unit"], old, each["value"]))
    return changes
