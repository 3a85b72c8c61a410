"""What a faulty device has against a call that comes in a form of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from certsuite.sip.message import SipMessage

_LONG_HEADER = 4096
_LONG_BODY = 8192

FORMS: dict[str, tuple[Callable[[SipMessage], bool], int]] = {
    "anonymous": (lambda invite: "anonymous" in (invite.get("From") or "").lower(), 433),
    "unicode": (lambda invite: not (invite.get("From") or "").isascii(), 400),
    "unasserted": (lambda invite: invite.get("P-Asserted-Identity") is None, 403),
    "tel-identity": (lambda invite: any("tel:" in value for value in invite.all("P-Asserted-Identity")), 400),
    "diverted": (lambda invite: invite.get("Diversion") is not None, 400),
    "alert-info": (lambda invite: invite.get("Alert-Info") is not None, 400),
    "extensions": (lambda invite: invite.get("Session-Expires") is not None, 420),
    "long-headers": (lambda invite: any(len(value) >= _LONG_HEADER for _, value in invite.headers), 400),
    "long-sdp": (lambda invite: len(invite.body) > _LONG_BODY, 413),
}
"How a form is known, and the status by which it is refused."


def objection(invite: SipMessage, forms: Iterable[str]) -> int:
    """The status by which an INVITE in one of these forms is refused; 0 for one in none of them."""
    return next((status for form in forms for is_of, status in [FORMS[form]] if is_of(invite)), 0)
