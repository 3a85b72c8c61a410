"""Small records on which the checks about subscriptions pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import BenchChanged, BindingChanged, SubscriptionChanged
from certsuite.core.observations import OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PACKAGE = "message-summary"


def granted(trace: Trace, granted_s: int = 600, *, flow: str = "f1", edge: str = "primary") -> None:
    trace.see(SubscriptionChanged(PACKAGE, "a@x", granted_s, "s"), flow=flow, edge=edge, line=1)


def is_notified(trace: Trace) -> None:
    trace.request("SUBSCRIBE", call_id="s", headers={"Event": PACKAGE})
    granted(trace)
    trace.request("NOTIFY", OUT, call_id="s", headers={"Event": PACKAGE})
    trace.answer(200, method="NOTIFY", call_id="s")


def refreshes(trace: Trace) -> None:
    granted(trace, 2)
    trace.after(1)
    granted(trace)


def resubscribes(trace: Trace) -> None:
    detail = {"failure": "is silent", "cut": True, "bound": {"1": ["primary", "f1"]}}
    subscribed = {"subscribed": [[1, PACKAGE, "a@x"]]}
    trace.see(BenchChanged("primary edge", "silent", {**detail, **subscribed}), edge="primary")
    trace.after(5).see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)
    trace.after(1)
    granted(trace, flow="f2", edge="secondary")


def takes_unasked(trace: Trace) -> None:
    trace.request("NOTIFY", OUT, headers={"Event": PACKAGE})
    trace.answer(200, method="NOTIFY")


GOOD_SUBSCRIPTIONS: dict[str, tuple[Callable[[Trace], object], dict[str, Any]]] = {
    "sub.is-notified": (is_notified, {"package": PACKAGE}),
    "sub.refreshes": (refreshes, {"package": PACKAGE, "granted_s": 2}),
    "sub.takes-unsolicited": (takes_unasked, {"subscribed": False}),
    "fo.resubscribes": (resubscribes, {"phase": "silent", "lines": 1}),
}
"By check: what was observed, and the parameters that it is asked with."
