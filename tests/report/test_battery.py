"""The table of certificate chains, as the report tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.core.events import (
    ClientHelloSeen,
    Event,
    FlowClosed,
    SipKeepAlive,
    TargetsWalked,
    TlsAlert,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import IN, OUT
from certsuite.report.battery import gather_battery
from certsuite.report.html import index_html

if TYPE_CHECKING:
    from tests.report.conftest import Run


def connection(journal: Journal, flow: str, presentation: str, *events: Event) -> None:
    journal.record(TlsPresented(presentation, ("TLSv1.2",)), flow=flow, edge=presentation, direction=OUT)
    for event in events:
        journal.record(event, flow=flow, edge=presentation, direction=IN)


def test_each_chain_with_what_was_done_about_it() -> None:
    journal = Journal(SystemClock())
    fin = FlowClosed("device", "fin")
    connection(journal, "f1", "good", SipKeepAlive("ping"))
    connection(journal, "f2", "wrong-host", TlsAlert(2, 42, "bad_certificate"), fin)
    connection(journal, "f3", "expired", TlsEstablished("TLSv1.3", "x"), SipKeepAlive("ping"), fin)
    connection(journal, "f4", "expired", TlsAlert(2, 45, "certificate_expired"), fin)
    connection(journal, "f5", "rsa-4096", TlsEstablished("TLSv1.3", "x"), TlsAlert(1, 0, "close_notify"), fin)
    connection(journal, "f6", "wildcard")
    connection(journal, "f7", "revoked-stapled", SipKeepAlive("ping"))
    connection(journal, "x8", "self-signed", SipKeepAlive("ping"))
    battery = gather_battery(journal.since(0))
    assert battery is not None
    told = {one.name: (one.due, one.accepted, one.as_due, one.how, one.connections) for one in battery.shown}
    assert told == {
        "wrong-host": ("refused", False, True, "alert 42 (bad_certificate)", 1),
        "expired": ("refused", True, False, "SIP over TLSv1.3", 2),
        "rsa-4096": ("accepted", False, False, "ended by the device (fin) after the handshake, without an alert", 1),
        "wildcard": ("either", False, True, "silence", 1),
        "revoked-stapled": ("either", True, True, "SIP", 1),
    }
    assert battery.walk is None


@pytest.mark.parametrize(("extensions", "due", "as_due"), [((0, 5, 10), "refused", False), ((0, 10), "either", True)])
def test_who_asked_for_a_stapled_answer_has_to_heed_it(extensions: tuple[int, ...], due: str, as_due: bool) -> None:
    journal = Journal(SystemClock())
    hello = ClientHelloSeen(b"", "TLSv1.2", ("TLSv1.2",), (0xC02F,), extensions=extensions)
    connection(journal, "f1", "revoked-stapled", hello, TlsEstablished("TLSv1.2", "x"), SipKeepAlive("ping"))
    battery = gather_battery(journal.since(0))
    assert battery is not None
    (shown,) = battery.shown
    assert (shown.due, shown.accepted, shown.as_due) == (due, True, as_due)


def test_a_run_that_showed_none() -> None:
    journal = Journal(SystemClock())
    connection(journal, "f1", "good", SipKeepAlive("ping"))
    assert gather_battery(journal.since(0)) is None


def test_a_walk_past_the_steps_of_a_root_probe_is_another_affair() -> None:
    journal = Journal(SystemClock())
    connection(journal, "f1", "unknown-root", TlsAlert(2, 48, "unknown_ca"))
    steps = ("stapled TLSv1.2 unknown 1", "stapled TLSv1.2 trusted 1")
    journal.record(TargetsWalked(steps, steps, "one answer", 3, 1, 4.0))
    journal.record(TargetsWalked(steps, steps, "one by one", 1, 2, 9.0))
    battery = gather_battery(journal.since(0))
    assert battery is not None
    assert (battery.walk, battery.one_by_one_shown) == (None, 0)


def test_what_the_walk_took_stands_on_the_page_beside_one_by_one(run: Run) -> None:
    journal = Journal(SystemClock())
    connection(journal, "f1", "expired", TlsAlert(2, 45, "certificate_expired"))
    journal.record(TargetsWalked(("expired", "wildcard"), ("expired",), "pairs", 2, 3, 4.0))
    for name in ("expired", "wildcard"):
        journal.record(TargetsWalked((name,), (name,), "one by one", 1, 1, 2.5))
    battery = gather_battery(journal.since(0))
    assert battery is not None
    assert (battery.one_by_one_shown, battery.one_by_one_for_all_s) == (2, 5.0)
    page = index_html(run.result, {}, {}, battery=battery).decode("utf-8")
    assert "2 chains in 3 attempts to register and 4.0 s (pairs; at most 2 targets of one answer)" in page
    assert "One by one, 2 of them took 5.0 s in the same run: 5 s for all." in page
    assert "alert 45 (certificate_expired)" in page
