"""What a target walk cost, from the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certsuite.core.events import TargetsWalked, TlsPresented
from certsuite.core.observations import OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def shows(trace: Trace, name: str, flow: str, *, taken: bool) -> None:
    trace.connects(flow, name)
    trace.see(TlsPresented(name, ("TLSv1.2",)), flow=flow, edge=name, direction=OUT)
    if taken:
        trace.request("REGISTER", flow=flow)


def walk(trace: Trace, *names: str, mode: str = "one answer", took_s: float = 2.0) -> None:
    trace.see(TargetsWalked(names, names, mode, len(names) + 1, 1, took_s))


def test_without_a_walk_nothing_is_measured(trace: Trace) -> None:
    trace.connects()
    trace.is_open("walk.measured", "not-walked")


def test_a_device_that_came_to_no_target(trace: Trace) -> None:
    trace.connects()
    trace.see(TargetsWalked(("expired",), (), "one by one", 0, 1, 10.0))
    trace.is_open("walk.measured", "not-walked")


def test_a_walk_and_what_one_by_one_takes(trace: Trace) -> None:
    for flow, name in (("f1", "expired"), ("f2", "rsa-3072"), ("f3", "wildcard"), ("f4", "wrong-host")):
        shows(trace, name, flow, taken=name in ("rsa-3072", "wildcard"))
    walk(trace, "expired", "rsa-3072", "wildcard", "wrong-host")
    for flow, name in (("f5", "expired"), ("f6", "rsa-3072")):
        shows(trace, name, flow, taken=name == "rsa-3072")
        walk(trace, name, mode="one by one", took_s=1.5)
    measured = {one.name: (one.value, one.unit) for one in trace.passes("walk.measured").measurements}
    assert measured == {
        "targets_shown": (4.0, ""),
        "targets_walked_in_one_answer": (5.0, ""),
        "walk_attempts": (1.0, ""),
        "walk_time": (2.0, "s"),
        "one_by_one_shown": (2.0, ""),
        "one_by_one_attempts": (2.0, ""),
        "one_by_one_time": (3.0, "s"),
        "one_by_one_time_for_all": (6.0, "s"),
    }


def test_a_walk_that_says_otherwise_than_one_by_one_measures_nothing(trace: Trace) -> None:
    shows(trace, "expired", "f1", taken=False)
    walk(trace, "expired")
    shows(trace, "expired", "f2", taken=True)
    walk(trace, "expired", mode="one by one")
    assert "expired" in trace.is_open("walk.measured", "walk-disagrees").reason
