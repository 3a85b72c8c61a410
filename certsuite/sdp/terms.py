"""What a party offers and takes in a call: the terms of its media, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80, Crypto
from certsuite.sdp.offer_answer import SUPPORTED_CODECS, WEBEX_FORMATS, webex_offer
from certsuite.sdp.session import Attribute, Direction, MediaSection, RtpMap, SessionDescription

_DISCARD = 9
_UNSPECIFIED = {False: "0.0.0.0", True: "::"}


@dataclass(frozen=True, slots=True)
class MediaTerms:
    """What one side of a call wants. The defaults are those of the access SBC."""

    suites: tuple[str, ...] = (AES_CM_128_HMAC_SHA1_80,)
    "Of its crypto lines, most preferred first; none is RTP without SRTP."
    tags: tuple[int, ...] = ()
    "Of the crypto lines of an offer; empty: they are counted from 1 (RFC 4568 section 4.1)."
    protocol: str = ""
    "Transport of an offer; empty: RTP/SAVP with crypto lines, RTP/AVP without."
    formats: tuple[RtpMap, ...] = WEBEX_FORMATS
    codecs: tuple[str, ...] = SUPPORTED_CODECS
    "Encoding names that are taken of an offer."
    ptime_ms: int = 20
    direction: Direction = Direction.SENDRECV
    unspecified: bool = False
    "Whether its address is all zeros: the hold of RFC 2543."
    late: bool = False
    "Whether its INVITE has no offer, so that the device makes it."
    video: bool = False
    "Whether its offer has a video section behind the audio."
    multiplexed: bool = False
    "Whether its offer has RTCP on the port of RTP (RFC 5761)."
    candidates: bool = False
    """Whether its offer has ICE candidates, none of which is where it receives: who knows ICE must then do without it
    (RFC 8839 section 4.2.5), as must who does not."""
    latches: bool = False
    "Whether it sends nothing before it is told to: as one that sends where media comes from, and waits for that."
    new_keys: bool = False
    "Whether its next offer or answer has new keys."
    answers_suite: str = ""
    "Suite that its answer names, whatever was offered under the tag; empty: the one that was."

    def offer(
        self, address: str, port: int, lines: Sequence[Crypto], *, session_id: int, version: int
    ) -> SessionDescription:
        """The offer by these terms, with these crypto lines."""
        offer = webex_offer(
            _UNSPECIFIED[":" in address] if self.unspecified else address,
            port,
            lines,
            session_id=session_id,
            version=version,
            direction=self.direction,
            formats=self.formats,
            protocol=self.protocol,
            ptime_ms=self.ptime_ms,
        )
        if self.multiplexed:
            (audio,) = offer.media
            offer = offer.with_audio(replace(audio, attributes=(*audio.attributes, Attribute("rtcp-mux"))))
        if self.candidates:
            (audio,) = offer.media
            offer = offer.with_audio(replace(audio, attributes=(*audio.attributes, *_elsewhere(address))))
        if not self.video:
            return offer
        video = MediaSection("video", port + 2, offer.media[0].protocol, ("97",), attributes=_video(lines))
        return SessionDescription(offer.origin, (*offer.media, video), connection=offer.connection)


def _elsewhere(address: str) -> tuple[Attribute, ...]:
    """ICE candidates where nobody listens: at the port of the discard service."""
    return (
        Attribute("ice-ufrag", "labU"),
        Attribute("ice-pwd", "certsuiteLabPassword0000"),
        Attribute("candidate", f"1 1 UDP 2130706431 {address} {_DISCARD} typ host"),
        Attribute("candidate", f"2 2 UDP 2130706430 {address} {_DISCARD} typ host"),
    )


def _video(lines: Sequence[Crypto]) -> tuple[Attribute, ...]:
    return (Attribute("rtpmap", "97 H264/90000"), *(Attribute("crypto", line.format()) for line in lines))


WEBEX_TERMS = MediaTerms()
"The access SBC's."
