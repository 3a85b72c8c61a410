"""The bench's loop in its thread, and the tasks that someone owns."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest

from certsuite.bench.loop import BenchLoop, Tasks, watch_lag
from certsuite.core.errors import BenchError
from certsuite.core.events import LoopLag
from certsuite.core.journal import Journal


@pytest.mark.asyncio
async def test_what_a_task_raises_is_reported_and_the_others_go_on() -> None:
    errors: list[BaseException] = []
    reported = asyncio.Event()

    def report(error: BaseException) -> None:
        errors.append(error)
        reported.set()

    tasks = Tasks(report)
    release = asyncio.Event()

    async def breaks() -> None:
        raise ValueError("broken")

    async def stays() -> str:
        await release.wait()
        return "done"

    staying = tasks.spawn(stays(), name="stays")
    tasks.spawn(breaks(), name="breaks")
    await asyncio.wait_for(reported.wait(), 10)
    assert [str(error) for error in errors] == ["broken"]
    release.set()
    assert await staying == "done"


@pytest.mark.asyncio
async def test_cancelling_ends_every_task_and_reports_none() -> None:
    errors: list[BaseException] = []
    ended: list[str] = []
    tasks = Tasks(errors.append)

    async def waits(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    for name in "ab":
        tasks.spawn(waits(name), name=name)
    await asyncio.sleep(0)
    await tasks.cancel()
    assert (sorted(ended), errors) == (["a", "b"], [])
    await tasks.cancel()


def test_the_loop_runs_in_a_thread_of_its_own_and_gives_results_and_errors_back() -> None:
    loop = BenchLoop()

    async def where() -> str:
        return threading.current_thread().name

    async def breaks() -> None:
        raise ValueError("broken")

    assert loop.run(where()) == "bench"
    with pytest.raises(ValueError, match="broken"):
        loop.run(breaks())
    assert loop.run(where()) == "bench"
    loop.stop()
    late = where()
    with pytest.raises(BenchError, match="has ended"):
        loop.run(late)


def test_ctrl_c_ends_what_runs_and_comes_to_the_caller() -> None:
    loop = BenchLoop()
    main = threading.main_thread().ident
    assert main is not None
    ended: list[str] = []

    async def interrupted() -> None:
        signal.pthread_kill(main, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def well() -> str:
        return "well"

    with pytest.raises(KeyboardInterrupt):
        loop.run(interrupted())
    assert ended == ["cancelled"]
    assert loop.run(well()) == "well"
    loop.stop()


def test_stopping_ends_what_was_left_behind() -> None:
    loop = BenchLoop()
    ended: list[str] = []

    async def leaves_a_task() -> asyncio.Task[None]:
        async def left() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("left")

        task = asyncio.get_running_loop().create_task(left())
        await asyncio.sleep(0)
        return task

    task = loop.run(leaves_a_task())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loop.stop()
    assert (ended, task.cancelled()) == (["left"], True)


@pytest.mark.asyncio
async def test_a_loop_that_was_held_up_is_told_by_how_much(journal: Journal) -> None:
    seen = asyncio.Event()
    journal.subscribe(lambda observation: seen.set())
    tasks = Tasks(lambda error: None)
    tasks.spawn(watch_lag(journal), name="lag")
    await asyncio.sleep(0)
    blocked_until = time.monotonic() + 0.08
    while time.monotonic() < blocked_until:
        pass
    await asyncio.wait_for(seen.wait(), 10)
    lag = journal.since(0)[0].event
    assert isinstance(lag, LoopLag)
    assert lag.max_ms > 5
    await tasks.cancel()


@pytest.mark.parametrize(("soft", "hard", "allowed"), [(256, 512, 512), (256, 9000, 8192), (9000, 9000, 9000)])
def test_more_files_are_allowed_as_far_as_the_system_lets_us(soft: int, hard: int, allowed: int) -> None:
    here = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if here not in (resource.RLIM_INFINITY, max(here, hard)):
        pytest.skip(f"this machine allows no more than {here} open files")
    script = (
        "import resource; from certsuite.bench.loop import allow_many_files;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); allow_many_files();"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(allowed), str(hard)]
