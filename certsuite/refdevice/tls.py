"""The device's TLS client: what it offers and whom it trusts (RFC 5246, RFC 8446, RFC 5922).

TLS runs over memory BIOs of the standard library's ``ssl``, since asyncio's own TLS ends a failed handshake without
sending the alert that says why.
"""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

from certsuite.refdevice.behaviour import Behaviour

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def client_context(trusted_roots: Path, behaviour: Behaviour) -> ssl.SSLContext:
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
    if behaviour.loads_trusted_roots:
        try:
            context.load_verify_locations(cafile=str(trusted_roots))
        except OSError as error:
            raise OSError(f"the trusted roots {trusted_roots} cannot be read: {error.strerror or error}") from error
    # Without the chain's verification the name is compared by TlsChannel.
    context.check_hostname = behaviour.verifies_host_name and behaviour.verifies_chain
    context.verify_mode = ssl.CERT_REQUIRED if behaviour.verifies_chain else ssl.CERT_NONE
    return context


class TlsChannel:
    """A TLS client between two memory BIOs: wire bytes in, plaintext out, and the other way round."""

    def __init__(self, context: ssl.SSLContext, host_name: str, *, verifies_name_itself: bool) -> None:
        """``host_name`` is sent as SNI and must be in the certificate.

        ``verifies_name_itself`` compares the name here, for a context that does not verify the chain.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host_name)
        self._host_name = host_name
        self._verifies_name_itself = verifies_name_itself
        self.established = False
        self.ended = False
        "Whether the server sent close_notify."

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire and give the plaintext in them. Raises :class:`ssl.SSLError`.

        What is to be sent, an alert included, is in :meth:`to_send` afterwards, also when this raises.
        """
        self._incoming.write(data)
        plaintext = bytearray()
        try:
            if not self.established:
                self._object.do_handshake()
                self._check_name()
                self.established = True
            while chunk := self._object.read(65_536):
                plaintext += chunk
            self.ended = True
        except ssl.SSLWantReadError:
            pass
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

    def _check_name(self) -> None:
        if self._verifies_name_itself:
            certificate = self._object.getpeercert(binary_form=True)
            if certificate is None:
                raise ssl.SSLError("the server showed no certificate")
            from certsuite.refdevice.hostname import check_host_name  # slow to load, and not for a compliant device

            check_host_name(certificate, self._host_name)
