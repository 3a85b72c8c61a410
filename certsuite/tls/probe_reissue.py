"""Certificates issued anew: the bytes of a given one with another key, name, serial or signature (RFC 5280 4.1).

A probe's controls must have the shape of the chain that is probed: what is not changed on purpose stays as it is, byte
by byte, in extensions that no library knows too. Certificates are taken apart as DER, so that a root with the serial
number zero is no problem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_INTEGER, _BIT_STRING, _OCTET_STRING, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
_BMP_STRING = 0x1E
_EXTENSIONS = 0xA3
_VERSION = 0xA0
_KEY_IDENTIFIER = 0x80

_COMMON_NAME = bytes.fromhex("550403")
_SUBJECT_KEY_IDENTIFIER = bytes.fromhex("551d0e")
_AUTHORITY_KEY_IDENTIFIER = bytes.fromhex("551d23")

_HASHES: dict[bytes, tuple[hashes.HashAlgorithm, str, str]] = {
    # Signature algorithm's OID: the hash, and what names it with RSA (PKCS #1 v1.5) and with ECDSA.
    bytes.fromhex(oid): (algorithm, rsa_oid, ecdsa_oid)
    for algorithm, rsa_oid, ecdsa_oid in (
        (hashes.SHA1(), "2a864886f70d010105", "2a8648ce3d0401"),
        (hashes.SHA256(), "2a864886f70d01010b", "2a8648ce3d040302"),
        (hashes.SHA384(), "2a864886f70d01010c", "2a8648ce3d040303"),
        (hashes.SHA512(), "2a864886f70d01010d", "2a8648ce3d040304"),
    )
    for oid in (rsa_oid, ecdsa_oid)
}
_USUAL_HASH = bytes.fromhex("2a864886f70d01010b")


def _encode(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


@dataclass(frozen=True, slots=True)
class _Element:
    """One DER element: its tag, its content, and both with the length between them."""

    tag: int
    content: bytes
    whole: bytes
    at: int
    "Where its content begins in what it was read from."

    def children(self) -> list[_Element]:
        return list(_elements(self.content))


def _elements(data: bytes) -> Iterator[_Element]:
    """The elements that ``data`` is a row of. Raises :class:`ValueError` if it is none."""
    at = 0
    while at < len(data):
        if len(data) - at < 2:
            raise ValueError("a DER element without a length")
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 4 or start + octets > len(data):
                raise ValueError("a DER length that cannot be read")
            length = int.from_bytes(data[start : start + octets], "big")
            start += octets
        if start + length > len(data):
            raise ValueError(f"a DER element of {length} bytes, {len(data) - start} are left")
        yield _Element(tag, data[start : start + length], data[at : start + length], start)
        at = start + length


def _only(data: bytes, tag: int, what: str) -> _Element:
    elements = list(_elements(data))
    if len(elements) != 1 or elements[0].tag != tag:
        raise ValueError(f"{what} is no single DER element of type {tag:#04x}")
    return elements[0]


@dataclass(frozen=True)
class RawCertificate:
    """A certificate as bytes, and the parts of it that a probe needs. Compared by its bytes."""

    der: bytes

    @classmethod
    def from_der(cls, der: bytes) -> RawCertificate:
        """Raises :class:`ValueError` if ``der`` is no certificate with an RSA or ECDSA key."""
        certificate = cls(der)
        # What cannot be read is refused here, and not in the middle of a handshake.
        _ = certificate.public_key, certificate.subject_key_identifier
        return certificate

    @cached_property
    def _tbs(self) -> list[_Element]:
        parts = _only(self.der, _SEQUENCE, "the certificate").children()
        if len(parts) != 3:
            raise ValueError(f"a certificate has 3 parts, not {len(parts)}")
        tbs = parts[0].children()
        if not tbs or tbs[0].tag != _VERSION:
            raise ValueError("a certificate of version 1")
        if len(tbs) < 7:
            raise ValueError("the certificate lacks fields")
        return tbs

    @property
    def issuer(self) -> bytes:
        """The issuer's name as DER."""
        return self._tbs[3].whole

    @property
    def subject(self) -> bytes:
        """The subject's name as DER."""
        return self._tbs[5].whole

    @cached_property
    def public_key(self) -> PublicKey:
        """Its key. Raises :class:`ValueError` if it is neither RSA nor ECDSA."""
        try:
            key = serialization.load_der_public_key(self._tbs[6].whole)
        except UnsupportedAlgorithm as error:
            raise ValueError(f"a key that is not supported: {error}") from error
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise ValueError(f"a key of type {type(key).__name__}, neither RSA nor ECDSA")
        return key

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in capital hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest().upper()

    @cached_property
    def subject_key_identifier(self) -> bytes | None:
        """What the certificate calls its key; None if it does not say."""
        for oid, value in self._extensions():
            if oid == _SUBJECT_KEY_IDENTIFIER:
                return _only(value, _OCTET_STRING, "subjectKeyIdentifier").content
        return None

    def _extensions(self) -> Iterator[tuple[bytes, bytes]]:
        for element in self._tbs[7:]:
            if element.tag == _EXTENSIONS:
                for extension in _only(element.content, _SEQUENCE, "extensions").children():
                    parts = extension.children()
                    if len(parts) < 2:
                        raise ValueError("an extension without a value")
                    yield parts[0].content, parts[-1].content


