"""The server's side of TLS without I/O: bytes of the socket in, events and bytes for the socket out.

It runs on OpenSSL over memory BIOs, so that alerts are known by number, the ClientHello by its bytes, and the secrets
of each connection can go into the capture.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from certsuite.core.events import ClientHelloSeen, ClientKeyExchangeSeen, TlsAlert, TlsEstablished, TlsFailed
from certsuite.core.observations import IN, OUT
from certsuite.tls.alerts import alert_name
from certsuite.tls.client_hello import ClientHelloReader, NotTls
from certsuite.tls.first_flight import FirstFlight, StopAfter
from certsuite.tls.lowered_hello import LoweredRecords, lowered_hello
from certsuite.tls.pki import Presentation
from certsuite.tls.policies import LOWEST_SECURITY, WEBEX_SERVICES, cipher_policy, cipher_string
from certsuite.tls.suites import suite_name_of_openssl
from certsuite.tls.versions import VERSION_NUMBERS

_CHUNK = 65_536
"Bytes that pass through OpenSSL at a time: what its buffers can grow to."

_CERTIFICATE_SHOWN, _KEY_EXCHANGE_CAME = b"SSLv3/TLS write certificate", b"SSLv3/TLS read client key exchange"
"Steps of a handshake in OpenSSL's words, which are the same for every version."

_OFF = {
    "TLSv1": SSL.OP_NO_TLSv1,
    "TLSv1.1": SSL.OP_NO_TLSv1_1,
    "TLSv1.2": SSL.OP_NO_TLSv1_2,
    "TLSv1.3": SSL.OP_NO_TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class TlsBehaviour:
    """How an edge behaves in a handshake."""

    presentation: Presentation
    versions: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    "What it accepts, of TLSv1 TLSv1.1 TLSv1.2 TLSv1.3."
    ciphers: str | None = None
    "OpenSSL's cipher list for TLS 1.2 and older, IANA names allowed; without it, what Webex publishes."
    asks_for_certificate: bool = False
    "Whether the device is asked for a certificate; none is needed, and one that comes is not judged."
    stop_after: StopAfter | None = None
    "Where in the handshake it closes the connection."
    stalls: bool = False
    "Whether it keeps the connection there and says nothing more, rather than closing it."
    fragment: int | None = None
    "Bytes of a handshake record at most, as long as nothing is encrypted: in TLS 1.3, the ServerHello's only."
    spread_s: float = 0.0
    "Seconds over which what it says in the handshake is sent, in pieces. That is done by whoever writes to the socket."
    hears_at_most: str | None = None
    """What it takes for the highest version of each ClientHello: as if someone on the path had taken those above out of
    it. Such a handshake cannot be completed, unless the device offered nothing newer."""
    forgets_sessions: bool = False
    "Whether it does not know the sessions that were made before it began to behave so."

    def __post_init__(self) -> None:
        unknown = [version for version in self.versions if version not in _OFF]
        if unknown or not self.versions:
            raise ValueError(f"versions must be some of {', '.join(_OFF)}, not {self.versions!r}")
        if self.fragment is not None and self.fragment < 1:
            raise ValueError(f"a record holds at least one byte, not {self.fragment}")
        if self.stalls and self.stop_after is not StopAfter.SERVER_HELLO:
            raise ValueError("it can stall after the ServerHello alone, which stop_after must say")

    @property
    def manner(self) -> str:
        """In words, what is unusual about its handshakes; empty if nothing is."""
        stop = "stalls" if self.stalls else "stops"
        traits = {
            f"{stop} after the {self.stop_after}": self.stop_after is not None,
            f"records of {self.fragment} bytes": self.fragment is not None,
            f"sent over {self.spread_s:g} s": self.spread_s > 0,
            f"answers as to a ClientHello for {self.hears_at_most} at most": self.hears_at_most is not None,
            "has forgotten its sessions": self.forgets_sessions,
        }
        return ", ".join(words for words, applies in traits.items() if applies)


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """An alert was received (``in``) or sent (``out``)."""

    alert: TlsAlert
    direction: str


@dataclass(frozen=True, slots=True)
class ApplicationData:
    """Plaintext from the device."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A line of an NSS key log."""

    text: str


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """The device ended its side of TLS in order, by close_notify."""


TlsEvent = (
    ClientHelloSeen
    | ClientKeyExchangeSeen
    | NotTls
    | AlertSeen
    | TlsEstablished
    | TlsFailed
    | ApplicationData
    | SecretLine
    | PeerClosed
)


class _State(Enum):
    START = auto()
    "Nothing that tells TLS from cleartext has come."
    HANDSHAKE = auto()
    ESTABLISHED = auto()
    ENDED = auto()
    "Failed, or closed by either side: what still comes is thrown away."
    NOT_TLS = auto()


@dataclass(slots=True)
class _Told:
    """What OpenSSL's callbacks tell of one connection."""

    events: list[TlsEvent]
    of_key_exchange: bool
    "Whether it is an event that the device goes on after the server's flight."
    certificate_shown: bool = False


