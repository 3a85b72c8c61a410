"""Judging a run again, and settling a case by a person: both go into ``judgements.jsonl``, nothing is rewritten."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

from certsuite import __version__
from certsuite.catalogue import Catalogue
from certsuite.checks.judge import judge, with_reviews
from certsuite.core.errors import UsageError
from certsuite.core.observations import utc_text
from certsuite.core.redaction import printable
from certsuite.core.results import RunResult
from certsuite.core.verdicts import Verdict
from certsuite.evidence.record import append_judgement, read_judgements
from certsuite.pytest_plugin.certification import read_run, rebuild_reports
from certsuite.report.compare import compare, read_results
from certsuite.report.results_json import results_document

_OPEN = (Verdict.NEEDS_REVIEW, Verdict.INCONCLUSIVE)
_DECISIONS = (Verdict.PASS, Verdict.FAIL, Verdict.WARN)


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
            "verdicts": {
                f"{case.id}[{case.variant}]" if case.variant else case.id: str(case.verdict) for case in result.cases
            },
        },
    )
    changed = (*comparison.worse, *comparison.better, *comparison.other)
    lines = [str(change) for change in changed] or [f"{len(result.cases)} cases judged again: the same verdicts"]
    return result, "\n".join([*lines, f"outcome: {result.outcome}"])


def review_case(folder: Path, name: str, verdict: Verdict, evidence: Path, by: str, catalogue: Catalogue) -> RunResult:
    """Settle one case. Raises :class:`UsageError` unless it is open and the evidence can be read."""
    result = judge(read_run(folder).observations, catalogue)
    id, _, variant = name.partition("[")
    found = next((case for case in result.cases if (case.id, case.variant) == (id, variant.rstrip("]"))), None)
    if found is None:
        raise UsageError(f"the run has no case {printable(name)}")
    if found.verdict not in _OPEN:
        raise UsageError(
            f"{name} is {found.verdict}: only what needs review or is inconclusive can be settled by a person"
        )
    if verdict not in _DECISIONS:
        raise UsageError(f"a person decides {', '.join(_DECISIONS)}, not {verdict}")
    if not by.strip():
        raise UsageError("--by: a name is needed")
    try:
        content = evidence.read_bytes()
    except OSError as error:
        raise UsageError(f"{evidence}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    kept = folder / "evidence" / "reviews" / f"{digest[:16]}{evidence.suffix}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(evidence, kept)
    append_judgement(
        folder,
        {
            "kind": "review",
            "at": utc_text(time.time()),
            "case": found.id,
            "variant": found.variant,
            "verdict": str(verdict),
            "by": by,
            "evidence": str(kept.relative_to(folder)),
            "sha256": digest,
        },
    )
    return rebuild_reports(folder, catalogue)
