"""What the User-Agent says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.observations import OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

ACME: dict[str, Any] = {"make": "Acme", "model": "Phone", "methods": ["REGISTER", "INVITE"]}


def test_make_and_model_in_both(trace: Trace) -> None:
    trace.is_open("ua.names-make-and-model", "nothing-seen", **ACME)
    trace.request("REGISTER")
    assert trace.is_open("ua.names-make-and-model", "nothing-seen", **ACME).reason == "the device sent no INVITE"
    trace.request("INVITE", headers={"User-Agent": "ACME phone/2"})
    assert [one.seq for one in trace.passes("ua.names-make-and-model", **ACME).evidence] == [0, 1]


@pytest.mark.parametrize(
    ("agent", "observed"),
    [
        ("Acme/1.0", "INVITE with User-Agent 'Acme/1.0'"),
        ("", "INVITE without User-Agent"),
        ("\x1b[31mAcme", "INVITE with User-Agent '\\\\x1b[31mAcme'"),
    ],
)
def test_one_message_without_them_fails(trace: Trace, agent: str, observed: str) -> None:
    trace.request("REGISTER")
    trace.request("INVITE")
    trace.request("INVITE", headers={"User-Agent": agent})
    assert trace.fails("ua.names-make-and-model", "user-agent-incomplete", **ACME).findings[0].observed == observed


def test_the_bench_s_own_messages_are_not_the_device_s(trace: Trace) -> None:
    trace.request("REGISTER")
    trace.request("INVITE", OUT, headers={"User-Agent": "SSE"})
    trace.is_open("ua.names-make-and-model", "nothing-seen", **ACME)


def test_the_announced_one(trace: Trace) -> None:
    about: dict[str, Any] = {"user_agent": r"^Acme Phone/1\.\d+$"}
    trace.is_open("ua.as-profile", "nothing-seen", **about)
    trace.request("REGISTER")
    trace.passes("ua.as-profile", **about)
    trace.request("OPTIONS", headers={"User-Agent": ""})
    trace.passes("ua.as-profile", **about)
    trace.request("BYE", headers={"User-Agent": "Acme Phone/2.0"})
    trace.fails("ua.as-profile", "user-agent-not-as-profile", **about)


def test_a_device_without_any_is_not_the_announced_one(trace: Trace) -> None:
    trace.request("REGISTER", headers={"User-Agent": ""})
    trace.fails("ua.as-profile", "user-agent-not-as-profile", user_agent="^Acme")
