"""``certsuite tls listen`` as a user runs it, for tests that let clients connect to it."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.faked import faked
from tests.clients.tls_clients import verifying

ADDRESS = "127.0.0.1"
ENDS_S = 60.0
LASTS_S = 240.0
"After which it is ended, whatever the test does."


@dataclass
class Listens:
    """``certsuite tls listen`` as it runs, in a process of its own."""

    process: subprocess.Popen[str]
    folder: Path
    lines: list[str]
    ports: dict[str, int]
    exit_code: int = -1

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "tls-listen.json").read_text(encoding="utf-8"))
        return document

    def at(self, name: str) -> tuple[str, int]:
        return ADDRESS, self.ports[name]

    def context(self) -> ssl.SSLContext:
        return verifying((self.folder / "lab-root.pem").read_bytes())

    def reads_until(self, pattern: str) -> str:
        """Read lines until one matches, and give it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line matches {pattern!r}:\n{self.output}")

    def ends(self) -> None:
        """Ctrl-C, and what comes after it."""
        os.killpg(self.process.pid, signal.SIGINT)
        rest, _ = self.process.communicate(timeout=ENDS_S)
        self.lines.append(rest)
        self.exit_code = self.process.returncode


@contextmanager
def listens(folder: Path, *options: str, clock: str = "") -> Iterator[Listens]:
    """Started with these options; ``clock`` is what it takes for the time, as ``faketime`` reads it."""
    command = [*faked(clock), sys.executable, "-m", "certsuite.cli", "tls", "listen", "--out", str(folder), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    ) as process:
        watchdog = threading.Timer(LASTS_S, _kills, [process])
        watchdog.start()
        running = Listens(process, folder, [], {})
        try:
            running.reads_until("Ctrl-C ends it")
            for line in running.lines:
                if row := re.match(r"(\d+) +(\S+) +(accepts|refuses|does either) ", line):
                    running.ports[row[2]] = int(row[1])
                elif row := re.match(r"(\d+) +(\d+) +(\d+) +(\S+) TLSv(\S+)$", line):
                    for number, role in enumerate(("unknown", "trusted", "probed"), 1):
                        running.ports[f"{row[4]}-{row[5]}-{role}"] = int(row[number])
            yield running
        finally:
            _kills(process)
            watchdog.cancel()


def _kills(process: subprocess.Popen[str]) -> None:
    """End it with what it has started: ``faketime`` runs a program as its child."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
