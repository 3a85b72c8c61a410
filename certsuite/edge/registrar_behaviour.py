"""How the registrar behaves: what it asks with, what it refuses, and what its 200 looks like. Data, no code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from certsuite.sip.digest import Challenge


class ExpiryForm(StrEnum):
    """Where the 200 says which expiry was granted (RFC 3261 section 10.3, step 8)."""

    CONTACT = "in the Contact"
    HEADER = "in the Expires header alone"
    BOTH = "in the Contact, beside a longer one in the Expires header"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A final response to REGISTER that grants nothing."""

    status: int
    "403 or 503; 401 is a new challenge for whatever was answered to the last one."
    reason: str
    edge: str = ""
    "The edge at which it is given; empty is every one."
    retry_after_s: int | None = None
    "Retry-After (RFC 3261 section 20.33)."
    after_credentials: bool = True
    "Whether right credentials are waited for."


@dataclass(frozen=True, slots=True)
class RegistrarBehaviour:
    """What the registrar does from now on. The defaults are the good one."""

    name: str = "good"
    "Stands in the record."
    challenges: tuple[Challenge, ...] = (Challenge(),)
    "Of each 401 and 407, in the order in which the server prefers them (RFC 8760 section 2.4)."
    stale_once: bool = False
    "Whether the first right answer is told that its nonce is stale, together with a new one."
    least_expiry_s: int = 0
    "An expiry below it that is asked for is answered with 423 and Min-Expires (RFC 3261 section 10.3, step 7)."
    refuses: Refusal | None = None
    headers: tuple[tuple[str, str], ...] = ()
    "Headers of every response to REGISTER beyond the usual ones."
    body: bytes = b""
    "Body of the 200, and its type."
    content_type: str = ""


GOOD = RegistrarBehaviour()
