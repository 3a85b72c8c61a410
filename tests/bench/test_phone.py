"""The device as a case makes it act: a real program hears it."""

from __future__ import annotations

import pytest

from certsuite.bench.expecting import ExpectationNotMet
from certsuite.core.cases import Case, State
from certsuite.core.errors import DriverError
from certsuite.core.events import DriverAction, DtmfEvent, Expectation, MediaWindow, TlsPresented
from certsuite.edge.call_leg import LegState
from tests.bench.conftest import Stage, Staging

CASE = Case("WXC-CALL-010", "a title", ("CALL-ORIG",), (), State.REGISTERED, ())


async def in_state(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


@pytest.mark.asyncio
async def test_it_says_who_it_is(stage: Staging) -> None:
    on: Stage = await stage()
    phone = on.bench.phone
    assert (phone.make, phone.model) == ("Certsuite", "ReferencePhone")
    assert phone.user_agent == r"^Certsuite ReferencePhone/1\.0$"
    assert phone.line(2).number == 2


@pytest.mark.asyncio
async def test_it_dials_holds_resumes_presses_and_hangs_up(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    phone, party = on.bench.phone, on.bench.colleague
    await phone.dials(party, line=2)
    call = await party.is_called(line=2)
    assert call.leg.account.line == 2
    (placed,) = on.events(Expectation)
    assert (placed.check, placed.params) == ("call.is-placed", {"number": party.number})
    await call.party_answers()
    await phone.presses("5")
    await on.until(lambda: [event.digit for event in on.events(DtmfEvent)] == ["5"])
    await phone.holds()
    await call.is_held()
    await phone.resumes()
    told_at = on.journal.next_seq
    await phone.hangs_up()
    await call.ends()
    assert on.events(Expectation)[-1].params == {"after": told_at}
    await on.until(lambda: call.leg.state is LegState.ENDED)
    actions = [(event.action, event.ok) for event in on.events(DriverAction)]
    assert actions == [(name, True) for name in ("dial", "dtmf", "hold", "resume", "hangup")]
    assert on.events(DriverAction)[0].arguments["uri"].startswith(f"sip:{party.number}@")


@pytest.mark.asyncio
async def test_it_answers_what_rings_and_says_when_nothing_does(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    with pytest.raises(DriverError):
        await on.bench.phone.answers()
    call = await on.bench.colleague.calls(on.bench.phone.line(1))
    await call.rings()
    await on.bench.phone.answers()
    await call.is_answered()


@pytest.mark.asyncio
async def test_it_connects_anew(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    since = on.journal.next_seq
    await on.bench.phone.connects_anew()
    assert on.device.attempt_seq >= since


@pytest.mark.asyncio
async def test_after_a_fault_it_takes_the_very_edge_that_it_refused(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    since = on.journal.next_seq
    await on.bench.device_takes_the_good_primary()
    (control,) = on.events(Expectation)
    assert (control.check, control.control) == ("tls.trusts", True)
    assert control.params == {"edge": "primary", "presentation": "good"}
    presented = [seen for seen in on.journal.since(since) if isinstance(seen.event, TlsPresented)]
    assert {seen.edge for seen in presented} - {"provisioning"} == {"primary"}


@pytest.mark.asyncio
async def test_what_comes_to_the_other_edge_alone_is_no_control(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    await on.bench.primary.refuses_connections()
    on.bench.patience_s = lambda check: 1.0  # type: ignore[method-assign]
    with pytest.raises(ExpectationNotMet):
        await on.bench.device_takes_the_good_primary()


@pytest.mark.asyncio
@pytest.mark.parametrize(("faults", "does"), [((), True), (("dials-nothing-beside-held",), False)])
async def test_it_may_dial_beside_a_held_call(stage: Staging, faults: tuple[str, ...], does: bool) -> None:
    on: Stage = await stage(None, *faults)
    await in_state(on)
    call = await on.bench.colleague.is_in_a_call()
    await on.bench.phone.holds()
    await call.is_held(as_control=True)
    await on.bench.phone.tries_to_dial_number("911")
    assert on.events(DriverAction)[-1].ok == does
    if does:
        await on.bench.colleague.is_reached_by("911")
    assert call.leg.state is LegState.CONFIRMED
    assert [event.control for event in on.events(Expectation) if event.check == "call.is-held"] == [True]


@pytest.mark.asyncio
async def test_a_loop_of_audio_is_taken_up_again_when_the_old_codec_is_over(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: Stage = await stage()
    await in_state(on)
    call = await on.bench.colleague.is_in_a_call()
    windows: list[int] = []

    async def act(action: str) -> None:
        windows.append(len(on.bench.seen_since(since, MediaWindow)))

    since = on.bench.here
    monkeypatch.setattr(on.device, "act", act)
    await on.bench.phone.echoes_again()
    assert windows == [], "the reference device has no such loop"
    monkeypatch.setattr(on.device.driver, "can", lambda action: action == "echo")
    await on.bench.phone.echoes_again()
    assert [count >= 2 for count in windows] == [True]
    await call.hangs_up()
