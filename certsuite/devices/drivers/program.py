"""One run of a device's program: its output, its end, and the processes that belong to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from certsuite.core.errors import DeviceExited
from certsuite.devices.drivers.channel import Framing, LineFraming, Transcript
from certsuite.devices.drivers.output import OutputLog

_LAST_OUTPUT_S = 0.2
"How long the end of the output is waited for when the program has ended."
_FLOOD_BYTES = 1024 * 1024
_FLOOD_WINDOW_S = 0.05


class Program(asyncio.SubprocessProtocol):
    """One run of a program, from its start to its end, in a session (setsid) of its own."""

    def __init__(
        self,
        name: str,
        log: OutputLog,
        framing: Framing,
        *,
        own_channel: bool,
        on_start: Callable[[Program], None],
        on_end: Callable[[Program], None],
    ) -> None:
        """``own_channel``: commands are answered on a socket, and what the program prints is no answer."""
        self._name = name
        self.log = log
        self.framing = framing
        self._output_framing = LineFraming() if own_channel else framing
        self.output = Transcript()
        "What it prints."
        self.transcript = Transcript() if own_channel else self.output
        "What it answers."
        self.pid = 0
        self.status: int | None = None
        "Exit code, or the negative number of the signal that ended it; None while it runs."
        self.asked = False
        "Whether it was told to end."
        self.last_output = ""
        self._on_start = on_start
        self._on_end = on_end
        self._process: asyncio.SubprocessTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._output_open = True
        self._ended = False
        self._window_began = 0.0
        self._window_bytes = 0
        self._known: set[_Member] = set()
        self._seen: set[int] = set()
        self._seen_until = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._process.get_pid()
        self._on_start(self)

    def standard_input(self) -> asyncio.WriteTransport:
        """The pipe to the program's standard input."""
        assert self._process is not None
        return cast(asyncio.WriteTransport, self._process.get_pipe_transport(0))

    def pids(self) -> set[int]:
        """The program and everything that it started."""
        # This is asked at each connection. Who is there is looked at again once a process was started since; those
        # that have ended in the meantime do no harm.
        newest = _newest_process()
        if newest != self._seen_until:
            self._seen = {member.pid for member in _members(self.pid)}
            self._seen_until = newest
        return self._seen

    def ended(self) -> DeviceExited:
        """The error that says how the program ended, and its last words."""
        words = f"; its last output: {self.last_output}" if self.last_output else ""
        return DeviceExited(f"{self._name} ended by itself ({_status_text(self.status)}){words}")

    def terminate(self) -> None:
        """Tell the program and what it started to end."""
        self.asked = True
        # Who leaves the session while it ends would not be found afterwards.
        self._known = _members(self.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill what is left of the program and of everything that it started."""
        self.asked = True
        alive = _members(self.pid)
        for member in alive | (self._known & _all_members()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(member.pid, signal.SIGKILL)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.log.feed(data)
        self.output.add(self._output_framing.feed(data), self._output_framing.rest())
        now = self._loop.time()
        if now - self._window_began > _FLOOD_WINDOW_S:
            self._window_began, self._window_bytes = now, 0
        self._window_bytes += len(data)
        if self._window_bytes > _FLOOD_BYTES and self._process is not None:
            # A program that floods its output waits for the bench, not the bench for it.
            pipe = cast(asyncio.ReadTransport, self._process.get_pipe_transport(fd))
            pipe.pause_reading()
            self._window_bytes = 0
            self._loop.call_later(_FLOOD_WINDOW_S, pipe.resume_reading)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self._output_open = False
            self._end()

    def process_exited(self) -> None:
        assert self._process is not None
        self.status = self._process.get_returncode()
        # Its last words may still be in the pipe, and a process that it left behind may hold the pipe open.
        self._loop.call_later(_LAST_OUTPUT_S, self._give_up_output)
        self._end()

    def _give_up_output(self) -> None:
        self._output_open = False
        self._end()

    def _end(self) -> None:
        if self.status is None or self._output_open or self._ended:
            return
        self._ended = True
        try:
            self.last_output = self.log.last()
            self.log.close()
        finally:
            # Also where the disk is full.
            reason = self.ended()
            self.output.close(reason)
            self.transcript.close(reason)
            if self._process is not None:
                self._process.close()
            self._on_end(self)


@dataclass(frozen=True, slots=True)
class _Member:
    """A process; the time of its start tells it from a later one with the same number."""

    pid: int
    parent: int
    session: int
    started: int


def _all_members() -> set[_Member]:
    """All processes that have not ended, from ``/proc``."""
    found = set()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat", "rb") as file:
                # The name of the program, in parentheses, may have anything in it; the numbers follow the last one.
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                found.add(_Member(int(entry.name), int(fields[1]), int(fields[3]), int(fields[19])))
        except (OSError, IndexError):  # it ended meanwhile
            continue
    return found


def _newest_process() -> int:
    """Number of the process, or thread, that was started last (proc(5): the last field of ``loadavg``)."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[-1])


def _members(root: int) -> set[_Member]:
    """The processes of the session that ``root`` leads, and all their descendants."""
    everyone = _all_members()
    found = {member for member in everyone if member.session == root}
    while True:
        pids = {member.pid for member in found}
        grown = found | {member for member in everyone if member.parent in pids}
        if grown == found:
            return found
        found = grown


def _status_text(status: int | None) -> str:
    if status is None:
        return "status unknown"
    if status < 0:
        return f"signal {-status}"
    return f"exit code {status}"
