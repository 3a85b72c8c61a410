"""What tests of one connection say over it, and look for."""

from __future__ import annotations

from certsuite.core.events import (
    FlowClosed,
)
from certsuite.sip.message import SipMessage
from tests.edge.conftest import World


def options(*headers: tuple[str, str], number: int = 1) -> bytes:
    fixed = (
        ("Via", f"SIP/2.0/TLS 127.0.0.1:40000;branch=z9hG4bK{number}"),
        ("From", "<sip:line1@98079822.lab.invalid>;tag=a"),
        ("To", "<sip:98079822.lab.invalid>"),
        ("Call-ID", f"options-{number}"),
        ("CSeq", f"{number} OPTIONS"),
    )
    return SipMessage("OPTIONS", "sip:98079822.lab.invalid", headers=(*fixed, *headers)).to_bytes()


async def closed(world: World) -> FlowClosed:
    event = (await world.observed(FlowClosed)).event
    assert isinstance(event, FlowClosed)
    return event
