"""Every port of a gateway in a call, with a small gateway."""

from __future__ import annotations

import pytest

from certsuite.bench.expecting import ExpectationNotMet
from certsuite.core.cases import Case, State
from certsuite.core.events import MediaOpened
from certsuite.core.places import PROFILES
from certsuite.devices.profile import DeviceProfile, load_profile
from tests.bench.conftest import Stage, Staging

CASE = Case("WXC-CALL-280", "a title", ("CALL-ALL-PORTS",), (), State.REGISTERED, ())
LINES = 4
pytestmark = pytest.mark.asyncio


def gateway() -> DeviceProfile:
    return load_profile("reference-gateway", PROFILES).model_copy(update={"lines": LINES})


async def test_each_port_hears_its_own_far_end(stage: Staging) -> None:
    on: Stage = await stage(gateway())
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    await on.bench.ports.are_all_called()
    assert len({one.call_id for one in on.events(MediaOpened)}) == LINES
    await on.bench.ports.all_end()
    assert not on.network.control.legs


async def test_a_gateway_that_crosses_its_ports_is_found_out(stage: Staging) -> None:
    on: Stage = await stage(gateway(), "crosses-ports")
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    with pytest.raises(ExpectationNotMet, match="of 4 ports give back another's audio"):
        await on.bench.ports.are_all_called()
