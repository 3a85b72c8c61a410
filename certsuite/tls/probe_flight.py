"""The server's first flight in TLS 1.2 and 1.3, by hand: what a certificate's owner would send, without its key.

A TLS library insists on the private key of the certificate that it sends. Here the place of the signature is filled
with noise of the right length, or the handshake stops before it (RFC 5246 section 7.4, RFC 8446 sections 4 and 7).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.probe_reissue import PublicKey

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
"Types of a record."
CLIENT_KEY_EXCHANGE, FINISHED = 16, 20
"Types of a handshake message."

TLS12, TLS13 = b"\x03\x03", b"\x03\x04"
_RECORD = 1 << 14

_EC_POINT_FORMATS, _EXTENDED_MASTER_SECRET, _SUPPORTED_VERSIONS, _KEY_SHARE = 11, 23, 43, 51
_RENEGOTIATION_INFO = 0xFF01
_RENEGOTIATION_SCSV = 0x00FF

ECDHE_RSA = (0xC02F, 0xC030, 0xCCA8, 0xC027, 0xC028, 0xC013, 0xC014, 0xC060, 0xC061, 0xC012)
"Suites of TLS 1.2 with an ephemeral key signed by RSA: those that a server takes, most usual first."
ECDHE_ECDSA = (0xC02B, 0xC02C, 0xCCA9, 0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF, 0xC023, 0xC024, 0xC009, 0xC00A, 0xC008)
STATIC_RSA = (0x009C, 0x009D, 0xC09C, 0xC09D, 0xC0A0, 0xC0A1, 0x003C, 0x003D, 0x002F, 0x0035, 0x0041, 0x0084, 0x000A)
"Suites in which the client encrypts its secret to the certificate's key."
RSA_SIGNATURES_12 = (0x0401, 0x0804, 0x0501, 0x0601, 0x0805, 0x0806, 0x0809, 0x0201)
ECDSA_SIGNATURES_12 = (0x0403, 0x0503, 0x0603, 0x0203)
RSA_SIGNATURES_13 = (0x0804, 0x0805, 0x0806)
_ECDSA_SIGNATURES_13 = {"secp256r1": 0x0403, "secp384r1": 0x0503, "secp521r1": 0x0603}

_CURVES: dict[int, ec.EllipticCurve] = {23: ec.SECP256R1(), 24: ec.SECP384R1(), 25: ec.SECP521R1()}
_X25519 = 29
GROUPS = (_X25519, *_CURVES)
"Key exchange groups that a server takes."

_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."


class NotOffered(Exception):
    """The client offers nothing that this way of asking could use: no fault of anybody's."""


# --- what the client said


@dataclass(frozen=True, slots=True)
class HelloDetails:
    """What a flight needs of a ClientHello beside what is known of it already."""

    session_id: bytes
    key_shares: dict[int, bytes]
    "Public keys by group."
    raw: bytes
    seen: ClientHelloSeen

    @classmethod
    def of(cls, seen: ClientHelloSeen) -> HelloDetails:
        """Raises :class:`ValueError` if the key shares cannot be read; the rest was read before."""
        raw = seen.raw
        at = 4 + 2 + 32
        session_id = raw[at + 1 : at + 1 + raw[at]]
        at += 1 + raw[at]
        at += 2 + int.from_bytes(raw[at : at + 2], "big")
        at += 1 + raw[at]
        shares: dict[int, bytes] = {}
        at += 2
        while at + 4 <= len(raw):
            kind, length = int.from_bytes(raw[at : at + 2], "big"), int.from_bytes(raw[at + 2 : at + 4], "big")
            if kind == _KEY_SHARE:
                shares = _key_shares(raw[at + 4 : at + 4 + length])
            at += 4 + length
        return cls(session_id, shares, raw, seen)


def _key_shares(extension: bytes) -> dict[int, bytes]:
    if len(extension) < 2 or int.from_bytes(extension[:2], "big") != len(extension) - 2:
        raise ValueError("key_share: its length is wrong")
    shares = {}
    at = 2
    while at < len(extension):
        group, length = int.from_bytes(extension[at : at + 2], "big"), int.from_bytes(extension[at + 2 : at + 4], "big")
        if at + 4 + length > len(extension):
            raise ValueError("key_share: an entry is longer than the list")
        shares[group] = extension[at + 4 : at + 4 + length]
        at += 4 + length
    return shares


