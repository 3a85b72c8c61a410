"""The provisioning server as a case sees it: it has another configuration, misbehaves, and makes the device come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from certsuite.bench.expecting import CannotJudge, NotApplicable
from certsuite.bench.network import (
    ASKED_EXPIRY_S,
    MOVED_HOST,
    OUTBOUND_PROXY,
    PROVISIONING_HOST,
    SECOND_PROXY,
    SIP_PORT,
    TARGETS,
)
from certsuite.bench.outsider import Order, Outsider
from certsuite.checks.provisioning import AWAY
from certsuite.checks.span import PROVISIONING, Span
from certsuite.core.errors import BenchError
from certsuite.core.events import DriverAction, FlowOpened
from certsuite.core.journal import Journal
from certsuite.devices.profile import Provisioning as HowItFetches
from certsuite.edge.provisioning_server import HTTP_PORT, HTTPS_PORT
from certsuite.tls.recipes import recipe

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_OTHER_EXPIRY_S = ASKED_EXPIRY_S + 60
"What a changed configuration asks for."
_AS_LONG, _AT_LEAST_S = 2.0, 0.3
"How long an outsider's order is looked at: so many times what the registrar's took, and so many seconds."
_HALF_EXPIRY_S = ASKED_EXPIRY_S + 120
"The same of one that does not come whole."


class Provisioning:
    """Where the device fetches its configuration."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal
        self._server = bench.network.provisioning
        self._changed = False
        self._deaf = False
        "Whether it was seen not to come when it was told to: it is restarted instead."

    # --- as it is

    async def is_fetched_from(self) -> None:
        """The device, started, asks for its configuration over HTTPS and in no other way."""
        await self._bench.expect_of_attempt("prov.fetches")

    async def is_asked_for_the_right_file(self) -> None:
        """The device asks for the file that is its own."""
        how, site = self._how, self._server.site
        path = site.path + how.file_of(self._bench.network.mac)
        await self._bench.expect_of_attempt("prov.asks-for-its-file", path=path, mac=how.mac)

    async def is_authenticated_to(self) -> None:
        """The device authenticates. Raises :class:`NotApplicable` where nothing is asked for."""
        if self._how.credentials == "none":
            raise NotApplicable("no-credentials", "by its profile the device fetches without credentials")
        await self._bench.expect_of_attempt("prov.authenticates", credentials=self._how.credentials)

    async def is_fetched_from_twice(self) -> None:
        """The device fetches twice in a row what has not changed; how it asks is recorded."""
        since = await self._comes()
        await self._bench.control("prov.authenticates", since=since, credentials=self._how.credentials)
        await self._comes()
        await self._bench.expect("prov.conditional", since=since)

    # --- another chain

    async def is_refused_with(self, chain: str) -> None:
        """The device sends no request to a server that presents this chain."""
        what, since = await self._presents(chain)
        await self._bench.expect(
            "tls.refuses",
            since=since,
            edge=PROVISIONING,
            presentation=chain,
            what=what,
            said="a request",
            finding="prov-accepted-bad-certificate",
            hint="Switch on the verification of the provisioning server, by chain, host name and dates.",
        )
        await self._serves_again()

    async def gets_no_credentials_with(self, chain: str) -> None:
        """The device gives none to a server that presents this chain and asks for them unprotected."""
        what, since = await self._presents(chain, asks_for="basic")
        await self._is_left()
        await self._serves_again()
        await self._bench.expect(
            "prov.keeps-credentials",
            deadline=asyncio.get_running_loop().time(),
            since=since,
            presentation=chain,
            what=what,
        )

    async def _presents(self, name: str, *, asks_for: str = "") -> tuple[str, int]:
        tls = await asyncio.to_thread(self._bench.network.present_to_fetcher, name)
        await self._server.behave(name, tls=tls, asks_for=asks_for)
        return recipe(name).description, await self._comes()

    async def _serves_again(self) -> None:
        """Control: the device fetches from the good server, by the very means by which it came to the other."""
        await self._server.behave("good")
        since = await self._comes()
        await self._bench.control("prov.authenticates", since=since, credentials=self._how.credentials)

    # --- elsewhere

    async def sends_elsewhere(self) -> None:
        """A redirection to another host is followed, over HTTPS."""
        path = self._server.site.path.replace("/dms/", "/operator/")
        await self._server.behave("redirects", redirect=f"https://{MOVED_HOST}:{HTTPS_PORT}{path}")
        since = await self._comes()
        await self._bench.expect("prov.follows", since=since, host=f"{MOVED_HOST}:{HTTPS_PORT}")

    async def sends_to_clear(self) -> None:
        """A redirection to HTTP is not followed; what the device does next is fetch from the good server again."""
        site = self._server.site
        await self._server.behave("redirects to HTTP", redirect=f"http://{PROVISIONING_HOST}:{HTTP_PORT}{site.path}")
        since = await self._comes()
        await self._bench.control("prov.fetches", since=since)
        await self._is_left()
        await self._serves_again()
        deadline = asyncio.get_running_loop().time()
        await self._bench.expect("prov.stays-with-tls", deadline=deadline, since=since)

    # --- another configuration

    async def asks_for_another_expiry(self) -> None:
        """The configuration has another expiry, and the device, told to fetch it, registers with that."""
        await self._changes(expiry_s=_OTHER_EXPIRY_S)
        since, by = await self._is_told()
        for line in self._bench.phone.lines:
            await self._bench.expect("prov.applies", since=since, line=line, expiry_s=_OTHER_EXPIRY_S, by=by)

    async def names_another_outbound_proxy(self) -> None:
        """The configuration has another outbound proxy, and the device, told to fetch it, registers there."""
        network = self._bench.network
        service = f"_sips._tcp.{SECOND_PROXY}"
        network.resolve(
            network.zone().with_srv(service, priority=5, weight=100, port=SIP_PORT, target=TARGETS["secondary"])
        )
        await self._changes(outbound_proxy=SECOND_PROXY)
        since, by = await self._is_told()
        for line in self._bench.phone.lines:
            await self._bench.expect(
                "prov.moves", since=since, line=line, outbound_proxy=SECOND_PROXY, edge="secondary", by=by
            )

    # --- an order

    async def is_ordered_by_an_outsider(self) -> None:
        """An order to fetch that comes from somewhere else than the registrar is not obeyed.

        The registrar's own, before and after, tells how long the device takes, and that it fetches at all. Raises
        :class:`NotApplicable` where no NOTIFY makes it fetch, :class:`CannotJudge` if it does not heed the registrar
        either, or cannot be looked for.
        """
        if self._how.resync != "notify":
            raise NotApplicable("no-check-sync", "by its profile the device does not fetch at a NOTIFY")
        device, loop = self._bench.device, asyncio.get_running_loop()
        began = loop.time()
        await self._heeds_its_registrar()
        took_s = loop.time() - began
        if not device.driver.pids():
            raise CannotJudge("doors-unknown", "the device is no program, so where it listens is not known")
        binding = self._bench.network.control.registrar.bindings[1]
        order = Order("check-sync", binding.account.aor, binding.contact)
        since, doors = self._bench.here, device.doors()
        async with Outsider(self._journal, self._bench.network.outside) as outsider:
            await outsider.sends(order, doors)
            if doors:
                await device.until(lambda: self._came(since), _AS_LONG * took_s + _AT_LEAST_S)
            await self._heeds_its_registrar()
        deadline = loop.time()
        await self._bench.expect("prov.heeds-no-outsider", since=since, deadline=deadline)

    async def _heeds_its_registrar(self) -> None:
        since = await self._comes()
        if self._deaf:
            raise CannotJudge(
                "check-sync-ignored", "the device does not heed NOTIFY check-sync of its registrar either"
            )
        await self._bench.control("prov.authenticates", since=since, credentials=self._how.credentials)
        await self._is_left()

    # --- failures

    async def is_away_at_a_start(self) -> None:
        """The device, started without its server, registers as the configuration says that it fetched last."""
        await self._changes(expiry_s=_OTHER_EXPIRY_S)
        since = await self._comes()
        for line in self._bench.phone.lines:
            await self._bench.control("prov.applies", since=since, line=line, expiry_s=_OTHER_EXPIRY_S, by="restart")
        since = self._bench.here
        await self._server.behave(AWAY, away=True)
        await self._bench.device.restart()
        await self._is_done_without(AWAY, since, _OTHER_EXPIRY_S)

    async def breaks_off(self) -> None:
        """A changed configuration comes in part, and the device stays what it was: it registers as before."""
        await self._changes(expiry_s=_HALF_EXPIRY_S)
        await self.fails("truncated")

    async def fails(self, fault: str) -> None:
        """A fetch fails, and the device stays what it was: it registers as before."""
        await self._server.behave(fault, fault=fault)
        since = await self._comes()
        await self._bench.control("prov.fails-so", since=since, fault=fault)
        await self._bench.phone.connects_anew()
        await self._is_done_without(fault, since, ASKED_EXPIRY_S)

    async def _is_done_without(self, fault: str, since: int, expiry_s: int) -> None:
        for line in self._bench.phone.lines:
            await self._bench.expect("prov.keeps-working", since=since, line=line, fault=fault, expiry_s=expiry_s)

    # --- after a case

    async def restore(self) -> None:
        """A device that may have another configuration by now begins anew with the usual one."""
        if not self._changed:
            return
        self._changed = False
        network = self._bench.network
        network.outbound_proxy, network.asked_expiry_s = OUTBOUND_PROXY, ASKED_EXPIRY_S
        await self._bench.device.stop()
        self._bench.device.renew()

    # --- inside

    @property
    def _how(self) -> HowItFetches:
        how = self._bench.device.profile.control.provisioning
        assert how is not None, "cases about provisioning claim it"
        return how

    async def _changes(self, *, expiry_s: int = ASKED_EXPIRY_S, outbound_proxy: str = OUTBOUND_PROXY) -> None:
        """From now on the server has another configuration; the device still has its own."""
        self._changed = True
        network = self._bench.network
        network.asked_expiry_s, network.outbound_proxy = expiry_s, outbound_proxy
        await asyncio.to_thread(self._bench.device.publish)

    async def _is_told(self) -> tuple[int, str]:
        """Tell the device to fetch: (number of the first observation since, by what means)."""
        since, device = self._bench.here, self._bench.device
        means = self._how.resync
        if means == "notify":
            try:
                self._bench.network.control.notify(1, "check-sync")
                self._journal.record(DriverAction("resync", {"by": "NOTIFY check-sync"}, ok=True))
            except BenchError:
                means = "none"
        if means == "action":
            await device.act("resync")
        if means == "none":
            await device.restart()
        return since, {"notify": "NOTIFY check-sync", "action": "the action resync"}.get(means, "a restart")

    async def _comes(self) -> int:
        """Bring the device to connect to the server: number of the first observation since."""
        since, device = self._bench.here, self._bench.device
        if not self._deaf:
            since, _ = await self._is_told()
            if await device.until(lambda: self._came(since), self._bench.patience_s("prov.fetches")):
                return since
            self._deaf = not device.gone
        await device.restart()
        return since

    async def _is_left(self) -> None:
        """Leave the device the time to finish what it came for: it ends its connections, or keeps one for later."""
        await self._bench.device.until(lambda: not self._server.flows, self._bench.limit("action_s"))

    def _came(self, since: int) -> bool:
        return bool(Span(self._journal.since(since)).of(FlowOpened, edge=PROVISIONING))
