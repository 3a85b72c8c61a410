"""The device's TLS client: what it offers and whom it trusts (RFC 5246, RFC 8446, RFC 5922).

TLS runs over memory BIOs of the standard library's ``ssl``, since asyncio's own TLS ends a failed handshake without
sending the alert that says why.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from certsuite.refdevice.behaviour import Behaviour, Verifies
from certsuite.refdevice.flight import DECODE_ERROR_ALERT, Flight, Fragmented, client_answer

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_CERTIFICATE_REQUEST = 13
"Handshake message (RFC 5246 section 7.4, RFC 8446 section 4)."


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom the device connects to."""

    domain: str
    "The outbound proxy: what was looked up, is sent as SNI and must be in the certificate."
    host: str
    "The SRV record's target."
    address: str


class Channel(Protocol):
    """A TLS client between two memory BIOs: wire bytes in, plaintext out, and the other way round."""

    established: bool
    ended: bool
    "Whether the server sent close_notify."

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire and give the plaintext in them. Raises :class:`ssl.SSLError`.

        What is to be sent, an alert included, is in :meth:`to_send` afterwards, also when this raises.
        """

    def send(self, plaintext: bytes) -> None:
        """Encrypt; the result is in :meth:`to_send`."""

    def close(self) -> None:
        """Put a close_notify into :meth:`to_send`."""

    def to_send(self) -> bytes:
        """Bytes for the wire."""

    @property
    def version(self) -> str: ...


def channel_maker(
    trusted_roots: Path, behaviour: Behaviour, shipped_roots: Path | None = None
) -> Callable[[Peer], Channel]:
    """What makes the channel of each connection. Raises :class:`OSError` if the roots cannot be read."""
    context = client_context(trusted_roots, behaviour, shipped_roots)
    if _judges_in_its_own_way(behaviour):
        from certsuite.refdevice.judging_tls import JudgingChannel, judging_context  # slow to load, and rare

        judging = judging_context(trusted_roots, behaviour, shipped_roots)
        return lambda peer: JudgingChannel(judging, peer, behaviour)
    return lambda peer: TlsChannel(
        context,
        peer.domain,
        verifies_name_itself=verifies_name_itself(behaviour),
        sends_server_name=behaviour.sends_server_name,
        stays_with_tls13=behaviour.stays_with_tls13,
        takes_fragments=behaviour.takes_fragments,
        heeds_downgrade=behaviour.heeds_downgrade,
    )


def _judges_in_its_own_way(behaviour: Behaviour) -> bool:
    own = behaviour.overlooks or behaviour.dislikes or behaviour.wants_target_name or behaviour.asks_for_status
    return bool(own) or behaviour.verifies is not Verifies.IN_HANDSHAKE


def client_context(trusted_roots: Path, behaviour: Behaviour, shipped_roots: Path | None = None) -> ssl.SSLContext:
    """The TLS settings of the device. Raises :class:`OSError` if the roots cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if behaviour.tls_minimum == "1.0":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        # OpenSSL 3 takes TLS 1.0 and 1.1 at its security level 0 alone: they sign with SHA-1.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    else:
        context.minimum_version = _VERSIONS[behaviour.tls_minimum]
    context.maximum_version = _VERSIONS[behaviour.tls_maximum]
    if behaviour.tls_ciphers:
        context.set_ciphers(behaviour.tls_ciphers)
    if behaviour.tls_group:
        context.set_ecdh_curve(behaviour.tls_group)
    if not behaviour.goes_on_without_certificate:
        # The library asks nobody when it has no certificate: it can only be seen that it was asked for one.
        context._msg_callback = _give_up_when_asked  # type: ignore[attr-defined]
    if behaviour.loads_trusted_roots:
        for file in (trusted_roots, shipped_roots):
            if file is not None and (roots := _roots_in(file, behaviour.lacks_root)):
                context.load_verify_locations(cadata=roots)
    context.check_hostname = behaviour.verifies_host_name and not verifies_name_itself(behaviour)
    context.verify_mode = ssl.CERT_REQUIRED if behaviour.verifies_chain else ssl.CERT_NONE
    return context