def _first(wanted: Sequence[int], offered: Sequence[int], what: str) -> int:
    for one in wanted:
        if one in offered:
            return one
    raise NotOffered(f"it offers no {what}")


# --- key exchange and noise


class KeyShare:
    """The server's ephemeral key of one group."""

    def __init__(self, group: int) -> None:
        self.group = group
        self._key: x25519.X25519PrivateKey | ec.EllipticCurvePrivateKey
        if group == _X25519:
            self._key = x25519.X25519PrivateKey.generate()
            self.public = self._key.public_key().public_bytes_raw()
        else:
            curve_key = ec.generate_private_key(_CURVES[group])
            self._key = curve_key
            self.public = curve_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def secret(self, peer: bytes) -> bytes:
        """What both sides know. Raises :class:`ValueError` if the peer's key is none of the group."""
        if isinstance(self._key, x25519.X25519PrivateKey):
            return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, peer))

    def noise(self, what: str, length: int) -> bytes:
        """Bytes that nobody can foretell, as the public key is another one on each connection."""
        return hashlib.shake_256(what.encode("ascii") + self.public).digest(length)


def noise_signature(key: PublicKey, noise: Callable[[str, int], bytes]) -> bytes:
    """A value with the form of a signature that ``key`` would check, and wrong."""
    size = (key.key_size + 7) // 8
    if isinstance(key, rsa.RSAPublicKey):
        # Smaller than the modulus, so that it is the signature that is wrong and not its range.
        return b"\x01" + noise("signature", size - 1)
    r, s = (int.from_bytes(noise(part, size), "big") >> 9 | 1 for part in ("r", "s"))
    return encode_dss_signature(r, s)


# --- bytes


def _sized(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width, "big") + content


