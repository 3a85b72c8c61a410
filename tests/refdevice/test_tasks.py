"""Tasks and their owner."""

from __future__ import annotations

import asyncio

import pytest

from certsuite.refdevice.tasks import Tasks

pytestmark = pytest.mark.asyncio


async def test_the_first_failure_is_kept() -> None:
    async def fails() -> None:
        raise ValueError("so it is")

    tasks = Tasks()
    tasks.spawn(fails())
    tasks.spawn(fails())
    with pytest.raises(ValueError, match="so it is"):
        await tasks.failure
    await tasks.close()


async def test_what_still_runs_is_cancelled() -> None:
    tasks = Tasks()
    task = tasks.spawn(asyncio.Event().wait())  # type: ignore[arg-type]
    await tasks.close()
    assert task.cancelled()
    assert tasks.failure.cancelled()
