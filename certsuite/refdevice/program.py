"""The program: start, run, and the end in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.call import Call
from certsuite.refdevice.config import FETCHED_NAME, Config, ConfigError, keep, load
from certsuite.refdevice.control import Control, Output
from certsuite.refdevice.fetching import Fetcher, FetchFailed
from certsuite.refdevice.gateway import Gateway
from certsuite.refdevice.phone import Phone
from certsuite.refdevice.tasks import Tasks

log = logging.getLogger("refdevice")

_STOP_S = 2.0
"Seconds that a stop may take to de-register."
_TERMINATE_S = 0.3
"The same when the program is told to end by a signal."
_A_LINE_S = 0.01
"How much longer that may take for each line."


class Program:
    """The device as a process."""

    def __init__(self, directory: Path, config: Config, behaviour: Behaviour) -> None:
        self._directory = directory
        self._config = config
        self._behaviour = behaviour
        self._output = Output(sys.stdout)
        self._end: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        "Set when the program is to end, to the seconds that this may take."
        self._exit_code = 0
        self._phone: Phone | None = None
        self._tasks = Tasks()
        server = config.server if behaviour.fetches and not behaviour.silent else None
        self._fetcher = Fetcher(config, server, behaviour) if server else None

    async def run(self) -> int:
        """Be a phone until told to end; gives the exit code.

        Raises :class:`OSError` if the trusted roots cannot be read.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            if self._behaviour.heeds_sigterm:
                seconds = _TERMINATE_S + _A_LINE_S * len(self._config.lines)
                loop.add_signal_handler(number, self._finish, seconds)
            else:
                loop.add_signal_handler(number, log.info, "a signal to end was ignored")
        if self._behaviour.exits_at_start:
            log.error("ends at its start")
            return 1
        try:
            return await self._run(self._tasks)
        finally:
            await self._tasks.close()

    async def _run(self, tasks: Tasks) -> int:
        await self._boot()
        if self._fetcher is not None and not self._end.done():
            await self._fetch(self._fetcher)
        if self._end.done():
            return self._exit_code
        kind = Gateway if self._config.ports else Phone
        phone = kind(self._config, self._behaviour, tasks, announce=self._output.event, resync=self._check_sync)
        self._phone = phone
        await phone.open_port(self._config.address)
        control = Control(phone, tasks, self._output, resync=self._read_again, stop=lambda: self._finish(_STOP_S))
        if self._behaviour.exits_when_dialling:
            control.on_dial = self._die
        tasks.spawn(control.run())
        registering = None if self._behaviour.silent else tasks.spawn(phone.registration.run())
        ends: set[asyncio.Future[Any]] = {self._end, tasks.failure}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if tasks.failure.done():
            tasks.failure.result()
        if registering is not None:
            registering.cancel()
        for call in phone.calls:
            tasks.spawn(self._hang_up(phone, call))
        phone.subscriptions.end()
        await phone.registration.deregister(self._end.result())
        return self._exit_code

    async def _boot(self) -> None:
        try:
            async with asyncio.timeout(self._config.boot_s):
                await asyncio.shield(self._end)
        except TimeoutError:
            return

    async def _hang_up(self, phone: Phone, call: Call) -> None:
        if call in phone.calls:
            await phone.end(call)

    def _die(self) -> None:
        log.error("ends, being told to dial")
        os._exit(1)

    async def _fetch(self, fetcher: Fetcher) -> None:
        """Take the configuration from its server; the last one stays where there is none to be had."""
        try:
            text = await fetcher.fetch()
            if text is not None and self._behaviour.applies_fetched:
                keep(self._directory, text)
        except (FetchFailed, ConfigError) as problem:
            log.warning("no new configuration: %s", problem)
            fetcher.forget()
            if self._behaviour.needs_server:
                self._exit_code = 1
                self._finish(0.0)
        self._config = load(self._directory)
        if not self._behaviour.keeps_fetched:
            (self._directory / FETCHED_NAME).unlink(missing_ok=True)

    async def _fetch_again(self, fetcher: Fetcher) -> None:
        await self._fetch(fetcher)
        if self._phone is not None:
            self._phone.registration.reconfigure(self._config)

    def _check_sync(self) -> None:
        """Told by the network to read the configuration: one that is wrong is left alone."""
        if not self._behaviour.heeds_check_sync:
            return
        try:
            self._read_again()
        except (ConfigError, OSError) as error:
            log.error("%s", error)
            if self._phone is not None:
                self._phone.registration.reregister()

    def _read_again(self) -> None:
        """Raises :class:`ConfigError` and :class:`OSError`."""
        assert self._phone is not None
        if self._fetcher is not None:
            self._tasks.spawn(self._fetch_again(self._fetcher))
        else:
            self._phone.registration.reconfigure(load(self._directory))

    def _finish(self, seconds: float) -> None:
        if not self._end.done():
            self._end.set_result(seconds)
