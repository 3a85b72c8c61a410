"""What Webex answers, as far as a user of partner-managed devices needs it.

Field names are those of the official OpenAPI description. Fields that are not named here are left out. What is an
enumeration there is a string here: ``managedBy`` is PARTNER for these devices, where the description of supported
devices knows CISCO and CUSTOMER alone, and what Webex adds must not break anyone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from certsuite.core.errors import UsageError
from certsuite.core.redaction import printable

PARTNER = "PARTNER"
_SHOWN_AS = re.compile(r"Partner Managed (Phone|Gateway)(?:\s*-\s*(\S.*))?")
_CODECS = {
    **{"G711U": "PCMU", "G711A": "PCMA", "G722": "G722", "G729": "G729", "G729A": "G729"},
    "OPUS": "opus",
}
_MAC = re.compile(r"[0-9A-F]{12}")


def is_mac(text: str) -> bool:
    """Whether it is a MAC address, with or without separators."""
    return _MAC.fullmatch(re.sub(r"[:.\-]", "", text).upper()) is not None


def normal_mac(text: str) -> str:
    """A MAC address as 12 capital hexadecimal digits; :class:`UsageError` if it is none."""
    mac = re.sub(r"[:.\-]", "", text).upper()
    if not _MAC.fullmatch(mac):
        raise UsageError(f"{printable(text)}: a MAC address has 12 hexadecimal digits, such as 00:11:22:AA:BB:CC")
    return mac


def mac_forms(text: str) -> tuple[str, str]:
    """A MAC address in the two ways in which Webex writes one: without separators, and with colons."""
    mac = normal_mac(text)
    return mac, ":".join(mac[at : at + 2] for at in range(0, len(mac), 2))


class Answer(BaseModel):
    """Base of the answers."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Device(Answer):
    """A device, of ``GET /devices``."""

    id: str
    calling_device_id: str = ""
    "Its id for the calls below ``/telephony/config``, if that is another."
    display_name: str = ""
    person_id: str = ""
    workspace_id: str = ""
    mac: str = ""
    "As Webex writes it: with or without colons."
    product: str = ""
    "The model; after registration with what Webex took from the User-Agent."
    type: str = ""
    connection_status: str = "unknown"
    managed_by: str = ""
    software: str = ""
    ip: str = ""
    last_seen: str = ""
    error_codes: tuple[str, ...] = ()

    @property
    def calling_id(self) -> str:
        """Its id for the calls below ``/telephony/config``."""
        return self.calling_device_id or self.id

    def has_mac(self, mac: str) -> bool:
        """Whether it has this MAC address, in whatever way the two are written."""
        return bool(self.mac) and re.sub(r"[:.\-]", "", self.mac).upper() == normal_mac(mac)


class Owner(Answer):
    """Who a device registers as."""

    sip_user_name: str
    "The user of its digest."
    line_port: str = ""
    "The user and host of its address of record."


class Proxy(Answer):
    """Where a device registers."""

    outbound_proxy: str = ""
    "Its SRV record says host and port: ``_sips._tcp.<outbound proxy>``."


class CallingDevice(Answer):
    """What a device's configuration is made of, of ``GET /telephony/config/devices/{deviceId}``."""

    id: str
    manufacturer: str
    managed_by: str
    model: str
    mac: str = ""
    activation_state: str = ""
    owner: Owner | None = None
    "Missing until Webex has made it."
    proxy: Proxy | None = None


class CodecPriority(Answer):
    """Which codecs a device prefers, by Webex' names for them."""

    selection: str
    "REGIONAL, or CUSTOM for what follows."
    primary: str = ""
    secondary: str = ""
    tertiary: str = ""


class Customization(Answer):
    """Settings of one kind of device, as far as a third-party one could have them."""

    audio_codec_priority: CodecPriority | None = None


class Customizations(Answer):
    """Settings by kind of device."""

    ata: Customization | None = None
    mpp: Customization | None = None


class Settings(Answer):
    """What an administrator set for one device, of ``GET .../settings``."""

    customizations: Customizations = Customizations()
    custom_enabled: bool = False
    "False: the organization's hold, which are for Cisco's models."

    @property
    def codecs(self) -> tuple[str, ...]:
        """Encoding names as in SDP, most preferred first; empty if none were set. One that is not known is left out."""
        kinds = (self.customizations.ata, self.customizations.mpp)
        priority = next((one.audio_codec_priority for one in kinds if one and one.audio_codec_priority), None)
        if not self.custom_enabled or priority is None or priority.selection != "CUSTOM":
            return ()
        named = (priority.primary, priority.secondary, priority.tertiary)
        return tuple(dict.fromkeys(_CODECS[name.upper()] for name in named if name.upper() in _CODECS))


class Member(Answer):
    """A line of a device, of ``GET .../members``."""

    id: str
    first_name: str = ""
    last_name: str = ""
    port: int
    primary_owner: bool
    line_type: str
    line_weight: int = 1
    hotline_enabled: bool = False
    hotline_destination: str = ""
    allow_call_decline_enabled: bool = True
    t38_fax_compression_enabled: bool | None = Field(default=None, alias="t38FaxCompressionEnabled")
    line_label: str = ""
    line_port: str = ""
    extension: str = ""
    phone_number: str = ""
    member_type: str = ""

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class Members(Answer):
    """All lines of a device."""

    model: str
    max_line_count: int
    members: tuple[Member, ...] = ()


class MacStatus(Answer):
    """What became of one MAC address of ``validateMacs``."""

    mac: str
    state: str
    "AVAILABLE, UNAVAILABLE, DUPLICATE_IN_LIST or INVALID."
    error_code: int | None = None
    "5675 in use, 5676 twice in the list, 25220 not a MAC address."
    message: str = ""


class MacReport(Answer):
    """The answer of ``validateMacs``."""

    status: str
    mac_status: tuple[MacStatus, ...]


class SupportedDevice(Answer):
    """A model that can be created, of ``GET /telephony/config/supportedDevices``."""

    model: str
    display_name: str
    type: str
    manufacturer: str
    managed_by: str
    number_of_line_ports: int = 0


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """How Webex shows a device: what is to be read after it has registered."""

    connection: str
    product: str
    managed_by: str
    kind: str
    "``phone`` or ``gateway``; empty if Webex does not show it as partner-managed."
    make_and_model: str
    "As Webex took them from the User-Agent; empty as long as it did not."
    last_seen: str

    @property
    def registered(self) -> bool:
        """Whether it is connected; with problems counts."""
        return self.connection in ("connected", "connected_with_issues")


def status_of(device: Device) -> DeviceStatus:
    """Read ``Partner Managed Phone - <make> <model>`` (help.webex.com/1mh2m9) from a device's product or name.

    Webex does not document which of the two has it.
    """
    shown = _SHOWN_AS.match(device.product) or _SHOWN_AS.match(device.display_name)
    return DeviceStatus(
        connection=device.connection_status,
        product=device.product,
        managed_by=device.managed_by,
        kind=shown[1].lower() if shown else "",
        make_and_model=(shown[2] or "").strip() if shown else "",
        last_seen=device.last_seen,
    )
