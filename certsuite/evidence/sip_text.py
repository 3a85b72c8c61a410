"""SIP messages in one line, for a ladder."""

from __future__ import annotations

from functools import lru_cache

from certsuite.core.redaction import printable
from certsuite.sip.message import SipMessage, read


@lru_cache(maxsize=8192)
def message_text(raw: bytes) -> tuple[str, str]:
    """What a ladder says of a message: first line, CSeq, and what it is about; and the row's tone."""
    message = read(raw)
    if message is None:
        return printable(raw[:200].decode("latin-1")), "bad"
    number, method = message.cseq
    body = " · SDP" if message.has_sdp else ""
    if message.is_request:
        cseq = f" · CSeq {number}" if number >= 0 else " · no CSeq"
        return printable(f"{message.method} {_news(message)}{message.uri}", at_most=120) + cseq + body, "plain"
    good = message.status < 400 or message.status in (401, 407, 487)
    text = printable(f"{message.status} {message.reason}".strip(), at_most=120)
    return f"{text} · {number} {printable(method, at_most=20)}{body}", "plain" if good else "bad"


def _news(message: SipMessage) -> str:
    """What a transfer is about: whereto, and what became of it (RFC 3515)."""
    if message.method == "REFER":
        return f"to {message.get('Refer-To') or 'nobody'} · "
    if message.method == "NOTIFY" and message.body.startswith(b"SIP/2.0"):
        told = message.body.splitlines()[0].decode("latin-1").removeprefix("SIP/2.0 ")
        return f"of {told}, {message.get('Subscription-State')} · "
    return ""
