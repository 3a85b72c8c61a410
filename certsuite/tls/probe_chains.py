"""The chains of a root probe: what is asked about, and its two controls of the same shape.

For each mode there are three chains: the *probed* one, one under a root that is *unknown* to everybody, and one under a
root that the device *trusts* (the lab's). The controls are the probed chain issued anew: number of certificates, kinds
and sizes of keys, dates, host names and extensions are its own; names, serial numbers and key identifiers are not.
Neither private key nor signature of a public authority is needed for any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certsuite.tls.probe_reissue import PrivateKey, PublicKey, RawCertificate, like, reissue, renamed
from certsuite.tls.templates import is_address

_LEAF_KEY = 2048
"Bits of the RSA key of a leaf that imitates no genuine one."
_BEFORE = timedelta(days=1)
_AFTER = timedelta(days=30)


class Role(StrEnum):
    """Which of a mode's three chains is served."""

    UNKNOWN = "unknown"
    "Control: under a root that nobody trusts."
    TRUSTED = "trusted"
    "Control: under a root that the device is known to trust."
    PROBED = "probed"
    "Under the root that is asked about."


class Technique(StrEnum):
    """How the question is put."""

    SPOOF = "spoof"
    "A leaf of an authority that says it is the root, with another key."
    BAD_SIGNATURE = "bad-signature"
    "The genuine chain; the signature that would prove its key is noise."
    STATIC_RSA = "static-rsa"
    "The genuine chain; key exchange by encryption to its key, and no further."
    PAUSE = "pause"
    "The genuine chain, and nothing after it."


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to ask, in one version of TLS."""

    technique: Technique
    version: str
    "``TLSv1.2`` or ``TLSv1.3``."

    def __str__(self) -> str:
        return f"{self.technique} {self.version}"

    @property
    def genuine(self) -> bool:
        """Whether it needs a genuine chain of the root that is asked about."""
        return self.technique is not Technique.SPOOF


MODES: tuple[Mode, ...] = (
    Mode(Technique.SPOOF, "TLSv1.2"),
    Mode(Technique.SPOOF, "TLSv1.3"),
    Mode(Technique.BAD_SIGNATURE, "TLSv1.2"),
    Mode(Technique.BAD_SIGNATURE, "TLSv1.3"),
    Mode(Technique.STATIC_RSA, "TLSv1.2"),
    Mode(Technique.PAUSE, "TLSv1.2"),
    Mode(Technique.PAUSE, "TLSv1.3"),
)
"Every mode; the order is that of a full probe."


@dataclass(frozen=True, slots=True)
class Step:
    """One connection of a probe."""

    mode: Mode
    role: Role
    round: int


def schedule(modes: Sequence[Mode], *, rounds: int = 2) -> tuple[Step, ...]:
    """The connections of a probe in order.

    Each round is the one before it backwards, so that what creeps (a device that grows slower, or gives up) meets
    controls and probe alike.
    """
    order = [Step(mode, role, 0) for mode in modes for role in (Role.UNKNOWN, Role.TRUSTED, Role.PROBED)]
    steps: list[Step] = []
    for number in range(rounds):
        steps += [Step(one.mode, one.role, number) for one in (reversed(order) if number % 2 else order)]
    return tuple(steps)


@dataclass(frozen=True, eq=False, slots=True)
class TrustedRoot:
    """A root that the device is known to trust, with its key."""

    certificate: RawCertificate
    key: PrivateKey

    @classmethod
    def of(cls, certificate: x509.Certificate, key: PrivateKey) -> TrustedRoot:
        """From a certificate of the bench's own."""
        return cls(RawCertificate.from_der(certificate.public_bytes(serialization.Encoding.DER)), key)


@dataclass(frozen=True, eq=False, slots=True)
class ServedChain:
    """What a server sends, the leaf first."""

    role: Role
    certificates: tuple[bytes, ...]
    "As DER."
    leaf_public_key: PublicKey
    leaf_key: rsa.RSAPrivateKey | None = None
    "Only of a spoofed one: the other modes do without."


class ProbeKeys:
    """Keys of a probe, each made once: making one of 4096 bits takes seconds, so not for the bench's loop."""

    def __init__(self, make: Callable[[PublicKey], PrivateKey] = like) -> None:
        self._make = make
        self._keys: dict[tuple[str, str, int], PrivateKey] = {}

    def key(self, role: str, shape: PublicKey) -> PrivateKey:
        """The key of ``role`` that is of the kind and size of ``shape``."""
        kind = "rsa" if isinstance(shape, rsa.RSAPublicKey) else shape.curve.name
        place = (role, kind, shape.key_size)
        if place not in self._keys:
            self._keys[place] = self._make(shape)
        return self._keys[place]

    def leaf(self) -> rsa.RSAPrivateKey:
        """The key of every leaf whose handshake is carried through."""
        place = ("spoofed leaf", "rsa", _LEAF_KEY)
        if place not in self._keys:
            self._keys[place] = rsa.generate_private_key(public_exponent=65537, key_size=_LEAF_KEY)
        key = self._keys[place]
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


