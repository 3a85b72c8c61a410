"""What is read from Webex' answers, and what is tolerated in them."""

from __future__ import annotations

import pytest

from certsuite.core.errors import UsageError
from certsuite.webex.answers import CallingDevice, Device, Settings, SupportedDevice, is_mac, normal_mac, status_of
from tests.openapi import described

PRIORITY = {"selection": "CUSTOM", "primary": "G711u", "secondary": "iLBC", "tertiary": "G729"}


def test_the_official_examples_can_be_read() -> None:
    paths = described("webex-device.json")["paths"]

    def example(path: str) -> dict[str, object]:
        content = paths[path]["get"]["responses"]["200"]["content"]["application/json"]
        found: dict[str, object] = content["example"]
        return found

    listed = example("/devices")["items"]
    assert isinstance(listed, list)
    device = Device.model_validate(listed[0])
    assert device.has_mac("11223344aaff")
    assert device.calling_id != device.id
    calling = CallingDevice.model_validate(example("/telephony/config/devices/{deviceId}"))
    assert calling.owner is not None
    assert calling.owner.line_port == "i6i1ar1v29@98079822.int10.bcld.webex.com"


@pytest.mark.parametrize("managed_by", ["CISCO", "CUSTOMER", "PARTNER", "SOMEONE_NEW"])
def test_whoever_manages_a_device_does_not_matter(managed_by: str) -> None:
    assert Device.model_validate({"id": "a", "managedBy": managed_by, "new": {}}).managed_by == managed_by
    calling = {"id": "a", "manufacturer": "THIRD_PARTY", "model": "m", "managedBy": managed_by}
    assert CallingDevice.model_validate(calling).managed_by == managed_by
    model = {"model": "m", "displayName": "m", "type": "NEW", "manufacturer": "x", "managedBy": managed_by}
    assert SupportedDevice.model_validate(model).managed_by == managed_by


@pytest.mark.parametrize(
    ("shown", "kind", "make_and_model"),
    [
        ({"product": "Partner Managed Phone - Yealink SIP-T46U"}, "phone", "Yealink SIP-T46U"),
        ({"product": "Partner Managed Gateway - AudioCodes Mediant 1000"}, "gateway", "AudioCodes Mediant 1000"),
        ({"product": "Partner Managed Phone"}, "phone", ""),
        ({"product": "Partner Managed Phone - "}, "phone", ""),
        ({"displayName": "Partner Managed Phone - Snom D785"}, "phone", "Snom D785"),
        ({"product": "DMS Cisco 8865"}, "", ""),
        ({}, "", ""),
    ],
)
def test_make_and_model_are_read_from_what_webex_shows(shown: dict[str, str], kind: str, make_and_model: str) -> None:
    status = status_of(Device.model_validate({"id": "a"} | shown))
    assert (status.kind, status.make_and_model) == (kind, make_and_model)


@pytest.mark.parametrize(
    ("connection", "registered"),
    [("connected", True), ("connected_with_issues", True), ("activating", False), ("disconnected", False), ("", False)],
)
def test_a_device_is_registered_when_it_is_connected(connection: str, registered: bool) -> None:
    assert status_of(Device(id="a", connection_status=connection)).registered is registered


@pytest.mark.parametrize("text", ["", "00112233445", "0011223344556", "00112233445g", "00:11:22:33:44:5\u0665"])
def test_what_is_no_mac_address_is_told(text: str) -> None:
    assert not is_mac(text)
    with pytest.raises(UsageError, match="12 hexadecimal digits"):
        normal_mac(text)


@pytest.mark.parametrize(
    ("settings", "codecs"),
    [
        ({}, ()),
        ({"customEnabled": True}, ()),
        ({"customEnabled": True, "customizations": {"mpp": {}}}, ()),
        ({"customEnabled": True, "customizations": {"mpp": {"audioCodecPriority": {"selection": "REGIONAL"}}}}, ()),
        ({"customEnabled": False, "customizations": {"ata": {"audioCodecPriority": PRIORITY}}}, ()),
        ({"customEnabled": True, "customizations": {"ata": {"audioCodecPriority": PRIORITY}}}, ("PCMU", "G729")),
        ({"customEnabled": True, "customizations": {"mpp": {"audioCodecPriority": PRIORITY}}}, ("PCMU", "G729")),
    ],
)
def test_codecs_are_those_that_were_set_for_the_device(settings: dict[str, object], codecs: tuple[str, ...]) -> None:
    assert Settings.model_validate(settings).codecs == codecs
