"""Device info: what Webex gives out about one device, for its configuration to be made from.

The form of Webex's own file is not published, so there is one model here and a way in for each form: a neutral JSON
file (``docs/device-info.md``), and any other by a mapping (:mod:`certsuite.devices.device_info_mapping`). Secrets
are never in such a file: it refers to them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret, printable
from certsuite.devices.credentials import read_credentials
from certsuite.devices.placed_model import Strict, mistake_at, validated
from certsuite.devices.profile import LINES_AT_MOST, DeviceProfile
from certsuite.devices.settings import LineSettings, MonitoredUser
from certsuite.devices.yaml_lines import FieldPath, PlacedData, ProfileErrors, load_json

_Word = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f\x7f]+$", max_length=255)]
_Shown = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=255)]
_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=253)]
_User = Annotated[str, Field(pattern=r"^[^\s@:;<>\x00-\x1f\x7f]+$", max_length=255)]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device: its accounts, where they register, and what its keys show."""

    kind: Literal["phone", "gateway"]
    outbound_proxy: str
    "A name without a port: its SRV record has the port."
    accounts: tuple[LineSettings, ...]
    "A phone's lines or a gateway's ports, by number."
    monitored: tuple[MonitoredUser, ...]
    codecs: tuple[str, ...]
    "Encoding names as in SDP, most preferred first; empty: those that the profile claims."
    mac: str
    "Twelve hexadecimal digits in lower case, or nothing."


class SecretRow(Strict):
    """Where a password is: in a variable of the environment, or in a credentials file, by line."""

    env: _Word | None = None
    file: _Word | None = None
    "Relative to the file that refers to it."
    line: Annotated[int, Field(ge=1)] | None = None
    "In the credentials file; the account's own without it."

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError('exactly one of env and file is needed, such as {"file": "passwords.yaml"}')
        if self.env is not None and self.line is not None:
            raise ValueError("line belongs to file")
        return self


