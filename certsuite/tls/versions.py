"""Names of TLS versions, and which OpenSSL serves the edges."""

from __future__ import annotations

from OpenSSL import SSL

VERSION_NAMES: dict[int, str] = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
"Protocol versions by their number on the wire, oldest first."

VERSION_NUMBERS: dict[str, int] = {name: number for number, name in VERSION_NAMES.items()}


def version_name(number: int) -> str:
    """The name of a protocol version; an unknown one reads ``0xNNNN``."""
    return VERSION_NAMES.get(number, f"0x{number:04x}")


def is_grease(number: int) -> bool:
    """Whether a two-byte value is one of those that mean nothing on purpose (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def openssl_version() -> str:
    """The OpenSSL that serves the edges, such as ``OpenSSL 4.0.3 29 Sep 2026``; not the standard library's."""
    return SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode("ascii", "replace")
