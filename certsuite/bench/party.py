"""Far ends that the harness plays, and the calls between them and the device."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from certsuite.bench.call_media import CallMedia
from certsuite.bench.device import Unreachable
from certsuite.bench.expecting import CannotJudge
from certsuite.bench.media_terms import PLAYABLE, TERMS
from certsuite.core.cases import State
from certsuite.core.errors import BenchError
from certsuite.edge.call_leg import CallLeg, LegState

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.phone import Line, Phone

_TONES_HZ = (420, 480, 560, 640, 740, 860, 980, 1120, 1280, 1480, 1700, 1940)
"More than a twentieth of an octave apart, none a multiple of another within the tolerance of the check."


class Call:
    """A call between a party and the device."""

    def __init__(self, bench: Bench, leg: CallLeg, since: int) -> None:
        self._bench = bench
        self._leg = leg
        self.since = since
        "Number of the first observation that can be about it."
        self._tone = 0
        self._played: list[int] = []
        self.media = CallMedia(bench, self)

    @property
    def leg(self) -> CallLeg:
        """Its signalling."""
        return self._leg

    # --- what is expected of it

    async def rings(self) -> None:
        """The device rings in time."""
        await self.expect("call.rings")

    async def is_answered(self) -> None:
        """The device accepted the call, with an SDP answer."""
        await self.expect("call.is-answered")

    async def is_acknowledged(self) -> None:
        """The device acknowledged the answer."""
        await self.expect("call.is-acknowledged")

    async def is_refused(self) -> None:
        """The device refuses the offer; one that rings first is told to answer, and must refuse then."""
        await self.media.is_told_to_answer()
        await self.expect("call.is-refused")

    async def offers_srtp(self) -> None:
        """The device's offer asks for SRTP with Webex's suite."""
        await self.expect("call.offers-srtp")

    async def is_under_srtp(self) -> None:
        """What the device sends decrypts under the key that it gave."""
        await self.expect("media.srtp")

    async def carries_audio_both_ways(self) -> None:
        """Two tones, chosen for this call, cross to the device and come back, under SRTP."""
        self._bench.needs_echo()
        first = await self.plays_a_tone()
        second = self._new_tone()
        self._leg.stream.send_tone(second)
        await self.expect("media.audio-both-ways", tones=[first, second])

    async def is_heard(self) -> None:
        """A tone crosses to the device and comes back."""
        self._bench.needs_echo()
        tone = await self.plays_a_tone()
        await self.expect("media.audio-both-ways", tones=[tone])

    async def is_held(self) -> None:
        """The device offers to hold. The party then sends nothing, as the offer asks, so its audio proves nothing."""
        await self.expect("call.is-held")

    async def is_resumed(self) -> None:
        """The device offers to go on, and audio flows again."""
        await self.expect("call.is-resumed")
        tone = self._new_tone()
        self._leg.stream.send_tone(tone)
        await self.expect("media.audio-both-ways", tones=[tone])

    async def brings_digits(self, digits: str) -> None:
        """The digits arrive as telephone-events."""
        await self.expect("media.dtmf", digits=digits)

    async def ends(self) -> None:
        """The device ends the call, as it was told to."""
        await self.expect("call.ends", after=self._bench.device.acted_seq)

    # --- what the party does

    async def hangs_up(self) -> None:
        """The party hangs up, and the device takes it."""
        self._leg.hang_up()
        await self.expect("call.ends")

    async def party_answers(self, *, taking: str = "as Webex") -> None:
        """The party lets it ring and answers, on terms of ``media_terms``."""
        self._leg.media.terms = TERMS[taking]
        self._leg.ring()
        self._leg.accept()
        await self.is_acknowledged()

    # --- inside

    def plays_on(self) -> int:
        """Another tone is played from now on; gives it."""
        tone = self._new_tone()
        self._leg.stream.send_tone(tone)
        return tone

    def _new_tone(self) -> int:
        """A tone that the device could not know, and that was not played in this call before."""
        self._tone = secrets.choice([tone for tone in _TONES_HZ if tone not in self._played])
        self._played.append(self._tone)
        return self._tone

    async def plays_a_tone(self) -> int:
        """Play a new tone until it comes back, or until the patience is over: what was heard is judged afterwards."""
        tone = self._new_tone()
        self._leg.stream.send_tone(tone)
        stated = self._bench.stated("media.audio-both-ways", call_id=self._leg.call_id, since=self.since, tones=[tone])
        patience = self._bench.patience_s("media.audio-both-ways")
        await self._bench.expecting.settles(stated, asyncio.get_running_loop().time() + patience)
        return tone

    async def expect(self, check: str, **params: Any) -> None:
        """Expect something of this call."""
        await self._bench.expect(
            check,
            call_id=self._leg.call_id,
            line=self._leg.account.line,
            since=self.since,
            **params,
        )


class Party:
    """A colleague's phone, played by the harness."""

    def __init__(self, bench: Bench, *, name: str, number: str) -> None:
        self._bench = bench
        self.name = name
        self.number = number
        self.current: Call | None = None
        'The call that a case with ``needs="in-call"`` begins with.'
        self._calls: list[CallLeg] = []
        self._answers = False
        bench.network.control.on_call = self._on_call

    async def calls(
        self, line: Line, *, offering: str = "as Webex", rolls_over: bool = False, over_s: float = 0.0
    ) -> Call:
        """Call a line of the device, on terms of ``media_terms``; ``rolls_over``: what is sent rolls over soon;
        ``over_s`` as in :meth:`CallControl.call`.

        Raises :class:`Unreachable` if the device has lost its registration meanwhile.
        """
        since = self._bench.here
        if not self._bench.device.registered:
            raise Unreachable(State.REGISTERED, "the device lost its registration before the call", "not-registered")
        terms = TERMS[offering]
        leg = self._bench.network.control.call(
            line.number, party=self.number, caller=self.name, terms=terms, over_s=over_s
        )
        leg.stream.packet_time(terms.ptime_ms)
        if rolls_over:
            leg.stream.rolls_over_soon()
        return Call(self._bench, leg, since)

    async def is_called(self, *, line: int = 1, as_control: bool = False) -> Call:
        """The device's call arrives. ``as_control``: the case is about something else."""
        since = self._bench.case_start
        bench = self._bench
        about: dict[str, Any] = {"since": since, "number": self.number, "line": line}
        patience = bench.patience_s("call.is-placed")
        deadline = asyncio.get_running_loop().time() + patience
        if (await bench.expecting.settles(bench.stated("call.is-placed", **about), deadline)).settled:
            # Whatever is wrong with the INVITE, the call behind its challenge is waited for: it has to be ended.
            await bench.device.until(lambda: bool(self._calls), patience)
        await bench.expect("call.is-placed", control=as_control, **about)
        if not self._calls:
            # An INVITE came and no call did: it was refused at the challenge.
            await self._bench.expect("call.answers-challenge", since=since, control=as_control)
            raise CannotJudge("call-not-taken", "the device's call came, and the bench found no line or number in it")
        return Call(self._bench, self._calls.pop(), since)

    async def talks_in(self, codec: str, phone: Phone) -> Call:
        """Call the device's first line with one codec: audio crosses both ways in it."""
        return await self.talks_with(f"{codec} alone", phone)

    async def talks_with(self, terms: str, phone: Phone) -> Call:
        """The same on any terms of ``media_terms``."""
        call = await self.calls(phone.line(1), offering=terms)
        await call.media.is_answered_rightly()
        await call.carries_audio_both_ways()
        return call

    async def suites_that_are_offered(self) -> list[str]:
        """The crypto suites of the device's own offer which a party can play, in its order: it dials once for this."""
        await self._bench.phone.dials(self)
        call = await self.is_called(as_control=True)
        await call.offers_srtp()
        offered = call.leg.media.suites_offered(call.leg.offer)
        call.leg.hang_up()
        await self._bench.device.until(lambda: call.leg.state is LegState.ENDED, self._bench.patience_s("call.ends"))
        return [suite for suite in offered if f"{suite} alone" in TERMS and suite in PLAYABLE]

    async def is_in_a_call(self) -> Call:
        """Call the device, which answers. Without a call nothing can be said of one."""
        call = await self.calls(self._bench.phone.line(1))
        about: dict[str, Any] = {"call_id": call.leg.call_id, "line": 1, "since": call.since}
        await self._bench.control("call.rings", **about)
        await self._bench.phone.answers()
        await self._bench.control("call.is-answered", **about)
        return call

    def answers_when_called(self) -> None:
        """From now on it lets each call of the device ring and answers it."""
        self._answers = True

    def forget(self) -> None:
        """Drop calls that no case took."""
        self.current = None
        self._answers = False
        self._calls.clear()

    @property
    def in_call(self) -> Call:
        """The call that is up. Raises :class:`BenchError` if none is."""
        if self.current is None:
            raise BenchError("no call is up")
        return self.current

    def _on_call(self, leg: CallLeg, number: str) -> None:
        self._calls.append(leg)
        if self._answers:
            leg.ring()
            leg.accept()
