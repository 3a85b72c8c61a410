"""What a device claims: the part of a profile that test standards call PICS (ISO/IEC 9646-7)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Part(BaseModel):
    """Base of every part of a profile: unknown fields are refused, values are not converted, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Capabilities(Part):
    """PICS: what the device claims. The suite checks a claim where it can, and asks nothing that is not claimed."""

    codecs: tuple[Text, ...] = Field(default=(), strict=False)
    "Encoding names as in SDP: PCMU, PCMA, G722, G729, opus."
    srtp: tuple[Text, ...] = Field(default=(), strict=False)
    "SRTP crypto suites as in SDP (RFC 4568)."
    hold: bool = False
    dtmf: bool = False
    "Telephone events by RFC 4733."
    keep_alive: bool = False
    "CRLF keep-alives on its connection (RFC 5626 section 4.4.1), as often as ``values.keep_alive_s`` says."
    session_timers: bool = False
    "Session timers (RFC 4028) in calls that it places and takes, with intervals from ``values.session_interval_s`` on."
    call_waiting: bool = False
    "A call that comes during another rings, and can be answered while that is held; else it is refused as busy."
    blind_transfer: bool = False
    attended_transfer: bool = False
    transferee: bool = False
    "Follows a REFER within a call (RFC 5589)."
    replaces: bool = False
    "Takes an INVITE in the place of another call (RFC 3891)."
    conference: bool = False
    "Mixes two calls, so that three talk with each other."
    auto_answer: bool = False
    "Answers a call by itself that asks for it by Call-Info or Alert-Info."
    shared_lines: bool = False
    subscriptions: tuple[Literal["message-summary", "dialog"], ...] = Field(default=(), strict=False)
    "Event packages that it subscribes to as it is configured: its messages (RFC 3842), others' calls (RFC 4235)."
