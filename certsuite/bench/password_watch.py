"""Looks for the passwords of the run in everything that the device sends, before it goes to the record.

One that is found is masked there, and that it stood there is recorded: the record has none to look for afterwards.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote

from certsuite.core.capture import Capture, Datagram, Endpoint
from certsuite.core.events import (
    Cleartext,
    Event,
    HttpRequest,
    OutsideMessage,
    PasswordSeen,
    PasswordsWatched,
    SipGarbage,
    SipMessageSeen,
)
from certsuite.core.journal import Journal
from certsuite.core.observations import Observation
from certsuite.core.redaction import Secret
from certsuite.devices.drivers.output import spellings
from certsuite.sip.message import read

_SHORTEST = 8
"Characters of a password that is looked for: a shorter one may stand anywhere by chance, and meets no policy."


class PasswordWatch:
    """Looks at each event of the journal; what a device prints is looked at by its driver."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._forms: list[bytes] = []
        "The longest first, so that no part of one is left."
        self._found: PasswordSeen | None = None
        self._told: set[tuple[int | None, PasswordSeen]] = set()

    def start(self) -> None:
        """Look at everything from now on."""
        self._journal.mask_by(self._masked)
        self._journal.record(PasswordsWatched(("SIP", "User-Agent", "cleartext", "HTTP", "log")))
        self._journal.subscribe(self._observed)

    def look_for(self, user: str, password: Secret) -> None:
        """Look for this one as well: as it is, escaped, and as HTTP's Basic authentication writes it."""
        text = password.reveal()
        if len(text) < _SHORTEST:
            return
        forms = {one.reveal().encode() for one in spellings([password])} | {quote(text, safe="").encode()}
        forms.add(b64encode(f"{user}:{text}".encode()))
        self._forms = sorted({*self._forms, *forms}, key=len, reverse=True)

    def masked(self, data: bytes) -> bytes:
        """The same bytes, each character of a password in them a ``*``."""
        return self._starred(data) if self._is_in(data) else data

    def _masked(self, event: Event) -> Event:
        match event:
            case SipMessageSeen(raw=data) if self._is_in(data):
                self._found = self._in_message(data)
                return replace(event, raw=self._starred(data))
            case SipGarbage(data=data) | Cleartext(data=data) if self._is_in(data):
                self._found = PasswordSeen("cleartext", "what is no SIP over TLS")
                return replace(event, data=self._starred(data))
            case OutsideMessage(raw=data) if self._is_in(data):
                self._found = PasswordSeen("cleartext", "an answer to someone who is no server of the device's")
                return replace(event, raw=self._starred(data))
            case HttpRequest(target=target) if self._is_in(_bytes(target)):
                self._found = PasswordSeen("HTTP", "the address that is asked for")
                return replace(event, target=self._starred(_bytes(target)).decode("utf-8", "replace"))
        return event

    def _observed(self, observation: Observation) -> None:
        """Tell of what was found in it, once for each line and place: a device that does so does it each time."""
        found, self._found = self._found, None
        if found is not None and (observation.line, found) not in self._told:
            self._told.add((observation.line, found))
            self._journal.record(found, line=observation.line, flow=observation.flow, frame=observation.frame)

    def _in_message(self, data: bytes) -> PasswordSeen:
        message = read(data)
        if message is None:
            return PasswordSeen("SIP", "a message that cannot be read")
        name = message.method if message.is_request else f"a response to {message.cseq[1]}"
        if self._is_in(_bytes(message.user_agent)):
            return PasswordSeen("User-Agent", name)
        headers = [key for key, value in message.headers if self._is_in(_bytes(value))]
        return PasswordSeen("SIP", f"{name}, {', '.join(dict.fromkeys(headers)) or 'its body'}")

    def _is_in(self, data: bytes) -> bool:
        # One by one, at the speed of memory: of a hundred lines that is a tenth of a millisecond.
        return any(form in data for form in self._forms)

    def _starred(self, data: bytes) -> bytes:
        """Of the same length, so that what is said of lengths stays true."""
        for form in self._forms:
            data = data.replace(form, b"*" * len(form))
        return data


class WatchedCapture:
    """A :class:`Capture` in which a password is masked as it is in the record."""

    def __init__(self, capture: Capture, watch: PasswordWatch, *, keeps_secrets: bool) -> None:
        """``keeps_secrets``: whether TLS can be decrypted by it, and with that what a device ought not to have sent."""
        self._capture = capture
        self._watch = watch
        self._keeps_secrets = keeps_secrets

    def tcp_opened(self, flow: str, device: Endpoint, bench: Endpoint, t_ns: int) -> None:
        self._capture.tcp_opened(flow, device, bench, t_ns)

    def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        return self._capture.tcp(flow, from_device=from_device, data=self._watch.masked(data), t_ns=t_ns)

    def tcp_closed(self, flow: str, *, by_device: bool, reset: bool, t_ns: int) -> None:
        self._capture.tcp_closed(flow, by_device=by_device, reset=reset, t_ns=t_ns)

    def tls_secret(self, line: str) -> None:
        if self._keeps_secrets:
            self._capture.tls_secret(line)

    def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        return self._capture.sip(flow, from_device=from_device, data=self._watch.masked(data), t_ns=t_ns)

    def udp(self, *datagrams: Datagram) -> int:
        masked = self._watch.masked
        return self._capture.udp(
            *((source, destination, masked(data), t_ns) for source, destination, data, t_ns in datagrams)
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
