"""How the device writes its requests and responses (RFC 3261 sections 8 and 12)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.config import Config, Line
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, REFER, UPDATE, PRACK"
SDP_TYPE = "application/sdp"
SIPFRAG_TYPE = "message/sipfrag;version=2.0"
Body = tuple[str, bytes]
"Content type and what is of it."
NOTHING: Body = ("", b"")
Header = tuple[str, str]

REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    433: "Anonymity Disallowed",
    469: "Bad Info Package",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    603: "Decline",
}


def new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


def new_tag() -> str:
    return secrets.token_hex(5)


def options(message: SipMessage, name: str) -> list[str]:
    """Option tags that a header such as Supported or Require names, in lower case (RFC 3261 section 19.2)."""
    return [tag.strip().lower() for value in message.all(name) for tag in value.split(",") if tag.strip()]


def quoted(text: str) -> str:
    """A quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Composer:
    """Writes messages in the device's name."""

    def __init__(self, config: Config, behaviour: Behaviour) -> None:
        self._config = config
        self._behaviour = behaviour
        self.user_agent = self._named(behaviour.user_agent or "{configured}")
        self._user_agent_of_calls = self._named(behaviour.user_agent_of_calls or self.user_agent)

    def _named(self, pattern: str) -> str:
        named = pattern.replace("{password}", self._config.lines[0].password)
        return named.replace("{configured}", self._config.user_agent)

    @property
    def route(self) -> str:
        """The outbound proxy as a Route."""
        return f"<sip:{self._config.outbound_proxy};transport=tls;lr>"

    @staticmethod
    def from_value(line: Line, tag: str) -> str:
        name = f"{quoted(line.display_name)} " if line.display_name else ""
        return f"{name}<{line.aor}>;tag={tag}"

    def contact_uri(self, line: Line, flow: Flow) -> str:
        """Where the line is reached: over this flow. Never a ``sips:`` URI, which Webex Calling does not support."""
        transport = "tls" if flow.secure else "tcp"
        return f"{self._behaviour.contact_scheme}:{line.user}@{flow.local[0]}:{flow.local[1]};transport={transport}"

    def request(
        self,
        method: str,
        uri: str,
        flow: Flow,
        *,
        from_value: str,
        to_value: str,
        call_id: str,
        cseq: int,
        branch: str = "",
        routes: Iterable[str] = (),
        extra: Iterable[Header] = (),
        sdp: bytes = b"",
        carrying: Body = NOTHING,
    ) -> SipMessage:
        """A request with the headers that each one has, then ``extra``. It carries ``sdp``, or ``carrying``."""
        transport = "TLS" if flow.secure else "TCP"
        address, port = flow.local
        headers: list[Header] = [
            ("Via", f"SIP/2.0/{transport} {address}:{port};branch={branch or new_branch()};rport"),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", from_value),
            ("To", to_value),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            *extra,
        ]
        if self._behaviour.names_call_info:
            headers.append(("Allow-Events", "call-info"))
        methods = self._behaviour.user_agent_methods
        if methods is None or method in methods:
            headers.append(("User-Agent", self.user_agent if method == "REGISTER" else self._user_agent_of_calls))
        body_type, body = (SDP_TYPE, sdp) if sdp else carrying
        if body:
            headers.append(("Content-Type", body_type))
        return SipMessage(method=method, uri=uri, headers=tuple(headers), body=body)

    def response(
        self, request: SipMessage, status: int, *, tag: str = "", extra: Iterable[Header] = (), sdp: bytes = b""
    ) -> SipMessage:
        """A response to ``request``; ``tag`` goes into its To if there is none."""
        to_value = request.get("To") or ""
        if status > 100 and not request.to_tag:
            to_value += f";tag={tag or new_tag()}"
        vias = request.all("Via") if self._behaviour.keeps_vias else request.all("Via")[:1]
        headers: list[Header] = [("Via", via) for via in vias]
        if 100 < status < 300:
            headers += [("Record-Route", route) for route in request.all("Record-Route")]
        headers += [
            ("From", self._as_it_came(request.get("From") or "")),
            ("To", to_value),
            ("Call-ID", request.call_id),
            ("CSeq", request.get("CSeq") or ""),
            *extra,
        ]
        if self._behaviour.user_agent_methods is None:
            headers.append(("Server", self.user_agent))
        if sdp:
            headers.append(("Content-Type", SDP_TYPE))
        return SipMessage(status=status, reason=REASONS[status], headers=tuple(headers), body=sdp)

    def _as_it_came(self, address: str) -> str:
        return address if self._behaviour.keeps_display_names else address[max(address.find("<"), 0) :]
