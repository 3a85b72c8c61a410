"""A hand-made phone on one connection: it says exactly what a test tells it to, right or wrong."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable

from certsuite.sip.message import SipMessage
from certsuite.sip.sse import response_to
from tests.clients.wire import Wire

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
"A key of RFC 4568's own examples."
OTHER_KEY = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"

Headers = Iterable[tuple[str, str]]


def sdp(
    address: str,
    port: int,
    *,
    profile: str = "RTP/SAVP",
    formats: str = "8 101",
    crypto: str | None = f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
    direction: str = "sendrecv",
    version: int = 1,
) -> bytes:
    """A description of one audio stream."""
    names = {"8": "PCMA/8000", "0": "PCMU/8000", "18": "G729/8000", "101": "telephone-event/8000"}
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {address}",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port} {profile} {formats}",
        *(f"a=rtpmap:{number} {names[number]}" for number in formats.split()),
    ]
    if crypto is not None:
        lines.append(f"a=crypto:{crypto}")
    return "\r\n".join([*lines, f"a={direction}", ""]).encode()


class HandPhone:
    """One line on one connection."""

    def __init__(self, wire: Wire, *, user: str, domain: str, auth_user: str, password: str) -> None:
        self.wire = wire
        self.user = user
        self.domain = domain
        self.auth_user = auth_user
        self.password = password
        self.tag = f"t{id(self):x}"
        self._number = itertools.count(1)
        self._cseq = itertools.count(1)

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self) -> str:
        host, port = self.wire.local
        return f"sip:{self.user}@{host}:{port};transport=tls"

    # --- messages

    def compose(
        self,
        method: str,
        uri: str,
        *,
        to: str,
        call_id: str,
        cseq: int | None = None,
        branch: str = "",
        headers: Headers = (),
        body: bytes = b"",
    ) -> SipMessage:
        """A request with all that RFC 3261 section 8.1.1 asks for."""
        host, port = self.wire.local
        fixed = [
            ("Via", f"SIP/2.0/TLS {host}:{port};branch={branch or self.branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"<{self.aor}>;tag={self.tag}"),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{next(self._cseq) if cseq is None else cseq} {method}"),
            ("User-Agent", "Hand Phone/1.0"),
        ]
        if method in ("REGISTER", "INVITE", "UPDATE"):
            fixed.append(("Contact", f"<{self.contact}>"))
        if body:
            fixed.append(("Content-Type", "application/sdp"))
        return SipMessage(method, uri, headers=(*fixed, *headers), body=body)

    def branch(self) -> str:
        return f"z9hG4bK-hand-{self.tag}-{next(self._number)}"

    def credentials(self, challenged: SipMessage, method: str, uri: str) -> tuple[str, str]:
        """The header that answers a 401 or 407 (RFC 2617 section 3.2.2, qop=auth)."""
        proxy = challenged.status == 407
        given = challenged.get("Proxy-Authenticate" if proxy else "WWW-Authenticate") or ""
        realm, nonce = (re.findall(rf'{name}="([^"]*)"', given)[0] for name in ("realm", "nonce"))
        return "Proxy-Authorization" if proxy else "Authorization", self.digest(realm, nonce, method, uri)

    def digest(self, realm: str, nonce: str, method: str, uri: str) -> str:
        """Credentials for a nonce, wherever it comes from."""

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        secret, asked = md5(f"{self.auth_user}:{realm}:{self.password}"), md5(f"{method}:{uri}")
        answer = md5(f"{secret}:{nonce}:00000001:0a4f113b:auth:{asked}")
        return (
            f'Digest username="{self.auth_user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"'
        )

    # --- registration

    async def register(self, *, expires: int = 60, headers: Headers = ()) -> SipMessage:
        """REGISTER, and again with credentials if it is challenged; gives the last answer."""
        uri, call_id = f"sip:{self.domain}", f"reg-{self.tag}"
        extra = [("Expires", str(expires)), *headers]
        self.wire.send(self.compose("REGISTER", uri, to=f"<{self.aor}>", call_id=call_id, headers=extra))
        answer = await self.wire.response("REGISTER")
        if answer.status == 401:
            extra.append(self.credentials(answer, "REGISTER", uri))
            self.wire.send(self.compose("REGISTER", uri, to=f"<{self.aor}>", call_id=call_id, headers=extra))
            answer = await self.wire.response("REGISTER")
        return answer

    # --- calls from the phone

    async def invite(self, number: str, body: bytes, *, call_id: str = "call-1") -> SipMessage:
        """INVITE that answers its challenge; gives the request that was taken."""
        uri = f"sip:{number}@{self.domain}"
        self.wire.send(self.compose("INVITE", uri, to=f"<{uri}>", call_id=call_id, body=body))
        challenged = await self.wire.response("INVITE")
        assert challenged.status == 407, challenged
        self.acknowledge(challenged, uri)
        credentials = self.credentials(challenged, "INVITE", uri)
        taken = self.compose("INVITE", uri, to=f"<{uri}>", call_id=call_id, headers=[credentials], body=body)
        self.wire.send(taken)
        return taken

    def acknowledge(self, answer: SipMessage, uri: str, *, body: bytes = b"") -> None:
        """ACK for a final response to INVITE."""
        own = answer.branch if answer.status >= 300 else ""
        self.wire.send(self.within(answer, "ACK", uri, cseq=answer.cseq[0], branch=own, body=body))

    def within(
        self, answer: SipMessage, method: str, uri: str, *, cseq: int | None = None, branch: str = "", body: bytes = b""
    ) -> SipMessage:
        """A request in the dialog that a response to our INVITE made."""
        to = answer.get("To") or ""
        return self.compose(method, uri, to=to, call_id=answer.call_id, cseq=cseq, branch=branch, body=body)

    def cancel(self, invite: SipMessage) -> None:
        """CANCEL of an INVITE of ours."""
        kept = ("via", "max-forwards", "from", "to", "call-id")
        headers = [(name, value) for name, value in invite.headers if name.lower() in kept]
        headers.append(("CSeq", f"{invite.cseq[0]} CANCEL"))
        self.wire.send(SipMessage("CANCEL", invite.uri, headers=tuple(headers)))

    # --- calls to the phone

    def answer(
        self, request: SipMessage, status: int, reason: str, *, body: bytes = b"", headers: Headers = ()
    ) -> SipMessage:
        """Answer a request of the edge; gives what was sent."""
        contact = [("Contact", f"<{self.contact}>")] if status < 300 and request.method == "INVITE" else []
        response = response_to(request, status, reason, to_tag=self.tag, headers=[*contact, *headers], body=body)
        self.wire.send(response)
        return response

    def in_dialog_of(
        self, invite: SipMessage, method: str, *, cseq: int | None = None, body: bytes = b""
    ) -> SipMessage:
        """A request of ours in the dialog that the edge's INVITE made."""
        headers = [
            (name, value)
            for name, value in self.compose(
                method, invite.contact_uri, to=invite.get("From") or "", call_id=invite.call_id, cseq=cseq, body=body
            ).headers
            if name != "From"
        ]
        own = ("From", f"{invite.get('To') or ''};tag={self.tag}")
        return SipMessage(method, invite.contact_uri, headers=(*headers, own), body=body)
