"""The notifier as a case sees it: what the device has subscribed to, and for how long it is granted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from certsuite.bench.expecting import CannotJudge, Deferred, NotApplicable
from certsuite.core.cases import Disturbance
from certsuite.edge.notifier import PACKAGES

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_BEYOND_EXPIRY = 1.2


class NotifierControl:
    """What a case makes of subscriptions. All of it is undone when the case has ended."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._notifier = bench.network.control.notifier

    async def tells_of(self, package: str) -> None:
        """The device has subscribed to this package since the run began, or does now, and takes what it is told."""
        await self._bench.expect("sub.is-notified", deadline=self._deadline, package=package, since=0)

    async def tells_unsubscribed(self, package: str) -> None:
        """The device is told of a package outside of any subscription, and takes it, or is told otherwise."""
        since = self._bench.here
        call_id = self._bench.network.control.tell_unsubscribed(1, PACKAGES[package])
        subscribed = any(one[1] == package for one in self._notifier.ever)
        await self._bench.expect("sub.takes-unsolicited", call_id=call_id, line=1, since=since, subscribed=subscribed)

    async def grants_briefly(self, package: str) -> Deferred:
        """The device, made to connect anew, is granted this package for a short while, and must refresh it in time."""
        await self.must_be_in_use()
        bench = self._bench
        granted = max(round(bench.device.profile.values.failover_expiry * bench.device.time_scale), 2)
        self._notifier.grant(granted)
        await bench.phone.connects_anew()
        since = bench.device.attempt_seq
        await bench.device.until(lambda: self._stands(package), bench.patience_s("sub.is-notified"))
        deadline = asyncio.get_running_loop().time() + _BEYOND_EXPIRY * granted
        stated = bench.stated("sub.refreshes", since=since, package=package, granted_s=granted)
        return Deferred(stated, deadline, (Disturbance.REGISTRATION,))

    async def must_be_in_use(self) -> None:
        """The device has subscribed to something since the run began, or does now.

        Raises :class:`NotApplicable` if the device subscribes to nothing, :class:`CannotJudge` if it claims to."""
        left_s = self._deadline - asyncio.get_running_loop().time()
        if await self._bench.device.until(lambda: bool(self._notifier.ever), max(left_s, 0.0)):
            return
        claimed = self._bench.device.profile.capabilities.subscriptions
        if claimed:
            raise CannotJudge(
                "never-subscribed",
                f"the device has subscribed to nothing, though its profile claims {', '.join(claimed)}",
            )
        raise NotApplicable(
            "never-subscribed",
            "the device has subscribed to nothing in this run, and its profile claims no subscription",
        )

    @property
    def _deadline(self) -> float:
        """A device that has been at work for so long has had its time to subscribe."""
        return self._bench.device.attempt_at + self._bench.patience_s("sub.is-notified")

    def _stands(self, package: str) -> bool:
        return any(one.package.name == package for one in self._notifier.subscriptions.values())
