"""Models that the emulated Webex API knows, and settings of a device: what is the same for every organization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

MODELS: dict[str, tuple[str, str, int]] = {
    "Partner Managed Phone": ("THIRD_PARTY", "PARTNER", 20),
    "Partner Managed Gateway": ("THIRD_PARTY", "PARTNER", 100),
    "Generic IPPhone Customer Managed": ("THIRD_PARTY", "CUSTOMER", 20),
    "DMS Cisco 8865": ("CISCO", "CISCO", 16),
}
"Manufacturer, who manages it, and the limit of lines. What Webex calls the partner-managed ones is not public."


class Refusal(Exception):
    """What the API refuses a request with."""

    def __init__(self, status: int, message: str, code: int | None = None) -> None:
        self.status = status
        self.message = message
        self.code = code
        super().__init__(message)


def supported_devices(query: Mapping[str, str]) -> Json:
    """``GET /telephony/config/supportedDevices``."""
    kind, layout = query.get("type", ""), query.get("allowConfigureLayoutEnabled", "")
    devices = [
        dict.fromkeys(_MODEL_FLAGS, False)
        | {
            "model": model,
            "displayName": model,
            "type": "MPP" if manufacturer == "CISCO" else "GENERIC_SIP",
            "manufacturer": manufacturer,
            "managedBy": managed_by,
            "supportedFor": ["PEOPLE", "PLACE"],
            "onboardingMethod": ["MAC_ADDRESS"],
            "numberOfLinePorts": lines,
            "numberOfLineKeyButtons": 0,
        }
        for model, (manufacturer, managed_by, lines) in MODELS.items()
    ]
    if layout not in ("", "true", "false"):
        raise Refusal(400, "allowConfigureLayoutEnabled must be true or false.")
    if kind.startswith("not:"):
        devices = [one for one in devices if one["type"] != kind.removeprefix("not:")]
    elif kind:
        devices = [one for one in devices if one["type"] == kind]
    # None of them has a layout to configure.
    return {"upgradeChannelList": ["STABLE"], "devices": [] if layout == "true" else devices}


def settings_with(codecs: Sequence[str]) -> Json:
    """``GET .../settings`` of a device for which these three codecs were set, or none: as if it were an ATA."""
    named = dict(zip(("primary", "secondary", "tertiary"), codecs, strict=False))
    return {
        "customizations": {"ata": _ATA | {"audioCodecPriority": {"selection": "CUSTOM", **named}}} if codecs else {},
        "customEnabled": bool(codecs),
        "updateInProgress": False,
        "deviceCount": 1,
        "lastUpdateTime": 0,
    }


_MODEL_FLAGS = (
    *("allowConfigureLayoutEnabled", "kemSupportEnabled", "kemLinesSupportEnabled"),
    *("upgradeChannelEnabled", "additionalPrimaryLineAppearancesEnabled", "basicEmergencyNomadicEnabled"),
    *("customizedBehaviorsEnabled", "allowConfigurePortsEnabled", "customizableLineLabelEnabled"),
    *("supportsLinePortReorderingEnabled", "portNumberSupportEnabled", "t38Enabled"),
    *("callDeclinedEnabled", "touchScreenPhone", "allowHotelingHostEnabled"),
    *("supportsApplyChangesEnabled", "allowConfigureLinesEnabled", "allowConfigurePhoneSettingsEnabled"),
    "supportsHotlineEnabled",
)
_ATA: Json = {
    "ataDtmfMode": "NORMAL",
    "ataDtmfMethod": "AVT",
    **dict.fromkeys(("cdpEnabled", "lldpEnabled", "qosEnabled", "webAccessEnabled", "nightlyResyncEnabled"), False),
    "vlan": {"enabled": False, "value": 1},
    "snmp": {
        **{"enabled": False, "trustedIP": "", "getCommunity": "", "setCommunity": ""},
        "snmpV3Enabled": False,
    },
}
"What else the description wants of an ATA's settings."
