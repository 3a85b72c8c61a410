"""Session descriptions (RFC 8866, formerly RFC 4566): parsed tolerantly, formatted strictly.

A device's mistakes are kept readable rather than refused: lines may end in LF, be out of order, or be of unknown
types. Only text in which nothing of an SDP can be recognised raises :class:`SdpError`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from enum import StrEnum

STATIC_PAYLOADS = {0: ("PCMU", 8000), 3: ("GSM", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000), 18: ("G729", 8000)}
"Payload types that need no rtpmap (RFC 3551 table 4): encoding name and RTP clock rate."

_BEFORE_TIMES = "iuepcb"
"Types of session-level lines that stand before ``t=``, in their order (RFC 8866 section 5)."
_SIZE_LIMIT = 262_144


class SdpError(ValueError):
    """Text is no session description."""


class Direction(StrEnum):
    """Which way media flows, seen by the one whose description says it (RFC 3264 section 6.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the one who says it sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether the one who says it wants to receive."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @property
    def reversed(self) -> Direction:
        """The same, seen from the other side."""
        return direction_of(sends=self.receives, receives=self.sends)


def direction_of(*, sends: bool, receives: bool) -> Direction:
    """The direction of one who does, or does not, send and receive."""
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE


@dataclass(frozen=True, slots=True)
class Attribute:
    """``a=name`` or ``a=name:value``."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"


@dataclass(frozen=True, slots=True)
class Connection:
    """``c=``: where media is wanted."""

    address: str
    address_type: str = "IP4"

    @property
    def is_unspecified(self) -> bool:
        """The all-zeros address: the old form of hold (RFC 2543; RFC 3264 section 8.4)."""
        try:
            return ipaddress.ip_address(self.address).is_unspecified
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"IN {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=``: who made the description, and which version of it this is."""

    username: str
    session_id: str
    version: str
    address: str
    address_type: str = "IP4"

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True)
class RtpMap:
    """``a=rtpmap``: what a payload type means."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1

    def same_encoding(self, other: RtpMap) -> bool:
        """Whether both mean the same encoding; names are compared without case (RFC 8866 section 6.6)."""
        mine = (self.name.lower(), self.clock_rate, self.channels)
        return mine == (other.name.lower(), other.clock_rate, other.channels)

    def __str__(self) -> str:
        channels = "" if self.channels == 1 else f"/{self.channels}"
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One ``m=`` line and what belongs to it."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: Connection | None = None
    attributes: tuple[Attribute, ...] = ()
    port_count: int = 1
    other: tuple[str, ...] = ()
    "Lines of other types (``i=``, ``b=``, ``k=`` and unknown ones), as they were."

    @property
    def rejected(self) -> bool:
        """Whether port 0 refuses it (RFC 3264 section 6)."""
        return self.port == 0

    def values(self, name: str) -> tuple[str, ...]:
        """Values of all attributes of that name, in order."""
        return tuple(item.value or "" for item in self.attributes if item.name == name)

    @property
    def payload_types(self) -> tuple[int, ...]:
        """The formats that are payload types, in order of preference."""
        return tuple(int(item) for item in self.formats if item.isascii() and item.isdigit() and int(item) < 128)

    @property
    def rtpmaps(self) -> tuple[RtpMap, ...]:
        """What the payload types of the ``m=`` line mean, in its order; those that nothing explains are left out."""
        mapped = {item.payload_type: item for value in self.values("rtpmap") if (item := _rtpmap(value)) is not None}
        maps = []
        for payload_type in self.payload_types:
            if payload_type in mapped:
                maps.append(mapped[payload_type])
            elif payload_type in STATIC_PAYLOADS:
                maps.append(RtpMap(payload_type, *STATIC_PAYLOADS[payload_type]))
        return tuple(maps)

    def fmtp(self, payload_type: int) -> str:
        """Format parameters of a payload type, empty without any."""
        for value in self.values("fmtp"):
            head, _, parameters = value.partition(" ")
            if head == str(payload_type):
                return parameters.strip()
        return ""

    @property
    def ptime_ms(self) -> int | None:
        """Packet time in milliseconds, if it is given and a number."""
        for value in self.values("ptime"):
            if value.isascii() and value.isdigit():
                return int(value)
        return None

    def format(self) -> str:
        """Its lines, each ended by CRLF."""
        port = str(self.port) if self.port_count == 1 else f"{self.port}/{self.port_count}"
        lines = [f"m={self.kind} {port} {self.protocol} {' '.join(self.formats)}"]
        lines += [line for line in self.other if line[:1] == "i"]
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        lines += [line for line in self.other if line[:1] != "i"]
        lines += [f"a={item}" for item in self.attributes]
        return "".join(line + "\r\n" for line in lines)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description."""

    origin: Origin | None
    media: tuple[MediaSection, ...]
    name: str = "-"
    connection: Connection | None = None
    attributes: tuple[Attribute, ...] = ()
    times: tuple[str, ...] = ("0 0",)
    "Values of the ``t=`` lines."
    version: str = "0"
    other: tuple[str, ...] = ()
    "Session-level lines of other types, as they were."
    problems: tuple[str, ...] = field(default=(), compare=False)
    "What a strict reader would refuse; empty when nothing is wrong."

    @classmethod
    def parse(cls, data: bytes | str) -> SessionDescription:
        """Read a body. Raises :class:`SdpError` when it is no SDP at all."""
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        if len(text) > _SIZE_LIMIT:
            raise SdpError(f"{len(text)} characters are no session description")
        return _Parser().parse(text)

    @property
    def audio(self) -> MediaSection | None:
        """The first audio section that is not rejected, else the first audio section."""
        sections = [section for section in self.media if section.kind == "audio"]
        return next((section for section in sections if not section.rejected), sections[0] if sections else None)

    def connection_of(self, section: MediaSection) -> Connection | None:
        """Where the section's media is wanted: its own ``c=``, else the session's."""
        return section.connection or self.connection

    def direction_of(self, section: MediaSection) -> Direction:
        """The section's direction: its own attribute, else the session's, else sendrecv; the all-zeros address takes
        the wish to receive away (RFC 3264 section 8.4)."""
        direction = _direction(section.attributes) or _direction(self.attributes) or Direction.SENDRECV
        connection = self.connection_of(section)
        if connection is not None and connection.is_unspecified:
            return direction_of(sends=direction.sends, receives=False)
        return direction

    def is_held(self) -> bool:
        """Whether its audio asks the other side to stop sending."""
        return self.audio is not None and not self.direction_of(self.audio).receives

    def with_audio(self, section: MediaSection) -> SessionDescription:
        """A copy in which the audio section is replaced."""
        old = self.audio
        return replace(self, media=tuple(section if item is old else item for item in self.media))

    def format(self) -> str:
        """The description as text in the order of RFC 8866 section 5, each line ended by CRLF."""
        lines = [f"v={self.version}"]
        if self.origin is not None:
            lines.append(f"o={self.origin}")
        lines.append(f"s={self.name}")
        head = [line for line in self.other if line[:1] in _BEFORE_TIMES]
        after = [line for line in self.other if line[:1] not in _BEFORE_TIMES]
        if self.connection is not None:
            head.append(f"c={self.connection}")
        before = sorted(head, key=lambda line: _BEFORE_TIMES.index(line[0]))
        lines += before
        lines += [f"t={value}" for value in self.times]
        lines += after
        lines += [f"a={item}" for item in self.attributes]
        return "".join(line + "\r\n" for line in lines) + "".join(section.format() for section in self.media)

    def __bytes__(self) -> bytes:
        return self.format().encode()


