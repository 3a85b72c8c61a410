"""The bench as a case sees it: edges that misbehave by name, a colleague to call, and expectations."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from certsuite.bench.clock_control import ClockControl
from certsuite.bench.connection_control import ConnectionControl
from certsuite.bench.device import Device
from certsuite.bench.dns_control import DnsControl
from certsuite.bench.edge_control import EdgeControl
from certsuite.bench.expecting import CannotJudge, Deferred, ExpectationNotMet, Expecting, NotApplicable, Stated
from certsuite.bench.failover import Failover
from certsuite.bench.gauntlet import Gauntlet
from certsuite.bench.network import OUTBOUND_PROXY, REGISTRAR_DOMAIN, SECOND_PROXY, SIP_PORT, TARGETS, Network
from certsuite.bench.notifier_control import NotifierControl
from certsuite.bench.party import Party
from certsuite.bench.password_control import PasswordControl
from certsuite.bench.phone import Phone
from certsuite.bench.ports import Ports
from certsuite.bench.provisioning import Provisioning
from certsuite.bench.pstn import Pstn
from certsuite.bench.registrar_control import RegistrarControl
from certsuite.bench.root_probing import RootProbing
from certsuite.bench.session_timing import SessionTiming
from certsuite.bench.several_calls import SeveralCalls
from certsuite.checks.call_requests import allows
from certsuite.checks.registry import find_check
from certsuite.checks.span import E, Seen, Span
from certsuite.core.cases import Case, Disturbance
from certsuite.core.events import ClientHelloSeen, CredentialsAudited, Event, Note
from certsuite.core.findings import Judgement
from certsuite.core.journal import Journal
from certsuite.core.limits import Limits
from certsuite.core.redaction import Secret
from certsuite.edge.call_leg import CallLeg
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms
from certsuite.sip.message import user_host
from certsuite.sip.passwords import audit
from certsuite.tls.first_flight import StopAfter
from certsuite.tls.policies import WEBEX_SERVICES, cipher_policy
from certsuite.tls.suites import suite_name

_PATIENCE_OVER_LIMIT = 1.5
_PATIENCE_WITHOUT_LIMIT_S = 5.0
_BEYOND_EXPIRY = 1.1
_OWN_EXPIRY = ("FO", "NET")
"Families whose cases say themselves what is granted."
_SMALL_RECORDS = (16, 1)
THERE_AND_BACK = 2
"Reconnects of a case whose edge is refused and then, as a control, taken."
TWICE_AGAIN = 3
"Reconnects of a case in which the device connects, comes back by itself, and comes back to another edge."
EACH_PLACE = len(StopAfter) + 1
"Reconnects of a case in which handshakes are broken off at each place, and once at both edges."
EACH_SUITE = len(cipher_policy(WEBEX_SERVICES).suites)
"Reconnects of a case that offers one suite of Webex's after the other."


class Bench:
    """Given to every case."""

    def __init__(
        self, network: Network, device: Device, expecting: Expecting, journal: Journal, limits: Limits
    ) -> None:
        self.network = network
        self.device = device
        self.expecting = expecting
        self.phone = Phone(self)
        self.primary = EdgeControl(self, "primary")
        self.secondary = EdgeControl(self, "secondary")
        self.gauntlet = Gauntlet(self, journal)
        self.dns = DnsControl(self)
        self.registrar = RegistrarControl(self, journal)
        self.passwords = PasswordControl(self, journal)
        self.failover = Failover(self, journal)
        self.provisioning = Provisioning(self, journal)
        self.notifier = NotifierControl(self)
        self.connection = ConnectionControl(self, journal)
        self.clock = ClockControl(self, journal)
        self.colleague = Party(self, name="Colleague", number="2065550100")
        self.sessions = SessionTiming(self)
        self.several = SeveralCalls(self)
        self.third = Party(self, name="Third", number="2065550133")
        "Who is called in place of the colleague."
        self.ports = Ports(self, journal)
        self.pstn = Pstn(self, journal, number="2065550199")
        network.control.on_call = self._on_call
        self.root_probing = RootProbing(self, journal)
        self.supplied: dict[int, Secret] = {}
        "SIP passwords that the user supplied, by line."
        self._journal = journal
        self._limits = limits
        self._case: Case | None = None
        self._since = 0

    # --- the run's side

    @property
    def case(self) -> Case:
        """The running case."""
        assert self._case is not None
        return self._case

    def begin(self, case: Case) -> None:
        """A case begins: its expectations count from here."""
        self._case = case
        if case.family not in _OWN_EXPIRY:
            self.network.grant_as_usual()
        self._since = self._journal.next_seq

    def patience_s(self, check: str) -> float:
        """How long the bench looks for what a check expects: by its first limit, or as the profile says."""
        limits = find_check(check).limits
        values = self.device.profile.values
        if not limits:
            return _PATIENCE_WITHOUT_LIMIT_S
        limit = self._limits[limits[0]]
        scale = self.device.time_scale
        told = values.patience_s.get(limit.name)
        if told is None:
            # A device that is left to come back by itself makes its own pause before it connects.
            retry_s = values.registration_retry_s or 0.0
            told = {
                "failover_s": values.failover_s,
                "answer_s": values.answer_s,
                "registration_s": values.boot_s + retry_s + values.register_s,
                "lines_registered_s": values.boot_s + retry_s + values.register_s,
                "connect_s": values.boot_s + retry_s + values.register_s,
                "resync_s": values.boot_s + retry_s + values.register_s,
                "dns_recovery_s": retry_s + values.register_s,
            }.get(limit.name, 0.0)
        return max(told * scale, _PATIENCE_OVER_LIMIT * limit.value)

    # --- what a case states

    def stated(
        self,
        check: str,
        *,
        requirement: str = "",
        line: int | None = None,
        call_id: str | None = None,
        since: int | None = None,
        control: bool = False,
        **params: Any,
    ) -> Stated:
        """An expectation of the running case; without ``requirement`` it is about the case's first."""
        return Stated(
            check=check,
            requirement=requirement or self.case.requirements[0],
            since=self._since if since is None else since,
            params=params,
            line=line,
            call_id=call_id,
            control=control,
        )

    async def expect(self, check: str, *, deadline: float | None = None, **about: Any) -> Judgement:
        """Wait until a check is settled, as long as its patience lasts, and write it to the record.

        Raises :class:`ExpectationNotMet` unless it passed: the case ends there, its verdict is in the record.
        """
        at = asyncio.get_running_loop().time() + self.patience_s(check) if deadline is None else deadline
        return await self.expecting.expect(self.stated(check, **about), at)

    async def expect_of_attempt(self, check: str, **about: Any) -> Judgement:
        """The same over everything since the device last had a reason to connect, and with patience from then on."""
        deadline = self.device.attempt_at + self.patience_s(check)
        return await self.expect(check, deadline=deadline, since=self.device.attempt_seq, **about)

    async def expect_after_its_own_retry(self, check: str, **about: Any) -> Judgement:
        """Expect something of a device that comes back by itself: its own pause before that is allowed for."""
        deadline = self.after_its_own_retry(check)
        return await self.expect(check, deadline=deadline, since=self.device.attempt_seq, **about)

    def after_its_own_retry(self, check: str) -> float:
        """The loop's time at which patience is over with a device that may have to come back by itself first."""
        pause_s = self.device.profile.values.registration_retry_s or 0.0
        return asyncio.get_running_loop().time() + pause_s + self.patience_s(check)

    async def control(self, check: str, **about: Any) -> None:
        """Expect something that proves the bench and the device's ability: if it fails, nothing is concluded."""
        await self.expect(check, control=True, **about)

    async def edges_end_all_flows(self) -> None:
        """As for a maintenance: the device, once registered, finds its connection ended, and comes back by itself."""
        await self.device.until(lambda: self.device.registered, self.device.register_patience_s)
        self.device.lose_flows()

    def until_refreshed(self) -> Deferred:
        """State that a registration is refreshed before what was granted is over: it takes at most two grants."""
        granted = self.network.registrar.granted_expiry_s
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_OVER_LIMIT * granted
        # Nothing may happen at the moment that counts: that it has come is put into the record.
        loop.call_later(_BEYOND_EXPIRY * granted, self.note, f"the {granted} s that were granted first are over")
        stated = self.stated("reg.refreshes", since=self.device.attempt_seq, lines=self.device.profile.lines)
        return Deferred(stated, deadline, (Disturbance.REGISTRATION,))

    def until_back_on_primary(self) -> Deferred:
        """State that the device returns to the primary by itself, within so many of the granted expiries."""
        granted = self.network.registrar.granted_expiry_s
        return Deferred(
            self.stated("fo.returns-to-primary", granted_s=granted, lines=self.device.profile.lines),
            asyncio.get_running_loop().time() + self.failback_patience_s,
            (Disturbance.REGISTRATION,),
        )

    @property
    def failback_patience_s(self) -> float:
        """How long the device may take for its way back to the primary."""
        limit_s = self._limits["failback_expiries"].value * self.network.registrar.granted_expiry_s
        told_s = self.device.profile.values.failback_s * self.device.time_scale
        return max(told_s, _PATIENCE_OVER_LIMIT * limit_s)

    def over_the_whole_run(self, check: str, **about: Any) -> Deferred:
        """State an expectation that is judged over the whole record when the run ends."""
        return Deferred(self.stated(check, since=0, **about), deadline=0.0, at_end=True)

    def note(self, text: str) -> None:
        """Put something into the record that nothing judges."""
        self._journal.record(Note(text))

    def record(self, event: Event, **place: Any) -> None:
        """Put into the record what the bench did."""
        self._journal.record(event, **place)

    def seen_since(self, seq: int, kind: type[E]) -> list[Seen[E]]:
        """What was seen of a kind since an observation."""
        return Span(self._journal.since(seq)).of(kind)

    def seen_of_attempt(self, kind: type[E]) -> list[Seen[E]]:
        """What was seen of a kind since the device last had a reason to connect."""
        return Span(self._journal.since(self.device.attempt_seq)).of(kind)

    def has_allowed(self, method: str) -> bool:
        """Whether a message of the device has named a method in ``Allow`` so far."""
        return allows(Span(self._journal.since(0)), method)

    def has_called(self, number: str, since: int) -> bool:
        """Whether the device has sent an INVITE for a number since an observation, taken or not."""
        invites = Span(self._journal.since(since)).messages(method="INVITE")
        return any(user_host(seen.message.uri)[0].endswith(number) for seen in invites)

    @property
    def here(self) -> int:
        """Number of the next observation."""
        return self._journal.next_seq

    @property
    def case_start(self) -> int:
        """Number of the first observation of the running case."""
        return self._since

    def needs_echo(self, terms: MediaTerms = WEBEX_TERMS) -> None:
        """Audio is proved by what comes back. Raises :class:`CannotJudge` for a device that gives no echo on them."""
        values = self.device.profile.values
        if values.audio != "echo":
            raise CannotJudge("no-echo", "the profile gives no means to prove audio (values.audio is not echo)")
        if values.echo_codec and values.echo_codec not in {one.name for one in terms.formats}:
            reason = f"audio cannot be proved here: by its profile the device echoes in calls with {values.echo_codec}"
            raise CannotJudge("no-echo", reason)

    def needs_silent_hold(self) -> None:
        """What comes while the device is held is its own. Raises :class:`CannotJudge` where its echo goes on then."""
        if self.device.profile.values.echo_while_held:
            reason = "by its profile the device's echo goes on while it is held, whatever the device itself would do"
            raise CannotJudge("no-echo", reason)

    def needs_cutting_off(self) -> None:
        """An edge can be cut off by some benches alone. Raises :class:`NotApplicable` on others."""
        if not self.network.net.can_drop:
            raise NotApplicable("bench-cannot-cut-off", self.network.net.cannot_drop)

    def needs_both_roots_given(self) -> None:
        """Raises :class:`CannotJudge` unless the device's configuration names the file that has both lab roots."""
        if not self.device.knows_of(self.network.trusted_roots):
            raise CannotJudge(
                "one-root-given", "the configuration does not name trusted_roots, which has both lab roots"
            )

    # --- what cases are about

    @property
    def outbound_proxy(self) -> str:
        return OUTBOUND_PROXY

    @property
    def registrar_domain(self) -> str:
        return REGISTRAR_DOMAIN

    @property
    def sip_port(self) -> int:
        return SIP_PORT

    @property
    def edge_names(self) -> list[str]:
        """The names under which the device may know an edge: those of outbound proxies, SRV targets, targets of a walk,
        and the root probe."""
        return [
            OUTBOUND_PROXY,
            SECOND_PROXY,
            *TARGETS.values(),
            self.root_probing.host,
            *(one.host for one in self.network.ahead),
        ]

    @property
    def both_versions(self) -> list[str]:
        """What a good edge offers."""
        return list(self.network.good.versions)

    @property
    def webex_suites(self) -> list[str]:
        """The cipher suites for TLS 1.2 that Webex publishes, most preferred first."""
        return list(cipher_policy(WEBEX_SERVICES).suites)

    @property
    def webex_gcm_suites(self) -> list[str]:
        """Those of them with AES-GCM."""
        return [suite for suite in self.webex_suites if "_GCM_" in suite]

    def limit(self, name: str) -> float:
        """A limit's value, in its unit; seconds are scaled."""
        return self._limits[name].value

    def is_for_devices_that_offer(self, version: str) -> None:
        """Raises :class:`NotApplicable` if no ClientHello of the device has had this TLS version so far."""
        hellos = Span(self._journal.since(0)).of(ClientHelloSeen)
        if not any(version in seen.event.versions for seen in hellos):
            raise NotApplicable("version-not-offered", f"the device does not offer {version}")

    def _on_call(self, leg: CallLeg, number: str) -> None:
        parties = (self.third, self.pstn)
        party = next((one for one in parties if number.endswith(one.number)), self.colleague)
        party.is_reached(leg)

    @property
    def small_record_sizes(self) -> tuple[int, ...]:
        """Bytes of a handshake record at most, for devices that should not mind."""
        return _SMALL_RECORDS

    @property
    def places_of_a_handshake(self) -> tuple[StopAfter, ...]:
        """Where an edge can break a handshake off."""
        return tuple(StopAfter)

    @property
    def middle_of_a_handshake(self) -> tuple[StopAfter, ...]:
        """One of them."""
        return (StopAfter.SERVER_HELLO,)

    def has_offered(self, suite: str) -> bool:
        """Whether a ClientHello of the device has had this suite so far."""
        hellos = Span(self._journal.since(0)).of(ClientHelloSeen)
        return any(suite_name(number) == suite for seen in hellos for number in seen.event.cipher_suites)

    def some_digits(self) -> str:
        """Four digits that the device could not know, no two alike side by side."""
        return "".join(secrets.choice(part) for part in ("147*", "258", "369#", "0"))

    async def handshakes_break_off(self, *edges: EdgeControl, places: Sequence[StopAfter]) -> None:
        """At each of these places in turn these edges break a handshake off, and are good again.

        Each time the device must register again by itself, there or at an edge that was good all the time.
        """
        for place in places:
            for edge in edges:
                await edge.breaks_off_after(place)
            await self.device.connect_anew()
            await self.control(
                "tls.is-broken-off", edge=edges[0].name, manner=edges[0].manner, since=self.device.attempt_seq
            )
            for edge in edges:
                await edge.comes_back()
            await self.expect_after_its_own_retry("tls.comes-back")

    async def device_takes_the_good_primary(self) -> None:
        """Control: without its fault, the device connects to the very edge that it refused, if need be after a restart:
        it may have put that one aside for longer than anyone waits."""
        await self.device.connect_anew_at_last(lambda: self.device.registered_at("primary"))
        await self.control("tls.trusts", since=self.device.attempt_seq, edge="primary", presentation="good")

    async def supplied_credentials(self) -> None:
        """Put the properties of the user's own passwords into the record. Raises :class:`NotApplicable` without any."""
        if not self.supplied:
            raise NotApplicable("no-credentials", "no SIP credentials were supplied (--credentials, --device-info)")
        lines = tuple(sorted(self.supplied))
        audits = [audit(self.supplied[line].reveal()) for line in lines]
        # Lines that authenticate as one user, such as a device's shared ones, have one credential.
        users = {account.line: account.auth_user for account in self.network.registrar.accounts}
        same = tuple(
            tuple(
                other
                for other in lines
                if self.supplied[other] == self.supplied[line] and users.get(other) != users.get(line)
            )
            for line in lines
        )
        self._journal.record(
            CredentialsAudited(lines, tuple(one.length for one in audits), tuple(one.missing for one in audits), same)
        )


__all__ = ["Bench", "CannotJudge", "Deferred", "EdgeControl", "ExpectationNotMet", "NotApplicable"]
