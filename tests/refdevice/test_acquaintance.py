"""What the device remembers of servers, if it is so faulty."""

from __future__ import annotations

from typing import Any, cast

import pytest

from certsuite.refdevice.acquaintance import Acquaintance
from certsuite.refdevice.behaviour import behaviour_with
from certsuite.refdevice.tls import TlsChannel
from certsuite.refdevice.transport import Target

_ONE, _OTHER = Target("one.example", "127.0.0.1", 5061), Target("other.example", "127.0.0.2", 5061)


class _Channel:
    def __init__(self, issuer: str = "lab", *, session_refused: bool = False) -> None:
        self.issuer = issuer
        self.session: Any = object()
        self.session_refused = session_refused


def _met(fault: str, *meetings: tuple[Target, _Channel]) -> tuple[Acquaintance, list[str]]:
    known = Acquaintance(behaviour_with([fault] if fault else []))
    return known, [known.objection(target, cast("TlsChannel", channel)) for target, channel in meetings]


def test_a_compliant_device_remembers_nothing() -> None:
    known, objections = _met("", (_ONE, _Channel("lab")), (_ONE, _Channel("other")))
    assert objections == ["", ""]
    assert known.behaviour_towards(_ONE) == behaviour_with([])
    assert known.session_with(_ONE) is None


def test_one_that_verifies_once_trusts_whom_it_has_met() -> None:
    known, _ = _met("verifies-once", (_ONE, _Channel()))
    assert not known.behaviour_towards(_ONE).verifies_chain
    assert not known.behaviour_towards(_ONE).verifies_host_name
    assert known.behaviour_towards(_OTHER).verifies_chain


def test_one_that_pins_takes_no_other_issuer() -> None:
    _, objections = _met("pins-issuer", (_ONE, _Channel()), (_OTHER, _Channel()), (_ONE, _Channel("other")))
    assert objections[:2] == ["", ""]
    assert "issuer" in objections[2]


@pytest.mark.parametrize("refused", [False, True])
def test_one_that_insists_offers_each_session_once(refused: bool) -> None:
    first = _Channel()
    known, _ = _met("insists-on-session", (_ONE, first))
    assert known.session_with(_OTHER) is None
    assert known.session_with(_ONE) is first.session
    assert known.session_with(_ONE) is None
    objection = known.objection(_ONE, cast("TlsChannel", _Channel(session_refused=refused)))
    assert bool(objection) is refused
