"""Names of TLS groups, signature algorithms and extensions (the IANA registries "TLS Supported Groups",
"TLS SignatureScheme" and "TLS ExtensionType Values")."""

from __future__ import annotations

from certsuite.tls.versions import is_grease

EXTENDED_MASTER_SECRET = 23
"Extension (RFC 7627)."
RENEGOTIATION_INFO = 65281
"Extension (RFC 5746 section 3.2)."
EMPTY_RENEGOTIATION_INFO_SCSV = 0x00FF
"The same, said among the cipher suites (RFC 5746 section 3.3)."
SECP256R1 = 23
"Group."
X25519 = 29
"Group."

GROUP_NAMES: dict[int, str] = {
    15: "secp160k1",
    16: "secp160r1",
    17: "secp160r2",
    18: "secp192k1",
    19: "secp192r1",
    20: "secp224k1",
    21: "secp224r1",
    22: "secp256k1",
    SECP256R1: "secp256r1",
    24: "secp384r1",
    25: "secp521r1",
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    X25519: "x25519",
    30: "x448",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
    256: "ffdhe2048",
    257: "ffdhe3072",
    258: "ffdhe4096",
    259: "ffdhe6144",
    260: "ffdhe8192",
    512: "MLKEM512",
    513: "MLKEM768",
    514: "MLKEM1024",
    4587: "SecP256r1MLKEM768",
    4588: "X25519MLKEM768",
    4589: "SecP384r1MLKEM1024",
}

EXTENSION_NAMES: dict[int, str] = {
    0: "server_name",
    1: "max_fragment_length",
    3: "trusted_ca_keys",
    4: "truncated_hmac",
    5: "status_request",
    10: "supported_groups",
    11: "ec_point_formats",
    12: "srp",
    13: "signature_algorithms",
    14: "use_srtp",
    15: "heartbeat",
    16: "application_layer_protocol_negotiation",
    17: "status_request_v2",
    18: "signed_certificate_timestamp",
    19: "client_certificate_type",
    20: "server_certificate_type",
    21: "padding",
    22: "encrypt_then_mac",
    EXTENDED_MASTER_SECRET: "extended_master_secret",
    25: "cached_info",
    27: "compress_certificate",
    28: "record_size_limit",
    34: "delegated_credential",
    35: "session_ticket",
    41: "pre_shared_key",
    42: "early_data",
    43: "supported_versions",
    44: "cookie",
    45: "psk_key_exchange_modes",
    47: "certificate_authorities",
    48: "oid_filters",
    49: "post_handshake_auth",
    50: "signature_algorithms_cert",
    51: "key_share",
    65037: "encrypted_client_hello",
    RENEGOTIATION_INFO: "renegotiation_info",
}

SIGNATURE_SCHEME_NAMES: dict[int, str] = {
    0x0201: "rsa_pkcs1_sha1",
    0x0203: "ecdsa_sha1",
    0x0401: "rsa_pkcs1_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
}

_HASHES = {0: "none", 1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_SIGNATURES = {0: "anonymous", 1: "rsa", 2: "dsa", 3: "ecdsa"}
_BROKEN_HASHES = frozenset({0, 1, 2})


def group_name(number: int) -> str:
    """The name of a group; one that is in no list reads ``0xNNNN``."""
    return GROUP_NAMES.get(number) or _number(number)


def extension_name(number: int) -> str:
    """The name of an extension; one that is in no list reads as its number in decimal, as the registry writes it."""
    return EXTENSION_NAMES.get(number) or ("GREASE" if is_grease(number) else str(number))


def signature_algorithm_name(number: int) -> str:
    """The name of a signature scheme, or of TLS 1.2's pair of hash and signature (RFC 5246 section 7.4.1.4.1)."""
    if number in SIGNATURE_SCHEME_NAMES:
        return SIGNATURE_SCHEME_NAMES[number]
    digest, signature = _HASHES.get(number >> 8), _SIGNATURES.get(number & 0xFF)
    return f"{signature}_{digest}" if digest and signature else _number(number)


def is_broken_signature(number: int) -> bool:
    """Whether a signature algorithm rests on MD5, SHA-1 or no hash at all (RFC 9155)."""
    return number >> 8 in _BROKEN_HASHES and number & 0xFF in _SIGNATURES


def _number(number: int) -> str:
    return "GREASE" if is_grease(number) else f"0x{number:04x}"
