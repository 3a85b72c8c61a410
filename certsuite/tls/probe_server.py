"""The server of a root probe without I/O: it asks in one mode with one chain, and tells what the client did next.

Bytes of the socket and the time go in, events and bytes for the socket come out, as of the edges' own engine. What the
client *did next* is the whole result: an alert by its number, a message by which it goes on, a closed connection, or
silence until the patience is over. Nothing is concluded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography import x509

from certsuite.core.events import ClientHelloSeen, TlsAlert, TlsEstablished, TlsFailed
from certsuite.core.observations import IN, OUT
from certsuite.tls.alerts import CLOSE_NOTIFY, WARNING, alert_name
from certsuite.tls.client_hello import ClientHelloReader, NotTls, parse_client_hello
from certsuite.tls.pki import Presentation
from certsuite.tls.probe_chains import Mode, ServedChain, Technique
from certsuite.tls.probe_flight import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_KEY_EXCHANGE,
    FINISHED,
    HANDSHAKE,
    Flight13,
    HelloDetails,
    NotOffered,
    alert_record,
    flight12,
)
from certsuite.tls.server import (
    AlertSeen,
    ApplicationData,
    PeerClosed,
    SecretLine,
    TlsBehaviour,
    TlsEvent,
    TlsServer,
)

PATIENCE_S = 5.0
"Seconds after the server's flight that count as silence, unless told otherwise."

_INPUT_LIMIT = 1 << 18
"Bytes of a client that are looked at before it has answered."
_RECORD_LIMIT = (1 << 14) + 2048
_HANDSHAKE_FAILURE, _INTERNAL_ERROR = 40, 80
_ANY_CIPHER = "ALL:!aNULL:!eNULL:@SECLEVEL=0"
_HELLO, _CERTIFICATE_OF_CLIENT = 1, 11


class AnswerKind(StrEnum):
    """What a client did after it had seen the chain."""

    ALERT = "alert"
    CLOSED = "closed"
    "It ended the connection, and said nothing."
    KEY_EXCHANGE = "client-key-exchange"
    "It goes on, by the message that follows the server's flight in TLS 1.2."
    FINISHED = "finished"
    "It goes on, by the message that follows the server's flight in TLS 1.3."
    APPLICATION_DATA = "application-data"
    "It speaks its own protocol: the chain was good enough."
    SILENCE = "silence"
    "Nothing came before the patience was over."
    NOT_OFFERED = "not-offered"
    "It cannot be asked in this mode: version, suite or algorithm is not among what it offers."
    NOT_TLS = "not-tls"
    UNREADABLE = "unreadable"
    "What it sent cannot be understood."
    NO_HELLO = "no-hello"
    "It connected, and neither spoke nor stayed."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client did. Answers are equal if kind, alert and place in the handshake are."""

    kind: AnswerKind
    alert: int | None = None
    "The alert's number, of an alert."
    established: bool = False
    "Whether it came only after the handshake was complete."

    def __str__(self) -> str:
        text = str(self.kind)
        if self.alert is not None:
            text = f"alert {self.alert} ({alert_name(self.alert)})"
        return f"{text} after the handshake" if self.established else text

    @property
    def says_something(self) -> bool:
        """Whether the client was asked at all, and did something that can be told from something else."""
        return self.kind not in (
            AnswerKind.NOT_OFFERED,
            AnswerKind.NOT_TLS,
            AnswerKind.UNREADABLE,
            AnswerKind.NO_HELLO,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """The client has answered."""

    answer: Answer
    after_s: float | None
    "Seconds after the server's flight; None if it answered without one."
    detail: str = ""


ProbeEvent = TlsEvent | Answered


class ProbeEngine(Protocol):
    """One connection of a probe."""

    @property
    def outcome(self) -> Answered | None:
        """What the client did next, once it is known: the connection may then be closed."""

    @property
    def deadline(self) -> float | None:
        """When silence is an answer; None before the flight, and after the answer."""

    def receive(self, data: bytes, now: float) -> list[ProbeEvent]:
        """Take bytes of the socket."""

    def eof(self, now: float) -> list[ProbeEvent]:
        """The client closed the connection, in order or not."""

    def tick(self, now: float) -> list[ProbeEvent]:
        """Time has passed."""

    def close(self) -> list[ProbeEvent]:
        """The connection is given up from this side."""

    def output(self) -> bytes:
        """What is to be written to the socket now."""


def probe_engine(mode: Mode, chain: ServedChain, *, patience_s: float = PATIENCE_S) -> ProbeEngine:
    """The engine that asks in ``mode`` with ``chain``. Raises :class:`ValueError` if a spoofed chain lacks its key."""
    if mode.technique is Technique.SPOOF:
        return SpoofProbe(mode, chain, patience_s=patience_s)
    return ChainProbe(mode, chain, patience_s=patience_s)


class _Probe:
    """What both engines have: events, the answer, and the time since the flight."""

    def __init__(self, mode: Mode, patience_s: float) -> None:
        self.mode = mode
        self.outcome: Answered | None = None
        self._patience_s = patience_s
        self._flight_at: float | None = None
        self._events: list[ProbeEvent] = []
        self._saw_hello = False

    @property
    def deadline(self) -> float | None:
        if self.outcome is not None or self._flight_at is None:
            return None
        return self._flight_at + self._patience_s

    def _answered(self, answer: Answer, now: float, detail: str = "") -> None:
        if self.outcome is None:
            after = None if self._flight_at is None else now - self._flight_at
            self.outcome = Answered(answer, after, detail)
            self._events.append(self.outcome)

    def _drain(self) -> list[ProbeEvent]:
        events = self._events.copy()
        self._events.clear()
        return events


class ChainProbe(_Probe):
    """Serves a chain without its key: everything but spoofing."""

    def __init__(self, mode: Mode, chain: ServedChain, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__(mode, patience_s)
        self._chain = chain
        self._stop = mode.technique is Technique.PAUSE
        self._reader = ClientHelloReader()
        self._flight13 = (
            Flight13(chain.certificates, chain.leaf_public_key, stop_after_certificate=self._stop)
            if mode.version == "TLSv1.3"
            else None
        )
        self._out = bytearray()
        self._in = bytearray()
        self._taken = 0
        self._alert = bytearray()
        self._handshake = bytearray()
        self._warning: int | None = None

    def receive(self, data: bytes, now: float) -> list[ProbeEvent]:
        """Take bytes of the socket; gives what they brought about, in order."""
        if self.outcome is None:
            self._taken += len(data)
            try:
                if not self._reader.done:
                    self._first_hello(data, now)
                else:
                    self._in += data
                    self._records(now)
                if self._taken > _INPUT_LIMIT:
                    raise ValueError(f"more than {_INPUT_LIMIT} bytes and no answer")
            except NotOffered as error:
                self._out += alert_record(_HANDSHAKE_FAILURE)
                self._answered(Answer(AnswerKind.NOT_OFFERED), now, str(error))
            except ValueError as error:
                self._answered(Answer(AnswerKind.UNREADABLE), now, str(error))
        return self._drain()

    def eof(self, now: float) -> list[ProbeEvent]:
        """The client closed the connection, in order or not."""
        if self._warning is not None:
            self._answered(Answer(AnswerKind.ALERT, self._warning), now)
        elif self._flight_at is None:
            self._answered(Answer(AnswerKind.NO_HELLO), now)
        self._answered(Answer(AnswerKind.CLOSED), now)
        return self._drain()

    def tick(self, now: float) -> list[ProbeEvent]:
        """Time has passed: silence is an answer once the patience is over."""
        if self.deadline is not None and now >= self.deadline:
            warned = self._warning is not None
            self._answered(Answer(AnswerKind.ALERT, self._warning) if warned else Answer(AnswerKind.SILENCE), now)
        return self._drain()

    def close(self) -> list[ProbeEvent]:
        """The connection is given up from this side; a client that waits is told so."""
        if self._flight_at is not None and self._flight13 is None:
            self._out += alert_record(_INTERNAL_ERROR)
        return self._drain()

    def output(self) -> bytes:
        """What is to be written to the socket now."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def _first_hello(self, data: bytes, now: float) -> None:
        seen = self._reader.feed(data)
        if isinstance(seen, NotTls):
            self._events.append(seen)
            self._answered(Answer(AnswerKind.NOT_TLS), now)
        elif seen is not None:
            self._hello(seen, now)

    def _hello(self, seen: ClientHelloSeen, now: float) -> None:
        self._events.append(seen)
        hello = HelloDetails.of(seen)
        if self._flight13 is None:
            self._out += flight12(
                hello,
                self._chain.certificates,
                self._chain.leaf_public_key,
                static_rsa=self.mode.technique is Technique.STATIC_RSA,
                stop_after_certificate=self._stop,
            )
        else:
            self._out += self._flight13.answer(hello)
            random = hello.raw[6:38].hex()
            for label, secret in self._flight13.secrets:
                self._events.append(SecretLine(f"{label} {random} {secret.hex()}"))
            if not self._flight13.secrets:
                return
        self._flight_at = now

    def _records(self, now: float) -> None:
        while self.outcome is None and len(self._in) >= 5:
            header = bytes(self._in[:5])
            kind, length = header[0], int.from_bytes(header[3:5], "big")
            if not CHANGE_CIPHER_SPEC <= kind <= APPLICATION_DATA or header[1] != 3 or length > _RECORD_LIMIT:
                raise ValueError(f"no TLS record: {header.hex()}")
            if len(self._in) < 5 + length:
                return
            payload = bytes(self._in[5 : 5 + length])
            del self._in[: 5 + length]
            if kind == APPLICATION_DATA and self._flight13 is not None:
                kind, payload = self._flight13.unprotect(header, payload)
            self._content(kind, payload, now)

    def _content(self, kind: int, payload: bytes, now: float) -> None:
        if kind == ALERT:
            self._alert += payload
            while len(self._alert) >= 2 and self.outcome is None:
                level, description = self._alert[:2]
                del self._alert[:2]
                self._alerted(level, description, now)
        elif kind == HANDSHAKE:
            self._handshake += payload
            self._messages(now)
        elif kind == APPLICATION_DATA:
            self._events.append(ApplicationData(payload))
            self._answered(Answer(AnswerKind.APPLICATION_DATA), now)

    def _alerted(self, level: int, description: int, now: float) -> None:
        self._events.append(AlertSeen(TlsAlert(level, description, alert_name(description)), IN))
        if level == WARNING and description != CLOSE_NOTIFY and self._flight13 is None:
            # It does not end a handshake by itself (RFC 5246 section 7.2): what comes next counts, if anything does.
            self._warning = description
        else:
            self._answered(Answer(AnswerKind.ALERT, description), now)

    def _messages(self, now: float) -> None:
        while self.outcome is None and len(self._handshake) >= 4:
            length = 4 + int.from_bytes(self._handshake[1:4], "big")
            if length > _RECORD_LIMIT * 4:
                raise ValueError(f"a handshake message of {length} bytes")
            if len(self._handshake) < length:
                return
            message = bytes(self._handshake[:length])
            del self._handshake[:length]
            if message[0] == _HELLO and self._flight_at is None:
                self._hello(parse_client_hello(message), now)
            elif message[0] == CLIENT_KEY_EXCHANGE and self._flight13 is None:
                self._answered(Answer(AnswerKind.KEY_EXCHANGE), now)
            elif message[0] == FINISHED and self._flight13 is not None:
                self._answered(Answer(AnswerKind.FINISHED), now)
            elif message[0] != _CERTIFICATE_OF_CLIENT:
                raise ValueError(f"handshake message {message[0]} where none of its kind is due")


class SpoofProbe(_Probe):
    """Carries a handshake through with a spoofed chain, whose leaf's key is our own. Made of the edges' engine."""

    def __init__(self, mode: Mode, chain: ServedChain, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__(mode, patience_s)
        if chain.leaf_key is None:
            raise ValueError("a spoofed chain needs the key of its leaf")
        certificates = tuple(x509.load_der_x509_certificate(one) for one in chain.certificates)
        # A presentation for each connection is a context for each: no session can be resumed past the certificate.
        presentation = Presentation(f"spoof-{chain.role}", certificates, chain.leaf_key, "under a spoofed root", "root")
        self._server = TlsServer(TlsBehaviour(presentation, versions=(mode.version,), ciphers=_ANY_CIPHER))
        self._established = False
        self._refused = ""

    def receive(self, data: bytes, now: float) -> list[ProbeEvent]:
        """Take bytes of the socket; gives what they brought about, in order."""
        if self.outcome is None:
            self._take(self._server.receive(data), now)
            if self._flight_at is None and self._saw_hello and self.outcome is None:
                self._flight_at = now
        return self._drain()

    def eof(self, now: float) -> list[ProbeEvent]:
        """The client closed the connection, in order or not."""
        if self._flight_at is None:
            self._answered(Answer(AnswerKind.NO_HELLO), now)
        self._answered(Answer(AnswerKind.CLOSED, established=self._established), now)
        return self._drain()

    def tick(self, now: float) -> list[ProbeEvent]:
        """Time has passed: silence is an answer once the patience is over."""
        if self.deadline is not None and now >= self.deadline:
            self._answered(Answer(AnswerKind.SILENCE, established=self._established), now)
        return self._drain()

    def close(self) -> list[ProbeEvent]:
        """The connection is given up from this side."""
        self._events += self._server.close()
        return self._drain()

    def output(self) -> bytes:
        """What is to be written to the socket now."""
        return self._server.output()

    def _take(self, events: list[TlsEvent], now: float) -> None:
        for event in events:
            self._events.append(event)
            if isinstance(event, ClientHelloSeen):
                self._saw_hello = True
            elif isinstance(event, TlsEstablished):
                self._established = True
            elif isinstance(event, AlertSeen) and event.direction == OUT:
                self._refused = event.alert.name
            elif isinstance(event, AlertSeen):
                alert = event.alert.description
                self._answered(Answer(AnswerKind.ALERT, alert, established=self._established), now)
            elif isinstance(event, ApplicationData):
                self._answered(Answer(AnswerKind.APPLICATION_DATA, established=True), now)
            elif isinstance(event, PeerClosed):
                self._answered(Answer(AnswerKind.ALERT, CLOSE_NOTIFY, established=self._established), now)
            elif isinstance(event, NotTls):
                self._answered(Answer(AnswerKind.NOT_TLS), now)
            elif isinstance(event, TlsFailed):
                before = self._flight_at is None and self._saw_hello
                kind = AnswerKind.NOT_OFFERED if before and self._refused else AnswerKind.UNREADABLE
                self._answered(Answer(kind), now, event.reason)
