"""What certificates of a chain say, before they are signed: the good chain, for recipes to alter one thing of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from certsuite.tls.keys import KeyKind

BEFORE = timedelta(days=1)
"How long before the run's beginning a leaf becomes valid."
AFTER = timedelta(days=30)
"How long after the run's beginning it stays so."
AUTHORITY_MARGIN = timedelta(days=60)
"The same of an authority, after it."
AUTHORITY_AGE = timedelta(days=20 * 365)
"""How long an authority has been valid by then, as public ones are: an expired leaf's were valid as long as it was, and
a device whose clock is set back takes them too."""

COMMON_NAME_LIMIT = 64
"Characters of a common name (RFC 5280 appendix A.1, ub-common-name)."


@dataclass(frozen=True, slots=True)
class Names:
    """What the edges' certificates are for."""

    outbound_proxy: str
    targets: tuple[str, ...] = ()
    "SRV targets that stand in the certificate too."
    addresses: tuple[str, ...] = ("192.0.2.1",)
    "The edges' IP addresses, for the certificate that names nothing else; without any, one for documentation."

    @property
    def all(self) -> tuple[str, ...]:
        """The outbound proxy, then the targets, each once."""
        return tuple(dict.fromkeys((self.outbound_proxy, *self.targets)))

    @property
    def parent(self) -> str:
        """The outbound proxy's name without its first label; empty if it has one label alone."""
        return self.outbound_proxy.partition(".")[2]

    def below_parent(self, label: str) -> str:
        """``label`` in the outbound proxy's domain."""
        return f"{label}.{self.parent}" if self.parent else label


class Part(StrEnum):
    """A certificate by its place in a chain."""

    LEAF = "leaf"
    SUB_AUTHORITY = "sub-authority"
    "An authority below the intermediate, which good chains do without."
    INTERMEDIATE = "intermediate"
    ROOT = "root"
    STRANGER = "stranger"
    "The intermediate of another root: in no way part of the chain."


class Digest(StrEnum):
    """The hash function of a certificate's RSA signature."""

    SHA256 = "sha256"
    SHA1 = "sha1"
    MD5 = "md5"


@dataclass(frozen=True, slots=True)
class LeafTemplate:
    """What a server's certificate says."""

    common_name: str
    dns_names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    ip_addresses: tuple[str, ...] = ()
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    is_authority: bool = False
    key: KeyKind = KeyKind.RSA_2048
    digest: Digest = Digest.SHA256
    crl_url: str = ""
    "Where its revocation list is; without it the certificate names none."


@dataclass(frozen=True, slots=True)
class IntermediateTemplate:
    """What the certificate of the intermediate authority says."""

    is_authority: bool = True
    path_length: int | None = 0
    permitted: tuple[str, ...] = ()
    "DNS domains to which names below it are constrained; without any, all names are free."


@dataclass(frozen=True, slots=True)
class ChainTemplate:
    """A chain, and what of it is sent."""

    leaf: LeafTemplate
    intermediate: IntermediateTemplate = IntermediateTemplate()
    authority: str = "lab"
    "Whose root it ends at: ``lab``, ``other`` or ``unknown``."
    issued_by: Part = Part.INTERMEDIATE
    "Who signs the leaf; the leaf itself, if it is self-signed."
    sent: tuple[Part, ...] = (Part.LEAF, Part.INTERMEDIATE)
    "The root is left out, as servers do."
    stapled_revoked: bool = False
    "Whether an OCSP answer is stapled that says that the leaf is revoked."


def good_chain(names: Names, now: datetime) -> ChainTemplate:
    """The chain that every device must accept. An outbound proxy that is an address stands in it as one."""
    addresses = tuple(name for name in names.all if is_address(name))
    hosts = tuple(name for name in names.all if name not in addresses)
    return ChainTemplate(
        LeafTemplate(names.outbound_proxy, hosts, now - BEFORE, now + AFTER, ip_addresses=addresses),
    )


def is_address(name: str) -> bool:
    """Whether a host is given by its IP address: certificates name that in a form of its own (RFC 9525 section 6.2)."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
