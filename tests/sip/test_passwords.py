"""What the policy counts in a password, and passwords that cover its alphabet."""

from __future__ import annotations

import itertools
import random

import pytest

from certsuite.sip.passwords import SPECIAL_CHARACTERS, PasswordAudit, audit, covering_set


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
def test_a_covering_set_covers_and_meets_the_policy(seed: int) -> None:
    made = covering_set(1, random.Random(seed).choice)
    assert len(made) <= 3, "each takes a registration"
    assert set(SPECIAL_CHARACTERS) <= set("".join(made))
    for password in made:
        assert audit(password).missing == ()
        assert len(password) >= 8
        assert password[0].isalnum()
        assert password[-1].isalnum()
        signs = [index for index, sign in enumerate(password) if not sign.isalnum()]
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(signs))


def test_no_run_has_the_passwords_of_another() -> None:
    assert covering_set(1, random.Random(1).choice) != covering_set(1, random.Random(2).choice)
