"""Finds what goes wrong in a device's configuration file before the device does; the rules are data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from certsuite.core.errors import UsageError
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Mark
from certsuite.devices.config_settings import NotWellFormed, Setting, read_settings
from certsuite.devices.password_rules import load_password_rules
from certsuite.devices.placed_model import Strict, validated
from certsuite.devices.placeholders import suggestion
from certsuite.devices.yaml_lines import load_yaml
from certsuite.sip.password_policy import PasswordPolicy, shortcomings

SHIPPED = Path(__file__).with_name("config_lint.yaml")
_TAG = re.compile(r"%[A-Z][A-Z0-9_-]*%")
_ANYTHING = PasswordPolicy("any", 0)
_BY_OTHER_NAMES = {"polycom": "poly"}


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One mistake in a configuration file."""

    rule: str
    file: str
    line: int
    observed: str
    "The setting and its value; a password is ``***``."
    expected: str
    advice: str
    mark: Mark

    @property
    def is_warning(self) -> bool:
        """Whether it rests on no source, and so is a warning alone."""
        return self.mark is Mark.INFERRED

    def __str__(self) -> str:
        severity = "warning" if self.is_warning else "error"
        place = f"{self.file}:{self.line}"
        return f"{place}: {severity}: {self.rule}: {self.observed}; expected: {self.expected}; {self.advice}"


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


_Pattern = Annotated[str, AfterValidator(_compiles)]
_MarkWord = Literal["primary", "secondary", "inferred"]


class _Rule(Strict):
    expected: str
    advice: str


class _Header(Strict):
    line: str
    source: str
    mark: _MarkWord


class _Value(Strict):
    rule: str
    name: _Pattern
    value: _Pattern
    source: str
    mark: _MarkWord


class _Password(Strict):
    name: _Pattern
    within: _Pattern = "(.*)"
    "The password is the first group, if it is not the whole value."


class _Vendor(Strict):
    format: Literal["lines", "xml"]
    header: _Header | None = None
    version: str | None = None
    "The setting that has to change whenever anything does."
    passwords: list[_Password]
    values: list[_Value]


class _Rules(Strict):
    schema_version: Literal[1] = Field(alias="schema")
    rules: dict[str, _Rule]
    vendors: dict[str, _Vendor]


def vendor_of(make: str) -> str | None:
    """The vendor's name here by the make in a profile; None if its files are not known."""
    name = _BY_OTHER_NAMES.get(make.lower(), make.lower())
    return name if name in _rules().vendors else None


def needs_previous(vendor: str) -> bool:
    """Whether something can be seen only beside the file that the device had before."""
    return _vendor(vendor).version is not None


def lint_config(content: bytes, vendor: str, file: str, *, previous: bytes | None = None) -> tuple[LintFinding, ...]:
    """What is wrong in a configuration file, in the order of its lines.

    ``previous`` is the file that the device had before. Raises :class:`UsageError` for an unknown vendor, and for a
    file in which there is no setting: then nothing was looked at.
    """
    rules = _vendor(vendor)
    look = _Look(vendor, rules, file)
    try:
        settings = read_settings(content, rules.format)
    except NotWellFormed as error:
        return (look.finding("not-well-formed", error.line, error.problem, "primary"),)
    if not settings:
        raise UsageError(f"{printable(file)}: no setting of a file of {vendor}'s was found in it; is the vendor right?")
    found = [*look.header(content), *look.version(settings, previous)]
    for setting in settings:
        found += look.setting(setting)
    return tuple(sorted(found, key=lambda finding: finding.line))


class _Look:
    """Looks at one file of one vendor."""

    def __init__(self, vendor: str, rules: _Vendor, file: str) -> None:
        self._vendor = vendor
        self._rules = rules
        self._file = file
        alphabets = load_password_rules()
        self._alphabet = alphabets.alphabet(vendor) if vendor in alphabets.alphabets else None
        self._ground = alphabets.source(vendor)[1] if self._alphabet else Mark.INFERRED

    def finding(self, rule: str, line: int, observed: str, mark: str) -> LintFinding:
        text = _rules().rules[rule]
        return LintFinding(rule, self._file, line, observed, text.expected, text.advice, Mark(mark))

    def header(self, content: bytes) -> Iterator[LintFinding]:
        header = self._rules.header
        first = content.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace")
        if header is not None and first != header.line:
            observed = f"the first line is {printable(first, at_most=60)!r} and not {header.line!r}"
            yield self.finding("header-missing", 1, observed, header.mark)

    def version(self, settings: tuple[Setting, ...], previous: bytes | None) -> Iterator[LintFinding]:
        name = self._rules.version
        if name is None or previous is None:
            return
        try:
            before = read_settings(previous, self._rules.format)
        except NotWellFormed as error:
            raise UsageError(f"the file before is not well-formed: line {error.line}: {error.problem}") from error
        ours = [(one.name, one.value) for one in settings]
        theirs = [(one.name, one.value) for one in before]
        for setting in settings:
            if setting.name == name and (name, setting.value) in theirs and ours != theirs:
                yield self.finding("version-not-raised", setting.line, _shown(setting), "secondary")

    def setting(self, setting: Setting) -> Iterator[LintFinding]:
        password = self._password_in(setting)
        # What is beside the password in the same value may be shown no more than it.
        observed = _shown(setting) if password is None else f"{setting.name} = ***"
        if _TAG.search(setting.value):
            yield self.finding("tag-left", setting.line, observed, "primary")
        if re.match(r"http://", setting.value, re.IGNORECASE):
            yield self.finding("plain-http", setting.line, observed, "primary")
        for row in self._rules.values:
            if re.fullmatch(row.name, setting.name) and not re.fullmatch(row.value, setting.value):
                yield self.finding(row.rule, setting.line, observed, row.mark)
        if password is not None and self._alphabet is not None:
            for problem in shortcomings(password, _ANYTHING, self._alphabet):
                told = f"{setting.name} has {problem}"
                yield self.finding("password-not-carried", setting.line, told, self._ground)

    def _password_in(self, setting: Setting) -> str | None:
        for row in self._rules.passwords:
            if re.fullmatch(row.name, setting.name):
                match = re.fullmatch(row.within, setting.value)
                return match.group(1) if match else setting.value
        return None


def _shown(setting: Setting) -> str:
    value = re.sub(r"//[^/@\s]*@", "//***@", setting.value)
    # A name that speaks of a password is one, whatever the vendor's rules say.
    if re.search(r"pass|pswd|secret", setting.name, re.IGNORECASE):
        value = "***"
    return f"{printable(setting.name, at_most=80)} = {printable(value, at_most=80)}"


def _vendor(name: str) -> _Vendor:
    vendors = _rules().vendors
    if name not in vendors:
        known = ", ".join(vendors)
        raise UsageError(f"there are no rules for {printable(name)!r}{suggestion(name, vendors)}; there are: {known}")
    return vendors[name]


@cache
def _rules() -> _Rules:
    return validated(_Rules, load_yaml(SHIPPED))
