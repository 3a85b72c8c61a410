"""Configurations made from profiles."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from certsuite.core.errors import ProfileError
from certsuite.core.redaction import Secret
from certsuite.devices.generate import generate, masked_copy
from certsuite.devices.profile import load_profile
from certsuite.devices.settings import DeviceSettings, ProvisioningSettings

Write = Callable[[str, str], Path]
SHIPPED = Path(__file__).parents[2] / "device_profiles"


def test_files_are_written_for_their_owner_alone(search: Path, settings: DeviceSettings, tmp_path: Path) -> None:
    (made,) = generate(load_profile("acme", search), settings, tmp_path / "out", control_port=4444)
    assert (made.name, made.path) == ("phone.cfg", tmp_path / "out" / "phone.cfg")
    assert made.path.read_text() == settings.lines[0].password.reveal() + "\n"
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.masked == b"***\n"


def test_the_reference_devices_configuration_is_toml(settings: DeviceSettings, tmp_path: Path) -> None:
    files = {
        file.name: file for file in generate(load_profile("reference", SHIPPED), settings, tmp_path, control_port=1)
    }
    made = files["phone.toml"]
    config = tomllib.loads(made.path.read_text())
    assert [line["password"] for line in config["lines"]] == [line.password.reveal() for line in settings.lines]
    assert config["resolver"] == "127.0.0.53:5300"
    assert config["trusted_roots"] == str(settings.trusted_roots)
    assert [line["password"] for line in tomllib.loads(made.masked.decode())["lines"]] == ["***", "***"]


def test_what_a_device_is_told_of_its_provisioning_server(settings: DeviceSettings, tmp_path: Path) -> None:
    server = ProvisioningSettings("https://dms.lab.example/1/", "u", Secret("fetch-9X."))
    fetching = replace(settings, provisioning=server, mac="02005e0000a1")
    assert Secret("fetch-9X.") in fetching.secrets
    profile = load_profile("reference", SHIPPED)
    files = {file.name: file for file in generate(profile, fetching, tmp_path / "out", control_port=1)}
    config = tomllib.loads(files["phone.toml"].path.read_text())
    assert config["server"]["url"] == "https://dms.lab.example/1/02005e0000a1.toml"
    assert (config["server"]["user"], config["server"]["password"]) == ("u", "fetch-9X.")
    assert b"fetch-9X." not in files["phone.toml"].masked
    assert "server" not in tomllib.loads(files["02005e0000a1.toml"].path.read_text())


def test_what_is_served_names_the_folder_of_the_device(
    write: Write, search: Path, settings: DeviceSettings, tmp_path: Path
) -> None:
    write("acme/phone.cfg.j2", "{{ config_dir }}")
    profile = load_profile("acme", search)
    own = tmp_path / "own"
    (made,) = generate(profile, settings, tmp_path / "served", control_port=1, config_dir=own)
    assert made.path.parent == tmp_path / "served"
    assert made.path.read_text() == str(own)


@pytest.mark.parametrize(("name", "verifies"), [("baresip", True), ("baresip-unverified", False)])
def test_baresips_configuration(name: str, verifies: bool, settings: DeviceSettings, tmp_path: Path) -> None:
    made = {file.name: file for file in generate(load_profile(name, SHIPPED), settings, tmp_path, control_port=4567)}
    assert set(made) == {"accounts", "config", "openssl.cnf", "passwords"}
    assert ("VerifyMode = Peer" in made["openssl.cnf"].path.read_text()) is verifies
    passwords = made["passwords"].path.read_text()
    assert passwords.splitlines() == [line.password.reveal() for line in settings.lines]
    assert made["accounts"].path.read_text().count("\n") == 2
    assert "127.0.0.1:4567" in made["config"].path.read_text()


@pytest.mark.parametrize(("name", "verifies"), [("linphone", True), ("linphone-unverified", False)])
def test_linphones_configuration(name: str, verifies: bool, settings: DeviceSettings, tmp_path: Path) -> None:
    (made,) = generate(load_profile(name, SHIPPED), settings, tmp_path, control_port=4567)
    written = made.path.read_text().splitlines()
    assert {f"verify_server_certs={int(verifies)}", f"verify_server_cn={int(verifies)}"} <= set(written)
    assert f"root_ca={settings.trusted_roots}" in written


def test_a_masked_copy_holds_no_password_however_it_was_escaped(
    write: Write, search: Path, settings: DeviceSettings, tmp_path: Path
) -> None:
    write(
        "acme/phone.cfg.j2",
        "{% for line in lines %}{{ line.password | toml }} {{ line.password | xml }} {{ line.password | urlencode }} "
        "{{ line.password | length }} {{ line.password | reverse }}\n{% endfor %}",
    )
    (search / "acme" / "logo.bin").write_bytes(b"\xff\x00\n")
    files = generate(load_profile("acme", search), settings, tmp_path / "out", control_port=1)
    copies = masked_copy(files, settings.secrets, tmp_path / "masked")
    texts = {path.name: path.read_bytes() for path in copies}
    assert texts["logo.bin"] == b"\xff\x00\n"
    assert texts["phone.cfg"] == b'"***" *** %2A%2A%2A 3 ***\n' * 2
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in copies)


def test_a_password_written_out_in_a_copied_file_is_masked(
    write: Write, search: Path, settings: DeviceSettings, tmp_path: Path
) -> None:
    password = settings.lines[0].password.reveal()
    write("acme/fixed.cfg", f"x={password}\n")
    files = generate(load_profile("acme", search), settings, tmp_path / "out", control_port=1)
    masked_copy(files, settings.secrets, tmp_path / "masked")
    assert (tmp_path / "masked" / "fixed.cfg").read_text() == "x=***\n"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{{ '../x' }}.j2", "not a name within"),
        ("{{ '/etc/x' }}.j2", "not a name within"),
        ("{{ 'a\\nb' }}.j2", "not a name within"),
        ("{{ '' }}.j2", "not a name within"),
        ("{{ lines[0].password }}.j2", "holds a password"),
        ("{{ nope }}.j2", "name cannot be made"),
        ("{{ 'phone.cfg' }}.j2", "makes 'phone.cfg', as"),
        ("phone.cfg", "is also made by"),
    ],
)
def test_names_of_files_stay_inside(
    search: Path, settings: DeviceSettings, tmp_path: Path, name: str, says: str
) -> None:
    (search / "acme" / name).parent.mkdir(parents=True, exist_ok=True)
    (search / "acme" / name).write_text("x")
    out = tmp_path / "inner" / "out"
    with pytest.raises(ProfileError, match=says):
        generate(load_profile("acme", search), settings, out, control_port=1)
    assert not (tmp_path / "inner").exists()


def test_a_link_out_of_the_folder_is_refused(search: Path, settings: DeviceSettings, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (search / "acme" / "secret.cfg").symlink_to(tmp_path / "secret")
    with pytest.raises(ProfileError, match="leads out of the folder"):
        generate(load_profile("acme", search), settings, tmp_path / "out", control_port=1)


def test_what_lies_there_already_is_not_followed(search: Path, settings: DeviceSettings, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "out" / "phone.cfg").symlink_to(tmp_path / "victim")
    generate(load_profile("acme", search), settings, tmp_path / "out", control_port=1)
    assert (tmp_path / "victim").read_text() == "kept"
    assert not (tmp_path / "out" / "phone.cfg").is_symlink()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "processor time|not done"),
        ("{{ 'x' * 9999999999 }}", "more memory"),
        ("{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}", "more text"),
    ],
)
def test_a_template_without_bounds_ends(
    write: Write, search: Path, settings: DeviceSettings, tmp_path: Path, text: str, says: str
) -> None:
    write("acme/phone.cfg.j2", text)
    with pytest.raises(ProfileError, match=says):
        generate(load_profile("acme", search), settings, tmp_path / "out", control_port=1)


def test_a_mistake_names_file_and_line(write: Write, search: Path, settings: DeviceSettings, tmp_path: Path) -> None:
    file = write("acme/phone.cfg.j2", "a\n{{ lines[7].user }}\n")
    with pytest.raises(ProfileError) as caught:
        generate(load_profile("acme", search), settings, tmp_path / "out", control_port=1)
    assert str(caught.value).startswith(f"{file.resolve()}:2: ")


def test_templates_see_what_the_guide_lists(
    write: Write, search: Path, settings: DeviceSettings, tmp_path: Path
) -> None:
    names = ["outbound_proxy", "resolver", "device_address", "expires", "lab_root", "trusted_roots", "config_dir"]
    names += ["control_port", "lines", "variables", "values", "identity"]
    write("acme/phone.cfg.j2", "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | tojson }}")
    (made,) = generate(load_profile("acme", search), settings, tmp_path / "out", control_port=4444)
    seen = json.loads(made.path.read_text())
    assert seen["resolver"] == {"address": "127.0.0.53", "port": 5300}
    assert seen["config_dir"] == str(tmp_path / "out")
    assert seen["lines"][1]["auth_user"] == "2055550102"
    guide = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text()
    assert all(f"`{name}" in guide for name in names)
