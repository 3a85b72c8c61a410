from __future__ import annotations

import pytest

from certsuite.core.errors import CatalogueError
from certsuite.tls.policies import LEGACY, WEBEX_SERVICES, cipher_policies, cipher_policy, cipher_string
from certsuite.tls.suites import cipher_suites


def test_every_suite_is_in_the_registry() -> None:
    known = {suite.name for suite in cipher_suites().values()}
    for policy in cipher_policies().values():
        assert {*policy.suites, *policy.tls13_suites} <= known
        assert policy.source


def test_what_webex_publishes_comes_in_its_order() -> None:
    policy = cipher_policy(WEBEX_SERVICES)
    assert policy.suites[0] == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert policy.tls13_suites[-1] == "TLS_AES_128_GCM_SHA256"
    assert cipher_string(("TLSv1.2", "TLSv1.3")) == ":".join(policy.suites)


def test_old_suites_come_with_old_versions_only() -> None:
    old = cipher_string(("TLSv1", "TLSv1.2"))
    assert old.endswith("@SECLEVEL=0")
    assert cipher_policy(LEGACY).suites[0] in old


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(CatalogueError, match="mine"):
        cipher_policy("mine")


def test_an_ecdsa_key_has_suites_of_its_own_in_the_same_order() -> None:
    known = {suite.name for suite in cipher_suites().values()}
    suites = cipher_string(("TLSv1.2",), ecdsa=True).split(":")
    assert [suite.replace("ECDSA", "RSA") for suite in suites] == list(cipher_policy(WEBEX_SERVICES).suites)
    assert set(suites) <= known
    assert cipher_string(("TLSv1",), ecdsa=True).endswith("@SECLEVEL=0")
