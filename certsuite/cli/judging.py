"""Judging a run again, and settling a case by a person: both go into ``judgements.jsonl``, nothing is rewritten."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

from certsuite import __version__
from certsuite.catalogue import Catalogue
from certsuite.checks.judge import judge
from certsuite.checks.reviews import with_reviews
from certsuite.core.errors import UsageError
from certsuite.core.observations import utc_text
from certsuite.core.redaction import printable
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import DECISIONS, OPEN, Verdict
from certsuite.evidence.record import append_judgement, read_judgements
from certsuite.pytest_plugin.certification import read_run, rebuild_reports
from certsuite.report.compare import compare, read_results
from certsuite.report.files import write_file
from certsuite.report.results_json import results_document
from certsuite.report.words import name_of

_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")


def rejudge_run(folder: Path, catalogue: Catalogue) -> tuple[RunResult, str]:
    """Judge a record by today's checks and the catalogue's limits; gives the result and what changed, as text."""
    result = with_reviews(judge(read_run(folder).observations, catalogue), read_judgements(folder))
    before, now = read_results(folder), results_document(result, set())
    comparison = compare(before, now)
    append_judgement(
        folder,
        {
            "kind": "rejudged",
            "at": utc_text(time.time()),
            "suite_version": __version__,
            "catalogue_hash": catalogue.hash,
            "outcome": str(result.outcome),
            "verdicts": {name_of(case.id, case.variant): str(case.verdict) for case in result.cases},
        },
    )
    changed = (*comparison.worse, *comparison.better, *comparison.other)
    lines = [str(change) for change in changed] or [f"{len(result.cases)} cases judged again: the same verdicts"]
    return result, "\n".join([*lines, f"outcome: {result.outcome}"])


def review_case(folder: Path, name: str, verdict: Verdict, evidence: Path, by: str, catalogue: Catalogue) -> RunResult:
    """Settle one case. Raises :class:`UsageError` unless it is open and the evidence can be read."""
    found = _find(judge(read_run(folder).observations, catalogue), name)
    if found.verdict not in OPEN:
        raise UsageError(
            f"{printable(name)} is {found.verdict}: only what needs review or is inconclusive"
            " can be settled by a person"
        )
    if verdict not in DECISIONS:
        raise UsageError(f"--verdict: a person decides {', '.join(DECISIONS)}, not {verdict}")
    if not by.strip():
        raise UsageError("--by: a name is needed")
    try:
        content = evidence.read_bytes()
    except OSError as error:
        raise UsageError(f"--evidence: {evidence}: {error.strerror}") from error
    if not content:
        raise UsageError(f"--evidence: {evidence} is empty: something that shows what was decided is needed")
    digest = hashlib.sha256(content).hexdigest()
    ending = evidence.suffix if _ENDING.fullmatch(evidence.suffix) else ""
    kept = Path("evidence", "reviews", f"{digest[:16]}{ending}")
    write_file(folder / kept, content)
    append_judgement(
        folder,
        {
            "kind": "review",
            "at": utc_text(time.time()),
            "case": found.id,
            "variant": found.variant,
            "verdict": str(verdict),
            "by": by.strip(),
            "evidence": kept.as_posix(),
            "sha256": digest,
        },
    )
    return rebuild_reports(folder, catalogue)


def _find(result: RunResult, name: str) -> CaseResult:
    """The case of this name. Raises :class:`UsageError` that names what there is."""
    names = {name_of(case.id, case.variant): case for case in result.cases}
    if (found := names.get(name)) is not None:
        return found
    variants = [one for one, case in names.items() if case.id == name.partition("[")[0]]
    there_is = f"; it has {', '.join(variants)}" if variants else ""
    raise UsageError(f"the run has no case {printable(name)}{there_is}")