def renamed(name: bytes, tag: bytes) -> bytes:
    """A DER name with another common name of the same length, made from ``tag``; without one, its last part's value."""
    rows = _only(name, _SEQUENCE, "the name")
    values: list[tuple[bytes, int, _Element]] = []
    for row in rows.children():
        for pair in row.children():
            oid, value = pair.children()
            values.append((oid.content, rows.at + row.at + pair.at + value.at, value))
    if not values:
        return name
    _, place, value = next((one for one in reversed(values) if one[0] == _COMMON_NAME), values[-1])
    width = 2 if value.tag == _BMP_STRING else 1
    letters = hashlib.shake_256(tag).hexdigest(len(value.content))[: len(value.content) // width]
    text = letters.encode("utf-16-be" if width == 2 else "ascii")
    return name[:place] + text + name[place + len(text) :]


def reissue(
    template: RawCertificate,
    *,
    signer: PrivateKey,
    issuer: bytes | None = None,
    issuer_key_identifier: bytes | None = None,
    subject: bytes | None = None,
    public_key: PublicKey | None = None,
    serial_from: bytes | None = None,
) -> RawCertificate:
    """``template`` once more, signed by ``signer``, with the changes that are given. The hash stays what it was.

    ``serial_from`` makes a new serial number of the same length from these bytes. A new key has a new key identifier
    where the template has one; ``issuer_key_identifier`` takes the place of the one that the template names.
    Raises :class:`ValueError` if the template cannot be read.
    """
    fields = template._tbs
    signed_with = fields[2].children()[0].content
    algorithm, rsa_oid, ecdsa_oid = _HASHES.get(signed_with, _HASHES[_USUAL_HASH])
    if isinstance(signer, rsa.RSAPrivateKey):
        signature_algorithm = _encode(_SEQUENCE, _encode(_OID, bytes.fromhex(rsa_oid)) + b"\x05\x00")
    else:
        signature_algorithm = _encode(_SEQUENCE, _encode(_OID, bytes.fromhex(ecdsa_oid)))
    key = fields[6].whole
    identifier = None
    if public_key is not None:
        key = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        identifier = hashlib.sha1(_bits_of(key), usedforsecurity=False).digest()
    parts = [
        fields[0].whole,
        fields[1].whole if serial_from is None else _encode(_INTEGER, _serial(fields[1].content, serial_from)),
        signature_algorithm,
        issuer or fields[3].whole,
        fields[4].whole,
        subject or fields[5].whole,
        key,
    ]
    for element in fields[7:]:
        if element.tag == _EXTENSIONS:
            changed = [
                _with_identifiers(extension, identifier, issuer_key_identifier)
                for extension in _only(element.content, _SEQUENCE, "extensions").children()
            ]
            parts.append(_encode(_EXTENSIONS, _encode(_SEQUENCE, b"".join(changed))))
        else:
            parts.append(element.whole)
    tbs = _encode(_SEQUENCE, b"".join(parts))
    if isinstance(signer, rsa.RSAPrivateKey):
        signature = signer.sign(tbs, padding.PKCS1v15(), algorithm)
    else:
        signature = signer.sign(tbs, ec.ECDSA(algorithm))
    return RawCertificate(_encode(_SEQUENCE, tbs + signature_algorithm + _encode(_BIT_STRING, b"\x00" + signature)))


def _bits_of(key: bytes) -> bytes:
    """The bits of a SubjectPublicKeyInfo, which the usual identifier is the SHA-1 of (RFC 5280 section 4.2.1.2)."""
    return _only(key, _SEQUENCE, "the key").children()[1].content[1:]


def _serial(old: bytes, source: bytes) -> bytes:
    """A positive number of as many bytes as ``old``."""
    digest = hashlib.shake_256(source).digest(len(old))
    return bytes([digest[0] & 0x3F | 0x40]) + digest[1:]


def _with_identifiers(extension: _Element, own: bytes | None, issuers: bytes | None) -> bytes:
    """The extension with other key identifiers, if it holds any: the key's own, or its issuer's."""
    parts = extension.children()
    oid = parts[0].content
    if oid == _SUBJECT_KEY_IDENTIFIER and own is not None:
        value = _encode(_OCTET_STRING, own)
    elif oid == _AUTHORITY_KEY_IDENTIFIER and issuers is not None:
        value = _encode(_SEQUENCE, _encode(_KEY_IDENTIFIER, issuers))
    else:
        return extension.whole
    kept = b"".join(part.whole for part in parts[:-1])
    return _encode(_SEQUENCE, kept + _encode(_OCTET_STRING, value))


def like(key: PublicKey) -> PrivateKey:
    """A new key of the same kind and size. Slow for RSA: seconds for 4096 bits."""
    if isinstance(key, rsa.RSAPublicKey):
        return rsa.generate_private_key(public_exponent=65537, key_size=key.key_size)
    return ec.generate_private_key(key.curve)
