"""results.json follows its published schema, and the schema refuses what is no such document."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from certsuite.core.findings import Measurement
from certsuite.report.results_json import results_document, results_json, results_schema

if TYPE_CHECKING:
    from tests.report.conftest import Run


def validator() -> jsonschema.Draft202012Validator:
    schema = results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_document_follows_the_schema(run: Run, hostile_run: Run) -> None:
    for each in (run, hostile_run):
        keys = {(case.id, case.variant) for case in each.result.cases}
        validator().validate(json.loads(results_json(results_document(each.result, keys))))


def test_the_document_has_every_field_of_the_contract(run: Run) -> None:
    document = results_document(run.result, {("WXC-TLS-040", "")})
    assert document["outcome"] == "not-qualified"
    assert document["exit_code"] == 1
    assert document["device"] == {
        "vendor": "Acme",
        "model": "T1",
        "firmware": "2.4.1",
        "kind": "phone",
        "profile": "acme-t1",
        "user_agent_seen": ["Acme T1/2.4.1 00:11:22:33:44:55"],
        "control_hub": "Partner Managed Phone - Acme Phone",
    }
    assert document["scope"] == {"plan": "full", "cases": []}
    case = next(case for case in document["cases"] if case["id"] == "WXC-TLS-040")
    assert case["verdict"] == "fail"
    assert case["requirements"] == [
        {"id": "TLS-VERIFY-CHAIN", "level": "mandatory", "mark": "inferred", "verdict": "fail"}
    ]
    assert case["evidence"] == [{"kind": "ladder", "path": "evidence/ladder-WXC-TLS-040.svg"}]
    finding = case["findings"][0]
    assert finding["doc"] == "docs/findings/tls-accepted-unknown-root.md"
    assert finding["subject"]["flow"] == "f1"
    assert finding["evidence"][0]["frame"] == 131


def test_less_than_the_full_plan_names_what_was_asked_for(run: Run) -> None:
    result = replace(
        run.result, full_plan=False, plan="security", planned=(("WXC-TLS-050", "rsa"), ("WXC-TLS-990", ""))
    )
    document = results_document(result)
    assert document["scope"] == {"plan": "security", "cases": ["WXC-TLS-050[rsa]", "WXC-TLS-990"]}
    assert document["without_verdict"] == ["WXC-TLS-990"]


def test_it_is_ascii_without_anything_a_terminal_would_act_on(hostile_run: Run) -> None:
    written = results_json(results_document(hostile_run.result))
    assert set(written) <= set(range(0x20, 0x7F)) | {0x0A}
    assert len(written) < 60_000


def test_there_is_no_infinity_in_it(run: Run) -> None:
    endless = (Measurement("a", math.inf, "s"), Measurement("b", 1.0, "s", math.inf))
    document = results_document(replace(run.result, measurements=endless))
    assert json.loads(results_json(document))["measurements"] == [
        {"name": "b", "value": 1.0, "unit": "s", "limit": None}
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", 2),
        ("outcome", "green"),
        ("exit_code", 9),
        ("cases/0/verdict", "passed"),
        ("cases/0/level", "must"),
        ("cases/0/id", "TLS-1"),
        ("cases/0/duration_s", "4"),
        ("cases/1/evidence", [{"kind": "ladder", "path": "/etc/passwd"}]),
        ("cases/1/evidence", [{"kind": "ladder", "path": "evidence/../../x"}]),
        ("cases/1/findings/0/evidence/0/seq", -1),
        ("cases/0/requirements/0/verdict", ""),
        ("started", "yesterday"),
        ("device/user_agent_seen", "Acme"),
        ("time_scale", 0),
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_wrong(run: Run, path: str, value: object) -> None:
    document = json.loads(results_json(results_document(run.result)))
    *way, last = path.split("/")
    part: Any = document
    for step in way:
        part = part[int(step)] if step.isdecimal() else part[step]
    assert last in part
    part[last] = value
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(document)


def test_the_schema_requires_every_field_of_the_contract(run: Run) -> None:
    document = results_document(run.result)
    added = {"interrupted", "fault", "bench", "wall_s", "waited_s", "overhead_s", "overhead_ms_a_case", "measurements"}
    for name in document.keys() - added - {"without_verdict"}:
        with pytest.raises(jsonschema.ValidationError):
            validator().validate({key: value for key, value in document.items() if key != name})


def test_fields_may_be_added(run: Run) -> None:
    document = results_document(run.result)
    document["added"] = document["cases"][0]["added"] = 1
    validator().validate(document)


def test_a_persons_judgement_is_told_from_the_records(reviewed_run: Run) -> None:
    document = json.loads(results_json(results_document(reviewed_run.result)))
    validator().validate(document)
    cases = {case["id"]: case for case in document["cases"]}
    assert [id for id, case in cases.items() if case["review"] is not None] == ["WXC-CALL-090"]
    case = cases["WXC-CALL-090"]
    assert (case["verdict"], case["reason_code"]) == ("pass", "reviewed")
    assert case["evidence"] == [{"kind": "review", "path": "evidence/reviews/0123456789abcdef.jpg"}]
    assert case["review"] == {
        "by": "A. <b>Person",
        "at": "2026-11-22T08:00:00.000000Z",
        "verdict": "pass",
        "before": {
            "verdict": "needs-review",
            "reason": "Music on hold was heard; a person must say whether it is the device's.",
        },
        "evidence": "evidence/reviews/0123456789abcdef.jpg",
        "sha256": "0123456789abcdef" * 4,
        "replaced": [{"by": "B. First", "at": "2026-11-22T08:00:00.000000Z", "verdict": "fail"}],
    }
