"""The media of calls, with the reference device at the other end."""

from __future__ import annotations

import pytest

from certsuite.bench.expecting import ExpectationNotMet, NotApplicable
from certsuite.core.cases import Case, State
from certsuite.core.events import DriverAction, Expectation, MediaOpened, MediaStimulus, MediaWindow
from tests.bench.conftest import Stage, Staging

CASE = Case("WXC-MED-052", "a title", ("MED-SRTP-COUNTER",), (), State.REGISTERED, ())


async def begun(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


@pytest.mark.asyncio
async def test_what_is_done_to_a_stream_is_recorded_and_borne(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.is_in_a_call()
    await call.media.is_heard()
    await call.media.bears_another_source()
    await call.media.follows_to_another_place()
    await call.media.comes_from_where_it_is_received()
    assert [event.what for event in on.events(MediaStimulus)] == ["another source"]
    opened = on.events(MediaOpened)
    assert len({event.local for event in opened}) == 2
    # No tone comes twice: what comes back late proves nothing.
    last = [event.params["tones"][-1] for event in on.events(Expectation) if event.params.get("tones")]
    assert len(last) == len(set(last)) == 3


@pytest.mark.asyncio
async def test_a_suite_alone_may_be_refused(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(1), offering="AES_256_CM_HMAC_SHA1_80 alone")
    await call.media.is_taken_or_refused(suite="AES_256_CM_HMAC_SHA1_80")
    assert not on.events(MediaOpened)


@pytest.mark.asyncio
async def test_a_device_that_keeps_its_first_key_is_found_out(stage: Staging) -> None:
    on: Stage = await stage(None, "keeps-first-keys")
    await begun(on)
    call = await on.bench.colleague.is_in_a_call()
    await call.media.is_heard()
    await call.media.is_offered("new keys")
    call.media.notes("given a new key")
    with pytest.raises(ExpectationNotMet) as met:
        await call.media.goes_on_after("given a new key", finding="srtp-new-key-not-taken", what="it", hint="look")
    assert [finding.id for finding in met.value.judgement.findings] == ["srtp-new-key-not-taken"]


@pytest.mark.asyncio
async def test_reports_digits_and_silence(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(1), offering="comfort noise")
    await call.media.is_answered_rightly()
    await call.media.is_heard()
    await call.media.is_reported_on()
    await call.media.bears_comfort_noise()
    await call.media.brings_digits_to_the_device()
    await call.media.is_told_what_was_lost()
    assert [event.what for event in on.events(MediaStimulus)] == ["silent", "digits sent", "disturbed"]
    assert [event.ok for event in on.events(DriverAction) if event.action == "hears"] == [True]


@pytest.mark.asyncio
async def test_what_the_device_does_not_offer_does_not_apply(stage: Staging) -> None:
    on: Stage = await stage(None, "no-rtcp")
    await begun(on)
    call = await on.bench.colleague.is_in_a_call()
    with pytest.raises(NotApplicable, match="comfort noise"):
        await call.media.bears_comfort_noise()
    with pytest.raises(NotApplicable, match="no RTCP"):
        await call.media.is_told_what_was_lost()


@pytest.mark.asyncio
async def test_a_party_that_latches_sends_nothing_before_it_is_told_to(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.colleague.calls(on.bench.phone.line(1), offering="latching")
    await call.media.is_answered_rightly()
    await call.media.comes_first()
    windows = [event for event in on.events(MediaWindow) if event.packets]
    assert windows[0].sent_packets == 0
    assert windows[-1].sent_packets > 0
