"""The public roots that a device can be asked for, as data with their fingerprints; chains out of PEM files; and what a
probe asks for by them.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from cryptography import x509
from cryptography.x509.oid import NameOID

from certsuite.core.errors import UsageError
from certsuite.core.redaction import printable
from certsuite.tls.probe_chains import must_hang_from
from certsuite.tls.probe_reissue import RawCertificate

IDENTRUST = "identrust"
"The root that Webex Calling's certificates hang from."

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class KnownRoot:
    """A root certificate that the suite brings along."""

    name: str
    "What a user calls it."
    meaning: str
    "What its authority calls it."
    certificate: RawCertificate

    @classmethod
    def of_pem(cls, pem: bytes, what: str) -> KnownRoot:
        """The one certificate of a PEM text. Raises :class:`UsageError` with ``what`` in it if it is not one."""
        first, *others = certificates_of_pem(pem, what)
        if others:
            raise UsageError(f"{what}: {len(others) + 1} certificates; one root is expected")
        subject = x509.load_der_x509_certificate(first.der).subject
        names = [*subject.get_attributes_for_oid(NameOID.COMMON_NAME), *subject]
        return cls(what, printable(str(names[0].value)) if names else what, first)


def certificates_of_pem(pem: bytes, what: str = "the PEM text") -> tuple[RawCertificate, ...]:
    """The certificates of a PEM text in their order. Raises :class:`UsageError` if it holds none, or a broken one."""
    certificates = []
    for number, block in enumerate(_PEM.findall(pem), 1):
        try:
            certificates.append(RawCertificate.from_der(base64.b64decode(b"".join(block.split()), validate=True)))
        except (ValueError, binascii.Error) as error:
            raise UsageError(f"{what}: certificate {number} cannot be read: {error}") from error
    if not certificates:
        raise UsageError(f"{what}: no certificate in it")
    return tuple(certificates)


def checked(certificate: RawCertificate, fingerprint: str, what: str) -> RawCertificate:
    """The certificate, if its SHA-256 is ``fingerprint``. Raises :class:`UsageError` if it is another one."""
    if certificate.fingerprint != fingerprint:
        raise UsageError(f"{what} has the SHA-256 fingerprint {certificate.fingerprint}, and not {fingerprint}")
    return certificate


@cache
def known_roots() -> dict[str, KnownRoot]:
    """The roots of the data files by name. Raises :class:`UsageError` if one is not what its fingerprint says."""
    folder = files("certsuite.tls") / "roots"
    roots = {}
    for line in (folder / "roots.tsv").read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        name, file, fingerprint, meaning = line.split("\t")
        (certificate,) = certificates_of_pem((folder / file).read_text(encoding="ascii").encode("ascii"), file)
        roots[name] = KnownRoot(name, meaning, checked(certificate, fingerprint, file))
    return roots


def known_root(name: str) -> KnownRoot:
    """The root of that name. Raises :class:`UsageError` if there is none."""
    try:
        return known_roots()[name]
    except KeyError:
        raise UsageError(f"no root is named {name!r}; there are {', '.join(known_roots())}") from None


@dataclass(frozen=True, slots=True)
class ProbedRoot:
    """What a probe asks for, and by what."""

    name: str
    "What its authority calls it."
    certificate: RawCertificate
    chain: tuple[RawCertificate, ...] = ()
    "A genuine chain under it, the leaf first and the root left out; empty without one."

    @classmethod
    def by(cls, root: KnownRoot, chain: tuple[RawCertificate, ...] = (), what: str = "the chain") -> ProbedRoot:
        """Ask for ``root`` by ``chain``, in which the root itself may stand last.

        Raises :class:`UsageError` with ``what`` in it if the chain does not hang from the root, or names no host.
        """
        if chain and chain[-1] == root.certificate:
            chain = chain[:-1]
        probed = cls(root.meaning, root.certificate, chain)
        try:
            must_hang_from(chain, root.certificate)
        except ValueError as error:
            raise UsageError(f"{what}: {error}; expected is a chain under {root.meaning}, the leaf first") from error
        if chain and not probed.host:
            raise UsageError(f"{what}: its first certificate names no host (subjectAltName)")
        return probed

    @property
    def host(self) -> str:
        """The name by which the chain's server is known; empty without a chain, or if it has none."""
        if not self.chain:
            return ""
        leaf = x509.load_der_x509_certificate(self.chain[0].der)
        try:
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return ""
        hosts = names.get_values_for_type(x509.DNSName)
        common = [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        # The common name is the one that people know; the others need not stand in any order.
        plain = [name for name in sorted(hosts, key=lambda name: name not in common) if not name.startswith("*.")]
        return plain[0] if plain else next((f"www{name[1:]}" for name in hosts), "")

    @property
    def is_of_webex(self) -> bool:
        """Whether it is the root that Webex Calling's certificates hang from."""
        return self.certificate == known_root(IDENTRUST).certificate

    def valid_at(self, now: datetime) -> datetime:
        """A time at which the chain is valid: ``now`` if it is so, else the middle of its time; ``now`` without one."""
        if not self.chain:
            return now
        certificates = [x509.load_der_x509_certificate(one.der) for one in self.chain]
        begin = max(one.not_valid_before_utc for one in certificates)
        end = min(one.not_valid_after_utc for one in certificates)
        if begin <= now <= end or begin >= end:
            return now
        return (begin + (end - begin) / 2).astimezone(UTC)
