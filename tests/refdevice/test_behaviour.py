"""The named faults."""

from __future__ import annotations

import pytest

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.faults import FAULTS, UnknownFault, behaviour_with


def test_no_fault_is_the_compliant_phone() -> None:
    assert behaviour_with([]) == Behaviour()


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_changes_something_and_says_what(name: str) -> None:
    assert behaviour_with([name]) != Behaviour()
    assert FAULTS[name].description


def test_faults_add_up() -> None:
    behaviour = behaviour_with(["never-refreshes", "wrong-digest"])
    assert not behaviour.refreshes
    assert behaviour.wrong_digest
    assert behaviour_with(["accepts-expired", "accepts-self-signed"]).overlooks == ("expired", "self-signed")


def test_an_unknown_fault_lists_those_that_there_are() -> None:
    with pytest.raises(UnknownFault, match="wrong-digest") as raised:
        behaviour_with(["no-such-fault"])
    assert all(name in str(raised.value) for name in FAULTS)
