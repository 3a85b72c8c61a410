"""A party that is slow to acknowledge reliable provisional responses (RFC 3262)."""

from __future__ import annotations

from certsuite.edge.call_leg import CallLeg
from certsuite.sip.message import SipMessage


def prack_when_repeated(leg: CallLeg) -> None:
    """The party takes no notice of a reliable response until it comes again."""
    seen: set[str] = set()

    def takes(response: SipMessage) -> bool:
        sequence = response.get("RSeq")
        if response.status >= 200 or not sequence or sequence in seen:
            return False
        seen.add(sequence)
        return True

    leg.takes_response = takes
