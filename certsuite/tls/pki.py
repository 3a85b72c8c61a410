"""The run's certificates: a lab root that the device trusts, and what the edges present.

What there is, and what a device should make of it, stands in :mod:`certsuite.tls.recipes`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from certsuite.tls.assemble import Authority, assemble_authority, assemble_chain, pem
from certsuite.tls.keys import KeyKind, KeyPool, PrivateKey
from certsuite.tls.recipes import OTHER_TRUSTED_ROOT, RECIPES, Recipe, recipe
from certsuite.tls.templates import Names, good_chain

__all__ = ["RECIPES", "SYSTEM_BUNDLE", "Authority", "Names", "Pki", "Presentation", "Recipe", "recipe"]

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"Where Debian keeps the roots that the machine trusts."

_WEAK_BITS = 2048
"RSA keys below this, and signatures over the digests below, are refused by OpenSSL's usual security level."
_WEAK_DIGESTS = ("md5", "sha1")


@dataclass(frozen=True, eq=False, slots=True)
class Presentation:
    """What an edge presents in a handshake."""

    name: str
    chain: tuple[x509.Certificate, ...]
    "The leaf first; the root is left out, as servers do."
    key: PrivateKey
    description: str
    differs_in: str
    staple: bytes = b""
    "An OCSP answer in DER for clients that ask for one; empty: none is given."
    revocation_list: bytes = b""
    "The CRL in DER that the leaf's distribution point names; whoever serves that address gives it."

    @property
    def chain_pem(self) -> bytes:
        """The chain as PEM, the leaf first."""
        return b"".join(pem(certificate) for certificate in self.chain)

    @property
    def leaf_der(self) -> bytes:
        """The leaf as DER."""
        return self.chain[0].public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, without a password."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def weak(self) -> bool:
        """Whether OpenSSL presents it at its lowest security level alone."""
        short = isinstance(self.key, rsa.RSAPrivateKey) and self.key.key_size < _WEAK_BITS
        digests = [certificate.signature_hash_algorithm for certificate in self.chain]
        return short or any(digest is not None and digest.name in _WEAK_DIGESTS for digest in digests)

    @property
    def ecdsa(self) -> bool:
        """Whether the leaf's key is for ECDSA, which in TLS 1.2 takes suites of its own."""
        return isinstance(self.key, ec.EllipticCurvePrivateKey)


@dataclass(frozen=True, eq=False, slots=True)
class Pki:
    """All certificates of a run. Presentations are minted when they are first asked for."""

    lab: Authority
    other: Authority
    "Trusted as well by a device that takes the whole bundle."
    unknown: Authority
    "Of the same shape as ``lab``, and trusted by nobody."
    names: Names
    now: datetime
    "The run's beginning: what certificates are valid from and to is relative to it."
    _keys: KeyPool
    _minted: dict[str, Presentation] = field(default_factory=dict)

    @classmethod
    def mint(cls, now: datetime, names: Names, keys: KeyPool) -> Pki:
        """Make the roots and ``good``, valid from a day before ``now`` to 30 days after it.

        Blocks while ``keys`` makes its keys, so not for the bench's loop. Raises :class:`ValueError` if ``now`` has
        no time zone.
        """
        if now.tzinfo is None:
            raise ValueError("certificates need a time with a time zone")
        # The random part keeps the roots of two runs apart in a trust store that outlives a run.
        tag = secrets.token_hex(4)
        lab, unknown = (assemble_authority(kind, tag, now, keys) for kind in ("lab", "unknown"))
        other = assemble_authority("other", tag, now, keys, intermediate_key_of="unknown")
        pki = cls(lab, other, unknown, names, now, keys)
        pki.presentation("good")
        return pki

    def of(self, names: Names, now: datetime) -> Pki:
        """What edges of other names present, under the same roots, to a device for which it is ``now``."""
        return Pki(self.lab, self.other, self.unknown, names, now, self._keys)

    def prepare(self) -> None:
        """Begin to make the keys of all presentations in the background; returns at once.

        Only as long as the pool is open: on a closed one, keys are made when they are asked for.
        """
        self._keys.begin(kind for kind in reversed(KeyKind) if kind is not KeyKind.RSA_2048)

    def presentation(self, name: str) -> Presentation:
        """The presentation of that name, the same one at each call, from any thread.

        Takes milliseconds, unless a key must be waited for. Raises :class:`BenchError` if there is none of that name,
        or none for these host names.
        """
        minted = self._minted.get(name)
        if minted is None:
            # Two threads may both mint it; what stands first in the dictionary is everybody's.
            minted = self._minted.setdefault(
                name, self._mint(OTHER_TRUSTED_ROOT if name == OTHER_TRUSTED_ROOT.name else recipe(name))
            )
        return minted

    def for_device(self, name: str) -> Presentation:
        """A certificate under the lab root by which a device of that name authenticates. Takes milliseconds."""
        template = good_chain(Names(name), self.now)
        leaf = replace(template.leaf, usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))
        made = assemble_chain(replace(template, leaf=leaf), self.now, self.lab, self.unknown, self._keys)
        return Presentation("device", made.sent, made.key, "a certificate of the device's own", "")

    def _mint(self, how: Recipe) -> Presentation:
        template = how.alter(good_chain(self.names, self.now), self.names, self.now)
        authorities = {"lab": self.lab, "other": self.other, "unknown": self.unknown}
        ours = authorities[template.authority]
        stranger = self.lab if ours is self.unknown else self.unknown
        made = assemble_chain(template, self.now, ours, stranger, self._keys)
        return Presentation(
            how.name, made.sent, made.key, how.description, how.differs_in, made.staple, made.revocation_list
        )

    @property
    def root_pem(self) -> bytes:
        """The lab root, for the device's trust store."""
        return pem(self.lab.root)

    def trusted_bundle(self, system_bundle: Path | None = SYSTEM_BUNDLE) -> bytes:
        """PEM of what a softphone trusts: the machine's own roots, where there are any, and both roots of the lab.

        Raises :class:`OSError` if ``system_bundle`` exists and cannot be read.
        """
        ours = pem(self.other.root) + self.root_pem
        if system_bundle is None or not system_bundle.exists():
            return ours
        return system_bundle.read_bytes().rstrip(b"\n") + b"\n" + ours
