"""The conclusion of a root probe, from answers alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.checks.root_probe import ModeAnswers, Reading, Trust, read_mode, read_root
from certsuite.tls.probe_chains import MODES, Mode, Technique
from certsuite.tls.probe_server import Answer, AnswerKind

SPOOF = Mode(Technique.SPOOF, "TLSv1.2")
BAD_SIGNATURE = Mode(Technique.BAD_SIGNATURE, "TLSv1.2")
STATIC_RSA = Mode(Technique.STATIC_RSA, "TLSv1.2")
PAUSE = Mode(Technique.PAUSE, "TLSv1.3")

CLOSED = Answer(AnswerKind.CLOSED)
SILENCE = Answer(AnswerKind.SILENCE)
KEY_EXCHANGE = Answer(AnswerKind.KEY_EXCHANGE)
DATA = Answer(AnswerKind.APPLICATION_DATA, established=True)
CLOSED_AFTER = Answer(AnswerKind.CLOSED, established=True)
NOT_OFFERED = Answer(AnswerKind.NOT_OFFERED)


def alert(number: int) -> Answer:
    return Answer(AnswerKind.ALERT, number)


def asked(mode: Mode, unknown: Answer, trusted: Answer, probed: Answer, *, rounds: int = 2) -> ModeAnswers:
    return ModeAnswers(mode, (unknown,) * rounds, (trusted,) * rounds, (probed,) * rounds)


@pytest.mark.parametrize(
    ("answers", "reading"),
    [
        (asked(SPOOF, alert(48), alert(51), alert(48)), Reading.NOT_TRUSTED),
        (asked(SPOOF, alert(48), alert(51), alert(51)), Reading.TRUSTED),
        (asked(SPOOF, alert(48), alert(51), alert(42)), Reading.NEITHER),
        (asked(SPOOF, alert(42), alert(42), alert(42)), Reading.MUTE),
        # A probe that differs from two equal controls says nothing either: what it differs in is not known.
        (asked(SPOOF, alert(42), alert(42), alert(51)), Reading.MUTE),
        (asked(BAD_SIGNATURE, alert(48), CLOSED, CLOSED), Reading.TRUSTED),
        (asked(BAD_SIGNATURE, alert(51), alert(42), alert(51)), Reading.GOES_ON),
        (asked(STATIC_RSA, KEY_EXCHANGE, KEY_EXCHANGE, KEY_EXCHANGE), Reading.MUTE),
        (asked(STATIC_RSA, KEY_EXCHANGE, alert(42), KEY_EXCHANGE), Reading.GOES_ON),
        (asked(PAUSE, alert(48), SILENCE, SILENCE), Reading.TRUSTED),
        (asked(PAUSE, SILENCE, alert(48), SILENCE), Reading.GOES_ON),
        (asked(BAD_SIGNATURE, alert(48), SILENCE, SILENCE), Reading.NOT_ASKED),
        (asked(SPOOF, NOT_OFFERED, NOT_OFFERED, NOT_OFFERED), Reading.NOT_ASKED),
        (asked(SPOOF, alert(48), alert(51), NOT_OFFERED), Reading.NOT_ASKED),
        (ModeAnswers(SPOOF, (), (alert(51),), (alert(48),)), Reading.NOT_ASKED),
        (ModeAnswers(SPOOF, (alert(48), CLOSED), (alert(51),) * 2, (alert(48),) * 2), Reading.UNSTEADY),
        (ModeAnswers(SPOOF, (alert(48),) * 2, (alert(51),) * 2, (alert(48), alert(51))), Reading.UNSTEADY),
    ],
)
def test_one_mode(answers: ModeAnswers, reading: Reading) -> None:
    read = read_mode(answers)
    assert read.reading is reading
    assert read.reason


def test_places_in_the_handshake_differ() -> None:
    """Whether it finishes the handshake before it closes is what a client does, too."""
    assert read_mode(asked(SPOOF, CLOSED, CLOSED_AFTER, CLOSED)).reading is Reading.NOT_TRUSTED


@pytest.mark.parametrize(
    ("answers", "trust"),
    [
        ([], Trust.INCONCLUSIVE),
        ([asked(SPOOF, alert(48), alert(51), alert(51))], Trust.TRUSTED),
        ([asked(SPOOF, alert(48), alert(51), alert(48))], Trust.NOT_TRUSTED),
        # One mode speaks, one is mute, one is not offered.
        (
            [
                asked(SPOOF, alert(42), alert(42), alert(42)),
                asked(STATIC_RSA, alert(42), KEY_EXCHANGE, KEY_EXCHANGE),
                asked(BAD_SIGNATURE, NOT_OFFERED, NOT_OFFERED, NOT_OFFERED),
            ],
            Trust.TRUSTED,
        ),
        # They disagree.
        (
            [
                asked(SPOOF, alert(48), alert(51), alert(51)),
                asked(STATIC_RSA, alert(48), KEY_EXCHANGE, alert(48)),
            ],
            Trust.INCONCLUSIVE,
        ),
        # A third answer in one mode takes away what another says.
        (
            [
                asked(SPOOF, alert(48), alert(51), alert(51)),
                asked(BAD_SIGNATURE, alert(48), alert(51), alert(42)),
            ],
            Trust.INCONCLUSIVE,
        ),
        ([asked(PAUSE, alert(48), SILENCE, SILENCE)], Trust.INCONCLUSIVE),
        ([asked(PAUSE, alert(48), SILENCE, alert(48))], Trust.INCONCLUSIVE),
        (
            [asked(PAUSE, alert(48), SILENCE, SILENCE), asked(SPOOF, alert(48), alert(51), alert(51))],
            Trust.TRUSTED,
        ),
    ],
)
def test_all_modes(answers: list[ModeAnswers], trust: Trust) -> None:
    read = read_root("the root", answers)
    assert read.trust is trust
    assert not read.accepts_unknown_root
    assert ("what is left" in read.reasoning) == (trust is Trust.INCONCLUSIVE)
    assert "the root" in read.summary


def everywhere(unknown: Answer, trusted: Answer, probed: Answer, modes: Iterable[Mode] = MODES) -> list[ModeAnswers]:
    return [asked(mode, unknown, trusted, probed) for mode in modes]


def test_a_device_that_trusts_everybody_cannot_be_asked() -> None:
    read = read_root("the root", [asked(SPOOF, DATA, DATA, DATA), asked(STATIC_RSA, *[KEY_EXCHANGE] * 3)])
    assert read.trust is Trust.INCONCLUSIVE
    assert read.accepts_unknown_root


def test_data_under_the_unknown_root_takes_away_what_other_modes_say() -> None:
    read = read_root("the root", [asked(SPOOF, DATA, DATA, DATA), asked(BAD_SIGNATURE, alert(48), CLOSED, CLOSED)])
    assert (read.trust, read.accepts_unknown_root) == (Trust.INCONCLUSIVE, True)


@pytest.mark.parametrize("same", [alert(42), CLOSED, CLOSED_AFTER, SILENCE, KEY_EXCHANGE], ids=str)
def test_a_device_that_always_does_the_same_says_nothing(same: Answer) -> None:
    read = read_root("the root", everywhere(same, same, same))
    assert (read.trust, read.accepts_unknown_root) == (Trust.INCONCLUSIVE, False)


ANSWERS = st.sampled_from(
    [alert(42), alert(48), alert(51), CLOSED, CLOSED_AFTER, SILENCE, KEY_EXCHANGE, DATA, NOT_OFFERED]
)


@given(st.lists(st.builds(asked, st.sampled_from(MODES), ANSWERS, ANSWERS, ANSWERS), max_size=7))
def test_a_conclusion_is_always_founded(answers: list[ModeAnswers]) -> None:
    """Trusted and not trusted need a mode that says so, no mode that says otherwise, and controls that differ."""
    read = read_root("the root", answers)
    readings = {one.reading for one in read.modes}
    if read.trust is Trust.TRUSTED:
        assert Reading.TRUSTED in readings
        assert not readings & {Reading.NOT_TRUSTED, Reading.NEITHER}
        assert any(one.probed == one.trusted != one.unknown for one in answers)
    if read.trust is Trust.NOT_TRUSTED:
        assert Reading.NOT_TRUSTED in readings
        assert not readings & {Reading.TRUSTED, Reading.NEITHER}
        assert any(one.probed == one.unknown != one.trusted for one in answers)


@given(st.lists(st.builds(asked, st.sampled_from(MODES), ANSWERS, ANSWERS, ANSWERS), max_size=7))
def test_the_order_of_modes_is_of_no_account(answers: list[ModeAnswers]) -> None:
    assert read_root("r", answers).trust is read_root("r", answers[::-1]).trust
