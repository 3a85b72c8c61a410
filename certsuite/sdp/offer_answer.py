"""Offers and answers for one audio stream (RFC 3264), in the manner of the Webex Calling access SBC."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80, Crypto, CryptoError
from certsuite.sdp.session import (
    Attribute,
    Connection,
    Direction,
    MediaSection,
    Origin,
    RtpMap,
    SessionDescription,
    direction_of,
)

SAVP = "RTP/SAVP"
AVP = "RTP/AVP"

WEBEX_FORMATS = (
    RtpMap(99, "opus", 48000, 2),
    RtpMap(9, "G722", 8000),
    RtpMap(8, "PCMA", 8000),
    RtpMap(0, "PCMU", 8000),
    RtpMap(18, "G729", 8000),
    RtpMap(101, "telephone-event", 8000),
    RtpMap(108, "telephone-event", 48000),
)
"The formats of a real offer, in its order."
WEBEX_PARAMETERS = {18: "annexb=no", 101: "0-15", 108: "0-15"}

SUPPORTED_CODECS = ("opus", "G722", "PCMA", "PCMU")
"Codecs that a party can both send and receive."
SUPPORTED_SUITES = (AES_CM_128_HMAC_SHA1_80,)
"Suites that the access SBC takes."

_EVENT = "telephone-event"
_NOISE = "cn"
_MULTIPLEXED = "rtcp-mux"
_BREAKING_PARAMS = ("UNENCRYPTED_SRTP", "UNAUTHENTICATED_SRTP", "KDR", "FEC_ORDER", "FEC_KEY")


class NoAgreement(Exception):
    """Offer and answer do not make a stream. ``reason_code`` is for findings, the text for people."""

    def __init__(self, reason_code: str, text: str) -> None:
        self.reason_code = reason_code
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """An encoding and the payload types under which it goes each way."""

    name: str
    clock_rate: int
    "RTP timestamp units in a second; for G.722 it is not the sampling rate (RFC 3551 section 4.5.2)."
    channels: int
    send_payload_type: int
    "What the remote side's description calls it."
    receive_payload_type: int
    "What our own description calls it."
    parameters: str = ""
    "The remote side's ``fmtp``."

    def __str__(self) -> str:
        return f"{self.name}/{self.clock_rate}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an offer and its answer settle for one audio stream, seen from our side."""

    codec: PayloadFormat
    dtmf: PayloadFormat | None
    local_crypto: Crypto | None
    "Key that protects what we send."
    remote_crypto: Crypto | None
    "Key that protects what the remote side sends."
    remote: tuple[str, int] | None
    "Address and port where the remote side receives; none when it gave the all-zeros address."
    direction: Direction
    "Ours."
    protocol: str = SAVP
    remote_rtcp: tuple[str, int] | None = None
    "Address and port where the remote side receives RTCP (RFC 3605, RFC 5761)."
    multiplexed: bool = False
    "Whether RTCP goes over the port of RTP, both ways."
    noise: PayloadFormat | None = None
    "Comfort noise (RFC 3389) of the codec's clock."

    @property
    def suite(self) -> str:
        """SRTP crypto suite, or ``none``."""
        return "none" if self.local_crypto is None else self.local_crypto.suite


def webex_offer(
    address: str,
    port: int,
    crypto: Sequence[Crypto] | Crypto | None,
    *,
    session_id: int = 0,
    version: int = 1,
    direction: Direction = Direction.SENDRECV,
    formats: Sequence[RtpMap] = WEBEX_FORMATS,
    protocol: str = "",
    ptime_ms: int = 20,
) -> SessionDescription:
    """The offer of the access SBC: RTP/SAVP with the given crypto lines, or plain RTP/AVP without any, unless
    ``protocol`` says otherwise."""
    lines = () if crypto is None else (crypto,) if isinstance(crypto, Crypto) else tuple(crypto)
    protocol = protocol or (SAVP if lines else AVP)
    section = _audio(port, protocol, formats, WEBEX_PARAMETERS, lines, direction, ptime_ms)
    return _session(address, section, session_id, version)