def _roots_in(file: Path, lacking: str) -> bytes:
    """The certificates of a PEM file as DER, one after the other, without the one of this fingerprint."""
    try:
        roots = [ssl.PEM_cert_to_DER_cert(block) for block in _PEM.findall(file.read_text(encoding="ascii"))]
    except OSError as error:
        raise OSError(f"the trusted roots {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise OSError(f"the trusted roots {file} cannot be read: {error}") from error
    if not roots:
        raise OSError(f"the trusted roots {file} cannot be read: no certificate is in it")
    return b"".join(root for root in roots if hashlib.sha256(root).hexdigest().upper() != lacking)


def verifies_name_itself(behaviour: Behaviour) -> bool:
    """Whether the name is compared by :class:`TlsChannel`: the library does it only with the chain, and with SNI."""
    return behaviour.verifies_host_name and not (behaviour.verifies_chain and behaviour.sends_server_name)


class CertificateRequested(ssl.SSLError):
    """The device gives up on this."""


def _give_up_when_asked(_: object, direction: str, __: object, ___: object, message: int, ____: bytes) -> None:
    if direction == "read" and message == _CERTIFICATE_REQUEST:
        raise CertificateRequested("the server asks for a certificate, and the device has none")


class TlsChannel:
    """The channel of the standard library."""

    def __init__(
        self,
        context: ssl.SSLContext,
        host_name: str,
        *,
        verifies_name_itself: bool,
        sends_server_name: bool = True,
        stays_with_tls13: bool = True,
        takes_fragments: bool = True,
        heeds_downgrade: bool = True,
    ) -> None:
        """``host_name`` is sent as SNI and must be in the certificate.

        ``verifies_name_itself`` compares the name here, for a context that does not.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host_name if sends_server_name else None
        )
        self._offered_session = False
        self._takes_fragments = takes_fragments
        self._heeds_downgrade = heeds_downgrade
        self._flight: Flight | None = None if takes_fragments and heeds_downgrade else Flight()
        self._held = bytearray()
        self._stays_with_tls13 = stays_with_tls13
        self._host_name = host_name
        self._verifies_name_itself = verifies_name_itself
        self.established = False
        self.ended = False
        "Whether the server sent close_notify."

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire and give the plaintext in them. Raises :class:`ssl.SSLError`.

        What is to be sent, an alert included, is in :meth:`to_send` afterwards, also when this raises.
        """
        self._incoming.write(self._looked_at(data))
        plaintext = bytearray()
        try:
            if not self.established:
                self._object.do_handshake()
                self._check_name()
                if self.version == "TLSv1.3" and not self._stays_with_tls13:
                    raise ssl.SSLError("TLS 1.3 was agreed on, which the device cannot use")
                self.established = True
            while chunk := self._object.read(65_536):
                plaintext += chunk
            self.ended = True
        except ssl.SSLWantReadError as want:
            # Where the handshake waits for more, what was raised on a message of it comes along only so.
            if isinstance(want.__context__, CertificateRequested):
                raise want.__context__ from None
        except ssl.SSLZeroReturnError:
            self.ended = True
        return bytes(plaintext)

    def send(self, plaintext: bytes) -> None:
        """Encrypt; the result is in :meth:`to_send`."""
        self._object.write(plaintext)

    def close(self) -> None:
        """Put a close_notify into :meth:`to_send`."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            return  # the server's own close_notify is not waited for

    def to_send(self) -> bytes:
        """Bytes for the wire."""
        return self._outgoing.read()

    @property
    def version(self) -> str:
        return self._object.version() or ""

    @property
    def issuer(self) -> str:
        """The issuer of the server's certificate, of one that was verified."""
        certificate = self._object.getpeercert() or {}
        return str(certificate.get("issuer", ""))

    @property
    def session(self) -> ssl.SSLSession | None:
        """The session, to be resumed by another connection of the same context."""
        return self._object.session

    def offer(self, session: ssl.SSLSession) -> None:
        """Offer to resume a session; before anything is received."""
        self._object.session = session
        self._offered_session = True

    @property
    def session_refused(self) -> bool:
        """Whether a session was offered and not resumed."""
        return self._offered_session and not self._object.session_reused

    def _looked_at(self, data: bytes) -> bytes:
        """What the library gets, once the device itself has looked at the server's flight.

        Raises as :meth:`receive`.
        """
        if self._flight is None:
            return data
        try:
            self._flight.take(data, whole_messages=not self._takes_fragments)
        except Fragmented:
            self._outgoing.write(DECODE_ERROR_ALERT)
            raise ssl.SSLError("a handshake message that spans records, which the device cannot read") from None
        self._held += data
        if self._flight.downgraded and not self._heeds_downgrade:
            if self._flight.complete:
                self._outgoing.write(client_answer(self._flight))
                self._flight = Flight()
                self._held.clear()
            return b""
        if not self._flight.messages and not self._flight.done:
            return b""
        held = bytes(self._held)
        self._held.clear()
        return held

    def _check_name(self) -> None:
        if self._verifies_name_itself:
            certificate = self._object.getpeercert(binary_form=True)
            if certificate is None:
                raise ssl.SSLError("the server showed no certificate")
            from certsuite.refdevice.hostname import check_host_name  # slow to load, and not for a compliant device

            check_host_name(certificate, self._host_name)
