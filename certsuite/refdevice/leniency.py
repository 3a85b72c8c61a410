"""What a faulty device overlooks in a chain, and what it dislikes in a good one: data by name, and the judgement by it.

A module that only such devices load, since reading certificates is slow to load.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.hostname import HostNameMismatch, check_host_name
from certsuite.refdevice.tls import Peer

_RECORD = 1 << 14
"Bytes that a TLS record holds (RFC 8446 section 5.1)."


@dataclass(frozen=True, slots=True)
class ChainFault:
    """What OpenSSL says of a chain with this fault: numbers of ``X509_V_ERR`` (its ``x509_vfy.h``)."""

    of_leaf: tuple[int, ...] = ()
    of_authority: tuple[int, ...] = ()
    digest: str = ""
    "Only if the certificate is signed over this digest; empty is any."


CHAIN_FAULTS: dict[str, ChainFault] = {
    "not-yet-valid": ChainFault(of_leaf=(9,)),  # CERT_NOT_YET_VALID
    "expired": ChainFault(of_leaf=(10,)),  # CERT_HAS_EXPIRED
    "self-signed": ChainFault(of_leaf=(18,)),  # DEPTH_ZERO_SELF_SIGNED_CERT
    # A leaf whose issuer is missing has another error beside this one, which stays.
    "unknown-root": ChainFault(of_authority=(19, 20)),  # SELF_SIGNED_CERT_IN_CHAIN, UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    "path-length": ChainFault(of_authority=(25,)),  # PATH_LENGTH_EXCEEDED
    "usage": ChainFault(of_leaf=(26,)),  # INVALID_PURPOSE
    "no-authority": ChainFault(of_authority=(26, 79)),  # INVALID_PURPOSE, INVALID_CA
    "name-constraints": ChainFault(of_leaf=(47,)),  # PERMITTED_VIOLATION
    "short-key": ChainFault(of_leaf=(66,)),  # EE_KEY_TOO_SMALL
    "md5": ChainFault(of_leaf=(68,), digest="md5"),  # CA_MD_TOO_WEAK
    "sha1": ChainFault(of_leaf=(68,), digest="sha1"),  # the same
}
"What can be overlooked in a chain."


def _right_common_name(leaf: x509.Certificate, peer: Peer) -> bool:
    names = [str(attribute.value) for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return peer.domain.lower() in (name.lower() for name in names)


def _right_address(leaf: x509.Certificate, peer: Peer) -> bool:
    return ipaddress.ip_address(peer.address) in _alternatives(leaf).get_values_for_type(x509.IPAddress)


def _right_parent(leaf: x509.Certificate, peer: Peer) -> bool:
    parent = peer.domain.lower().partition(".")[2]
    names = _alternatives(leaf).get_values_for_type(x509.DNSName)
    return any(name.lower().partition(".")[2] == parent for name in names)


NAME_FAULTS: dict[str, Callable[[x509.Certificate, Peer], bool]] = {
    "name-beside-common-name": _right_common_name,
    "address-for-name": _right_address,
    "host-of-same-domain": _right_parent,
}
"What can be overlooked in names: whether a leaf without the right name has what the device is content with."


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificates of a handshake."""

    sent: Sequence[x509.Certificate]
    "The leaf first."
    path: Sequence[x509.Certificate]
    "The verified one, from the leaf to the root."


def _superfluous(shown: Shown) -> bool:
    return any(certificate not in shown.path for certificate in shown.sent)


def _large(shown: Shown) -> bool:
    return sum(len(certificate.public_bytes(Encoding.DER)) for certificate in shown.sent) > _RECORD


def _rsa(bits: int) -> Callable[[Shown], bool]:
    def has_such_a_key(shown: Shown) -> bool:
        key = shown.sent[0].public_key()
        return isinstance(key, rsa.RSAPublicKey) and key.key_size == bits

    return has_such_a_key


DISLIKES: dict[str, Callable[[Shown], bool]] = {
    "superfluous-certificates": _superfluous,
    "large-chain": _large,
    "rsa-3072": _rsa(3072),
    "rsa-4096": _rsa(4096),
}
"What can be disliked in a chain that is good."


class ChainJudge:
    """Judges the chain of one handshake, as OpenSSL goes through it."""

    def __init__(self, behaviour: Behaviour, peer: Peer) -> None:
        self._behaviour = behaviour
        self._peer = peer
        self.problem = ""
        "Why the device does not accept it, the first reason; empty as long as there is none."

    def hear(self, certificate: x509.Certificate, error: int, depth: int) -> None:
        """Take what OpenSSL says of the certificate at this depth, the leaf's being 0; ``error`` 0 is that it is good.

        Of a certificate with errors that nobody minds it says so at the end: that is when names are compared.
        """
        if error:
            if self._behaviour.verifies_chain and not self._overlooks(certificate, error, depth):
                self.problem = self.problem or f"X509_V_ERR {error} at depth {depth}"
        elif depth == 0 and self._behaviour.verifies_host_name:
            self._compare_names(certificate)

    def look_at(self, shown: Shown) -> None:
        """Take the whole chain once the handshake is complete."""
        for name in self._behaviour.dislikes:
            if DISLIKES[name](shown):
                self.problem = self.problem or f"dislikes {name}"

    def _overlooks(self, certificate: x509.Certificate, error: int, depth: int) -> bool:
        for fault in (CHAIN_FAULTS[name] for name in self._behaviour.overlooks if name in CHAIN_FAULTS):
            digest = certificate.signature_hash_algorithm
            fits = not fault.digest or (digest is not None and digest.name == fault.digest)
            if fits and error in (fault.of_authority if depth else fault.of_leaf):
                return True
        return False

    def _compare_names(self, leaf: x509.Certificate) -> None:
        name = self._peer.host if self._behaviour.wants_target_name else self._peer.domain
        try:
            check_host_name(leaf.public_bytes(Encoding.DER), name)
        except HostNameMismatch as mismatch:
            contents = (NAME_FAULTS[name] for name in self._behaviour.overlooks if name in NAME_FAULTS)
            if not any(is_content(leaf, self._peer) for is_content in contents):
                self.problem = self.problem or str(mismatch.args[-1])


def _alternatives(leaf: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])
