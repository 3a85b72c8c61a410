"""What the tests of profiles, templates and drivers share: a small profile in a folder of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from certsuite.core.redaction import Secret
from certsuite.devices.settings import DeviceSettings, LineSettings

SMALL_PROFILE = """\
schema: 1
vendor: Acme
model: Phone
firmware: "1.0"
kind: phone
lines: 2
identity: {make: Acme, model: Phone, user_agent: "^Acme Phone/"}
trust: {lab_root: config, shipped_store: system}
config: {templates: acme/, delivery: directory}
control:
  driver: process
  start: [acme, "{config_dir}"]
  channel: {stdin: true}
  actions:
    dial:
      - send: "dial {uri}"
      - expect: ok
"""

SIGNS = "!@#$%^&*()_+-={}[]:;\"'<>?,./"


@pytest.fixture
def search(tmp_path: Path) -> Path:
    """A folder of profiles with one profile, ``acme``, and one template."""
    folder = tmp_path / "profiles"
    (folder / "acme").mkdir(parents=True)
    (folder / "acme.yaml").write_text(SMALL_PROFILE)
    (folder / "acme" / "phone.cfg.j2").write_text("{{ lines[0].password }}\n")
    return folder


@pytest.fixture
def write(search: Path) -> Callable[[str, str], Path]:
    """Writes a file into the folder of profiles."""

    def writer(name: str, text: str) -> Path:
        file = search / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    return writer


@pytest.fixture
def small_profile() -> str:
    """The text of the small profile, for tests that change a piece of it."""
    return SMALL_PROFILE


@pytest.fixture
def settings(tmp_path: Path) -> DeviceSettings:
    """Two lines whose passwords hold every special sign between them and each."""
    lines = tuple(
        LineSettings(
            number=number,
            user=f"user{number}",
            domain="98079822.lab.invalid",
            auth_user=f"205555010{number}",
            password=Secret(f"Aa{number}{SIGNS}"),
            display_name=f"Line {number}",
        )
        for number in (1, 2)
    )
    return DeviceSettings(
        outbound_proxy="hs17.lab.example",
        resolver=("127.0.0.53", 5300),
        device_address="127.0.0.1",
        lines=lines,
        expires=240,
        lab_root=tmp_path / "lab-root.pem",
        trusted_roots=tmp_path / "trusted-roots.pem",
    )
