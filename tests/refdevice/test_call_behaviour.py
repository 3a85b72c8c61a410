"""The behaviour in calls as a part of the device's."""

from __future__ import annotations

from dataclasses import fields

from certsuite.refdevice.behaviour import COMPLIANT, Behaviour
from certsuite.refdevice.call_behaviour import CallBehaviour
from certsuite.refdevice.call_faults import CALL_FAULTS


def test_it_is_a_part_of_the_behaviour_with_the_same_defaults() -> None:
    of_calls = CallBehaviour()
    names = {one.name for one in fields(CallBehaviour)}
    assert names < {one.name for one in fields(Behaviour)}
    assert all(getattr(COMPLIANT, name) == getattr(of_calls, name) for name in names)


def test_the_faults_in_calls_change_it() -> None:
    names = {one.name for one in fields(CallBehaviour)}
    assert all(set(fault.changes) & names for fault in CALL_FAULTS)
