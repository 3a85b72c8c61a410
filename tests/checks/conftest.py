"""Records made by hand: a few observations at given times, and what a check says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from certsuite.catalogue import load_catalogue
from certsuite.checks.judge import evaluate
from certsuite.checks.span import Span
from certsuite.core.events import Event, Expectation, FlowOpened, SipMessageSeen
from certsuite.core.findings import Judgement
from certsuite.core.limits import Limit, Limits
from certsuite.core.observations import IN, Observation, utc_text
from certsuite.core.verdicts import Verdict
from certsuite.sip.message import SipMessage

CALL = "SSE1-1@127.9.0.1"
SRTP = "RTP/SAVP"
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
AGENT = "Acme Phone/1.0"
FROM = "<sip:i6i1ar1v29@98079822.lab.example>;tag=1"
VIA = "SIP/2.0/TLS 192.0.2.7:40001;branch=z9hG4bK1"


@dataclass
class Trace:
    """What was observed so far, and when it is."""

    limits: Limits
    observations: list[Observation] = field(default_factory=list)
    now: float = 100.0
    "Monotonic seconds of the next observation."
    case: str = ""

    def after(self, seconds: float) -> Trace:
        """Time passes."""
        self.now += seconds
        return self

    def see(self, event: Event, **place: Any) -> Observation:
        """Something is observed; ``place``: line, flow, edge, direction, frame, case."""
        seq = len(self.observations)
        observation = Observation(
            seq=seq,
            segment=0,
            t_mono_ns=round(self.now * 1e9),
            t_utc=utc_text(1_795_292_100 + self.now),
            event=event,
            **{"case": self.case, "frame": 1000 + seq, **place},
        )
        self.observations.append(observation)
        return observation

    def connects(
        self, flow: str = "f1", edge: str = "primary", *, role: str = "sip-tls", port: int = 8934
    ) -> Observation:
        """The device opens a connection."""
        opened = FlowOpened(f"127.9.0.1:{port}", "127.9.0.9:40001", "device", role)
        return self.see(opened, flow=flow, edge=edge, direction=IN)

    def sip(self, message: SipMessage, direction: str = IN, **place: Any) -> Observation:
        """A message goes over a flow."""
        placed = {"flow": "f1", "edge": "primary", "line": 1, "direction": direction, **place}
        return self.see(SipMessageSeen(message.to_bytes()), **placed)

    def request(
        self,
        method: str,
        direction: str = IN,
        *,
        call_id: str = CALL,
        to_tag: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        uri: str = "sip:2000@98079822.lab.example",
        **place: Any,
    ) -> Observation:
        """A request of the device, or to it."""
        fields = {
            "Via": VIA,
            "From": FROM,
            "To": "<sip:2000@98079822.lab.example>" + (f";tag={to_tag}" if to_tag else ""),
            "Call-ID": call_id,
            "CSeq": f"1 {method}",
            "User-Agent": AGENT,
            **({"Content-Type": "application/sdp"} if body else {}),
            **(headers or {}),
        }
        message = SipMessage(method=method, uri=uri, headers=tuple(fields.items()), body=body)
        return self.sip(message, direction, **place)

    def answer(
        self,
        status: int,
        reason: str = "",
        direction: str = IN,
        *,
        method: str = "INVITE",
        call_id: str = CALL,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **place: Any,
    ) -> Observation:
        """A response of the device, or to it."""
        fields = {
            "Via": VIA,
            "From": FROM,
            "Call-ID": call_id,
            "CSeq": f"1 {method}",
            **({"Content-Type": "application/sdp"} if body else {}),
            **(headers or {}),
        }
        message = SipMessage(status=status, reason=reason, headers=tuple(fields.items()), body=body)
        return self.sip(message, direction, **place)

    @staticmethod
    def sdp(
        protocol: str = SRTP, direction: str = "sendrecv", suites: tuple[str, ...] = ("AES_CM_128_HMAC_SHA1_80",)
    ) -> bytes:
        """A session description with one audio section."""
        lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.7", "s=-", "c=IN IP4 192.0.2.7", "t=0 0"]
        lines += [f"m=audio 4000 {protocol} 8 101"]
        lines += [f"a=crypto:{tag} {suite} inline:{KEY}" for tag, suite in enumerate(suites, 1)]
        return "\r\n".join([*lines, f"a={direction}", ""]).encode()

    def limit(self, name: str, **changes: Any) -> Limit:
        """Change a limit for this trace."""
        changed = replace(self.limits[name], **changes)
        self.limits = Limits({**{one.name: one for one in self.limits}, name: changed})
        return changed

    def judge(
        self,
        check: str,
        /,
        *,
        line: int | None = 1,
        flow: str | None = None,
        call_id: str | None = CALL,
        **params: Any,
    ) -> Judgement:
        """What a check says of everything so far."""
        expectation = Expectation(check, "REQ-1", 0, len(self.observations) - 1, params=params, call_id=call_id)
        return evaluate(expectation, Span(self.observations), self.limits, line=line, flow=flow)

    def passes(self, check: str, /, **about: Any) -> Judgement:
        """The check passes, and points at what it saw."""
        judgement = self.judge(check, **about)
        assert (judgement.verdict, judgement.findings, judgement.settled) == (Verdict.PASS, (), True)
        return judgement

    def fails(
        self, check: str, finding: str, /, *, settled: bool = True, verdict: Verdict = Verdict.FAIL, **about: Any
    ) -> Judgement:
        """The check fails with this finding."""
        judgement = self.judge(check, **about)
        assert [one.id for one in judgement.findings] == [finding]
        assert (judgement.verdict, judgement.settled) == (verdict, settled)
        assert judgement.findings[0].requirement == "REQ-1"
        assert judgement.findings[0].observed
        assert judgement.findings[0].expected
        return judgement

    def is_open(self, check: str, code: str, /, **about: Any) -> Judgement:
        """The check cannot be judged, for this reason."""
        judgement = self.judge(check, **about)
        assert (judgement.verdict, judgement.reason_code, judgement.findings) == (Verdict.INCONCLUSIVE, code, ())
        assert judgement.reason
        assert not judgement.settled or code == "bench-lag"
        return judgement


@pytest.fixture
def trace() -> Trace:
    """An empty record."""
    return Trace(load_catalogue().limits)


@pytest.fixture(scope="session")
def new_trace() -> Callable[[], Trace]:
    """Makes empty records, for tests that need several."""
    return lambda: Trace(load_catalogue().limits)
