"""Cipher policies: which suites an edge offers and in which order, as data in ``policies.yaml``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from certsuite.core.errors import CatalogueError
from certsuite.core.verdicts import Mark

WEBEX_SERVICES = "webex-services"
"The list that Webex publishes: what an edge offers unless told otherwise."
LEGACY = "legacy"
"For edges that offer TLS 1.0 or 1.1."
LOWEST_SECURITY = "@SECLEVEL=0"
"In a cipher list: OpenSSL refuses nothing for being weak."

_OLD_VERSIONS = frozenset({"TLSv1", "TLSv1.1"})


@dataclass(frozen=True, slots=True)
class CipherPolicy:
    """One list of cipher suites, most preferred first, in IANA names."""

    name: str
    suites: tuple[str, ...]
    "For TLS 1.2 and older."
    tls13_suites: tuple[str, ...]
    source: str
    mark: Mark


@cache
def cipher_policies() -> dict[str, CipherPolicy]:
    """The policies of the data file by name."""
    text = (files("certsuite.tls") / "policies.yaml").read_text(encoding="utf-8")
    data: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return {
        name: CipherPolicy(
            name, tuple(row["suites"]), tuple(row["tls13_suites"]), str(row["source"]), Mark(row["mark"])
        )
        for name, row in data.items()
    }


def cipher_policy(name: str) -> CipherPolicy:
    """The policy of that name. Raises :class:`CatalogueError` if there is none."""
    try:
        return cipher_policies()[name]
    except KeyError:
        raise CatalogueError(f"no cipher policy is named {name!r}") from None


def cipher_string(versions: Iterable[str], *, ecdsa: bool = False) -> str:
    """What an edge that offers ``versions`` gives OpenSSL as its cipher list for TLS 1.2 and older.

    TLS 1.0 and 1.1 need suites with a SHA-1 MAC, and OpenSSL's security level 0: both only then. With ``ecdsa`` the
    suites are those of an ECDSA key, in the same order.
    """
    suites = list(cipher_policy(WEBEX_SERVICES).suites)
    old = not _OLD_VERSIONS.isdisjoint(versions)
    if old:
        suites += cipher_policy(LEGACY).suites
    if ecdsa:
        suites = [suite.replace("_ECDHE_RSA_", "_ECDHE_ECDSA_") for suite in suites if "_ECDHE_" in suite]
    return ":".join([*suites, LOWEST_SECURITY] if old else suites)