def _number(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _sized(3, body)


def _extension(kind: int, body: bytes) -> bytes:
    return _number(kind) + _sized(2, body)


def records(kind: int, content: bytes) -> bytes:
    """Plaintext records that carry ``content``."""
    return b"".join(
        bytes([kind]) + TLS12 + _sized(2, content[at : at + _RECORD]) for at in range(0, len(content), _RECORD)
    )


def alert_record(description: int) -> bytes:
    """A fatal alert in the clear."""
    return records(ALERT, bytes([2, description]))


# --- TLS 1.2


def flight12(
    hello: HelloDetails,
    chain: Sequence[bytes],
    key: PublicKey,
    *,
    static_rsa: bool,
    stop_after_certificate: bool,
) -> bytes:
    """ServerHello, Certificate, and the rest unless it stops there.

    Raises :class:`NotOffered` if the client cannot be asked so.
    """
    seen = hello.seen
    if "TLSv1.2" not in seen.versions:
        raise NotOffered("it does not offer TLS 1.2")
    of_rsa = isinstance(key, rsa.RSAPublicKey)
    ephemeral = ECDHE_RSA if of_rsa else ECDHE_ECDSA
    wanted = STATIC_RSA if static_rsa else (*ephemeral, *STATIC_RSA) if stop_after_certificate and of_rsa else ephemeral
    name = "suite of TLS 1.2 with static RSA" if static_rsa else "suite of TLS 1.2 for this certificate's key"
    suite = _first(wanted, seen.cipher_suites, name)
    share = KeyShare(_first(GROUPS, seen.groups, "group of ours") if seen.groups and suite in ephemeral else 23)
    extensions = b""
    if _RENEGOTIATION_INFO in seen.extensions or _RENEGOTIATION_SCSV in seen.cipher_suites:
        extensions += _extension(_RENEGOTIATION_INFO, b"\x00")
    if _EC_POINT_FORMATS in seen.extensions and suite in ephemeral:
        extensions += _extension(_EC_POINT_FORMATS, b"\x01\x00")
    if _EXTENDED_MASTER_SECRET in seen.extensions:
        extensions += _extension(_EXTENDED_MASTER_SECRET, b"")
    # No session id: the session is none that could be resumed. No mark of a downgrade: this server has nothing newer.
    body = TLS12 + share.noise("random", 32) + b"\x00" + _number(suite) + b"\x00"
    messages = [
        _message(2, body + (_sized(2, extensions) if extensions else b"")),
        _message(11, _sized(3, b"".join(_sized(3, certificate) for certificate in chain))),
    ]
    if not stop_after_certificate:
        if suite in ephemeral:
            # A client that names no algorithms takes SHA-1 (RFC 5246 section 7.4.1.4.1).
            offered = seen.signature_algorithms or (0x0201, 0x0203)
            ours = RSA_SIGNATURES_12 if of_rsa else ECDSA_SIGNATURES_12
            algorithm = _first(ours, offered, "signature algorithm for this certificate's key")
            signature = noise_signature(key, share.noise)
            parameters = b"\x03" + _number(share.group) + _sized(1, share.public)
            messages.append(_message(12, parameters + _number(algorithm) + _sized(2, signature)))
        messages.append(_message(14, b""))
    return b"".join(records(HANDSHAKE, message) for message in messages)


# --- TLS 1.3


@dataclass(frozen=True, slots=True)
class _Suite13:
    hash_name: str
    key_length: int
    aead: type[AESGCM] | type[ChaCha20Poly1305]


SUITES_13: dict[int, _Suite13] = {
    0x1301: _Suite13("sha256", 16, AESGCM),
    0x1302: _Suite13("sha384", 32, AESGCM),
    0x1303: _Suite13("sha256", 32, ChaCha20Poly1305),
}


class _Keys13:
    """Keys of one direction (RFC 8446 section 7.3)."""

    def __init__(self, suite: _Suite13, secret: bytes) -> None:
        self._suite = suite
        self.secret = secret
        self._aead = suite.aead(expand_label(suite.hash_name, secret, "key", b"", suite.key_length))
        self._iv = int.from_bytes(expand_label(suite.hash_name, secret, "iv", b"", 12), "big")
        self._number = 0

    def _nonce(self) -> bytes:
        return (self._iv ^ self._number).to_bytes(12, "big")

    def protect(self, kind: int, content: bytes) -> bytes:
        """Records that carry ``content``."""
        out = b""
        for at in range(0, len(content), _RECORD):
            inner = content[at : at + _RECORD] + bytes([kind])
            header = bytes([APPLICATION_DATA]) + TLS12 + _number(len(inner) + 16)
            out += header + self._aead.encrypt(self._nonce(), inner, header)
            self._number += 1
        return out

    def unprotect(self, header: bytes, payload: bytes) -> tuple[int, bytes]:
        """(type, content) of a record. Raises :class:`ValueError` if it was not made with these keys."""
        try:
            inner = self._aead.decrypt(self._nonce(), payload, header).rstrip(b"\x00")
        except InvalidTag as error:
            raise ValueError("a record that cannot be decrypted") from error
        self._number += 1
        if not inner:
            raise ValueError("a record without content")
        return inner[-1], inner[:-1]


def expand_label(hash_name: str, secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1)."""
    info = _number(length) + _sized(1, b"tls13 " + label.encode("ascii")) + _sized(1, context)
    out = block = b""
    count = 0
    while len(out) < length:
        count += 1
        block = hmac.digest(secret, block + info + bytes([count]), hash_name)
        out += block
    return out[:length]


class Flight13:
    """The server's side of a TLS 1.3 handshake up to its Finished."""

    def __init__(self, chain: Sequence[bytes], key: PublicKey, *, stop_after_certificate: bool) -> None:
        self._chain = chain
        self._key = key
        self._stop = stop_after_certificate
        self._suite: int | None = None
        self._transcript = b""
        self._group = 0
        self._client: _Keys13 | None = None
        self.secrets: tuple[tuple[str, bytes], ...] = ()
        "(label of an NSS key log, secret) of the handshake's traffic, once there is any."

    def answer(self, hello: HelloDetails) -> bytes:
        """The flight, or a HelloRetryRequest, after which the client says hello once more.

        Raises :class:`NotOffered` if the client cannot be asked so, :class:`ValueError` if its key share is broken.
        """
        seen = hello.seen
        if "TLSv1.3" not in seen.versions:
            raise NotOffered("it does not offer TLS 1.3")
        if isinstance(self._key, rsa.RSAPublicKey):
            ours: tuple[int, ...] = RSA_SIGNATURES_13
        else:
            ours = (_ECDSA_SIGNATURES_13.get(self._key.curve.name, 0),)
        algorithm = _first(ours, seen.signature_algorithms, "signature algorithm for this certificate's key")
        retried = self._suite is not None
        if self._suite is None:
            self._suite = _first(tuple(SUITES_13), seen.cipher_suites, "suite of TLS 1.3")
        suite = SUITES_13[self._suite]
        wanted = (self._group,) if retried else GROUPS
        group = next((one for one in wanted if one in hello.key_shares), None)
        if group is None:
            if retried:
                raise ValueError("the second ClientHello lacks the key share that was asked for")
            return self._retry(hello, suite)
        share = KeyShare(group)
        secret = share.secret(hello.key_shares[group])
        server_hello = self._hello(hello, share.noise("random", 32), _number(group) + _sized(2, share.public))
        self._transcript += hello.raw + server_hello
        client, server = self._keys(suite, secret)
        self._client = client
        encrypted = [
            _message(8, _sized(2, b"")),
            _message(11, b"\x00" + _sized(3, b"".join(_sized(3, one) + b"\x00\x00" for one in self._chain))),
        ]
        if not self._stop:
            signature = noise_signature(self._key, share.noise)
            encrypted.append(_message(15, _number(algorithm) + _sized(2, signature)))
            finished = expand_label(suite.hash_name, server.secret, "finished", b"", len(server.secret))
            so_far = hashlib.new(suite.hash_name, self._transcript + b"".join(encrypted)).digest()
            encrypted.append(_message(FINISHED, hmac.digest(finished, so_far, suite.hash_name)))
        # The middle of the handshake looks like that of TLS 1.2 to a client that asks for it (appendix D.4).
        disguise = records(CHANGE_CIPHER_SPEC, b"\x01") if hello.session_id and not retried else b""
        plain = records(HANDSHAKE, server_hello)
        return plain + disguise + b"".join(server.protect(HANDSHAKE, message) for message in encrypted)

    def unprotect(self, header: bytes, payload: bytes) -> tuple[int, bytes]:
        """(type, content) of a record of the client's. Raises :class:`ValueError` if it cannot be decrypted."""
        if self._client is None:
            raise ValueError("an encrypted record before there are keys")
        return self._client.unprotect(header, payload)

    def _hello(self, hello: HelloDetails, random: bytes, share: bytes) -> bytes:
        assert self._suite is not None
        extensions = _extension(_SUPPORTED_VERSIONS, TLS13) + _extension(_KEY_SHARE, share)
        body = TLS12 + random + _sized(1, hello.session_id) + _number(self._suite) + b"\x00"
        return _message(2, body + _sized(2, extensions))

    def _retry(self, hello: HelloDetails, suite: _Suite13) -> bytes:
        self._group = _first(GROUPS, hello.seen.groups, "group of ours")
        request = self._hello(hello, _RETRY_RANDOM, _number(self._group))
        digest = hashlib.new(suite.hash_name, hello.raw).digest()
        # A hash stands for the first ClientHello (RFC 8446 section 4.4.1).
        self._transcript = _message(254, digest) + request
        disguise = records(CHANGE_CIPHER_SPEC, b"\x01") if hello.session_id else b""
        return records(HANDSHAKE, request) + disguise

    def _keys(self, suite: _Suite13, shared: bytes) -> tuple[_Keys13, _Keys13]:
        name = suite.hash_name
        size = hashlib.new(name).digest_size
        nothing = hashlib.new(name).digest()
        early = hmac.digest(bytes(size), bytes(size), name)
        handshake = hmac.digest(expand_label(name, early, "derived", nothing, size), shared, name)
        context = hashlib.new(name, self._transcript).digest()
        client = expand_label(name, handshake, "c hs traffic", context, size)
        server = expand_label(name, handshake, "s hs traffic", context, size)
        self.secrets = (
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client),
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", server),
        )
        return _Keys13(suite, client), _Keys13(suite, server)
