"""A run from its opening to its close: nothing is left, however it went."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from certsuite.bench import run as run_module
from certsuite.bench.bench import Bench
from certsuite.bench.phone import Phone
from certsuite.bench.run import Run, RunOptions
from certsuite.catalogue import load_catalogue
from certsuite.core.cases import Case, State
from certsuite.core.errors import AddressUnavailable, ProgramMissing
from certsuite.core.events import CaseFinished, DeviceStarted, LoopLag, Note, SegmentClosed, ToolError
from certsuite.core.journal import Journal
from certsuite.core.redaction import Secret
from certsuite.devices.profile import DeviceProfile
from tests.bench.conftest import NoCapture, reference

STARTED = Case("WXC-REG-060", "a title", ("REG-REFRESH",), (), State.REGISTERED, ())


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made while the test runs."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def made(profile: DeviceProfile, journal: Journal, folder: Path, options: RunOptions | None = None) -> Run:
    (folder / "evidence").mkdir()
    return Run(
        profile,
        load_catalogue(),
        journal=journal,
        capture=NoCapture(),
        folder=folder,
        options=options or RunOptions(),
    )


def sockets() -> set[str]:
    """The sockets that this process has open."""
    links = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            links.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the folder's own descriptor
            continue
    return {link for link in links if link.startswith("socket:")}


def alive(pid: int) -> bool:
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False).stdout != b""


def closed(journal: Journal) -> SegmentClosed:
    event = journal.since(0)[-1].event
    assert isinstance(event, SegmentClosed), event
    return event


def test_a_run_leaves_no_process_no_socket_and_no_folder(journal: Journal, tmp_path: Path, private: Path) -> None:
    before = sockets()
    run = made(reference(), journal, tmp_path)
    run.open()
    assert sockets() > before
    assert [stat.st_mode & 0o777 for stat in (entry.stat() for entry in private.iterdir())] == [0o700]
    threads: list[bool] = []

    async def function(bench: Bench, phone: Phone) -> None:
        threads.append(bench.device.registered)
        await bench.expect("reg.registers", since=0)

    run.run_case(STARTED, function)
    run.settle()
    assert (threads, run.pending) == ([True], [])
    run.close(complete=True)
    (started,) = [seen.event for seen in journal.since(0) if isinstance(seen.event, DeviceStarted)]
    assert not alive(started.pid)
    assert sockets() == before
    assert list(private.iterdir()) == []
    end = closed(journal)
    assert (end.complete, end.reason) == (True, "")
    assert end.wall_s >= end.waited_s > 0


def test_credentials_of_the_user_reach_the_lines_and_no_file_that_stays(
    journal: Journal, tmp_path: Path, private: Path
) -> None:
    options = RunOptions(credentials={1: Secret("Very-Own-Secret1")})
    run = made(reference(), journal, tmp_path, options)
    run.open()

    async def function(bench: Bench, phone: Phone) -> None:
        assert bench.supplied == {1: Secret("Very-Own-Secret1")}
        await bench.expect("reg.registers", since=0)

    run.run_case(STARTED, function)
    run.close(complete=True)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "phone.toml" for path in kept)
    assert not any(b"Very-Own-Secret1" in path.read_bytes() for path in kept)


def test_a_missing_program_is_told_and_everything_is_taken_down(
    journal: Journal, tmp_path: Path, private: Path
) -> None:
    before = sockets()
    profile = reference()
    missing = profile.model_copy(
        update={"control": profile.control.model_copy(update={"start": ("no-such-phone",), "install": "apt"})}
    )
    run = made(missing, journal, tmp_path)
    with pytest.raises(ProgramMissing, match="no-such-phone"):
        run.open()
    run.close(complete=False, reason="no-such-phone")
    assert sockets() == before
    assert list(private.iterdir()) == []
    assert closed(journal).reason == "no-such-phone"


@pytest.mark.parametrize("part", ["start", "make"])
def test_a_network_that_cannot_be_raised(
    journal: Journal, tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    before = sockets()
    if part == "start":
        # Not an address of this machine (RFC 5737): listening there fails.
        monkeypatch.setattr("certsuite.bench.addresses.LoopbackNet.host", lambda net, number: f"192.0.2.{number}")
    else:
        monkeypatch.setattr("certsuite.bench.addresses._TRIES", 0)
    run = made(reference(), journal, tmp_path)
    with pytest.raises(AddressUnavailable):
        run.open()
    run.close(complete=False, reason="no address")
    assert sockets() == before
    assert list(private.iterdir()) == []
    assert not closed(journal).complete


def test_a_callback_that_raises_is_the_suites_fault_and_in_the_record(
    journal: Journal, tmp_path: Path, private: Path
) -> None:
    run = made(reference(), journal, tmp_path)
    run.open()

    async def function(bench: Bench, phone: Phone) -> None:
        def defect() -> None:
            raise KeyError("a defect in a callback")

        asyncio.get_running_loop().call_soon(defect)
        await asyncio.sleep(0)

    stopped = Case("WXC-REG-060", "a title", ("REG-REFRESH",), (), State.STOPPED, ())
    run.run_case(stopped, function)
    run.close(complete=True)
    errors = [(seen.case, seen.event.text) for seen in journal.since(0) if isinstance(seen.event, ToolError)]
    assert [case for case, _ in errors] == [stopped.id]
    assert "a defect in a callback" in errors[0][1]


def test_no_files_left_for_a_connection_is_lateness_and_no_fault(
    journal: Journal, tmp_path: Path, private: Path
) -> None:
    run = made(reference(), journal, tmp_path)
    run.open()

    async def function(bench: Bench, phone: Phone) -> None:
        edge = bench.network.edges["primary"]
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        connection = socket.socket()
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect((edge.address, edge.port))
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        fillers = [os.dup(0) for _ in range(highest)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(fillers) + 1, before[1]))
        try:
            fillers += _all_that_are_left()
            await bench.device.until(lambda: any(isinstance(one.event, Note) for one in journal.since(0)), 10)
        finally:
            for filler in fillers:
                os.close(filler)
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        connection.close()

    stopped = Case("WXC-REG-060", "a title", ("REG-REFRESH",), (), State.STOPPED, ())
    run.run_case(stopped, function)
    run.close(complete=True)
    events = [seen.event for seen in journal.since(0)]
    assert Note("no connection can be accepted: Too many open files") in events
    assert LoopLag(1000.0) in events
    assert not [event for event in events if isinstance(event, ToolError)]


def _all_that_are_left() -> list[int]:
    taken = []
    while True:
        try:
            taken.append(os.dup(0))
        except OSError:
            return taken


def test_a_loop_that_is_held_up_says_so_in_the_record(journal: Journal, tmp_path: Path, private: Path) -> None:
    run = made(reference(), journal, tmp_path)
    run.open()

    async def function(bench: Bench, phone: Phone) -> None:
        # The probe must be waiting when the loop is held up.
        for _ in range(3):
            await asyncio.sleep(0)
        subprocess.run(["sleep", "0.1"], check=True)  # noqa: ASYNC221 - what no part of the bench may do
        await bench.device.until(lambda: any(isinstance(seen.event, LoopLag) for seen in journal.since(0)), 10)

    stopped = Case("WXC-REG-060", "a title", ("REG-REFRESH",), (), State.STOPPED, ())
    run.run_case(stopped, function)
    run.close(complete=True)
    lags = [seen.event.max_ms for seen in journal.since(0) if isinstance(seen.event, LoopLag)]
    assert max(lags) > 10


def test_an_interrupted_case_is_no_finished_case_and_the_run_closes(
    journal: Journal, tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = threading.main_thread().ident
    assert main is not None
    before = sockets()
    run = made(reference(), journal, tmp_path)
    run.open()

    async def function(bench: Bench, phone: Phone) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        await asyncio.Event().wait()
        journal.record(Note("went on"))

    with pytest.raises(KeyboardInterrupt):
        run.run_case(STARTED, function)
    run.close(complete=False, reason="interrupted")
    assert sockets() == before
    kinds = [type(seen.event) for seen in journal.since(0)]
    assert CaseFinished not in kinds
    assert Note not in kinds
    (started,) = [seen.event for seen in journal.since(0) if isinstance(seen.event, DeviceStarted)]
    assert not alive(started.pid)


def test_the_module_grants_no_less_than_two_seconds_however_time_is_scaled(
    journal: Journal, tmp_path: Path, private: Path
) -> None:
    run = made(reference(granted_expiry_s=60), journal, tmp_path, RunOptions(time_scale=0.01))
    run.open()

    async def function(bench: Bench, phone: Phone) -> None:
        journal.record(Note(str(bench.network.registrar.granted_expiry_s)))

    stopped = Case("WXC-REG-060", "a title", ("REG-REFRESH",), (), State.STOPPED, ())
    run.run_case(stopped, function)
    run.close(complete=True)
    assert [seen.event.text for seen in journal.since(0) if isinstance(seen.event, Note)] == [
        str(run_module._LEAST_EXPIRY_S)
    ]
