"""A dialog and the requests within it (RFC 3261 section 12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from certsuite.sip.message import SipMessage, tag_of, uri_of
from certsuite.sip.sse import Sse


@dataclass
class Dialog:
    """One end's view of a dialog; ours is the SSE's."""

    sse: Sse
    call_id: str
    local: str
    "Our From or To value, tag included."
    remote: str
    "The device's, its tag included once it is known."
    target: str
    "Where requests go: the device's Contact URI."
    routes: tuple[str, ...] = ()
    local_user: str = ""
    cseq: int = 100
    remote_cseq: int = -1

    def request(
        self, method: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", cseq: int | None = None
    ) -> SipMessage:
        """A request within the dialog; ACK for a 2xx takes the INVITE's ``cseq``."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        fixed = [
            ("Via", self.sse.via(self.sse.branch(cseq))),
            *(("Route", route) for route in self.routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Max-Forwards", "69"),
        ]
        if method in ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"):
            fixed.append(("Contact", self.sse.contact(self.local_user)))
        fixed += list(headers)
        if body:
            fixed.append(("Content-Type", "application/sdp"))
        return SipMessage(method=method, uri=self.target, headers=tuple(fixed), body=body)

    def established_by(self, response: SipMessage) -> None:
        """Take tag, target and routes from a response to our INVITE (RFC 3261 section 12.1.2)."""
        self.remote = response.get("To") or self.remote
        self.target = response.contact_uri or self.target
        self.routes = tuple(reversed(response.all("Record-Route")))

    def has(self, request: SipMessage) -> bool:
        """Whether a request of the device is within it, by Call-ID and both tags (RFC 3261 section 12.2.2). Before the
        device's tag is known any is."""
        theirs = tag_of(self.remote)
        ours = (request.call_id, request.to_tag) == (self.call_id, tag_of(self.local))
        return ours and (not theirs or request.from_tag == theirs)

    def in_order(self, request: SipMessage) -> bool:
        """Whether a request's CSeq number does not go back (RFC 3261 section 12.2.2); it is noted."""
        number = request.cseq[0]
        if number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def updated_by(self, message: SipMessage) -> None:
        """Target refresh: a re-INVITE, an UPDATE or a 2xx to one of ours changes where requests go."""
        self.target = uri_of(message.get("Contact") or "") or self.target

    @classmethod
    def from_request(cls, request: SipMessage, sse: Sse, tag: str, user: str) -> Dialog:
        """The dialog that a device's INVITE or SUBSCRIBE makes when it is answered (RFC 3261 section 12.1.1)."""
        return cls(
            sse=sse,
            call_id=request.call_id,
            local=f"{request.get('To') or ''};tag={tag}",
            remote=request.get("From") or "",
            target=request.contact_uri,
            routes=tuple(request.all("Record-Route")),
            local_user=user,
            remote_cseq=request.cseq[0],
        )


def failure_ack(invite: SipMessage, response: SipMessage) -> SipMessage:
    """ACK for a failure of an INVITE: it goes by the INVITE's own transaction (RFC 3261 section 17.1.1.3)."""
    headers = [(name, value) for name, value in invite.headers if name.lower() in ("via", "route", "from", "call-id")]
    headers += [
        ("To", response.get("To") or ""),
        ("CSeq", f"{invite.cseq[0]} ACK"),
        ("Max-Forwards", "69"),
    ]
    return SipMessage("ACK", invite.uri, headers=tuple(headers))
