"""``junit.xml``: the results for a build server, where red means that the device is not fit.

A case that blocks is a failure or an error when it fails or has no decision. A case that does not block is never red:
its verdict stands in a property and in its output.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from certsuite.core.findings import Finding
from certsuite.core.results import CaseResult, RunResult
from certsuite.core.verdicts import Verdict
from certsuite.report.results_json import doc_page
from certsuite.report.words import blocks, family, figure, name, name_of, safe, when, without_verdict

JUNIT = "junit.xml"


def junit_xml(result: RunResult) -> bytes:
    """The document, one ``testcase`` a case and one for whatever was asked for and has no verdict."""
    suite = ET.Element("testsuite")
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(result):
        ET.SubElement(properties, "property", name=key, value=safe(value))
    package = f"certsuite.{safe(result.device.get('profile', '') or 'device').replace('.', '_')}"
    totals = {"failure": 0, "error": 0, "skipped": 0}
    for case in result.cases:
        outcome = _case(suite, case, package)
        if outcome:
            totals[outcome] += 1
    for case_id, variant in without_verdict(result):
        missing = ET.SubElement(
            suite, "testcase", classname=f"{package}.without-verdict", name=name_of(case_id, variant), time="0.000"
        )
        ET.SubElement(missing, "error", type="no-verdict", message="asked for, and the run ended without a verdict")
        totals["error"] += 1
    title = " ".join(part for part in (result.device.get("vendor", ""), result.device.get("model", "")) if part)
    suite.attrib.update(
        {
            "name": safe(f"certsuite {title}".strip()),
            "tests": str(len(suite.findall("testcase"))),
            "failures": str(totals["failure"]),
            "errors": str(totals["error"]),
            "skipped": str(totals["skipped"]),
            "time": f"{result.wall_s:.3f}",
        }
    )
    if started := when(result.started):
        suite.set("timestamp", started.strftime("%Y-%m-%dT%H:%M:%S"))
    root = ET.Element("testsuites", {key: suite.attrib[key] for key in ("tests", "failures", "errors", "time")})
    root.append(suite)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _properties(result: RunResult) -> list[tuple[str, str]]:
    device = [(f"device.{key}", value) for key, value in sorted(result.device.items())]
    agents = [("device.user_agent_seen", agent) for agent in result.user_agents_seen]
    return [
        ("outcome", result.outcome.value),
        ("run", result.run),
        ("plan", result.plan),
        ("suite.version", result.suite_version),
        ("complete", str(result.complete).lower()),
        *([("fault", result.fault)] if result.fault else []),
        *device,
        *agents,
    ]


def _case(suite: ET.Element, case: CaseResult, package: str) -> str:
    """Add a case; gives ``failure``, ``error``, ``skipped``, or nothing if it passed."""
    element = ET.SubElement(
        suite,
        "testcase",
        classname=f"{package}.{family(case)}",
        name=safe(f"{name(case)} {case.title}"),
        time=f"{case.duration_s:.3f}",
    )
    properties = ET.SubElement(element, "properties")
    for key, value in (("verdict", case.verdict.value), ("level", case.level.value), ("mark", case.mark.value)):
        ET.SubElement(properties, "property", name=key, value=value)
    for requirement in case.requirements:
        ET.SubElement(properties, "property", name="requirement", value=safe(requirement.id))
    if case.review is not None:
        ET.SubElement(properties, "property", name="settled_by_person", value=safe(case.review.by))
        ET.SubElement(properties, "property", name="verdict_by_record", value=case.review.before.value)
    outcome = _outcome(case)
    message = _message(case)
    text = "\n".join(_lines(case))
    if outcome == "skipped":
        ET.SubElement(element, "skipped", type=case.verdict.value, message=message)
    elif outcome:
        kind = case.findings[0].id if case.verdict is Verdict.FAIL and case.findings else case.verdict.value
        ET.SubElement(element, outcome, type=safe(kind), message=message).text = text
    if not outcome or outcome == "skipped":
        quiet = case.verdict is Verdict.PASS and case.review is None
        lines = [] if quiet else [f"verdict: {case.verdict.value}", *_lines(case)]
        lines += [f"{each.name}: {figure(each.value, each.unit)}" for each in case.measurements]
        if lines:
            ET.SubElement(element, "system-out").text = "\n".join(lines)
    return outcome


def _outcome(case: CaseResult) -> str:
    if case.verdict is Verdict.ERROR:
        return "error"
    if case.verdict is Verdict.NOT_APPLICABLE:
        return "skipped"
    if case.verdict is Verdict.FAIL:
        return "failure" if blocks(case) else ""
    if case.verdict in (Verdict.INCONCLUSIVE, Verdict.NEEDS_REVIEW):
        return "error" if blocks(case) else "skipped"
    return ""


def _message(case: CaseResult) -> str:
    if case.findings:
        return safe(case.findings[0].observed)
    return safe(case.reason) or case.verdict.value


def _lines(case: CaseResult) -> list[str]:
    lines = [safe(case.reason)] if case.reason else []
    if case.explained_by:
        lines.append(f"explained by: {safe(case.explained_by)}")
    for finding in case.findings:
        lines += _finding(finding)
    return lines


def _finding(finding: Finding) -> list[str]:
    lines = [
        f"finding: {safe(finding.id)}",
        f"  observed: {safe(finding.observed)}",
        f"  expected: {safe(finding.expected)}",
    ]
    if finding.limit is not None:
        lines.append(f"  limit: {figure(finding.limit, finding.unit)}")
    if finding.hint:
        lines.append(f"  hint: {safe(finding.hint)}")
    lines.append(f"  see: {safe(doc_page(finding))}")
    return lines