def _direction(attributes: tuple[Attribute, ...]) -> Direction | None:
    words = {item.value: item for item in Direction}
    return next((words[item.name] for item in attributes if item.value is None and item.name in words), None)


def _rtpmap(value: str) -> RtpMap | None:
    head, _, encoding = value.strip().partition(" ")
    name, *numbers = encoding.strip().split("/")
    if not (head.isascii() and head.isdigit() and name and numbers):
        return None
    if not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    channels = int(numbers[1]) if len(numbers) > 1 else 1
    return RtpMap(int(head), name, int(numbers[0]), channels)


class _Parser:
    """One reading of one text."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._media: list[MediaSection] = []
        self._session: dict[str, list[str]] = {}
        self._session_attributes: list[Attribute] = []
        self._session_other: list[str] = []

    def parse(self, text: str) -> SessionDescription:
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
            line = line.strip("\r\0")
            if not line.strip():
                continue
            letter, separator, value = line[:1], line[1:2], line[2:].strip(" \t")
            if separator != "=":
                self._problems.append(f"line {number} is not of the form letter=value: {line[:40]!r}")
            elif letter == "m":
                self._open_media(number, value)
            elif self._media:
                self._media_line(number, letter, value)
            else:
                self._session_line(letter, value)
        if "v" not in self._session and not self._media:
            raise SdpError("it has neither a v= nor an m= line")
        for letter in "vost":
            if letter not in self._session:
                self._problems.append(f"the {letter}= line is missing")
        return SessionDescription(
            origin=self._origin(),
            media=tuple(self._media),
            name=self._first("s", "-"),
            connection=self._connection(self._first("c", "")),
            attributes=tuple(self._session_attributes),
            times=tuple(self._session.get("t", ["0 0"])),
            version=self._first("v", "0"),
            other=tuple(self._session_other),
            problems=tuple(self._problems),
        )

    def _first(self, letter: str, default: str) -> str:
        return self._session.get(letter, [default])[0]

    def _session_line(self, letter: str, value: str) -> None:
        if letter == "a":
            self._session_attributes.append(_attribute(value))
        elif letter in "vosct":
            self._session.setdefault(letter, []).append(value)
        else:
            self._session_other.append(f"{letter}={value}")

    def _open_media(self, number: int, value: str) -> None:
        words = value.split()
        port, _, count = (words[1] if len(words) > 1 else "").partition("/")
        good_port = port.isascii() and port.isdigit() and int(port) < 65536
        if len(words) < 4 or not good_port:
            self._problems.append(f"line {number}: m= needs media, port, protocol and formats: {value[:60]!r}")
        self._media.append(
            MediaSection(
                kind=words[0].lower() if words else "",
                port=int(port) if good_port else 0,
                protocol=words[2] if len(words) > 2 else "",
                formats=tuple(words[3:]),
                port_count=int(count) if count.isascii() and count.isdigit() else 1,
            )
        )

    def _media_line(self, number: int, letter: str, value: str) -> None:
        section = self._media[-1]
        if letter == "a":
            section = replace(section, attributes=(*section.attributes, _attribute(value)))
        elif letter == "c":
            section = replace(section, connection=self._connection(value) or section.connection)
        elif letter == "t" and "t" not in self._session:
            self._problems.append(f"line {number}: t= stands after m=")
            self._session["t"] = [value]
        else:
            section = replace(section, other=(*section.other, f"{letter}={value}"))
        self._media[-1] = section

    def _connection(self, value: str) -> Connection | None:
        if not value:
            return None
        words = value.split()
        if len(words) < 3:
            self._problems.append(f"c= needs network, address type and address: {value[:60]!r}")
            return None
        # A multicast address carries its TTL behind a slash; the address alone is of use here.
        return Connection(address=words[2].partition("/")[0], address_type=words[1])

    def _origin(self) -> Origin | None:
        words = self._first("o", "").split()
        if len(words) < 6:
            if "o" in self._session:
                self._problems.append("o= needs username, session, version, network, address type and address")
            return None
        return Origin(" ".join(words[:-5]), words[-5], words[-4], words[-1], words[-2])


def _attribute(value: str) -> Attribute:
    name, colon, rest = value.partition(":")
    return Attribute(name.strip(), rest.strip() if colon else None)
