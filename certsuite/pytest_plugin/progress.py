"""What a person sees while a run goes on: each case as it begins, and its verdict when it is there."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from certsuite.core.cases import Case
from certsuite.core.redaction import printable
from certsuite.core.results import CaseResult
from certsuite.core.verdicts import Verdict

_STYLES = {
    Verdict.PASS: "green",
    Verdict.WARN: "yellow",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.NEEDS_REVIEW: "magenta",
    Verdict.NOT_APPLICABLE: "dim",
}
_TITLE_WIDTH = 66


class Progress:
    """Writes a line a case. Plain text where the output is no terminal."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._number = 0

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(Text(text), soft_wrap=True)

    def began(self, case: Case) -> None:
        """A case begins: what it is about stands there while it is waited for."""
        self._number += 1
        title = case.title if len(case.title) <= _TITLE_WIDTH else case.title[: _TITLE_WIDTH - 1] + "…"
        name = f"{case.id}[{case.variant}]" if case.variant else case.id
        line = f"[{self._number:>{len(str(self._total))}}/{self._total}] {name:<13} {title:<{_TITLE_WIDTH}} "
        self._console.print(Text(line), end="", soft_wrap=True)

    def ended(self, result: CaseResult | None) -> None:
        """Its verdict, or that it is settled later."""
        if result is None:
            self._console.print(Text("settled later", "dim"), soft_wrap=True)
            return
        self._console.print(Text(result.verdict, _STYLES[result.verdict]), soft_wrap=True)
        if result.verdict is not Verdict.PASS:
            for text in [one.observed for one in result.findings] or [result.reason]:
                self._console.print(Text(f"      {printable(text)}", "dim"), soft_wrap=True)
