"""Passwords: policy, characters, rotation, and where one was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    CredentialsAudited,
    DigestChecked,
    PasswordSeen,
    PasswordsWatched,
    PasswordTraced,
)
from certsuite.core.observations import OUT
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


def asked(trace: Trace) -> None:
    trace.answer(401, "Unauthorized", OUT, method="REGISTER")


def test_a_line_that_registers_has_taken_its_password(trace: Trace) -> None:
    about: dict[str, Any] = {"characters": "!@#"}
    judged = trace.fails("pw.characters", "password-characters", settled=False, **about)
    assert judged.findings[0].observed == "line 1 no longer registers with a password with ! @ #"
    checked(trace, right=False, line=2)
    checked(trace, right=False, method="INVITE")
    bound(trace, line=2)
    bound(trace, granted_s=0)
    judged = trace.fails("pw.characters", "password-characters", settled=False, **about)
    assert judged.findings[0].observed.startswith("line 1 no longer registers")
    checked(trace, right=False)
    judged = trace.fails("pw.characters", "password-characters", settled=False, **about)
    assert judged.findings[0].observed == "a wrong response with a password with ! @ #"
    bound(trace)
    trace.passes("pw.characters", **about)


def test_a_wrong_response_to_a_challenge_is_the_last_word(trace: Trace) -> None:
    checked(trace, right=False)
    asked(trace)
    trace.fails("pw.characters", "password-characters", settled=False, characters="!")
    checked(trace, right=False)
    trace.fails("pw.characters", "password-characters", settled=False, characters="!", line=2)
    trace.fails("pw.characters", "password-characters", characters="!")


@pytest.mark.parametrize(
    ("in_configuration", "made_of", "says"),
    [
        (True, "without it", "made of the password without it; the generated configuration has it, so the device"),
        (True, "it doubled", "made of the password with it doubled; the generated configuration has it"),
        (True, "", "a wrong response with a password of 16 characters with %; the generated configuration has it"),
        (False, "as XML writes it", "made of the password as XML writes it; the template lost it"),
    ],
)
def test_the_place_where_a_password_was_lost_is_named(
    trace: Trace, in_configuration: bool, made_of: str, says: str
) -> None:
    asked(trace)
    checked(trace, right=False)
    trace.see(PasswordTraced("%", 16, in_configuration, made_of), line=1)
    judged = trace.fails("pw.characters", "password-characters", characters="%")
    assert says in judged.findings[0].observed


def test_a_line_that_does_not_even_answer(trace: Trace) -> None:
    asked(trace)
    trace.see(PasswordTraced("%", 16, False, ""), line=1)
    judged = trace.fails("pw.characters", "password-characters", settled=False, characters="%")
    assert judged.findings[0].observed == (
        "line 1 no longer registers with a password of 16 characters with %; the template lost it: no generated file "
        "has this password; it does not answer the challenge"
    )


def rotated(trace: Trace) -> None:
    trace.see(BenchChanged("passwords", "rotated", {"lines": [1, 2]}))


def test_another_password_is_taken_in_time_late_or_never(trace: Trace) -> None:
    about: dict[str, Any] = {"granted_s": 20}
    bound(trace)
    trace.is_open("pw.rotates", "never-changed", **about)
    rotated(trace)
    bound(trace, line=2)
    bound(trace, granted_s=0)
    judged = trace.fails("pw.rotates", "password-rotation-not-taken", settled=False, **about)
    assert judged.findings[0].observed == "no registration by the new password"
    checked(trace, right=False)
    judged = trace.fails("pw.rotates", "password-rotation-not-taken", settled=False, **about)
    assert judged.findings[0].observed.startswith("REGISTER with the digest of another password")
    trace.after(5)
    bound(trace)
    assert trace.passes("pw.rotates", **about).measurements[0].value == 5.0


def test_a_long_outage_warns(trace: Trace) -> None:
    rotated(trace)
    trace.after(21)
    bound(trace)
    trace.fails("pw.rotates", "password-rotation-late", verdict=Verdict.WARN, granted_s=20)


def test_a_password_that_stood_somewhere(trace: Trace) -> None:
    trace.is_open("pw.not-shown", "not-watched")
    trace.see(PasswordsWatched(("SIP", "log")))
    trace.is_open("pw.not-shown", "nothing-seen")
    trace.request("REGISTER")
    trace.passes("pw.not-shown")
    trace.see(PasswordSeen("log", "what it prints"))
    trace.see(PasswordSeen("SIP", "REGISTER, \x1b[31mX"), flow="f1", line=1)
    trace.see(PasswordSeen("SIP", "REGISTER, \x1b[31mX"), flow="f1", line=2)
    judged = trace.fails("pw.not-shown", "password-shown")
    assert judged.findings[0].observed == ("the password of a line in log: what it prints; SIP: REGISTER, \\x1b[31mX")
    assert len(judged.findings[0].evidence) == 3
