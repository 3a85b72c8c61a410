"""Registration: the walk through the targets, refresh, failover and failback, for ever (RFC 3263, RFC 5626)."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Sequence

from certsuite.refdevice.acquaintance import Acquaintance
from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.bindings import Bindings, LineState, TargetFailed, retry_after
from certsuite.refdevice.config import Config
from certsuite.refdevice.dns import DnsError, Resolver
from certsuite.refdevice.messages import Composer
from certsuite.refdevice.old_hello import try_old_hello
from certsuite.refdevice.subscriptions import Subscriptions
from certsuite.refdevice.targets import TargetList, find_targets
from certsuite.refdevice.tls import Peer
from certsuite.refdevice.transport import Flow, FlowFailed, HandshakeBroken, Listener, Target, TlsFailed

log = logging.getLogger("refdevice.registration")

_HAMMERING_S = 0.02
_LONG_AGO = 1_000_000_000.0
"A time before that is of a clock that was never set."
_UNRESOLVED = 2.5
"How much longer it waits when DNS was of no use: a resolver in trouble is given time."


class Registration:
    """Keeps all lines registered over one flow to the best target that serves."""

    def __init__(
        self,
        config: Config,
        behaviour: Behaviour,
        *,
        listener: Listener,
        announce: Callable[[str], None],
        flow_in_use: Callable[[Flow], bool],
        subscriptions: Subscriptions,
    ) -> None:
        """``flow_in_use`` says whether a call needs a flow: it is then left open when the lines move on.
        ``subscriptions`` are made over each flow that lines are registered over.

        Raises :class:`OSError` if the trusted roots cannot be read.
        """
        self._behaviour = behaviour
        self._listener = listener
        self._flow_in_use = flow_in_use
        self._subscriptions = subscriptions
        self._wake = asyncio.Event()
        self._has_flow = asyncio.Event()
        self._forced = False
        self._starts_over = False
        self._gave_up = False
        self._targets: TargetList | None = None
        self._retired: list[Flow] = []
        self._left_alone_until: dict[str, float] = {}
        self._gave_up = False
        self._failed: Target | None = None
        "The target of the flow in use, if a call found out that it does not serve."
        self.flow: Flow | None = None
        "The flow of the registration while there is one."
        self._take(config)
        self.bindings = Bindings(config, behaviour, self.composer, announce)

    def _take(self, config: Config) -> None:
        self._servers = Acquaintance(config.trusted_roots, self._behaviour, config.shipped_roots)
        self._config = config
        self._resolver = Resolver(config.resolver, config.address, self._behaviour)
        self.composer = Composer(config, self._behaviour)

    @property
    def transaction_s(self) -> float | None:
        """Seconds until a request that is not answered has failed; ``None`` is never."""
        return self._config.transaction_s if self._behaviour.gives_up_requests else None

    @property
    def session_minimum_s(self) -> int:
        """The smallest interval of a session timer that the device takes."""
        return self._config.session_minimum_s

    # --- told from outside

    def reregister(self) -> None:
        """Register every line now, wherever the program is in its retries."""
        self._forced = True
        self._wake.set()

    def reconfigure(self, config: Config) -> None:
        """Take a new configuration and register with it.

        New credentials are used over the flow there is; anything else that has changed makes the device start over.
        Raises :class:`OSError` if its trusted roots cannot be read; the old configuration then stays.
        """
        old = self._config
        self._take(config)
        others = self.bindings.configure(config, self.composer)
        places = ("address", "outbound_proxy", "resolver", "trusted_roots", "shipped_roots")
        self._starts_over = others or any(getattr(old, name) != getattr(config, name) for name in places)
        if self._starts_over:
            self._targets = None
        self.reregister()

    def failed(self, flow: Flow) -> None:
        """A request over a flow was not answered, or not served: its target is not the first to be tried next."""
        if flow is self.flow:
            self._failed = flow.target
        flow.close()

    def lost(self, flow: Flow) -> None:
        """A flow has ended."""
        if flow in self._retired:
            self._retired.remove(flow)
        if flow is self.flow:
            self._wake.set()

    async def another_flow(self, flow: Flow) -> Flow:
        """A second flow to the same target, for a call alone. Raises :class:`FlowFailed`."""
        another = await self._connect(flow.target)
        self._retired.append(another)
        return another

    def close_unused(self) -> None:
        """Close the flows that were kept for a call, now that it has ended."""
        if self._behaviour.keeps_old_flow or self._behaviour.refreshes_old_flow:
            return
        for flow in [flow for flow in self._retired if not self._flow_in_use(flow)]:
            self._retired.remove(flow)
            flow.close()

    async def usable_flow(self, timeout: float) -> Flow | None:
        """The flow of the registration, waiting for one; ``None`` after ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.flow is None or not self.flow.alive:
                    self._has_flow.clear()
                    await self._has_flow.wait()
        except TimeoutError:
            return None
        return self.flow

    # --- the life of the registration

    async def run(self) -> None:
        """Register, stay registered, and begin again."""
        failures = 0
        reconnected_at = -math.inf
        failed: Target | None = None
        while True:
            self._forced = self._starts_over = self._gave_up = False
            flow = await self._walk(failed)
            failed = None
            if flow is None:
                failures += 1
                if self._gave_up or failures == self._behaviour.rounds_tried:
                    await self._wait(math.inf)
                    continue
                pause_s = retry_after(self._config.retry_s, failures)
                if self._targets is None:
                    pause_s *= _UNRESOLVED
                await self._wait(_HAMMERING_S if self._behaviour.hammers else pause_s)
                continue
            failures = 0
            failed = await self._stay(flow)
            self._leave()
            while not (self._behaviour.reconnects or self._forced or self._starts_over or failed):
                await self._wait(math.inf)
            # Again at once, but not in a circle with a target that takes each flow and drops it. An order is an order.
            if not self._forced and (pause_s := reconnected_at + self._config.retry_s - time.monotonic()) > 0:
                await self._wait(pause_s)
            reconnected_at = time.monotonic()

    async def deregister(self, timeout: float) -> None:
        """Take the bindings back, as far as that works within ``timeout`` seconds, and close all flows."""
        if self.flow is not None and self.flow.alive and self._behaviour.deregisters:
            try:
                async with asyncio.timeout(timeout):
                    await self.bindings.deregister(self.flow)
            except (TimeoutError, TargetFailed) as error:
                log.warning("not all lines were de-registered: %s", error or "no answer in time")
        for flow in [*self._retired, *([self.flow] if self.flow else [])]:
            flow.close()

    async def _stay(self, flow: Flow) -> Target | None:
        """Refresh until the flow is lost, or its target fails: the target is then returned."""
        self._use(flow)
        looks_back_at = self._looks_back_at(flow)
        while True:
            await self._wait(min(self.bindings.due(), self._keep_alive(flow), looks_back_at) - time.monotonic())
            if not flow.alive or self._starts_over:
                failed, self._failed = self._failed, None
                return failed
            forced, self._forced = self._forced, False
            now = time.monotonic()
            states = [state for state in self.bindings.states if forced or state.due <= now]
            if not states and looks_back_at > now:
                continue
            if states:
                if self._behaviour.resolves_to_refresh and await self._find_targets() is None:
                    return None
                # What stands must not wait for a look-up: a better target is looked for when it is refreshed.
                try:
                    if self._behaviour.refreshes_old_flow:
                        await self._refresh_old(states)
                    await self.bindings.register(flow, states, announced=forced)
                    self._subscribe(flow)
                except TargetFailed as failure:
                    self._note(flow.target, failure)
                    return flow.target
            looks_back_at = math.inf
            if (better := await self._fail_back(flow)) is not None:
                self._leave()
                flow = better
                self._use(flow)
                looks_back_at = self._looks_back_at(flow)

    def _looks_back_at(self, flow: Flow) -> float:
        """When to look for a better target before a refresh does: once, since it may have failed for a moment alone."""
        if self._targets is None or not self._behaviour.looks_back or not self._targets.better_than(flow.target):
            return math.inf
        return time.monotonic() + self._config.looks_back_s

    def _keep_alive(self, flow: Flow) -> float:
        """Send a keep-alive if it is time; gives when to look again, on the monotonic clock."""
        every_s = self._config.keep_alive_s * self._behaviour.keep_alive_factor
        if not every_s or not self._behaviour.sends_keep_alives:
            return math.inf
        return flow.keep_alive(every_s, self._config.pong_s if self._behaviour.heeds_pong else math.inf)

    async def _refresh_old(self, states: list[LineState]) -> None:
        """Register lines over the flows that were left as well."""
        for old in [flow for flow in self._retired if flow.alive]:
            try:
                await self.bindings.register(old, states)
            except TargetFailed as failure:
                self._note(old.target, failure)
                old.close()

    async def _wait(self, seconds: float) -> None:
        """Wait for the time, or for something that comes before it."""
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    def _use(self, flow: Flow) -> None:
        self.flow, self._failed = flow, None
        self._has_flow.set()
        self._subscribe(flow)
        if not flow.alive:
            self._wake.set()

    def _subscribe(self, flow: Flow) -> None:
        self._subscriptions.registered(flow, self.bindings.states, self._config, self.composer)

    def _leave(self) -> None:
        """Give up the flow in use; it stays open for as long as a call needs it."""
        flow, self.flow = self.flow, None
        if flow is None:
            return
        keeps = self._behaviour.keeps_old_flow or self._behaviour.refreshes_old_flow
        if flow.alive and (keeps or self._flow_in_use(flow)):
            self._retired.append(flow)
        else:
            flow.close()
        self.bindings.left(flow)

    # --- targets

    async def _walk(self, failed: Target | None) -> Flow | None:
        """Try the targets in their order; one that has just failed is tried last."""
        self._targets = await self._find_targets()
        if self._targets is None or not self._behaviour.connects:
            return None
        tried = self._targets.targets[: self._behaviour.targets_tried]
        return await self._first_that_serves(sorted(tried, key=lambda target: target == failed))

    async def _fail_back(self, flow: Flow) -> Flow | None:
        """A flow to a better target than that of ``flow``, with the lines registered over it."""
        if not self._behaviour.fails_back or self._targets is None:
            return None
        if self._behaviour.wanders:
            others = [target for target in self._targets.targets if target != flow.target]
            return await self._first_that_serves(others, must_register=True)
        if not self._targets.better_than(flow.target) and time.monotonic() < self._targets.good_until:
            return None
        found = await self._find_targets()
        if found is None:
            return None
        self._targets = found
        return await self._first_that_serves(found.better_than(flow.target), must_register=True)

    async def resolve(self, host: str) -> None:
        """Ask for the address of a host that is none of the proxy's, and do nothing with it."""
        try:
            await self._resolver.addresses(host)
        except DnsError as error:
            log.warning("%s", error)

    async def _find_targets(self) -> TargetList | None:
        if self._targets is not None and not self._behaviour.heeds_ttl:
            return self._targets
        try:
            if self._behaviour.resolves_registrar:
                await self._resolver.addresses(self._config.lines[0].domain)
            return await find_targets(self._config.outbound_proxy, self._resolver, self._behaviour)
        except DnsError as error:
            log.warning("%s", error)
            self._gave_up = bool(error.kind) and error.kind == self._behaviour.gives_up_after
            return None

    async def _first_that_serves(self, targets: Sequence[Target], *, must_register: bool = False) -> Flow | None:
        """``must_register``: a target that rejects every line is no better than none."""
        # Who does not heed Retry-After asks the same server once more.
        times = 1 if self._behaviour.heeds_retry_after else 2
        for number, target in enumerate(target for target in targets for _ in range(times)):
            if self._left_alone_until.get(str(target), 0.0) > time.monotonic():
                log.info("%s: asked to be left alone for a while", target)
                continue
            try:
                beside = targets[number + 1 : number + 2] if self._behaviour.connects_to_two else ()
                flow = await self._connect_beside(target, beside)
            except HandshakeBroken as failure:
                log.warning("%s: %s", target, failure)
                self._gave_up = not self._behaviour.survives_broken_handshake
                if self._gave_up:
                    return None
                continue
            except FlowFailed as failure:
                log.warning("%s: %s", target, failure)
                self._gave_up = not self._behaviour.survives_wrong_clock and time.time() < _LONG_AGO
                if self._gave_up:
                    return None
                continue
            try:
                if self._behaviour.garbage_bytes:
                    flow.send_bytes(random.Random(0).randbytes(self._behaviour.garbage_bytes))
                if not must_register:
                    # What was ordered while there was no flow is done hereby.
                    self._forced = False
                await self.bindings.register(flow, self.bindings.states)
            except (TargetFailed, FlowFailed) as failure:
                self._note(target, failure)
                flow.close()
                self.bindings.left(flow)
                continue
            if must_register and not any(state.flow is flow for state in self.bindings.states):
                log.warning("%s: rejects every line", target)
                flow.close()
                continue
            return flow
        return None

    async def _connect_beside(self, target: Target, others: Sequence[Target]) -> Flow:
        """Connect to others as well, and leave them when that is done. Raises :class:`FlowFailed`."""
        flow, *spare = await asyncio.gather(*(self._connect(one) for one in (target, *others)), return_exceptions=True)
        for one in spare:
            if isinstance(one, Flow):
                one.close()
        if isinstance(flow, BaseException):
            raise flow
        return flow

    async def _connect(self, target: Target) -> Flow:
        """Raises :class:`FlowFailed`."""
        local_address = self._config.address
        if self._behaviour.old_hello_first:
            await try_old_hello(target.address, target.port, local_address)
        peer = Peer(self._config.outbound_proxy, target.host, target.address)
        channel = self._servers.channel(peer)
        timeout_s = self._behaviour.handshake_timeout_s
        silence_s = None if timeout_s is None else self._config.silence_s
        try:
            flow = await Flow.connect(
                target,
                self._listener,
                local_address=local_address,
                channel=channel,
                timeout_s=timeout_s,
                silence_s=silence_s,
                refuses_by=self._behaviour.refuses_by,
                joins_pieces=self._behaviour.joins_pieces,
            )
        except TlsFailed as failure:
            if self._behaviour.cleartext_port is None:
                raise
            log.warning("%s: %s", target, failure)
        else:
            if objection := self._servers.objection(peer, channel):
                flow.close()
                raise TlsFailed(objection)
            return flow
        clear = Target(target.host, target.address, self._behaviour.cleartext_port, target.priority)
        return await Flow.connect(
            clear,
            self._listener,
            local_address=local_address,
            channel=None,
            timeout_s=timeout_s,
            silence_s=silence_s,
        )

    def _note(self, target: Target, failure: TargetFailed | FlowFailed) -> None:
        log.warning("%s: %s", target, failure)
        if isinstance(failure, TargetFailed) and failure.retry_after and self._behaviour.heeds_retry_after:
            self._left_alone_until[str(target)] = time.monotonic() + failure.retry_after
