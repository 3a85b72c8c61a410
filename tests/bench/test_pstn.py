"""Calls with the PSTN: the reference device at one end, the program at the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.bench.expecting import CannotJudge, ExpectationNotMet, NotApplicable
from certsuite.core.cases import Case, State
from certsuite.core.events import MediaOpened, PstnCall, PstnHeard
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-PSTN-010", "a title", ("PSTN-ORIG",), (), State.REGISTERED, ())
pytestmark = pytest.mark.asyncio


async def begun(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


async def test_a_call_to_the_pstn_is_heard_and_pressed_at_its_far_end(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.pstn.is_dialled_by(on.bench.phone)
    await call.far_end_answers()
    await call.far_end_hears_the_device()
    await on.bench.phone.presses("1#")
    await call.far_end_receives("1#")
    await on.bench.phone.hangs_up()
    await call.ends()
    line = on.network.registrar.accounts.of_line(1)
    called = [one for one in on.events(PstnCall) if one.state == "called"]
    assert [(one.call_id, one.text) for one in called] == [(call.leg.call_id, line.user)]
    suites = {one.suite for one in on.events(MediaOpened)}
    assert suites == {"AES_CM_128_HMAC_SHA1_80", "none"}, "SRTP to the device, RTP on the trunk"
    assert [one.level_dbfs for one in on.events(PstnHeard) if -13 < one.level_dbfs < -11], "as loud as it was played"


async def test_an_announcement_and_a_refusal_from_the_pstn_then_a_call(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.pstn.is_dialled_by(on.bench.phone)
    await call.far_end_announces()
    await call.far_end_refuses()
    on.bench.pstn.forget()
    call = await on.bench.pstn.calls_from_the_pstn(on.bench.phone.line(2))
    await call.rings()
    await on.bench.phone.answers()
    await call.is_answered()
    await call.far_end_hears_the_device()
    await call.far_end_hangs_up()


async def test_a_call_that_a_case_left_is_gone_at_the_far_end_too(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    await on.bench.pstn.is_dialled_by(on.bench.phone)
    on.bench.pstn.forget()
    await on.until(lambda: any(one.state == "ended" for one in on.events(PstnCall)))


async def test_a_device_that_covers_announcements_is_found_out(stage: Staging) -> None:
    on: Stage = await stage(reference(), "covers-announcement")
    await begun(on)
    call = await on.bench.pstn.is_dialled_by(on.bench.phone)
    with pytest.raises(ExpectationNotMet, match="425 Hz from the device before the answer"):
        await call.far_end_announces()


@pytest.mark.parametrize(
    ("program", "raised", "says"),
    [
        ('print(\'{"saw": "unavailable", "reason": "no pyVoIP"}\')', NotApplicable, "no pyVoIP.*certsuite.pstn"),
        ("raise SystemExit(1)", CannotJudge, "did not come up"),
    ],
)
async def test_a_program_that_is_missing_is_told_from_one_that_fails(
    stage: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, raised: type[Exception], says: str
) -> None:
    on: Stage = await stage()
    on.bench.begin(CASE)
    script = tmp_path / "far_end.py"
    script.write_text(program)
    monkeypatch.setattr("certsuite.bench.pstn.FAR_END", script)
    with pytest.raises(raised, match=says):
        await on.bench.pstn.is_there()


async def test_a_far_end_that_dies_says_nothing_of_the_device(stage: Staging) -> None:
    on: Stage = await stage()
    await begun(on)
    call = await on.bench.pstn.is_dialled_by(on.bench.phone)
    await on.bench.pstn.stop()
    await on.until(lambda: any(one.state == "failed" for one in on.events(PstnCall)))
    with pytest.raises(ExpectationNotMet, match="ended by itself"):
        await call.far_end_receives("1")


async def test_a_far_end_that_is_silent_is_not_the_devices_fault(stage: Staging) -> None:
    on: Stage = await stage(reference(answer_s=0.1))
    await begun(on)
    await on.bench.pstn.is_there()
    on.bench.network.trunk.far_end = (on.network.net.host(99), 5060)
    with pytest.raises(CannotJudge, match="did not ring"):
        await on.bench.pstn.is_dialled_by(on.bench.phone)
