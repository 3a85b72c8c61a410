"""Makes passwords that meet a policy and an alphabet both, none twice, or says why there are none."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, MutableSequence, Sequence
from typing import Protocol

from certsuite.core.errors import UsageError
from certsuite.sip.password_policy import PasswordAlphabet, PasswordPolicy, conflicts, shortcomings

USUAL_LENGTH = 16
"Length where policy and alphabet allow it."
_CHOICES_EACH = 2**40
"Possible passwords for each one that is made: with fewer it could be guessed, or be drawn twice."
_DRAWS = 200


class Randomness(Protocol):
    """What makes it unpredictable, such as :class:`random.SystemRandom`."""

    def choice(self, seq: Sequence[str], /) -> str:
        """One of them."""

    def shuffle(self, x: MutableSequence[str], /) -> None:
        """Bring them into another order."""


class NoPassword(UsageError):
    """Policy and alphabet, or what was asked beside them, leave no password."""


def passwords(
    count: int,
    policy: PasswordPolicy,
    alphabet: PasswordAlphabet,
    random: Randomness,
    *,
    users: Collection[str] = (),
    used: Collection[str] = (),
) -> list[str]:
    """``count`` passwords, each other than all others, than those in ``used``, and than those read backwards.

    ``users`` are the authentication names of the fleet. Raises :class:`NoPassword` with every reason that there is.
    """
    reasons = conflicts(policy, alphabet)
    if reasons:
        raise NoPassword("; ".join(reasons))
    length = _length(count, policy, alphabet)
    taken = {*used, *(password[::-1] for password in used)}
    made = []
    for _ in range(count):
        password = _another(length, policy, alphabet, random, users, taken)
        taken.add(password)
        made.append(password)
    return made


def _another(
    length: int,
    policy: PasswordPolicy,
    alphabet: PasswordAlphabet,
    random: Randomness,
    users: Collection[str],
    taken: Collection[str],
) -> str:
    reasons: tuple[str, ...] = ("each was there already",)
    for _ in range(_DRAWS):
        password = _draw(length, policy, alphabet, random.choice, random.shuffle)
        lacks = shortcomings(password, policy, alphabet, users=users)
        if not lacks and password not in taken:
            return password
        reasons = lacks or reasons
    raise NoPassword(f"none of {_DRAWS} draws gave another password of {length} characters: {'; '.join(reasons)}")


def _draw(
    length: int,
    policy: PasswordPolicy,
    alphabet: PasswordAlphabet,
    pick: Callable[[Sequence[str]], str],
    shuffle: Callable[[MutableSequence[str]], None],
) -> str:
    signs = [pick(alphabet.classes[name]) for name, least in policy.least.items() for _ in range(least)]
    signs += [pick(alphabet.characters) for _ in range(length - len(signs))]
    shuffle(signs)
    return "".join(signs)


def _length(count: int, policy: PasswordPolicy, alphabet: PasswordAlphabet) -> int:
    """The usual length, or as much more as policy, alphabet and count need. Raises :class:`NoPassword`."""
    needed = sum(policy.least.values())
    free = math.log2(len(alphabet.characters))
    # Only what is drawn is counted, not where it stands: an estimate on the safe side.
    fixed = sum(least * math.log2(len(alphabet.classes[name])) for name, least in policy.least.items() if least)
    missing = math.log2(_CHOICES_EACH * max(count, 1)) - fixed
    length: float = max(policy.length, needed)
    if missing > 0:
        length = max(length, needed + math.ceil(missing / free) if free else math.inf)
    if length > (alphabet.longest or math.inf) or length == math.inf:
        raise NoPassword(
            f"{alphabet.name} carries {len(alphabet.characters)} characters and at most "
            f"{alphabet.longest or 'any number'} in a password: too few for {count} that nobody guesses"
        )
    return int(min(max(length, USUAL_LENGTH), alphabet.longest or math.inf))
