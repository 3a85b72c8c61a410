"""HTTP Digest as SIP uses it (RFC 2617, RFC 3261 section 22), in the manner of BroadWorks: MD5, qop=auth."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from certsuite.core.redaction import Secret

BROADWORKS_REALM = "BroadWorks"
_PARAMETER = re.compile(r'(?<![\w\-])([a-zA-Z][\w\-]*)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,]+))')


def parameters(value: str) -> dict[str, str]:
    """The parameters of an ``Authorization`` or ``WWW-Authenticate`` value, names in lower case."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(rest)
    }


def challenge(realm: str, nonce: str, *, stale: bool = False) -> str:
    """A challenge as BroadWorks writes it."""
    text = f'DIGEST realm="{realm}",nonce="{nonce}",algorithm=MD5,qop="auth"'
    return text + ",stale=true" if stale else text


def nonce(random: bytes) -> str:
    """A nonce of BroadWorks' shape from 12 random bytes or more."""
    return f"BroadWorksX{random.hex()}BW"


def response(given: Mapping[str, str], password: str, method: str) -> str:
    """The response that ``given`` parameters (username, realm, nonce, uri, and with qop: nc, cnonce) ought to have."""
    ha1 = _md5(f"{given.get('username', '')}:{given.get('realm', '')}:{password}")
    ha2 = _md5(f"{method}:{given.get('uri', '')}")
    if given.get("qop"):
        middle = f"{given.get('nonce', '')}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
    else:
        middle = given.get("nonce", "")
    return _md5(f"{ha1}:{middle}:{ha2}")


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is right about one set of credentials."""

    response_right: bool
    username_right: bool
    nonce_right: bool
    detail: str = ""

    @property
    def accepted(self) -> bool:
        return self.response_right and self.username_right and self.nonce_right


def assess(given: Mapping[str, str], *, password: Secret, username: str, nonces: set[str], method: str) -> Assessment:
    """Judge credentials: the response for the username that was given, the username, and the nonce, each by itself."""
    problems = []
    foreign = given.get("realm") != BROADWORKS_REALM or given.get("algorithm", "MD5").upper() != "MD5"
    if given.get("realm") != BROADWORKS_REALM:
        problems.append(f"the realm that was asked for is {BROADWORKS_REALM}")
    if given.get("algorithm", "MD5").upper() != "MD5":
        problems.append(f"algorithm {given['algorithm']} was not offered")
    if given.get("qop", "auth") != "auth":
        problems.append(f"qop {given['qop']} was not offered")
    if not given.get("qop"):
        problems.append("answered without the offered qop")
    return Assessment(
        response_right=not foreign and given.get("response", "").lower() == response(given, password.reveal(), method),
        username_right=given.get("username") == username,
        nonce_right=given.get("nonce") in nonces,
        detail="; ".join(problems),
    )


def _md5(text: str) -> str:
    # The algorithm is the platform's; the digest protects nothing beyond what TLS does.
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