class TlsServer:
    """One connection. Nothing blocks; after each call :meth:`output` has what is to be written to the socket."""

    def __init__(self, behaviour: TlsBehaviour) -> None:
        """Raises :class:`ValueError` if OpenSSL knows no cipher of ``behaviour``'s list."""
        self.behaviour = behaviour
        self._state = _State.START
        self._events: list[TlsEvent] = []
        self._hello = ClientHelloReader()
        self._hello_problem = ""
        shaped = behaviour.stop_after is not None or behaviour.fragment is not None
        self._flight = FirstFlight(fragment=behaviour.fragment, stop_after=behaviour.stop_after) if shaped else None
        self._shaped = bytearray()
        self._held = bytearray()
        self._lowered = LoweredRecords(behaviour.hears_at_most) if behaviour.hears_at_most else None
        self._connection = SSL.Connection(_context(behaviour), None)
        # The context's callbacks find this through the connection; the engine itself would make a cycle.
        self._told = _Told(self._events, of_key_exchange=behaviour.hears_at_most is not None)
        self._connection.set_app_data(self._told)
        self._connection.set_accept_state()

    @property
    def established(self) -> bool:
        """Whether plaintext can be sent."""
        return self._state is _State.ESTABLISHED

    @property
    def certificate(self) -> bytes:
        """What the device presented of itself, in DER; empty if nothing, or if it was not asked."""
        presented = self._connection.get_peer_certificate(as_cryptography=True)
        return presented.public_bytes(Encoding.DER) if presented else b""

    def receive(self, data: bytes) -> list[TlsEvent]:
        """Take bytes of the socket; gives what they brought about, in order."""
        for start in range(0, len(data), _CHUNK):
            self._take(data[start : start + _CHUNK])
        return self._drain()

    def eof(self) -> list[TlsEvent]:
        """The device closed the connection. Within the handshake that is a failure; later it is not TLS's affair."""
        if self._state is _State.HANDSHAKE:
            self._events.append(TlsFailed("the device closed the connection within the handshake"))
        if self._state is not _State.NOT_TLS:
            self._state = _State.ENDED
        return self._drain()

    def send(self, plaintext: bytes) -> list[TlsEvent]:
        """Encrypt ``plaintext``. Nothing is sent on a connection that has ended.

        Raises :class:`ValueError` before the handshake is complete.
        """
        if self._state in (_State.START, _State.HANDSHAKE, _State.NOT_TLS):
            raise ValueError("plaintext can be sent only once the handshake is complete")
        if self._state is _State.ESTABLISHED and plaintext:
            try:
                self._connection.sendall(plaintext)
            except SSL.Error as error:
                self._fail(error)
        return self._drain()

    def close(self) -> list[TlsEvent]:
        """Send close_notify, if there is a session to close."""
        if self._state is _State.ESTABLISHED:
            self._shutdown()
        if self._state is not _State.NOT_TLS:
            self._state = _State.ENDED
        return self._drain()

    def output(self) -> bytes:
        """What is to be written to the socket now."""
        self._shape()
        shaped = bytes(self._shaped)
        self._shaped.clear()
        return shaped if self._flight else self._written()

    def _written(self) -> bytes:
        """What OpenSSL has written."""
        chunks = []
        while True:
            try:
                chunks.append(self._connection.bio_read(_CHUNK))
            except SSL.WantReadError:
                return b"".join(chunks)

    def _take(self, data: bytes) -> None:
        if self._state is _State.NOT_TLS:
            self._events.append(NotTls(data))
            return
        if self._state is _State.ENDED:
            return
        seen = None
        if not self._hello.done:
            try:
                seen = self._hello.feed(data)
            except ValueError as error:
                # OpenSSL judges the same bytes below, and answers with the alert that is due.
                self._hello_problem = f" (the ClientHello: {error})"
            if isinstance(seen, NotTls):
                self._state = _State.NOT_TLS
            if seen is not None:
                self._events.append(seen)
            if self._state is _State.NOT_TLS:
                return
            self._state = _State.HANDSHAKE
            if self._hello.done and self.behaviour.stop_after is StopAfter.CLIENT_HELLO:
                self._stop()
                return
        data = self._as_heard(data, seen)
        if not data:
            return
        self._connection.bio_write(data)
        self._advance()
        self._shape()
        stopped = self._flight is not None and self._flight.stopped and not self.behaviour.stalls
        if stopped and self._state is _State.HANDSHAKE:
            self._stop()

    def _as_heard(self, data: bytes, hello: ClientHelloSeen | NotTls | None) -> bytes:
        """What OpenSSL gets in place of the device's bytes; ``hello`` is what has just been read of them."""
        if self._lowered is None:
            return data
        if isinstance(hello, ClientHelloSeen):
            return lowered_hello(hello.raw, self._lowered.version)
        if self._hello_problem or not self._hello.done:
            # One that cannot be read is OpenSSL's to judge, as it came.
            self._held += data
            return self._let_go() if self._hello_problem else b""
        return self._lowered.take(data)

    def _let_go(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held

    def _stop(self) -> None:
        self._state = _State.ENDED
        stop = f"the edge stops after the {self.behaviour.stop_after}, as it is told to"
        self._events.append(TlsFailed(stop + self._hello_problem))

    def _shape(self) -> None:
        if self._flight:
            self._shaped += self._flight.take(self._written())

    def _advance(self) -> None:
        try:
            if self._state is _State.HANDSHAKE:
                self._connection.do_handshake()
                self._state = _State.ESTABLISHED
                self._events.append(
                    TlsEstablished(
                        version=self._connection.get_protocol_version_name(),
                        cipher=suite_name_of_openssl(self._connection.get_cipher_name() or ""),
                        resumed=not self._told.certificate_shown,
                    )
                )
            while True:
                self._events.append(ApplicationData(self._connection.recv(_CHUNK)))
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self._events.append(PeerClosed())
            # The answer to close_notify is close_notify (RFC 5246 section 7.2.1).
            self._shutdown()
            self._state = _State.ENDED
        except SSL.Error as error:
            self._fail(error)

    def _shutdown(self) -> None:
        try:
            self._connection.shutdown()
        except SSL.Error as error:
            self._fail(error)

    def _fail(self, error: SSL.Error) -> None:
        self._state = _State.ENDED
        self._events.append(TlsFailed(_reason(error) + self._hello_problem))

    def _drain(self) -> list[TlsEvent]:
        events = self._events.copy()
        self._events.clear()
        return events


def _reason(error: SSL.Error) -> str:
    """OpenSSL's words: the reasons of its error queue, or what a system error says."""
    if isinstance(error, SSL.SysCallError):
        return str(error.args[-1])
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(reason for _, _, reason in queue if reason) or "TLS failed without a reason"


def _on_info(connection: SSL.Connection, where: int, value: int) -> None:
    told: _Told = connection.get_app_data()
    if where & SSL.SSL_CB_ALERT:
        direction = IN if where & SSL.SSL_CB_READ else OUT
        level, description = value >> 8, value & 0xFF
        told.events.append(AlertSeen(TlsAlert(level, description, alert_name(description)), direction))
    elif where == SSL.SSL_CB_ACCEPT_LOOP:
        step = connection.get_state_string()
        if step == _CERTIFICATE_SHOWN:
            told.certificate_shown = True
        elif step == _KEY_EXCHANGE_CAME and told.of_key_exchange:
            told.events.append(ClientKeyExchangeSeen())


def _on_status_request(connection: SSL.Connection, staple: bytes | None) -> bytes:
    """The OCSP answer for a client that asks for one (RFC 6066 section 8)."""
    return staple or b""


def _on_secret(connection: SSL.Connection, line: bytes) -> None:
    told: _Told = connection.get_app_data()
    told.events.append(SecretLine(line.decode("ascii")))


def _take_any_certificate(*_: object) -> bool:
    return True


@lru_cache(maxsize=256)
def _context(behaviour: TlsBehaviour) -> SSL.Context:
    """One context for each behaviour: it cannot be changed once used.

    Its session tickets are its own, so a device that resumes a session resumes what it has verified: another
    presentation is another context, whose certificate it must look at.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    offered = [VERSION_NUMBERS[version] for version in behaviour.versions]
    context.set_min_proto_version(min(offered))
    context.set_max_proto_version(max(offered))
    options = SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION
    for version, off in _OFF.items():
        if version not in behaviour.versions:
            options |= off
    context.set_options(options)
    presentation = behaviour.presentation
    ciphers = behaviour.ciphers
    if ciphers is None:
        ciphers = cipher_string(behaviour.versions, ecdsa=presentation.ecdsa)
    if presentation.weak:
        ciphers = f"{ciphers}:{LOWEST_SECURITY}"
    try:
        context.set_cipher_list(ciphers.encode("ascii"))
    except SSL.Error as error:
        raise ValueError(f"OpenSSL takes no cipher of {ciphers!r}: {_reason(error)}") from error
    context.set_tls13_ciphersuites(":".join(cipher_policy(WEBEX_SERVICES).tls13_suites).encode("ascii"))
    leaf, *others = presentation.chain
    context.use_certificate(leaf)
    for certificate in others:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(presentation.key)
    if presentation.staple:
        context.set_ocsp_server_callback(_on_status_request, presentation.staple)
    if behaviour.asks_for_certificate:
        # Without FAIL_IF_NO_PEER_CERT the answer may be empty. A context that verifies resumes only within its own id.
        context.set_session_id(b"certsuite")
        context.set_verify(SSL.VERIFY_PEER, _take_any_certificate)
    context.set_info_callback(_on_info)
    context.set_keylog_callback(_on_secret)
    return context
