"""The driver for a device that no program can control: a person at the terminal is asked to do each action.

What a person says is that something was done; that it was is seen on the wire, as with every other driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from certsuite.core import events
from certsuite.core.errors import ActionFailed, UsageError
from certsuite.core.journal import Journal
from certsuite.core.redaction import Secret, printable
from certsuite.devices.profile import DeviceProfile
from certsuite.devices.settings import DeviceSettings

PATIENCE_S = 120.0
"How long an answer is waited for. A person who is not there does not hold up a run for ever."
_LINE_AT_MOST = 1000
_NO_LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_ASKED = {
    "dial": "Dial {uri} on line {line}.",
    "answer": "Answer the call that rings.",
    "reject": "Reject the call that rings.",
    "hangup": "Hang up.",
    "hold": "Put the call on hold.",
    "resume": "Take the call back from hold.",
    "swap": "Go to the call that is held; the other is held then.",
    "dtmf": "Press {digits} in the call, slowly.",
    "transfer": "Transfer the call to {uri}, without asking there first.",
    "attended_transfer": "Transfer the call to {uri}, after having talked to it.",
    "conference": "Take {uri} into the call.",
    "dnd": "Switch 'do not disturb' {state}.",
}
"What a person is asked to do, by action."


class OperatorDriver:
    """Asks a person. See :class:`certsuite.devices.driver.Driver`."""

    def __init__(
        self,
        profile: DeviceProfile,
        settings: DeviceSettings,
        journal: Journal,
        *,
        config_dir: Path,
        log: Path,
        control_port: int,
        lists: Mapping[str, tuple[str, ...]] = _NO_LISTS,
        terminal: tuple[int, int] = (0, 2),
        patience_s: float = PATIENCE_S,
    ) -> None:
        """``terminal``: where answers are read and questions are written, as file descriptors.

        ``log``, ``control_port`` and ``lists`` are for drivers of programs.
        """
        self._profile = profile
        self._settings = settings
        self._journal = journal
        self._config_dir = config_dir
        self._terminal = terminal
        self._patience_s = patience_s
        self._rest = b""
        self._one_question = asyncio.Lock()
        self._given_up = False
        "Whether a question was broken off, as by Ctrl-C: nothing more is asked."
        self._exited = asyncio.Event()
        self._exited.set()

    @property
    def exited(self) -> asyncio.Event:
        return self._exited

    @property
    def running(self) -> bool:
        return not self._exited.is_set()

    def check(self) -> None:
        if not os.isatty(self._terminal[0]):
            raise UsageError(
                f"{self._profile.name} is operated by a person (control.driver: operator), and standard input is no "
                "terminal to ask at: start certsuite in a terminal, with nothing before or behind it in a pipe"
            )

    def can(self, action: str) -> bool:
        return self._profile.can(action)

    def pids(self) -> set[int]:
        return set()

    @property
    def address(self) -> str:
        """Where the device is on the network: it is no program of ours, so it is known by that."""
        return self._settings.device_address

    def hide(self, secrets: list[Secret]) -> None:
        """Nothing of the device's is shown or kept."""

    @property
    def cannot_set_clock(self) -> str:
        return "the clock of a device that a person drives is not set"

    def set_clock(self, offset_s: int) -> None:
        raise ActionFailed(self.cannot_set_clock)

    async def start(self) -> None:
        if self.running:
            return
        self.check()
        where = f"Bring the configuration in {self._config_dir} to the device, whose address is {self.address}"
        await self._ask(f"{where}, and switch it on.")
        self._exited.clear()
        self._journal.record(events.DeviceStarted(pid=0, command="by a person"))

    async def stop(self) -> None:
        if not self.running:
            return
        try:
            if not self._given_up:
                await self._ask("Switch the device off.")
        except ActionFailed as problem:
            self._say(f"{problem}; it is taken to be off\n")
        finally:
            self._exited.set()
            self._journal.record(events.DeviceExited(status=0, asked=True))

    async def do(self, action: str, **arguments: str | int) -> dict[str, str]:
        problem = "it was broken off"
        try:
            if action in ("stop", "restart"):
                await self.stop()
            if action in ("start", "restart"):
                await self.start()
            if action in _ASKED:
                await self._ask(_ASKED[action].format_map({"line": 1, **arguments}))
            problem = ""
            return {}
        except ActionFailed as error:
            problem = str(error)
            raise
        finally:
            shown = {name: printable(str(value)) for name, value in arguments.items()}
            line = arguments.get("line")
            event = events.DriverAction(action=action, arguments=shown, ok=not problem, problem=problem)
            self._journal.record(event, line=line if isinstance(line, int) else None)

    async def _ask(self, what: str) -> None:
        """Ask for something to be done, and wait until it is said to be. Raises :class:`ActionFailed` if it is not."""
        async with self._one_question:
            self._say(f"\n>>> {printable(what, at_most=1000)}\n    Enter when it is done, n if it cannot be: ")
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await self._line()
            except TimeoutError:
                self._say("\n")
                raise ActionFailed(f"nobody said within {self._patience_s:g} s that it was done: {what}") from None
            except asyncio.CancelledError:
                self._given_up = True
                self._say("\n")
                raise
        if answer.lower().startswith("n"):
            raise ActionFailed(f"the person at the terminal says that it cannot be done: {what}")

    async def _line(self) -> str:
        """The next line that is typed. What was typed before the question is no answer to it."""
        loop, source = asyncio.get_running_loop(), self._terminal[0]
        self._rest = b""
        with contextlib.suppress(termios.error):
            termios.tcflush(source, termios.TCIFLUSH)
        typed: asyncio.Future[bytes] = loop.create_future()

        def read() -> None:
            try:
                data = os.read(source, _LINE_AT_MOST)
            except OSError:
                data = b""
            self._rest += data
            if typed.done():
                return
            if not data or len(self._rest) > _LINE_AT_MOST:
                typed.set_exception(ActionFailed("the terminal was closed"))
            elif b"\n" in self._rest:
                typed.set_result(self._rest.partition(b"\n")[0])

        loop.add_reader(source, read)
        try:
            return (await typed).decode("utf-8", "replace").strip()
        finally:
            loop.remove_reader(source)

    def _say(self, text: str) -> None:
        os.write(self._terminal[1], text.encode())
