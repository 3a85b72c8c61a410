"""The device as a case sees it: someone who dials, answers, holds and hangs up."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certsuite.bench.expecting import NotApplicable
from certsuite.core.errors import ActionFailed
from certsuite.core.events import MediaWindow

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.party import Party

_WINDOWS = 2
"Of a stream: the second of them began after what came before the first was over."
_WATCHED = ("keep_alive", "subscriptions.message-summary", "subscriptions.dialog")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the device."""

    number: int


class Phone:
    """Makes the device act through its driver."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def line(self, number: int) -> Line:
        """A line, counted from 1."""
        return Line(number)

    @property
    def lines(self) -> range:
        """The numbers of all its lines."""
        return range(1, self._bench.device.profile.lines + 1)

    @property
    def make(self) -> str:
        return self._bench.device.profile.identity.make

    @property
    def model(self) -> str:
        return self._bench.device.profile.identity.model

    @property
    def kind(self) -> str:
        """``phone`` or ``gateway``."""
        return self._bench.device.profile.kind

    @property
    def user_agent(self) -> str:
        """The pattern that the profile announces."""
        return self._bench.device.profile.identity.user_agent

    async def connects_anew(self) -> None:
        """It is given a reason to connect anew, by the cheapest means that it has."""
        await self._bench.device.connect_anew()

    async def is_registered(self) -> None:
        """Control: every line registered since it last had a reason to connect."""
        for line in self.lines:
            await self._bench.control("reg.registers", line=line, since=self._bench.device.attempt_seq)

    async def reconnects(self) -> None:
        """It is made to connect anew, and goes on running if it can be told to."""
        await self._bench.device.reconnect()

    async def loses_its_connection(self) -> None:
        """Its connection ends while it runs, so that it has to connect anew by itself."""
        await self._bench.device.lose_connection()

    async def refreshes(self) -> None:
        """It refreshes its registration: at once if it can be told to, else when it is due."""
        if self._bench.device.driver.can("reregister"):
            await self._bench.device.act("reregister")

    async def is_stopped(self) -> None:
        """It is told to end in good order, and has."""
        await self._bench.device.stop()

    async def dials(self, party: Party, *, line: int = 1) -> None:
        """It dials a party's number."""
        await self._bench.device.act("dial", line=line, uri=self._uri(party.number))

    async def dials_number(self, number: str) -> None:
        """It dials a number of the dial plan's own."""
        await self._bench.device.act("dial", line=1, uri=self._uri(number.replace("#", "%23")))

    async def tries_to_dial_number(self, number: str) -> None:
        """The same beside another call, and it may refuse to: what it sends is in the record."""
        with contextlib.suppress(ActionFailed):
            await self.dials_number(number)

    async def answers(self, *, line: int = 1) -> None:
        """It answers the call that rings on a line."""
        await self._bench.device.act("answer", line=line)

    async def hangs_up(self) -> None:
        """It ends the call."""
        await self._bench.device.act("hangup")

    async def rejects(self) -> None:
        """It rejects the call that rings. Raises :class:`NotApplicable` if it cannot be made to."""
        self._can_be_made_to("reject")
        await self._bench.device.act("reject")

    async def transfers(self, party: Party, action: str) -> None:
        """It hands the call over to a party, by ``transfer`` or ``attended_transfer``."""
        await self._bench.device.act(action, uri=self._uri(party.number))

    async def brings_in(self, party: Party) -> None:
        """It takes a party into its call."""
        await self._bench.device.act("conference", uri=self._uri(party.number))

    async def tries_to_hang_up(self) -> None:
        """It is told to end the call, and may have lost it: what it answered is in the record."""
        with contextlib.suppress(ActionFailed):
            await self._bench.device.act("hangup")

    async def tries_to_hold(self) -> None:
        """It is told to hold the call, and may have lost it: likewise."""
        with contextlib.suppress(ActionFailed):
            await self._bench.device.act("hold")

    async def tries_to_resume(self) -> None:
        """It is told to take the call back, and may have done so by itself: likewise."""
        with contextlib.suppress(ActionFailed):
            await self._bench.device.act("resume")

    async def holds(self) -> None:
        """It puts the call on hold."""
        await self._bench.device.act("hold")

    async def resumes(self) -> None:
        """It takes the call back."""
        await self._bench.device.act("resume")

    async def swaps(self) -> None:
        """It goes to the call that is held, and holds the other. Raises :class:`NotApplicable` if it cannot be."""
        self._can_be_made_to("swap")
        await self._bench.device.act("swap")

    async def echoes_again(self) -> None:
        """Its loop of audio is taken up again, if it is one that a new offer ends.

        Before that a window passes: a last packet in the old codec, which the device has to take, would end it again.
        """
        bench, since = self._bench, self._bench.here
        if bench.device.driver.can("echo"):
            patience = bench.patience_s("media.srtp")
            await bench.device.until(lambda: len(bench.seen_since(since, MediaWindow)) >= _WINDOWS, patience)
            await bench.device.act("echo")

    async def presses(self, digits: str) -> None:
        """It sends digits in the call."""
        await self._bench.device.act("dtmf", digits=digits)

    @property
    def shown_claims(self) -> dict[str, list[str]]:
        """Of what a device says of itself, or may be ``watched`` to do, what its profile ``claimed``."""
        said, claims = ("transferee", "replaces", "shared_lines"), self._bench.device.profile.claims
        return {"claimed": [name for name in (*said, *_WATCHED) if claims(name)], "watched": list(_WATCHED)}

    @property
    def media_claims(self) -> dict[str, Any]:
        """What its own offers are to have, and nothing else of that kind."""
        claims = self._bench.device.profile.capabilities
        return {"codecs": list(claims.codecs), "suites": list(claims.srtp), "dtmf": claims.dtmf}

    async def tells_of(self, digits: str) -> None:
        """It tells which digits it received; whether it did is in the record. Raises :class:`NotApplicable` where the
        profile gives no way to know."""
        if not self._bench.device.driver.can("hears"):
            raise NotApplicable("no-observation", "the profile does not say how the device tells of digits it received")
        with contextlib.suppress(ActionFailed):
            await self._bench.device.act("hears", digits=digits)

    def has_another_line(self) -> None:
        """Raises :class:`NotApplicable` for a device with one line."""
        if len(self.lines) < 2:
            raise NotApplicable("one-line", "the device has one line")

    def _can_be_made_to(self, action: str) -> None:
        if not self._bench.device.profile.can(action):
            raise NotApplicable("no-action", f"the profile gives no action {action!r}, so the device cannot be made to")

    def _uri(self, number: str) -> str:
        domain = self._bench.network.registrar.accounts.of_line(1).domain
        return f"sip:{number}@{domain}"
