"""Settling cases by a person, on a record with variants and with every verdict that a case can have."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from certsuite.catalogue import load_catalogue
from certsuite.checks import judge
from certsuite.checks.registry import Question, RegisteredCheck
from certsuite.cli.judging import rejudge_run, review_case
from certsuite.core.errors import UsageError
from certsuite.core.events import CaseFinished, CaseStarted, Expectation, SegmentClosed, SegmentOpened
from certsuite.core.findings import Judgement
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.results import RunResult
from certsuite.core.verdicts import Outcome, Verdict
from certsuite.evidence.record import RecordWriter
from certsuite.pytest_plugin.certification import rebuild_reports

CATALOGUE = load_catalogue()
CASES = (
    ("WXC-TLS-100", "rsa", Verdict.INCONCLUSIVE),
    ("WXC-TLS-100", "ecdsa", Verdict.NEEDS_REVIEW),
    ("WXC-TLS-120", "", Verdict.PASS),
    ("WXC-TLS-020", "", Verdict.FAIL),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose cases have these verdicts: its checks answer what they are told."""

    def answers(question: Question) -> Judgement:
        return Judgement(Verdict(question.param("verdict")), reason="nothing was seen")

    monkeypatch.setattr(judge, "find_check", lambda name: RegisteredCheck(name, answers, (), False))
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal(SystemClock())
    with RecordWriter(folder / "record.jsonl") as writer:
        journal.subscribe(writer)
        planned = tuple((id, variant) for id, variant, _ in CASES)
        device = {"profile": "acme"}
        journal.record(SegmentOpened("a-run", "0.1.0", {}, "full", planned, True, "c", "p", "n", device, "", 0))
        for journal.case, journal.variant, verdict in CASES:
            first = journal.record(CaseStarted("A title", "mandatory", "primary", ("TLS-TRUST",))).seq
            journal.record(Expectation("told", "TLS-TRUST", first, first, params={"verdict": str(verdict)}))
            journal.record(CaseFinished(1.0, 1.0, 0))
        journal.case = journal.variant = ""
        journal.record(SegmentClosed(complete=True))
    rebuild_reports(folder, CATALOGUE)
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """What a person has to show."""
    path = tmp_path / "a picture.JPG"
    path.write_bytes(b"\xff\xd8 seen with my own eyes")
    return path


def verdicts(result: RunResult) -> list[Verdict]:
    return [case.verdict for case in result.cases]


def test_both_open_verdicts_are_settled_and_only_in_the_variant_that_is_named(folder: Path, picture: Path) -> None:
    result = review_case(folder, "WXC-TLS-100[rsa]", Verdict.PASS, picture, " A. Person ", CATALOGUE)
    assert verdicts(result) == [Verdict.PASS, Verdict.NEEDS_REVIEW, Verdict.PASS, Verdict.FAIL]
    result = review_case(folder, "WXC-TLS-100[ecdsa]", Verdict.WARN, picture, "B. Person", CATALOGUE)
    assert verdicts(result) == [Verdict.PASS, Verdict.WARN, Verdict.PASS, Verdict.FAIL]
    assert [case.review.by if case.review else "" for case in result.cases] == ["A. Person", "B. Person", "", ""]
    assert result.outcome is Outcome.NOT_QUALIFIED, "what the record failed stays failed"
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    (kept,) = (folder / "evidence" / "reviews").iterdir()
    assert (kept.name, kept.read_bytes()) == (f"{digest[:16]}.JPG", picture.read_bytes())


def test_a_review_survives_another_judgement(folder: Path, picture: Path) -> None:
    review_case(folder, "WXC-TLS-100[rsa]", Verdict.FAIL, picture, "A. Person", CATALOGUE)
    result, text = rejudge_run(folder, CATALOGUE)
    assert verdicts(result)[0] is Verdict.FAIL
    assert "4 cases judged again: the same verdicts" in text


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("WXC-TLS-120", Verdict.FAIL, "WXC-TLS-120 is pass: only what needs review"),
        ("WXC-TLS-020", Verdict.PASS, "WXC-TLS-020 is fail: only what needs review"),
        ("WXC-TLS-100", Verdict.PASS, r"it has WXC-TLS-100\[rsa\], WXC-TLS-100\[ecdsa\]"),
        ("WXC-TLS-100[dsa]", Verdict.PASS, r"no case WXC-TLS-100\[dsa\]"),
        ("WXC-NOT-001", Verdict.PASS, "the run has no case WXC-NOT-001$"),
        ("WXC-TLS-100[rsa]", Verdict.INCONCLUSIVE, "a person decides pass, warn, fail, not inconclusive"),
    ],
)
def test_what_is_not_open_is_refused_and_leaves_nothing(
    folder: Path, picture: Path, name: str, verdict: Verdict, reason: str
) -> None:
    before = (folder / "results.json").read_bytes()
    with pytest.raises(UsageError, match=reason):
        review_case(folder, name, verdict, picture, "A. Person", CATALOGUE)
    assert not (folder / "judgements.jsonl").exists()
    assert not (folder / "evidence" / "reviews").exists()
    assert (folder / "results.json").read_bytes() == before


def test_a_strange_ending_is_left_out_of_the_kept_files_name(folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "trace.a b\x1b[31m"
    odd.write_bytes(b"seen")
    result = review_case(folder, "WXC-TLS-100[rsa]", Verdict.PASS, odd, "A. Person", CATALOGUE)
    review = result.cases[0].review
    assert review is not None
    assert review.evidence == f"evidence/reviews/{hashlib.sha256(b'seen').hexdigest()[:16]}"
    line = json.loads((folder / "judgements.jsonl").read_text("ascii"))
    assert set(line) == {"kind", "at", "case", "variant", "verdict", "by", "evidence", "sha256"}
