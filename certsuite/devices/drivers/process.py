"""The driver for a device that is a program on this machine: softphones, and the reference device.

The program is started so that the kernel kills it when the thread that started it is gone, however that came about.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, cast

from certsuite.core import events
from certsuite.core.errors import (
    ActionFailed,
    CertsuiteError,
    DeviceExited,
    DriverError,
    ProgramMissing,
    UsageError,
)
from certsuite.core.journal import Journal
from certsuite.core.redaction import Secret, masked, printable
from certsuite.devices import placeholders
from certsuite.devices.drivers import faketime
from certsuite.devices.drivers.channel import FRAMINGS, ChannelProtocol
from certsuite.devices.drivers.output import OutputLog, spellings
from certsuite.devices.drivers.program import Program
from certsuite.devices.profile import DeviceProfile, ProcessOwned, Step
from certsuite.devices.settings import DeviceSettings

_TERMINATION_S = 2.0
"How long a program may take to end by itself after SIGTERM, to de-register for instance."
_START_S = 10.0
"Patience, beside the profile's ``boot_s``, until a started program can be controlled."
DNS_PORT = 53
_CONNECT_EVERY_S = 0.005
_INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
"The rest of the environment stays here: tokens may be in it."
_AGAIN = "certsuite_again"
"Name of a group in a pattern; no profile has one of that name."
_NO_LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class ProcessDriver:
    """Drives a program as the ``control`` of its profile says. See :class:`certsuite.devices.driver.Driver`."""

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
    ) -> None:
        """``log`` is the file for the program's output; ``lists`` are the values of the list placeholders."""
        self._profile = profile
        self._control = profile.control
        self._settings = settings
        self._journal = journal
        self._config_dir = config_dir.resolve()
        self._log = log
        self._lists = lists
        self._hidden = settings.secrets
        self._secrets = spellings(self._hidden)
        self._program = {
            "python": sys.executable,
            "config_dir": str(self._config_dir),
            "control_port": str(control_port),
            "device_address": settings.device_address,
        }
        self._clock_offset_s = 0
        self._serial = itertools.count(1)
        self._one_action = asyncio.Lock()
        self._exited = asyncio.Event()
        self._exited.set()
        self._run: Program | None = None
        self._transport: asyncio.WriteTransport | None = None

    @property
    def exited(self) -> asyncio.Event:
        return self._exited

    @property
    def running(self) -> bool:
        return not self._exited.is_set()

    def check(self) -> None:
        needed = ["setpriv", *(["unshare", "mount"] if self._control.resolver == "private" else [])]
        for helper in needed:
            if shutil.which(helper) is None:
                raise ProgramMissing(f"the program {helper!r} is not on this machine; install: util-linux and mount")
        program = placeholders.fill(self._control.start[0], self._program)
        if shutil.which(program) is None:
            hint = f"; install: {self._control.install}" if self._control.install else ""
            raise ProgramMissing(f"the program {program!r} of the profile {self._profile.name!r} is not here{hint}")
        if self._control.resolver == "system" and self._settings.resolver[1] != DNS_PORT:
            raise UsageError(f"{self._profile.name} asks the system's resolver (control.resolver): use --bench netns")

    def can(self, action: str) -> bool:
        return self._profile.can(action)

    def pids(self) -> set[int]:
        return self._run.pids() if self._run is not None and self.running else set()

    @property
    def address(self) -> str:
        return ""

    def hide(self, secrets: list[Secret]) -> None:
        self._hidden = [*self._hidden, *secrets]
        self._secrets = spellings(self._hidden)
        if self._run is not None:
            self._run.log.hide(secrets)

    @property
    def cannot_set_clock(self) -> str:
        if self._control.clock is None:
            return "the device's clock cannot be set (control.clock in its profile)"
        if not faketime.is_here():
            return "the device's clock is set by 'faketime', which is not on this machine; install: faketime"
        return ""

    def set_clock(self, offset_s: int) -> None:
        if cannot := self.cannot_set_clock:
            raise ActionFailed(cannot)
        self._clock_offset_s = offset_s
        if self._clock_file.exists():
            faketime.write(offset_s, self._clock_file)

    async def start(self) -> None:
        if self.running:
            return
        self.check()
        run = await self._spawn()
        patience = _START_S + self._profile.values.boot_s
        try:
            async with asyncio.timeout(patience):
                await self._connect(run)
                if self._control.ready is not None:
                    await run.output.find(self._control.ready, None, patience)
        except TimeoutError:
            await self.stop()
            raise ActionFailed(f"{self._profile.name} was started but cannot be controlled") from None
        except DriverError as error:
            await self.stop()
            raise self._without_secrets(error) from None
        except asyncio.CancelledError:
            run.kill()
            raise

    async def stop(self) -> None:
        run = self._run
        if run is None or not self.running:
            return
        run.terminate()
        try:
            async with asyncio.timeout(_TERMINATION_S):
                await self._exited.wait()
        except TimeoutError:
            run.kill()
            await self._exited.wait()
        finally:
            run.kill()

    async def do(self, action: str, **arguments: str | int) -> dict[str, str]:
        problem = "it was broken off"
        began_ns = self._journal.clock.monotonic_ns()
        try:
            if action in ProcessOwned:
                captured = await self._own(action)
            else:
                async with self._one_action:
                    began_ns = self._journal.clock.monotonic_ns()
                    captured = await self._steps(action, arguments)
            problem = ""
            return captured
        except CertsuiteError as error:
            problem = self._shown(str(error))
            if isinstance(error, DriverError):
                raise self._without_secrets(error) from None
            raise
        finally:
            shown = {name: self._shown(str(value)) for name, value in arguments.items()}
            took_s = round((self._journal.clock.monotonic_ns() - began_ns) / 1e9, 3)
            event = events.DriverAction(action, shown, ok=not problem, problem=problem, took_s=took_s)
            line = arguments.get("line")
            self._journal.record(event, line=line if isinstance(line, int) else None)

    async def _own(self, action: str) -> dict[str, str]:
        if action in ("stop", "restart"):
            await self.stop()
        if action in ("start", "restart"):
            await self.start()
        return {}

    async def _steps(self, action: str, arguments: Mapping[str, str | int]) -> dict[str, str]:
        steps = cast(Mapping[str, tuple[Step, ...]], self._control.actions).get(action)
        if steps is None:
            raise ActionFailed(f"the profile {self._profile.name!r} describes no action {action!r}")
        if self._run is None or not self.running:
            raise DeviceExited(f"{self._profile.name} does not run, so it cannot {action}")
        values = self._values(action, arguments)
        self._run.transcript.mark()
        self._run.output.mark()
        captured: dict[str, str] = {}
        for more in self._rounds(action, steps, values):
            last_sent = ""
            for step in steps:
                try:
                    if step.send is not None:
                        last_sent = placeholders.fill(step.send, {**values, **captured, **more})
                        self._send(last_sent)
                        continue
                    found = await self._found(self._run, step, {**values, **captured, **more}, last_sent)
                except (ActionFailed, ValueError) as error:
                    raise ActionFailed(f"{action}: {error}") from None
                if step.capture is not None:
                    captured.update(found)
        return captured

    def _rounds(self, action: str, steps: Sequence[Step], values: Mapping[str, str]) -> list[dict[str, str]]:
        """What the steps are done with: once, or once for each sign of an argument if they name a single one."""
        argument, sign = placeholders.EACH.get(action, ("", ""))
        texts = [text for step in steps for text in (step.send, step.expect, step.capture) if text is not None]
        if any(sign in placeholders.named_in(text) for text in texts):
            return [{sign: one} for one in values[argument]]
        return [{}]

    async def _found(self, run: Program, step: Step, values: Mapping[str, str], last_sent: str) -> dict[str, str]:
        """Wait for what a step expects, sending once more whatever it says is to be sent again."""

        def filled(pattern: str | None) -> str | None:
            return None if pattern is None else placeholders.fill(pattern, values, re.escape)

        transcript = run.output if step.where == "output" else run.transcript
        pattern = filled(step.expect or step.capture) or ""
        unless, again = filled(step.unless), filled(step.again)
        if again is None:
            return await transcript.find(pattern, unless, step.timeout_s)
        # The earlier of the two is found, and of two at one place the one that is waited for.
        either = f"(?:{pattern})|(?P<{_AGAIN}>{again})"
        try:
            async with asyncio.timeout(step.timeout_s):
                while _AGAIN in (found := await transcript.find(either, unless, 2 * step.timeout_s)):
                    self._send(last_sent)
                    # A line without its end is not consumed: without anything new it would be found once more.
                    await transcript.news()
        except TimeoutError:
            said = f"it said {transcript.said()}"
            raise ActionFailed(f"no answer like {pattern} within {step.timeout_s:g} s; {said}") from None
        return found

    def _values(self, action: str, arguments: Mapping[str, str | int]) -> dict[str, str]:
        """The placeholders of one action. Raises :class:`UsageError` for an argument too many or too few."""
        own = placeholders.ACTION_ARGUMENTS[action]
        given = set(arguments) - {"line"}
        if given != own:
            raise UsageError(f"the action {action!r} takes {sorted(own)} and line, and was given {sorted(given)}")
        line = self._settings.line(int(arguments.get("line", 1)))
        return {
            **self._program,
            "serial": str(next(self._serial)),
            "line": str(line.number),
            "user": line.user,
            "domain": line.domain,
            **{name: str(arguments[name]) for name in own},
        }

    def _send(self, text: str) -> None:
        if self._transport is None or self._transport.is_closing() or self._run is None:
            raise ActionFailed("the channel to the device is closed")
        self._transport.write(self._run.framing.wrap(text))

    async def _spawn(self) -> Program:
        channel = self._control.channel
        run = Program(
            self._profile.name,
            OutputLog(self._log, self._hidden, on_secret=self._secret_printed),
            FRAMINGS[channel.framing if channel else "line"](),
            own_channel=channel is not None and not channel.stdin,
            on_start=self._started,
            on_end=self._ended,
        )
        self._run = run
        try:
            with self._standard_input() as stdin:
                await asyncio.get_running_loop().subprocess_exec(
                    lambda: run,
                    *self._command(),
                    stdin=stdin if stdin is not None else asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=self._config_dir,
                    env=self._environment(),
                    start_new_session=True,
                )
        except OSError as error:
            run.log.close()
            raise ActionFailed(f"{self._profile.name} cannot be started: {error}") from error
        return run

    def _arguments(self) -> list[str]:
        return placeholders.fill_arguments(self._control.start, self._program, self._lists)

    def _command(self) -> list[str]:
        """The program's arguments, wrapped so that it dies with us and, if asked for, sees the bench's DNS."""
        command = ["setpriv", "--pdeathsig", "KILL", "--", *self._arguments()]
        address, port = self._settings.resolver
        # A bench on port 53 is the system's resolver already.
        if self._control.resolver != "private" or port == DNS_PORT:
            return command
        resolv_conf = self._config_dir / ".resolv.conf"
        resolv_conf.write_text(f"nameserver [{address}]:{port}\n")
        # Root may unshare mounts as it is; anyone else becomes root of a user namespace of its own first. A change of
        # credentials would clear the death signal, so it is set after that.
        flags = "-m" if os.geteuid() == 0 else "-rm"
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return ["unshare", flags, "sh", "-c", script, str(resolv_conf), *command]

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        own = {name: placeholders.fill(value, self._program) for name, value in self._control.environment.items()}
        return {
            "HOME": str(self._config_dir),
            **inherited,
            **own,
            **faketime.environment(self._clock_offset_s, self._clock_file),
        }

    @property
    def _clock_file(self) -> Path:
        return self._config_dir / ".clock"

    def _standard_input(self) -> _StandardInput:
        """A file, nothing at all, or, for the channel ``stdin``, None: a pipe."""
        if self._control.standard_input is not None:
            return _StandardInput(Path(placeholders.fill(self._control.standard_input, self._program)))
        if self._control.channel is not None and self._control.channel.stdin:
            return _StandardInput(None)
        return _StandardInput(Path(os.devnull))

    async def _connect(self, run: Program) -> None:
        """Open the channel; one that is a socket is tried until the program listens on it."""
        channel = self._control.channel
        if channel is None:
            return
        if channel.stdin:
            self._transport = run.standard_input()
            return
        loop = asyncio.get_running_loop()
        lost = DeviceExited(f"{self._profile.name} closed its control channel")

        def protocol() -> ChannelProtocol:
            return ChannelProtocol(run.framing, run.transcript, lambda: run.transcript.close(lost))

        while True:
            if not self.running:
                raise run.ended()
            try:
                if channel.tcp is not None:
                    address, _, port = placeholders.fill(channel.tcp, self._program).rpartition(":")
                    transport, _ = await loop.create_connection(protocol, address.strip("[]"), int(port))
                else:
                    path = placeholders.fill(channel.unix or "", self._program)
                    transport, _ = await loop.create_unix_connection(protocol, path)
            except (ConnectionError, FileNotFoundError):
                # Nothing tells when another program begins to listen, so it is tried again.
                await asyncio.sleep(_CONNECT_EVERY_S)
                continue
            self._transport = transport
            return

    def _secret_printed(self) -> None:
        self._journal.record(events.PasswordSeen("log", "what the device's program prints"))

    def _started(self, run: Program) -> None:
        self._exited.clear()
        self._journal.record(events.DeviceStarted(pid=run.pid, command=self._shown(" ".join(self._arguments()))))

    def _ended(self, run: Program) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        status = 0 if run.status is None else run.status
        try:
            self._journal.record(events.DeviceExited(status=status, asked=run.asked, last_output=run.last_output))
        finally:
            # Also where the disk is full: whoever stops the device waits for this.
            self._exited.set()

    def _shown(self, text: str) -> str:
        return printable(masked(text, self._secrets), at_most=1000)

    def _without_secrets(self, error: DriverError) -> DriverError:
        return type(error)(self._shown(str(error)))


class _StandardInput:
    """Holds the file that is a program's standard input for as long as it takes to start it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> IO[bytes] | None:
        if self._path is not None:
            try:
                self._file = self._path.open("rb")
            except OSError as error:
                raise ActionFailed(f"its standard input cannot be read: {error}") from error
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
