"""Conferences that a device mixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.checks.good_media import hears, opens

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


@pytest.mark.parametrize(
    ("tone", "observed"),
    [
        (0.0, "a far end receives audio without the 560 Hz of the other"),
        (740.0, "a far end receives its own 740 Hz, and not the 560 Hz of the other"),
    ],
)
def test_each_far_end_hears_the_other(trace: Trace, tone: float, observed: str) -> None:
    opens(trace)
    judged = trace.fails("conference.hears", "conference-one-way", settled=False, tone=560, own=740)
    assert judged.findings[0].observed == "a far end receives no audio"
    hears(trace, tone)
    judged = trace.fails("conference.hears", "conference-one-way", settled=False, tone=560, own=740)
    assert judged.findings[0].observed == observed
    hears(trace, 560.0)
    trace.passes("conference.hears", tone=560, own=740)
