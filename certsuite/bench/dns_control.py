"""DNS as a case sees it: it misbehaves by name, and the device has to cope."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from certsuite.bench.expecting import ExpectationNotMet, Stated
from certsuite.bench.network import OUTBOUND_PROXY, SIP_PORT, TARGETS
from certsuite.core.events import DnsQuery
from certsuite.core.verdicts import Verdict
from certsuite.dns.behaviour import EVERYTHING, DnsBehaviour
from certsuite.dns.zone import Zone
from certsuite.edge.dns_server import DnsServer

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.phone import Phone
    from certsuite.devices.profile import Values

SERVICE = f"_sips._tcp.{OUTBOUND_PROXY}"
TTL_S = 1
"Of every record while a case changes something: nothing of it lives longer than the case."
_DEAD_ADDRESSES = 6
_DEAD_IPV6 = "::1"
"Nothing of the bench listens at IPv6, and this address leads out of no machine."
_ATTEMPTS_BY_WEIGHT = 3
_LATE_S = 0.6
"Well below the 2 seconds after which a resolver may ask again (RFC 1035 section 4.2.1)."
_QUIET_S = 0.4
"Without a question for so long a device that is answered has given up for now."
_RESOLVER_WAITS_S = 5.0
"The longest usual pause between two questions that are not answered (RFC 1035 section 4.2.1: 2 to 5 seconds)."
_SPARE_S = 0.3
"By how much longer a silent device is waited for than its resolver pauses between questions."
_OUTAGE_AT_MOST_S = 15.0
_BEYOND_EXPIRY = 1.1
_PATIENCE_OVER_EXPIRY = 1.5


def quiet_in_silence_s(values: Values, time_scale: float = 1.0) -> float:
    """Seconds without a question after which an attempt of a device that is not answered has failed.

    An outage that ends in one of its pauses between questions is none that any attempt failed in.
    """
    waits_s = _RESOLVER_WAITS_S * time_scale if values.resolver_waits_s is None else values.resolver_waits_s
    return waits_s + _SPARE_S


class DnsControl:
    """The bench's DNS."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._name = "good"

    # --- it answers in another way

    def is_silent(self, *, type: str = "") -> None:
        """From now on it answers nothing; of one record type if named."""
        self._behave(DnsBehaviour(f"silent{_of(type)}", types=_only(type), answers=False))

    def fails(self, rcode: str, *, type: str = "") -> None:
        """From now on it answers with a response code: ``SERVFAIL``, ``NXDOMAIN``, ``REFUSED``."""
        self._behave(DnsBehaviour(f"{rcode}{_of(type)}", types=_only(type), rcode=rcode))

    def answers_nothing(self, *, type: str = "") -> None:
        """From now on it answers that there is no such record, though the name exists."""
        self._behave(DnsBehaviour(f"empty answers{_of(type)}", types=_only(type), rcode="NOERROR"))

    def truncates(self) -> None:
        """From now on each answer over UDP is cut off; over TCP it is whole."""
        self._behave(DnsBehaviour("truncated", truncates=True))

    def forges_answers(self) -> None:
        """SRV names the primary alone, and before each answer over UDP comes one that names the secondary alone."""
        forged = _with_srv(self._zone.without(SERVICE), TARGETS["secondary"], priority=5).with_ttl(TTL_S)
        self._behave(DnsBehaviour("forged answers first", forged=forged), self._with_the_primary_alone())

    def changes_letters(self) -> None:
        """From now on the letters of names come back in the other case."""
        self._behave(DnsBehaviour("other letter case", other_letter_case=True))

    def knows_no_edns(self) -> None:
        """From now on a question with EDNS is refused as malformed."""
        self._behave(DnsBehaviour("no EDNS", understands_edns=False))

    def answers_late(self) -> None:
        """From now on each answer takes more than half a second."""
        self._behave(DnsBehaviour("late", delay_s=_LATE_S))

    # --- it has other records

    def shortens_ttl(self) -> None:
        """Its records may be kept for a second and no longer."""
        self._serve("short TTL", self._zone)

    def forbids_keeping(self) -> None:
        """Its records may not be kept at all: each is for what it was asked for (RFC 1035 section 3.2.1)."""
        self._server.behave("TTL 0", zone=self._zone.with_ttl(0))

    def moves_to_the_secondary(self) -> None:
        """SRV names the secondary alone."""
        self._serve("secondary alone", _with_srv(self._zone.without(SERVICE), TARGETS["secondary"], priority=5))

    def gives_all_weight_to(self, edge: str) -> None:
        """All targets have one priority, and this edge's has all the weight; it stands last."""
        zone = self._zone.without(SERVICE)
        for name in sorted(TARGETS, key=lambda name: name == edge):
            zone = _with_srv(zone, TARGETS[name], priority=5, weight=100 if name == edge else 0)
        self._serve(f"all weight at the {edge}", zone)

    def has_dead_addresses_beside_the_primary(self) -> None:
        """SRV names the primary's target alone; of its five addresses only the one in the middle is an edge."""
        target, zone = TARGETS["primary"], self._with_the_primary_alone().without(TARGETS["primary"])
        dead = self._dead_addresses()[:4]
        for address in (*dead[:2], self._address("primary"), *dead[2:]):
            zone = zone.with_address(target, address)
        self._serve("several addresses", zone)

    def has_dead_ipv6_addresses(self) -> None:
        """Each target has an IPv6 address beside the IPv4 one, and nobody is there."""
        zone = self._zone
        for target in TARGETS.values():
            zone = zone.with_address(target, _DEAD_IPV6)
        self._serve("dead IPv6 addresses", zone)

    def answers_at_length(self) -> None:
        """SRV names eight targets, more than 512 bytes; six are nowhere, and the two edges stand last."""
        zone = self._zone.without(SERVICE)
        for number, address in enumerate(self._dead_addresses(), 3):
            target = f"sip-edge{number}.standby.lab-dc{number}.{OUTBOUND_PROXY}"
            zone = _with_srv(zone, target, priority=10 * number).with_address(target, address)
        for priority, edge in ((10, "secondary"), (5, "primary")):
            zone = _with_srv(zone, TARGETS[edge], priority=priority)
        self._serve("eight targets", zone)

    def is_behind_a_cname(self) -> None:
        """The SRV records stand under another name, and the one that is asked for is an alias of it."""
        zone, other = self._zone.without(SERVICE), f"_sips._tcp.real.{OUTBOUND_PROXY}"
        for priority, edge in ((10, "secondary"), (5, "primary")):
            zone = _with_srv(zone, TARGETS[edge], priority=priority, name=other)
        self._serve("CNAME before SRV", zone.with_cname(SERVICE, other))

    def has_aliases_as_targets(self) -> None:
        """Each SRV target is an alias of the edge's name."""
        zone = self._zone
        for edge, target in TARGETS.items():
            real = f"real-{target}"
            zone = zone.without(target).with_cname(target, real).with_address(real, self._address(edge))
        self._serve("CNAME behind SRV", zone)

    def denies_the_service(self) -> None:
        """SRV has target ``.``: the service is decidedly not there (RFC 2782)."""
        zone = self._zone.without(SERVICE).with_srv(SERVICE, priority=0, weight=0, port=0, target=".")
        self._serve("no service", zone)

    def comes_back(self) -> None:
        """It is as good as ever again."""
        self._serve("good", self._zone)

    # --- what is expected of the device

    async def is_asked(self) -> None:
        """Control: the device has asked for SRV since DNS last became what it is now."""
        await self._bench.control("dns.is-asked", since=self._bench.device.attempt_seq, behaviour=self._name)

    async def leads_to(self, edge: str = "", *, finding: str, hint: str, at_most_warns: bool = False) -> None:
        """The device goes to this edge first, or to any, as DNS is now. If it does not, it must with a good DNS."""
        worst = (Verdict.WARN if at_most_warns else Verdict.FAIL).value
        await self._bracketed(
            self._stated("dns.leads-to", edge=edge, behaviour=self._name, finding=finding, hint=hint, worst=worst)
        )

    async def is_kept_no_longer_than_it_may(self, edge: str) -> None:
        """The device connects to this edge, which DNS did not name when it was last asked."""
        await self._bracketed(self._stated("dns.heeds-ttl", edge=edge))

    async def is_retried_over_tcp(self) -> None:
        """What was cut off is asked for again over TCP."""
        await self._bracketed(self._stated("dns.retries-over-tcp"))

    async def is_fallen_back_from(self) -> None:
        """Without SRV records the addresses of the name itself are asked for."""
        await self._bracketed(self._stated("dns.falls-back-to-address", outbound_proxy=OUTBOUND_PROXY))

    async def is_waited_for(self) -> None:
        """Control: it was asked in vain. Once nothing more is asked it comes back; the device registers by itself."""
        await self.is_asked()
        await self._asked_no_more()
        what = self._name
        self.comes_back()
        lines = len(self._bench.phone.lines)
        await self._bracketed(self._stated("dns.recovers", behaviour=what, lines=lines))

    async def is_believed_that_there_is_no_service(self) -> None:
        """Control: it was asked. Then it comes back; meanwhile the device went nowhere."""
        await self.is_asked()
        self.comes_back()
        await self._bracketed(self._stated("dns.heeds-no-service", port=SIP_PORT))

    async def does_not_end_the_registration(self, phone: Phone) -> None:
        """The device, which may have kept no answer of DNS, refreshes over the flow that it has, whether or not it asks
        again."""
        granted = self._bench.network.registrar.granted_expiry_s
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_OVER_EXPIRY * granted
        loop.call_later(_BEYOND_EXPIRY * granted, self._bench.note, f"{granted} s that were granted are over")
        await phone.refreshes()
        stated = self._stated("dns.keeps-registration", behaviour=self._name, lines=len(phone.lines))
        await self._bracketed(stated, deadline)

    async def spreads_by_weight(self, edge: str) -> None:
        """Of a few attempts to connect at least one goes to the edge that has all the weight."""
        device, first_seq = self._bench.device, 0
        for attempts in range(1, _ATTEMPTS_BY_WEIGHT + 1):
            # One that goes on running may leave alone for a while where its connection ended, whatever the weights.
            await device.restart()
            await device.until(lambda: device.registered, device.register_patience_s)
            first_seq = first_seq or device.attempt_seq
            stated = self._bench.stated("dns.heeds-weight", since=first_seq, edge=edge, attempts=attempts)
            judgement = await self._bench.expecting.settles(stated, asyncio.get_running_loop().time())
            if judgement.verdict is Verdict.PASS:
                break
        await self._bracketed(stated, asyncio.get_running_loop().time())

    async def records_are_over(self) -> None:
        """Wait until nothing may be kept any more of what DNS answered last."""
        loop = asyncio.get_running_loop()
        due = loop.time() + 1.05 * TTL_S
        # Nothing else need happen then: that it has come is put into the record, and wakes who waits for it.
        loop.call_at(due, self._bench.note, f"the {TTL_S} s for which records may be kept are over")
        await self._bench.device.until(lambda: loop.time() >= due, 2 * TTL_S)

    # --- inside

    async def _asked_no_more(self) -> None:
        """Wait until the device asks nothing for a while: its attempt has failed, or it has long pauses within one."""
        device, quiet_s = self._bench.device, _QUIET_S
        if self._name == "silent":
            quiet_s = quiet_in_silence_s(device.profile.values, device.time_scale)
        over = asyncio.get_running_loop().time() + _OUTAGE_AT_MOST_S

        def questions() -> int:
            return len(self._bench.seen_of_attempt(DnsQuery))

        while asyncio.get_running_loop().time() < over:
            so_far = questions()
            if not await device.until(lambda: questions() > so_far, quiet_s):  # noqa: B023 - it is over by then
                return

    def _stated(self, check: str, **params: Any) -> Stated:
        """An expectation of everything since the device last had a reason to connect.

        What came before may be of a device that was being stopped: it, too, asks DNS and connects, to take its
        registration back.
        """
        return self._bench.stated(check, since=self._bench.device.attempt_seq, **params)

    async def _bracketed(self, stated: Stated, deadline: float | None = None) -> None:
        """Expect, and unless it passed show that the device does well when DNS does."""
        bench = self._bench
        at = asyncio.get_running_loop().time() + bench.patience_s(stated.check) if deadline is None else deadline
        await bench.expecting.settles(stated, at)
        judgement = bench.expecting.close(stated)
        if judgement.verdict is Verdict.PASS:
            return
        self.comes_back()
        await bench.device.connect_anew()
        await bench.control("flow.opened", since=bench.device.attempt_seq)
        if judgement.verdict is not Verdict.WARN:
            raise ExpectationNotMet(judgement)

    def _behave(self, behaviour: DnsBehaviour, zone: Zone | None = None) -> None:
        self._name = behaviour.name
        self._server.behave(behaviour.name, zone=(zone or self._zone).with_ttl(TTL_S), behaviour=behaviour)

    def _serve(self, name: str, zone: Zone) -> None:
        self._name = name
        self._server.behave(name, zone=zone.with_ttl(TTL_S))

    @property
    def _server(self) -> DnsServer:
        server = self._bench.network.dns
        assert server is not None
        return server

    @property
    def _zone(self) -> Zone:
        return self._bench.network.zone()

    def _with_the_primary_alone(self) -> Zone:
        """For what must not be mistaken for a wrong order of targets."""
        return _with_srv(self._zone.without(SERVICE), TARGETS["primary"], priority=5)

    def _address(self, edge: str) -> str:
        return self._bench.network.edges[edge].address

    def _dead_addresses(self) -> list[str]:
        """Addresses of the bench at which nobody listens now."""
        return [place.address for place in self._bench.network.ahead[:_DEAD_ADDRESSES]]


def _with_srv(zone: Zone, target: str, *, priority: int, weight: int = 100, name: str = SERVICE) -> Zone:
    return zone.with_srv(name, priority=priority, weight=weight, port=SIP_PORT, target=target)


def _only(type: str) -> frozenset[str]:
    return frozenset({type}) if type else EVERYTHING


def _of(type: str) -> str:
    return f" for {type}" if type else ""
