"""A configuration without a run: for minted accounts, and for those of a device info."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from certsuite.core.places import PROFILES
from certsuite.devices.config_lint import lint_config, vendor_of
from certsuite.devices.profile import load_profile
from tests.conftest import certsuite

PASSWORD = "Good1!Word"
ROOT = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"


@pytest.fixture
def info(tmp_path: Path) -> Path:
    """Device info of a phone with one line."""
    passwords = tmp_path / "passwords.yaml"
    passwords.write_text(f"1: '{PASSWORD}'\n")
    passwords.chmod(0o600)
    return _written(tmp_path, kind="phone", line=1)


def _written(folder: Path, **fields: Any) -> Path:
    password = {"file": "passwords.yaml", "line": 1}
    account = {"line": fields["line"], "aor": "u@lab.invalid", "auth_user": "1", "password": password}
    file = folder / "info.json"
    document = {"schema": 1, "kind": fields["kind"], "outbound_proxy": "hs17.lab.example", "mac": "00005e005301"}
    file.write_text(json.dumps({**document, "codecs": fields.get("codecs", []), "accounts": [account]}))
    return file


def test_for_the_accounts_of_a_device_info(info: Path, tmp_path: Path) -> None:
    done = certsuite("provision", "yealink-t46u", "--device-info", info, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "out" / "config" / "00005e005301.cfg"
    assert str(file) in done.stdout
    text = file.read_text()
    assert f"account.1.password = {PASSWORD}\n" in text
    assert "account.1.outbound_proxy.1.address = hs17.lab.example\n" in text
    assert "account.2" not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in done.stdout + done.stderr


VENDORS = sorted(path.stem for path in PROFILES.glob("*.yaml") if "driver: operator" in path.read_text())


@pytest.mark.parametrize("profile", VENDORS)
def test_every_vendors_files_pass_the_lint(info: Path, tmp_path: Path, profile: str) -> None:
    _written(tmp_path, kind=load_profile(profile, PROFILES).kind, line=1)
    done = certsuite("provision", profile, "--device-info", info, "--out", tmp_path / "out")
    assert (done.returncode, "error:" in done.stdout, "warning:" in done.stdout) == (0, False, False), done.stdout
    made = [path for path in (tmp_path / "out" / "config").rglob("*") if path.is_file()]
    vendor = vendor_of(load_profile(profile, PROFILES).identity.make)
    found = [one for path in made for one in lint_config(path.read_bytes(), vendor, path.name)] if vendor else []
    assert found == []
    assert any(PASSWORD in path.read_text() for path in made)


def test_the_vendors_are_those_of_the_documents() -> None:
    page = (PROFILES.parent / "docs" / "vendors.md").read_text()
    assert len(VENDORS) == 8
    assert all(f"`{name}`" in page for name in VENDORS)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "gateway", "line": 1}, "the device info is about a gateway, and yealink-t46u is a phone"),
        ({"kind": "phone", "line": 17}, "the device info has a line 17, and yealink-t46u has 16"),
        ({"kind": "phone", "line": 21}, "accounts[0].line: 21; a phone has at most 20"),
    ],
)
def test_what_does_not_fit(info: Path, tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    _written(tmp_path, **fields)
    done = certsuite("provision", "yealink-t46u", "--device-info", info, "--out", tmp_path / "out")
    assert done.returncode == 4
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_codec_that_the_device_does_not_have(info: Path, tmp_path: Path) -> None:
    _written(tmp_path, kind="gateway", line=1, codecs=["G722", "PCMU"])
    done = certsuite("provision", "audiocodes-mp124", "--device-info", info, "--out", tmp_path / "out")
    assert done.returncode == 4
    assert "the device info asks for G722, and audiocodes-mp124 has PCMU, PCMA, G729" in done.stderr


def test_options_that_are_wrong(info: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    done = certsuite("provision", "yealink-t46u", "--mapping", info, *out)
    assert (done.returncode, "--mapping is for --device-info" in done.stderr) == (4, True)
    (tmp_path / "root.pem").write_text(ROOT)
    done = certsuite("provision", "yealink-t46u", "--root", tmp_path / "root.pem", *out)
    assert (done.returncode, "holds no certificate in PEM form" in done.stderr) == (4, True)


def test_with_minted_accounts_and_a_root_of_ones_own(tmp_path: Path) -> None:
    first = certsuite("provision", "grandstream-ht801", "--out", tmp_path / "first")
    assert first.returncode == 0, first.stderr
    root = tmp_path / "first" / "lab-root.pem"
    done = certsuite("provision", "poly-vvx450", "--root", root, "--out", tmp_path / "second")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "second" / "lab-root.pem").read_bytes() == root.read_bytes()
    middle = root.read_text().splitlines()[3]
    assert middle in (tmp_path / "second" / "config" / "000000000000-ext.cfg").read_text()


def test_a_device_for_a_person_cannot_be_run_without_a_terminal(tmp_path: Path) -> None:
    done = certsuite("run", "yealink-t46u", "--plan", "smoke", "--out", tmp_path / "run")
    assert done.returncode == 4
    assert "standard input is no terminal to ask at: start certsuite in a terminal" in done.stdout + done.stderr
