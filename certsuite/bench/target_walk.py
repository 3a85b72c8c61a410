"""The target walk: faulty targets stand ahead of the good ones in one SRV answer, and the device's own failover leads
it past them (RFC 3263 section 4.3). One attempt to register thus tests as many faults as the device walks.

A device that does not take a long answer, or does not walk far, is shown fewer at a time: down to one, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from certsuite.bench.device import Device
from certsuite.bench.network import OUTBOUND_PROXY, Network, Place
from certsuite.checks.span import Span
from certsuite.core.errors import BenchError
from certsuite.core.events import DnsQuery, FlowOpened, TargetsWalked
from certsuite.core.journal import Journal

_SPEAKS_WITHIN_S = 3.0
"""Seconds in which a device that completed a handshake uses the connection, if it ever will: some forget what they
wanted after so many failures. Who is silent for longer is given a fresh attempt, with that target first."""
_SHORT_ANSWER = 8
"Faulty targets in an answer that fits, with the good ones, into a plain datagram of DNS (RFC 1035 section 4.2.1)."


class Station(Protocol):
    """What listens at a target of the SRV record, shows the device one thing, and serves nobody."""

    name: str

    async def listen(self, place: Place) -> None:
        """Be there. Raises :class:`AddressUnavailable`."""

    async def stop(self) -> None:
        """Refuse connections from now on, and end those that are open; once stopped it stays so."""

    @property
    def contacted(self) -> bool:
        """Whether the device connected and was shown what is to be shown."""

    @property
    def accepted(self) -> bool:
        """Whether the device took it for its server, so that it has no reason to go on to the next target."""

    @property
    def busy(self) -> bool:
        """Whether a connection of the device is open."""

    @property
    def undecided(self) -> bool:
        """Whether the device is content with what it was shown, and has not said so yet."""


class TargetWalk:
    """One walk. What it came to is in the record: :class:`TargetsWalked`, and what each station saw."""

    def __init__(
        self,
        device: Device,
        journal: Journal,
        *,
        patience_s: float,
        proxy: str = OUTBOUND_PROXY,
        places: Sequence[Place] | None = None,
        one_by_one: bool = False,
    ) -> None:
        """``patience_s``: how long a connection that the device neither uses nor ends is waited for. ``proxy`` is the
        name that the device asks DNS for. ``places`` are where stations may stand, if not where the network has
        room for them. ``one_by_one`` shows each alone, whatever the device could walk."""
        self._device = device
        self._network: Network = device.network
        self._journal = journal
        self._patience_s = patience_s
        self._proxy = proxy
        self._places = self._network.ahead if places is None else places
        self._width: int | None = None
        self._alone = one_by_one
        self._attempts = 0
        self._most = 0
        self._progress = 0, 0
        "How many stations of the answer were contacted, and how many were taken for a server, when last looked at."
        self._placed: dict[str, Place] = {}

    async def past(self, stations: Sequence[Station]) -> None:
        """Lead the device past all of them, and to a good target. Raises what :meth:`Device.connect_anew` does."""
        if len(stations) > len(self._places):
            raise BenchError(f"{len(stations)} targets are more than the {len(self._places)} that have a place")
        began = asyncio.get_running_loop().time()
        self._placed = dict(zip((one.name for one in stations), self._places, strict=False))
        left = list(stations)
        try:
            for station in stations:
                await station.listen(self._placed[station.name])
            while left:
                left = await self._next(left)
        finally:
            for station in stations:
                await station.stop()
            self._network.resolve(self._network.zone(self._proxy))
        took_s = asyncio.get_running_loop().time() - began
        contacted = tuple(one.name for one in stations if one.contacted)
        names = tuple(one.name for one in stations)
        self._journal.record(TargetsWalked(names, contacted, self._mode, self._most, self._attempts, round(took_s, 3)))

    # --- inside

    @property
    def _mode(self) -> str:
        if self._alone:
            return "one by one"
        if self._width == 1:
            return "pairs"
        return "one answer" if self._attempts == 1 else "several answers"

    async def _next(self, left: list[Station]) -> list[Station]:
        """Show the device as many of ``left`` as it takes; gives those that it has still to be shown."""
        if self._alone:
            # A device that does not come back to a good target would come to no faulty one either.
            return left[1:] if await self._show_alone(left[0]) else []
        batch = left[: self._width]
        arrived = await self._attempt(batch)
        walked = sum(one.contacted for one in batch)
        self._most = max(self._most, walked + arrived)
        if not walked or not arrived:
            self._take_fewer(len(batch), walked)
        # What was contacted is done with, also by a device that gave up afterwards.
        return [one for one in left if not one.contacted]

    def _take_fewer(self, shown: int, walked: int) -> None:
        """The answer was too long for the device, or it did not walk to the end of it."""
        if walked > 1:
            # It connects to so many targets of one answer: the last of them has to be a good one.
            self._width = walked - 1
        elif walked or shown == 1:
            self._alone = True
        else:
            self._width = _SHORT_ANSWER if shown > _SHORT_ANSWER else shown // 2

    async def _attempt(self, batch: Sequence[Station]) -> bool:
        """One answer with these ahead of the good targets. Tells whether the device came to a good one."""
        device, ahead = self._device, list(batch)
        # Each is given a fresh attempt once: a connection that is left open and unused is no reason for another.
        put_first: list[Station] = []
        self._progress = 0, 0
        self._answer(ahead)
        await self._connect()
        patience_s = device.register_patience_s
        while not device.registered:
            if await self._moves(ahead, patience_s):
                taken = [one for one in ahead if one.accepted and one.busy]
                for station in taken:
                    await station.stop()
                patience_s = device.own_retry_patience_s if taken else self._walk_patience_s
                continue
            silent = [one for one in ahead[1:] if one.undecided and one not in put_first]
            if not silent and not any(one.accepted for one in ahead):
                break
            # It took one for its server, lost it, and does not go on by itself; or it says nothing.
            put_first += silent[:1]
            ahead = [*silent, *(one for one in ahead if not one.contacted)]
            self._progress = 0, 0
            self._answer(ahead)
            await self._connect()
            patience_s = device.register_patience_s
        arrived = device.registered
        await self._leave(batch)
        return arrived

    async def _moves(self, ahead: Sequence[Station], patience_s: float) -> bool:
        """Wait until the device comes to another target, or takes one for its server, since this was asked last."""

        def progress() -> tuple[int, int]:
            return sum(one.contacted for one in ahead), sum(one.accepted for one in ahead)

        def moved() -> bool:
            return self._device.registered or progress() != self._progress

        def silent() -> bool:
            return any(one.undecided for one in ahead[1:])

        await self._device.until(lambda: moved() or silent() or self._astray, patience_s)
        if silent() and not moved():
            await self._device.until(moved, min(patience_s, _SPEAKS_WITHIN_S))
        came = moved()
        self._progress = progress()
        return came

    async def _show_alone(self, station: Station) -> bool:
        """The only target of the answer; then the good ones are back. Tells whether the device came there."""
        self._network.resolve(self._network.zone(self._proxy, ahead=[self._placed[station.name]], good=False))
        await self._connect()
        await self._device.until(lambda: station.contacted, self._device.register_patience_s)
        await self._leave([station])
        await station.stop()
        self._answer([])
        await self._connect(counts=False)
        return await self._device.until(lambda: self._device.registered, self._device.register_patience_s)

    async def _leave(self, stations: Sequence[Station]) -> None:
        """Wait until nothing is open to any of them, so that a handshake in its middle is not cut off as if refused."""
        await self._device.until(lambda: not any(one.busy and not one.accepted for one in stations), self._patience_s)
        for station in stations:
            if station.contacted:
                await station.stop()

    def _answer(self, ahead: Sequence[Station]) -> None:
        self._network.resolve(self._network.zone(self._proxy, ahead=[self._placed[one.name] for one in ahead]))

    async def _connect(self, *, counts: bool = True) -> None:
        """Give the device a reason to register, and to ask DNS for where: what it remembers is forgotten by a start."""
        self._attempts += counts
        device = self._device
        means = await device.connect_anew()
        if means == "restart":
            return
        await device.until(lambda: self._asked or device.registered, device.own_retry_patience_s)
        if not self._asked:
            await device.restart()

    @property
    def _astray(self) -> bool:
        """Whether the device went to a port that no SRV record names: it had no use for the answer."""
        opened = Span(self._journal.since(self._device.attempt_seq)).of(FlowOpened)
        return any(one.event.port_role != "sip-tls" for one in opened)

    @property
    def _asked(self) -> bool:
        """Whether the device has asked DNS for the targets since it had a reason to connect."""
        return any(
            seen.event.type == "SRV" for seen in Span(self._journal.since(self._device.attempt_seq)).of(DnsQuery)
        )

    @property
    def _walk_patience_s(self) -> float:
        """How long the device may take from one target to the next."""
        values = self._device.profile.values
        return values.boot_s + values.failover_s * self._device.time_scale
