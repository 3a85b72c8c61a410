"""SIP passwords as a case changes them: one with each special character, and others while the device is registered."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from certsuite.bench.expecting import ExpectationNotMet
from certsuite.core.events import PasswordTraced, SipMessageSeen
from certsuite.core.journal import Journal
from certsuite.core.observations import IN
from certsuite.core.redaction import Secret
from certsuite.devices.drivers.output import spellings
from certsuite.sip import digest
from certsuite.sip.message import read
from certsuite.sip.passwords import groups_of_signs, password_with, readings

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_NAMED_AT_MOST = 6
"Characters that are looked for one by one: a device that loses more of them is known well enough."
_BEYOND = 1.5
"How much longer than a limit is waited: late and never are different findings."


class PasswordControl:
    """Gives the device passwords, and looks for the place where one is lost."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._journal = journal
        self._unmet: list[ExpectationNotMet] = []
        self._lost_as_a_whole: list[str] = []

    async def have_every_special_character(self) -> None:
        """The device registers with passwords that together have every special character.

        A group of them that is lost is halved until it is known which character it is. Raises
        :class:`ExpectationNotMet` when all were tried, if one was lost.
        """
        self._unmet, self._lost_as_a_whole = [], []
        await self._lost_of(groups_of_signs())
        for batch in self._batches(self._lost_as_a_whole):
            await self._lost_in(batch, to_the_end=True)
        if self._unmet:
            await self._lost_in([])
            raise self._unmet[0]

    async def are_rotated(self) -> None:
        """The platform gives every line another password, and the device its configuration with them."""
        bench, granted = self._bench, self._bench.network.registrar.granted_expiry_s
        since = self._journal.next_seq
        await bench.device.rotate({line: _password("-") for line in bench.phone.lines})
        patience = max(bench.patience_s("reg.registers"), _BEYOND * bench.limit("rotation_expiries") * granted)
        deadline = asyncio.get_running_loop().time() + patience
        try:
            for line in bench.phone.lines:
                await bench.expect("pw.rotates", deadline=deadline, since=since, line=line, granted_s=granted)
        except ExpectationNotMet:
            # It may take what it is started with.
            await bench.device.restart()
            raise

    async def _lost_of(self, groups: Sequence[str]) -> set[str]:
        """Groups of signs that are lost; of each that is, its halves are tried."""
        lost = [group for batch in self._batches(groups) for group in await self._lost_in(batch)]
        if lost and not self._unmet:
            await self._control()
        if len(self._unmet) >= _NAMED_AT_MOST:
            self._lost_as_a_whole += [group for group in lost if len(group) > 1]
            return set(lost)
        parts = {group: (group[: len(group) // 2], group[len(group) // 2 :]) for group in lost if len(group) > 1}
        if parts:
            lost_parts = await self._lost_of(list(itertools.chain(*parts.values())))
            # Where neither half is lost it is the length, or what stands side by side.
            self._lost_as_a_whole += [group for group, halves in parts.items() if not lost_parts & set(halves)]
        return set(lost)

    def _batches(self, groups: Sequence[str]) -> list[Sequence[str]]:
        """With several lines fewer registrations are needed, since each line takes one group."""
        lines = self._bench.device.profile.lines
        return [groups[start : start + lines] for start in range(0, len(groups), lines)]

    async def _lost_in(self, batch: Sequence[str], *, to_the_end: bool = False) -> list[str]:
        """Configure each line with a password of one group; gives the groups with which it does not register.

        What is expected goes to the record, but for a group that is to be halved, unless it is tried ``to_the_end``.
        """
        bench, device = self._bench, self._bench.device
        passwords = {line: _password(signs) for line, signs in itertools.zip_longest(bench.phone.lines, batch)}
        await device.reconfigure(passwords)
        lost = []
        for line, signs in zip(bench.phone.lines, batch, strict=False):
            is_last = to_the_end or len(signs) == 1
            stated = bench.stated("pw.characters", line=line, since=device.attempt_seq, characters=signs)
            judgement = await bench.expecting.settles(stated, device.attempt_at + bench.patience_s("pw.characters"))
            if judgement.findings:
                lost.append(signs)
                if not is_last:
                    continue
                self._trace(line, signs, passwords[line])
            try:
                await bench.expecting.expect(stated, device.attempt_at)
            except ExpectationNotMet as unmet:
                self._unmet.append(unmet)
        return lost

    async def _control(self) -> None:
        """Without any special character every line registers."""
        await self._lost_in([])
        for line in self._bench.phone.lines:
            await self._bench.control("reg.registers", line=line, since=self._bench.device.attempt_seq)

    def _trace(self, line: int, signs: str, password: Secret) -> None:
        """Find out how far it came: into the configuration, and what the digest was made of instead."""
        written = self._bench.device.configuration_has([secret.reveal() for secret in spellings([password])])
        made_of = ""
        for seen in self._journal.since(self._bench.device.attempt_seq):
            if isinstance(seen.event, SipMessageSeen) and (seen.line, seen.direction) == (line, IN):
                message = read(seen.event.raw)
                given = digest.parameters(message.get("Authorization") or "") if message else {}
                if message and message.method == "REGISTER" and given:
                    made_of = _read_as(password, signs, given)
        event = PasswordTraced(signs, len(password.reveal()), written, made_of)
        self._journal.record(event, line=line)


def _password(signs: str | None) -> Secret:
    return Secret(password_with(signs or "", secrets.choice))


def _read_as(password: Secret, signs: str, given: dict[str, str]) -> str:
    """What a response was made of in place of the password; empty if that is not known."""
    response = given.get("response", "").lower()
    found = readings(password.reveal(), signs)
    return next((words for words, text in found if digest.response(given, text, "REGISTER") == response), "")
