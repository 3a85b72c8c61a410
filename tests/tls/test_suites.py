from __future__ import annotations

import ssl

from certsuite.tls.suites import cipher_suites, suite_name, suite_name_of_openssl


def test_names() -> None:
    assert suite_name(0xC02F) == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert suite_name(0x1301) == "TLS_AES_128_GCM_SHA256"
    assert suite_name(0x00FF) == "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"
    assert suite_name(0x0A0A) == "0x0a0a"
    assert suite_name_of_openssl("ECDHE-RSA-AES256-GCM-SHA384") == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert suite_name_of_openssl("A-NEW-SUITE") == "A-NEW-SUITE"


def test_the_table_agrees_with_openssl() -> None:
    context = ssl.create_default_context()
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    ours = cipher_suites()
    for cipher in context.get_ciphers():
        assert ours[cipher["id"] & 0xFFFF].openssl_name == cipher["name"]


def test_each_name_stands_once() -> None:
    names = [suite.name for suite in cipher_suites().values()]
    assert len(names) == len(set(names))