def answer(
    offer: SessionDescription,
    *,
    address: str,
    port: int,
    random_bytes: Callable[[int], bytes],
    codecs: Sequence[str] = SUPPORTED_CODECS,
    suites: Sequence[str] = SUPPORTED_SUITES,
    local_crypto: Crypto | None = None,
    require_srtp: bool = True,
    session_id: int = 0,
    version: int = 1,
    direction: Direction = Direction.SENDRECV,
) -> SessionDescription:
    """Answer an offer with its first codec among ``codecs`` and its first crypto line of a suite among ``suites``.

    ``local_crypto`` is the key of an earlier answer, which is kept if its suite is chosen again; ``direction`` is
    what we want, as far as the offer allows it. Raises :class:`NoAgreement` when there is nothing to accept.
    """
    section = _offered_audio(offer)
    _check_protocol(section.protocol)
    wanted = [name.lower() for name in codecs]
    codec = next((item for item in section.rtpmaps if item.name.lower() in wanted), None)
    if codec is None:
        names = ", ".join(item.name for item in section.rtpmaps) or "none"
        raise NoAgreement("no-common-codec", f"none of the offered codecs ({names}) is among {', '.join(codecs)}")
    chosen = [codec]
    event = _event_for(section.rtpmaps, codec)
    if event is not None:
        chosen.append(event)
    crypto: tuple[Crypto, ...] = ()
    if section.values("crypto"):
        picked = _pick_crypto(section, suites)
        kept = local_crypto is not None and local_crypto.suite == picked.suite
        key = local_crypto.key if local_crypto is not None and kept else Crypto.mint(0, picked.suite, random_bytes).key
        crypto = (Crypto(picked.tag, picked.suite, key),)
    elif _is_secure(section.protocol):
        raise NoAgreement("crypto-missing", f"the offer is {section.protocol} without a crypto line")
    elif require_srtp:
        raise NoAgreement(
            "srtp-not-offered", f"the offer is {section.protocol} without a crypto line: SRTP is required"
        )
    offered = offer.direction_of(section).reversed
    agreed = direction_of(sends=offered.sends and direction.sends, receives=offered.receives and direction.receives)
    parameters = {item.payload_type: section.fmtp(item.payload_type) for item in chosen}
    ours = _audio(port, section.protocol, chosen, {**parameters, **_kept(chosen)}, crypto, agreed)
    media = tuple(ours if item is section else _rejected(item) for item in offer.media)
    return replace(_session(address, ours, session_id, version), media=media)


def agree(offer: SessionDescription, answer: SessionDescription, *, we_offered: bool) -> Agreement:
    """What offer and answer settle. Raises :class:`NoAgreement` with the reason when they settle nothing."""
    offered = _offered_audio(offer)
    index = next(number for number, item in enumerate(offer.media) if item is offered)
    if index >= len(answer.media):
        raise NoAgreement(
            "answer-lacks-media", f"the offer has {len(offer.media)} media, the answer {len(answer.media)}"
        )
    answered = answer.media[index]
    if answered.kind != "audio":
        raise NoAgreement("media-kind-changed", f"the audio offer is answered by {answered.kind or 'nothing'}")
    if answered.rejected:
        raise NoAgreement("media-rejected", "the answer refuses the audio by port 0")
    _check_protocol(offered.protocol)
    if answered.protocol.upper() != offered.protocol.upper():
        text = f"{offered.protocol} is answered by {answered.protocol}"
        raise NoAgreement("protocol-changed", text)
    crypto = _agreed_crypto(offered, answered)
    ours, theirs = (offered, answered) if we_offered else (answered, offered)
    our_side, their_side = (offer, answer) if we_offered else (answer, offer)
    pairs = _common_formats(offered, answered, we_offered)
    codecs = [item for item in pairs if item.name.lower() not in (_EVENT, _NOISE)]
    if not codecs:
        names = ", ".join(item.name for item in answered.rtpmaps) or "none"
        raise NoAgreement("codec-not-offered", f"none of the answered codecs ({names}) was offered")
    events = [item for item in pairs if item.name.lower() == _EVENT]
    noises = [item for item in pairs if item.name.lower() == _NOISE and item.clock_rate == codecs[0].clock_rate]
    same_clock = [item for item in events if item.clock_rate == codecs[0].clock_rate]
    mine, other = our_side.direction_of(ours), their_side.direction_of(theirs).reversed
    if crypto is None:
        local_crypto = remote_crypto = None
    else:
        local_crypto, remote_crypto = crypto if we_offered else crypto[::-1]
    remote = _endpoint(their_side, theirs)
    multiplexed = bool(offered.values(_MULTIPLEXED) and answered.values(_MULTIPLEXED))
    return Agreement(
        codec=replace(codecs[0], parameters=theirs.fmtp(codecs[0].send_payload_type)),
        dtmf=next(iter(same_clock or events), None),
        local_crypto=local_crypto,
        remote_crypto=remote_crypto,
        remote=remote,
        direction=direction_of(sends=mine.sends and other.sends, receives=mine.receives and other.receives),
        protocol=answered.protocol,
        remote_rtcp=remote if multiplexed else _rtcp_endpoint(theirs, remote),
        multiplexed=multiplexed,
        noise=next(iter(noises), None),
    )


