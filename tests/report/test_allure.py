"""allure-results: one result a case, the device a parameter, nothing live in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from certsuite.report.allure import allure_results

if TYPE_CHECKING:
    from tests.report.conftest import Run


def results(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """The results by the first word of their names."""
    every = [json.loads(content) for name, content in files.items() if name.endswith("-result.json")]
    return {result["name"].split()[0]: result for result in every}


def test_each_case_is_a_result_with_its_status(run: Run) -> None:
    statuses = {name: result["status"] for name, result in results(allure_results(run.result, {})).items()}
    assert statuses == {
        "WXC-TLS-010": "passed",
        "WXC-TLS-040": "failed",
        "WXC-TLS-050[rsa]": "unknown",
        "WXC-DNS-010": "passed",
        "WXC-FO-010": "passed",
        "WXC-ID-010": "failed",
        "WXC-PW-010": "passed",
        "WXC-CALL-060": "passed",
        "WXC-CALL-090": "unknown",
        "WXC-CALL-120": "skipped",
        "WXC-CALL-130": "broken",
    }


def test_a_result_says_what_and_on_which_device(run: Run) -> None:
    files = allure_results(run.result, {("WXC-TLS-040", ""): "<svg/>"})
    result = results(files)["WXC-TLS-040"]
    labels = {(label["name"], label["value"]) for label in result["labels"]}
    assert {("severity", "critical"), ("suite", "TLS and trust"), ("parentSuite", "Acme T1 (acme-t1)")} <= labels
    assert {"name": "device", "value": "Acme T1 (acme-t1)"} in result["parameters"]
    assert result["statusDetails"]["message"].startswith("the device finished the handshake")
    assert "tls-accepted-unknown-root" in result["statusDetails"]["trace"]
    (attachment,) = result["attachments"]
    assert files[attachment["source"]] == b"<svg/>"
    assert result["stop"] - result["start"] == 4200
    assert {"environment.properties", "categories.json"} <= files.keys()


def test_devices_have_histories_of_their_own_and_firmware_has_not(run: Run) -> None:
    def history(**device: str) -> str:
        result = replace(run.result, device={**run.result.device, **device})
        found: str = results(allure_results(result, {}))["WXC-TLS-010"]["historyId"]
        return found

    assert history() != history(model="T2")
    assert history() == history(firmware="2.5.0")


def test_hostile_strings_are_text(hostile_run: Run) -> None:
    files = allure_results(hostile_run.result, {})
    for name, content in files.items():
        assert set(content) <= set(range(0x20, 0x7F)) | {0x0A}, name
        assert b"<" not in content, name
        assert b">" not in content, name
        assert len(content) < 60_000, name
    lines = files["environment.properties"].decode("ascii").splitlines()
    assert len(lines) == len({line.partition("=")[0] for line in lines}) == 10


def test_the_same_run_gives_the_same_files(run: Run) -> None:
    assert allure_results(run.result, {}) == allure_results(run.result, {})


def test_a_persons_judgement_is_tagged_and_told(reviewed_run: Run) -> None:
    files = allure_results(reviewed_run.result, {})
    results = [json.loads(text) for file_name, text in files.items() if file_name.endswith("-result.json")]
    tagged = [one for one in results if {"name": "tag", "value": "settled by a person"} in one["labels"]]
    assert [(one["name"][:12], one["status"]) for one in tagged] == [("WXC-CALL-090", "passed")]
    assert tagged[0]["statusDetails"]["message"].startswith("settled as pass by A. ‹b›Person")
