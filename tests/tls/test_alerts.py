from __future__ import annotations

from certsuite.tls.alerts import alert_name


def test_names() -> None:
    assert alert_name(0) == "close_notify"
    assert alert_name(48) == "unknown_ca"
    assert alert_name(42) == "bad_certificate"
    assert alert_name(70) == "protocol_version"
    assert alert_name(200) == "alert_200"
