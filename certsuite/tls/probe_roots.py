"""The public roots that a device can be asked for, as data with their fingerprints; and chains out of PEM files."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from certsuite.core.errors import UsageError
from certsuite.tls.probe_reissue import RawCertificate

IDENTRUST = "identrust"
"The root that Webex Calling's certificates hang from."

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class KnownRoot:
    """A root certificate that the suite brings along."""

    name: str
    "What a user calls it."
    meaning: str
    "What its authority calls it."
    certificate: RawCertificate


def certificates_of_pem(pem: bytes, what: str = "the PEM text") -> tuple[RawCertificate, ...]:
    """The certificates of a PEM text in their order. Raises :class:`UsageError` if it holds none, or a broken one."""
    certificates = []
    for number, block in enumerate(_PEM.findall(pem), 1):
        try:
            certificates.append(RawCertificate.from_der(base64.b64decode(b"".join(block.split()), validate=True)))
        except (ValueError, binascii.Error) as error:
            raise UsageError(f"{what}: certificate {number} cannot be read: {error}") from error
    if not certificates:
        raise UsageError(f"{what}: no certificate in it")
    return tuple(certificates)


def checked(certificate: RawCertificate, fingerprint: str, what: str) -> RawCertificate:
    """The certificate, if its SHA-256 is ``fingerprint``. Raises :class:`UsageError` if it is another one."""
    if certificate.fingerprint != fingerprint:
        raise UsageError(f"{what} has the SHA-256 fingerprint {certificate.fingerprint}, and not {fingerprint}")
    return certificate


@cache
def known_roots() -> dict[str, KnownRoot]:
    """The roots of the data files by name. Raises :class:`UsageError` if one is not what its fingerprint says."""
    folder = files("certsuite.tls") / "roots"
    roots = {}
    for line in (folder / "roots.tsv").read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        name, file, fingerprint, meaning = line.split("\t")
        (certificate,) = certificates_of_pem((folder / file).read_text(encoding="ascii").encode("ascii"), file)
        roots[name] = KnownRoot(name, meaning, checked(certificate, fingerprint, file))
    return roots


def known_root(name: str) -> KnownRoot:
    """The root of that name. Raises :class:`UsageError` if there is none."""
    try:
        return known_roots()[name]
    except KeyError:
        raise UsageError(f"no root is named {name!r}; there are {', '.join(known_roots())}") from None
