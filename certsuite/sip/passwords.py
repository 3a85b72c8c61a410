"""SIP passwords: what the policy counts in them, and passwords that together hold every special character."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

SPECIAL_CHARACTERS = "!@#$%^&*()_+-={}[]:;\"'<>?,./"
"The alphabet that the reference gives for PW-02."

_USUAL_LIMITS = (8, 12, 15, 16, 20, 24, 25, 30, 31, 32)
"Lengths at which devices are known, or likely, to cut a password off."

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


def groups_of_signs() -> list[str]:
    """All special characters, in groups of which one password each can carry: see :func:`password_with`."""
    per_password = 15
    return [SPECIAL_CHARACTERS[at : at + per_password] for at in range(0, len(SPECIAL_CHARACTERS), per_password)]


def password_with(signs: str, pick: Callable[[Sequence[str]], str]) -> str:
    """A password of 16 characters or more with each of ``signs`` in it, and no other special character.

    ``pick`` chooses at random. Without signs it lacks what the policy asks for, and no device can lose anything of it.
    """
    # Letters stand between the signs, so that no pair of them makes an escape sequence of some format by chance
    # in one run and not in another; signs stand at neither end, since white space and quotes are trimmed there.
    letters = "".join(pick(CLASSES[name]) for name in ("upper", "lower", "digit"))
    body = "".join(sign + pick(string.ascii_letters) for sign in signs)
    return letters + body + "".join(pick(string.ascii_letters) for _ in range(13 - len(body)))


def readings(password: str, signs: str) -> Iterator[tuple[str, str]]:
    """What a device may have made of a password on its way to the digest, in words, and what it then is.

    ``signs`` are those of its special characters that are looked at, at least one.
    """
    for length in _USUAL_LIMITS:
        if length < len(password):
            yield f"its first {length} characters", password[:length]
    yield "without it", password.translate(dict.fromkeys(map(ord, signs)))
    for sign in signs:
        before, _, behind = password.partition(sign)
        yield f"cut off before {sign}", before
        yield f"cut off behind {sign}", before + sign
        yield f"what stands behind {sign}", behind
        for words, other in (
            ("a backslash before it", f"\\{sign}"),
            ("it doubled", sign + sign),
            ("a space in its place", " "),
            ("? in its place", "?"),
            ("_ in its place", "_"),
        ):
            yield words, password.replace(sign, other)
    yield "as XML writes it", escape(password, {'"': "&quot;", "'": "&apos;"})
    yield "as XML writes it", escape(password, {'"': "&quot;", "'": "&#39;"})
    yield "as a URI writes it", "".join(sign if sign.isalnum() else f"%{ord(sign):02X}" for sign in password)
    yield "as a URI reads it", re.sub(r"%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), password)
    yield "quotation marks about it", f'"{password}"'
