"""The device under test: its configuration, its driver, and the states that cases need of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from certsuite.bench.expecting import Watch
from certsuite.bench.network import SIP_PORT, Network
from certsuite.bench.ownership import Door, doors
from certsuite.bench.waits import Waits
from certsuite.checks.diagnosis import Diagnosis, diagnose
from certsuite.checks.span import Span
from certsuite.core.cases import State
from certsuite.core.errors import ActionFailed, DriverError
from certsuite.core.events import (
    BenchChanged,
    ConfigDelivered,
    DeviceExited,
    DnsQuery,
    Event,
    FlowOpened,
    StateNotReached,
    StateReached,
)
from certsuite.core.journal import Journal
from certsuite.core.limits import Limits
from certsuite.core.redaction import Secret
from certsuite.devices.driver import Driver
from certsuite.devices.generate import GeneratedFile, generate, masked_copy
from certsuite.devices.profile import DeviceProfile
from certsuite.devices.settings import DeviceSettings
from certsuite.edge.registrar import Binding

_RETRY_AT_LEAST_S = 1.0
"How long a device that just lost its flow is given to come back by itself."
_ANY = "0.0.0.0"


@dataclass
class Unreachable(Exception):
    """A state that a case needs could not be reached."""

    state: State
    reason: str
    code: str
    explained_by: str = ""

    def __str__(self) -> str:
        return self.reason


class Device:
    """Starts, stops and configures the device, and brings it to a state by the cheapest means that its profile has."""

    def __init__(
        self,
        profile: DeviceProfile,
        make_driver: Callable[[DeviceSettings], Driver],
        network: Network,
        *,
        journal: Journal,
        watch: Watch,
        waits: Waits,
        limits: Limits,
        config_dir: Path,
        masked_dir: Path,
        control_port: int,
        time_scale: float,
    ) -> None:
        self.profile = profile
        self._make_driver = make_driver
        self.driver = make_driver(network.settings())
        network.judge_flows_of(self.driver)
        self.network = network
        self.starts = 0
        "Times that the device was started; the first is no restart."
        self.attempt_seq = 0
        "Number of the first observation since the device last had a reason to connect anew."
        self.acted_seq = 0
        "Number of the first observation since the device was last told to act."
        self.attempt_at = 0.0
        "The loop's time of that."
        self._journal = journal
        self._watch = watch
        self._waits = waits
        self._limits = limits
        self._config_dir = config_dir
        self._masked_dir = masked_dir
        self._control_port = control_port
        self.time_scale = time_scale
        self._configured = False
        self.unreachable: dict[State, Unreachable] = {}
        "States that even a restart did not bring: they are not tried for again until something is changed."

    # --- facts

    @property
    def registered(self) -> bool:
        """Whether the device runs and every line is bound over a flow that it can be reached by."""
        bindings = self.network.registrar.bindings
        return (
            self.driver.running
            and len(bindings) >= self.profile.lines
            and all(self._reachable(binding) for binding in bindings.values())
        )

    def registered_at(self, edge: str) -> bool:
        """Whether every line is bound at that edge."""
        return self.registered and all(binding.edge == edge for binding in self.network.registrar.bindings.values())

    def doors(self) -> list[Door]:
        """Where others than its registrar can reach it, its control channel apart: nothing is known of a device that is
        no program."""
        own = self.network.settings().device_address
        return [
            replace(door, address=own)
            for door in doors(self.driver.pids())
            if door.address in (_ANY, own) and door.port != self._control_port
        ]

    @property
    def gone(self) -> bool:
        """Whether its program ended by itself: nothing more will come of it."""
        if self.driver.running:
            return False
        events = (seen.event for seen in self._journal.since(self.attempt_seq))
        return any(isinstance(event, DeviceExited) and not event.asked for event in events)

    def knows_of(self, file: Path) -> bool:
        """Whether its generated configuration names this file."""
        return self.configuration_has([str(file.resolve())])

    def configuration_has(self, texts: list[str]) -> bool:
        """Whether one of these texts stands in a file of its generated configuration."""
        files = [path.read_bytes() for path in self._config_dir.rglob("*") if path.is_file()]
        return any(text.encode() in content for text in texts for content in files)

    @property
    def register_patience_s(self) -> float:
        """How long from a start until every line must be registered."""
        return self.profile.values.boot_s + self.profile.values.register_s * self.time_scale

    # --- moves

    async def reach(self, state: State) -> None:
        """Bring the device to a state. Raises :class:`Unreachable` after one restart."""
        match state:
            case State.STOPPED:
                await self.stop()
            case State.STARTED:
                await self._reach(State.STARTED)
            case State.REGISTERED | State.IN_CALL:
                await self._reach(State.REGISTERED)
            case State.REGISTERED_SECONDARY:
                await self._reach_secondary()

    async def connect_anew(self) -> str:
        """Give the device a reason to connect anew, by the cheapest means; returns which it was."""
        means = cheapest_means(self.profile) if self.driver.running else "restart"
        match means:
            case "restart":
                await self.restart()
            case "reregister":
                await self.lose_connection()
            case _:
                self.lose_flows()
        return means

    async def connect_anew_at_last(self, served: Callable[[], bool]) -> None:
        """The same, and a restart if it is not ``served`` after that. Raises :class:`DriverError`."""
        means = await self.connect_anew()
        await self.until(lambda: served() or self.gone, self.register_patience_s)
        if not served() and means != "restart":
            await self.restart()

    def lose_flows(self) -> None:
        """End its flows, and leave it to the device to come back."""
        self._new_attempt()
        self._end_flows()

    async def lose_connection(self) -> None:
        """End the device's flows and leave the rest to it: it goes on running, with all that it remembers."""
        edges = self.network.edges.values()
        old = {flow for edge in edges for flow in edge.flows}
        self.lose_flows()
        if self.driver.can("reregister"):
            # An order that overtakes the end of its flow would be carried out over that flow.
            await self.until(lambda: not any(flow in edge.flows for edge in edges for flow in old), _RETRY_AT_LEAST_S)
            await self.act("reregister")

    async def reconnect(self) -> None:
        """Make the device ask DNS and connect anew: without a restart if it can be told to, and if it then asks."""
        if not self.driver.running or not self.driver.can("reregister"):
            await self.connect_anew()
            return
        await self.lose_connection()
        await self.until(lambda: self._seen(DnsQuery, FlowOpened), self.register_patience_s)
        if not self._seen(DnsQuery):
            # It keeps what it was answered before. What it makes of other answers is seen when it has forgotten that.
            await self.restart()

    async def restart(self) -> None:
        """Stop and start the device. Raises :class:`DriverError`."""
        await self.stop()
        self._new_attempt()
        await self._start()

    async def reconfigure(self, passwords: dict[int, Secret]) -> None:
        """Give lines other passwords and bring the new configuration to the device."""
        await self.stop()
        for line, password in passwords.items():
            self.network.set_password(line, password)
        self.renew()
        self._new_attempt()
        await self._start()

    async def rotate(self, passwords: dict[int, Secret]) -> None:
        """Give lines other passwords while the device runs, and bring it the new configuration by its cheapest means:
        it is told to read it, or started anew."""
        for line, password in passwords.items():
            self.network.set_password(line, password)
        self._journal.record(BenchChanged("passwords", "rotated", {"lines": sorted(passwords)}))
        if not (self.driver.running and self.driver.can("resync")):
            await self.stop()
            self.renew()
            self._new_attempt()
            await self._start()
            return
        self.driver.hide(self.network.settings().secrets)
        self._new_attempt()
        await asyncio.to_thread(self._deliver)
        await self.act("resync")

    def renew(self) -> None:
        """Its next start is with what the network's settings are now. It must have been stopped."""
        # A driver knows the passwords that it must not show, so a new set of them takes a new one.
        self.driver = self._make_driver(self.network.settings())
        self.network.judge_flows_of(self.driver)
        self._configured = False
        self.unreachable.clear()
        self.network.registrar.bindings.clear()
        # What it kept beside its configuration is gone as well.
        shutil.rmtree(self._config_dir, ignore_errors=True)

    def publish(self) -> None:
        """Give the provisioning server what the network's settings are now; the device keeps what it has. Blocks."""
        served = self._config_dir.with_name("served")
        settings, port = self.network.settings(), self._control_port
        self._serve(generate(self.profile, settings, served, control_port=port, config_dir=self._config_dir))

    async def stop(self) -> None:
        """End the device, and what may still be open of its connections: it comes back over new ones."""
        with self._waits.waiting():
            await self.driver.stop()
        self._end_flows("rst")

    async def act(self, action: str, **arguments: str | int) -> None:
        """Make the device do something. Raises :class:`DriverError` if it does not."""
        if not self.driver.can(action):
            raise ActionFailed(f"the profile gives no action {action!r}, so the device cannot be made to do it")
        self.acted_seq = self._journal.next_seq
        with self._waits.waiting():
            await self.driver.do(action, **arguments)

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait for a fact, at most so long."""
        with self._waits.waiting():
            return await self._watch.until(true, asyncio.get_running_loop().time() + seconds)

    @property
    def own_retry_patience_s(self) -> float:
        """How long a device that lost its flow is given to come back by itself: no longer than a restart costs."""
        return self._patience("own retry")

    def diagnosis(self) -> Diagnosis:
        """What broke on the way to a registration, since the device last had a reason to connect."""
        return diagnose(
            self._journal.since(self.attempt_seq),
            self._limits,
            self.network.outbound_proxy,
            SIP_PORT,
            self.profile.lines,
        )

    # --- inside

    def _end_flows(self, how: str = "fin") -> None:
        for edge in self.network.edges.values():
            edge.end_flows(how)

    def _seen(self, *kinds: type[Event]) -> bool:
        span = Span(self._journal.since(self.attempt_seq))
        return any(span.of(kind) for kind in kinds)

    def _reachable(self, binding: Binding) -> bool:
        flow = self.network.edges[binding.edge].flows.get(binding.flow)
        return flow is not None and flow.usable

    def _is(self, state: State) -> bool:
        return self.driver.running if state is State.STARTED else self.registered

    async def _reach(self, state: State) -> None:
        """Bring it to ``started`` or ``registered``: by itself or by a start, then by one restart."""
        if self._is(state):
            return
        if state in self.unreachable:
            raise self.unreachable[state]
        began = self._waits.total_s
        problem: DriverError | None = None
        for means in ("own retry" if self.driver.running else "start", "restart"):
            try:
                await self._attempt(means)
            except DriverError as error:
                problem = error
                continue
            problem = None
            # A device that has ended will not change any more.
            await self.until(lambda: self._is(state) or not self.driver.running, self._patience(means))
            if self._is(state):
                self._journal.record(StateReached(state, means, round(self._waits.total_s - began, 3)))
                return
        waited = self._waits.total_s - began
        if problem is not None:
            raise self._give_up(state, "restart", waited, str(problem), "device-not-started") from problem
        found = self.diagnosis()
        code = "device-exited" if self.gone else "not-registered"
        raise self._give_up(state, "restart", waited, found.reason, code, found.case)

    async def _attempt(self, means: str) -> None:
        """Do what may bring the device to register. Raises :class:`DriverError`."""
        match means:
            case "start":
                self._new_attempt()
                await self._start()
            case "restart":
                await self.restart()
            case _ if self.driver.can("reregister") and not self._connecting():
                await self.act("reregister")

    def _patience(self, attempt: str) -> float:
        """How long an attempt may take. Its own retry is not waited for longer than a restart would cost."""
        if attempt != "own retry":
            return self.register_patience_s
        retry_s = self.profile.values.registration_retry_s
        restart_s = self.profile.values.boot_s + _RETRY_AT_LEAST_S
        if retry_s is None or retry_s > restart_s:
            return restart_s
        return min(retry_s + restart_s, self.register_patience_s)

    def _connecting(self) -> bool:
        return any(flow.usable for edge in self.network.edges.values() for flow in edge.flows.values())

    async def _reach_secondary(self) -> None:
        """Registered at the secondary, while the primary refuses connections."""
        await self._reach(State.REGISTERED)
        primary = self.network.edges["primary"]
        if primary.accepts:
            # One that is there by chance may be on its way back already: it is sent there once more.
            await primary.behave("refused", accepts=False)
        elif self.registered_at("secondary"):
            return
        if State.REGISTERED_SECONDARY in self.unreachable:
            raise self.unreachable[State.REGISTERED_SECONDARY]
        began = self._waits.total_s
        means = await self.connect_anew()
        patience = self.profile.values.failover_s * self.time_scale
        if means == "restart":
            patience += self.register_patience_s
        reached = await self.until(lambda: self.registered_at("secondary"), patience)
        waited = round(self._waits.total_s - began, 3)
        if not reached:
            cause = "the device did not register at the secondary while the primary refused connections"
            raise self._give_up(State.REGISTERED_SECONDARY, means, waited, cause, "no-failover", "WXC-FO-005")
        self._journal.record(StateReached(State.REGISTERED_SECONDARY, means, waited))

    async def _start(self) -> None:
        if not self._configured:
            await asyncio.to_thread(self._deliver)
            self._configured = True
        self.starts += 1
        with self._waits.waiting():
            await self.driver.start()

    def _deliver(self) -> None:
        files = generate(self.profile, self.network.settings(), self._config_dir, control_port=self._control_port)
        masked_copy(files, self.network.settings().secrets, self._masked_dir)
        self._serve(files)
        self._journal.record(ConfigDelivered(tuple(file.name for file in files), self.profile.config.delivery))

    def _serve(self, files: Sequence[GeneratedFile]) -> None:
        self.network.provisioning.site.files = {file.name: file.path.read_bytes() for file in files}

    def _new_attempt(self) -> None:
        self.attempt_seq = self._journal.next_seq
        self.attempt_at = asyncio.get_running_loop().time()

    def _give_up(
        self, state: State, means: str, waited: float, cause: str, code: str, explained_by: str = ""
    ) -> Unreachable:
        self._journal.record(StateNotReached(state, means, round(waited, 3), cause))
        given_up = Unreachable(state, f"the device did not become {state}: {cause}", code, explained_by)
        self.unreachable[state] = given_up
        return given_up


def cheapest_means(profile: DeviceProfile) -> str:
    """How a device that runs is given a reason to connect anew: ``reregister`` if it can be told to, the end of its
    flow (``flow-closed``) if it comes back by itself sooner than it boots, else a ``restart``."""
    if profile.can("reregister"):
        return "reregister"
    retry_s = profile.values.registration_retry_s
    return "flow-closed" if retry_s is not None and retry_s < profile.values.boot_s else "restart"
