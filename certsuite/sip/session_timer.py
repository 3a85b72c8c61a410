"""Session timers (RFC 4028): what Session-Expires says, and how a refresh that asks for one is answered."""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.sip.message import SipMessage, parameter, split_values

LOWEST_S = 90
"Lowest value that Min-SE may have (RFC 4028 section 5)."


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """A Session-Expires header."""

    interval_s: int
    refresher: str
    "``uac``, ``uas``, or empty where it is left open."

    @property
    def over_after_s(self) -> float:
        """When a side that sees no refresh ends the call: before the interval is over (RFC 4028 section 10)."""
        return self.interval_s - min(32, self.interval_s / 3)


def session_timer(message: SipMessage) -> SessionTimer | None:
    """The session timer that a message has, or ``None`` without a readable one."""
    value = message.get("Session-Expires") or ""
    interval = value.partition(";")[0].strip()
    if not interval.isascii() or not interval.isdecimal() or len(interval) > 9:
        return None
    return SessionTimer(int(interval), parameter(value, "refresher").lower())


def min_se(message: SipMessage) -> int | None:
    """Seconds of Min-SE, or ``None`` without a readable one."""
    value = (message.get("Min-SE") or "").partition(";")[0].strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 9 else None


def timer_granted(request: SipMessage) -> list[tuple[str, str]]:
    """Headers of a 2xx that grant what a refresh asks for; none if it asks for nothing (RFC 4028 section 9)."""
    asked = session_timer(request)
    if asked is None:
        return []
    return [("Require", "timer"), ("Session-Expires", f"{asked.interval_s};refresher={asked.refresher or 'uac'}")]


def names_option(message: SipMessage, header: str, option: str) -> bool:
    """Whether ``Supported``, ``Require`` or ``Unsupported`` names an option tag (RFC 3261 section 19.2)."""
    return any(option == tag.strip().lower() for value in message.all(header) for tag in split_values(value))
