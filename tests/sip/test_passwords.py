"""What the policy counts in a password, and passwords that cover its alphabet."""

from __future__ import annotations

import itertools
import random

import pytest

from certsuite.sip.passwords import SPECIAL_CHARACTERS, PasswordAudit, audit, groups_of_signs, password_with, readings


@pytest.mark.parametrize(
    ("password", "length", "missing"),
    [
        ("Aa1!xxxx", 8, ()),
        ("", 0, ("upper", "lower", "digit", "special")),
        ("abcdefgh", 8, ("upper", "digit", "special")),
        ("ABC123", 6, ("lower", "special")),
        ("Äaß1", 4, ("upper", "special")),
        ("Aa1 x", 5, ()),
    ],
)
def test_audit(password: str, length: int, missing: tuple[str, ...]) -> None:
    assert audit(password) == PasswordAudit(length, missing)


@pytest.mark.parametrize("seed", range(5))
def test_passwords_with_all_signs_in_few_groups(seed: int) -> None:
    groups = groups_of_signs()
    assert len(groups) <= 3, "each takes a registration"
    assert "".join(groups) == SPECIAL_CHARACTERS
    for group in groups:
        password = password_with(group, random.Random(seed).choice)
        assert audit(password).missing == ()
        assert password[0].isalnum()
        assert password[-1].isalnum()
        places = [index for index, sign in enumerate(password) if not sign.isalnum()]
        assert [password[index] for index in places] == list(group)
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(places))


@pytest.mark.parametrize("signs", ["", "%", '"&', SPECIAL_CHARACTERS[:6]])
def test_few_signs_make_no_short_password(signs: str) -> None:
    password = password_with(signs, random.Random(1).choice)
    assert len(password) == 16
    assert audit(password).missing == (() if signs else ("special",))


def test_no_run_has_the_passwords_of_another() -> None:
    assert password_with("!", random.Random(1).choice) != password_with("!", random.Random(2).choice)


@pytest.mark.parametrize(
    ("signs", "becomes", "words"),
    [
        ("%", "Ab1cd", "without it"),
        ("%", "Ab1", "cut off before %"),
        ("%", "cd", "what stands behind %"),
        ("%", "Ab1%%cd", "it doubled"),
        ("%", "Ab1\\%cd", "a backslash before it"),
        ("%", "Ab1%25cd", "as a URI writes it"),
        ("&", "Ab1&amp;cd", "as XML writes it"),
        ("+", "Ab1 cd", "a space in its place"),
        ("%&", "Ab1cd", "without it"),
        ("'", '"Ab1\'cd"', "quotation marks about it"),
    ],
)
def test_what_a_device_made_of_a_password_is_among_the_readings(signs: str, becomes: str, words: str) -> None:
    found = [said for said, text in readings(f"Ab1{signs}cd", signs) if text == becomes]
    assert found[0] == words


def test_a_length_at_which_devices_cut_off_is_a_reading() -> None:
    assert ("its first 16 characters", "Ab1%" + "x" * 12) in list(readings("Ab1%" + "x" * 20, "%"))
