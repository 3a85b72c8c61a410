"""TLS cipher suites by number and name, from ``suites.tsv``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """One cipher suite."""

    number: int
    name: str
    "Its name in the IANA registry."
    openssl_name: str | None
    "What OpenSSL calls it, if it knows it."


@cache
def cipher_suites() -> dict[int, CipherSuite]:
    """Every suite of the data file by its number."""
    suites = {}
    text = (files("certsuite.tls") / "suites.tsv").read_text(encoding="ascii")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        number, name, openssl_name = line.split("\t")
        suites[int(number, 16)] = CipherSuite(int(number, 16), name, None if openssl_name == "-" else openssl_name)
    return suites


@cache
def _names_by_openssl_name() -> dict[str, str]:
    return {suite.openssl_name: suite.name for suite in cipher_suites().values() if suite.openssl_name is not None}


def suite_name(number: int) -> str:
    """The IANA name of a suite; an unknown one, GREASE values (RFC 8701) too, reads ``0xNNNN``."""
    suite = cipher_suites().get(number)
    return f"0x{number:04x}" if suite is None else suite.name


def suite_name_of_openssl(openssl_name: str) -> str:
    """The IANA name of the suite that OpenSSL calls so; unchanged if it is in no list."""
    return _names_by_openssl_name().get(openssl_name, openssl_name)
