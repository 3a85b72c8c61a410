"""The bench as a case sees it: edges that misbehave by name, a colleague to call, and expectations."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from certsuite.bench.device import Device
from certsuite.bench.expecting import ExpectationNotMet, Expecting, Stated
from certsuite.bench.network import OUTBOUND_PROXY, SIP_PORT, Network
from certsuite.bench.party import Party
from certsuite.bench.phone import Phone
from certsuite.checks.registry import find_check
from certsuite.core.cases import Case, Disturbance
from certsuite.core.events import CaseBlocked, CaseNotApplicable, CredentialsAudited
from certsuite.core.findings import Judgement
from certsuite.core.journal import Journal
from certsuite.core.limits import Limits
from certsuite.core.redaction import Secret
from certsuite.sip.passwords import audit
from certsuite.tls.server import TlsBehaviour

_PATIENCE_OVER_LIMIT = 1.5
_PATIENCE_WITHOUT_LIMIT_S = 5.0
OLD_VERSIONS = ("TLSv1", "TLSv1.1")


@dataclass(frozen=True)
class Deferred:
    """An expectation that takes time and needs no attention: it is settled later in the run."""

    stated: Stated
    deadline: float
    "The loop's time at which the patience is over."
    spoiled_by: tuple[Disturbance, ...] = ()
    "It is waited for before a case disturbs this."
    at_end: bool = False
    "It judges the whole record, so it is settled when everything else is."


class CannotJudge(Exception):
    """The case finds that this device gives no means to judge by."""

    def __init__(self, code: str, reason: str) -> None:
        self.event = CaseBlocked(reason, code)
        super().__init__(reason)


class NotApplicable(Exception):
    """The case finds that what it is about was not given."""

    def __init__(self, code: str, reason: str) -> None:
        self.event = CaseNotApplicable(reason, code)
        super().__init__(reason)


class EdgeControl:
    """One edge as a case sees it."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._edge = bench.network.edges[name]
        self.name = name

    async def presents(self, presentation: str) -> None:
        """From now on it presents another certificate chain; all else stays as it is."""
        chain = self._bench.network.pki.presentation(presentation)
        await self._edge.behave(presentation, tls=TlsBehaviour(chain, self._bench.network.good.versions))

    async def offers_only(self, *versions: str) -> None:
        """From now on it offers these TLS versions alone."""
        chain = self._bench.network.pki.presentation("good")
        await self._edge.behave(f"only {', '.join(versions)}", tls=TlsBehaviour(chain, versions))

    async def refuses_connections(self) -> None:
        """From now on nothing listens."""
        await self._edge.behave("refused", accepts=False)

    async def comes_back(self) -> None:
        """It is as good as ever again."""
        await self._edge.behave("good", tls=self._bench.network.good)

    async def is_refused(self, *, finding: str, what: str, hint: str) -> None:
        """The device refuses what the edge presents now, before any SIP is sent."""
        await self._bench.expect(
            "tls.refuses",
            edge=self.name,
            presentation=self._edge.tls.presentation.name,
            versions=list(self._edge.tls.versions),
            finding=finding,
            what=what,
            hint=hint,
        )


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
        self.colleague = Party(self, name="Colleague", number="2065550100")
        self.supplied: dict[int, Secret] = {}
        "SIP passwords that the user supplied, by line."
        self._journal = journal
        self._limits = limits
        self._case: Case | None = None
        self._since = 0

    # --- the run's side

    def begin(self, case: Case) -> None:
        """A case begins: its expectations count from here."""
        self._case = case
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
            told = {
                "failover_s": values.failover_s,
                "answer_s": values.answer_s,
                "registration_s": values.boot_s + values.register_s,
                "connect_s": values.boot_s + values.register_s,
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
        assert self._case is not None
        return Stated(
            check=check,
            requirement=requirement or self._case.requirements[0],
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

    async def control(self, check: str, **about: Any) -> None:
        """Expect something that proves the bench and the device's ability: if it fails, nothing is concluded."""
        await self.expect(check, control=True, **about)

    def until_refreshed(self) -> Deferred:
        """State that a registration is refreshed before what was granted is over: it takes at most two grants."""
        granted = self.network.registrar.granted_expiry_s
        deadline = asyncio.get_running_loop().time() + _PATIENCE_OVER_LIMIT * granted
        stated = self.stated("reg.refreshes", since=self.device.attempt_seq)
        return Deferred(stated, deadline, (Disturbance.REGISTRATION,))

    def until_back_on_primary(self) -> Deferred:
        """State that the device returns to the primary by itself, within so many of the granted expiries."""
        granted = self.network.registrar.granted_expiry_s
        limit_s = self._limits["failback_expiries"].value * granted
        told_s = self.device.profile.values.failback_s * self.device.time_scale
        deadline = asyncio.get_running_loop().time() + max(told_s, _PATIENCE_OVER_LIMIT * limit_s)
        return Deferred(self.stated("fo.returns-to-primary", granted_s=granted), deadline, (Disturbance.REGISTRATION,))

    def over_the_whole_run(self, check: str, **about: Any) -> Deferred:
        """State an expectation that is judged over the whole record when the run ends."""
        return Deferred(self.stated(check, since=0, **about), deadline=0.0, at_end=True)

    @property
    def here(self) -> int:
        """Number of the next observation."""
        return self._journal.next_seq

    @property
    def case_start(self) -> int:
        """Number of the first observation of the running case."""
        return self._since

    def needs_echo(self) -> None:
        """Audio is proved by what comes back. Raises :class:`CannotJudge` for a device that gives no echo."""
        if self.device.profile.values.audio != "echo":
            raise CannotJudge("no-echo", "the profile gives no means to prove audio (values.audio is not echo)")

    # --- what cases are about

    @property
    def outbound_proxy(self) -> str:
        return OUTBOUND_PROXY

    @property
    def sip_port(self) -> int:
        return SIP_PORT

    def some_digits(self) -> str:
        """Four digits that the device could not know, no two alike side by side."""
        return "".join(secrets.choice(part) for part in ("147*", "258", "369#", "0"))

    async def device_registers_again(self) -> None:
        """Control: the device registers, at whichever edge, after the fault."""
        await self.control("reg.registers", since=self.device.attempt_seq)

    async def supplied_credentials(self) -> None:
        """Put the properties of the user's own passwords into the record. Raises :class:`NotApplicable` without any."""
        if not self.supplied:
            raise NotApplicable("no-credentials", "no SIP credentials were supplied (--credentials FILE)")
        lines = tuple(sorted(self.supplied))
        audits = [audit(self.supplied[line].reveal()) for line in lines]
        same = tuple(
            tuple(other for other in lines if other != line and self.supplied[other] == self.supplied[line])
            for line in lines
        )
        self._journal.record(
            CredentialsAudited(lines, tuple(one.length for one in audits), tuple(one.missing for one in audits), same)
        )


__all__ = ["Bench", "CannotJudge", "Deferred", "EdgeControl", "ExpectationNotMet", "NotApplicable"]
