"""The models that the emulated Webex API lists, and a device's settings."""

from __future__ import annotations

from certsuite.edge.webex_models import settings_with, supported_devices


def test_supported_devices_are_filtered_by_type() -> None:
    def models(kind: str) -> list[str]:
        return [one["model"] for one in supported_devices({"type": kind})["devices"]]

    assert models("MPP") == ["DMS Cisco 8865"]
    assert models("not:GENERIC_SIP") == models("MPP")
    assert sorted(models("MPP") + models("not:MPP")) == sorted(models(""))
    assert supported_devices({"allowConfigureLayoutEnabled": "true"})["devices"] == []


def test_settings_are_there_if_they_were_set() -> None:
    assert settings_with(()) == settings_with(()) | {"customizations": {}, "customEnabled": False}
    given = settings_with(("G722", "G711u", "G711a"))
    assert given["customEnabled"]
    priority = given["customizations"]["ata"]["audioCodecPriority"]
    assert priority == {"selection": "CUSTOM", "primary": "G722", "secondary": "G711u", "tertiary": "G711a"}
