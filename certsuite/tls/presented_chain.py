"""The chain that a server presents, put in order, and the known root that it hangs from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certsuite.core.errors import BenchError
from certsuite.tls.probe_chains import must_hang_from
from certsuite.tls.probe_reissue import RawCertificate
from certsuite.tls.probe_roots import KnownRoot, known_roots


@dataclass(frozen=True, slots=True)
class PresentedChain:
    """What is worth keeping of what a server sent."""

    chain: tuple[x509.Certificate, ...]
    "The leaf first, each issued by the next; the root is left out."
    left_out: tuple[x509.Certificate, ...]
    "What was sent as well: roots, and what does not belong to the chain."
    root: KnownRoot | None
    "The known root that the last one is signed by; None if there is none."


def read_chain(sent: Sequence[bytes]) -> PresentedChain:
    """Order the certificates (DER) that a server sent, the leaf first.

    The chain ends where it hangs from a known root: what is above is another form of that root. Raises
    :class:`BenchError` if one cannot be read, or none was sent.
    """
    if not sent:
        raise BenchError("the server presented no certificate")
    certificates = []
    for number, der in enumerate(sent, 1):
        try:
            certificates.append(x509.load_der_x509_certificate(der))
        except ValueError as error:
            raise BenchError(f"certificate {number} that the server presented cannot be read: {error}") from error
    path = _path(certificates)
    root, length = _root_of(path)
    chain = tuple(path[:length])
    return PresentedChain(chain, tuple(one for one in certificates if one not in chain), root)


def _path(certificates: list[x509.Certificate]) -> list[x509.Certificate]:
    """From the leaf to the last issuer that is not a root. A server may send them in any order, and others beside."""
    path = [certificates[0]]
    rest = [one for one in certificates[1:] if one.subject != one.issuer]
    while issuer := next((one for one in rest if one.subject == path[-1].issuer and one not in path), None):
        path.append(issuer)
    return path


def _root_of(path: list[x509.Certificate]) -> tuple[KnownRoot | None, int]:
    """The known root, and how many certificates of the path lead to it; without one, the whole path."""
    for length in range(1, len(path) + 1):
        for root in known_roots().values():
            try:
                must_hang_from([_raw(one) for one in path[:length]], root.certificate)
            except ValueError:
                # Not from this root, or with a key that no known root signs with.
                continue
            return root, length
    return None, len(path)


def _raw(certificate: x509.Certificate) -> RawCertificate:
    return RawCertificate.from_der(certificate.public_bytes(Encoding.DER))
