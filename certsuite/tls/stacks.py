"""TLS stacks by their ClientHello's fingerprint, from ``stacks.tsv``: a help to the reader, and ground for nothing.

A fingerprint is matched as a whole or not at all. Other settings and versions of a library have another one, and
another library may be made to have the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Stack:
    """A TLS library with its settings, as it was measured."""

    fingerprint: str
    name: str
    "As ``OpenSSL 3.0 in its own settings``."
    version: str
    "The library's, as it was measured."
    client: str
    "By which client it was measured."
    names_server: bool
    "Whether the client named the server in its ClientHello."

    def __str__(self) -> str:
        return f"like {self.name} (as of {self.version})"


@cache
def stacks() -> dict[str, Stack]:
    """Every stack of the data file by its fingerprint."""
    found = {}
    for line in (files("certsuite.tls") / "stacks.tsv").read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        fingerprint, name, version, client, names_server = line.split("\t")
        found[fingerprint] = Stack(fingerprint, name, version, client, names_server == "yes")
    return found


def likeness(fingerprint: str) -> str:
    """What a client with that fingerprint is like, in words; empty if nothing is known of it."""
    stack = stacks().get(fingerprint)
    return str(stack) if stack else ""
