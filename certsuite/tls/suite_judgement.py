"""What is thought of each cipher suite that a device offers, by the rules in ``suite_judgement.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

import yaml

from certsuite.tls.policies import WEBEX_SERVICES, cipher_policy
from certsuite.tls.suites import suite_name
from certsuite.tls.versions import is_grease


class Grade(StrEnum):
    """How good a suite is."""

    GOOD = "good"
    DATED = "dated"
    WEAK = "weak"
    SIGNAL = "signal"
    "No suite, but a signal that stands among them."
    UNKNOWN = "unknown"
    "In no list: a private one, or newer than this program."


@dataclass(frozen=True, slots=True)
class SuiteJudgement:
    """One suite, judged."""

    number: int
    name: str
    "Its name in the IANA registry, ``0xNNNN`` if it has none."
    grade: Grade
    why: str
    source: str
    listed: bool
    "Whether it is in the list that Webex publishes."


@dataclass(frozen=True, slots=True)
class _Rule:
    fits: re.Pattern[str]
    grade: Grade
    why: str
    source: str


@cache
def _rules() -> tuple[_Rule, ...]:
    text = (files("certsuite.tls") / "suite_judgement.yaml").read_text(encoding="utf-8")
    return tuple(
        _Rule(re.compile(row["fits"]), Grade(row["grade"]), row["why"], row["source"]) for row in yaml.safe_load(text)
    )


@cache
def judge_suite(number: int) -> SuiteJudgement:
    """What is thought of the suite of this number."""
    name = suite_name(number)
    policy = cipher_policy(WEBEX_SERVICES)
    listed = name in policy.suites or name in policy.tls13_suites
    if is_grease(number):
        return SuiteJudgement(number, name, Grade.SIGNAL, "means nothing on purpose", "RFC 8701", False)
    for rule in _rules():
        if rule.fits.search(name):
            return SuiteJudgement(number, name, rule.grade, rule.why, rule.source, listed)
    return SuiteJudgement(number, name, Grade.UNKNOWN, "in no list of this program", "", False)
