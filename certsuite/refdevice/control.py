"""The control channel: commands on standard input, answers and events on standard output, one line each."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
import sys
from collections.abc import Awaitable, Callable
from typing import TextIO

from certsuite.refdevice.call import CallFailed
from certsuite.refdevice.phone import Phone
from certsuite.refdevice.tasks import Tasks

log = logging.getLogger("refdevice.control")

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Output:
    """Lines on standard output. Nobody reading them is no reason to fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str) -> None:
        """Write one line, at once."""
        try:
            self._stream.write(_UNPRINTABLE.sub("?", text) + "\n")
            self._stream.flush()
        except OSError as error:
            log.debug("nobody reads: %s", error)

    def event(self, text: str) -> None:
        """Write an event."""
        self.line(f"event {text}")


class Control:
    """Reads commands and does them."""

    def __init__(
        self, phone: Phone, tasks: Tasks, output: Output, *, resync: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        self.on_dial: Callable[[], None] | None = None
        "Called before a number is dialled."
        self._phone = phone
        self._tasks = tasks
        self._output = output
        self._commands: dict[str, Callable[[list[str]], Awaitable[str]]] = {
            "dial": self._dial,
            "answer": self._answer,
            "reject": _plain(phone.reject),
            "hangup": self._hang_up,
            "hold": self._hold,
            "resume": self._resume,
            "swap": self._swap,
            "dtmf": self._dtmf,
            "transfer": self._transfer,
            "attend": self._attend,
            "conference": self._conference,
            "reregister": _plain(phone.registration.reregister),
            "resync": _plain(resync),
            "status": self._status,
            "stop": _plain(stop),
        }

    async def run(self) -> None:
        """Do each command as it comes, until the input ends; that is not the end of the device."""
        loop = asyncio.get_running_loop()
        if sys.stdin is None or not _can_be_watched(sys.stdin.fileno()):
            return
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                self._output.line("error command line too long")
                continue
            if not line:
                return
            words = line.decode("utf-8", "replace").split()
            if words:
                # Beside the next ones: a hang-up must not wait for a re-INVITE that nobody answers.
                self._tasks.spawn(self._do(words))

    async def _do(self, words: list[str]) -> None:
        name, *arguments = words
        command = self._commands.get(name)
        if command is None:
            self._output.line(f"error {name} unknown command; there are {', '.join(self._commands)}")
            return
        try:
            result = await command(arguments)
        except (CallFailed, ValueError, OSError) as error:
            log.warning("%s: %s", name, error)
            self._output.line(f"error {name} {error}")
            return
        self._output.line(f"ok {name} {result}".rstrip())

    async def _dial(self, arguments: list[str]) -> str:
        if len(arguments) not in (1, 2) or not all(number.isdecimal() for number in arguments[1:]):
            raise CallFailed("dial NUMBER-OR-URI [LINE]")
        if self.on_dial is not None:
            self.on_dial()
        self._phone.dial(arguments[0], *map(int, arguments[1:]))
        return ""

    async def _swap(self, arguments: list[str]) -> str:
        await self._phone.swap()
        return ""

    async def _hang_up(self, arguments: list[str]) -> str:
        await self._phone.hang_up()
        return ""

    async def _answer(self, arguments: list[str]) -> str:
        await self._phone.answer(*map(int, arguments))
        return ""

    async def _hold(self, arguments: list[str]) -> str:
        await self._phone.any_call().hold()
        return ""

    async def _resume(self, arguments: list[str]) -> str:
        await self._phone.any_call().resume()
        return ""

    async def _dtmf(self, arguments: list[str]) -> str:
        await self._phone.any_call().send_digits("".join(arguments).upper())
        return ""

    async def _transfer(self, arguments: list[str]) -> str:
        self._phone.transfer(" ".join(arguments))
        return ""

    async def _attend(self, arguments: list[str]) -> str:
        self._phone.attend(" ".join(arguments))
        return ""

    async def _conference(self, arguments: list[str]) -> str:
        self._phone.bring_in(" ".join(arguments))
        return ""

    async def _status(self, arguments: list[str]) -> str:
        return self._phone.status()


def _plain(action: Callable[[], None]) -> Callable[[list[str]], Awaitable[str]]:
    async def command(arguments: list[str]) -> str:
        action()
        return ""

    return command


def _can_be_watched(descriptor: int) -> bool:
    """Whether the input is of a kind that an event loop can wait for: /dev/null and files are not."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
