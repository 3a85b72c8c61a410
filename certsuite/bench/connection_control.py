"""The connection as cases see it: it is kept alive, it is forgotten by a NAT, it leads over a narrow path."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from certsuite.bench.expecting import CannotJudge
from certsuite.bench.network import ASKED_EXPIRY_S
from certsuite.core.events import BenchChanged, Note
from certsuite.core.journal import Journal

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_BEYOND = 1.5
"How much longer than a device says is waited: late and never are different findings."
_KEEP_ALIVES = 3
_NARROW_BYTES = 1300
"What a packet of the narrow path has at most (with PPPoE, a tunnel and what else lies on the way)."
_OVER_S = 0.4
"Seconds in which a long request comes over it."


class ConnectionControl:
    """What befalls the connection between two registrations."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal

    async def is_kept_alive(self) -> None:
        """With no refresh in sight, something comes over the connection as often as the profile says."""
        bench, interval_s = self._bench, self._interval_s
        await self._registers_for_long()
        stated = bench.stated("net.keeps-alive", since=bench.device.attempt_seq, interval_s=interval_s)
        deadline = asyncio.get_running_loop().time() + _KEEP_ALIVES * _BEYOND * interval_s
        await bench.expecting.settles(stated, deadline)
        self._journal.record(Note("keep-alives were watched until here"))
        await bench.expecting.expect(stated, asyncio.get_running_loop().time())

    async def is_given_up_without_a_pong(self) -> None:
        """With no refresh in sight, keep-alives are answered no longer: the device finds out, and comes back."""
        bench, interval_s = self._bench, self._interval_s
        await self._registers_for_long()
        if not bench.device.registered_at("primary"):
            raise CannotJudge("not-at-primary", "the device did not register at the primary, both targets being good")
        bench.begin(bench.case)
        await bench.failover.fails("forgotten")
        patience_s = _BEYOND * (bench.limit("pong_s") + interval_s)
        deadline = asyncio.get_running_loop().time() + patience_s
        await bench.expect("net.notices-silence", deadline=deadline, interval_s=interval_s)
        await bench.failover.moves_on("forgotten", elsewhere=False)

    async def is_forgotten(self) -> None:
        """A NAT forgets the connection without a word: every line is registered again over another one."""
        await self._bench.failover.begins()
        await self._bench.failover.fails("forgotten")
        await self._bench.expect("net.another-port", lines=self._bench.device.profile.lines)

    async def becomes_narrow(self) -> None:
        """From now on the path takes no long packets, where the bench can have it so."""
        self._journal.record(BenchChanged("network", await self._bench.network.net.narrow(_NARROW_BYTES)))

    @property
    def over_s(self) -> float:
        """Seconds in which a long request comes."""
        return _OVER_S

    # --- inside

    @property
    def _interval_s(self) -> float:
        return self._bench.device.profile.values.keep_alive_s

    async def _registers_for_long(self) -> None:
        self._bench.network.grant(ASKED_EXPIRY_S)
        await self._bench.phone.connects_anew()
        await self._bench.phone.is_registered()
