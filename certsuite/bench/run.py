"""One run: raises the bench, opens and closes its segment of the record, and runs cases on the bench's loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import socket
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certsuite.bench.addresses import BenchNet, LoopbackNet
from certsuite.bench.bench import Bench
from certsuite.bench.device import Device
from certsuite.bench.execution import CaseFunction, Execution
from certsuite.bench.expecting import Expecting, Watch
from certsuite.bench.loop import BenchLoop, Tasks, allow_many_files, watch_lag
from certsuite.bench.namespace import NamespaceNet
from certsuite.bench.network import Network, mint_accounts
from certsuite.bench.waits import Waits
from certsuite.catalogue import Catalogue
from certsuite.checks.judge import scaled
from certsuite.core.capture import Capture
from certsuite.core.cases import Case
from certsuite.core.errors import RecordError
from certsuite.core.events import LoopLag, Note, SegmentClosed, ToolError
from certsuite.core.journal import Journal
from certsuite.core.redaction import Secret
from certsuite.devices.device_info import DeviceInfo
from certsuite.devices.driver import Driver
from certsuite.devices.drivers import driver_class
from certsuite.devices.profile import DeviceProfile
from certsuite.devices.settings import DeviceSettings
from certsuite.edge.accounts import Account
from certsuite.tls.probe_roots import ProbedRoot

_LEAST_EXPIRY_S = 2
BENCHES = ("loopback", "netns")
PRIVATE_PREFIX = "certsuite-"
"Followed by the process's number: what a killed run leaves is known by it."


@dataclass(frozen=True)
class RunOptions:
    """What a run is told beside its profile."""

    faults: tuple[str, ...] = ()
    "Named faults of the reference device."
    time_scale: float = 1.0
    "For the reference device only."
    credentials: Mapping[int, Secret] = field(default_factory=dict)
    "SIP passwords that the user supplied, by line."
    info: DeviceInfo | None = None
    "The device's own accounts; without it they are minted."
    battery: tuple[str, ...] = ()
    "Certificate chains that the cases of the run want to be shown to the device."
    bench: str = "loopback"
    "One of ``BENCHES``. For ``netns`` the process is in its namespaces already."
    root: ProbedRoot | None = None
    "What the root probe asks for; without it, for the root of Webex Calling, by no genuine chain."

    @property
    def supplied(self) -> Mapping[int, Secret]:
        """SIP passwords that are the user's own, wherever they stand."""
        if self.info is None:
            return self.credentials
        return {account.number: account.password for account in self.info.accounts}


