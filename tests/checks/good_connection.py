"""Small records on which the checks about connections pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import BenchChanged, BindingChanged, FlowClosed, SipKeepAlive, TrafficClass
from certsuite.core.observations import IN, OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

    Record = Callable[[Trace], object]

GOOD_CONNECTION: dict[str, tuple[Record, dict[str, Any]]] = {}
"By check: what was observed, and the parameters that it is asked with."


def _good(check: str, **params: Any) -> Callable[[Record], Record]:
    def decorate(record: Record) -> Record:
        GOOD_CONNECTION[check] = (record, params)
        return record

    return decorate


def binds(trace: Trace, flow: str = "f1", *, line: int = 1) -> None:
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 240), flow=flow, edge="primary", line=line, direction=IN)


def pings(trace: Trace, flow: str = "f1", form: str = "ping") -> None:
    trace.see(SipKeepAlive(form), flow=flow, edge="primary", direction=IN)
    trace.see(SipKeepAlive("pong"), flow=flow, edge="primary", direction=OUT)


def forgets(trace: Trace) -> None:
    detail = {"failure": "forgets", "cut": True, "bound": {"1": ["primary", "f1"]}}
    trace.see(BenchChanged("primary edge", "forgotten", detail), edge="primary")


@_good("net.keeps-alive", interval_s=30)
def keeps_alive(trace: Trace) -> None:
    trace.connects()
    binds(trace)
    for _ in range(3):
        trace.after(30)
        pings(trace)


@_good("net.notices-silence", interval_s=30)
def notices_silence(trace: Trace) -> None:
    binds(trace)
    forgets(trace)
    trace.after(35).see(FlowClosed("device", "fin"), flow="f1", edge="primary")


@_good("net.another-port", lines=1)
def comes_by_another_port(trace: Trace) -> None:
    binds(trace)
    forgets(trace)
    trace.after(10).connects("f2")
    binds(trace, "f2")


@_good("net.no-default-port")
def connects(trace: Trace) -> None:
    trace.connects()


@_good("net.traffic-class")
def marks(trace: Trace) -> None:
    trace.connects()
    trace.see(TrafficClass(24, "sip"), flow="f1", edge="primary", direction=IN)
    trace.see(TrafficClass(46, "rtp"), flow="f1", edge="primary", direction=IN)
