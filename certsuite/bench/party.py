"""Far ends that the harness plays, and the calls between them and the device."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.bench.call_forms import FORMS
from certsuite.bench.call_media import CallMedia
from certsuite.bench.call_transfer import CallTransfer
from certsuite.bench.device import Unreachable
from certsuite.bench.expecting import CannotJudge, NotApplicable
from certsuite.bench.media_terms import PLAYABLE, TERMS
from certsuite.bench.within_call import WithinCall
from certsuite.core.cases import State
from certsuite.core.errors import BenchError
from certsuite.edge.call_leg import CallLeg, LegState
from certsuite.edge.crossings import answer_when_cancelled, bye_before_ack, cancel_when_answered
from certsuite.edge.referring import in_place_of
from certsuite.edge.reliability import prack_when_repeated
from certsuite.sip.invite_forms import Edit, adding, replacing, unedited

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.phone import Line, Phone

_TONES_HZ = (420, 480, 560, 640, 740, 860, 980, 1120, 1280, 1480, 1700, 1940)
"More than a twentieth of an octave apart, none a multiple of another within the tolerance of the check."

_REFUSALS = {"Busy Here": 486, "Temporarily Unavailable": 480, "Decline": 603}
"Status of a party's refusal, by its reason phrase."
_NO_DIALOG = "none-of-yours@lab.invalid;to-tag=1;from-tag=2"
_ANSWER_AT_ONCE = (
    ("Alert-Info", "<http://127.0.0.1/Bellcore-dr1>;info=alert-autoanswer;delay=0"),
    ("Call-Info", "<sip:lab.invalid>;answer-after=0"),
)


class Call:
    """A call between a party and the device."""

    def __init__(self, bench: Bench, leg: CallLeg, since: int) -> None:
        self._bench = bench
        self._leg = leg
        self.since = since
        "Number of the first observation that can be about it."
        self.within = WithinCall(bench, leg)
        "What the party asks of the device within it."
        self._tone = 0
        self._played: list[int] = []
        self.media = CallMedia(bench, self)
        self.transfer = CallTransfer(bench, self)

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
        self._bench.needs_echo(self._leg.media.terms)
        first = await self.plays_a_tone()
        second = self._new_tone()
        self._leg.stream.send_tone(second)
        await self.expect("media.audio-both-ways", tones=[first, second])

    async def is_heard(self) -> None:
        """A tone crosses to the device and comes back."""
        self._bench.needs_echo(self._leg.media.terms)
        tone = await self.plays_a_tone()
        await self.expect("media.audio-both-ways", tones=[tone])

    async def is_held(self, *, as_control: bool = False) -> None:
        """The device offers to hold. The party then sends nothing, as the offer asks, so its audio proves nothing.
        ``as_control``: the case is about something else."""
        await self.expect("call.is-held", control=as_control)

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

    async def is_given_up(self) -> None:
        """The device takes its call back, which rings, as it was told to, and acknowledges its end."""
        await self.expect("call.is-given-up", after=self._bench.device.acted_seq)
        await self.expect("call.acknowledges-refusal")

    async def is_rejected(self) -> None:
        """The device refuses the call that rings, as it was told to."""
        await self.expect("call.is-rejected")

    async def survives_the_cancel(self) -> None:
        """The device answers the CANCEL that came too late."""
        await self.expect("call.answers-cancel")

    async def is_ended_although_answered(self) -> None:
        """The device ends the call that was answered as it was given up."""
        await self.expect("call.ends-crossed-call")

    async def takes_the_bye(self) -> None:
        """The device takes the party's BYE."""
        await self.expect("call.ends")

    async def mirrors_its_caller(self) -> None:
        """The device's responses name the caller as the INVITE did."""
        await self.expect("call.mirrors-caller")

    async def names_every_proxy(self) -> None:
        """The device's responses have every Via of the INVITE."""
        await self.expect("call.mirrors-via")

    async def rings_reliably_if_at_all(self) -> None:
        """The device rings reliably only if the INVITE names that."""
        await self.expect("call.rings-plainly")

    async def heeds_what_is_required(self) -> None:
        """The device rings reliably, as the INVITE requires, or refuses to."""
        await self.expect("call.heeds-100rel")

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

    def party_rings(self) -> None:
        """The party's phone rings."""
        self._leg.ring()

    async def party_rings_reliably(self) -> None:
        """The party's phone rings by a reliable 180, which the device acknowledges by PRACK.

        Raises :class:`NotApplicable` if the device did not offer that.
        """
        if not self._leg.invited_with("Supported", "100rel"):
            raise NotApplicable("no-100rel", "the device does not offer 100rel in its INVITE")
        self._leg.respond(180, "Ringing", headers=[("Require", "100rel"), ("RSeq", "1")])
        await self.expect("call.sends-prack")

    def party_is_diverted(self) -> None:
        """The call is being forwarded at the far end."""
        self._leg.respond(181, "Call Is Being Forwarded")

    async def party_refuses(self, reason: str) -> None:
        """The party's phone rings, and the call is refused for that reason: the device acknowledges it."""
        self._leg.ring()
        self._leg.refuse(_REFUSALS[reason], reason)
        await self.expect("call.acknowledges-refusal")

    async def party_gives_up(self) -> None:
        """The party hangs up before the device answers: the device takes that, and rings no longer."""
        self._leg.hang_up()
        await self.expect("call.answers-cancel")
        await self.expect("call.is-called-off")

    def party_cancels_as_it_is_answered(self) -> None:
        """The party's CANCEL will cross the device's answer."""
        cancel_when_answered(self._leg)

    def party_answers_as_it_is_given_up(self) -> None:
        """The party's answer will cross the device's CANCEL."""
        answer_when_cancelled(self._leg)

    def party_hangs_up_before_its_ack(self) -> None:
        """The party's BYE will come before its ACK."""
        bye_before_ack(self._leg)

    @property
    def tone(self) -> int:
        """The tone that is played."""
        return self._tone

    # --- inside

    def plays_on(self, *, but: int = 0) -> int:
        """Another tone is played from now on, and not ``but``; gives it."""
        tone = self._new_tone(but)
        self._leg.stream.send_tone(tone)
        return tone

    def _new_tone(self, but: int = 0) -> int:
        """A tone that the device could not know, and that was not played in this call before."""
        self._tone = secrets.choice([tone for tone in _TONES_HZ if tone not in (*self._played, but)])
        self._played.append(self._tone)
        return self._tone

    async def plays_a_tone(self) -> int:
        """Play a new tone until it comes back, or until the patience is over: what was heard is judged afterwards."""
        tone = self._new_tone()
        self._leg.stream.send_tone(tone)
        await self.settles("media.audio-both-ways", since=self.since, tones=[tone])
        return tone

    async def settles(self, check: str, *, since: int, **params: Any) -> None:
        """Wait until something of this call is settled, and judge nothing yet."""
        stated = self._bench.stated(check, call_id=self._leg.call_id, since=since, **params)
        deadline = asyncio.get_running_loop().time() + self._bench.patience_s(check)
        await self._bench.expecting.settles(stated, deadline)

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
        self._answers = self._is_focus = False
        self._refusal = ""

    async def calls(
        self,
        line: Line,
        *,
        offering: str = "as Webex",
        rolls_over: bool = False,
        over_s: float = 0.0,
        edit: Edit = unedited,
        prepare: Callable[[CallLeg], None] = lambda leg: None,
    ) -> Call:
        """Call a line of the device, on terms of ``media_terms``; ``rolls_over``: what is sent rolls over soon;
        ``over_s`` and ``edit`` as in :meth:`CallControl.call`; ``prepare``: what the leg is to do with what comes.

        Raises :class:`Unreachable` if the device has lost its registration meanwhile.
        """
        since = self._bench.here
        if not self._bench.device.registered:
            raise Unreachable(State.REGISTERED, "the device lost its registration before the call", "not-registered")
        terms = TERMS[offering]
        leg = self._bench.network.control.call(
            line.number, party=self.number, caller=self.name, terms=terms, over_s=over_s, edit=edit
        )
        prepare(leg)
        leg.stream.packet_time(terms.ptime_ms)
        if rolls_over:
            leg.stream.rolls_over_soon()
        return Call(self._bench, leg, since)

    async def is_called(self, *, line: int = 1, as_control: bool = False) -> Call:
        """The device's call arrives. ``as_control``: the case is about something else."""
        bench = self._bench
        # Of several calls in a case it is the one that the device was told to place last.
        since = max(bench.case_start, bench.device.acted_seq)
        about: dict[str, Any] = {"since": since, "number": self.number, "line": line}
        patience = bench.patience_s("call.is-placed")
        deadline = asyncio.get_running_loop().time() + patience
        if (await bench.expecting.settles(bench.stated("call.is-placed", **about), deadline)).settled:
            # Whatever is wrong with the INVITE, the call behind its challenge is waited for: it has to be ended.
            await bench.device.until(lambda: bool(self._calls), patience)
        await bench.expect("call.is-placed", control=as_control, **about)
        if not self._calls:
            # An INVITE came and no call did: it was refused at the challenge.
            await bench.expect("call.answers-challenge", since=since, control=as_control)
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

    async def is_called_and_answers(self) -> Call:
        """The device calls, and the party answers. Without a call nothing can be said of one."""
        await self._bench.phone.dials(self)
        call = await self.is_called(as_control=True)
        call.leg.ring()
        call.leg.accept()
        await self._bench.control("call.is-acknowledged", call_id=call.leg.call_id, line=1, since=call.since)
        return call

    async def comes_as(self, form: str) -> Call:
        """Call the device in one of the forms that it must take: it rings, is answered, and the call ends in order."""
        call = await self.calls(self._bench.phone.line(1), edit=FORMS[form])
        await call.rings()
        await call.mirrors_its_caller()
        await self._bench.phone.answers()
        await call.is_answered()
        await call.hangs_up()
        return call

    async def is_reached_by(self, number: str, *, at_once: bool = False) -> None:
        """The device's call to a number of the dial plan's own comes as it was dialled, and is refused then."""
        bench = self._bench
        patience = bench.patience_s("call.dials-exactly")
        # Behind the challenge, and before anything is judged: what is not there cannot be ended.
        await bench.device.until(lambda: bool(self._calls), patience)
        for leg in self._calls:
            leg.hang_up()
        await bench.device.until(lambda: all(leg.state is LegState.ENDED for leg in self._calls), patience)
        await bench.expect("call.dials-exactly", number=number, at_once=at_once, since=bench.case_start)

    async def requires_reliability(self) -> None:
        """Call the device with an INVITE that requires reliable provisional responses."""
        call = await self.calls(self._bench.phone.line(1), edit=adding(("Require", "100rel")))
        await call.heeds_what_is_required()

    async def allows_reliability(self) -> Call:
        """Call the device with an INVITE that allows reliable responses, and send the PRACK when one came again.

        Raises :class:`NotApplicable` if the device does not ring reliably when it may.
        """
        allowing = replacing(("Supported", "100rel"))
        call = await self.calls(self._bench.phone.line(1), edit=allowing, prepare=prack_when_repeated)
        await self._bench.control("call.rings", call_id=call.leg.call_id, line=1, since=call.since)
        if not call.leg.rang_reliably:
            raise NotApplicable("rings-plainly", "the device does not ring reliably, though the INVITE allows it")
        await call.expect("call.repeats-reliably")
        await call.expect("call.takes-prack")
        return call

    async def makes_it_ring(self, *, edit: Edit = unedited) -> Call:
        """Call the device, which rings. Without that nothing can be said of a call that rings."""
        call = await self.calls(self._bench.phone.line(1), edit=edit)
        await self._bench.control("call.rings", call_id=call.leg.call_id, line=1, since=call.since)
        return call

    def answers_when_called(self, *, as_conference: bool = False) -> None:
        """From now on it lets each call of the device ring and answers it: as a conference server if it is one."""
        self._answers, self._is_focus = True, as_conference

    def refuses_when_called(self, reason: str) -> None:
        """From now on it lets each call of the device ring and refuses it for that reason."""
        self._refusal = reason

    async def calls_in_place_of(self, call: Call) -> Call:
        """Call the line of a call, to replace that."""
        return await self.calls(self._bench.phone.line(call.leg.account.line), edit=adding(*in_place_of(call.leg)))

    async def calls_in_place_of_none(self) -> None:
        """Call the device to replace a call that there is not: it refuses that."""
        call = await self.calls(self._bench.phone.line(1), edit=adding(("Replaces", _NO_DIALOG)))
        await call.expect("transfer.refuses-unknown-dialog")

    async def asks_to_be_answered(self, *, offering: str = "as Webex") -> Call:
        """Call the device for a user who asked for the call elsewhere: it answers by itself, if it claims to."""
        line = self._bench.phone.line(1)
        call = await self.calls(line, offering=offering, edit=adding(*_ANSWER_AT_ONCE))
        await call.expect("call.answers-by-itself", claimed=self._bench.device.profile.claims("auto_answer"))
        return call

    async def is_called_for_the_user(self) -> Call:
        """A server calls the device for its user, without an offer, to connect it with the party: the device offers."""
        call = await self.asks_to_be_answered(offering="no offer")
        if not self._bench.device.profile.claims("auto_answer"):
            await self._bench.phone.answers()
        await call.media.offers_late()
        return call

    async def is_called_beside(self, call: Call) -> Call:
        """The device calls while another call is up."""
        bench = self._bench
        await bench.device.until(lambda: self.is_wanted, bench.patience_s("call.is-placed"))
        if not self._calls:
            raise CannotJudge("call-not-taken", "no call of the device came beside the one that was up")
        return Call(bench, self._calls.pop(), call.since)

    async def refers_as_a_stranger(self, to: Party) -> None:
        """Refer the device to another party outside of any call: it does not go there."""
        domain = self._bench.network.registrar.accounts.of_line(1).domain
        since = self._bench.here
        refer = self._bench.network.control.refer
        call_id = refer(1, f"sip:{to.number}@{domain}", f"sip:{self.number}@{domain}")
        about: dict[str, Any] = {"call_id": call_id, "line": 1, "since": since, "number": to.number}
        check = "transfer.refuses-stranger"
        patience = self._bench.patience_s(check)
        deadline = asyncio.get_running_loop().time() + patience
        judgement = await self._bench.expecting.settles(self._bench.stated(check, **about), deadline)
        if judgement.findings and judgement.settled:
            # It goes there: the call is waited for, behind its challenge, to be ended.
            await self._bench.device.until(lambda: to.is_wanted, patience)
        await self._bench.expect(check, **about)

    def forget(self) -> None:
        """Drop calls that no case took."""
        self.current = None
        self._answers = self._is_focus = False
        self._refusal = ""
        self._calls.clear()

    @property
    def is_wanted(self) -> bool:
        """Whether a call of the device came that no case took."""
        return bool(self._calls)

    @property
    def in_call(self) -> Call:
        """The call that is up. Raises :class:`BenchError` if none is."""
        if self.current is None:
            raise BenchError("no call is up")
        return self.current

    def is_reached(self, leg: CallLeg) -> None:
        """A call of the device came to its number."""
        self._calls.append(leg)
        leg.is_focus = self._is_focus
        if self._answers or self._refusal:
            leg.ring()
        if self._refusal:
            leg.refuse(_REFUSALS[self._refusal], self._refusal)
        elif self._answers:
            leg.accept()
