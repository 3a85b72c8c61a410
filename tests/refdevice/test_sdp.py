"""Offer and answer."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.sdp import Agreement, Local, Unacceptable, answer, conclude, offer, parse
from certsuite.refdevice.srtp import SUITES

_KEY = bytes(range(30))
_INLINE = base64.b64encode(_KEY).decode()
_LOCAL = Local("127.0.0.2", 40_000, {name: bytes(one.key + one.salt) for name, one in SUITES.items()}, 1, 1)


def _offered(*lines: str, formats: str = "99 9 8 0 18 101 108", profile: str = "RTP/SAVP") -> bytes:
    head = ["v=0", "o=Agent 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    media = [
        f"m=audio 5004 {profile} {formats}",
        "a=rtpmap:99 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:108 telephone-event/48000",
    ]
    return "\r\n".join(
        [*head, *media, *(lines or (f"a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE}",)), ""]
    ).encode()


def test_answers_the_offer_of_the_sse() -> None:
    body, agreement = answer(_offered(), _LOCAL)
    assert agreement == Agreement(("127.0.0.1", 5004), "PCMA", 8, "sendrecv", 101, _KEY)
    text = body.decode()
    assert "m=audio 40000 RTP/SAVP 8 101\r\n" in text
    assert f"a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(bytes(30)).decode()}\r\n" in text
    assert "c=IN IP4 127.0.0.2\r\n" in text


def test_the_first_usable_suite_is_taken_and_a_lifetime_is_no_obstacle() -> None:
    _, agreement = answer(
        _offered(
            f"a=crypto:1 AEAD_AES_256_GCM inline:{_INLINE}",
            f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE} UNENCRYPTED_SRTP",
            f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE}|2^31|1:4",
            f"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(bytes(30)).decode()}|2^20 WSH=64",
        ),
        _LOCAL,
    )
    assert agreement.remote_key == bytes(30)


@pytest.mark.parametrize(
    "body",
    [
        _offered(profile="RTP/AVP"),
        _offered("a=sendrecv"),
        _offered(f"a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{_INLINE}"),
        _offered("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"),
        _offered("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:!!!!"),
        _offered(formats="3 4"),
        b"v=0\r\nm=video 5004 RTP/SAVP 97\r\n",
        b"v=0\r\nm=audio many RTP/SAVP 0\r\n",
        b"v=0\r\nc=IN IP4 nobody\r\nm=audio 1 RTP/SAVP 0\r\n",
        b"v=0\r\nm=audio 70000 RTP/SAVP 0\r\n",
        b"",
    ],
)
def test_what_cannot_be_taken(body: bytes) -> None:
    with pytest.raises(Unacceptable):
        answer(body, _LOCAL)


def test_plain_rtp_only_if_it_is_wanted() -> None:
    body, agreement = answer(
        _offered("a=sendrecv", profile="RTP/AVP"), _LOCAL, behaviour=Behaviour(accepts_plain_rtp=True)
    )
    assert agreement.remote_key is None
    assert b"RTP/AVP 8 101" in body
    assert b"crypto" not in body


@pytest.mark.parametrize(
    ("offered", "wanted", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("recvonly", "sendonly", "sendonly"),
    ],
)
def test_directions(offered: str, wanted: str, answered: str) -> None:
    crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE}"
    body, agreement = answer(_offered(crypto, f"a={offered}"), _LOCAL, wanted)
    assert agreement.direction == answered
    assert f"a={answered}\r\n".encode() in body


def test_the_hold_of_old() -> None:
    _, agreement = answer(_offered().replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 0.0.0.0"), _LOCAL)
    assert not agreement.sends


def test_other_streams_are_refused_in_their_place() -> None:
    before = _offered().replace(b"m=audio 5004", b"m=video 1 RTP/SAVP 97\r\nm=audio 5004")
    body, _ = answer(before + b"m=audio 5006 RTP/SAVP 0\r\n", _LOCAL)
    assert [(media.kind, media.port) for media in parse(body)] == [("video", 0), ("audio", 40_000), ("audio", 0)]


def test_an_offer_of_ours_meets_an_answer_of_ours() -> None:
    offered = offer(_LOCAL, "sendonly")
    answered, theirs = answer(offered, Local("127.0.0.3", 30_000, dict.fromkeys(SUITES, _KEY), 2, 1))
    ours = conclude(answered, "sendonly")
    assert (ours.codec, ours.direction, ours.remote, ours.remote_key) == (
        "PCMU",
        "sendonly",
        ("127.0.0.3", 30_000),
        _KEY,
    )
    assert (theirs.direction, theirs.remote_key) == ("recvonly", bytes(30))


def test_keys_are_not_shown() -> None:
    _, agreement = answer(_offered(), _LOCAL)
    assert "x00" not in repr(agreement) + repr(_LOCAL)
    assert repr(_KEY) not in repr(agreement)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    for given_body in (body, _offered() + body):
        try:
            answer(given_body, _LOCAL)
        except Unacceptable:
            continue


def test_comfort_noise_and_one_port_are_agreed_to_where_they_are_offered() -> None:
    body, agreement = answer(
        _offered(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE}", "a=rtcp-mux", formats="8 13"), _LOCAL
    )
    assert (agreement.noise_payload_type, agreement.multiplexed) == (13, True)
    assert b"a=rtcp-mux\r\n" in body
    assert b"RTP/SAVP 8 13\r\n" in body
    body, agreement = answer(_offered(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE}", formats="18 13"), _LOCAL)
    assert (agreement.codec, agreement.noise_payload_type, agreement.multiplexed) == ("G729", 13, False)
    assert b"a=fmtp:18 annexb=no\r\n" in body


@pytest.mark.parametrize(("keeps", "said"), [(True, b"RTP/SAVPF"), (False, b"RTP/SAVP")])
def test_feedback_is_taken_as_it_was_offered(keeps: bool, said: bytes) -> None:
    offered = _offered(profile="RTP/SAVPF")
    body, agreement = answer(offered, _LOCAL, behaviour=Behaviour(keeps_profile=keeps))
    assert body.split(b"m=audio ")[1].split()[1] == said
    assert agreement.remote_key is not None


@pytest.mark.parametrize("candidate", ["1 1 UDP 2130706431 192.0.2.9 9 typ host", "1 1 UDP 1 b.local 9 typ host", "1"])
def test_candidates_are_left_alone(candidate: str) -> None:
    offered = _offered(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{_INLINE}", f"a=candidate:{candidate}")
    where = answer(offered, _LOCAL)[1].remote
    assert where[1] != 9
    follows = answer(offered, _LOCAL, behaviour=Behaviour(follows_candidates=True))[1].remote
    assert (follows == ("192.0.2.9", 9)) == ("192" in candidate)
    assert follows in (where, ("192.0.2.9", 9))
