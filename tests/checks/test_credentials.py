"""Passwords: policy and characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import BindingChanged, CredentialsAudited, DigestChecked
from certsuite.core.verdicts import Mark, Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


def audited(
    trace: Trace,
    lengths: tuple[int, ...] = (12, 8),
    missing: tuple[tuple[str, ...], ...] = ((), ()),
    same: tuple[tuple[int, ...], ...] = ((), ()),
) -> None:
    trace.see(CredentialsAudited((1, 2), lengths, missing, same))


def test_passwords_that_meet_the_policy(trace: Trace) -> None:
    trace.is_open("pw.policy", "nothing-seen")
    audited(trace)
    trace.passes("pw.policy")


@pytest.mark.parametrize(
    ("about", "observed"),
    [
        ({"lengths": (12, 7)}, "line 2: 7 characters"),
        ({"missing": (("upper", "digit"), ())}, "line 1: no upper, no digit"),
        ({"same": ((2,), (1,))}, "line 1: the same as line 2; line 2: the same as line 1"),
        ({"lengths": (1, 12), "missing": ((), ("special",))}, "line 1: 1 characters; line 2: no special"),
    ],
)
def test_each_breach_is_told_by_line(trace: Trace, about: dict[str, tuple[object, ...]], observed: str) -> None:
    audited(trace, **about)  # type: ignore[arg-type]
    assert trace.fails("pw.policy", "password-policy").findings[0].observed == observed


def test_the_length_is_the_catalogue_s(trace: Trace) -> None:
    audited(trace)
    trace.limit("password_length", value=10)
    trace.fails("pw.policy", "password-policy")
    trace.limit("password_length", mark=Mark.INFERRED)
    trace.fails("pw.policy", "password-policy", verdict=Verdict.WARN)
    audited(trace, missing=(("upper",), ()))
    trace.fails("pw.policy", "password-policy")


def checked(trace: Trace, right: bool, *, line: int = 1, method: str = "REGISTER") -> None:
    trace.see(DigestChecked(method, "4085550100", "BroadWorks", right, True, True), flow="f1", line=line)


def bound(trace: Trace, *, line: int = 1, granted_s: int = 60) -> None:
    trace.see(BindingChanged("sip:a@x", "sip:a@y", granted_s), flow="f1", line=line)


def test_a_line_that_registers_has_taken_its_password(trace: Trace) -> None:
    about: dict[str, Any] = {"characters": "!@#"}
    judged = trace.fails("pw.characters", "password-characters", settled=False, **about)
    assert judged.findings[0].observed.startswith("line 1 no longer registers")
    assert "special characters: ! @ #" in judged.findings[0].observed
    checked(trace, right=False, line=2)
    checked(trace, right=False, method="INVITE")
    bound(trace, line=2)
    bound(trace, granted_s=0)
    judged = trace.fails("pw.characters", "password-characters", settled=False, **about)
    assert judged.findings[0].observed.startswith("line 1 no longer registers")
    checked(trace, right=False)
    judged = trace.fails("pw.characters", "password-characters", settled=False, **about)
    assert "no longer" not in judged.findings[0].observed
    assert "special characters: ! @ #" in judged.findings[0].observed
    bound(trace)
    trace.passes("pw.characters", **about)
