"""A device that is created in Webex, certified at the bench, and read back: one sequence, as docs/webex.md has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from certsuite.bench import network
from certsuite.cli.webex_lab import PASSWORD, device_info_text
from certsuite.core.errors import UsageError
from certsuite.core.events import BindingChanged
from certsuite.devices.device_info import load_device_info
from certsuite.devices.yaml_lines import ProfileErrors
from certsuite.edge import webex_state
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.evidence.record import read_record
from certsuite.webex import wire
from certsuite.webex.answers import CallingDevice, Members
from tests.cli.test_webex import MAC, MODEL, Typed, owner
from tests.cli.test_webex import PASSWORD as SIP_PASSWORD
from tests.cli.test_webex import emulator as emulator
from tests.cli.test_webex import types as types
from tests.conftest import certsuite
from tests.waiting import until

SHOWN = "Partner Managed Phone - Certsuite ReferencePhone"
MINTED = "First1!x"


def test_the_emulator_and_the_bench_have_the_same_names() -> None:
    assert (webex_state.OUTBOUND_PROXY, webex_state.REGISTRAR) == (network.OUTBOUND_PROXY, network.REGISTRAR_DOMAIN)


def test_from_a_mac_address_to_a_certified_device_and_its_name(
    types: Typed, emulator: WebexEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented sequence, with an API that throttles and fails at each of its steps."""
    # What Webex asks to be waited for is waited for; the pauses where it says nothing are cut short.
    monkeypatch.setattr(wire, "BACK_OFF_S", 0.05)
    emulator.organization.registers_as = None
    lobby = emulator.organization.someone("Lobby", kind="PLACE")
    calling = "/telephony/config/devices/{deviceId}"
    for fault, route in (
        ("too-many-requests-briefly", "POST /devices"),
        ("locked-briefly", "POST /devices"),
        ("dropped-after", "POST /devices"),
        ("server-error", "GET /devices"),
        ("server-error", f"GET {calling}"),
        ("bad-gateway", f"GET {calling}/members"),
        ("server-error-after", f"PUT {calling}/members"),
        ("server-error", f"GET {calling}/settings"),
        ("too-many-requests-briefly", f"PUT {calling}"),
        ("dropped-after", f"PUT {calling}"),
        ("too-many-requests-briefly", f"POST {calling}/actions/applyChanges/invoke"),
    ):
        emulator.fails(fault, route)
    info, lines, run = tmp_path / "info.json", tmp_path / "lines.yaml", tmp_path / "run"
    made = types("device", "create", "--mac", MAC, "--person", owner(emulator), "--model", MODEL, password=MINTED)
    assert made.exit_code == 0, made.output
    (device,) = emulator.organization.devices.values()
    lines.write_text(
        types("device", "members", MAC, "--yaml").output
        + f"- {{id: {lobby.id}, port: 2, primaryOwner: false, lineType: SHARED_CALL_APPEARANCE}}\n"
    )
    assert types("device", "members", MAC, "--set", str(lines)).exit_code == 0
    assert types("device", "password", MAC).exit_code == 0
    device.codecs = ("G722", "G711u", "G711a")
    told = types("device", "info", MAC, "--out", str(info))
    assert (told.exit_code, "2 lines" in told.output) == (0, True), told.output
    assert SIP_PASSWORD not in info.read_text()
    assert json.loads(info.read_text())["codecs"] == ["G722", "PCMU", "PCMA"]
    applied = types("device", "apply", MAC)
    assert applied.exit_code == 0, applied.output
    before = types("device", "status", MAC)
    assert (before.exit_code, "it has not registered" in before.output) == (1, True)

    cases = [part for case in ("REG-010", "REG-020", "PW-010", "UA-020") for part in ("--case", f"WXC-{case}")]
    told_of = ("--device-info", str(info), "--webex-emulator", emulator.base_url)
    bench = subprocess.Popen(
        [sys.executable, "-m", "certsuite.cli", "run", *told_of, *cases, "--out", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, PASSWORD: SIP_PASSWORD},
    )
    try:
        until(lambda: device.connection == "connected" or bench.poll() is not None, 60.0)
        live = types("device", "status", MAC) if bench.poll() is None else None
        output, _ = bench.communicate(timeout=120)
    finally:
        bench.kill()
    assert bench.returncode == 0, output
    assert live is not None, "it is told while the run goes on"
    assert (live.exit_code, SHOWN in live.output) == (0, True)
    bound = [
        one.event for one in read_record(run / "record.jsonl").observations if isinstance(one.event, BindingChanged)
    ]
    assert {event.aor for event in bound} == {one["linePort"] for one in device.members}, "the accounts are Webex's"
    assert (run / "config" / f"{device.mac.lower()}.toml").is_file()
    result = json.loads((run / "results.json").read_text())
    assert result["device"]["control_hub"] == SHOWN
    assert [one["verdict"] for one in result["cases"]] == ["pass"] * 4
    assert device.password == SIP_PASSWORD
    assert len(emulator.organization.devices) == device.applied == 1, "nothing was done twice"
    assert [one["port"] for one in device.members] == [1, 2]
    assert not emulator.failing, "each fault was met"


