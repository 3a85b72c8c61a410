"""The bench's event loop: in a thread of its own for the whole run, watched for being late."""

from __future__ import annotations

import asyncio
import concurrent.futures
import resource
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from certsuite.core.errors import BenchError
from certsuite.core.events import LoopLag
from certsuite.core.journal import Journal

T = TypeVar("T")

_PROBE_S = 0.02
_TOLD_ABOVE_MS = 5.0
"Lag below this is not worth a line in the record."
_INTERRUPT_S = 0.5
_FILES = 8192


class Tasks:
    """Keeps the tasks that it spawns, and reports what they raise: no task is without an owner."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_error = on_error

    def spawn(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run a coroutine beside the others until it ends or :meth:`cancel` is called."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def cancel(self) -> None:
        """End every task and wait for it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(error)


class BenchLoop:
    """An asyncio loop in its own thread. :meth:`run` is called from any other one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bench", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its end. Ctrl-C cancels it and goes on to the caller."""
        if not self._thread.is_alive():
            coroutine.close()
            raise BenchError("the bench's loop has ended")
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except KeyboardInterrupt:
            # It may have come before there was a future to cancel, so the coroutine is found by itself.
            ended = asyncio.run_coroutine_threadsafe(self._cancel(coroutine), self._loop)
            concurrent.futures.wait([ended], timeout=_INTERRUPT_S)
            raise

    async def _cancel(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        for task in asyncio.all_tasks():
            if task.get_coro() is coroutine:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return
        coroutine.close()

    def stop(self) -> None:
        """End the loop and its thread, and what was interrupted and still winds up."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._wind_up())
        self._loop.close()

    async def _wind_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


def allow_many_files() -> None:
    """Let this process have more files and sockets open than usual: whoever floods the bench takes one for each
    connection until it is ended. Where the system allows no more, it stays as it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def watch_lag(journal: Journal) -> None:
    """Record by how much the loop is late, whenever it is notably so. A timing verdict is no better than this."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _PROBE_S
        await asyncio.sleep(_PROBE_S)
        late_ms = (loop.time() - due) * 1000
        if late_ms > _TOLD_ABOVE_MS:
            journal.record(LoopLag(round(late_ms, 3)))
