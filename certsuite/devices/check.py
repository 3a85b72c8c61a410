"""Tells what is wrong with a profile and its templates, without starting or contacting any device."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from certsuite.core.errors import ProfileError
from certsuite.core.redaction import Secret
from certsuite.devices.capabilities import Capabilities
from certsuite.devices.generate import generate
from certsuite.devices.profile import DeviceProfile, load_profile
from certsuite.devices.settings import DeviceSettings, LineSettings, ProvisioningSettings
from certsuite.devices.yaml_lines import ProfileErrors

_SAMPLE_PASSWORD = "Sample1!@#$%^&*()_+-={}[]:;\"'<>?,./"
_NEEDED = {
    "hold": ("hold", "resume"),
    "dtmf": ("dtmf",),
    "call_waiting": ("swap",),
    "blind_transfer": ("transfer",),
    "attended_transfer": ("attended_transfer",),
    "conference": ("conference",),
}
"What must be able to be done for a claim to be tested."


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """What was found out about a profile."""

    profile: DeviceProfile | None
    problems: tuple[str, ...]
    "``file:line: field: what is wrong``; none: the profile can be used."
    notes: tuple[str, ...]
    "What is no mistake, and yet good to know."
    files: tuple[str, ...]
    "Names of the files that its templates make."


def check_profile(name_or_path: str, search: Path) -> ProfileReport:
    """Load a profile and fill its templates with sample accounts, in a folder that is gone afterwards."""
    try:
        profile = load_profile(name_or_path, search)
    except ProfileErrors as errors:
        return ProfileReport(None, tuple(map(str, errors)), (), ())
    except ProfileError as error:
        return ProfileReport(None, (str(error),), (), ())
    notes = tuple(_notes(profile))
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = generate(profile, sample_settings(profile, Path(folder)), Path(folder) / "config", control_port=4444)
        except ProfileError as error:
            return ProfileReport(profile, (str(error),), notes, ())
    return ProfileReport(profile, (), notes, tuple(file.name for file in made))


def sample_settings(profile: DeviceProfile, folder: Path) -> DeviceSettings:
    """Settings with as many accounts as the profile has lines, for trying its templates; nothing answers to them."""
    lines = tuple(
        LineSettings(
            number=number,
            user=f"sample{number:03}",
            domain="98079822.lab.invalid",
            auth_user=f"20555501{number:02}",
            password=Secret(f"{_SAMPLE_PASSWORD}{number}"),
            display_name=f"Line {number}",
        )
        for number in range(1, profile.lines + 1)
    )
    return DeviceSettings(
        outbound_proxy="hs17.lab.example",
        resolver=("127.0.0.53", 5300),
        device_address="127.0.0.1",
        lines=lines,
        expires=240,
        lab_root=folder / "lab-root.pem",
        trusted_roots=folder / "trusted-roots.pem",
        mac="02005e0000a1",
        provisioning=ProvisioningSettings("https://dms.lab.example/sample/", "sample", Secret(_SAMPLE_PASSWORD)),
    )


def _notes(profile: DeviceProfile) -> list[str]:
    notes = []
    for capability in Capabilities.model_fields:
        missing = [action for action in _NEEDED.get(capability, ()) if not profile.can(action)]
        if missing and profile.claims(capability):
            actions = " and ".join(missing)
            notes.append(f"capabilities.{capability} is claimed, but control.actions has no {actions}")
    for action in ("dial", "answer", "hangup"):
        if not profile.can(action):
            notes.append(f"control.actions has no {action}: the calls that need it cannot be tested")
    if profile.values.audio == "none":
        notes.append("values.audio is none: that audio goes both ways cannot be proved")
    if profile.trust.shipped_store == "none":
        notes.append("trust.shipped_store is none: whether it trusts Webex's root cannot be told")
    return notes
