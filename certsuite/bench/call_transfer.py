"""Transfers and replacements of one call as a case sees them (RFC 3515, RFC 3891, RFC 5589)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from certsuite.bench.expecting import NotApplicable
from certsuite.edge.referring import take_refer
from certsuite.edge.reoffer import offer_again

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.party import Call, Party

FOREIGN = "elsewhere.example"
"A domain that is none of the device's."


class CallTransfer:
    """What becomes of one call when it is handed over."""

    def __init__(self, bench: Bench, call: Call) -> None:
        self._bench = bench
        self._call = call

    # --- the far end hands the device over

    async def hands_over_to(self, party: Party, *, replacing: bool = False, domain: str = "") -> None:
        """The far end refers the device to another party: the device accepts that, and calls there by the proxy.

        ``replacing``: in place of a call that the far end has with that party. ``domain``: at a host of this name.
        """
        leg = self._call.leg
        assert leg.dialog is not None
        own = self._bench.network.registrar.accounts.of_line(leg.account.line).domain
        replaces = f"consult-{leg.dialog.cseq}@{own};to-tag=third;from-tag=far" if replacing else ""
        target = f"sip:{party.number}@{domain or own}" + (f"?Replaces={quote(replaces, safe='')}" if replaces else "")
        since = self._bench.here
        request = leg.dialog.request(
            "REFER",
            headers=[("Refer-To", f"<{target}>"), ("Referred-By", f"<sip:{leg.party}@{own}>")],
        )
        leg.send(request)
        check, about = "transfer.is-followed", {"number": party.number, "replaces": replaces}
        if domain:
            check, about = "transfer.stays-with-proxy", {"number": party.number, "domain": domain}
        await self._call.settles(check, since=since, **about)
        # Behind the challenge, and before anything is judged: what is not there cannot be ended.
        if self._bench.has_called(party.number, since):
            await self._bench.device.until(lambda: party.is_wanted, self._bench.patience_s(check))
        await self._expect(check, since, **about)

    async def is_told(self, end: str) -> None:
        """The device tells what became of it: that it is trying, and then ``success`` or ``failure``."""
        await self._expect("transfer.is-told", self._call.since, end=end)

    async def is_let_go(self) -> None:
        """The call that was handed over ends, by whichever side says so."""
        self._call.leg.hang_up()
        await self._expect("transfer.lets-go", self._call.since)

    async def goes_on(self) -> None:
        """The call that could not be handed over is still up, and ends when the far end hangs up."""
        since = self._bench.here
        offer_again(self._call.leg, "INVITE")
        await self._expect("transfer.keeps-call", since)
        await self._call.hangs_up()

    # --- the device hands the far end over

    async def by_the_device(self, party: Party, *, after_talking: bool = False, ends: str = "200 OK") -> None:
        """The device, told to, hands its call over to a party; the far end takes that, and tells how it ended.

        Raises :class:`NotApplicable` if the device cannot be made to.
        """
        action = "attended_transfer" if after_talking else "transfer"
        if not self._bench.device.profile.can(action):
            raise NotApplicable("no-action", f"the profile gives no action {action!r}, so the device cannot be made to")
        status, _, reason = ends.partition(" ")
        take_refer(self._call.leg, self._bench.network.registrar, status=int(status), reason=reason)
        since = self._bench.here
        await self._bench.phone.transfers(party, action)
        await self._expect("transfer.refers", since, number=party.number, after_talking=after_talking)
        await self._expect("transfer.takes-news", since)

    async def is_left(self) -> None:
        """The device ends the call that it has handed over."""
        await self._expect("transfer.ends-own-call", self._call.since)

    # --- the device brings another party in

    async def becomes_a_conference_with(self, party: Party) -> None:
        """The device, told to, calls a party and mixes: each far end hears the other.

        Raises :class:`NotApplicable` if the device cannot be made to.
        """
        if not self._bench.device.profile.can("conference"):
            raise NotApplicable(
                "no-action", "the profile gives no action 'conference', so the device cannot be made to"
            )
        party.answers_when_called()
        await self._bench.phone.brings_in(party)
        other = await party.is_called_beside(self._call)
        here = self._call.plays_on()
        there = other.plays_on(but=here)
        await self._call.expect("conference.hears", tone=there, own=here)
        await other.expect("conference.hears", tone=here, own=there)

    async def leads_into_a_conference_at(self, party: Party) -> None:
        """The far end refers the device to a conference, and leaves: the device is in it, with its audio (RFC 4579
        section 5.5)."""
        party.answers_when_called(as_conference=True)
        await self.hands_over_to(party)
        joined = await party.is_called_beside(self._call)
        await self.is_let_go()
        await self._bench.phone.echoes_again()
        await joined.is_heard()

    # --- another party takes it

    async def is_taken_by(self, party: Party) -> Call:
        """A party calls in the place of this call: the device takes it, and ends this one."""
        taken = await party.calls_in_place_of(self._call)
        await taken.expect("transfer.replaces", replaced=self._call.leg.call_id)
        return taken

    # --- inside

    async def _expect(self, check: str, since: int, **params: Any) -> None:
        line, call_id = self._call.leg.account.line, self._call.leg.call_id
        await self._bench.expect(check, call_id=call_id, line=line, since=since, **params)
