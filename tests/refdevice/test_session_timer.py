"""The session timer of one call."""

from __future__ import annotations

import asyncio

import pytest

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.session_timer import SessionTimer, interval_of
from certsuite.sip.message import SipMessage

PATIENCE_S = 20.0


class Clock:
    """A session timer, and what it asked for."""

    def __init__(self, behaviour: Behaviour | None = None, minimum_s: int = 1) -> None:
        self.refresh = asyncio.Event()
        self.over = asyncio.Event()
        self.timer = SessionTimer(behaviour or Behaviour(), minimum_s, refresh=self.refresh.set, over=self.over.set)


def message(*headers: tuple[str, str], status: int = 0) -> SipMessage:
    return SipMessage("" if status else "INVITE", "sip:a@x", status=status, headers=headers)


def asked(session: str) -> SipMessage:
    return message(("Supported", "replaces, timer"), ("Session-Expires", session))


@pytest.mark.parametrize(("value", "seconds"), [("90;refresher=uac", 90), ("x", 0), ("", 0), ("9" * 12, 0)])
def test_intervals_are_read(value: str, seconds: int) -> None:
    assert interval_of(message(("Session-Expires", value))) == seconds


@pytest.mark.asyncio
async def test_whoever_is_named_refreshes() -> None:
    clock = Clock()
    assert clock.timer.asked() == []
    assert clock.timer.grant(asked("90;refresher=uac")) == [
        ("Require", "timer"),
        ("Session-Expires", "90;refresher=uac"),
    ]
    assert clock.timer.asked()[1] == ("Session-Expires", "90;refresher=uas")
    assert clock.timer.grant(asked("1;refresher=uas")) == [("Session-Expires", "1;refresher=uas")]
    async with asyncio.timeout(PATIENCE_S):
        await clock.refresh.wait()
    assert not clock.over.is_set()
    assert clock.timer.asked()[1] == ("Session-Expires", "1;refresher=uac")


@pytest.mark.asyncio
async def test_a_far_end_that_knows_no_timers_does_not_refresh() -> None:
    granted = Clock().timer.grant(message(("Session-Expires", "90;refresher=uac")))
    assert granted == [("Session-Expires", "90;refresher=uas")]


@pytest.mark.asyncio
async def test_a_session_that_nobody_refreshes_is_over() -> None:
    clock = Clock()
    clock.timer.take(message(("Session-Expires", "1;refresher=uas"), status=200))
    async with asyncio.timeout(PATIENCE_S):
        await clock.over.wait()
    assert not clock.refresh.is_set()


@pytest.mark.asyncio
async def test_an_answer_without_a_timer_ends_it() -> None:
    clock = Clock()
    clock.timer.grant(asked("90;refresher=uac"))
    clock.timer.take(message(status=200))
    assert clock.timer.asked() == []
    clock.timer.stop()


def test_what_an_invite_offers_and_a_422_says() -> None:
    timer = Clock(minimum_s=90).timer
    assert timer.offered() == [("Session-Expires", "1800"), ("Min-SE", "90")]
    assert timer.offered(3600) == [("Session-Expires", "3600"), ("Min-SE", "3600")]
    assert timer.is_too_small(asked("89"))
    assert not timer.is_too_small(asked("90"))
    assert not timer.is_too_small(message())
    assert timer.least() == [("Min-SE", "90")]


def test_faults() -> None:
    assert Clock(Behaviour(names_least_interval=False)).timer.least() == []
    unknowing = Clock(Behaviour(knows_session_timers=False), 90).timer
    assert unknowing.offered() == unknowing.grant(asked("90")) == []
    assert not unknowing.is_too_small(asked("1"))
