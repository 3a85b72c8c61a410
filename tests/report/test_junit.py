"""junit.xml: red means not fit; and nothing that a device says breaks it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

from certsuite.report.junit import junit_xml

if TYPE_CHECKING:
    from tests.report.conftest import Run


def suite_of(run: Run) -> ET.Element:
    root = ET.fromstring(junit_xml(run.result))
    suite = root.find("testsuite")
    assert suite is not None
    return suite


def outcomes(suite: ET.Element) -> dict[str, str]:
    """First word of each testcase's name, and what became of it."""
    found = {}
    for case in suite.iter("testcase"):
        ends = [child for child in case if child.tag in ("failure", "error", "skipped")]
        assert len(ends) <= 1
        found[case.get("name", "").split()[0]] = f"{ends[0].tag}:{ends[0].get('type')}" if ends else "passed"
    return found


def test_only_what_blocks_is_red(run: Run) -> None:
    suite = suite_of(run)
    assert outcomes(suite) == {
        "WXC-TLS-010": "passed",
        "WXC-TLS-040": "failure:tls-accepted-unknown-root",
        "WXC-TLS-050[rsa]": "error:inconclusive",
        "WXC-DNS-010": "passed",
        "WXC-FO-010": "passed",
        "WXC-ID-010": "passed",
        "WXC-PW-010": "passed",
        "WXC-CALL-060": "passed",
        "WXC-CALL-090": "error:needs-review",
        "WXC-CALL-120": "skipped:not-applicable",
        "WXC-CALL-130": "error:error",
    }
    totals = [suite.get(name) for name in ("tests", "failures", "errors", "skipped", "timestamp")]
    assert totals == ["11", "1", "3", "1", "2026-11-21T20:15:00"]


def test_an_undecided_case_that_does_not_block_is_skipped(run: Run) -> None:
    review = next(case for case in run.result.cases if case.id == "WXC-CALL-090")
    suite = suite_of(run.with_cases(replace(review, claimed=False)))
    assert outcomes(suite) == {"WXC-CALL-090": "skipped:needs-review"}


def test_a_failure_that_does_not_block_is_still_told(run: Run) -> None:
    suite = suite_of(run)
    case = next(case for case in suite.iter("testcase") if case.get("name", "").startswith("WXC-ID-010"))
    assert {(part.get("name"), part.get("value")) for part in case.iter("property")} >= {("verdict", "fail")}
    output = case.findtext("system-out") or ""
    assert "user-agent-unspecific" in output
    assert "docs/findings/user-agent-unspecific.md" in output


def test_what_was_asked_for_and_has_no_verdict_is_an_error(run: Run) -> None:
    result = replace(run.result, planned=(*run.result.planned, ("WXC-TLS-990", "")))
    suite = suite_of(replace(run, result=result))
    assert outcomes(suite)["WXC-TLS-990"] == "error:no-verdict"
    assert suite.get("errors") == "4"


def test_hostile_strings_are_text(hostile_run: Run) -> None:
    written = junit_xml(hostile_run.result)
    suite = suite_of(hostile_run)
    tags = {element.tag for element in suite.iter()}
    assert tags == {"testsuite", "testcase", "properties", "property", "failure", "error", "skipped", "system-out"}
    text = written.decode("utf-8")
    assert "]]>" not in text
    assert not re.search("[^\t\n\x20-\x7e…→›‹’“”–]", text)
    assert "\n::error::" not in text
    assert len(written) < 100_000


def test_a_persons_pass_is_green_and_says_whose_it_is(reviewed_run: Run) -> None:
    root = ET.fromstring(junit_xml(reviewed_run.result))
    (case,) = (one for one in root.iter("testcase") if one.attrib["name"].startswith("WXC-CALL-090"))
    properties = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
    assert (properties["settled_by_person"], properties["verdict_by_record"]) == ("A. <b>Person", "needs-review")
    assert [one.tag for one in case] == ["properties", "system-out"]
    assert "settled as pass by A. <b>Person" in case.findtext("system-out", "")
