"""What a device subscribes to, and what becomes of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import BenchChanged, BindingChanged, SubscriptionChanged
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PACKAGE = {"Event": "message-summary"}


def granted(
    trace: Trace,
    granted_s: int = 600,
    *,
    edge: str = "primary",
    line: int = 1,
    why: str = "subscribe",
    call_id: str = "s",
) -> None:
    flow = "f1" if edge == "primary" else "f2"
    event = SubscriptionChanged("message-summary", "a@x", granted_s, call_id, why)
    trace.see(event, flow=flow, edge=edge, line=line)


def subscribes(trace: Trace) -> None:
    trace.request("SUBSCRIBE", call_id="s", headers=PACKAGE)
    granted(trace)


def is_told(trace: Trace, status: int | None = 200) -> None:
    trace.request("NOTIFY", OUT, call_id="s", headers=PACKAGE)
    if status is not None:
        trace.answer(status, "R", method="NOTIFY", call_id="s")


# --- sub.is-notified


def test_a_notify_within_the_subscription_must_be_taken(trace: Trace) -> None:
    subscribes(trace)
    trace.is_open("sub.is-notified", "never-notified", package="message-summary")
    is_told(trace, None)
    trace.fails("sub.is-notified", "notify-not-answered", settled=False, package="message-summary")
    trace.answer(200, method="NOTIFY", call_id="s")
    trace.passes("sub.is-notified", package="message-summary")


def test_a_notify_that_is_refused(trace: Trace) -> None:
    subscribes(trace)
    is_told(trace, 481)
    judged = trace.fails("sub.is-notified", "notify-refused", package="message-summary")
    assert "481 R" in judged.findings[0].observed


def test_an_order_outside_of_it_proves_nothing(trace: Trace) -> None:
    subscribes(trace)
    trace.request("NOTIFY", OUT, call_id="other", headers={"Event": "check-sync"})
    trace.answer(200, method="NOTIFY", call_id="other")
    trace.is_open("sub.is-notified", "never-notified", package="message-summary")


def test_who_claims_it_and_does_not_subscribe(trace: Trace) -> None:
    trace.see(SubscriptionChanged("dialog", "b@x", 600, "d"), line=1)
    judged = trace.fails("sub.is-notified", "subscription-never", settled=False, package="message-summary")
    assert judged.findings[0].observed == "no SUBSCRIBE for message-summary"
    trace.request("SUBSCRIBE", call_id="s", headers=PACKAGE)
    trace.answer(403, method="SUBSCRIBE", call_id="s", direction=OUT)
    judged = trace.fails("sub.is-notified", "subscription-never", settled=False, package="message-summary")
    assert "answered 403" in judged.findings[0].observed


# --- sub.refreshes


@pytest.mark.parametrize("why", ["refresh", "subscribe"])
def test_a_refresh_in_time(trace: Trace, why: str) -> None:
    granted(trace, 2)
    trace.is_open("sub.refreshes", "not-over", package="message-summary", granted_s=2)
    trace.after(1)
    granted(trace, 600, why=why)
    judged = trace.passes("sub.refreshes", package="message-summary", granted_s=2)
    assert judged.measurements[0].value == 1


def test_a_second_one_beside_it_is_no_refresh(trace: Trace) -> None:
    granted(trace, 2)
    granted(trace, 2, call_id="other")
    trace.is_open("sub.refreshes", "not-over", package="message-summary", granted_s=2)
    trace.after(2)
    granted(trace, 0, why="expired")
    trace.fails("sub.refreshes", "subscription-expired", package="message-summary", granted_s=2)


@pytest.mark.parametrize(("after_s", "call_id"), [(0.1, "s"), (1.5, "other")])
def test_a_refresh_is_in_its_dialog_or_late(trace: Trace, after_s: float, call_id: str) -> None:
    granted(trace, 2)
    trace.after(after_s)
    granted(trace, 600, call_id=call_id)
    trace.passes("sub.refreshes", package="message-summary", granted_s=2)


def test_one_that_ended_before(trace: Trace) -> None:
    granted(trace, 2)
    trace.after(2)
    granted(trace, 0, why="expired")
    trace.after(1)
    granted(trace, 600)
    trace.fails("sub.refreshes", "subscription-expired", package="message-summary", granted_s=2)


def test_another_line_s_is_no_refresh(trace: Trace) -> None:
    granted(trace, 2)
    trace.after(1)
    granted(trace, 600, line=2)
    trace.is_open("sub.refreshes", "not-over", package="message-summary", granted_s=2)
    trace.is_open("sub.refreshes", "never-granted", package="message-summary", granted_s=3)


# --- fo.resubscribes


def fails(trace: Trace, *subscribed: int) -> None:
    detail = {
        "failure": "refuses",
        "bound": {"1": ["primary", "f1"]},
        "subscribed": [[line, "message-summary", "a@x"] for line in subscribed],
    }
    trace.see(BenchChanged("primary edge", "reset", detail), edge="primary")


def moves(trace: Trace) -> None:
    trace.after(5).see(BindingChanged("sip:a@x", "sip:a@y", 60), flow="f2", edge="secondary", line=1)


def test_every_subscription_must_be_made_again(trace: Trace) -> None:
    fails(trace, 1, 2)
    trace.is_open("fo.resubscribes", "never-moved", phase="reset")
    moves(trace)
    trace.after(1)
    granted(trace, edge="secondary")
    judged = trace.fails("fo.resubscribes", "subscriptions-lost", settled=False, phase="reset")
    assert "1 of 2 subscriptions" in judged.findings[0].observed
    assert "line 2" in judged.findings[0].observed
    trace.after(2)
    granted(trace, edge="secondary", line=2)
    assert trace.passes("fo.resubscribes", phase="reset").measurements[0].value == 3


def test_what_stands_at_the_failed_edge_is_not_made_again(trace: Trace) -> None:
    fails(trace, 1)
    granted(trace)
    moves(trace)
    trace.fails("fo.resubscribes", "subscriptions-lost", settled=False, phase="reset")


def test_after_more_than_a_minute_it_is_late(trace: Trace) -> None:
    fails(trace, 1)
    moves(trace)
    trace.after(70)
    granted(trace, edge="secondary")
    trace.fails("fo.resubscribes", "subscriptions-late", verdict=Verdict.WARN, phase="reset")


def test_who_subscribed_to_nothing_cannot_lose_it(trace: Trace) -> None:
    trace.is_open("fo.resubscribes", "never-failed", phase="reset")
    fails(trace)
    moves(trace)
    trace.is_open("fo.resubscribes", "never-subscribed", phase="reset")


def test_what_was_not_asked_for_is_taken(trace: Trace) -> None:
    about: dict[str, Any] = {"subscribed": False}
    trace.is_open("sub.takes-unsolicited", "not-stimulated", **about)
    trace.request("NOTIFY", OUT)
    trace.fails("sub.takes-unsolicited", "unsolicited-notify-refused", settled=False, **about)
    trace.answer(481, method="NOTIFY")
    trace.fails("sub.takes-unsolicited", "unsolicited-notify-refused", verdict=Verdict.WARN, **about)
    # Who has a subscription is told by that.
    trace.passes("sub.takes-unsolicited", subscribed=True)
