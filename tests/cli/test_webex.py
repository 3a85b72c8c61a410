"""``certsuite webex`` as a user types it, against the emulator."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from certsuite.bench.loop import BenchLoop
from certsuite.cli.main import app
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.edge.webex_state import Organization
from tests.conftest import certsuite
from tests.openapi import problems

MAC = "00:1A:2B:3C:4D:5E"
MODEL = "Partner Managed Phone"
PASSWORD = "Test4Password123&"

Typed = Callable[..., Result]


@pytest.fixture
def emulator() -> Iterator[WebexEmulator]:
    served = WebexEmulator(Organization(time.time, registers_as=("Yealink", "SIP-T46U")))
    served.organization.someone("Anna", "Berg")
    loop = BenchLoop()
    loop.run(served.start())
    yield served
    loop.run(stopped(served))
    loop.stop()
    assert problems(served.exchanges) == []


async def stopped(emulator: WebexEmulator) -> None:
    emulator.stop()


@pytest.fixture
def types(emulator: WebexEmulator, tmp_path: Path) -> Typed:
    """Type ``certsuite webex ...``, with a token."""
    file = tmp_path / "credentials.yaml"
    file.write_text(yaml.safe_dump({"access_token": emulator.organization.mint()["access_token"]}))
    file.chmod(0o600)

    def typed(*words: str, password: str = PASSWORD) -> Result:
        place = ["--emulator", emulator.base_url, "--credentials", str(file)]
        return CliRunner().invoke(app, ["webex", *place, *words], env={"WEBEX_SIP_PASSWORD": password})

    return typed


def owner(emulator: WebexEmulator) -> str:
    return next(iter(emulator.organization.people))


def create(types: Typed, emulator: WebexEmulator, *options: str) -> Result:
    return types("device", "create", "--mac", MAC, "--person", owner(emulator), "--model", MODEL, *options)


def test_from_a_mac_address_to_its_status(types: Typed, emulator: WebexEmulator) -> None:
    done = create(types, emulator)
    assert done.exit_code == 0
    assert "created: " in done.output
    assert re.search(r"SRV +_sips\._tcp\.hs17\.hosted-lab\.bcld\.test", done.output)
    before = types("device", "status", MAC)
    assert (before.exit_code, "it has not registered" in before.output) == (1, True)
    assert types("device", "apply", MAC).exit_code == 0
    after = types("device", "status", MAC)
    assert after.exit_code == 0
    assert re.search(r"make and model +Yealink SIP-T46U", after.output)
    shown = json.loads(types("device", "status", MAC, "--json").output)
    assert (shown["registered"], shown["kind"]) == (True, "phone")


def test_devices_are_listed(types: Typed, emulator: WebexEmulator) -> None:
    assert types("devices").output == "no devices\n"
    create(types, emulator)
    listed = types("devices", "--mac", "001a2b3c4d5e")
    assert re.search(rf"{MAC} +activating +PARTNER +{MODEL} +Anna Berg", listed.output)
    (device,) = json.loads(types("devices", "--person", owner(emulator), "--json").output)
    assert device["managedBy"] == "PARTNER"
    shown = json.loads(types("device", "show", device["id"], "--json").output)
    assert shown["calling"]["owner"]["linePort"].endswith(".bcld.invalid")


def test_a_dry_run_changes_nothing_and_shows_no_secret(types: Typed, emulator: WebexEmulator) -> None:
    done = create(types, emulator, "--dry-run")
    assert done.exit_code == 0
    assert re.search(r'POST http://127\.0\.0\.1:\d+/v1/devices \{.*"password": "\*\*\*".*\(not sent\)', done.output)
    assert PASSWORD not in done.output
    assert not emulator.organization.devices
    create(types, emulator)
    for words in (("device", "password", MAC), ("device", "apply", MAC)):
        shown = types(*words, "--dry-run")
        assert shown.exit_code == 0
        assert shown.output.count("(not sent)") == 1
    assert {one.method for one in emulator.exchanges if one.route != "POST /devices"} == {"GET"}


def test_lines_are_printed_edited_and_set_as_a_whole(types: Typed, emulator: WebexEmulator, tmp_path: Path) -> None:
    create(types, emulator)
    file = tmp_path / "lines.yaml"
    lines = yaml.safe_load(types("device", "members", MAC, "--yaml").output)
    other = emulator.organization.someone("Cleo", "Dahl")
    lines.append(lines[0] | {"id": other.id, "port": 2, "primaryOwner": False, "lineType": "SHARED_CALL_APPEARANCE"})
    file.write_text(yaml.safe_dump(lines))
    shown = types("device", "members", MAC, "--set", str(file), "--dry-run")
    assert "keeps  port 1: Anna Berg" in shown.output
    assert f"adds   port 2: {other.id}" in shown.output
    assert "(not sent)" in shown.output
    assert types("device", "members", MAC, "--set", str(file)).exit_code == 0
    assert "2 of at most 20 lines" in types("device", "members", MAC).output
    file.write_text(yaml.safe_dump(lines[:1]))
    assert "takes  port 2: Cleo Dahl" in types("device", "members", MAC, "--set", str(file)).output
    assert "1 of at most 20 lines" in types("device", "members", MAC).output


def test_the_password_comes_from_the_environment_or_a_private_file(
    types: Typed, emulator: WebexEmulator, tmp_path: Path
) -> None:
    create(types, emulator)
    file = tmp_path / "password"
    file.write_text("Other5Password#\n")
    file.chmod(0o644)
    refused = types("device", "password", MAC, "--password-file", str(file))
    assert (refused.exit_code, "chmod 600" in refused.output) == (4, True)
    file.chmod(0o600)
    assert types("device", "password", MAC, "--password-file", str(file)).exit_code == 0
    (device,) = emulator.organization.devices.values()
    assert device.password == "Other5Password#"
    weak = types("device", "password", MAC, password="weakweak")
    assert (weak.exit_code, "it lacks: upper, digit, special" in weak.output) == (4, True)
    missing = types("device", "password", MAC, password="")
    assert (missing.exit_code, "WEBEX_SIP_PASSWORD" in missing.output) == (4, True)


def test_mac_addresses_are_validated(types: Typed, emulator: WebexEmulator) -> None:
    create(types, emulator)
    assert types("validate-macs", "00:00:00:00:00:01").exit_code == 0
    done = types("validate-macs", MAC, "12")
    assert done.exit_code == 1
    assert re.search(r"001A2B3C4D5E +UNAVAILABLE", done.output)
    assert re.search(r"12 +INVALID", done.output)


def test_a_model_is_asked_for_when_there_are_several(types: Typed, emulator: WebexEmulator) -> None:
    done = types("device", "create", "--mac", MAC, "--person", owner(emulator))
    assert (done.exit_code, "'Partner Managed Phone', 'Partner Managed Gateway'" in done.output) == (4, True)
    assert re.search(r"Partner Managed Gateway +GENERIC_SIP +100", types("models").output)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("device", "show", MAC), 4, "there is no device with the MAC address"),
        (("device", "show", "unknown"), 4, "404 Not Found"),
        (("device", "create", "--mac", "12", "--person", "a"), 4, "12 hexadecimal digits"),
        (("device", "create", "--mac", MAC, "--model", MODEL), 4, "either for a person or for a workspace"),
        (("device", "create", "--mac", MAC, "--person", "--dry-run"), 4, "does not begin with a hyphen"),
    ],
)
def test_what_cannot_be_done_as_asked(types: Typed, words: tuple[str, ...], code: int, text: str) -> None:
    done = types(*words)
    assert (done.exit_code, text in done.output) == (code, True), done.output


def test_what_webex_does_wrong_is_exit_code_3(types: Typed, emulator: WebexEmulator) -> None:
    emulator.fails("not-json", "GET /devices")
    done = types("devices")
    assert (done.exit_code, "no JSON object" in done.output) == (3, True)


def test_without_credentials_it_says_what_to_give() -> None:
    done = CliRunner().invoke(app, ["webex", "devices"], env={"WEBEX_ACCESS_TOKEN": ""})
    assert (done.exit_code, "WEBEX_ACCESS_TOKEN" in done.output) == (4, True)
    words = ["webex", "--emulator", "http://192.0.2.1/v1", "devices"]
    elsewhere = CliRunner().invoke(app, words, env={"WEBEX_ACCESS_TOKEN": "abc"})
    assert (elsewhere.exit_code, "tokens go nowhere else" in elsewhere.output) == (4, True)


def test_the_emulator_as_a_program(tmp_path: Path) -> None:
    words = ["webex", "emulate", "--out", str(tmp_path), "--fault", "dropped-after POST /devices"]
    process = subprocess.Popen(
        [sys.executable, "-m", "certsuite.cli", *words], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert process.stdout is not None
        said: dict[str, str] = {}
        while "listening" not in said:
            name, _, value = process.stdout.readline().partition(":")
            said[name] = value.split()[0]
        file = tmp_path / "credentials.yaml"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        place = ("webex", "--emulator", said["listening"], "--credentials", file)
        made = certsuite(
            *place, "device", "create", "--mac", MAC, "--model", MODEL, "--person", said["person"],
            WEBEX_SIP_PASSWORD=PASSWORD,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_faults_that_there_are_not(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["webex", "emulate", "--out", str(tmp_path), "--fault", "slow GET /devices"])
    assert (done.exit_code, "there is no fault slow" in done.output) == (4, True)
    done = CliRunner().invoke(app, ["webex", "emulate", "--out", str(tmp_path), "--registers-as", "Yealink"])
    assert (done.exit_code, "make and model" in done.output) == (4, True)
