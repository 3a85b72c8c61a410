"""The end of a run in the terminal: the outcome and what to do, whatever the device says."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from certsuite.core.findings import Measurement
from certsuite.core.verdicts import Verdict
from certsuite.report.terminal import summary

if TYPE_CHECKING:
    from tests.report.conftest import Run


def printed(run: Run, *, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, color_system="standard" if terminal else None)
    console.print(
        summary(run.result, Path("reports/2026-11-21T20-15-00Z-acme-with-a-rather-long-name")), soft_wrap=True
    )
    return out.getvalue()


def test_it_says_what_failed_what_to_do_and_how_it_ended(run: Run) -> None:
    text = printed(run)
    lines = text.splitlines()
    assert lines[-2] == "outcome: not-qualified"
    assert lines[-1] == "1 of 9 blocking cases failed. 3 more without a decision."
    assert "report: reports/2026-11-21T20-15-00Z-acme-with-a-rather-long-name/index.html" in lines
    assert "cases: 1 not-applicable, 4 pass, 1 warn, 1 inconclusive, 1 needs-review, 1 error, 2 fail" in lines
    assert "overhead 900 ms, 82 ms a case" in text
    places = [text.index(part) for part in ("What to fix", "WXC-TLS-040", "to do: Switch on", "Not decided")]
    assert places == sorted(places)
    assert "(see WXC-TLS-040)" in text


def test_a_good_run_is_short(run: Run) -> None:
    good = run.with_cases(*(case for case in run.result.cases if case.verdict is Verdict.PASS))
    text = printed(good)
    assert "outcome: qualified" in text
    assert "What to fix" not in text
    assert "in Control Hub: Partner Managed Phone - Acme Phone\n" in text
    assert len(text.splitlines()) == 7


def test_a_device_with_many_lines_is_told_how_soon_all_were_there(run: Run) -> None:
    def with_figures(lines: int, *ids: str) -> Run:
        figures = {
            "WXC-REG-152": (Measurement("lines_registered_after", 1.234, "s", 5), Measurement("lines", lines, "lines")),
            "WXC-FO-005": (Measurement("failover_time", 2.9, "s", 60.0),),
        }
        return run.with_cases(*(replace(run.result.cases[0], id=id, measurements=figures[id]) for id in ids))

    both = printed(with_figures(100, "WXC-REG-152", "WXC-FO-005"))
    assert "lines: all 100 registered in 1.2 s; at the secondary after 2.9 s\n" in both
    assert "lines: all 100 registered in 1.2 s\n" in printed(with_figures(100, "WXC-REG-152"))
    assert "lines:" not in printed(with_figures(1, "WXC-REG-152", "WXC-FO-005"))
    assert "lines:" not in printed(with_figures(100, "WXC-FO-005"))


def test_what_has_no_verdict_is_named(run: Run) -> None:
    result = replace(run.result, planned=(*run.result.planned, ("WXC-TLS-990", "")), cases=())
    assert "Without a verdict\n  WXC-TLS-010\n" in printed(replace(run, result=result))


def test_hostile_strings_are_text(hostile_run: Run) -> None:
    plain = printed(hostile_run)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", plain)
    assert "[bold red]markup[/]" in plain
    coloured = printed(hostile_run, terminal=True)
    # Nothing but rich's own colours is left for the terminal to act on.
    assert "\x1b" not in re.sub("\x1b\\[[0-9;]*m", "", coloured)
    assert "\n::error::" not in plain
    assert len(plain) < 20_000


def test_what_a_person_settled_is_shown_as_that(reviewed_run: Run) -> None:
    text = printed(reviewed_run)
    assert "Settled by a person\n  pass          WXC-CALL-090" in text
    assert "settled as pass by A. <b>Person on 2026-11-22, with evidence/reviews/0123456789abcdef.jpg" in text
    assert "this replaces fail by B. First" in text
    assert "by the record alone: needs-review, Music on hold was heard" in text
    good = (case for case in reviewed_run.result.cases if case.verdict is Verdict.PASS)
    assert printed(reviewed_run.with_cases(*good)).endswith("passed. 1 blocking case settled by a person.\n")
