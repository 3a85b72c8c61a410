"""A device that is created in Webex, certified at the bench, and read back: one sequence, as docs/webex.md has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from certsuite.bench import network
from certsuite.cli.webex_lab import PASSWORD, device_info_text, registered_with, tell_emulator
from certsuite.core.errors import BenchError, UsageError
from certsuite.core.events import BindingChanged
from certsuite.edge import webex_state
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.evidence.record import read_record
from certsuite.webex.answers import CallingDevice, Members
from tests.cli.test_webex import MAC, MODEL, Typed, owner
from tests.cli.test_webex import PASSWORD as SIP_PASSWORD
from tests.cli.test_webex import emulator as emulator
from tests.cli.test_webex import types as types
from tests.conftest import certsuite

SHOWN = "Partner Managed Phone - Certsuite ReferencePhone"


def test_the_emulator_and_the_bench_have_the_same_names() -> None:
    assert (webex_state.OUTBOUND_PROXY, webex_state.REGISTRAR) == (network.OUTBOUND_PROXY, network.REGISTRAR_DOMAIN)


def test_from_a_mac_address_to_a_certified_device_and_its_name(
    types: Typed, emulator: WebexEmulator, tmp_path: Path
) -> None:
    emulator.organization.registers_as = None
    for fault, route in (
        ("dropped-after", "POST /devices"),
        ("unavailable", "GET /devices"),
        ("server-error", "GET /telephony/config/devices/{deviceId}/members"),
        ("dropped-after", "PUT /telephony/config/devices/{deviceId}"),
    ):
        emulator.fails(fault, route)
    info, run = tmp_path / "info.json", tmp_path / "run"
    made = types("device", "create", "--mac", MAC, "--person", owner(emulator), "--model", MODEL, password="First1!x")
    assert made.exit_code == 0, made.output
    assert types("device", "password", MAC).exit_code == 0
    assert types("device", "info", MAC, "--out", str(info)).exit_code == 0
    assert SIP_PASSWORD not in info.read_text()
    assert types("device", "apply", MAC).exit_code == 0
    before = types("device", "status", MAC)
    assert (before.exit_code, "it has not registered" in before.output) == (1, True)

    cases = ("--case", "WXC-REG-010", "--case", "WXC-REG-020", "--case", "WXC-UA-020")
    done = certsuite("run", "--device-info", info, *cases, "--out", run, **{PASSWORD: SIP_PASSWORD})
    assert done.returncode == 0, done.stdout + done.stderr
    (device,) = emulator.organization.devices.values()
    bound = [
        one.event for one in read_record(run / "record.jsonl").observations if isinstance(one.event, BindingChanged)
    ]
    assert {event.aor for event in bound} == {device.line_port}, "the account is the one that Webex made"
    assert (run / "config" / f"{device.mac.lower()}.toml").is_file()

    assert types("device", "registered", MAC, "--run", str(run)).exit_code == 0
    after = types("device", "status", MAC)
    assert (after.exit_code, SHOWN in after.output) == (0, True)
    assert json.loads((run / "results.json").read_text())["device"]["control_hub"] == SHOWN
    assert device.password == SIP_PASSWORD
    assert len(emulator.organization.devices) == device.applied == 1, "nothing was done twice"
    leaks = [path for path in run.rglob("*") if path.is_file() and SIP_PASSWORD.encode() in path.read_bytes()]
    assert not leaks


def test_device_info_that_the_api_cannot_give() -> None:
    device = {
        "id": "x",
        "manufacturer": "m",
        "managedBy": "PARTNER",
        "model": "Partner Managed Gateway",
        "mac": "0" * 12,
    }
    owned = device | {"owner": {"sipUserName": "1", "linePort": "a@b.c"}, "proxy": {"outboundProxy": "p.example"}}
    line = {"id": "o", "port": 1, "primaryOwner": True, "lineType": "PRIMARY", "firstName": "Anna"}
    members = Members.model_validate({"model": "m", "maxLineCount": 9, "members": [line]})
    text = device_info_text(CallingDevice.model_validate(owned), members)
    assert json.loads(text)["kind"] == "gateway"
    with pytest.raises(UsageError, match="has not made the device's account"):
        device_info_text(CallingDevice.model_validate(device), members)
    two = Members.model_validate({"model": "m", "maxLineCount": 9, "members": [line, line | {"port": 2}]})
    with pytest.raises(UsageError, match="the device has 2 lines"):
        device_info_text(CallingDevice.model_validate(owned), two)


def test_who_cannot_be_told(emulator: WebexEmulator) -> None:
    assert registered_with([]) == ""
    with pytest.raises(UsageError, match="give --emulator"):
        tell_emulator(None, MAC, "Acme Phone/1.0")
    with pytest.raises(BenchError, match="404"):
        tell_emulator(emulator.base_url, MAC, "Acme Phone/1.0")
    with pytest.raises(BenchError, match="127"):
        tell_emulator("http://127.0.0.1:9/v1", MAC, "Acme Phone/1.0")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"outbound_proxy": "hs17.example"}, "the device info names hs17.example; a bench plays"),
        ({"kind": "gateway"}, "the device info is about a gateway"),
    ],
)
def test_device_info_that_a_bench_cannot_play(tmp_path: Path, change: dict[str, object], says: str) -> None:
    account = {"line": 1, "aor": f"a@{network.REGISTRAR_DOMAIN}", "auth_user": "1", "password": {"env": PASSWORD}}
    document = {"schema": 1, "kind": "phone", "outbound_proxy": network.OUTBOUND_PROXY, "accounts": [account]}
    file = tmp_path / "info.json"
    file.write_text(json.dumps(document | change))
    done = certsuite("run", "--device-info", file, "--out", tmp_path / "run", **{PASSWORD: SIP_PASSWORD})
    assert (done.returncode, says in done.stdout + done.stderr) == (4, True), done.stdout + done.stderr
