"""Every suite of the registry is judged, and rightly."""

from __future__ import annotations

import pytest

from certsuite.tls.policies import WEBEX_SERVICES, cipher_policy
from certsuite.tls.suite_judgement import Grade, judge_suite
from certsuite.tls.suites import cipher_suites

NUMBERS = {suite.name: suite.number for suite in cipher_suites().values()}


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("TLS_RSA_WITH_NULL_SHA256", Grade.WEAK),
        ("TLS_NULL_WITH_NULL_NULL", Grade.WEAK),
        ("TLS_DH_anon_WITH_AES_256_GCM_SHA384", Grade.WEAK),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", Grade.WEAK),
        ("TLS_RSA_WITH_RC4_128_SHA", Grade.WEAK),
        ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", Grade.WEAK),
        ("TLS_RSA_WITH_DES_CBC_SHA", Grade.WEAK),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", Grade.WEAK),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", Grade.WEAK),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", Grade.DATED),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", Grade.DATED),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Grade.DATED),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Grade.GOOD),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Grade.GOOD),
        ("TLS_AES_128_GCM_SHA256", Grade.GOOD),
        ("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", Grade.SIGNAL),
    ],
)
def test_grades(name: str, grade: Grade) -> None:
    judged = judge_suite(NUMBERS[name])
    assert (judged.name, judged.grade) == (name, grade)
    assert judged.why
    assert judged.source


def test_no_suite_of_the_registry_goes_unjudged() -> None:
    unjudged = [name for name, number in NUMBERS.items() if judge_suite(number).grade is Grade.UNKNOWN]
    national_or_rare = ("GOST", "SM4", "ECCPWD", "ECJPAKE")
    assert not [name for name in unjudged if not any(word in name for word in national_or_rare)]


def test_what_webex_publishes_is_marked_and_none_of_it_is_weak() -> None:
    policy = cipher_policy(WEBEX_SERVICES)
    for name in (*policy.suites, *policy.tls13_suites):
        judged = judge_suite(NUMBERS[name])
        assert judged.listed
        assert judged.grade in (Grade.GOOD, Grade.DATED)
    assert not judge_suite(NUMBERS["TLS_RSA_WITH_AES_128_CBC_SHA"]).listed


def test_what_is_in_no_list() -> None:
    assert judge_suite(0x1A1A).grade is Grade.SIGNAL
    private = judge_suite(0xFFEE)
    assert (private.grade, private.name) == (Grade.UNKNOWN, "0xffee")
