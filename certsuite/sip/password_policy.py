"""What a SIP password has to be: a policy says what it must have, an alphabet what a device can take."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from certsuite.sip.passwords import CLASSES, SPECIAL_CHARACTERS

CLASS_NAMES = {
    "upper": "upper-case letters",
    "lower": "lower-case letters",
    "digit": "digits",
    "special": "special characters",
}
"The classes that a policy counts, and their names for people."


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What the network asks of a password."""

    name: str
    length: int
    "At least so many characters."
    upper: int = 0
    lower: int = 0
    digit: int = 0
    special: int = 0
    "At least so many of the class; special is what is neither letter nor digit."
    no_user: bool = False
    "The authentication name must not be in it, in either case."
    no_old: bool = False
    "It must not be the password before."
    no_reversed_old: bool = False
    "It must not be the password before, read backwards."

    @property
    def least(self) -> dict[str, int]:
        """How many characters of each class it asks for."""
        return {"upper": self.upper, "lower": self.lower, "digit": self.digit, "special": self.special}


@dataclass(frozen=True, slots=True)
class PasswordAlphabet:
    """What a vendor's configuration and devices carry unchanged."""

    name: str
    special: str
    "The special characters."
    upper: bool = True
    lower: bool = True
    digit: bool = True
    longest: int | None = None
    "At most so many characters; None: no limit is known."

    @property
    def classes(self) -> dict[str, str]:
        """The characters of each class that it has."""
        switches = {"upper": self.upper, "lower": self.lower, "digit": self.digit}
        letters = {name: CLASSES[name] if there else "" for name, there in switches.items()}
        return letters | {"special": self.special}

    @property
    def characters(self) -> str:
        """All of them, in a fixed order."""
        return "".join(self.classes.values())


EVERYTHING = PasswordAlphabet("any", SPECIAL_CHARACTERS)
"For a device of which no restriction is known."


def class_of(character: str) -> str | None:
    """The class that a policy counts it in; None for a letter or digit outside of ASCII, which counts in none."""
    for name, letters in CLASSES.items():
        if character in letters:
            return name
    return None if character.isalnum() else "special"


def shortcomings(
    password: str,
    policy: PasswordPolicy,
    alphabet: PasswordAlphabet | None = None,
    *,
    users: Iterable[str] = (),
    old: str | None = None,
) -> tuple[str, ...]:
    """What a password lacks, in words that give nothing of it away; empty if it meets policy and alphabet.

    ``users`` are authentication names; an empty one is passed over.
    """
    found = []
    if len(password) < policy.length:
        found.append(f"{len(password)} characters; at least {policy.length} are asked for")
    counts = Counter(class_of(character) for character in password)
    for name, least in policy.least.items():
        if counts[name] < least:
            found.append(f"{counts[name]} {CLASS_NAMES[name]}; at least {least} are asked for")
    if policy.no_user and any(user and user.lower() in password.lower() for user in users):
        found.append("the authentication name is in it")
    if policy.no_old and password == old:
        found.append("it is the password before")
    if policy.no_reversed_old and old is not None and password == old[::-1]:
        found.append("it is the password before, read backwards")
    if alphabet is not None:
        found += _outside(password, alphabet)
    return tuple(found)


def _outside(password: str, alphabet: PasswordAlphabet) -> list[str]:
    found = []
    strange = sum(character not in alphabet.characters for character in password)
    if strange:
        found.append(f"{strange} characters that {alphabet.name} does not carry")
    if alphabet.longest is not None and len(password) > alphabet.longest:
        found.append(f"{len(password)} characters; {alphabet.name} takes at most {alphabet.longest}")
    return found


def conflicts(policy: PasswordPolicy, alphabet: PasswordAlphabet) -> tuple[str, ...]:
    """Why no password can meet both; empty if one can."""
    found = [
        f"{policy.name} asks for {least} {CLASS_NAMES[name]}, and {alphabet.name} carries none"
        for name, least in policy.least.items()
        if least and not alphabet.classes[name]
    ]
    needed = max(policy.length, sum(policy.least.values()))
    if alphabet.longest is not None and needed > alphabet.longest:
        found.append(
            f"{policy.name} asks for {needed} characters, and {alphabet.name} takes at most {alphabet.longest}"
        )
    if not alphabet.characters:
        found.append(f"{alphabet.name} has no character at all")
    return tuple(found)


def strange_signs(special: str) -> str:
    """What of ``special`` cannot be a special character of an alphabet: letters, digits, and what is not ASCII."""
    return "".join(sign for sign in special if sign not in string.punctuation)
