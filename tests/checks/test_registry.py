"""Checks by name, and the answers that they give."""

from __future__ import annotations

import pytest

from certsuite.catalogue import load_catalogue
from certsuite.checks.registry import Question, all_checks, check, find_check
from certsuite.checks.span import Span
from certsuite.core.errors import CatalogueError, RecordError
from certsuite.core.events import LoopLag
from certsuite.core.findings import Evidence, Measurement, Subject
from certsuite.core.limits import Limit, Limits
from certsuite.core.observations import Observation
from certsuite.core.verdicts import Mark, Verdict


def question(*, lag_ms: float = 0.0, **params: object) -> Question:
    lag = [Observation(0, 0, 0, "", LoopLag(lag_ms))] if lag_ms else []
    return Question(Span(lag), Subject(1, "f1", "c1"), Limits({}), params, "REQ-1")


def test_a_check_is_found_by_its_name() -> None:
    found = find_check("tls.trusts")
    assert (found.name, found.limits, found.passive) == ("tls.trusts", ("connect_s",), False)
    assert found in all_checks()
    assert find_check("net.no-cleartext").passive, "what is sent in the clear is looked for in the whole record"


def test_a_check_that_is_not_there_is_told() -> None:
    with pytest.raises(CatalogueError, match=r"no check named 'tls\.trust'"):
        find_check("tls.trust")


def test_no_two_checks_have_one_name() -> None:
    with pytest.raises(CatalogueError, match=r"two checks are named tls\.trusts"):
        check("tls.trusts")(lambda asked: asked.passed())


def test_checks_are_listed_by_name() -> None:
    names = [one.name for one in all_checks()]
    assert names == sorted(names)
    assert all(one.function.__doc__ for one in all_checks())


def test_what_waits_has_a_limit_for_its_patience() -> None:
    known = {limit.name: limit for limit in load_catalogue().limits}
    for one in all_checks():
        if not one.passive:
            assert one.limits, one.name
            assert known[one.limits[0]].unit in ("s", "granted expiries", "characters"), one.name


def test_a_parameter_that_the_record_lacks_is_told() -> None:
    assert question(edge=5).text("edge") == "5"
    assert question(tones=[1, 2]).param("tones") == [1, 2]
    for read in (question().text, question().param):
        with pytest.raises(RecordError, match="lacks 'edge'"):
            read("edge")


def test_an_answer_names_whom_it_is_about() -> None:
    limit = Limit("ring_s", 12, "s", Mark.PRIMARY, "x")
    failed = question().failed("late", "seen", "wanted", Evidence(3, 7), limit=limit, flow="f9", hint="look")
    [finding] = failed.findings
    assert (finding.id, finding.requirement, finding.limit, finding.unit) == ("late", "REQ-1", 12, "s")
    assert finding.subject == Subject(1, "f9", "c1")
    assert finding.evidence == failed.evidence == (Evidence(3, 7),)
    assert question().failed("x", "y", "z").findings[0].subject.flow == "f1"


@pytest.mark.parametrize(
    ("seconds", "mark", "lag_ms", "verdict"),
    [
        (11.0, Mark.PRIMARY, 0.0, Verdict.PASS),
        (13.0, Mark.PRIMARY, 0.0, Verdict.FAIL),
        (13.0, Mark.INFERRED, 0.0, Verdict.WARN),
        (13.0, Mark.PRIMARY, 1500.0, Verdict.INCONCLUSIVE),
        (11.0, Mark.PRIMARY, 1500.0, Verdict.INCONCLUSIVE),
        (11.0, Mark.PRIMARY, 900.0, Verdict.PASS),
    ],
)
def test_a_duration(seconds: float, mark: Mark, lag_ms: float, verdict: Verdict) -> None:
    limit = Limit("ring_s", 12, "s", mark, "x")
    judged = question(lag_ms=lag_ms).timed("delay", seconds, limit, "late", "rang after", Evidence(1))
    assert judged.verdict is verdict
    assert judged.settled
    assert judged.measurements == (Measurement("delay", seconds, "s", 12),), "measured, passed or not"
    assert [finding.id for finding in judged.findings] == (["late"] if verdict in (Verdict.FAIL, Verdict.WARN) else [])
    assert (judged.reason_code == "bench-lag") is (verdict is Verdict.INCONCLUSIVE)
