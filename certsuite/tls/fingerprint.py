"""A fingerprint of a ClientHello: devices with the same TLS library and settings have the same.

It is made after the JA3 method: five lists of the ClientHello, each with its numbers in decimal joined by ``-``, the
lists joined by ``,``, and MD5 over that text. The lists are the legacy version, the cipher suites, the extensions in
their order, the groups and the point formats; GREASE values (RFC 8701) are left out. It helps a reader to recognise a
stack, and decides nothing.
"""

from __future__ import annotations

import hashlib

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.client_hello import extension_data
from certsuite.tls.versions import is_grease

METHOD = "MD5 of version,suites,extensions,groups,point formats as decimal numbers, GREASE left out (the JA3 method)"

_POINT_FORMATS = 11


def fingerprint_text(hello: ClientHelloSeen) -> str:
    """What the fingerprint is the hash of. Raises :class:`ValueError` if the bytes are no ClientHello."""
    formats = extension_data(hello.raw).get(_POINT_FORMATS, b"")
    lists = (
        (int.from_bytes(hello.raw[4:6], "big"),),
        hello.cipher_suites,
        hello.extensions,
        hello.groups,
        tuple(formats[1:]),
    )
    return ",".join("-".join(str(number) for number in numbers if not is_grease(number)) for numbers in lists)


def fingerprint(hello: ClientHelloSeen) -> str:
    """32 hexadecimal digits. Raises :class:`ValueError` if the bytes are no ClientHello."""
    return hashlib.md5(fingerprint_text(hello).encode("ascii"), usedforsecurity=False).hexdigest()