@dataclass(frozen=True, eq=False)
class ProbeChains:
    """All chains of a probe."""

    spoofed: Mapping[Role, ServedChain]
    genuine: Mapping[Role, ServedChain] = field(default_factory=lambda: MappingProxyType({}))
    "Empty without a genuine chain."

    @classmethod
    def make(
        cls,
        probed: RawCertificate,
        trusted: TrustedRoot,
        keys: ProbeKeys,
        *,
        host: str,
        now: datetime,
        genuine: Sequence[RawCertificate] = (),
    ) -> ProbeChains:
        """The chains by which ``probed`` is asked for.

        ``host`` is the name, or IP address, that the device connects to, ``genuine`` a chain that hangs from the root,
        the leaf first and the root left out. Blocks while keys are made. Raises :class:`ValueError` if ``genuine`` does
        not hang from ``probed``, or if ``now`` has no time zone.
        """
        if now.tzinfo is None:
            raise ValueError("certificates need a time with a time zone")
        unknown = _unknown_root(probed, keys)
        spoofed = {
            role: _spoofed_chain(role, root, keys, host, now)
            for role, root in (
                (Role.UNKNOWN, unknown.certificate),
                (Role.TRUSTED, trusted.certificate),
                (Role.PROBED, probed),
            )
        }
        if not genuine:
            return cls(MappingProxyType(spoofed))
        must_hang_from(genuine, probed)
        chains = {
            Role.UNKNOWN: _chain_like(genuine, Role.UNKNOWN, unknown, keys),
            Role.TRUSTED: _chain_like(genuine, Role.TRUSTED, trusted, keys),
            Role.PROBED: ServedChain(Role.PROBED, tuple(one.der for one in genuine), genuine[0].public_key),
        }
        return cls(MappingProxyType(spoofed), MappingProxyType(chains))

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes that there are chains for."""
        chains = self.genuine.get(Role.PROBED)
        with_rsa = chains is not None and isinstance(chains.leaf_public_key, rsa.RSAPublicKey)
        return tuple(
            mode
            for mode in MODES
            if not mode.genuine or (chains is not None and (with_rsa or mode.technique is not Technique.STATIC_RSA))
        )

    def chain(self, mode: Mode, role: Role) -> ServedChain:
        """What is served. Raises :class:`KeyError` if the mode needs a genuine chain and there is none."""
        return (self.genuine if mode.genuine else self.spoofed)[role]


def must_hang_from(chain: Sequence[RawCertificate], root: RawCertificate) -> None:
    """Raises :class:`ValueError` with the reason if the certificates are no chain under ``root``, the leaf first."""
    for number, certificate in enumerate(chain):
        issuer = chain[number + 1] if number + 1 < len(chain) else root
        who = f"certificate {number + 2}" if issuer is not root else "the root"
        if certificate.issuer != issuer.subject:
            raise ValueError(f"certificate {number + 1} of the chain is not issued by {who}")
        parsed = x509.load_der_x509_certificate(certificate.der)
        algorithm = parsed.signature_hash_algorithm
        key = issuer.public_key
        if algorithm is None:
            raise ValueError(f"certificate {number + 1} of the chain is signed in a way that cannot be checked")
        try:
            if isinstance(key, rsa.RSAPublicKey):
                scheme = parsed.signature_algorithm_parameters
                if not isinstance(scheme, padding.PKCS1v15 | padding.PSS):
                    raise ValueError(f"certificate {number + 1} of the chain is not signed with RSA, as {who} is")
                key.verify(parsed.signature, parsed.tbs_certificate_bytes, scheme, algorithm)
            else:
                key.verify(parsed.signature, parsed.tbs_certificate_bytes, ec.ECDSA(algorithm))
        except InvalidSignature as error:
            raise ValueError(f"certificate {number + 1} of the chain is not signed by {who}") from error


def _unknown_root(probed: RawCertificate, keys: ProbeKeys) -> TrustedRoot:
    """A root of the probed one's shape that nobody has ever seen: its names and numbers come from a key of this run."""
    key = keys.key("foreign root", probed.public_key)
    tag = _tag(key, "unknown root")
    name = renamed(probed.subject, tag)
    certificate = reissue(probed, signer=key, issuer=name, subject=name, public_key=key.public_key(), serial_from=tag)
    return TrustedRoot(certificate, key)


def _spoofed_chain(role: Role, root: RawCertificate, keys: ProbeKeys, host: str, now: datetime) -> ServedChain:
    """A leaf that says it was issued by ``root``, and was signed with another key of the same kind and size."""
    signer = keys.key("foreign root", root.public_key)
    leaf_key = keys.leaf()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)] if len(host) <= 64 else [])
    template = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(leaf_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _BEFORE)
        .not_valid_after(now.astimezone(UTC) + _AFTER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_leaf_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=len(host) > 64)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(b"\x00" * 20, None, None), critical=False)
        .sign(leaf_key, hashes.SHA256())
    )
    leaf = reissue(
        RawCertificate(template.public_bytes(serialization.Encoding.DER)),
        signer=signer,
        issuer=root.subject,
        issuer_key_identifier=root.subject_key_identifier,
    )
    return ServedChain(role, (leaf.der,), leaf_key.public_key(), leaf_key)


def _chain_like(genuine: Sequence[RawCertificate], role: Role, root: TrustedRoot, keys: ProbeKeys) -> ServedChain:
    """The genuine chain issued anew under another root."""
    issuer, signer = root.certificate, root.key
    served: list[bytes] = []
    for depth, template in reversed(list(enumerate(genuine))):
        key = keys.key(f"certificate {depth}", template.public_key)
        tag = _tag(signer, f"{role} {depth}")
        issued = reissue(
            template,
            signer=signer,
            issuer=issuer.subject,
            issuer_key_identifier=issuer.subject_key_identifier,
            # The leaf's subject is the host's name, by which it must still be known.
            subject=None if depth == 0 else renamed(template.subject, tag),
            public_key=key.public_key(),
            serial_from=tag,
        )
        served.insert(0, issued.der)
        issuer, signer = issued, key
    return ServedChain(role, tuple(served), issuer.public_key)


def _tag(key: PrivateKey, what: str) -> bytes:
    """Bytes that belong to a key, so to a run, and to a purpose."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return what.encode("ascii") + public


def _general_name(host: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(host)) if is_address(host) else x509.DNSName(host)


def _leaf_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
