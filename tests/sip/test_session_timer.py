"""Session timers as they stand in messages (RFC 4028)."""

from __future__ import annotations

import pytest

from certsuite.sip.message import SipMessage
from certsuite.sip.session_timer import SessionTimer, min_se, names_option, session_timer, timer_granted


def update(*headers: tuple[str, str]) -> SipMessage:
    return SipMessage("UPDATE", "sip:a@x", headers=headers)


@pytest.mark.parametrize(
    ("name", "value", "timer"),
    [
        ("Session-Expires", "90;refresher=UAS", SessionTimer(90, "uas")),
        ("Session-Expires", "1800 ; refresher=uac;lab=1", SessionTimer(1800, "uac")),
        ("Session-Expires", "90", SessionTimer(90, "")),
        ("Session-Expires", "soon", None),
        ("Session-Expires", "9" * 30, None),
        ("Session-Expires", "\u0661", None),
        ("Expires", "90", None),
    ],
)
def test_what_session_expires_says(name: str, value: str, timer: SessionTimer | None) -> None:
    assert session_timer(update((name, value))) == timer
    assert bool(timer_granted(update((name, value)))) == bool(timer)


def test_a_refresh_is_granted_what_it_asks_for() -> None:
    granted = timer_granted(update(("Session-Expires", "90;refresher=uas")))
    assert granted == [("Require", "timer"), ("Session-Expires", "90;refresher=uas")]
    assert timer_granted(update(("Session-Expires", "90")))[1] == ("Session-Expires", "90;refresher=uac")


@pytest.mark.parametrize(("interval", "over"), [(1800, 1768.0), (90, 60.0), (3, 2.0)])
def test_a_session_is_over_before_its_interval_is(interval: int, over: float) -> None:
    assert SessionTimer(interval, "uac").over_after_s == over


def test_min_se() -> None:
    assert min_se(update(("Min-SE", "120;lab"))) == 120
    assert min_se(update(("Min-SE", "x"))) is None
    assert min_se(update()) is None


def test_option_tags() -> None:
    message = update(("Supported", "replaces, Timer"), ("k", "100rel"), ("Require", ""))
    assert names_option(message, "Supported", "timer")
    assert names_option(message, "Supported", "100rel")
    assert not names_option(message, "Require", "timer")
