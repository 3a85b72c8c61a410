"""The media of a call as a case sees it: what is offered anew, what is done to the stream, what the device bears."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from certsuite.bench.expecting import Deferred, NotApplicable
from certsuite.bench.media_terms import TERMS
from certsuite.core.events import MediaStimulus, MediaWindow, RtcpSeen
from certsuite.core.observations import IN
from certsuite.core.verdicts import Verdict
from certsuite.edge.call_leg import LegState
from certsuite.media.outgoing import Disturbance
from certsuite.sip.invite_forms import Edit, from_a_focus, unedited

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench
    from certsuite.bench.party import Call

BAD_NETWORK = Disturbance(loses=20, doubles=15, swaps=9, delays=25)
"What a network may do to voice: 5 % are lost, and some come twice, in the wrong order, or 40 ms late."
LOSSY_NETWORK = Disturbance(loses=4, delays=5, delay_periods=3)
"A fourth of the packets is lost, and others come in bursts: so much that a single report has to tell of it."
_LEAST_LOST = 4
_SILENT_INTERVALS = 15
_WHOLE_WINDOWS = 3
"Of a tone that is heard, behind the one in which it began."
_HOLDS_WINDOWS = 8
_REPLAYED_WINDOWS = 4
"Windows of a tone that is sent again: so long that a device which takes it is heard to."
_ANNOUNCEMENT_HZ = 350
"No tone that a check looks for."


class CallMedia:
    """What a case says about the media of one call."""

    def __init__(self, bench: Bench, call: Call) -> None:
        self._bench = bench
        self._call = call
        self._heard = 0
        "The tone that came back last."

    async def is_answered_rightly(self) -> None:
        """The device answers the call, and its answer fits the offer."""
        await self.is_told_to_answer()
        await self._call.expect("sdes.answer-fits")

    async def is_taken_or_refused(self, *, suite: str = "") -> None:
        """The device takes the offer with SRTP, and audio then crosses, or it refuses; not if it claims the suite."""
        claimed = bool(suite) and self._bench.device.profile.claims(f"srtp.{suite}")
        await self.is_told_to_answer()
        await self._call.expect("sdes.taken-or-refused", claimed=claimed)
        if self._call.leg.media.agreement is not None:
            await self._call.carries_audio_both_ways()

    async def gives_up_a_bad_answer(self) -> None:
        """The device ends the call, whose answer fits nothing that it offered."""
        await self._call.expect("sdes.gives-up-bad-answer")

    async def is_offered(self, terms: str, *, edit: Edit = unedited) -> None:
        """The party offers other terms within the call, or what ``edit`` makes of that, and the device takes them."""
        self._call.leg.reoffer(TERMS[terms], edit=edit)
        await self._call.expect("sdes.takes-reoffer")
        await self._bench.phone.echoes_again()

    async def goes_on_after(self, kind: str, *, finding: str, what: str, hint: str) -> None:
        """Another tone comes back after what was done to the stream, which happens by itself or was recorded."""
        self._bench.needs_echo(self._call.leg.media.terms)
        tone = self._call.plays_on()
        await self._call.expect(
            "media.goes-on-after", kind=kind, tones=[self._heard, tone], finding=finding, what=what, hint=hint
        )
        self._heard = tone

    async def is_heard(self) -> None:
        """A tone comes back: what follows is compared with it."""
        self._heard = await self._call.plays_a_tone()
        await self._call.expect("media.audio-both-ways", tones=[self._heard])

    async def is_held_and_resumed(self, terms: str) -> None:
        """The party holds the call in one of the ways that there are, and takes it back."""
        await self.is_offered(terms)
        self._bench.needs_silent_hold()
        # The window in which the answer came proves no silence. Where another tone is sent behind it, the next one, if
        # it is silent, is told at its end, and not together with more of its like.
        await self._goes_on_for(1)
        self._call.plays_on()
        await self._call.expect("media.stops-when-held")
        await self.is_offered("as Webex")
        self.notes("resumed")
        await self.goes_on_after(
            "resumed",
            finding="held-not-resumed",
            what="the party took the call back",
            hint="The new offer is sendrecv: the device must send and receive again, with the keys that it had.",
        )

    async def changes_codec(self, terms: str) -> None:
        """The party offers another codec within the call, and audio goes on in it."""
        await self.is_offered(terms)
        self.notes("in another codec")
        await self.goes_on_after(
            "in another codec",
            finding="codec-change-lost",
            what="a re-INVITE with another codec",
            hint="The answer takes the codec; encoder and decoder have to follow it.",
        )

    def is_early(self) -> None:
        """The party sends an announcement before it answers, from another place and under another key."""
        self._call.leg.progress()
        if self._call.leg.early is not None:
            self._call.leg.early.stream.send_tone(_ANNOUNCEMENT_HZ)

    async def announces(self) -> None:
        """Wait until a piece of the announcement has been sent."""
        call_id = self._call.leg.call_id

        def sent() -> bool:
            windows = self._bench.seen_since(self._call.since, MediaWindow)
            return any(seen.event.call_id == call_id and seen.event.sent_packets for seen in windows)

        await self._bench.device.until(sent, self._bench.patience_s("media.srtp"))

    async def offers_late(self) -> None:
        """The device makes the offer in its 200, with SRTP."""
        await self._call.expect("call.offers-late")

    async def bears_another_source(self) -> None:
        """The party goes on as another source, and audio with it."""
        self._call.leg.stream.change_source()
        await self.goes_on_after(
            "another source",
            finding="media-source-change-lost",
            what="the far end's SSRC changed",
            hint="A transfer or an announcement brings another source: each has its own roll-over counter and numbers.",
        )

    async def brings_digits_to_the_device(self) -> None:
        """The party sends two digits as telephone-events, and the device tells of them.

        Raises :class:`NotApplicable` where they were not agreed on, or cannot be known to have come.
        """
        agreement = self._call.leg.media.agreement
        if agreement is None or agreement.dtmf is None:
            raise NotApplicable("no-events", "the device did not agree to telephone-events")

        digits = self._bench.some_digits()[:2]

        async def sends() -> None:
            self._call.leg.stream.send_dtmf(digits)

        # It has to be listened for before the first digit goes.
        await asyncio.gather(self._bench.phone.tells_of(digits), sends())
        await self._call.expect("media.digits-received", digits=digits)

    async def crosses_whole(self) -> None:
        """The tone that comes back has the level at which it was sent, is not distorted and has no gaps."""
        await self._call.expect("media.clean", requirement="MED-CLEAN", tone=self._call.tone, windows=_WHOLE_WINDOWS)

    async def bears_comfort_noise(self) -> None:
        """The party falls silent, says so by comfort noise, and speaks again. Raises :class:`NotApplicable` where the
        device did not agree to it."""
        agreement = self._call.leg.media.agreement
        if agreement is None or agreement.noise is None:
            raise NotApplicable("no-comfort-noise", "the device did not agree to comfort noise")
        self._call.leg.stream.fall_silent(_SILENT_INTERVALS)
        await self.goes_on_after(
            "silent",
            finding="comfort-noise-not-borne",
            what="the far end fell silent and sent comfort noise",
            hint="Packets of payload type 13 stand for the audio of a silent far end: the call is not over.",
        )

    async def bears_a_bad_network(self) -> None:
        """Packets are lost, doubled, swapped and late, and what is heard stays whole for the most part."""
        self._call.leg.stream.disturb(BAD_NETWORK)
        tone = self._call.plays_on()
        await self._call.expect("media.holds-up", kind="disturbed", tones=[self._heard, tone], windows=_HOLDS_WINDOWS)
        self._heard = tone

    async def is_reported_on(self) -> Deferred | None:
        """The device's reports come, protected and in their form, and at the end none of the run was in the clear."""
        await self._call.expect("rtcp.comes")
        return self._bench.over_the_whole_run("rtcp.never-in-the-clear") if self._reported() else None

    async def is_told_what_was_lost(self) -> None:
        """Packets are lost and late, and the device's reports say so, no more often than they may.

        Raises :class:`NotApplicable` without reports.
        """
        await self._sends_reports()
        self._call.leg.stream.disturb(LOSSY_NETWORK)
        await self._call.expect("rtcp.reports-loss", kind="disturbed", least=_LEAST_LOST)
        await self._call.expect("rtcp.rate", requirement="MED-RTCP-RATE")

    async def is_reported_on_where_agreed(self) -> None:
        """Reports come on the port that was agreed on. Raises likewise."""
        await self._sends_reports()
        await self._call.expect("rtcp.where-agreed")

    async def _sends_reports(self) -> None:
        if not await self._bench.device.until(self._reported, self._bench.patience_s("rtcp.comes")):
            raise NotApplicable("no-rtcp", "the device sends no RTCP")

    def _reported(self) -> bool:
        """Whether RTCP of the device came in this call."""
        reports = self._bench.seen_since(self._call.since, RtcpSeen)
        return any(one.event.call_id == self._call.leg.call_id and one.at.direction == IN for one in reports)

    async def comes_from_where_it_is_received(self) -> None:
        """The device sends from the port at which it receives."""
        await self._call.expect("media.symmetric")

    async def comes_first(self) -> None:
        """The device sends although nothing comes; the party then does as well, and is heard."""
        await self._call.expect("media.comes-first")
        self._call.leg.stream.mute(False)
        await self.is_heard()

    async def follows_to_another_place(self) -> None:
        """The party moves to another port, with a new offer, and audio crosses there."""
        self._call.leg.move()
        await self.is_offered("as Webex")
        await self._call.expect("media.moves-along", tones=[self._call.plays_on()])

    async def joins_a_conference(self) -> None:
        """A conference server takes the party's place: the offer comes from its focus (RFC 4579 section 5.6), with
        other media, and audio crosses there."""
        await self._call.is_heard()
        self._call.leg.move()
        await self.is_offered("as Webex", edit=from_a_focus)
        await self._call.expect("media.moves-along", tones=[self._call.plays_on()])

    async def is_asked_for_an_offer(self) -> None:
        """The party asks for the device's offer within the call, and audio then crosses (RFC 3725 section 4)."""
        await self._call.is_heard()
        await self._call.within.is_asked_for_an_offer()
        await self._bench.phone.echoes_again()
        await self._call.is_heard()

    def notes(self, kind: str) -> None:
        """Put into the record that something was done to the stream, here."""
        leg = self._call.leg
        self._bench.record(MediaStimulus(leg.call_id, kind), line=leg.account.line, flow=leg.flow.id)

    async def rolls_over(self) -> None:
        """The sequence number of what the party sends rolls over, as it was arranged when it called."""
        await self._bench.device.until(lambda: self._seen("rolled-over"), self._bench.patience_s("media.srtp"))

    async def does_not_hear_a_replay(self) -> None:
        """What the party sent is sent once more, as it was, and is not heard again; what it sends then is."""
        await self.is_heard()
        repeated = self._heard
        await self._goes_on_for(_REPLAYED_WINDOWS)
        await self.is_heard()
        self._call.leg.stream.replay()
        tone = self._call.plays_on()
        await self._call.expect("media.replay-not-heard", kind="replayed", tones=[repeated, tone])
        self._heard = tone

    async def is_told_to_answer(self) -> None:
        """The device is told to answer as soon as it rings; one that refuses before is none the worse for it."""
        call_id, since = self._call.leg.call_id, self._call.since
        stated = self._bench.stated("call.rings", call_id=call_id, since=since)
        deadline = asyncio.get_running_loop().time() + self._bench.patience_s("call.rings")
        judgement = await self._bench.expecting.settles(stated, deadline)
        if judgement.verdict in (Verdict.PASS, Verdict.WARN) and self._call.leg.state is LegState.EARLY:
            await self._bench.phone.answers()

    async def _goes_on_for(self, windows: int) -> None:
        """Wait until so many more windows of the call are over."""
        call_id, since = self._call.leg.call_id, self._bench.here

        def over() -> bool:
            seen = [one for one in self._bench.seen_since(since, MediaWindow) if one.event.call_id == call_id]
            return len(seen) >= windows

        await self._bench.device.until(over, self._bench.patience_s("media.srtp"))

    def _seen(self, kind: str) -> bool:
        done = self._bench.seen_since(self._call.since, MediaStimulus)
        return any((one.event.what, one.event.call_id) == (kind, self._call.leg.call_id) for one in done)
