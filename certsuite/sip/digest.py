"""HTTP Digest as SIP uses it (RFC 2617, RFC 3261 section 22, RFC 8760), in the manner of BroadWorks: MD5, qop=auth."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from certsuite.core.redaction import Secret
from certsuite.sip.message import SipMessage

BROADWORKS_REALM = "BroadWorks"
_ASKED = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
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


@dataclass(frozen=True, slots=True)
class Challenge:
    """With what a server asks for credentials; the defaults are BroadWorks' own."""

    realm: str = BROADWORKS_REALM
    algorithm: str = "MD5"
    "``MD5`` or ``SHA-256``; empty names none, which means MD5 (RFC 2617 section 3.2.1)."
    qop: tuple[str, ...] = ("auth",)
    "Empty: the challenge has no qop, as in RFC 2069."
    unknown: str = ""
    "Parameters that no RFC knows, as they are written."

    def value(self, nonce: str, *, stale: bool = False) -> str:
        """The header's value as BroadWorks writes it."""
        parts = [f'realm="{self.realm}"', f'nonce="{nonce}"']
        parts += [f"algorithm={self.algorithm}"] if self.algorithm else []
        parts += [f'qop="{",".join(self.qop)}"'] if self.qop else []
        parts += [self.unknown] if self.unknown else []
        parts += ["stale=true"] if stale else []
        return f"DIGEST {','.join(parts)}"


def nonce(random: bytes) -> str:
    """A nonce of BroadWorks' shape from 12 random bytes or more."""
    return f"BroadWorksX{random.hex()}BW"


def response(given: Mapping[str, str], password: str, method: str) -> str:
    """The response that ``given`` parameters (username, realm, nonce, uri, and with qop: nc, cnonce) ought to have.

    The algorithm is the one that they name; one that is not known here counts as MD5.
    """
    hashed = _HASHES.get(given.get("algorithm", "").upper(), _md5)
    ha1 = hashed(f"{given.get('username', '')}:{given.get('realm', '')}:{password}")
    ha2 = hashed(f"{method}:{given.get('uri', '')}")
    if given.get("qop"):
        middle = f"{given.get('nonce', '')}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
    else:
        middle = given.get("nonce", "")
    return hashed(f"{ha1}:{middle}:{ha2}")


def credentials(
    challenged: SipMessage, username: str, password: Secret, method: str, uri: str, *, cnonce: str
) -> tuple[str, str] | None:
    """The header that answers a 401 or 407 of a device's; ``None`` if it asks for nothing that is known here."""
    asked, answered = _ASKED.get(challenged.status, ("", ""))
    given = parameters(challenged.get(asked) or "")
    if not given.get("realm") or not given.get("nonce") or given.get("algorithm", "MD5").upper() not in _HASHES:
        return None
    values = {"username": username, "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
    if "auth" in given.get("qop", "").replace(",", " ").split():
        values |= {"nc": "00000001", "cnonce": cnonce, "qop": "auth"}
    if "algorithm" in given:
        values["algorithm"] = given["algorithm"]
    values["response"] = response(values, password.reveal(), method)
    if "opaque" in given:
        values["opaque"] = given["opaque"]
    bare = ("nc", "qop", "algorithm")
    return answered, "Digest " + ", ".join(
        f"{name}={text}" if name in bare else f'{name}="{text}"' for name, text in values.items()
    )


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


def assess(
    given: Mapping[str, str],
    *,
    password: Secret,
    username: str,
    nonces: set[str],
    method: str,
    asked: Challenge = Challenge(),
) -> Assessment:
    """Judge credentials: the response for the username that was given, the username, and the nonce, each by itself.

    ``asked`` is the challenge that they answer.
    """
    problems = []
    algorithm, offered = given.get("algorithm", "MD5"), asked.algorithm or "MD5"
    foreign = given.get("realm") != asked.realm or algorithm.upper() != offered.upper()
    if given.get("realm") != asked.realm:
        problems.append(f"the realm that was asked for is {asked.realm}")
    if algorithm.upper() != offered.upper():
        problems.append(f"algorithm {algorithm} was not offered")
    qop = given.get("qop")
    if qop and qop not in asked.qop:
        problems.append(f"qop {qop} was not offered")
    if not qop and asked.qop:
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


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


_HASHES = {"MD5": _md5, "SHA-256": _sha256}
