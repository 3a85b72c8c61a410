"""Whether the device trusts a root, judged from what it did in a root probe."""

from __future__ import annotations

from collections.abc import Sequence

from certsuite.checks.registry import Question, check
from certsuite.checks.root_probe import ModeAnswers, RootReading, Trust, read_root
from certsuite.checks.span import Seen
from certsuite.core.errors import RecordError
from certsuite.core.events import RootProbeAnswer
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.redaction import printable
from certsuite.tls.probe_chains import MODES, Mode, Role
from certsuite.tls.probe_server import Answer, AnswerKind

_NOTHING_OF_THE_STORE = {
    "none": "on the bench the lab's root takes the place of the store that the device is shipped with",
    "missing": "this machine has no bundle of roots to stand for the device's store",
}
"Why an answer says nothing of the store that the device has at its user's, by what it trusts on the bench."
_WHAT_MAY_HELP = {
    "none": "no genuine chain was served: --chain FILE names one, and asks in five more ways",
    "expired": "the genuine chain is not valid by the device's clock, which some libraries look at first: a chain that "
    "is, or a profile by which the clock can be set (control.clock), may tell",
}
"By what the genuine chain was."


@check("trust.root", limits=("connect_s",))
def root(question: Question) -> Judgement:
    """The device trusts a root: it treats chains under it as it treats those under a root that it was given, and unlike
    those under a root that nobody knows (TLS-ROOT)."""
    fingerprint, name = question.text("root"), printable(question.text("name"))
    seen = [one for one in question.span.of(RootProbeAnswer) if one.event.root == fingerprint]
    if not seen:
        return question.unknown("never-connected", "the device answered no step of the root probe")
    modes = [_mode(text) for text in question.param("modes")]
    reading = read_root(name, [_answers(mode, seen, int(question.param("rounds"))) for mode in modes])
    reasoning = reading.reasoning.replace("\n", "; ")
    if (why := _NOTHING_OF_THE_STORE.get(question.text("store"))) is not None:
        return question.unknown("store-replaced", f"{why}, so nothing is known of that one; {reasoning}")
    evidence = [one.evidence for one in seen if one.event.role == Role.PROBED]
    match reading.trust:
        case Trust.TRUSTED:
            return question.passed(*evidence, measurements=_measured(reading))
        case Trust.NOT_TRUSTED:
            return question.failed(
                "tls-root-not-trusted",
                reasoning,
                f"{name} is among the roots that the device trusts",
                *evidence,
                hint="Ship the root in the store that SIP uses: a firmware or a bundle from before 2014 lacks it.",
                settled=False,
                measurements=_measured(reading),
            )
        case Trust.INCONCLUSIVE if reading.accepts_unknown_root:
            return question.unknown("accepts-unknown-root", f"{reasoning}; that it does so is for WXC-TLS-100 to judge")
        case Trust.INCONCLUSIVE:
            help_ = _WHAT_MAY_HELP.get(question.text("chain"), "")
            return question.unknown("root-not-told", f"{reasoning}{'; ' if help_ else ''}{help_}")


def _mode(text: str) -> Mode:
    for mode in MODES:
        if str(mode) == text:
            return mode
    raise RecordError(f"a root probe asked by {text!r}: the record was made by another version")


def _answers(mode: Mode, seen: Sequence[Seen[RootProbeAnswer]], rounds: int) -> ModeAnswers:
    """All answers in one mode, in their order; a mode that was not asked in every round is told as such."""
    by_role: dict[Role, tuple[Answer, ...]] = {}
    missing = ""
    for role in Role:
        events = [
            one.event
            for one in seen
            if (one.event.technique, one.event.version, one.event.role) == (mode.technique, mode.version, role)
        ]
        by_role[role] = tuple(_answer(event) for event in events)
        asked = len({event.round for event in events})
        if asked < rounds and not missing:
            missing = f"the {role} root was answered in {asked} of {rounds} rounds"
    return ModeAnswers(mode, by_role[Role.UNKNOWN], by_role[Role.TRUSTED], by_role[Role.PROBED], missing=missing)


def _answer(event: RootProbeAnswer) -> Answer:
    try:
        kind = AnswerKind(event.answer)
    except ValueError:
        raise RecordError(f"a root probe's answer {event.answer!r}: the record was made by another version") from None
    return Answer(kind, event.alert, event.established)


def _measured(reading: RootReading) -> tuple[Measurement, ...]:
    """How many modes say so, of those that were asked."""
    telling = sum(one.reading in ("trusted", "not-trusted") for one in reading.modes)
    return (Measurement("root_probe_modes_that_tell", telling, "modes"),)
