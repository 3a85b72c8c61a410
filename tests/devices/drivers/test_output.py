"""The log of a program's output."""

from __future__ import annotations

import json
from pathlib import Path

from certsuite.core.redaction import Secret
from certsuite.devices.drivers.output import OutputLog


def test_secrets_and_escapes_do_not_reach_the_log(tmp_path: Path) -> None:
    secret = Secret('Aa1"<&\\x')
    log = OutputLog(tmp_path / "a" / "log", [secret])
    said = f"\x1b[31mplain {secret.reveal()} json {json.dumps(secret.reveal())} xml Aa1&quot;&lt;&amp;\\x bell \x07\n"
    for at in range(0, len(said), 3):
        log.feed(said[at : at + 3].encode())
    log.feed(b"half Aa1")
    log.feed(b'"<&\\x')
    log.close()
    text = (tmp_path / "a" / "log").read_text()
    assert text == 'plain *** json "***" xml *** bell \\x07\nhalf ***\n'
    assert log.last() == text.rstrip("\n")


def test_the_log_has_a_greatest_size_and_the_last_lines_are_known(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "log", [], at_most=1000)
    for number in range(1000):
        log.feed(b"line %d\n" % number)
    log.close()
    assert (tmp_path / "log").stat().st_size < 1100
    assert "the log is full" in (tmp_path / "log").read_text()
    assert log.last().endswith("line 998\nline 999")


def test_a_restart_appends(tmp_path: Path) -> None:
    for number in (1, 2):
        log = OutputLog(tmp_path / "log", [])
        log.feed(b"run %d\n" % number)
        log.close()
    assert (tmp_path / "log").read_text() == "run 1\nrun 2\n"
