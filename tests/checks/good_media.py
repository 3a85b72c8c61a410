"""A small record for each check of offers, keys and streams on which it passes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from certsuite.core.events import DriverAction, MediaOpened, MediaStimulus, MediaWindow, RtcpSeen
from certsuite.core.observations import IN, OUT
from certsuite.sdp.crypto import AES_CM_128_HMAC_SHA1_80, Crypto
from certsuite.sdp.offer_answer import answer
from certsuite.sdp.session import Direction, SessionDescription
from certsuite.sdp.terms import WEBEX_TERMS, MediaTerms

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

CALL = "SSE1-1@127.9.0.1"
PARTY, OTHER = "127.9.0.1:19560", "127.9.0.1:19562"
DEVICE = "127.9.0.9:4000"
_LINES = (Crypto.mint(1, AES_CM_128_HMAC_SHA1_80, bytes),)


def offer(terms: MediaTerms = WEBEX_TERMS) -> SessionDescription:
    """The party's."""
    return SessionDescription.parse(bytes(terms.offer("127.9.0.1", 19560, _LINES, session_id=1, version=1)))


def reply(to: SessionDescription, *, suite: str = "", key: bytes = b"") -> bytes:
    """The device's answer; with ``suite`` or ``key`` it has a line that does not fit."""
    made = bytes(answer(to, address="127.9.0.9", port=4000, random_bytes=os.urandom, require_srtp=False))
    text = made.decode().split("\r\n")
    if suite or key:
        line = Crypto(1, suite or AES_CM_128_HMAC_SHA1_80, key or os.urandom(30))
        text = [f"a=crypto:{line.format()}" if one.startswith("a=crypto") else one for one in text]
    return "\r\n".join(text).encode()


def opens(trace: Trace, local: str = PARTY, suite: str = AES_CM_128_HMAC_SHA1_80) -> None:
    trace.see(MediaOpened(CALL, local, DEVICE, "PCMA/8000", suite, 8, 101), flow="f1")


def hears(trace: Trace, tone: float, **changes: Any) -> None:
    """A window in which a tone came back."""
    values: dict[str, Any] = {
        "call_id": CALL,
        "duration_s": 0.1,
        "packets": 5,
        "lost": 0,
        "auth_failures": 0,
        "cleartext": 0,
        "source": DEVICE,
        "tone_hz": tone,
        "tone_level_dbfs": -12.0 if tone else -120.0,
        "tone_purity": 0.9 if tone else 0.0,
        "local": PARTY,
        **changes,
    }
    trace.after(0.1).see(MediaWindow(**values), flow="f1")


def does(trace: Trace, what: str) -> None:
    trace.see(MediaStimulus(CALL, what), flow="f1")


def reports(trace: Trace, *, direction: str = IN, after: float = 0.3, **changes: Any) -> None:
    """RTCP of the device."""
    values: dict[str, Any] = {
        "call_id": CALL,
        "local": PARTY,
        "protection": "srtcp",
        "multiplexed": False,
        "octets": 100,
        "kinds": ("SR", "SDES"),
        **changes,
    }
    trace.after(after).see(RtcpSeen(**values), flow="f1", direction=direction)


def answers_multiplexed(trace: Trace, *, offers: bool = True, agrees: bool = True) -> None:
    """RTCP on one port is offered, and agreed to."""
    offered = offer(MediaTerms(multiplexed=offers))
    trace.request("INVITE", OUT, body=bytes(offered))
    trace.after(1).answer(200, body=reply(offered) + (b"a=rtcp-mux\r\n" if agrees else b""))


def _comes(trace: Trace) -> None:
    opens(trace)
    reports(trace)


def _never_clear(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700.0)
    reports(trace)


def _reports_loss(trace: Trace) -> None:
    opens(trace)
    does(trace, "x")
    about: dict[str, Any] = {"about_us": True, "sent_jitter_ms": 20.0, "reported_jitter_ms": 21.0}
    reports(trace, **about, withheld=4, reported_lost=4)


