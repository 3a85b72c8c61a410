"""Settings of a device."""

from __future__ import annotations

import pytest

from certsuite.core.errors import UsageError
from certsuite.devices.settings import DeviceSettings


def test_lines_are_found_by_number(settings: DeviceSettings) -> None:
    assert settings.line(2).user == "user2"
    with pytest.raises(UsageError, match="no line 3; it has 2"):
        settings.line(3)


def test_passwords_do_not_show(settings: DeviceSettings) -> None:
    assert "Aa1" not in repr(settings)
    assert [secret.reveal()[:3] for secret in settings.secrets] == ["Aa1", "Aa2"]
