"""The terms on which a party calls or answers, by the names that cases use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from certsuite.media.srtp import SUITES
from certsuite.sdp.crypto import (
    AEAD_AES_128_GCM,
    AEAD_AES_256_GCM,
    AES_CM_128_HMAC_SHA1_32,
    AES_CM_128_HMAC_SHA1_80,
)
from certsuite.sdp.offer_answer import AVP, SAVP, WEBEX_FORMATS
from certsuite.sdp.session import Direction, RtpMap
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms

AES_CM_256 = "AES_256_CM_HMAC_SHA1_80"
"""RFC 6188's suite, which no party can play: offered to see it refused."""
F8_128 = "F8_128_HMAC_SHA1_80"
"""RFC 4568's suite that nobody has: offered as one of no use, and answered to offers without it."""

_NARROW = tuple(one for one in WEBEX_FORMATS if one.name in ("PCMA", "PCMU", "telephone-event"))


def _belongs(one: RtpMap, codec: str) -> bool:
    """Whether a format is the codec, or telephone-event of either clock, which every real offer has."""
    return one.name in (codec, "telephone-event")


TERMS: Mapping[str, MediaTerms] = {
    "as Webex": WEBEX_TERMS,
    "as the PSTN": MediaTerms(formats=_NARROW, codecs=("PCMU", "PCMA")),
    "plain RTP": MediaTerms(suites=()),
    "plain RTP with keys": MediaTerms(protocol=AVP),
    "two suites": MediaTerms(suites=(F8_128, AES_CM_128_HMAC_SHA1_80)),
    "one suite twice": MediaTerms(suites=(AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80), tags=(7, 3)),
    "new keys": MediaTerms(new_keys=True),
    **{
        f"{codec} alone": MediaTerms(formats=tuple(one for one in WEBEX_FORMATS if _belongs(one, codec)))
        for codec in ("PCMU", "PCMA", "G722", "G729", "opus")
    },
    "hold": MediaTerms(direction=Direction.SENDONLY),
    "hold without music": MediaTerms(direction=Direction.INACTIVE),
    "hold as of old": MediaTerms(unspecified=True),
    "no offer": MediaTerms(late=True),
    **{f"packets of {ms} ms": MediaTerms(formats=_NARROW, ptime_ms=ms) for ms in (10, 30, 40, 60)},
    "video as well": MediaTerms(video=True),
    "comfort noise": MediaTerms(formats=(*_NARROW, RtpMap(13, "CN", 8000))),
    "latching": MediaTerms(latches=True),
    "ICE candidates": MediaTerms(candidates=True),
    "SRTP with feedback": MediaTerms(protocol=f"{SAVP}F"),
    "RTCP on one port": MediaTerms(multiplexed=True),
    "a suite that was not offered": MediaTerms(answers_suite=F8_128),
    **{
        f"{suite} alone": replace(WEBEX_TERMS, suites=(suite,))
        for suite in (AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AES_CM_256, AEAD_AES_128_GCM, AEAD_AES_256_GCM)
    },
}
"What cases ask for, and nothing else."
PLAYABLE = SUITES
"Suites that a party can play."
