"""Digest authentication of a client (RFC 2617, RFC 3261 section 22, RFC 8760)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace

from certsuite.refdevice.behaviour import COMPLIANT, Behaviour
from certsuite.sip.message import SipMessage

_PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))')
_HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}
_KNOWN = frozenset({"realm", "nonce", "algorithm", "qop", "opaque", "stale", "domain"})
_CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks with. Quoted values are kept as written, without their quotes."""

    realm: str
    nonce: str
    algorithm: str = ""
    "As written; empty if the challenge names none, which means MD5."
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    unknown: bool = False
    "Whether it has parameters that are not known here."

    def usable(self, behaviour: Behaviour = COMPLIANT) -> bool:
        """Whether a device of this behaviour can answer it."""
        algorithm = (self.algorithm or "MD5").lower()
        if algorithm not in _HASHES or (algorithm == "sha-256" and not behaviour.knows_sha256):
            return False
        if behaviour.only_realm not in ("", self.realm) or (self.unknown and not behaviour.takes_unknown_parameters):
            return False
        if not self.qop:
            return not behaviour.needs_qop
        return "auth" in self.qop and (behaviour.takes_qop_lists or self.qop == ("auth",))


def parse_challenge(value: str) -> Challenge:
    """Read a ``WWW-Authenticate`` or ``Proxy-Authenticate`` value. Raises :class:`ValueError`."""
    scheme = value.strip().partition(" ")[0]
    if scheme.lower() != "digest":
        raise ValueError(f"authentication scheme {scheme} is not known")
    found = fields(value)
    if "realm" not in found or "nonce" not in found:
        raise ValueError("a challenge without realm or nonce")
    return Challenge(
        realm=found["realm"],
        nonce=found["nonce"],
        algorithm=found.get("algorithm", ""),
        qop=tuple(item.strip().lower() for item in found.get("qop", "").split(",") if item.strip()),
        opaque=found.get("opaque"),
        stale=found.get("stale", "").lower() == "true",
        unknown=not found.keys() <= _KNOWN,
    )


def fields(value: str) -> dict[str, str]:
    """The parameters behind a scheme, names in lower case; quoted values as written, without their quotes."""
    rest = value.strip().partition(" ")[2]
    return {name.lower(): quoted or token for name, quoted, token in _PARAMETER.findall(rest)}


def usable_challenge(values: Iterable[str], behaviour: Behaviour = COMPLIANT) -> Challenge | None:
    """The first challenge that can be answered: the server's order is its preference (RFC 8760 section 2.4)."""
    given = list(values)
    if len(given) > 1 and not behaviour.takes_several_challenges:
        return None
    for value in given if behaviour.looks_beyond_first_challenge else given[:1]:
        try:
            challenge = parse_challenge(value)
        except ValueError:
            continue
        if challenge.usable(behaviour):
            return challenge
    return None


def digest_response(
    challenge: Challenge, username: str, password: str, method: str, uri: str, *, nc: str = "", cnonce: str = ""
) -> str:
    """The ``response`` value (RFC 2617 section 3.2.2); ``nc`` and ``cnonce`` are used if the challenge has a qop."""
    make = _HASHES[(challenge.algorithm or "MD5").lower()]

    def hashed(*parts: str) -> str:
        return make(":".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    ha1 = hashed(username, challenge.realm, password)
    ha2 = hashed(method, uri)
    if challenge.qop:
        return hashed(ha1, challenge.nonce, nc, cnonce, "auth", ha2)
    return hashed(ha1, challenge.nonce, ha2)


class Credentials:
    """A user name and password, and the challenges that they have answered."""

    def __init__(self, username: str, password: str, *, realm: str = "", behaviour: Behaviour = COMPLIANT) -> None:
        """``realm`` is answered with, whatever the challenge says; empty: the challenge's, as it ought to be."""
        self._behaviour = behaviour
        self._realm = realm
        self._username = username
        self._password = password
        self._counts: dict[str, int] = {}
        self._last: tuple[str, Challenge] | None = None

    def answer(self, response: SipMessage, method: str, uri: str) -> tuple[str, str] | None:
        """The header that answers a 401 or 407; ``None`` if it has no challenge that can be answered."""
        if response.status not in _CHALLENGES:
            return None
        asked, answered = _CHALLENGES[response.status]
        challenge = usable_challenge(response.all(asked), self._behaviour)
        if challenge is None or not self._takes_realm(challenge.realm):
            return None
        self._last = (answered, challenge)
        return answered, self._value(challenge, method, uri)

    def again(self, method: str, uri: str) -> tuple[str, str] | None:
        """The header for the next request under the last nonce, so that the server need not ask again."""
        if self._last is None:
            return None
        name, challenge = self._last
        return name, self._value(challenge, method, uri)

    def is_stale(self, response: SipMessage) -> bool:
        """Whether only the nonce was too old, and not the password wrong."""
        name = _CHALLENGES.get(response.status, ("", ""))[0]
        challenge = usable_challenge(response.all(name), self._behaviour) if name else None
        return challenge is not None and challenge.stale and self._behaviour.heeds_stale

    def _takes_realm(self, realm: str) -> bool:
        return not self._behaviour.keeps_first_realm or self._last is None or self._last[1].realm == realm

    def _value(self, challenge: Challenge, method: str, uri: str) -> str:
        if self._realm:
            challenge = replace(challenge, realm=self._realm)
        count = self._counts[challenge.nonce] = self._counts.get(challenge.nonce, 0) + 1
        nc, cnonce = f"{count:08x}", secrets.token_hex(8)
        response = digest_response(challenge, self._username, self._password, method, uri, nc=nc, cnonce=cnonce)
        username = self._username.replace("\\", "\\\\").replace('"', '\\"')
        parts = [
            f'username="{username}"',
            f'realm="{challenge.realm}"',
            f'nonce="{challenge.nonce}"',
            f'uri="{uri}"',
            f'response="{response}"',
        ]
        if challenge.algorithm:
            parts.append(f"algorithm={challenge.algorithm}")
        if challenge.qop:
            parts += [f"qop=auth, nc={nc}", f'cnonce="{cnonce}"']
        if challenge.opaque is not None:
            parts.append(f'opaque="{challenge.opaque}"')
        return "Digest " + ", ".join(parts)
