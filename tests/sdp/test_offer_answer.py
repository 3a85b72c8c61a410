"""What an offer and an answer agree on, and why they do not."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from certsuite.sdp.crypto import Crypto
from certsuite.sdp.offer_answer import AVP, SAVP, NoAgreement, agree, answer, webex_offer
from certsuite.sdp.session import Attribute, Direction, MediaSection, SessionDescription

SUITE = "AES_CM_128_HMAC_SHA1_80"
OURS = Crypto.mint(1, SUITE, os.urandom)


def offered(**options: object) -> SessionDescription:
    return SessionDescription.parse(bytes(webex_offer("192.0.2.1", 4000, OURS, **options)))  # type: ignore[arg-type]


def answered(offer: SessionDescription, **options: object) -> SessionDescription:
    made = answer(offer, address="192.0.2.2", port=5000, random_bytes=os.urandom, **options)  # type: ignore[arg-type]
    return SessionDescription.parse(bytes(made))


def changed(description: SessionDescription, **fields: object) -> SessionDescription:
    assert description.audio is not None
    return description.with_audio(replace(description.audio, **fields))  # type: ignore[arg-type]


def with_crypto(description: SessionDescription, *values: str) -> SessionDescription:
    assert description.audio is not None
    kept = [item for item in description.audio.attributes if item.name != "crypto"]
    return changed(description, attributes=(*kept, *(Attribute("crypto", value) for value in values)))


def test_the_offer_is_that_of_the_access_sbc() -> None:
    text = webex_offer("192.0.2.1", 4000, OURS).format()
    assert "o=Agent 0 1 IN IP4 192.0.2.1\r\n" in text
    assert "m=audio 4000 RTP/SAVP 99 9 8 0 18 101 108\r\n" in text
    for line in ("rtpmap:99 opus/48000/2", "fmtp:18 annexb=no", "rtpmap:108 telephone-event/48000", "ptime:20"):
        assert f"a={line}\r\n" in text
    assert f"a=crypto:{OURS.format()}\r\n" in text


def test_plain_offer_has_no_key() -> None:
    text = webex_offer("2001:db8::1", 4000, None).format()
    assert "m=audio 4000 RTP/AVP 99" in text
    assert "c=IN IP6 2001:db8::1\r\n" in text
    assert "crypto" not in text


def test_both_sides_agree_on_the_same() -> None:
    offer = offered()
    reply = answered(offer)
    ours, theirs = agree(offer, reply, we_offered=True), agree(offer, reply, we_offered=False)
    assert str(ours.codec) == "opus/48000"
    assert ours.dtmf is not None
    assert (ours.dtmf.clock_rate, ours.dtmf.send_payload_type) == (48000, 108)
    assert ours.local_crypto == theirs.remote_crypto == OURS
    assert ours.remote_crypto == theirs.local_crypto
    assert ours.local_crypto != ours.remote_crypto
    assert (ours.remote, theirs.remote) == (("192.0.2.2", 5000), ("192.0.2.1", 4000))
    assert ours.direction is theirs.direction is Direction.SENDRECV
    assert (ours.suite, ours.protocol) == (SUITE, SAVP)


def test_the_first_supported_codec_is_chosen_with_its_clock() -> None:
    reply = answered(offered(), codecs=["PCMU", "pcma"])
    assert reply.audio is not None
    assert reply.audio.formats == ("8", "101")


def test_the_answer_may_number_otherwise() -> None:
    offer = offered()
    reply = answered(offer, codecs=["opus"])
    other = [Attribute("rtpmap", "120 OPUS/48000"), *reply.audio.attributes[-2:]] if reply.audio else []
    ours = agree(offer, changed(reply, formats=("120",), attributes=tuple(other)), we_offered=True)
    assert (ours.codec.send_payload_type, ours.codec.receive_payload_type) == (120, 99)
    assert ours.dtmf is None


def test_hold_and_resume() -> None:
    hold = answered(offered(direction=Direction.SENDONLY))
    assert agree(offered(direction=Direction.SENDONLY), hold, we_offered=True).direction is Direction.SENDONLY
    assert agree(offered(direction=Direction.SENDONLY), hold, we_offered=False).direction is Direction.RECVONLY
    inactive = answered(offered(direction=Direction.INACTIVE))
    assert agree(offered(direction=Direction.INACTIVE), inactive, we_offered=True).direction is Direction.INACTIVE
    asked = answered(offered(), direction=Direction.RECVONLY)
    assert agree(offered(), asked, we_offered=True).direction is Direction.SENDONLY


def test_old_form_of_hold_has_no_address_to_send_to() -> None:
    offer = webex_offer("0.0.0.0", 4000, OURS)
    ours = agree(offer, answered(offer), we_offered=False)
    assert ours.remote is None
    assert ours.direction is Direction.RECVONLY


def test_the_key_of_an_earlier_answer_is_kept() -> None:
    key = Crypto.mint(1, SUITE, os.urandom)
    again = agree(offered(), answered(offered(), local_crypto=key), we_offered=False)
    assert again.local_crypto is not None
    assert again.local_crypto.same_key(key)


def test_every_offered_media_is_answered() -> None:
    offer = offered()
    offer = replace(offer, media=(MediaSection("video", 4002, SAVP, ("97",)), *offer.media))
    reply = answered(offer)
    assert [(section.kind, section.port) for section in reply.media] == [("video", 0), ("audio", 5000)]
    assert agree(offer, reply, we_offered=True).remote == ("192.0.2.2", 5000)


def test_an_acceptable_crypto_line_behind_others_is_taken() -> None:
    offer = with_crypto(
        offered(),
        Crypto.mint(1, "AEAD_AES_256_GCM", os.urandom).format(),
        "2 AES_CM_128_HMAC_SHA1_80 inline:short",
        Crypto.mint(3, SUITE, os.urandom).format() + " UNENCRYPTED_SRTP",
        Crypto.mint(4, SUITE, os.urandom).format() + " KDR=0",
    )
    ours = agree(offer, answered(offer), we_offered=False)
    assert ours.local_crypto is not None
    assert ours.local_crypto.tag == 4


def refusal(offer: SessionDescription, **options: object) -> str:
    with pytest.raises(NoAgreement) as caught:
        answered(offer, **options)
    assert str(caught.value)
    return caught.value.reason_code


def test_offers_that_cannot_be_answered() -> None:
    plain = webex_offer("192.0.2.1", 4000, None)
    assert refusal(plain) == "srtp-not-offered"
    assert agree(plain, answered(plain, require_srtp=False), we_offered=False).suite == "none"
    assert refusal(offered(), codecs=["GSM"]) == "no-common-codec"
    assert refusal(with_crypto(offered())) == "crypto-missing"
    aead = Crypto.mint(1, "AEAD_AES_256_GCM", os.urandom)
    assert refusal(with_crypto(offered(), aead.format())) == "crypto-unacceptable"
    assert refusal(changed(offered(), port=0)) == "no-audio-offered"
    assert refusal(changed(offered(), protocol="UDP/TLS/RTP/SAVP")) == "protocol-unsupported"


def disagreement(offer: SessionDescription, reply: SessionDescription) -> str:
    with pytest.raises(NoAgreement) as caught:
        agree(offer, reply, we_offered=True)
    assert str(caught.value)
    return caught.value.reason_code


def test_answers_that_agree_on_nothing() -> None:
    offer = offered()
    reply = answered(offer)
    key = os.urandom
    assert disagreement(offer, replace(reply, media=())) == "answer-lacks-media"
    assert disagreement(offer, changed(reply, kind="video")) == "media-kind-changed"
    assert disagreement(offer, changed(reply, port=0)) == "media-rejected"
    assert disagreement(offer, changed(reply, protocol=AVP)) == "protocol-changed"
    assert disagreement(offer, changed(reply, formats=("3",))) == "codec-not-offered"
    assert disagreement(offer, replace(reply, connection=None)) == "connection-missing"
    assert disagreement(offer, SessionDescription.parse(bytes(reply).replace(b"192.0.2.2", b"host.example"))) == (
        "connection-not-ip"
    )
    assert disagreement(offer, with_crypto(reply)) == "crypto-missing"
    assert disagreement(offer, with_crypto(reply, "1 x inline:!")) == "crypto-malformed"
    assert disagreement(offer, with_crypto(reply, OURS.format())) == "crypto-key-reused"
    assert disagreement(offer, with_crypto(reply, *[Crypto.mint(1, SUITE, key).format()] * 2)) == "crypto-several"
    assert disagreement(offer, with_crypto(reply, Crypto.mint(2, SUITE, key).format())) == "crypto-tag-unknown"
    short = Crypto.mint(1, "AES_CM_128_HMAC_SHA1_32", key)
    assert disagreement(offer, with_crypto(reply, short.format())) == "crypto-suite-changed"
    weak = Crypto.mint(1, SUITE, key).format() + " UNAUTHENTICATED_SRTP"
    assert disagreement(offer, with_crypto(reply, weak)) == "crypto-session-parameter"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ("192.0.2.2", 5001)),
        ("a=rtcp:4100", ("192.0.2.2", 4100)),
        ("a=rtcp:4100 IN IP4 192.0.2.9", ("192.0.2.9", 4100)),
        ("a=rtcp:4100 IN IP4 host.example", ("192.0.2.2", 4100)),
        ("a=rtcp:none", ("192.0.2.2", 5001)),
        ("a=rtcp:0", ("192.0.2.2", 5001)),
    ],
)
def test_where_rtcp_goes(line: str, expected: tuple[str, int]) -> None:
    offer = offered()
    reply = SessionDescription.parse(bytes(answered(offer)) + (f"{line}\r\n".encode() if line else b""))
    agreed = agree(offer, reply, we_offered=True)
    assert (agreed.remote_rtcp, agreed.multiplexed) == (expected, False)


def test_rtcp_on_one_port_takes_both_sides() -> None:
    offer = offered()
    both = [SessionDescription.parse(bytes(one) + b"a=rtcp-mux\r\n") for one in (offer, answered(offer))]
    agreed = agree(*both, we_offered=True)
    assert (agreed.remote_rtcp, agreed.multiplexed) == (agreed.remote, True)
    assert not agree(both[0], answered(offer), we_offered=True).multiplexed
    assert not agree(offer, both[1], we_offered=True).multiplexed
