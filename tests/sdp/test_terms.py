"""The terms of a party become an offer."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80, Crypto
from certsuite.sdp.offer_answer import AVP, webex_offer
from certsuite.sdp.session import Direction, SessionDescription
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms

LINE = Crypto.mint(1, AES_CM_128_HMAC_SHA1_80, os.urandom)


def offered(terms: MediaTerms, address: str = "192.0.2.1") -> SessionDescription:
    lines = [LINE] if terms.suites else []
    return SessionDescription.parse(bytes(terms.offer(address, 4000, lines, session_id=7, version=2)))


def test_the_usual_terms_are_the_offer_of_the_access_sbc() -> None:
    usual = WEBEX_TERMS.offer("192.0.2.1", 4000, [LINE], session_id=7, version=2)
    assert usual == webex_offer("192.0.2.1", 4000, LINE, session_id=7, version=2)


def test_transport_packet_time_and_direction_are_told() -> None:
    terms = replace(WEBEX_TERMS, protocol=AVP, ptime_ms=60, direction=Direction.SENDONLY)
    session = offered(terms)
    assert session.audio is not None
    assert (session.audio.protocol, session.audio.ptime_ms) == (AVP, 60)
    assert session.direction_of(session.audio) is Direction.SENDONLY
    assert session.audio.values("crypto") == (LINE.format(),)


@pytest.mark.parametrize(("address", "nowhere"), [("192.0.2.1", "0.0.0.0"), ("2001:db8::1", "::")])
def test_the_hold_of_old_has_no_address(address: str, nowhere: str) -> None:
    session = offered(MediaTerms(unspecified=True), address)
    assert session.connection is not None
    assert session.connection.address == nowhere
    assert session.is_held()


def test_video_stands_behind_the_audio_with_its_own_port() -> None:
    session = offered(MediaTerms(video=True))
    assert [(one.kind, one.port) for one in session.media] == [("audio", 4000), ("video", 4002)]
    assert session.media[1].values("crypto") == (LINE.format(),)


def test_no_candidate_is_where_the_offer_receives() -> None:
    audio = offered(MediaTerms(candidates=True)).audio
    assert audio is not None
    assert [value.split()[4:6] for value in audio.values("candidate")] == [["192.0.2.1", "9"]] * 2
    assert (audio.port, len(audio.values("ice-ufrag")), len(audio.values("ice-pwd"))) == (4000, 1, 1)
