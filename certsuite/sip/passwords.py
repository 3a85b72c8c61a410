"""SIP passwords: what the policy counts in them, and passwords that together hold every special character."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SPECIAL_CHARACTERS = "!@#$%^&*()_+-={}[]:;\"'<>?,./"
"The alphabet that the reference gives for PW-02."

CLASSES: dict[str, str] = {
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "digit": string.digits,
}


@dataclass(frozen=True, slots=True)
class PasswordAudit:
    """What the policy asks of one password."""

    length: int
    missing: tuple[str, ...]
    "Character classes that it lacks: upper, lower, digit, special."


def audit(password: str) -> PasswordAudit:
    """Look at one password without keeping it."""
    missing = [name for name, letters in CLASSES.items() if not set(letters) & set(password)]
    if all(character.isalnum() for character in password):
        missing.append("special")
    return PasswordAudit(len(password), tuple(missing))


def covering_set(lines: int, pick: Callable[[Sequence[str]], str]) -> list[str]:
    """Passwords that meet the policy and together hold every special character, at most 15 of them in each.

    With several lines fewer registrations are needed, since each line takes one. ``pick`` chooses at random.
    """
    per_password = 15
    groups = [
        SPECIAL_CHARACTERS[start : start + per_password] for start in range(0, len(SPECIAL_CHARACTERS), per_password)
    ]
    passwords = []
    for group in groups:
        letters = "".join(pick(CLASSES[name]) for name in ("upper", "lower", "digit"))
        # Letters stand between the signs, so that no pair of them makes an escape sequence of some format by chance
        # in one run and not in another; signs stand at neither end, since white space and quotes are trimmed there.
        passwords.append(letters + "".join(sign + pick(string.ascii_letters) for sign in group))
    return passwords
