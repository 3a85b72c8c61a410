"""A SIP message as it is: start line, headers in order, body (RFC 3261 section 7).

Reading is tolerant, since a device's odd formatting is to be judged and not to be tripped over: folded headers, compact
names, white space before the colon, bare LF and bytes that are no UTF-8 are all read. What a strict parser thinks of
the same bytes is said by :mod:`certsuite.sip.strict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

_FOLD = re.compile(r"\r?\n[ \t]+")
_VERSION = re.compile(r"SIP/\d\.\d", re.IGNORECASE)
_STATUS_LINE = re.compile(r"(SIP/\d\.\d) +(\d{3})(?: (.*))?", re.IGNORECASE)
_QUOTED = r'"(?:\\.|[^"\\])*"'
_QUOTED_NAME = re.compile(r'\s*"((?:\\.|[^"\\])*)"')
_QUOTED_OR_REST = r'"(?:\\.|[^"\\])*(?:"|\\?$)'
"What is never closed reaches to the end: thousands of quotes must not each be looked at to the end and given up."
_NAME_ADDRESS = re.compile(rf"\s*(?:{_QUOTED})?[^<;]*<[^>]*>")
_URI_OF_ADDRESS = re.compile(r"[^<;]*<([^>]*)>|\s*([^\s;<>]+)")
_MOST_DIGITS = 20
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"Compact forms of header names, as IANA lists them (RFC 3261 section 7.3.3 and its extensions)."
_TEL = re.compile(r"^tel:([^;]*)", re.IGNORECASE)
_USER_HOST = re.compile(r"^sips?:(?:([^@;?]*)@)?(\[[^\]]*\]|[^:;?>]*)(?::(\d+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A request or a response."""

    method: str = ""
    "Method of a request; empty in a response."
    uri: str = ""
    "Request-URI of a request."
    status: int = 0
    "Status code of a response; 0 in a request."
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    "(name, value) in the order of the message, names as written."
    body: bytes = b""
    _index: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        for name, value in self.headers:
            self._index.setdefault(canonical(name), []).append(value)

    # --- reading

    @classmethod
    def parse(cls, raw: bytes) -> SipMessage:
        """Read a framed message. Raises :class:`ValueError` with the reason if there is no start line to go by."""
        head, _, body = _split(raw)
        lines = re.split(r"\r?\n", _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")))
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers.append((name.strip(), value.strip()))
        if status_line := _STATUS_LINE.fullmatch(lines[0]):
            return cls(status=int(status_line[2]), reason=status_line[3] or "", headers=tuple(headers), body=body)
        # By hand: a regular expression takes seconds for a line of sixty thousand spaces.
        method, _, rest = lines[0].partition(" ")
        uri, _, version = rest.strip().rpartition(" ")
        if method.split() == [method] and uri and _VERSION.fullmatch(version):
            return cls(method=method, uri=uri.rstrip(), headers=tuple(headers), body=body)
        raise ValueError("neither a request line nor a status line")

    @property
    def is_request(self) -> bool:
        return bool(self.method)

    def get(self, name: str) -> str | None:
        """First value of a header, or ``None``."""
        values = self._index.get(canonical(name))
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """All values of a header, one an occurrence."""
        return list(self._index.get(canonical(name), ()))

    @property
    def call_id(self) -> str:
        return self.get("Call-ID") or ""

    @property
    def cseq(self) -> tuple[int, str]:
        """(number, method) of CSeq; (-1, "") if it cannot be read."""
        parts = (self.get("CSeq") or "").split()
        number = _number(parts[0]) if len(parts) == 2 else None
        return (-1, "") if number is None else (number, parts[1])

    @property
    def branch(self) -> str:
        """Branch of the topmost Via."""
        return parameter(self.get("Via") or "", "branch")

    @property
    def from_tag(self) -> str:
        return tag_of(self.get("From") or "")

    @property
    def to_tag(self) -> str:
        return tag_of(self.get("To") or "")

    @property
    def contact_uri(self) -> str:
        return uri_of(self.get("Contact") or "")

    def registered_contact(self) -> tuple[str, int | None]:
        """(URI, expiry asked for) of the contact that a REGISTER binds: the first that it does not take out.

        A device may name an old contact with an expiry of 0 beside the new one (RFC 3261 section 10.2.2).
        """
        contacts = [part for value in self.all("Contact") for part in split_values(value)]
        header = self.get("Expires")
        found: list[tuple[str, int | None]] = []
        for contact in contacts:
            expiry = _number(parameter(_after_uri(contact), "expires") or header or "")
            found.append((uri_of(contact), expiry))
        return next((one for one in found if one[1] != 0), found[0] if found else ("", _number(header or "")))

    @property
    def expires(self) -> int | None:
        """Seconds asked for or granted: the Contact's parameter, else the header."""
        for value in (parameter(_after_uri(self.get("Contact") or ""), "expires"), self.get("Expires")):
            number = _number(value or "")
            if number is not None:
                return number
        return None

    @property
    def user_agent(self) -> str:
        """``User-Agent`` of a request, ``Server`` or ``User-Agent`` of a response."""
        return self.get("User-Agent") or (self.get("Server") or "" if not self.is_request else "")

    @property
    def has_sdp(self) -> bool:
        return bool(self.body) and "application/sdp" in (self.get("Content-Type") or "").lower()

    # --- writing

    def with_headers(self, headers: Iterable[tuple[str, str]]) -> SipMessage:
        """The same message with these headers at the end."""
        return replace(self, headers=(*self.headers, *headers))

    def to_bytes(self, *, compact: bool = False) -> bytes:
        """The message on the wire, Content-Length set. ``compact`` writes ``Name:value`` as BroadWorks does."""
        start = f"{self.method} {self.uri} SIP/2.0" if self.is_request else f"SIP/2.0 {self.status} {self.reason}"
        colon = ":" if compact else ": "
        lines = [start]
        lines += [f"{name}{colon}{value}" for name, value in self.headers if canonical(name) != "content-length"]
        lines.append(f"Content-Length{colon}{len(self.body)}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("utf-8", "surrogateescape") + self.body


@lru_cache(maxsize=131_072)
def read(raw: bytes) -> SipMessage | None:
    """The message in ``raw``, or ``None`` if it has no start line.

    Kept, at 4 kB each, since checks read the same bytes often: all that a gateway of a hundred lines says in a run.
    With room for fewer, each look at the whole record would read them all again.
    """
    try:
        return SipMessage.parse(raw)
    except ValueError:
        return None


@lru_cache(maxsize=512)
def canonical(name: str) -> str:
    """A header's long name in lower case."""
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def parameter(value: str, name: str) -> str:
    """Value of ``;name=value`` in a header value; empty if it is not there."""
    # What stands in the quotes of another parameter, or of a display name, is passed over.
    pattern = rf"{_QUOTED_OR_REST}|(;\s*{re.escape(name)}\s*=\s*(?:\"((?:\\.|[^\"\\])*)\"|([^;,\s>]*)))"
    for match in re.finditer(pattern, value, re.IGNORECASE):
        if match[1]:
            return match[2] or match[3] or ""
    return ""


def split_values(value: str) -> list[str]:
    """The values of a comma-separated header: a comma in quotes or within angle brackets separates nothing."""
    values, begun = [], 0
    quoted = bracketed = escaped = False
    for place, sign in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = sign == "\\"
            quoted = sign != '"'
        elif sign == '"':
            quoted = True
        elif sign in "<>":
            bracketed = sign == "<"
        elif sign == "," and not bracketed:
            values.append(value[begun:place].strip())
            begun = place + 1
    return [*values, value[begun:].strip()]


def uri_of(address: str) -> str:
    """The URI of a name-addr or addr-spec."""
    match = _URI_OF_ADDRESS.match(re.sub(rf"^\s*{_QUOTED}", "", address))
    return (match[1] or match[2] or "") if match else ""


def display_name(address: str) -> str:
    """The name in front of the URI of a name-addr, as it is meant: without its quotes and escapes."""
    if quoted := _QUOTED_NAME.match(address):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    name, bracket, _ = address.partition("<")
    return " ".join(name.split()) if bracket else ""


def user_host(uri: str) -> tuple[str, str, int | None]:
    """(user, host, port) of a SIP URI; empty and ``None`` where absent. The user of a tel URI is its number."""
    if tel := _TEL.match(uri.strip()):
        return tel[1], "", None
    match = _USER_HOST.match(uri.strip())
    if not match:
        return "", "", None
    return match[1] or "", match[2].strip("[]"), _number(match[3] or "")


def unescaped(text: str) -> str:
    """What stands escaped in a URI as it is meant (RFC 3261 section 25.1), sign by sign."""
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text)


def _number(text: str) -> int | None:
    """Decimal digits as a number; ``None`` of anything else, and of more digits than any field of SIP has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def tag_of(address: str) -> str:
    """The tag of a From or To value; empty if it has none."""
    return parameter(_after_uri(address), "tag")


def _after_uri(value: str) -> str:
    """What follows the URI: the header's own parameters, not the URI's."""
    match = _NAME_ADDRESS.match(value)
    return value[match.end() :] if match else value


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", raw)
    return (raw[: match.start()], match.group(), raw[match.end() :]) if match else (raw, b"", b"")
