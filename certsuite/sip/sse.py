"""Requests and responses in the manner of the Session Signaling Engine (SSE), the access SBC of Webex Calling.

Shapes after Cisco's published traces (support documents 221643, 221935, 217922): branches, Call-IDs, header order, an
empty ``Supported``, headers that a phone does not know. Written compactly, ``Name:value``, when sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from certsuite.sip.message import SipMessage

ALLOW = "ACK,BYE,CANCEL,INFO,INVITE,OPTIONS,PRACK,REFER,NOTIFY,UPDATE"
ACCEPT = "application/media_control+xml,application/sdp,multipart/mixed"
RECV_INFO = "x-broadworks-client-session-info,x-cisco-mute-status"
SERVER = "Cisco-SSE/2026"


@dataclass
class Sse:
    """One SSE's own names: its address in Via and Contact, and the numbers that it counts."""

    address: str
    port: int
    stamp: int
    "A number that tells this SSE's Call-IDs from those of another run."
    _count: int = field(default=0, init=False)

    def branch(self, cseq: int) -> str:
        """A branch of SSE's shape, unique in the run."""
        self._count += 1
        return f"z9hG4bKBroadworksSSE.-{self.address}V{self.port}-0-{cseq}-{self.stamp % 10**9}-{self._count:010d}"

    def call_id(self) -> str:
        """A Call-ID of SSE's shape."""
        self._count += 1
        return f"SSE{self.stamp:018d}{self._count:04d}-{self._count}@{self.address}"

    def tag(self) -> str:
        """A tag for From or To."""
        self._count += 1
        return f"{self.stamp % 10**10}-{self._count:012d}"

    def via(self, branch: str) -> str:
        return f"SIP/2.0/TLS {self.address}:{self.port};branch={branch}"

    def contact(self, user: str) -> str:
        return f"<sip:{user}@{self.address}:{self.port};transport=tls>"


def invite_headers(*, asserted: str, correlation: str) -> list[tuple[str, str]]:
    """The headers of an SSE's INVITE beyond those that every request has."""
    return [
        ("P-Asserted-Identity", asserted),
        ("Privacy", "none"),
        ("P-Access-Network-Info", "IEEE-802.11;extension-access-type=certsuite"),
        ("Session-ID", f"{correlation};remote=00000000000000000000000000000000"),
        ("X-BroadWorks-Correlation-Info", correlation),
        ("X-Cisco-Region-ID", "lab"),
        ("Allow", ALLOW),
        ("Recv-Info", RECV_INFO),
        ("Supported", ""),
        ("Accept", ACCEPT),
    ]


def response_to(
    request: SipMessage,
    status: int,
    reason: str,
    *,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> SipMessage:
    """A response that mirrors what RFC 3261 section 8.2.6.2 says: Via, From, To with a tag, Call-ID, CSeq."""
    copied = [("Via", value) for value in request.all("Via")]
    copied += [("From", request.get("From") or "")]
    to = request.get("To") or ""
    copied.append(("To", f"{to};tag={to_tag}" if to_tag and not request.to_tag else to))
    copied += [("Call-ID", request.call_id), ("CSeq", request.get("CSeq") or "")]
    copied += [("Record-Route", value) for value in request.all("Record-Route")]
    copied += list(headers)
    if body:
        copied.append(("Content-Type", "application/sdp"))
    return SipMessage(status=status, reason=reason, headers=tuple(copied), body=body)
