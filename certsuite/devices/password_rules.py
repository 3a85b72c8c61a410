"""Password policies and vendors' alphabets, as data: ``password_rules.yaml`` and files of the same form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, field_validator

from certsuite.core.errors import UsageError
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Mark
from certsuite.devices.placed_model import Strict, validated
from certsuite.devices.placeholders import suggestion
from certsuite.devices.yaml_lines import load_yaml
from certsuite.sip.password_policy import PasswordAlphabet, PasswordPolicy, strange_signs

SHIPPED = Path(__file__).with_name("password_rules.yaml")

_Count = Annotated[int, Field(ge=0, le=100)]
_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_MarkWord = Literal["primary", "secondary", "inferred"]
T = TypeVar("T")


class PolicyRow(Strict):
    """A policy as it is written; the fields are those of :class:`~certsuite.sip.password_policy.PasswordPolicy`."""

    length: Annotated[int, Field(ge=1, le=200)]
    upper: _Count = 0
    lower: _Count = 0
    digit: _Count = 0
    special: _Count = 0
    no_user: bool = False
    no_old: bool = False
    no_reversed_old: bool = False
    source: _Text
    mark: _MarkWord


class AlphabetRow(Strict):
    """An alphabet as it is written; as :class:`~certsuite.sip.password_policy.PasswordAlphabet`."""

    special: Annotated[str, Field(max_length=40)]
    upper: bool = True
    lower: bool = True
    digit: bool = True
    longest: Annotated[int, Field(ge=1, le=200)] | None = None
    source: _Text
    mark: _MarkWord

    @field_validator("special")
    @classmethod
    def _signs(cls, special: str) -> str:
        strange = strange_signs(special)
        if strange:
            raise ValueError(f"{printable(strange)!r} are no special characters of ASCII")
        if len(set(special)) != len(special):
            raise ValueError("a character is there twice")
        return special


class _Rules(Strict):
    schema_version: Literal[1] = Field(alias="schema")
    policies: dict[_Text, PolicyRow] = Field(default_factory=dict)
    alphabets: dict[_Text, AlphabetRow] = Field(default_factory=dict)


class PasswordRules:
    """Policies and alphabets by name."""

    def __init__(self, rows: _Rules) -> None:
        self._rows = rows

    @property
    def policies(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._rows.policies)

    @property
    def alphabets(self) -> tuple[str, ...]:
        """Their names, most of them vendors'."""
        return tuple(self._rows.alphabets)

    def policy(self, name: str) -> PasswordPolicy:
        """The policy of that name. Raises :class:`UsageError` naming those that there are."""
        row = _named(name, self._rows.policies, "password policy")
        return PasswordPolicy(name, **row.model_dump(exclude={"source", "mark"}))

    def alphabet(self, name: str) -> PasswordAlphabet:
        """The alphabet of that name. Raises :class:`UsageError` naming those that there are."""
        row = _named(name, self._rows.alphabets, "password alphabet")
        return PasswordAlphabet(name, **row.model_dump(exclude={"source", "mark"}))

    def source(self, alphabet: str) -> tuple[str, Mark]:
        """Where an alphabet comes from, and how sure that is. Raises :class:`UsageError` if there is none."""
        row = _named(alphabet, self._rows.alphabets, "password alphabet")
        return row.source, Mark(row.mark)


def load_password_rules(own: Path | None = None) -> PasswordRules:
    """The shipped rules, with a file of the user's own laid over them.

    Raises :class:`~certsuite.core.errors.ProfileError` with file, line and field of each mistake.
    """
    placed = load_yaml(SHIPPED)
    if own is not None:
        placed = load_yaml(own).merged_over(placed)
    return PasswordRules(validated(_Rules, placed))


def _named(name: str, rows: dict[str, T], what: str) -> T:
    if name not in rows:
        known = ", ".join(rows)
        raise UsageError(f"there is no {what} {printable(name)!r}{suggestion(name, rows)}; there are: {known}")
    return rows[name]
