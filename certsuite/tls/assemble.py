"""Certificates from their templates, signed; OCSP answers and revocation lists beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from certsuite.tls.keys import KeyKind, KeyPool, PrivateKey
from certsuite.tls.templates import (
    AFTER,
    AUTHORITY_AGE,
    AUTHORITY_MARGIN,
    COMMON_NAME_LIMIT,
    ChainTemplate,
    Digest,
    IntermediateTemplate,
    LeafTemplate,
    Part,
)

_HOUR = timedelta(hours=1)

_RSA_SIGNATURE = {
    digest: bytes.fromhex(f"300d06092a864886f70d0101{last:02x}0500")
    for digest, last in ((Digest.MD5, 4), (Digest.SHA1, 5), (Digest.SHA256, 11))
}
"AlgorithmIdentifiers of RSASSA-PKCS1-v1_5 (RFC 8017 appendix A.2.4), in DER."
_HASHES: dict[Digest, hashes.HashAlgorithm] = {Digest.MD5: hashes.MD5(), Digest.SHA1: hashes.SHA1()}


@dataclass(frozen=True, eq=False, slots=True)
class Authority:
    """A root with the intermediate that signs its leaves."""

    name: str
    root: x509.Certificate
    root_key: rsa.RSAPrivateKey
    intermediate: x509.Certificate
    intermediate_key: rsa.RSAPrivateKey


@dataclass(frozen=True, eq=False, slots=True)
class Assembled:
    """A chain as it is presented, and what tells of revocation."""

    sent: tuple[x509.Certificate, ...]
    key: PrivateKey
    staple: bytes
    revocation_list: bytes


def assemble_authority(
    kind: str, tag: str, now: datetime, keys: KeyPool, *, intermediate_key_of: str = ""
) -> Authority:
    """A root and its intermediate; ``tag`` keeps apart the names of two runs. Blocks while ``keys`` makes keys.

    ``intermediate_key_of``: kind of the authority whose intermediate's key is used again, since one takes time to make.
    """
    root_key = keys.key(f"{kind} root")
    intermediate_key = keys.key(f"{intermediate_key_of or kind} intermediate")
    root_name = _name(f"certsuite {kind} root {tag}")
    root = (
        _builder(root_name, root_name, root_key, now - AUTHORITY_AGE, now + AUTHORITY_MARGIN)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_authority_usage(), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    subject = _name(f"certsuite {kind} intermediate {tag}")
    intermediate = _intermediate(IntermediateTemplate(), subject, root, root_key, intermediate_key)
    return Authority(kind, root, root_key, intermediate, intermediate_key)


def assemble_chain(
    template: ChainTemplate, now: datetime, authority: Authority, stranger: Authority, keys: KeyPool
) -> Assembled:
    """Sign what ``template`` says. ``stranger`` gives the certificate that belongs to no chain of ``authority``."""
    made = {
        Part.ROOT: authority.root,
        Part.INTERMEDIATE: authority.intermediate,
        Part.STRANGER: stranger.intermediate,
    }
    if template.intermediate != IntermediateTemplate():
        # Name and key stay, so whoever has seen the good one finds this one in its place.
        made[Part.INTERMEDIATE] = _intermediate(
            template.intermediate,
            authority.intermediate.subject,
            authority.root,
            authority.root_key,
            authority.intermediate_key,
        )
    issuer, issuer_key = made[Part.INTERMEDIATE], authority.intermediate_key
    if template.issued_by is Part.SUB_AUTHORITY:
        # Keys take time to make: this one is the stranger's, who has no part in this chain.
        sub_key = stranger.intermediate_key
        name = _name(f"certsuite {authority.name} sub-authority")
        issuer = _intermediate(IntermediateTemplate(), name, issuer, issuer_key, sub_key)
        made[Part.SUB_AUTHORITY], issuer_key = issuer, sub_key
    plain = template.leaf.key is KeyKind.RSA_2048
    key = keys.key("leaf") if plain else keys.key_of(template.leaf.key)
    if template.issued_by is Part.LEAF:
        assert isinstance(key, rsa.RSAPrivateKey)
        leaf = _leaf(template.leaf, None, key, key)
    else:
        leaf = _leaf(template.leaf, issuer, issuer_key, key)
    made[Part.LEAF] = leaf
    return Assembled(
        tuple(made[part] for part in template.sent),
        key,
        _revoked_answer(leaf, issuer, issuer_key, now) if template.stapled_revoked else b"",
        _revocation_list(leaf, issuer, issuer_key, now) if template.leaf.crl_url else b"",
    )


def with_digest(certificate: x509.Certificate, issuer_key: rsa.RSAPrivateKey, digest: Digest) -> x509.Certificate:
    """The same certificate, signed again over another digest, which libraries refuse to do.

    The signature covers the algorithm's identifier too, so that is replaced in both places (RFC 5280 section 4.1.1.2).
    """
    if digest is Digest.SHA256:
        return certificate
    identifier = _RSA_SIGNATURE[digest]
    signed = _tlv(
        0x30, _content(certificate.tbs_certificate_bytes.replace(_RSA_SIGNATURE[Digest.SHA256], identifier, 1))
    )
    signature = issuer_key.sign(signed, padding.PKCS1v15(), _HASHES[digest])
    return x509.load_der_x509_certificate(_tlv(0x30, signed + identifier + _tlv(0x03, b"\0" + signature)))


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _intermediate(
    template: IntermediateTemplate,
    subject: x509.Name,
    issuer: x509.Certificate,
    issuer_key: rsa.RSAPrivateKey,
    key: rsa.RSAPrivateKey,
) -> x509.Certificate:
    constraints = x509.BasicConstraints(ca=template.is_authority, path_length=template.path_length)
    builder = (
        _builder(subject, issuer.subject, key, issuer.not_valid_before_utc, issuer.not_valid_after_utc)
        .add_extension(constraints, critical=True)
        .add_extension(_authority_usage(), critical=True)
        .add_extension(_authority_key_identifier(issuer), critical=False)
    )
    if template.permitted:
        trees = [x509.DNSName(domain) for domain in template.permitted]
        builder = builder.add_extension(x509.NameConstraints(trees, None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _leaf(
    template: LeafTemplate, issuer: x509.Certificate | None, issuer_key: rsa.RSAPrivateKey, key: PrivateKey
) -> x509.Certificate:
    """The server's certificate; without ``issuer`` it names itself as such."""
    # A name that is too long for a common name stands in the subjectAltName alone.
    fits = len(template.common_name) <= COMMON_NAME_LIMIT
    subject = _name(template.common_name if fits else "certsuite edge")
    issued_by = subject if issuer is None else issuer.subject
    identifier = (
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        if issuer is None
        else _authority_key_identifier(issuer)
    )
    builder = (
        _builder(subject, issued_by, key, template.not_before, template.not_after)
        .add_extension(x509.BasicConstraints(ca=template.is_authority, path_length=None), critical=True)
        .add_extension(_server_usage(key), critical=True)
        .add_extension(x509.ExtendedKeyUsage(template.usages), critical=False)
    )
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in template.dns_names]
    names += [x509.IPAddress(ip_address(address)) for address in template.ip_addresses]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(identifier, critical=False)
    if template.crl_url:
        place = x509.DistributionPoint([x509.UniformResourceIdentifier(template.crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([place]), critical=False)
    return with_digest(builder.sign(issuer_key, hashes.SHA256()), issuer_key, template.digest)


def _revoked_answer(
    leaf: x509.Certificate, issuer: x509.Certificate, issuer_key: rsa.RSAPrivateKey, now: datetime
) -> bytes:
    """An OCSP answer of ``issuer`` itself: ``leaf`` is revoked since half a day (RFC 6960)."""
    answer = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf,
        issuer=issuer,
        # What every client can compare; it identifies, and protects nothing.
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.REVOKED,
        this_update=now - _HOUR,
        next_update=now + AFTER,
        revocation_time=now - 12 * _HOUR,
        revocation_reason=x509.ReasonFlags.key_compromise,
    )
    signed = answer.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer).sign(issuer_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def _revocation_list(
    leaf: x509.Certificate, issuer: x509.Certificate, issuer_key: rsa.RSAPrivateKey, now: datetime
) -> bytes:
    """A CRL of ``issuer`` in DER that lists ``leaf`` (RFC 5280 section 5)."""
    revoked = (
        x509.RevokedCertificateBuilder()
        .serial_number(leaf.serial_number)
        .revocation_date(now - 12 * _HOUR)
        .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        .build()
    )
    revocations = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - _HOUR)
        .next_update(now + AFTER)
        .add_extension(_authority_key_identifier(issuer), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_revoked_certificate(revoked)
    )
    return revocations.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, not_before: datetime, not_after: datetime
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


def _authority_usage() -> x509.KeyUsage:
    return _usage(key_cert_sign=True, crl_sign=True)


def _server_usage(key: PrivateKey) -> x509.KeyUsage:
    # Nothing is encrypted to an ECDSA key, and the certificate must not say so (RFC 8813 section 3).
    return _usage(digital_signature=True, key_encipherment=not isinstance(key, ec.EllipticCurvePrivateKey))


def _usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _tlv(tag: int, content: bytes) -> bytes:
    """A value in DER (X.690 section 8.1)."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def _content(der: bytes) -> bytes:
    """What is inside of a value in DER."""
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]
