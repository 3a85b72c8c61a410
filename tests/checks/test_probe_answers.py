"""What a client's answers say, in whatever order they come."""

from __future__ import annotations

import pytest

from certsuite.checks.probe_answers import ProbeAnswers
from certsuite.checks.root_probe import Reading, Trust
from certsuite.tls.probe_chains import MODES, Role
from certsuite.tls.probe_server import Answer, AnswerKind

SPOOF12, SPOOF13 = MODES[:2]
UNKNOWN_CA, DECRYPT_ERROR = Answer(AnswerKind.ALERT, 48), Answer(AnswerKind.ALERT, 51)


@pytest.mark.parametrize(
    ("probed", "trust"), [(DECRYPT_ERROR, Trust.TRUSTED), (UNKNOWN_CA, Trust.NOT_TRUSTED)], ids=["has", "lacks"]
)
def test_a_mode_is_read_as_soon_as_each_role_was_answered(probed: Answer, trust: Trust) -> None:
    answers = ProbeAnswers("Some Root", (SPOOF12, SPOOF13))
    assert answers.take(SPOOF12, Role.PROBED, probed) is None
    assert answers.take(SPOOF12, Role.TRUSTED, DECRYPT_ERROR) is None
    assert answers.reading.trust is Trust.INCONCLUSIVE
    reading = answers.take(SPOOF12, Role.UNKNOWN, UNKNOWN_CA)
    assert reading is not None
    assert reading.trust is trust
    assert reading.modes[1].reading is Reading.NOT_ASKED
    assert "not answered: unknown, trusted, probed" in reading.reasoning
    assert answers.times(SPOOF12) == 1
    # The same again says nothing new.
    assert answers.take(SPOOF12, Role.PROBED, probed) is None


def test_another_answer_takes_the_conclusion_back() -> None:
    answers = ProbeAnswers("Some Root", (SPOOF12,))
    answers.take(SPOOF12, Role.UNKNOWN, UNKNOWN_CA)
    answers.take(SPOOF12, Role.TRUSTED, DECRYPT_ERROR)
    for _ in range(50):
        answers.take(SPOOF12, Role.PROBED, DECRYPT_ERROR)
    assert answers.reading.trust is Trust.TRUSTED
    reading = answers.take(SPOOF12, Role.PROBED, UNKNOWN_CA)
    assert reading is not None
    assert reading.trust is Trust.INCONCLUSIVE
    assert reading.modes[0].reading is Reading.UNSTEADY


def test_data_under_an_unknown_root_is_told_before_the_mode_is_complete() -> None:
    answers = ProbeAnswers("Some Root", (SPOOF12,))
    reading = answers.take(SPOOF12, Role.UNKNOWN, Answer(AnswerKind.APPLICATION_DATA, established=True))
    assert reading is not None
    assert reading.accepts_unknown_root
    assert reading.trust is Trust.INCONCLUSIVE


def test_what_is_kept_is_bounded() -> None:
    answers = ProbeAnswers("Some Root", (SPOOF12,))
    for number in range(1000):
        answers.take(SPOOF12, Role.PROBED, Answer(AnswerKind.ALERT, number % 256))
    assert len(answers.by_mode[SPOOF12][Role.PROBED]) <= 16
