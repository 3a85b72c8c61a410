"""Limits: numbers by which a check judges, kept as data in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from certsuite.core.errors import CatalogueError
from certsuite.core.verdicts import Mark, Verdict


@dataclass(frozen=True, slots=True)
class Limit:
    """One number, with its unit and where it comes from."""

    name: str
    value: float
    unit: str
    mark: Mark
    source: str

    def judge(self, value: float, *, uncertainty: float = 0.0) -> Verdict:
        """Judge a figure that must not exceed this limit.

        A margin below ``uncertainty`` (the bench's own measured lag, in the limit's unit) is ``inconclusive``; a limit
        that was inferred gives at most ``warn``.
        """
        if abs(value - self.value) < uncertainty:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS if value <= self.value else self.breach

    @property
    def breach(self) -> Verdict:
        """The verdict of a figure on the wrong side of this limit, be it a largest or a least one."""
        return Verdict.WARN if self.mark is Mark.INFERRED else Verdict.FAIL


class Limits:
    """The limits by name."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = dict(limits)

    def __getitem__(self, name: str) -> Limit:
        try:
            return self._limits[name]
        except KeyError:
            raise CatalogueError(f"the catalogue has no limit named {name!r}") from None

    def __iter__(self) -> Iterator[Limit]:
        return iter(self._limits.values())
