"""A dialog: who, where, and in what order (RFC 3261 section 12)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from certsuite.refdevice.config import Line
from certsuite.refdevice.messages import NOTHING, Body, Composer, Header
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage, uri_of

_ONE_ROUTE = re.compile(r"\s*([^,<]*<[^>]*>[^,]*)")


@dataclass(slots=True)
class Dialog:
    """The state that requests within a call are made from."""

    line: Line
    call_id: str
    local_value: str
    "From of our requests, with our tag."
    remote_value: str
    "To of our requests, with the far end's tag once that is known."
    remote_target: str
    "Request-URI of our requests."
    local_tag: str
    remote_tag: str = ""
    routes: list[str] = field(default_factory=list)
    local_cseq: int = 0
    remote_cseq: int = -1

    @classmethod
    def of_incoming(cls, line: Line, invite: SipMessage, tag: str) -> Dialog:
        """The dialog that an INVITE to the device begins."""
        return cls(
            line=line,
            call_id=invite.call_id,
            local_value=f"{invite.get('To')};tag={tag}",
            remote_value=invite.get("From") or "",
            remote_target=invite.contact_uri or uri_of(invite.get("From") or ""),
            local_tag=tag,
            remote_tag=invite.from_tag,
            routes=_routes(invite),
            remote_cseq=invite.cseq[0],
        )

    def confirmed(self, response: SipMessage) -> None:
        """Take what a 2xx to the device's INVITE says."""
        self.remote_value = response.get("To") or self.remote_value
        self.remote_tag = response.to_tag
        self.routes = _routes(response)[::-1]
        self.refreshed(response)

    def refreshed(self, message: SipMessage) -> None:
        """Take the far end's new Contact (RFC 3261 section 12.2)."""
        self.remote_target = message.contact_uri or self.remote_target

    def is_of(self, request: SipMessage) -> bool:
        """Whether a request from the far end is within this dialog."""
        own, others = request.to_tag, request.from_tag
        return (request.call_id, own, others) == (self.call_id, self.local_tag, self.remote_tag)

    def request(
        self,
        method: str,
        composer: Composer,
        flow: Flow,
        *,
        cseq: int | None = None,
        extra: Iterable[Header] = (),
        sdp: bytes = b"",
        carrying: Body = NOTHING,
    ) -> SipMessage:
        """A request within the dialog: the next in order, or one with the CSeq of another (ACK)."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        return composer.request(
            method,
            self.remote_target,
            flow,
            from_value=self.local_value,
            to_value=self.remote_value,
            call_id=self.call_id,
            cseq=cseq,
            routes=self.routes,
            extra=extra,
            sdp=sdp,
            carrying=carrying,
        )


def _routes(message: SipMessage) -> list[str]:
    return [one.strip() for value in message.all("Record-Route") for one in _ONE_ROUTE.findall(value)]
