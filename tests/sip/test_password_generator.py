"""Passwords are made that meet policy and alphabet both, or it is said why not."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.sip.password_generator import NoPassword, passwords
from certsuite.sip.password_policy import EVERYTHING, PasswordAlphabet, PasswordPolicy, conflicts, shortcomings

WEBEX = PasswordPolicy("webex", 8, upper=1, lower=1, digit=1, special=1)

COUNTS = st.integers(0, 6)
POLICIES = st.builds(
    PasswordPolicy,
    st.just("some"),
    st.integers(1, 30),
    upper=COUNTS,
    lower=COUNTS,
    digit=COUNTS,
    special=COUNTS,
    no_user=st.booleans(),
)
ALPHABETS = st.builds(
    PasswordAlphabet,
    st.just("some"),
    st.text(string.punctuation, max_size=10).map(lambda text: "".join(sorted(set(text)))),
    upper=st.booleans(),
    lower=st.booleans(),
    digit=st.booleans(),
    longest=st.none() | st.integers(1, 40),
)


def test_ten_thousand_meet_both_and_no_two_are_alike() -> None:
    alphabet = PasswordAlphabet("vendor", "!@-._", longest=20)
    made = passwords(10_000, WEBEX, alphabet, random.SystemRandom())
    assert len(set(made)) == 10_000
    assert all(shortcomings(password, WEBEX, alphabet) == () for password in made)


@given(POLICIES, ALPHABETS, st.integers(1, 3), st.lists(st.text("aB1", max_size=3), max_size=2), st.integers())
def test_both_are_met_or_it_refuses(
    policy: PasswordPolicy, alphabet: PasswordAlphabet, count: int, users: list[str], seed: int
) -> None:
    try:
        made = passwords(count, policy, alphabet, random.Random(seed), users=users)
    except NoPassword:
        made = []
    if not made:
        few = alphabet.longest is not None or len(alphabet.characters) < 2
        barred = policy.no_user and any(users)
        assert conflicts(policy, alphabet) or few or barred
        return
    assert not conflicts(policy, alphabet)
    assert len(set(made)) == count
    assert all(shortcomings(password, policy, alphabet, users=users) == () for password in made)


@given(POLICIES, st.integers())
def test_it_does_not_refuse_without_need(policy: PasswordPolicy, seed: int) -> None:
    assert len(passwords(3, policy, EVERYTHING, random.Random(seed))) == 3


@pytest.mark.parametrize(
    ("policy", "alphabet", "says"),
    [
        (
            WEBEX,
            PasswordAlphabet("mitel", "", longest=20),
            "webex asks for 1 special characters, and mitel carries none",
        ),
        (PasswordPolicy("long", 21), PasswordAlphabet("mitel", "", longest=20), "takes at most 20"),
        (
            PasswordPolicy("pin", 4),
            PasswordAlphabet("digits", "", upper=False, lower=False, longest=8),
            "10 characters and at most 8 in a password: too few for 1 that nobody guesses",
        ),
        (
            PasswordPolicy("one", 4),
            PasswordAlphabet("dot", ".", upper=False, lower=False, digit=False),
            "carries 1 characters and at most any number",
        ),
    ],
)
def test_a_refusal_says_why(policy: PasswordPolicy, alphabet: PasswordAlphabet, says: str) -> None:
    with pytest.raises(NoPassword, match=says):
        passwords(1, policy, alphabet, random.Random(1))


def test_an_authentication_name_that_is_everywhere_is_a_refusal() -> None:
    policy = PasswordPolicy("webex", 30, upper=1, lower=1, digit=1, special=1, no_user=True)
    with pytest.raises(NoPassword, match="authentication name"):
        passwords(1, policy, PasswordAlphabet("dots", "."), random.Random(1), users=["."])


def test_used_ones_do_not_come_again() -> None:
    first = passwords(5, WEBEX, EVERYTHING, random.Random(1))
    again = passwords(5, WEBEX, EVERYTHING, random.Random(1), used=first)
    assert not set(first) & set(again)
    assert passwords(5, WEBEX, EVERYTHING, random.Random(1)) == first, "the seed is what made them alike"


def test_few_characters_make_a_long_password() -> None:
    digits = PasswordAlphabet("digits", "", upper=False, lower=False)
    (made,) = passwords(1, PasswordPolicy("short", 1), digits, random.Random(1))
    assert len(made) == 16
    assert len(passwords(2000, PasswordPolicy("short", 1), digits, random.Random(1))[0]) == 16
    two = PasswordAlphabet("two", ".-", upper=False, lower=False, digit=False)
    assert len(passwords(1, PasswordPolicy("short", 1), two, random.Random(1))[0]) == 40
