"""Session descriptions of real devices, and broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.sdp.session import (
    Connection,
    Direction,
    RtpMap,
    SdpError,
    SessionDescription,
    direction_of,
)

WEBEX = b"""v=0\r
o=Agent 1650 1 IN IP4 198.51.100.10\r
s=-\r
c=IN IP4 198.51.100.10\r
t=0 0\r
m=audio 20456 RTP/SAVP 99 9 8 0 18 101 108\r
a=rtpmap:99 opus/48000/2\r
a=rtpmap:9 G722/8000\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:18 G729/8000\r
a=fmtp:18 annexb=no\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=rtpmap:108 telephone-event/48000\r
a=fmtp:108 0-15\r
a=ptime:20\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r
m=video 20458 RTP/SAVP 97\r
a=rtpmap:97 H264/90000\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r
"""

BARESIP = b"""v=0\r
o=- 3881238127 1453294105 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
a=tool:baresip 1.0.0\r
m=audio 16446 RTP/SAVP 0 8 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=rtcp:16447\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r
a=sendrecv\r
a=label:1\r
a=rtcp-rsize\r
a=ptime:20\r
"""

LINPHONE = b"""v=0\r
o=1001 3456 2344 IN IP4 127.0.0.1\r
s=Talk\r
c=IN IP4 127.0.0.1\r
t=0 0\r
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r
a=record:off\r
m=audio 7078 RTP/SAVP 96 97 0 8 101 98\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1\r
a=rtpmap:97 speex/16000\r
a=fmtp:97 vbr=on\r
a=rtpmap:101 telephone-event/48000\r
a=rtpmap:98 telephone-event/8000\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r
a=rtcp-fb:* trr-int 5000\r
a=rtcp-fb:* ccm tmmbr\r
"""


def held(*lines: str, session: str = "") -> SessionDescription:
    head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" + session
    return SessionDescription.parse(head + "m=audio 4000 RTP/SAVP 0\n" + "".join(line + "\n" for line in lines))


@pytest.mark.parametrize("text", [WEBEX, BARESIP, LINPHONE], ids=["webex", "baresip", "linphone"])
def test_real_descriptions_are_read_and_written_without_change(text: bytes) -> None:
    description = SessionDescription.parse(text)
    assert bytes(description) == text
    assert description.problems == ()


def test_the_access_sbc_offer() -> None:
    description = SessionDescription.parse(WEBEX)
    audio = description.audio
    assert audio is not None
    assert (audio.port, audio.protocol, audio.ptime_ms) == (20456, "RTP/SAVP", 20)
    assert audio.payload_types == (99, 9, 8, 0, 18, 101, 108)
    assert audio.rtpmaps[0] == RtpMap(99, "opus", 48000, 2)
    assert audio.rtpmaps[-1] == RtpMap(108, "telephone-event", 48000)
    assert audio.fmtp(18) == "annexb=no"
    assert audio.fmtp(0) == ""
    assert [section.kind for section in description.media] == ["audio", "video"]
    assert description.origin is not None
    assert description.origin.username == "Agent"


def test_static_payload_types_need_no_rtpmap() -> None:
    audio = SessionDescription.parse(LINPHONE).audio
    assert audio is not None
    assert RtpMap(0, "PCMU", 8000) in audio.rtpmaps
    assert RtpMap(8, "PCMA", 8000) in audio.rtpmaps


@pytest.mark.parametrize(
    ("description", "direction"),
    [
        (held(), Direction.SENDRECV),
        (held("a=sendonly"), Direction.SENDONLY),
        (held("a=recvonly"), Direction.RECVONLY),
        (held("a=inactive"), Direction.INACTIVE),
        (held(session="a=sendonly\n"), Direction.SENDONLY),
        (held("a=sendrecv", session="a=inactive\n"), Direction.SENDRECV),
        (held("c=IN IP4 0.0.0.0"), Direction.SENDONLY),
        (held("c=IN IP6 ::"), Direction.SENDONLY),
        (held("c=IN IP4 0.0.0.0", "a=recvonly"), Direction.INACTIVE),
    ],
)
def test_forms_of_hold(description: SessionDescription, direction: Direction) -> None:
    assert description.audio is not None
    assert description.direction_of(description.audio) is direction
    assert description.is_held() is (direction not in (Direction.SENDRECV, Direction.RECVONLY))


def test_directions_from_the_other_side() -> None:
    assert Direction.SENDONLY.reversed is Direction.RECVONLY
    assert Direction.INACTIVE.reversed is Direction.INACTIVE
    for direction in Direction:
        assert direction_of(sends=direction.sends, receives=direction.receives) is direction
        assert direction.reversed.reversed is direction


def test_what_is_odd_is_read_and_named() -> None:
    text = "v=0\ns=x\n\nnonsense\nq=unknown\nc=IN IP4 192.0.2.1/127\nm=audio 70000 RTP/AVP 0 x 300\na=rtpmap:0\nt=0 0\n"
    description = SessionDescription.parse(text)
    audio = description.audio
    assert audio is not None
    assert audio.rejected
    assert audio.payload_types == (0,)
    assert audio.rtpmaps == (RtpMap(0, "PCMU", 8000),)
    assert description.connection == Connection("192.0.2.1")
    assert description.other == ("q=unknown",)
    assert len(description.problems) == 4
    assert "o= line is missing" in " ".join(description.problems)


def test_a_rejected_section_gives_way_to_one_that_is_not() -> None:
    text = "v=0\nm=audio 0 RTP/AVP 0\nm=audio 5000/2 RTP/SAVP 8\n"
    audio = SessionDescription.parse(text).audio
    assert audio is not None
    assert (audio.port, audio.port_count) == (5000, 2)
    assert "m=audio 5000/2 RTP/SAVP 8" in audio.format()


@pytest.mark.parametrize("text", [b"", b"hello", b"<html></html>", b"\x00\xff" * 9, b"v" * 300_000])
def test_what_is_no_description_is_refused(text: bytes) -> None:
    with pytest.raises(SdpError):
        SessionDescription.parse(text)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(tail: bytes) -> None:
    description = SessionDescription.parse(b"v=0\r\n" + tail)
    again = SessionDescription.parse(bytes(description))
    assert len(again.media) == len(description.media)
    for section in description.media:
        assert isinstance(section.rtpmaps, tuple)
        assert description.direction_of(section) in Direction
