"""The comparison of a certificate with the domain that was looked up, for a device that does not verify the chain.

OpenSSL compares the name only together with the chain. A module of its own, since reading certificates is slow to load
and a compliant device never does it by itself.
"""

from __future__ import annotations

import ipaddress
import ssl

from cryptography import x509
from cryptography.x509.oid import NameOID


class HostNameMismatch(ssl.SSLError):
    """The server's certificate is for another name."""


def check_host_name(certificate: bytes, name: str) -> None:
    """Compare a certificate (DER) with the domain that was looked up (RFC 5922 section 7.2).

    The common name counts only if there is no subjectAltName of a kind that could hold the name.
    Raises :class:`HostNameMismatch`.
    """
    leaf = x509.load_der_x509_certificate(certificate)
    try:
        alternatives = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = [str(attribute.value) for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    else:
        try:
            if ipaddress.ip_address(name) in alternatives.get_values_for_type(x509.IPAddress):
                return
        except ValueError:
            pass
        names = alternatives.get_values_for_type(x509.DNSName)
    if not any(_matches(pattern.lower(), name.lower()) for pattern in names):
        raise HostNameMismatch(f"the certificate is for {', '.join(names) or 'nobody'} and not for {name}")


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        _, dot, parent = name.partition(".")
        return bool(dot) and pattern[2:] == parent
    return pattern == name
