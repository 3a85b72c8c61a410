"""Which step on the way to a registration broke, and which case is about that step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from certsuite.checks.judge import evaluate
from certsuite.checks.span import Span
from certsuite.core.events import DeviceExited, Expectation
from certsuite.core.limits import Limits
from certsuite.core.observations import Observation
from certsuite.core.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a device is not registered."""

    reason: str
    case: str = ""
    "Id of the case that judges the step; empty if nothing was seen by which a step could be blamed."


STEPS = (
    ("WXC-DNS-010", "dns.asks-sips-srv"),
    ("WXC-DNS-020", "dns.uses-srv-port"),
    ("WXC-TLS-080", "tls.trusts"),
    ("WXC-REG-010", "reg.digest"),
    ("WXC-REG-020", "reg.auth-user"),
)
"(case, check) in the order in which a device goes through them."


def diagnose(
    observations: Sequence[Observation], limits: Limits, outbound_proxy: str, port: int, lines: int = 1
) -> Diagnosis:
    """The first step that did not pass in these observations; those of the registrar on any of the device's lines."""
    span = Span(observations)
    exits = [seen.event for seen in span.of(DeviceExited) if not seen.event.asked]
    if exits:
        return Diagnosis(f"the device's program ended by itself (status {exits[-1].status})")
    params = {"outbound_proxy": outbound_proxy, "port": str(port), "presentation": "good"}
    for case, check in STEPS:
        expectation = Expectation(check, "", 0, 0, params=params)
        for line in range(1, lines + 1) if check.startswith("reg.") else (None,):
            judgement = evaluate(expectation, span, limits, line=line, flow=None)
            if judgement.verdict is Verdict.INCONCLUSIVE:
                return Diagnosis(judgement.reason)
            if judgement.verdict is not Verdict.PASS:
                return Diagnosis(judgement.findings[0].observed if judgement.findings else judgement.reason, case=case)
    return Diagnosis("every step up to the digest was right, and no binding was made")