def _rtcp_endpoint(section: MediaSection, remote: tuple[str, int] | None) -> tuple[str, int] | None:
    """Where RTCP goes: as the ``rtcp`` attribute says, if it can be read, else to the port above that of RTP."""
    if remote is None or remote[1] >= 0xFFFF:
        return None
    port, *where = (section.values("rtcp") or ("",))[0].split()[:4] or [""]
    if not (port.isdecimal() and 0 < int(port) <= 0xFFFF):
        return remote[0], remote[1] + 1
    try:
        return str(ipaddress.ip_address(where[2])) if len(where) == 3 else remote[0], int(port)
    except ValueError:
        return remote[0], int(port)


def _offered_audio(offer: SessionDescription) -> MediaSection:
    section = offer.audio
    if section is None or section.rejected:
        raise NoAgreement("no-audio-offered", "the offer has no audio")
    return section


def _is_secure(protocol: str) -> bool:
    return "SAVP" in protocol.upper()


def _check_protocol(protocol: str) -> None:
    if protocol.upper() not in (AVP, SAVP, "RTP/AVPF", "RTP/SAVPF"):
        raise NoAgreement("protocol-unsupported", f"the audio goes over {protocol or 'nothing'}, not RTP with SDES")


def _event_for(maps: Sequence[RtpMap], codec: RtpMap) -> RtpMap | None:
    """The telephone-event format of the codec's clock (RFC 4733 section 2.1), else any."""
    events = [item for item in maps if item.name.lower() == _EVENT]
    return next((item for item in events if item.clock_rate == codec.clock_rate), next(iter(events), None))


def _common_formats(offered: MediaSection, answered: MediaSection, we_offered: bool) -> list[PayloadFormat]:
    """Encodings of the answer that were offered, in the answer's order."""
    formats = []
    for theirs in answered.rtpmaps:
        same = [item for item in offered.rtpmaps if item.same_encoding(theirs)]
        # opus is always named with two channels (RFC 7587 section 7); some leave them out and mean the same.
        if not same and theirs.name.lower() == "opus":
            same = [item for item in offered.rtpmaps if item.name.lower() == "opus"]
        if not same:
            continue
        # The answer may use another number for it (RFC 3264 section 6.1); the same one is preferred.
        mine = next((item for item in same if item.payload_type == theirs.payload_type), same[0])
        numbers = (theirs.payload_type, mine.payload_type)
        send, receive = numbers if we_offered else numbers[::-1]
        formats.append(PayloadFormat(mine.name, mine.clock_rate, mine.channels, send, receive))
    return formats


def _pick_crypto(section: MediaSection, suites: Sequence[str]) -> Crypto:
    """The first usable crypto line of an offer."""
    refused = []
    for value in section.values("crypto"):
        try:
            crypto = Crypto.parse(value)
        except CryptoError as error:
            refused.append(f"crypto {value.split(' inline')[0][:60]}: {error}")
            continue
        if crypto.suite not in suites:
            refused.append(f"{crypto.suite} is not among {', '.join(suites)}")
        elif (broken := _breaking(crypto)) is not None:
            refused.append(f"session parameter {broken}")
        else:
            return crypto
    raise NoAgreement("crypto-unacceptable", "; ".join(refused))