class Run:
    """A raised bench with one device. Made, used and closed from one thread, which is not the bench's."""

    def __init__(
        self,
        profile: DeviceProfile,
        catalogue: Catalogue,
        *,
        journal: Journal,
        capture: Capture,
        folder: Path,
        options: RunOptions,
    ) -> None:
        self._profile = profile
        self._catalogue = catalogue
        self._journal = journal
        self._capture = capture
        self._folder = folder
        self._options = options
        self._limits = scaled(catalogue.limits, options.time_scale)
        # Passwords lie in it while the run lasts, so it is outside the run's folder and readable for its owner alone.
        self._private = Path(tempfile.mkdtemp(prefix=f"{PRIVATE_PREFIX}{os.getpid()}-"))
        self._started_ns = journal.clock.monotonic_ns()
        self._loop = BenchLoop()
        self._waits = Waits(lambda: journal.clock.monotonic_ns() / 1e9)
        self._network: Network | None = None
        self._tasks: Tasks | None = None
        self._execution: Execution | None = None
        self._bench: Bench | None = None

    def open(self, planned: Sequence[Case] = ()) -> None:
        """Raise the bench, and begin to make what takes time for one of the planned cases.

        Raises :class:`BenchError`, :class:`ProgramMissing`, :class:`ProfileError`.
        """
        how = self._profile.control.provisioning
        granted = max(round(self._profile.values.granted_expiry_s * self._options.time_scale), _LEAST_EXPIRY_S)
        self._network = Network(
            journal=self._journal,
            capture=self._capture,
            accounts=self._accounts(),
            granted_expiry_s=granted,
            folder=self._private,
            net=self._net(),
            provisioning=how.credentials if how else "none",
            mac=self._options.info.mac if self._options.info else "",
            minted=not self._options.supplied,
        )
        if self._options.battery:
            self._network.pki.prepare()
        self._loop.run(self._raise(self._network, planned))

    def run_case(self, case: Case, function: CaseFunction) -> None:
        """Run one case to its end."""
        assert self._execution is not None
        self._loop.run(self._execution.run(case, function))

    def settle(self) -> None:
        """Settle what cases deferred."""
        if self._execution is not None:
            self._loop.run(self._execution.finish())

    @property
    def pending(self) -> list[Case]:
        """Cases whose verdict is still open."""
        return self._execution.pending if self._execution else []

    def close(self, *, complete: bool, reason: str = "") -> None:
        """Stop the device and the bench, and close the segment. It is safe to call after a failed :meth:`open`."""
        try:
            self._loop.run(self._lower())
        finally:
            self._loop.stop()
            shutil.rmtree(self._private, ignore_errors=True)
            wall_s = (self._journal.clock.monotonic_ns() - self._started_ns) / 1e9
            self._journal.record(SegmentClosed(complete, reason, round(wall_s, 3), round(self._waits.total_s, 3)))

    def _accounts(self) -> list[Account]:
        info = self._options.info
        if info is None:
            return mint_accounts(self._profile.lines, dict(self._options.credentials))
        return [
            Account(one.number, one.user, one.domain, one.auth_user, one.password, one.display_name)
            for one in info.accounts
        ]

    def _net(self) -> BenchNet:
        return NamespaceNet(self._private) if self._options.bench == "netns" else LoopbackNet()

    # --- on the bench's loop

    async def _raise(self, network: Network, planned: Sequence[Case]) -> None:
        allow_many_files()
        self._tasks = Tasks(self._task_failed)
        asyncio.get_running_loop().set_exception_handler(self._callback_failed)
        await network.start()
        watch = Watch(self._journal)
        device = Device(
            self._profile,
            self._driver_maker(network),
            network,
            journal=self._journal,
            watch=watch,
            waits=self._waits,
            limits=self._limits,
            config_dir=self._private / "config",
            masked_dir=self._folder / "config",
            control_port=self._control_port,
            time_scale=self._options.time_scale,
        )
        device.driver.check()
        expecting = Expecting(self._journal, watch, self._waits, self._limits, nothing_more=lambda: device.gone)
        self._bench = Bench(network, device, expecting, self._journal, self._limits)
        self._bench.supplied = dict(self._options.supplied)
        self._bench.gauntlet.planned = self._options.battery
        if self._options.root is not None:
            self._bench.root_probing.asked = self._options.root
        self._bench.root_probing.begin_for(planned)
        await self._bench.pstn.begin_for(planned)
        self._execution = Execution(self._bench, self._journal, self._waits, self._catalogue)
        self._tasks.spawn(watch_lag(self._journal), name="loop lag")

    def _driver_maker(self, network: Network) -> Callable[[DeviceSettings], Driver]:
        self._control_port = _free_port(network.settings().device_address)
        kind = driver_class(self._profile.control.driver)

        def make(settings: DeviceSettings) -> Driver:
            return kind(
                self._profile,
                settings,
                self._journal,
                config_dir=self._private / "config",
                log=self._folder / "evidence" / "device.log",
                control_port=self._control_port,
                lists={"fault_arguments": tuple(part for fault in self._options.faults for part in ("--fault", fault))},
            )

        return make

    async def _lower(self) -> None:
        try:
            if self._bench is not None:
                await self._bench.device.stop()
                await self._bench.pstn.stop()
            if self._tasks is not None:
                await self._tasks.cancel()
        finally:
            if self._network is not None:
                await self._network.stop()
            # Connections that were just closed tell so in the next turn of the loop.
            await asyncio.sleep(0)

    def _task_failed(self, error: BaseException) -> None:
        self._journal.record(ToolError(f"a task of the bench failed: {error!r}"))

    def _callback_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback of the loop raised: what a device sent met a defect of ours."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            # asyncio stops accepting for a second, in which a device may have been waiting.
            self._journal.record(Note(f"no connection can be accepted: {error.strerror}"))
            self._journal.record(LoopLag(1000.0))
            return
        trace = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
        # Where the record itself cannot be written, its writer knows why, and the run ends with that.
        with contextlib.suppress(RecordError):
            self._journal.record(ToolError(f"{context.get('message', 'the loop failed')}\n{trace}"[-4000:]))


def _free_port(address: str) -> int:
    """A TCP port of the device's address that nobody has now; the network is this run's own."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
