"""The digest against published vectors, and what is told of credentials that are wrong."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.redaction import Secret
from certsuite.sip.digest import Assessment, Challenge, assess, credentials, nonce, parameters, response
from certsuite.sip.message import SipMessage

RFC_2617 = {
    "username": "Mufasa",
    "realm": "testrealm@host.com",
    "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    "uri": "/dir/index.html",
    "qop": "auth",
    "nc": "00000001",
    "cnonce": "0a4f113b",
}
"RFC 2617 section 3.5."

BROADWORKS = {
    "username": "4085550100",
    "realm": "BroadWorks",
    "nonce": "BroadWorksXlab0nonce0testBW",
    "uri": "sip:98079822.lab.invalid",
    "qop": "auth",
    "nc": "00000001",
    "cnonce": "0a4f113b",
    "algorithm": "MD5",
    "response": "3fe53d4307f1fa355b7ae53257a5416a",
}
PASSWORD = "Lab!Pass9word"


def test_example_of_rfc_2617() -> None:
    assert response(RFC_2617, "Circle Of Life", "GET") == "6629fae49393a05397450978507c4ef1"


def test_example_of_rfc_7616() -> None:
    """Section 3.9.1, the same request by both algorithms."""
    given = {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "uri": "/dir/index.html",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }
    assert response({**given, "algorithm": "MD5"}, "Circle of Life", "GET") == "8ca523f5e9506fed4657c9700eebdbec"
    assert response({**given, "algorithm": "SHA-256"}, "Circle of Life", "GET") == (
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    )


def test_vector_in_the_platform_s_shape() -> None:
    assert response(BROADWORKS, PASSWORD, "REGISTER") == "3fe53d4307f1fa355b7ae53257a5416a"


def test_without_qop_it_is_rfc_2069() -> None:
    given = {name: value for name, value in RFC_2617.items() if name not in ("qop", "nc", "cnonce")}
    ha1 = hashlib.md5(b"Mufasa:testrealm@host.com:Circle Of Life").hexdigest()
    ha2 = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    expected = hashlib.md5(f"{ha1}:{RFC_2617['nonce']}:{ha2}".encode()).hexdigest()
    assert response(given, "Circle Of Life", "GET") == expected


def judged(changes: dict[str, str | None], *, nonces: frozenset[str] = frozenset({BROADWORKS["nonce"]})) -> Assessment:
    given = {name: value for name, value in {**BROADWORKS, **changes}.items() if value is not None}
    return assess(given, password=Secret(PASSWORD), username="4085550100", nonces=set(nonces), method="REGISTER")


def test_right_credentials_are_accepted() -> None:
    assert judged({}) == Assessment(True, True, True)
    assert judged({}).accepted
    assert judged({"response": BROADWORKS["response"].upper()}).accepted


@pytest.mark.parametrize(
    ("changes", "right", "detail"),
    [
        ({"response": "0" * 32}, (False, True, True), ""),
        ({"response": None}, (False, True, True), ""),
        ({"uri": "sip:other"}, (False, True, True), ""),
        ({"username": "i6i1ar1v29"}, (False, False, True), ""),
        ({"algorithm": "SHA-256"}, (False, True, True), "algorithm SHA-256 was not offered"),
        ({"algorithm": "md5"}, (True, True, True), ""),
        ({"algorithm": None}, (True, True, True), ""),
        ({"realm": None}, (False, True, True), "the realm that was asked for is BroadWorks"),
        ({"qop": "auth-int"}, (False, True, True), "qop auth-int was not offered"),
        ({"qop": None}, (False, True, True), "answered without the offered qop"),
    ],
)
def test_each_thing_is_judged_by_itself(
    changes: dict[str, str | None], right: tuple[bool, bool, bool], detail: str
) -> None:
    found = judged(changes)
    assert (found.response_right, found.username_right, found.nonce_right) == right
    assert found.detail == detail


@pytest.mark.parametrize("realm", ["98079822.lab.invalid", "broadworks", ""])
def test_a_response_for_another_realm_is_no_answer_to_the_challenge(realm: str) -> None:
    right_for_it = response({**BROADWORKS, "realm": realm}, PASSWORD, "REGISTER")
    found = judged({"realm": realm, "response": right_for_it})
    assert (found.response_right, found.username_right, found.nonce_right) == (False, True, True)
    assert found.detail == "the realm that was asked for is BroadWorks"
    assert not found.accepted


def test_a_right_response_for_another_user_is_told_from_a_wrong_password() -> None:
    """The response is judged for the name that was given: a wrong user does not hide a right password."""
    right = response({**BROADWORKS, "username": "i6i1ar1v29"}, PASSWORD, "REGISTER")
    found = judged({"username": "i6i1ar1v29", "response": right})
    assert (found.response_right, found.username_right, found.accepted) == (True, False, False)


def test_a_nonce_that_was_not_given_is_not_accepted() -> None:
    assert not judged({}, nonces=frozenset({"other"})).accepted
    assert judged({}, nonces=frozenset({"other"})).response_right


def test_a_challenge_is_read_as_it_was_meant() -> None:
    assert parameters(Challenge().value("n")) == {
        "realm": "BroadWorks",
        "nonce": "n",
        "algorithm": "MD5",
        "qop": "auth",
    }
    assert parameters(Challenge().value("n", stale=True))["stale"] == "true"
    assert nonce(bytes(range(12))).startswith("BroadWorksX")


def test_credentials_as_devices_write_them() -> None:
    value = (
        'digest  UserName = "a\\"b, realm=no", REALM="Broad Works" ,nonce="n=1,2", uri="sip:x;y=z?w",response="r",'
        "algorithm=MD5, cnonce=plain,qop=auth ,nc=00000001"
    )
    assert parameters(value) == {
        "username": 'a"b, realm=no',
        "realm": "Broad Works",
        "nonce": "n=1,2",
        "uri": "sip:x;y=z?w",
        "response": "r",
        "algorithm": "MD5",
        "cnonce": "plain",
        "qop": "auth",
        "nc": "00000001",
    }


@pytest.mark.parametrize("value", ["", "Basic dXNlcg==", "Digest", "Digesting a=b", "Digest ,,,=="])
def test_what_are_no_credentials(value: str) -> None:
    assert parameters(value) == {}


@given(st.text(max_size=200))
def test_no_credentials_crash(text: str) -> None:
    found = parameters(f"Digest {text}")
    assert all(name == name.lower() for name in found)


def test_a_name_that_is_no_utf_8_is_hashed_as_its_bytes() -> None:
    given = {"username": b"\xff\xe9".decode("utf-8", "surrogateescape"), "realm": "r", "uri": "u", "nonce": "n"}
    ha1 = hashlib.md5(b"\xff\xe9:r:p").hexdigest()
    ha2 = hashlib.md5(b"REGISTER:u").hexdigest()
    assert response(given, "p", "REGISTER") == hashlib.md5(f"{ha1}:n:{ha2}".encode()).hexdigest()


def test_credentials_are_judged_by_the_challenge_that_they_answer() -> None:
    asked = Challenge(realm="lab.invalid", algorithm="SHA-256", qop=())
    given = {"username": "u", "realm": "lab.invalid", "nonce": "n", "uri": "sip:a", "algorithm": "SHA-256"}
    given["response"] = response(given, PASSWORD, "REGISTER")
    about = {"password": Secret(PASSWORD), "username": "u", "nonces": {"n"}, "method": "REGISTER"}
    assert assess(given, **about, asked=asked).accepted  # type: ignore[arg-type]
    assert not assess(given, **about, asked=Challenge(realm="lab.invalid")).response_right  # type: ignore[arg-type]


def test_a_challenge_has_what_it_is_set_to_have() -> None:
    assert Challenge(algorithm="", qop=("x", "auth"), unknown="y=1").value("n") == (
        'DIGEST realm="BroadWorks",nonce="n",qop="x,auth",y=1'
    )


def asked_of(status: int, header: str, value: str) -> tuple[str, str] | None:
    message = SipMessage(status=status, headers=((header, value),))
    return credentials(message, "4085550100", Secret("Lab!Pass9word"), "NOTIFY", "sip:a@x", cnonce="0a4f113b")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", ""])
@pytest.mark.parametrize("qop", ["auth", "auth-int, auth", ""])
def test_credentials_for_a_device_that_asks_are_right_by_the_same_judgement(algorithm: str, qop: str) -> None:
    named = f", algorithm={algorithm}" if algorithm else ""
    offered = f', qop="{qop}"' if qop else ""
    answered = asked_of(401, "WWW-Authenticate", f'Digest realm="device", nonce="n"{named}{offered}, opaque="o"')
    assert answered is not None
    given = parameters(answered[1])
    asked = Challenge("device", algorithm, ("auth",) if qop else ())
    judged = assess(
        given, password=Secret("Lab!Pass9word"), username="4085550100", nonces={"n"}, method="NOTIFY", asked=asked
    )
    assert (answered[0], judged.accepted, judged.detail, given["opaque"]) == ("Authorization", True, "", "o")
    assert "Lab!Pass9word" not in answered[1]


@pytest.mark.parametrize(
    ("status", "header", "value"),
    [
        (200, "WWW-Authenticate", 'Digest realm="a", nonce="n"'),
        (401, "Proxy-Authenticate", 'Digest realm="a", nonce="n"'),
        (401, "WWW-Authenticate", 'Basic realm="a"'),
        (401, "WWW-Authenticate", 'Digest realm="a"'),
        (407, "Proxy-Authenticate", 'Digest realm="a", nonce="n", algorithm=AKAv1-MD5'),
    ],
)
def test_what_asks_for_nothing_that_can_be_given(status: int, header: str, value: str) -> None:
    assert asked_of(status, header, value) is None
