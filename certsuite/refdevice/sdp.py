"""Offer and answer of one audio stream with SDES keys (RFC 8866, RFC 3264, RFC 4568)."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from certsuite.refdevice.audio import CLOCK_HZ
from certsuite.refdevice.behaviour import COMPLIANT, Behaviour
from certsuite.refdevice.srtp import DEFAULT_SUITE, SUITES

SECURE, PLAIN = "RTP/SAVP", "RTP/AVP"
_SECURE_ANY = (SECURE, f"{SECURE}F")
"With feedback by RTCP as well (RFC 5124), which it does not send."
EVENT = "telephone-event"
NOISE = "CN"
CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9, "OPUS": 99, "G729": 18}
"Codecs of the device with the payload types that it gives them (RFC 3551)."
_EVENT_PAYLOAD_TYPES = {8000: 101, 48_000: 108}
_STATIC = {0: "PCMU", 8: "PCMA", 9: "G722", 13: NOISE, 18: "G729"}
_NARROW = ("PCMU", "PCMA")
_REVERSED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_CRYPTO = re.compile(r"(\d{1,9})\s+(\S+)\s+inline:(\S+)((?:\s+\S+)*)\s*")

_CANDIDATE = re.compile(r"\S+ \d+ \S+ \d+ ([\d.]{7,15}) (\d{1,5}) ")


class Unacceptable(ValueError):
    """There is nothing in the description that the device can take."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """A ``crypto`` attribute that the device can use."""

    tag: int
    suite: str
    key: bytes = field(repr=False)


@dataclass(slots=True)
class Media:
    """One media description, as far as it concerns the device."""

    kind: str
    port: int
    profile: str
    formats: list[str]
    address: str
    direction: str = "sendrecv"
    encodings: dict[int, tuple[str, int]] = field(default_factory=dict)
    "Payload type to (encoding name in capitals, clock rate)."
    cryptos: list[Crypto] = field(default_factory=list)
    candidate: tuple[str, int] | None = None
    "The first one of ICE."
    multiplexed: bool = False
    "Whether RTCP may come on the port of RTP (RFC 5761)."

    def encoding(self, payload_type: int) -> tuple[str, int]:
        if payload_type in self.encodings:
            return self.encodings[payload_type]
        return _STATIC.get(payload_type, ""), 8000


@dataclass(frozen=True, slots=True)
class Local:
    """The device's own end of a stream."""

    address: str
    port: int
    keys: Mapping[str, bytes] = field(repr=False)
    "Its master key and salt for each suite."
    session: int
    version: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides have agreed on."""

    remote: tuple[str, int]
    codec: str
    payload_type: int
    direction: str
    "As seen from the device."
    event_payload_type: int | None = None
    remote_key: bytes | None = field(default=None, repr=False)
    "Master key and salt of what is received; ``None`` is plain RTP."
    suite: str = DEFAULT_SUITE
    clock_hz: int = 8000
    multiplexed: bool = False
    noise_payload_type: int | None = None

    @property
    def sends(self) -> bool:
        # 0.0.0.0 is the hold of RFC 2543, which is still met.
        return self.direction in ("sendrecv", "sendonly") and self.remote[0] != "0.0.0.0" and self.remote[1] > 0


def parse(body: bytes) -> list[Media]:
    """The media descriptions of an SDP. Raises :class:`Unacceptable` if it cannot be read."""
    medias: list[Media] = []
    address, direction = "", "sendrecv"
    try:
        for line in body.decode("utf-8", "replace").splitlines():
            kind, _, value = line.partition("=")
            if kind == "m":
                name, port, profile, *formats = value.split()
                medias.append(Media(name, int(port.partition("/")[0]), profile, formats, address, direction))
            elif kind == "c":
                found = str(ipaddress.IPv4Address(value.split()[2].partition("/")[0]))
                if medias:
                    medias[-1].address = found
                else:
                    address = found
            elif kind == "a" and value in _REVERSED:
                if medias:
                    medias[-1].direction = value
                else:
                    direction = value
            elif kind == "a" and medias:
                _media_attribute(medias[-1], value)
    except (ValueError, IndexError) as error:
        raise Unacceptable(f"an SDP that cannot be read: {error}") from error
    if not all(0 <= media.port < 65_536 for media in medias):
        raise Unacceptable("an SDP that cannot be read: a port out of range")
    return medias


def _media_attribute(media: Media, value: str) -> None:
    name, _, rest = value.partition(":")
    if name == "rtpmap":
        payload_type, encoding = rest.split(None, 1)
        encoding_name, _, clock = encoding.partition("/")
        media.encodings[int(payload_type)] = (encoding_name.upper(), int(clock.partition("/")[0]))
    elif name == "candidate" and media.candidate is None and (match := _CANDIDATE.match(rest)):
        media.candidate = match[1], int(match[2])
    elif name == "rtcp-mux":
        media.multiplexed = True
    elif name == "crypto" and (match := _CRYPTO.fullmatch(rest)):
        tag, suite, inline, parameters = match.groups()
        if suite not in SUITES or not all(one.upper().startswith("WSH=") for one in parameters.split()):
            return  # RFC 4568 section 6.3: an unknown session parameter makes the line unusable
        encoded, *rest_of_key = inline.split("|")
        if any(":" in part for part in rest_of_key):
            return  # a master key identifier would be in each packet
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return
        if len(key) == SUITES[suite].key + SUITES[suite].salt:
            media.cryptos.append(Crypto(int(tag), suite, key))


def offer(local: Local, direction: str, behaviour: Behaviour = COMPLIANT, *, plain: bool = False) -> bytes:
    """An offer of all codecs, under SRTP unless ``plain``."""
    besides = behaviour.codecs_besides
    formats = map(str, [*CODECS.values(), *(number for number, _ in besides), *_EVENT_PAYLOAD_TYPES.values()])
    lines = [f"m=audio {local.port} {PLAIN if plain else SECURE} {' '.join(formats)}"]
    for name, payload_type in CODECS.items():
        lines += _codec_lines(payload_type, name)
    lines += [f"a=rtpmap:{payload_type} {name}/8000" for payload_type, name in besides]
    for clock_hz, payload_type in _EVENT_PAYLOAD_TYPES.items():
        lines += _event_lines(payload_type, clock_hz)
    suites = list(SUITES)[: behaviour.suites_offered]
    lines += [] if plain else [_crypto_line(tag, suite, local) for tag, suite in enumerate(suites, 1)]
    lines += ["a=ptime:20", f"a={direction}"]
    return _description(local, lines)


def answer(
    body: bytes, local: Local, wanted: str = "sendrecv", behaviour: Behaviour = COMPLIANT
) -> tuple[bytes, Agreement]:
    """The answer to an offer, and what it agrees on. Raises :class:`Unacceptable`.

    ``wanted`` is the direction that the device would like.
    """
    lines: list[str] = []
    agreement: Agreement | None = None
    medias = parse(body)
    if behaviour.minds_video and any(media.kind == "video" for media in medias):
        raise Unacceptable("video")
    if not behaviour.takes_old_hold and any(media.address == "0.0.0.0" for media in medias):
        raise Unacceptable("an address that is none")
    for media in medias:
        agreed = None if agreement else _accept(media, wanted, behaviour)
        if agreed is None:
            lines.append(f"m={media.kind} 0 {media.profile} {' '.join(media.formats)}")
            continue
        agreement, tag = agreed
        payload_types = [agreement.payload_type]
        if agreement.event_payload_type is not None:
            payload_types.append(agreement.event_payload_type)
        if agreement.noise_payload_type is not None:
            payload_types.append(agreement.noise_payload_type)
        profile = media.profile if behaviour.keeps_profile else media.profile.removesuffix("F")
        lines.append(f"m=audio {local.port} {profile} {' '.join(map(str, payload_types))}")
        lines += _codec_lines(agreement.payload_type, agreement.codec)
        if agreement.noise_payload_type is not None:
            lines.append(f"a=rtpmap:{agreement.noise_payload_type} {NOISE}/8000")
        if agreement.event_payload_type is not None:
            lines += _event_lines(agreement.event_payload_type, agreement.clock_hz)
        if tag is not None:
            lines.append(_crypto_line(tag if behaviour.keeps_tag else 1, agreement.suite, local))
        lines += ["a=rtcp-mux"] if media.multiplexed else []
        lines += ["a=ptime:20", f"a={agreement.direction}"]
    if agreement is None:
        raise Unacceptable("no audio stream with a known codec under SRTP")
    return _description(local, lines), agreement


def conclude(body: bytes, wanted: str = "sendrecv", behaviour: Behaviour = COMPLIANT) -> Agreement:
    """What the answer to an offer of the device agrees on. Raises :class:`Unacceptable`."""
    medias = parse(body)
    if medias and not behaviour.checks_answers and not medias[0].cryptos:
        medias[0].cryptos.append(Crypto(1, DEFAULT_SUITE, bytes(30)))
    agreed = _accept(medias[0], wanted, COMPLIANT) if medias else None
    if agreed is None:
        raise Unacceptable("the answer has no audio stream with a known codec under SRTP")
    agreement, tag = agreed
    if behaviour.checks_answers and dict(enumerate(SUITES, 1)).get(tag or 0) != agreement.suite:
        raise Unacceptable("the answer takes a crypto line that was not offered")
    return agreement


def _accept(media: Media, wanted: str, behaviour: Behaviour) -> tuple[Agreement, int | None] | None:
    if media.kind != "audio" or media.port == 0 or not media.address:
        return None
    crypto = media.cryptos[0] if media.profile in _SECURE_ANY and media.cryptos else None
    overlooks_keys = behaviour.overlooks_keys_of_plain_rtp and bool(media.cryptos)
    if crypto is None and not ((behaviour.accepts_plain_rtp or overlooks_keys) and media.profile == PLAIN):
        return None
    payload_types = [int(name) for name in media.formats if name.isdecimal() and int(name) < 128]
    known = [number for number in payload_types if media.encoding(number)[0] in behaviour.codecs]
    if not known:
        return None
    # What it can decode itself goes before what it merely hands on.
    codecs = [number for number in known if media.encoding(number)[0] in _NARROW] or known
    clock_hz = CLOCK_HZ[media.encoding(codecs[0])[0]]
    noises = [number for number in payload_types if media.encoding(number) == (NOISE, clock_hz)]
    events = [number for number in payload_types if media.encoding(number) == (EVENT.upper(), clock_hz)]
    agreement = Agreement(
        remote=(behaviour.follows_candidates and media.candidate) or (media.address, media.port),
        codec=media.encoding(codecs[0])[0],
        payload_type=codecs[0],
        direction=_direction(media.direction, wanted),
        event_payload_type=events[0] if events else None,
        remote_key=crypto.key if crypto else None,
        suite=crypto.suite if crypto else DEFAULT_SUITE,
        clock_hz=clock_hz,
        multiplexed=media.multiplexed,
        noise_payload_type=noises[0] if noises else None,
    )
    return agreement, crypto.tag if crypto else None


def _direction(remote: str, wanted: str) -> str:
    """The device's direction: what it wants as far as the other side allows it (RFC 3264 section 6.1)."""
    allowed = _REVERSED[remote]
    sends = "send" in allowed and "send" in wanted
    receives = "recv" in allowed and "recv" in wanted
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (sends, receives), "inactive"
    )


def _event_lines(payload_type: int, clock_hz: int) -> list[str]:
    return [f"a=rtpmap:{payload_type} {EVENT}/{clock_hz}", f"a=fmtp:{payload_type} 0-15"]


def _codec_lines(payload_type: int, codec: str) -> list[str]:
    name, channels = ("opus", "/2") if codec == "OPUS" else (codec, "")
    parameters = [f"a=fmtp:{payload_type} annexb=no"] if codec == "G729" else []
    return [f"a=rtpmap:{payload_type} {name}/{CLOCK_HZ[codec]}{channels}", *parameters]


def _crypto_line(tag: int, suite: str, local: Local) -> str:
    return f"a=crypto:{tag} {suite} inline:{base64.b64encode(local.keys[suite]).decode('ascii')}"


def _description(local: Local, media_lines: list[str]) -> bytes:
    head = [
        "v=0",
        f"o=- {local.session} {local.version} IN IP4 {local.address}",
        "s=-",
        f"c=IN IP4 {local.address}",
        "t=0 0",
    ]
    return "\r\n".join([*head, *media_lines, ""]).encode("ascii", "replace")
