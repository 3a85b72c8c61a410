"""Whether a device trusts a root, concluded from what it did in a root probe.

The ground of every conclusion is a comparison with two controls that were made of the same shape: one chain under a
root that nobody knows, one under a root that the device trusts. Which TLS library a device has is of no account. What
cannot be told apart, is unsteady or contradicts itself ends as *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from certsuite.tls.probe_chains import Mode, Technique
from certsuite.tls.probe_server import Answer, AnswerKind

_DECRYPT_ERROR = 51

NEXT_MEANS = (
    "read the device's trust store over a driver and compare the root's fingerprint; or settle the case by review with "
    "the vendor's document; or show a connection of the device to the real service"
)
"What is left to do when the probe says nothing."


class Trust(StrEnum):
    """What the probe came to."""

    TRUSTED = "trusted"
    NOT_TRUSTED = "not-trusted"
    INCONCLUSIVE = "inconclusive"


class Reading(StrEnum):
    """What one mode says."""

    TRUSTED = "trusted"
    NOT_TRUSTED = "not-trusted"
    MUTE = "mute"
    "Both controls were answered alike."
    GOES_ON = "goes-on"
    "The device goes on under a root that nobody knows."
    UNSTEADY = "unsteady"
    "The same chain was not always answered in the same way."
    NEITHER = "neither"
    "The probe was answered in a third way."
    NOT_ASKED = "not-asked"
    "The device cannot be asked so, or was not."


@dataclass(frozen=True, slots=True)
class ModeAnswers:
    """Every answer of the device in one mode, in the order in which they came."""

    mode: Mode
    unknown: tuple[Answer, ...]
    trusted: tuple[Answer, ...]
    probed: tuple[Answer, ...]
    missing: str = field(default="", kw_only=True)
    "What was not served although it was planned; empty if everything was."


@dataclass(frozen=True, slots=True)
class ModeReading:
    """What one mode says, and why."""

    mode: Mode
    reading: Reading
    reason: str

    def __str__(self) -> str:
        return f"{self.mode}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RootReading:
    """The conclusion about one root."""

    trust: Trust
    summary: str
    "One sentence."
    modes: tuple[ModeReading, ...]
    accepts_unknown_root: bool = False
    "The device spoke its protocol under a root that nobody knows: a finding of its own."

    @property
    def reasoning(self) -> str:
        """The conclusion with every mode's reason, a line each."""
        lines = [self.summary, *(str(one) for one in self.modes)]
        if self.trust is Trust.INCONCLUSIVE:
            lines.append(f"what is left: {NEXT_MEANS}")
        return "\n".join(lines)


def read_mode(answers: ModeAnswers) -> ModeReading:
    """What the answers of one mode say."""
    mode = answers.mode
    groups = {"unknown root": answers.unknown, "trusted root": answers.trusted, "probed root": answers.probed}

    def told(reading: Reading, reason: str) -> ModeReading:
        return ModeReading(mode, reading, reason)

    if answers.missing:
        return told(Reading.NOT_ASKED, answers.missing)
    for name, group in groups.items():
        if not group:
            return told(Reading.NOT_ASKED, f"the {name} was not served")
        dumb = next((one for one in group if not _says_something(mode, one)), None)
        if dumb is not None:
            return told(Reading.NOT_ASKED, f"the {name} was answered by {dumb}, which says nothing")
    for name, group in groups.items():
        if len(set(group)) > 1:
            seen = ", ".join(str(one) for one in group)
            return told(Reading.UNSTEADY, f"the {name} was not always answered alike: {seen}")
    unknown, trusted, probed = answers.unknown[0], answers.trusted[0], answers.probed[0]
    controls = f"unknown root: {unknown}; trusted root: {trusted}; probed root: {probed}"
    if unknown == trusted:
        return told(Reading.MUTE, f"{controls}. The controls are alike, so nothing can be told")
    if _goes_on(mode, unknown):
        return told(Reading.GOES_ON, f"{controls}. The device goes on under a root that nobody knows")
    if probed == unknown:
        return told(Reading.NOT_TRUSTED, f"{controls}. The probed root is answered as the unknown one")
    if probed == trusted:
        return told(Reading.TRUSTED, f"{controls}. The probed root is answered as the trusted one")
    return told(Reading.NEITHER, f"{controls}. The probed root is answered as neither control")


def _says_something(mode: Mode, answer: Answer) -> bool:
    """Whether an answer counts. Silence does only where waiting is what a device has to do: elsewhere it is slow."""
    return answer.says_something and (answer.kind is not AnswerKind.SILENCE or mode.technique is Technique.PAUSE)


def _goes_on(mode: Mode, answer: Answer) -> bool:
    """Whether the device went past the chain, or never came to look at it."""
    if answer.kind in (
        AnswerKind.KEY_EXCHANGE,
        AnswerKind.FINISHED,
        AnswerKind.APPLICATION_DATA,
        AnswerKind.SILENCE,
    ):
        return True
    return mode.technique is Technique.BAD_SIGNATURE and answer.alert == _DECRYPT_ERROR


def read_root(root: str, answers: Sequence[ModeAnswers]) -> RootReading:
    """What all modes together say about ``root``.

    Modes that disagree, and a mode in which the probe was answered unlike both controls, take the conclusion away: then
    something else than trust makes the difference. Pauses alone conclude nothing: a busy device is silent as well.
    """
    modes = tuple(read_mode(one) for one in answers)
    accepts = [one.mode for one in answers if any(a.kind is AnswerKind.APPLICATION_DATA for a in one.unknown)]
    if accepts:
        where = ", ".join(str(mode) for mode in accepts)
        summary = f"the device sent data under a root that nobody knows ({where}), so it cannot be asked for {root}"
        return RootReading(Trust.INCONCLUSIVE, summary, modes, accepts_unknown_root=True)

    def saying(reading: Reading) -> str:
        return ", ".join(str(one.mode) for one in modes if one.reading is reading)

    trusted, absent, neither = (saying(one) for one in (Reading.TRUSTED, Reading.NOT_TRUSTED, Reading.NEITHER))
    if trusted and absent:
        summary = f"the modes disagree about {root}: trusted by {trusted}; not trusted by {absent}"
        return RootReading(Trust.INCONCLUSIVE, summary, modes)
    if neither:
        summary = (
            f"something else than trust makes the difference: {root} is answered like neither control in {neither}"
        )
        return RootReading(Trust.INCONCLUSIVE, summary, modes)
    telling = [one.mode for one in modes if one.reading in (Reading.TRUSTED, Reading.NOT_TRUSTED)]
    if telling and all(mode.technique is Technique.PAUSE for mode in telling):
        summary = f"nothing but silence speaks about {root}, and a busy device is silent as well"
        return RootReading(Trust.INCONCLUSIVE, summary, modes)
    if trusted:
        return RootReading(Trust.TRUSTED, f"the device trusts {root}: shown by {trusted}", modes)
    if absent:
        return RootReading(Trust.NOT_TRUSTED, f"the device does not trust {root}: shown by {absent}", modes)
    return RootReading(Trust.INCONCLUSIVE, f"no mode says anything about {root} on this device", modes)