DEVICE = {"id": "x", "manufacturer": "m", "managedBy": "PARTNER", "model": "Partner Managed Gateway", "mac": "0" * 12}
OWNED = DEVICE | {"owner": {"sipUserName": "1", "linePort": "a@b.c"}, "proxy": {"outboundProxy": "p.example"}}
LINE = {"id": "o", "port": 1, "primaryOwner": True, "lineType": "PRIMARY", "firstName": "Anna"}


def info_of(*lines: dict[str, object], **device: object) -> str:
    members = Members.model_validate({"model": "m", "maxLineCount": 99, "members": lines})
    return device_info_text(CallingDevice.model_validate(OWNED | device), members)


def test_device_info_has_every_line_and_the_device_s_one_credential(tmp_path: Path) -> None:
    file = tmp_path / "info.json"
    shared = {"id": "s", "port": 4, "primaryOwner": False, "lineType": "SHARED_CALL_APPEARANCE", "linePort": "b@b.c"}
    # A member with a weight has so many lines beside one another.
    file.write_text(info_of(shared | {"lineLabel": "Desk"}, LINE | {"lineWeight": 3}, model="Partner Managed Phone"))
    read = load_device_info(file, {PASSWORD: SIP_PASSWORD})
    assert (read.kind, read.mac, read.outbound_proxy) == ("phone", "0" * 12, "p.example")
    seen = [(one.number, f"{one.user}@{one.domain}", one.auth_user, one.shared, one.label) for one in read.accounts]
    assert seen == [
        (1, "a@b.c", "1", False, ""),
        (2, "a@b.c", "1", False, ""),
        (3, "a@b.c", "1", False, ""),
        (4, "b@b.c", "1", True, "Desk"),
    ]
    assert {one.password.reveal() for one in read.accounts} == {SIP_PASSWORD}


def test_device_info_of_a_gateway_has_every_port(tmp_path: Path) -> None:
    file = tmp_path / "info.json"
    ports = [LINE | {"id": f"m{n}", "port": n, "primaryOwner": n == 1, "linePort": f"u{n}@b.c"} for n in range(1, 101)]
    file.write_text(info_of(*ports))
    read = load_device_info(file, {PASSWORD: SIP_PASSWORD})
    assert (read.kind, [one.number for one in read.accounts]) == ("gateway", list(range(1, 101)))
    # What a gateway cannot have is told of what was written.
    file.write_text(info_of(LINE | {"lineWeight": 2}))
    with pytest.raises(ProfileErrors, match="each line on one port alone"):
        load_device_info(file, {PASSWORD: SIP_PASSWORD})


@pytest.mark.parametrize(
    ("lines", "device"),
    [
        ([LINE], {"owner": None}),
        ([LINE], {"proxy": None}),
        ([LINE], {"proxy": {"outboundProxy": ""}}),
        ([LINE], {"owner": {"sipUserName": "1"}}),
        ([LINE, LINE | {"id": "s", "port": 2, "primaryOwner": False}], {}),
        ([], {}),
    ],
)
def test_device_info_that_webex_does_not_have_yet(lines: list[dict[str, object]], device: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="has not made the device's account"):
        info_of(*lines, **device)


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
