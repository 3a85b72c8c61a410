"""One edge as a case sees it: what it presents, how it shakes hands, and how it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from certsuite.bench.phone import Phone
from certsuite.checks.tls import EXIT_IS_SEEN_S
from certsuite.edge.failing import FAILURES
from certsuite.tls.first_flight import StopAfter
from certsuite.tls.server import TlsBehaviour

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.expecting import Stated

OLD_VERSIONS = ("TLSv1", "TLSv1.1")
_ALL_LINES_WITHIN_S = 1.0
"How long a device whose first line has registered is given for its others."


class EdgeControl:
    """One edge as a case sees it."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._edge = bench.network.edges[name]
        self.name = name

    @property
    def manner(self) -> str:
        """What is unusual about its handshakes now, in words."""
        return self._edge.tls.manner

    async def presents(self, presentation: str) -> None:
        """From now on it presents another certificate chain; all else stays as it is."""
        chain = await asyncio.to_thread(self._bench.network.present, presentation)
        await self._edge.behave(presentation, tls=TlsBehaviour(chain, self._bench.network.good.versions))

    async def offers_only(self, *versions: str) -> None:
        """From now on it offers these TLS versions alone."""
        chain = self._bench.network.pki.presentation("good")
        await self._edge.behave(f"only {', '.join(versions)}", tls=TlsBehaviour(chain, versions))

    async def offers_suite_only(self, suite: str) -> None:
        """From now on it offers TLS 1.2 with one cipher suite, by its IANA name."""
        chain = self._bench.network.pki.presentation("good")
        await self._edge.behave(f"only {suite}", tls=TlsBehaviour(chain, ("TLSv1.2",), ciphers=suite))

    async def offers_each_suite_alone(
        self, suites: Sequence[str], phone: Phone, *, takes_one_of: Sequence[str]
    ) -> None:
        """It offers one suite after the other, and the device connects anew to each that it has ever offered itself.

        Which it takes is recorded; it must take one of ``takes_one_of``.
        """
        device = self._bench.device
        for suite in suites:
            if self._bench.has_offered(suite):
                await self.offers_suite_only(suite)
                await phone.connects_anew()
            await self._bench.expect("tls.suite-alone", suite=suite, since=0)
            # A device that is not done yet could be made to connect anew by a restart alone.
            await device.until(lambda: device.registered, device.register_patience_s)
        await self._bench.expect("tls.takes-one-alone", suites=list(takes_one_of), since=0)

    async def asks_for_a_certificate(self) -> None:
        """From now on it asks the device for a certificate, and goes on without one."""
        await self._edge.behave(
            "asks for a client certificate", tls=replace(self._bench.network.good, asks_for_certificate=True)
        )

    async def answers_as_if(self, version: str) -> None:
        """From now on it answers as if no ClientHello had offered anything newer than ``version``."""
        # One that knows nothing newer itself; one that does marks its answer (RFC 8446 section 4.1.3).
        knows = (version,) if version in OLD_VERSIONS else self._bench.network.good.versions
        await self._shakes_hands(hears_at_most=version, versions=knows)

    async def sends_records_of(self, size: int) -> None:
        """From now on each of its handshake records has so many bytes at most, in TLS 1.2: all of them are clear."""
        await self._shakes_hands(fragment=size, versions=("TLSv1.2",))

    async def answers_slowly(self) -> None:
        """From now on its part of the handshake comes in pieces, with pauses between them."""
        await self._shakes_hands(spread_s=self._bench.limit("slow_handshake_s"))

    async def stalls(self) -> None:
        """From now on it says nothing more after the ServerHello, and keeps the connection."""
        await self._shakes_hands(stop_after=StopAfter.SERVER_HELLO, stalls=True)

    async def breaks_off_after(self, place: StopAfter) -> None:
        """From now on it closes each connection at this place of the handshake."""
        await self._shakes_hands(stop_after=place)

    async def forgets_sessions(self) -> None:
        """From now on it knows none of the TLS sessions of before."""
        await self._shakes_hands(forgets_sessions=True)

    async def is_not_followed(self, *, offering: Sequence[str], finding: str, what: str, hint: str) -> None:
        """The device breaks off the handshake that it has now, if it offered one of these versions."""
        stated = self._bench.stated(
            "tls.is-not-followed",
            edge=self.name,
            manner=self.manner,
            offering=list(offering),
            finding=finding,
            what=what,
            hint=hint,
        )
        await self._is_ended(stated)

    async def completes(self, *, finding: str, what: str, hint: str, at_most: str = "fail") -> None:
        """The handshake that it has now completes, and SIP comes over it."""
        await self._bench.expect(
            "tls.completes-so",
            deadline=self._bench.after_its_own_retry("tls.completes-so"),
            edge=self.name,
            manner=self.manner,
            finding=finding,
            what=what,
            hint=hint,
            at_most=at_most,
        )
        # Who is interrupted while it registers its lines may take the edge for one that fails, and go elsewhere.
        await self._bench.device.until(lambda: self._bench.device.registered, _ALL_LINES_WITHIN_S)

    async def is_given_up(self) -> None:
        """The device gives up a handshake that does not go on."""
        await self._is_ended(self._bench.stated("tls.gives-up-stalled", edge=self.name, manner=self.manner))

    async def _is_ended(self, stated: Stated, *, else_by_the_edge: bool = False) -> None:
        """Expect that the device ends a connection; one that is still open when the patience is over may be ended here.

        That the device's own program has ended, which is another thing, is noticed a moment after its connections' end.
        """
        bench, loop = self._bench, asyncio.get_running_loop()
        judgement = await bench.expecting.settles(stated, bench.after_its_own_retry(stated.check))
        if else_by_the_edge and not judgement.settled:
            self._edge.end_flows()
        await bench.device.until(lambda: bench.device.gone, EXIT_IS_SEEN_S)
        await bench.expecting.expect(stated, loop.time())

    async def _shakes_hands(self, **changes: Any) -> None:
        tls = replace(self._bench.network.good, **changes)
        await self._edge.behave(tls.manner, tls=tls)

    async def refuses_connections(self) -> None:
        """From now on nothing listens."""
        await self._edge.behave("refused", accepts=False)

    async def fails(self, failure: str) -> None:
        """From now on it fails so, by the name of one of :data:`certsuite.edge.failing.FAILURES`."""
        failing = FAILURES[failure]
        chain = await asyncio.to_thread(self._bench.network.pki.presentation, failing.presents)
        tls = TlsBehaviour(chain, self._bench.network.good.versions)
        await self._edge.fail(failing, tls=tls, stood=self._bench.network.stood)

    async def loses_its_address(self) -> None:
        """From now on there is no route to it, and its flows fall silent. Raises :class:`NotApplicable` on a bench that
        cannot do so."""
        self._bench.needs_cutting_off()
        await self._bench.network.lose_address(self.name)

    async def falls_silent(self) -> None:
        """From now on every packet to and from it is lost without a word, of flows that are open too. Likewise."""
        self._bench.needs_cutting_off()
        await self._bench.network.drop_packets(self.name)

    async def comes_back(self) -> None:
        """It is as good as ever again."""
        await self._bench.network.reconnect(self.name)
        await self._edge.behave("good", tls=self._bench.network.good)

    async def is_refused(self, *, finding: str, what: str, hint: str) -> None:
        """The device refuses what the edge presents now, before any SIP is sent.

        A connection that it neither uses nor ends is ended when the patience is over.
        """
        bench = self._bench
        stated = bench.stated(
            "tls.refuses",
            since=bench.device.attempt_seq,
            edge=self.name,
            presentation=self._edge.tls.presentation.name,
            versions=list(self._edge.tls.versions),
            finding=finding,
            what=what,
            hint=hint,
        )
        await self._is_ended(stated, else_by_the_edge=True)
