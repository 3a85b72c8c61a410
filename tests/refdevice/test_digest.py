"""Digest authentication."""

from __future__ import annotations

import pytest

from certsuite.refdevice.digest import Challenge, Credentials, digest_response, parse_challenge, usable_challenge
from certsuite.refdevice.faults import behaviour_with
from certsuite.sip.message import SipMessage

_BROADWORKS = 'Digest realm="BroadWorks",nonce="BroadWorksXlab0nonce0testBW",algorithm=MD5,qop="auth"'


def test_the_response_of_a_broadworks_challenge() -> None:
    challenge = parse_challenge(_BROADWORKS)
    response = digest_response(
        challenge,
        "4085550100",
        "Lab!Pass9word",
        "REGISTER",
        "sip:98079822.lab.invalid",
        nc="00000001",
        cnonce="0a4f113b",
    )
    assert response == "3fe53d4307f1fa355b7ae53257a5416a"


def test_the_response_of_rfc_2617() -> None:
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=("auth",))
    response = digest_response(
        challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", nc="00000001", cnonce="0a4f113b"
    )
    assert response == "6629fae49393a05397450978507c4ef1"


def test_the_response_of_rfc_7616() -> None:
    challenge = Challenge("http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "SHA-256", ("auth",))
    response = digest_response(
        challenge,
        "Mufasa",
        "Circle of Life",
        "GET",
        "/dir/index.html",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_without_qop_there_is_no_count() -> None:
    value = Credentials("u", "p").answer(_challenged('Digest realm="r", nonce="n"'), "REGISTER", "sip:d")
    assert value is not None
    assert "nc=" not in value[1]
    assert "qop" not in value[1]


def test_the_first_challenge_that_can_be_answered_is() -> None:
    found = usable_challenge(
        [
            "Basic realm=x",
            'Digest realm="no nonce"',
            'Digest realm="a",nonce="1",algorithm=SHA-512-256',
            'Digest realm="b",nonce="2",qop="auth-int"',
            'Digest realm="c, d",nonce="3",algorithm=md5,qop="auth-int, auth",opaque="o",stale=TRUE',
            _BROADWORKS,
        ]
    )
    assert found == Challenge("c, d", "3", "md5", ("auth-int", "auth"), "o", True)


def test_counts_go_up_under_one_nonce_and_begin_again_with_the_next() -> None:
    credentials = Credentials("u", "p")
    assert credentials.again("REGISTER", "sip:d") is None
    first = credentials.answer(_challenged(_BROADWORKS), "REGISTER", "sip:d")
    second = credentials.again("REGISTER", "sip:d")
    third = credentials.answer(_challenged('Digest realm="r",nonce="new",qop="auth"'), "REGISTER", "sip:d")
    assert [value[1].partition("nc=")[2][:8] for value in (first, second, third) if value] == [
        "00000001",
        "00000002",
        "00000001",
    ]
    assert first is not None
    assert first[0] == "Authorization"


@pytest.mark.parametrize(("status", "name"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_the_header_answers_the_status(status: int, name: str) -> None:
    value = Credentials('a"b', "p").answer(_challenged('Digest realm="r",nonce="n",opaque=""', status), "INVITE", "x")
    assert value is not None
    assert value[0] == name
    assert 'username="a\\"b"' in value[1]
    assert 'opaque=""' in value[1]


def test_staleness() -> None:
    assert Credentials("user", "password").is_stale(_challenged('Digest realm="r",nonce="n",stale=true'))
    assert not Credentials("user", "password").is_stale(_challenged(_BROADWORKS))
    assert not Credentials("user", "password").is_stale(SipMessage(status=403))


_SHA_256 = 'Digest realm="BroadWorks",nonce="s",algorithm=SHA-256,qop="auth"'
_LISTED = 'Digest realm="BroadWorks",nonce="q",qop="auth-int,auth"'
_WITHOUT_QOP = 'Digest realm="BroadWorks",nonce="w"'
_UNKNOWN = 'Digest realm="BroadWorks",nonce="u",qop="auth",x-lab="1"'
_ELSEWHERE = 'Digest realm="lab.invalid",nonce="e",qop="auth"'


@pytest.mark.parametrize(
    ("fault", "challenges", "nonce"),
    [
        ("knows-md5-alone", [_SHA_256], None),
        ("knows-md5-alone", [_SHA_256, _BROADWORKS], _BROADWORKS),
        ("takes-first-challenge-only", [_SHA_256, _BROADWORKS], None),
        ("takes-first-challenge-only", [_BROADWORKS, _SHA_256], _BROADWORKS),
        ("gives-up-on-two-challenges", [_BROADWORKS, _SHA_256], None),
        ("takes-no-qop-list", [_LISTED], None),
        ("takes-no-qop-list", [_BROADWORKS], _BROADWORKS),
        ("needs-qop", [_WITHOUT_QOP], None),
        ("trips-over-unknown-parameters", [_UNKNOWN], None),
        ("knows-broadworks-alone", [_ELSEWHERE], None),
        ("never-refreshes", [_UNKNOWN], _UNKNOWN),
    ],
)
def test_what_a_faulty_device_can_answer(fault: str, challenges: list[str], nonce: str | None) -> None:
    found = usable_challenge(challenges, behaviour_with([fault]))
    assert found == (None if nonce is None else parse_challenge(nonce))


def test_who_keeps_its_first_realm_answers_no_other() -> None:
    credentials = Credentials("u", "p", behaviour=behaviour_with(["keeps-first-realm"]))
    assert credentials.answer(_challenged(_BROADWORKS), "REGISTER", "sip:d")
    assert credentials.answer(_challenged(_ELSEWHERE, 407), "INVITE", "sip:d") is None
    assert credentials.answer(_challenged(_BROADWORKS, 407), "INVITE", "sip:d")


def test_who_ignores_staleness_sees_a_second_challenge_alone() -> None:
    credentials = Credentials("u", "p", behaviour=behaviour_with(["ignores-stale"]))
    assert not credentials.is_stale(_challenged('Digest realm="r",nonce="n",stale=true'))


def _challenged(value: str, status: int = 401) -> SipMessage:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return SipMessage(status=status, headers=((name, value),))
