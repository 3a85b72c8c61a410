"""The TLS client of a device that judges certificates in its own way: too leniently, too strictly or too late.

The standard library's ``ssl`` can neither overlook one fault of a chain and heed the others, nor ask for a stapled OCSP
answer. This runs on pyOpenSSL, which asks about every certificate. Only devices with such a fault load it.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from cryptography.x509 import ocsp
from OpenSSL import SSL
from OpenSSL.crypto import X509

from certsuite.refdevice.behaviour import Behaviour, Verifies
from certsuite.refdevice.leniency import ChainJudge, Shown
from certsuite.refdevice.tls import Peer

_CHUNK = 65_536
_VERSIONS = {"1.0": SSL.TLS1_VERSION, "1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_CIPHERS = "DEFAULT:@SECLEVEL=2"


def judging_context(trusted_roots: Path, behaviour: Behaviour, shipped_roots: Path | None = None) -> SSL.Context:
    """The TLS settings of the device. The files can be read: the library's own context has read them."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(_VERSIONS[behaviour.tls_minimum])
    context.set_max_proto_version(_VERSIONS[behaviour.tls_maximum])
    context.set_cipher_list((behaviour.tls_ciphers or _CIPHERS).encode("ascii"))
    if behaviour.loads_trusted_roots:
        for file in (trusted_roots, shipped_roots):
            if file is not None:
                context.load_verify_locations(str(file))
    in_time = behaviour.verifies is Verifies.IN_HANDSHAKE

    def on_certificate(connection: SSL.Connection, certificate: X509, error: int, depth: int, good: int) -> bool:
        judge: ChainJudge = connection.get_app_data()
        judge.hear(certificate.to_cryptography(), 0 if good else error, depth)
        return not (in_time and judge.problem)

    context.set_verify(SSL.VERIFY_PEER, on_certificate)
    if behaviour.asks_for_status:
        context.set_ocsp_client_callback(_is_not_revoked if behaviour.heeds_status else _whatever_it_says)
    return context


def _whatever_it_says(connection: SSL.Connection, staple: bytes, data: object) -> bool:
    return True


def _is_not_revoked(connection: SSL.Connection, staple: bytes, data: object) -> bool:
    """RFC 6066 section 8; without an answer the server has none."""
    if not staple:
        return True
    try:
        answer = ocsp.load_der_ocsp_response(staple)
        return answer.certificate_status is not ocsp.OCSPCertStatus.REVOKED
    except ValueError:
        return False


class JudgingChannel:
    """A TLS client between two memory BIOs, after the protocol :class:`certsuite.refdevice.tls.Channel`."""

    def __init__(self, context: SSL.Context, peer: Peer, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._judge = ChainJudge(behaviour, peer)
        self._connection = SSL.Connection(context, None)
        self._connection.set_app_data(self._judge)
        if behaviour.sends_server_name:
            self._connection.set_tlsext_host_name(peer.domain.encode("ascii"))
        if behaviour.asks_for_status:
            self._connection.request_ocsp()
        self._connection.set_connect_state()
        self._has_spoken = False
        self.established = False
        self.ended = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire and give the plaintext in them. Raises :class:`ssl.SSLError`."""
        if self._has_spoken:
            self._heed()
        if data:
            self._connection.bio_write(data)
        plaintext = bytearray()
        try:
            if not self.established:
                self._shake()
            while True:
                plaintext += self._connection.recv(_CHUNK)
        except SSL.WantReadError:
            return bytes(plaintext)
        except SSL.ZeroReturnError:
            self.ended = True
            return bytes(plaintext)
        except SSL.Error as error:
            if not self.established:
                self._refuse_if_problem(error)
            raise ssl.SSLError(str(error)) from error

    def _shake(self) -> None:
        self._connection.do_handshake()
        sent = self._connection.get_peer_cert_chain(as_cryptography=True) or ()
        path = self._connection.get_verified_chain(as_cryptography=True) or ()
        self._judge.look_at(Shown(sent, path))
        if self._judge.problem and self._behaviour.exits_on_dislike:
            os.abort()
        if self._behaviour.verifies is not Verifies.AFTER_SPEAKING:
            self._heed()
        self.established = True

    def _heed(self) -> None:
        if self._judge.problem:
            self.close()
            self._refuse_if_problem(None)

    def _refuse_if_problem(self, cause: SSL.Error | None) -> None:
        if self._judge.problem:
            raise ssl.SSLCertVerificationError(self._judge.problem) from cause

    def send(self, plaintext: bytes) -> None:
        """Encrypt; the result is in :meth:`to_send`."""
        self._has_spoken = True
        self._connection.sendall(plaintext)

    def close(self) -> None:
        """Put a close_notify into :meth:`to_send`."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return

    def to_send(self) -> bytes:
        """Bytes for the wire."""
        chunks = []
        while True:
            try:
                chunks.append(self._connection.bio_read(_CHUNK))
            except SSL.WantReadError:
                return b"".join(chunks)

    @property
    def version(self) -> str:
        return self._connection.get_protocol_version_name()
