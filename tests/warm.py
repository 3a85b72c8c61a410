"""Commands of the suite without its start: to start Python and import everything takes longer than most commands do.

A server, which is this file as a program, has imported the program and forks for each command. What follows is the
program's own way, from its entry point to its exit code, in a process of its own. RSA keys, whose making would take
half of what is left, are made ahead as well: each command gets the same ones.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

KEYS = 12
"Made ahead: what a run takes that shows many chains. It makes more where it needs them."
ENDS_S = 300


def run_warm(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``certsuite`` with these arguments, and nothing else in its environment, in this process's folder."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        written = [Path(folder) / name for name in ("out", "err")]
        order = {
            "arguments": arguments,
            "environment": environment,
            "folder": os.getcwd(),
            "written": [str(path) for path in written],
        }
        print(json.dumps(order), file=server.stdin, flush=True)
        answer = server.stdout.readline()
        assert answer, f"the server of commands has ended: {server.wait()}"
        out, err = (path.read_text(encoding="utf-8") for path in written)
    return subprocess.CompletedProcess(arguments, int(answer), out, err)


@cache
def _server() -> subprocess.Popen[str]:
    """One for each process that runs tests, which it ends with."""
    process = subprocess.Popen(
        [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def end() -> None:
        with process:
            pass

    atexit.register(end)
    return process


def serve() -> None:
    """Import the program, and run it for each line that comes, one after the other. Answers with exit codes."""
    from certsuite.catalogue import load_catalogue
    from certsuite.cli.main import main
    from certsuite.pytest_plugin import plugin as plugin
    from certsuite.pytest_plugin.faults import fault_table
    from certsuite.tls import keys

    load_catalogue()
    fault_table()
    make = keys._make
    ahead = [make(keys.KeyKind.RSA_2048) for _ in range(KEYS)]
    keys._make = lambda kind: ahead.pop() if ahead and kind is keys.KeyKind.RSA_2048 else make(kind)
    # What is there now stays: the collector need not look through it in each command.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
            main()
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


def _become(order: dict[str, object]) -> None:
    """Be the process that the order describes. It ends of itself if it takes too long."""
    arguments, environment, folder, written = order.values()
    assert isinstance(arguments, list)
    assert isinstance(environment, dict)
    assert isinstance(written, list)
    signal.alarm(ENDS_S)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(written, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(folder))
    sys.argv = ["certsuite", *arguments]
    # As one would have started it: what goes into namespaces does that.
    sys.orig_argv = [sys.executable, "-m", "certsuite.cli", *arguments]


if __name__ == "__main__":
    serve()
