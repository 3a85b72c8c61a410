"""A device whose clock is wrong at its start, with the reference device as a real program."""

from __future__ import annotations

from shutil import which

import pytest

from certsuite.bench.expecting import ExpectationNotMet, NotApplicable
from certsuite.core.cases import Case, State
from certsuite.core.events import BenchChanged, TlsAlert
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-TLS-190", "a title", ("TLS-CLOCK",), (), State.REGISTERED, ())
CHECK = "tls.comes-with-its-clock"


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["", "needs-clock-at-start"])
async def test_the_clock_is_set_after_the_edges_were_met(stage: Staging, fault: str) -> None:
    if not which("faketime"):
        pytest.skip("faketime is not here: apt-get install faketime")
    # The fault shows when patience is over.
    on: Stage = await stage(reference(register_s=20.0), *([fault] if fault else []), time_scale=0.2 if fault else 1.0)
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    await on.bench.clock.is_of_1970_and_set_later()
    assert [event.behaviour for event in on.events(BenchChanged) if event.what == "clock"] == ["1970", "right"]
    assert on.events(TlsAlert), "no chain of the edges is valid in 1970"
    if fault:
        with pytest.raises(ExpectationNotMet) as unmet:
            await on.bench.expect_after_its_own_retry(CHECK, lines=on.device.profile.lines)
        assert [one.id for one in unmet.value.judgement.findings] == ["tls-never-without-clock"]
    else:
        await on.bench.expect_after_its_own_retry(CHECK, lines=on.device.profile.lines)
    # What starts it next starts it with the right time.
    await on.device.restart()
    on.device.unreachable.clear()
    await on.device.reach(State.REGISTERED)


@pytest.mark.asyncio
@pytest.mark.parametrize(("clock", "says"), [(None, "cannot be set"), ("faketime", "is not on this machine")])
async def test_a_clock_that_cannot_be_set(
    stage: Staging, monkeypatch: pytest.MonkeyPatch, clock: str | None, says: str
) -> None:
    monkeypatch.setattr("certsuite.devices.drivers.faketime.is_here", lambda: False)
    profile = reference()
    control = profile.control.model_copy(update={"clock": clock})
    on: Stage = await stage(profile.model_copy(update={"control": control}))
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    with pytest.raises(NotApplicable, match=says):
        await on.bench.clock.is_of_1970_and_set_later()
    assert on.device.registered