def _clean(trace: Trace) -> None:
    opens(trace)
    for _ in range(4):
        hears(trace, 700.0)


def _digits_received(trace: Trace) -> None:
    does(trace, "digits sent")
    trace.after(1).see(DriverAction("hears", {"digits": "12"}, True))


def _where_agreed(trace: Trace) -> None:
    answers_multiplexed(trace)
    reports(trace, multiplexed=True)


def _rate(trace: Trace) -> None:
    for _ in range(3):
        reports(trace, after=5)


def _answered(trace: Trace) -> None:
    offered = offer()
    trace.request("INVITE", OUT, body=bytes(offered))
    trace.after(1).answer(200, body=reply(offered))


def reoffered(trace: Trace, terms: MediaTerms = WEBEX_TERMS, body: bytes | None = None) -> None:
    """A re-INVITE and its answer."""
    offered = offer(terms)
    trace.request("INVITE", OUT, body=bytes(offered), to_tag="2")
    trace.after(0.1).answer(200, body=reply(offered) if body is None else body)


def _held(trace: Trace) -> None:
    opens(trace)
    reoffered(trace, MediaTerms(direction=Direction.SENDONLY))
    hears(trace, 700.0, duration_s=0.2)
    hears(trace, 0.0, packets=0)


def _comes_first(trace: Trace) -> None:
    opens(trace)
    hears(trace, 0)


def _offers(trace: Trace) -> None:
    trace.request("INVITE", body=trace.sdp())


def _offers_late(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.after(1).answer(200, body=bytes(offer()))


def _gives_up(trace: Trace) -> None:
    trace.request("INVITE", IN, body=bytes(offer()))
    trace.answer(200, direction=OUT, body=bytes(offer()))
    trace.after(0.1).request("BYE")


def _goes_on(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700.0)
    does(trace, "x")
    hears(trace, 1100.0)


def _holds_up(trace: Trace) -> None:
    _goes_on(trace)
    hears(trace, 0.0)
    hears(trace, 1100.0)
    hears(trace, 1100.0)


def _streams(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700.0)


def _moves(trace: Trace) -> None:
    opens(trace)
    hears(trace, 700.0)
    opens(trace, OTHER)
    hears(trace, 1100.0, local=OTHER)


_AFTER: dict[str, Any] = {"kind": "x", "tones": [700, 1100]}
GOOD_MEDIA: dict[str, tuple[Callable[[Trace], object], dict[str, Any]]] = {
    "sdes.answer-fits": (_answered, {}),
    "sdes.takes-reoffer": (reoffered, {}),
    "sdes.taken-or-refused": (_answered, {"claimed": False}),
    "sdes.gives-up-bad-answer": (_gives_up, {}),
    "call.offers-late": (_offers_late, {}),
    "media.offers-as-claimed": (_offers, {"codecs": ["PCMA"], "suites": [AES_CM_128_HMAC_SHA1_80], "dtmf": False}),
    "media.stops-when-held": (_held, {}),
    "media.comes-first": (_comes_first, {}),
    "media.goes-on-after": (_goes_on, {**_AFTER, "finding": "x", "what": "w", "hint": "h"}),
    "media.replay-not-heard": (_goes_on, _AFTER),
    "media.holds-up": (_holds_up, {**_AFTER, "windows": 4}),
    "rtcp.comes": (_comes, {}),
    "rtcp.never-in-the-clear": (_never_clear, {}),
    "rtcp.reports-loss": (_reports_loss, {"kind": "x", "least": 4}),
    "rtcp.where-agreed": (_where_agreed, {}),
    "rtcp.rate": (_rate, {}),
    "media.clean": (_clean, {"tone": 700, "windows": 3}),
    "media.digits-received": (_digits_received, {"digits": "12"}),
    "media.symmetric": (_streams, {}),
    "media.moves-along": (_moves, {"tones": [1100]}),
}
"""Check: how its record is made, and the parameters that it is asked with."""
