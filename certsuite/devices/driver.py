"""What every driver can do: the one interface by which the bench makes a device act."""

from __future__ import annotations

import asyncio
from typing import Protocol

from certsuite.core.redaction import Secret


class Driver(Protocol):
    """Makes one device act. All of it belongs to one event loop, that on which :meth:`start` was called."""

    @property
    def exited(self) -> asyncio.Event:
        """Set whenever the device's program does not run: before its start and after its end."""

    @property
    def running(self) -> bool:
        """Whether the device's program runs."""

    def check(self) -> None:
        """Raise :class:`~certsuite.core.errors.ProgramMissing` if what it starts is not on this machine, and
        :class:`~certsuite.core.errors.UsageError` if it cannot be a device of this bench."""

    def can(self, action: str) -> bool:
        """Whether :meth:`do` knows this action."""

    def pids(self) -> set[int]:
        """Processes of the device: what it started as well. Empty for a device that is no program."""

    @property
    def address(self) -> str:
        """The address by which a device is known that is no program; empty for one that is."""

    def hide(self, secrets: list[Secret]) -> None:
        """From now on these are not to be shown either: the device is about to get them."""

    @property
    def cannot_set_clock(self) -> str:
        """Why the device's clock cannot be set; empty if it can."""

    def set_clock(self, offset_s: int) -> None:
        """From now on the device's clock is so many seconds ahead of the truth, or behind if below zero; a device that
        is started with another than the true one can be set while it runs.

        Raises :class:`~certsuite.core.errors.ActionFailed` if it cannot be set.
        """

    async def start(self) -> None:
        """Start the device and return when it can be told to act; whether it registers is another matter.

        Raises :class:`~certsuite.core.errors.DeviceExited` or :class:`~certsuite.core.errors.ActionFailed`.
        """

    async def stop(self) -> None:
        """End the device, by force if need be. No process of it is left; one that does not run is no error."""

    async def do(self, action: str, **arguments: str | int) -> dict[str, str]:
        """Make the device do an action of the closed list, ``line=2`` on that line, and return what it captured.

        Raises :class:`~certsuite.core.errors.ActionFailed` if the device does not answer as its profile says, and
        :class:`~certsuite.core.errors.DeviceExited` if it ends meanwhile.
        """
