"""The run's certificates: a lab root that the device trusts, and what the edges present.

Every presentation other than ``good`` differs from it in exactly one property, so that a device's answer to it is an
answer about that property. A further one is a row of :data:`RECIPES`: an authority, and a function that alters one
thing of the leaf's template.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certsuite.core.errors import BenchError
from certsuite.tls.keys import KeyPool

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"Where Debian keeps the roots that the machine trusts."

_BEFORE = timedelta(days=1)
_AFTER = timedelta(days=30)
_COMMON_NAME_LIMIT = 64
"Characters of a common name (RFC 5280 appendix A.1, ub-common-name)."


@dataclass(frozen=True, slots=True)
class Names:
    """The host names that the edges' certificates are for."""

    outbound_proxy: str
    targets: tuple[str, ...] = ()
    "SRV targets that stand in the certificate too."

    @property
    def all(self) -> tuple[str, ...]:
        """The outbound proxy, then the targets, each once."""
        return tuple(dict.fromkeys((self.outbound_proxy, *self.targets)))


@dataclass(frozen=True, slots=True)
class LeafTemplate:
    """What a server certificate says, before it is signed."""

    common_name: str
    dns_names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a presentation comes about."""

    name: str
    differs_in: str
    "The one property in which it differs from ``good``; empty for ``good`` itself."
    description: str
    authority: str = "lab"
    alter: Callable[[LeafTemplate, Names], LeafTemplate] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Presentation:
    """What an edge presents in a handshake."""

    name: str
    chain: tuple[x509.Certificate, ...]
    "The leaf first; the root is left out, as servers do."
    key: rsa.RSAPrivateKey
    description: str
    differs_in: str

    @property
    def chain_pem(self) -> bytes:
        """The chain as PEM, the leaf first."""
        return b"".join(_pem(certificate) for certificate in self.chain)


@dataclass(frozen=True, eq=False, slots=True)
class Authority:
    """A root with the intermediate that signs its leaves."""

    name: str
    root: x509.Certificate
    intermediate: x509.Certificate
    intermediate_key: rsa.RSAPrivateKey


@dataclass(frozen=True, eq=False, slots=True)
class Pki:
    """All certificates of a run."""

    lab: Authority
    unknown: Authority
    "Of the same shape as ``lab``, and trusted by nobody."
    presentations: Mapping[str, Presentation]

    @classmethod
    def mint(cls, now: datetime, names: Names, keys: KeyPool) -> Pki:
        """Make everything, valid from a day before ``now`` to 30 days after it.

        Blocks while ``keys`` makes its keys, so not for the bench's loop. Raises :class:`ValueError` if ``now`` has
        no time zone.
        """
        if now.tzinfo is None:
            raise ValueError("certificates need a time with a time zone")
        authorities = {kind: _authority(kind, now, keys) for kind in ("lab", "unknown")}
        leaf_key = keys.key("leaf")
        good = LeafTemplate(names.outbound_proxy, names.all, now - _BEFORE, now + _AFTER)
        presentations = {}
        for recipe in RECIPES:
            authority = authorities[recipe.authority]
            template = good if recipe.alter is None else recipe.alter(good, names)
            leaf = _leaf(template, authority, leaf_key)
            presentations[recipe.name] = Presentation(
                recipe.name, (leaf, authority.intermediate), leaf_key, recipe.description, recipe.differs_in
            )
        return cls(authorities["lab"], authorities["unknown"], MappingProxyType(presentations))

    def presentation(self, name: str) -> Presentation:
        """The presentation of that name. Raises :class:`BenchError` if there is none."""
        try:
            return self.presentations[name]
        except KeyError:
            known = ", ".join(self.presentations)
            raise BenchError(f"no certificate chain is named {name!r}; there are {known}") from None

    @property
    def root_pem(self) -> bytes:
        """The lab root, for the device's trust store."""
        return _pem(self.lab.root)

    def trusted_bundle(self, system_bundle: Path | None = SYSTEM_BUNDLE) -> bytes:
        """PEM of what a softphone trusts: the machine's own roots, where there are any, and the lab root.

        Raises :class:`OSError` if ``system_bundle`` exists and cannot be read.
        """
        if system_bundle is None or not system_bundle.exists():
            return self.root_pem
        return system_bundle.read_bytes().rstrip(b"\n") + b"\n" + self.root_pem


def _other_host(template: LeafTemplate, names: Names) -> LeafTemplate:
    """The same certificate for a neighbour: another name under the outbound proxy's parent domain."""
    _, dot, parent = names.outbound_proxy.partition(".")
    neighbour = next(
        name for number in range(len(names.all) + 1) if (name := f"other{number or ''}{dot}{parent}") not in names.all
    )
    return replace(template, common_name=neighbour, dns_names=(neighbour,))


RECIPES: tuple[Recipe, ...] = (
    Recipe("good", "", "the lab root's chain, with the outbound proxy's name"),
    Recipe("unknown-root", "root", "the same names under a root that nobody trusts", authority="unknown"),
    Recipe("wrong-host", "host names", "the lab root's chain for another host of the same domain", alter=_other_host),
)
"Everything that an edge can present."


def _authority(kind: str, now: datetime, keys: KeyPool) -> Authority:
    # The random part keeps the roots of two runs apart in a trust store that outlives a run.
    tag = secrets.token_hex(4)
    root_key, intermediate_key = keys.key(f"{kind} root"), keys.key(f"{kind} intermediate")
    root_name = _name(f"certsuite {kind} root {tag}")
    root = (
        _builder(root_name, root_name, root_key, now - _BEFORE, now + _AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    intermediate = (
        _builder(
            _name(f"certsuite {kind} intermediate {tag}"), root_name, intermediate_key, now - _BEFORE, now + _AFTER
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(_authority_key_identifier(root), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Authority(kind, root, intermediate, intermediate_key)


def _leaf(template: LeafTemplate, authority: Authority, key: rsa.RSAPrivateKey) -> x509.Certificate:
    # A name that is too long for a common name stands in the subjectAltName alone.
    fits = len(template.common_name) <= _COMMON_NAME_LIMIT
    subject = _name(template.common_name if fits else "certsuite edge")
    return (
        _builder(subject, authority.intermediate.subject, key, template.not_before, template.not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(template.usages), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in template.dns_names]), critical=False)
        .add_extension(_authority_key_identifier(authority.intermediate), critical=False)
        .sign(authority.intermediate_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
