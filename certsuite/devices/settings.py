"""What the bench gives to a device: where it registers, with which accounts, and what it is to trust."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from certsuite.core.errors import UsageError
from certsuite.core.redaction import Secret


@dataclass(frozen=True, slots=True)
class LineSettings:
    """One account: a phone's line or a gateway's port."""

    number: int
    "Counts from 1."
    user: str
    "User part of the address of record: the user of Webex's ``linePort``."
    domain: str
    "Registrar domain: the host of ``linePort``. It does not resolve."
    auth_user: str
    "User name for digest authentication (Webex's ``sipUserName``); differs from ``user``."
    password: Secret
    display_name: str
    label: str = ""
    "What the line's key shows."
    shared: bool = False
    "Whether it is a shared appearance of another's line."


@dataclass(frozen=True, slots=True)
class MonitoredUser:
    """Someone whose state a key shows."""

    user: str
    "User part of the address of record."
    label: str


@dataclass(frozen=True, slots=True)
class ProvisioningSettings:
    """Where the device fetches its configuration, and as whom."""

    base_url: str
    "The device's own folder on the server; it ends in a slash."
    user: str
    password: Secret
    certificate: str = ""
    "PEM file of the device's own certificate, where it authenticates by that; empty without."
    key: str = ""
    "PEM file of its key."


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Everything that a device's configuration is made from, beside its profile."""

    outbound_proxy: str
    "A name without a port, so that the device asks DNS for SRV records."
    resolver: tuple[str, int]
    "(IP address, port) of the bench's DNS responder."
    device_address: str
    "The local address that a device on this machine uses."
    lines: tuple[LineSettings, ...]
    expires: int
    "Seconds that the device asks for when it registers; the registrar grants what it wants."
    lab_root: Path
    "PEM file of the lab's root certificate alone."
    trusted_roots: Path
    "PEM file with the system's bundle and the lab's root: a device's whole store."
    monitored: tuple[MonitoredUser, ...] = ()
    "Whose state the device shows on its keys."
    codecs: tuple[str, ...] = ()
    "Encoding names as in SDP, most preferred first; empty: those that the profile claims."
    mac: str = ""
    "Twelve hexadecimal digits; in the name of many a configuration file."
    provisioning: ProvisioningSettings | None = None
    "``None``: there is no server, and the configuration is brought to the device."

    def line(self, number: int) -> LineSettings:
        """The line with that number. Raises :class:`~certsuite.core.errors.UsageError` if there is none."""
        for line in self.lines:
            if line.number == number:
                return line
        raise UsageError(f"the device has no line {number}; it has {len(self.lines)}")

    @property
    def secrets(self) -> list[Secret]:
        """All passwords: of the lines and for provisioning."""
        of_lines = [line.password for line in self.lines]
        return [*of_lines, self.provisioning.password] if self.provisioning else of_lines
