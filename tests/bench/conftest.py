"""What the tests of the bench share: a network with one device, the reference device as a real program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from certsuite.bench.addresses import BenchNet
from certsuite.bench.bench import Bench
from certsuite.bench.device import Device
from certsuite.bench.execution import Execution
from certsuite.bench.expecting import Expecting, Watch
from certsuite.bench.network import Network, mint_accounts
from certsuite.bench.waits import Waits
from certsuite.catalogue import load_catalogue
from certsuite.checks.judge import judge_one, scaled
from certsuite.core.capture import Datagram, Endpoint
from certsuite.core.cases import Case
from certsuite.core.events import Event
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.places import PROFILES
from certsuite.core.results import CaseResult
from certsuite.devices.drivers.process import ProcessDriver
from certsuite.devices.profile import DeviceProfile, load_profile
from certsuite.devices.settings import DeviceSettings
from certsuite.tls.keys import KeyPool
from tests.waiting import WatchOfAll

E = TypeVar("E", bound=Event)


class NoCapture:
    """A capture that keeps nothing."""

    def tcp_opened(self, flow: str, device: Endpoint, bench: Endpoint, t_ns: int) -> None: ...

    def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        return 0

    def tcp_closed(self, flow: str, *, by_device: bool, reset: bool, t_ns: int) -> None: ...

    def tls_secret(self, line: str) -> None: ...

    def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        return 0

    def udp(self, *datagrams: Datagram) -> int:
        return 0


def reference(*, without: tuple[str, ...] = (), lines: int = 2, **values: Any) -> DeviceProfile:
    """The reference device's profile with other values, and without some of its actions."""
    profile = load_profile("reference", PROFILES)
    actions = {name: steps for name, steps in profile.control.actions.items() if name not in without}
    return profile.model_copy(
        update={
            "lines": lines,
            "values": profile.values.model_copy(update={"register_s": 2.0, **values}),
            "control": profile.control.model_copy(update={"actions": actions}),
        }
    )


class Stage:
    """A network and a device on the test's own loop."""

    def __init__(
        self,
        profile: DeviceProfile,
        folder: Path,
        faults: tuple[str, ...],
        net: BenchNet | None = None,
        granted_expiry_s: int = 60,
        time_scale: float = 1.0,
    ) -> None:
        self.profile = profile
        self.journal = Journal(SystemClock())
        self.watch = Watch(self.journal)
        self._all = WatchOfAll(self.journal)
        self.waits = Waits(lambda: self.journal.clock.monotonic_ns() / 1e9)
        self.catalogue = load_catalogue()
        self._time_scale = time_scale
        self.limits = scaled(self.catalogue.limits, time_scale)
        self.network = Network(
            journal=self.journal,
            capture=NoCapture(),
            accounts=mint_accounts(profile.lines, {}),
            granted_expiry_s=granted_expiry_s,
            folder=folder,
            net=net,
            provisioning=how.credentials if (how := profile.control.provisioning) else "none",
        )
        lists = {"fault_arguments": tuple(part for fault in faults for part in ("--fault", fault))}

        def driver(settings: DeviceSettings) -> ProcessDriver:
            return ProcessDriver(
                profile,
                settings,
                self.journal,
                config_dir=folder / "config",
                log=folder / "device.log",
                control_port=5,
                lists=lists,
            )

        self.device = Device(
            profile,
            driver,
            self.network,
            journal=self.journal,
            watch=self.watch,
            waits=self.waits,
            limits=self.limits,
            config_dir=folder / "config",
            masked_dir=folder / "masked",
            control_port=5,
            time_scale=time_scale,
        )
        self.expecting = Expecting(
            self.journal, self.watch, self.waits, self.limits, nothing_more=lambda: self.device.gone
        )

    async def open(self) -> None:
        await self.network.start()
        self.bench = Bench(self.network, self.device, self.expecting, self.journal, self.limits)
        self.execution = Execution(self.bench, self.journal, self.waits, self.catalogue)

    async def close(self) -> None:
        await self.device.stop()
        await self.bench.pstn.stop()
        await self.network.stop()
        await asyncio.sleep(0)

    def events(self, kind: type[E]) -> list[E]:
        """Everything of a kind so far."""
        return [seen.event for seen in self.journal.since(0) if isinstance(seen.event, kind)]

    async def until(self, fact: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for a fact that an observation brings."""
        assert await self._all.until(fact, asyncio.get_running_loop().time() + seconds)

    def result(self, case: Case) -> CaseResult:
        """What became of a case."""
        return judge_one(case.id, case.variant, self.journal.since(0), self.catalogue, self._time_scale)


Staging = Callable[..., Any]


@pytest.fixture(scope="session", autouse=True)
def keys() -> Iterator[None]:
    """One pool of keys for all tests: the certificates are minted anew each time, and keys take the most of it."""
    with KeyPool() as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr("certsuite.bench.network.KeyPool", lambda: pool)
        patch.setattr(pool, "close", lambda: None)
        yield


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Makes a stage: ``await stage(profile, "fault", ..., net=...)``. It is cleared away afterwards."""
    async with AsyncExitStack() as stack:

        async def make(profile: DeviceProfile | None = None, *faults: str, **how: Any) -> Stage:
            made = Stage(profile or reference(), tmp_path, faults, **how)
            stack.push_async_callback(made.close)
            await made.open()
            return made

        yield make


@pytest.fixture
def journal() -> Journal:
    return Journal(SystemClock())