def _breaking(crypto: Crypto) -> str | None:
    """A session parameter under which the packets would not be what the suite says."""
    for parameter in crypto.session_params:
        if parameter.partition("=")[0].upper() in _BREAKING_PARAMS and parameter.upper() != "KDR=0":
            return parameter
    return None


def _agreed_crypto(offered: MediaSection, answered: MediaSection) -> tuple[Crypto, Crypto] | None:
    """(offerer's, answerer's) crypto, or none for plain RTP."""
    lines = answered.values("crypto")
    if not offered.values("crypto") and not lines:
        if _is_secure(answered.protocol):
            raise NoAgreement("crypto-missing", f"{answered.protocol} without a crypto line")
        return None
    if not lines:
        if not _is_secure(answered.protocol):
            return None
        raise NoAgreement("crypto-missing", f"the answer is {answered.protocol} without a crypto line")
    if len(lines) > 1:
        raise NoAgreement("crypto-several", f"the answer has {len(lines)} crypto lines, it must choose one")
    try:
        theirs = Crypto.parse(lines[0])
    except CryptoError as error:
        raise NoAgreement("crypto-malformed", f"the answer's crypto line: {error}") from error
    mine = _crypto_of_tag(offered, theirs.tag)
    if mine is None:
        raise NoAgreement("crypto-tag-unknown", f"the answer's crypto tag {theirs.tag} was not offered")
    if mine.suite != theirs.suite:
        raise NoAgreement(
            "crypto-suite-changed", f"tag {theirs.tag} offers {mine.suite}, the answer says {theirs.suite}"
        )
    if mine.key == theirs.key:
        raise NoAgreement("crypto-key-reused", "the answer repeats the offer's key instead of a key of its own")
    for crypto in (mine, theirs):
        if (broken := _breaking(crypto)) is not None:
            raise NoAgreement(
                "crypto-session-parameter", f"the session parameter {broken} weakens or changes {mine.suite}"
            )
    return mine, theirs


def _crypto_of_tag(section: MediaSection, tag: int) -> Crypto | None:
    for value in section.values("crypto"):
        if value.split(" ")[0] == str(tag):
            try:
                return Crypto.parse(value)
            except CryptoError as error:
                raise NoAgreement("crypto-malformed", f"the offer's crypto line: {error}") from error
    return None


def _endpoint(session: SessionDescription, section: MediaSection) -> tuple[str, int] | None:
    connection = session.connection_of(section)
    if connection is None:
        raise NoAgreement("connection-missing", "neither the session nor the audio has a c= line")
    if connection.is_unspecified:
        return None
    try:
        ipaddress.ip_address(connection.address)
    except ValueError as error:
        raise NoAgreement("connection-not-ip", f"{connection.address[:60]!r} is no IP address") from error
    return connection.address, section.port


def _address_type(address: str) -> str:
    return "IP6" if ":" in address else "IP4"


def _kept(maps: Sequence[RtpMap]) -> dict[int, str]:
    """Format parameters that an answer of ours states, whatever the offer said."""
    return {item.payload_type: "0-15" for item in maps if item.name.lower() == _EVENT}


def _rejected(section: MediaSection) -> MediaSection:
    return MediaSection(section.kind, 0, section.protocol, section.formats)


def _audio(
    port: int,
    protocol: str,
    formats: Sequence[RtpMap],
    parameters: dict[int, str],
    crypto: Sequence[Crypto],
    direction: Direction,
    ptime_ms: int = 20,
) -> MediaSection:
    attributes = []
    for item in formats:
        attributes.append(Attribute("rtpmap", str(item)))
        if parameters.get(item.payload_type):
            attributes.append(Attribute("fmtp", f"{item.payload_type} {parameters[item.payload_type]}"))
    attributes.append(Attribute("ptime", str(ptime_ms)))
    attributes += [Attribute("crypto", item.format()) for item in crypto]
    attributes.append(Attribute(direction.value))
    names = tuple(str(item.payload_type) for item in formats)
    return MediaSection("audio", port, protocol, names, attributes=tuple(attributes))


def _session(address: str, section: MediaSection, session_id: int, version: int) -> SessionDescription:
    kind = _address_type(address)
    return SessionDescription(
        origin=Origin("Agent", str(session_id), str(version), address, kind),
        media=(section,),
        connection=Connection(address, kind),
    )
