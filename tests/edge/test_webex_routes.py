"""Schemathesis makes requests from the official description; the emulator's answers have to be as described."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from certsuite.bench.loop import BenchLoop
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.edge.webex_routes import ENDPOINTS
from certsuite.edge.webex_state import Organization
from tests.openapi import FILES, NOT_DESCRIBED, described

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,missing_required_header,unsupported_method"
)
SCHEMATHESIS = (
    *(sys.executable, "-m", "schemathesis.cli", "run"),
    *("--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "6"),
    *("--generation-deterministic", "--suppress-health-check", "all", "--warnings", "off"),
    *("--workers", "1", "--no-color"),
)


def ours(name: str) -> dict[str, Any]:
    """A description with the emulator's endpoints alone."""
    document = copy.deepcopy(described(name))
    paths = {
        path: {method.lower(): operations[method.lower()] for method, at in ENDPOINTS if at == path}
        for path, operations in document["paths"].items()
        if any(at == path and method.lower() in operations for method, at in ENDPOINTS)
    }
    return document | {"paths": paths}


def offering(document: dict[str, Any], values: dict[str, list[str]]) -> dict[str, Any]:
    """The same, with values for some parameters: ids that are made up meet nothing but a 404."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in values:
                    parameter["schema"] = {"type": "string", "enum": values[parameter["name"]]}
                    parameter.pop("example", None)
    return document


def test_every_endpoint_is_described() -> None:
    everything = {f"{method} {path}" for method, path in ENDPOINTS}
    in_files = {
        f"{method.upper()} {path}"
        for name in FILES
        for path, operations in ours(name)["paths"].items()
        for method in operations
    }
    assert everything - in_files == set(NOT_DESCRIBED)


async def stopped(emulator: WebexEmulator) -> None:
    emulator.stop()


@pytest.mark.parametrize("name", FILES)
def test_whatever_is_asked_the_answer_is_as_described(name: str, tmp_path: Path) -> None:
    organization = Organization(time.time)
    owner = organization.someone("Anna", "Berg")
    body = {"mac": "001A2B3C4D5E", "model": "Partner Managed Phone", "password": "Test4Password123&"}
    device = organization.create(body | {"personId": owner.id})
    token = organization.mint()["access_token"]
    values = {
        "deviceId": [device["id"], device["callingDeviceId"], "none"],
        "applicationId": [organization.application_id],
        "orgId": [organization.id],
    }
    file = tmp_path / name
    file.write_text(json.dumps(offering(ours(name), values)))
    emulator = WebexEmulator(organization)
    loop = BenchLoop()
    try:
        loop.run(emulator.start())
        done = subprocess.run(
            [*SCHEMATHESIS, str(file), "--url", emulator.base_url, "--header", f"Authorization: Bearer {token}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        asked = {one.route for one in emulator.exchanges}
        described_here = {f"{m} {p}" for m, p in ENDPOINTS if p in ours(name)["paths"]}
        assert described_here <= asked
        # Every way to read has given something to hold against the description.
        given = {one.route for one in emulator.exchanges if one.status == 200}
        assert {one for one in described_here if one.startswith("GET")} <= given
    finally:
        loop.run(stopped(emulator))
        loop.stop()
