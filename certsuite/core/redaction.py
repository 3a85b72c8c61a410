"""What must not be shown: secrets, and device strings that would be live where they are printed."""

from __future__ import annotations

import re

# Controls; signs without width and of direction; halves of surrogate pairs, and what XML 1.0 does not have; tags.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\uffff"
    r"\U000e0000-\U000e007f]"
)
_SHOWN_AT_MOST = 200


class Secret:
    """A password or token. It prints as ``***``; :meth:`reveal` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret's text, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def printable(text: str, *, at_most: int = _SHOWN_AT_MOST) -> str:
    """A device's string, made safe to show: no control, escape or direction signs, and cut to ``at_most`` characters.

    What was taken out is written as ``\\xNN``, ``\\uNNNN`` or ``\\UNNNNNNNN``, so that a reader sees that it was there.
    The rest is legal in XML 1.0.
    """

    def escape(match: re.Match[str]) -> str:
        code = ord(match.group())
        if code < 0x100:
            return f"\\x{code:02x}"
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    cut = _UNPRINTABLE.sub(escape, text[: at_most + 1])
    return cut if len(text) <= at_most else f"{cut[:at_most]}… ({len(text)} characters)"


def masked(text: str, secrets: list[Secret]) -> str:
    """``text`` with every secret in it replaced by ``***``."""
    for secret in secrets:
        if secret.reveal():
            text = text.replace(secret.reveal(), "***")
    return text