class AccountRow(Strict):
    """An account as it is written."""

    line: Annotated[int, Field(ge=1, le=100)]
    aor: _Word
    "``user@domain``; Webex calls it linePort."
    auth_user: _Word
    password: SecretRow
    display_name: _Shown = ""
    label: _Shown = ""
    appearance: Literal["primary", "shared"] = "primary"

    @field_validator("password", mode="before")
    @classmethod
    def _no_password(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError('a password must not stand here; refer to it, as {"env": "NAME"} or {"file": "FILE"}')
        return value

    @field_validator("aor")
    @classmethod
    def _user_and_domain(cls, aor: str) -> str:
        if not re.fullmatch(r"[^@:;<>]+@[A-Za-z0-9._-]+", aor):
            raise ValueError("must be user@domain, without sip: and without a port")
        return aor


class MonitoredRow(Strict):
    """Someone whose state a key shows, as it is written."""

    user: _User
    label: _Shown = ""


class DeviceInfoRow(Strict):
    """The neutral form."""

    schema_version: Literal[1] = Field(alias="schema")
    kind: Literal["phone", "gateway"]
    outbound_proxy: _Host
    accounts: Annotated[list[AccountRow], Field(min_length=1)]
    monitored: list[MonitoredRow] = Field(default_factory=list)
    codecs: list[Literal["PCMU", "PCMA", "G722", "G729", "opus"]] = Field(default_factory=list)
    mac: str = ""

    @field_validator("mac")
    @classmethod
    def _mac(cls, mac: str) -> str:
        digits = re.sub(r"[:-]", "", mac).lower()
        if mac and not re.fullmatch(r"[0-9a-f]{12}", digits):
            raise ValueError("must be twelve hexadecimal digits")
        return digits


def load_device_info(file: Path, environment: Mapping[str, str]) -> DeviceInfo:
    """Read the neutral form. Raises :class:`~certsuite.devices.yaml_lines.ProfileErrors` with the line of each mistake,
    and :class:`UsageError` for a secret that is not where it is said to be; ``environment`` is where variables are."""
    return device_info_of(load_json(file), file.parent, environment)


def device_info_of(placed: PlacedData, folder: Path, environment: Mapping[str, str]) -> DeviceInfo:
    """Device info from data in the neutral form; files of secrets are relative to ``folder``. Raises as above."""
    row = validated(DeviceInfoRow, placed)
    mistakes = [mistake_at(path, problem, placed) for path, problem in _disagreements(row)]
    if mistakes:
        raise ProfileErrors(mistakes)
    secrets = _Secrets(folder, environment)
    accounts = []
    for account in sorted(row.accounts, key=lambda account: account.line):
        user, domain = account.aor.rsplit("@", 1)
        accounts.append(
            LineSettings(
                number=account.line,
                user=user,
                domain=domain,
                auth_user=account.auth_user,
                password=secrets.of(account),
                display_name=account.display_name or user,
                label=account.label,
                shared=account.appearance == "shared",
            )
        )
    monitored = tuple(MonitoredUser(one.user, one.label or one.user) for one in row.monitored)
    return DeviceInfo(row.kind, row.outbound_proxy, tuple(accounts), monitored, tuple(row.codecs), row.mac)


def check_fit(profile: DeviceProfile, info: DeviceInfo) -> None:
    """Raises :class:`UsageError` if this device info cannot be one of this device."""
    if info.kind != profile.kind:
        raise UsageError(f"the device info is about a {info.kind}, and {profile.name} is a {profile.kind}")
    highest = max(line.number for line in info.accounts)
    if highest > profile.lines:
        raise UsageError(f"the device info has a line {highest}, and {profile.name} has {profile.lines}")
    unclaimed = [codec for codec in info.codecs if not profile.claims(f"codecs.{codec}")]
    if unclaimed:
        claimed = ", ".join(profile.capabilities.codecs)
        raise UsageError(f"the device info asks for {', '.join(unclaimed)}, and {profile.name} has {claimed}")


def _disagreements(row: DeviceInfoRow) -> Iterator[tuple[FieldPath, str]]:
    """What no field can tell by itself. Source of the numbers: https://help.webex.com/1mh2m9 (device options)."""
    at_most = LINES_AT_MOST[row.kind]
    if len(row.accounts) > at_most:
        yield ("accounts",), f"{len(row.accounts)} accounts; a {row.kind} has at most {at_most}"
    lines = Counter(account.line for account in row.accounts)
    seen: set[str] = set()
    for index, account in enumerate(row.accounts):
        here: FieldPath = ("accounts", index)
        if account.line > at_most:
            yield (*here, "line"), f"{account.line}; a {row.kind} has at most {at_most}"
        if lines[account.line] > 1:
            yield (*here, "line"), f"{account.line} is there {lines[account.line]} times"
        if row.kind == "gateway":
            if account.appearance == "shared":
                yield (*here, "appearance"), "a gateway has no shared lines"
            if account.aor.lower() in seen:
                yield (*here, "aor"), "is there twice; a gateway has each line on one port alone"
        seen.add(account.aor.lower())
    if all(account.appearance == "shared" for account in row.accounts):
        yield ("accounts",), "none is a primary appearance; a device has an owner"


class _Secrets:
    """Finds the passwords that accounts refer to; each credentials file is read once."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._files: dict[str, dict[int, Secret]] = {}

    def of(self, account: AccountRow) -> Secret:
        row = account.password
        if row.env is not None:
            if not self._environment.get(row.env):
                raise UsageError(f"line {account.line}: the variable {printable(row.env)} holds no password; set it")
            return Secret(self._environment[row.env])
        name = row.file or ""
        if name not in self._files:
            self._files[name] = read_credentials(self._folder / name)
        line = row.line or account.line
        if line not in self._files[name]:
            raise UsageError(f"{printable(name)}: has no password for line {line}; add one")
        return self._files[name][line]
