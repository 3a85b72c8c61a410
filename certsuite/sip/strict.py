"""What a strict parser thinks of a SIP message (RFC 3261 section 25), beside the tolerant reading of it."""

from __future__ import annotations

import sipmessage


def strict_error(raw: bytes) -> str:
    """Why a strict parser refuses these bytes; empty if it takes them."""
    try:
        message = sipmessage.Message.parse(raw)
        _ = (message.cseq, message.via, message.from_address, message.to_address, message.contact, message.call_id)
    except (ValueError, KeyError) as error:
        return f"missing header {error}" if isinstance(error, KeyError) else str(error) or "not valid"
    return ""
