"""What a policy and an alphabet make of a password."""

from __future__ import annotations

import string

import pytest

from certsuite.sip.password_policy import (
    EVERYTHING,
    PasswordAlphabet,
    PasswordPolicy,
    class_of,
    conflicts,
    shortcomings,
    strange_signs,
)

WEBEX = PasswordPolicy("webex", 8, upper=1, lower=1, digit=1, special=1)
STRICT = PasswordPolicy("strict", 8, digit=3, no_user=True, no_old=True, no_reversed_old=True)
MITEL = PasswordAlphabet("mitel", "", longest=20)


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("Aa1!xxxx", ()),
        ("Aa1!xxx", ("7 characters; at least 8 are asked for",)),
        ("aa1!xxxx", ("0 upper-case letters; at least 1 are asked for",)),
        ("AA1!XXXX", ("0 lower-case letters; at least 1 are asked for",)),
        ("Aax!xxxx", ("0 digits; at least 1 are asked for",)),
        ("Aa1xxxxx", ("0 special characters; at least 1 are asked for",)),
        ("Äa1!xxxx", ("0 upper-case letters; at least 1 are asked for",)),
        ("Aa1 xxxx", ()),
    ],
)
def test_the_basic_policy(password: str, lacks: tuple[str, ...]) -> None:
    assert shortcomings(password, WEBEX) == lacks


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("12x56789", None),
        ("12xxxxxx", "2 digits; at least 3"),
        ("123xUSERx", "authentication name"),
        ("old123456", "the password before"),
        ("654321dlo", "read backwards"),
    ],
)
def test_stricter_switches(password: str, says: str | None) -> None:
    found = shortcomings(password, STRICT, users=["", "user"], old="old123456")
    if says is None:
        assert found == ()
    else:
        assert len(found) == 1
        assert says in found[0]


def test_switches_that_are_off_ask_nothing() -> None:
    assert shortcomings("Aa1!user", WEBEX, users=["user"], old="Aa1!user") == ()


def test_what_an_alphabet_does_not_carry_is_counted_and_not_shown() -> None:
    assert shortcomings("Aa1!xxx#x" + "x" * 12, WEBEX, MITEL) == (
        "2 characters that mitel does not carry",
        "21 characters; mitel takes at most 20",
    )


def test_a_conflict_says_why() -> None:
    assert conflicts(WEBEX, EVERYTHING) == ()
    assert conflicts(WEBEX, MITEL) == ("webex asks for 1 special characters, and mitel carries none",)
    assert conflicts(PasswordPolicy("long", 5, digit=30), MITEL) == (
        "long asks for 30 characters, and mitel takes at most 20",
    )
    nothing = PasswordAlphabet("nothing", "", upper=False, lower=False, digit=False)
    assert conflicts(PasswordPolicy("any", 1), nothing) == ("nothing has no character at all",)


def test_classes() -> None:
    assert [class_of(sign) for sign in "Aa1! é"] == ["upper", "lower", "digit", "special", "special", None]
    assert set(string.ascii_letters + string.digits) < set(EVERYTHING.characters)
    assert strange_signs("!a é-") == "a é"
