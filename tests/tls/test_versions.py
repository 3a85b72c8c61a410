from __future__ import annotations

from certsuite.tls.versions import is_grease, openssl_version, version_name


def test_names() -> None:
    assert version_name(0x0304) == "TLSv1.3"
    assert version_name(0x0300) == "SSLv3"
    assert version_name(0x7F1C) == "0x7f1c"


def test_grease() -> None:
    assert is_grease(0x0A0A)
    assert is_grease(0xFAFA)
    assert not is_grease(0x0A1A)
    assert not is_grease(0x0303)


def test_openssl_tells_its_version() -> None:
    assert openssl_version().startswith("OpenSSL ")
