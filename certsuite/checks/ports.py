"""A gateway with a call on every port: whether each hears its own far end, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.checks.lines import named
from certsuite.checks.media import is_heard
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.core.events import MediaOpened, MediaWindow
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.observations import OUT

_Tones = tuple[float, float]
_PACKET_S = 0.02
_SENT_AT_LEAST = 0.9
"Share of its own packets that the bench must have sent for what did not come back to say anything of the device."


@dataclass(frozen=True, slots=True)
class _Port:
    line: int
    call_id: str
    tones: _Tones
    "What its far end plays, one after the other: no two ports have the same two."


@check("ports.own-audio", limits=("audio_s", "tone_deviation"))
def own_audio(question: Question) -> Judgement:
    """Each port is in a call, and what comes back on it is what its own far end plays (CALL-ALL-PORTS).

    ``calls`` has line, Call-ID and the two tones of each, of as many as could be called, ``lines`` how many there are.
    A port that gives back another's tones is told from one that is silent.
    """
    ports = [_Port(int(line), str(call_id), (float(a), float(b))) for line, call_id, a, b in question.param("calls")]
    deviation = question.limits["tone_deviation"].value
    if not question.span.messages(direction=OUT, method="INVITE"):
        return question.unknown("not-stimulated", "no port was called")
    opened = {seen.event.call_id for seen in question.span.of(MediaOpened) if seen.event.suite != "none"}
    windows: dict[str, list[Seen[MediaWindow]]] = {port.call_id: [] for port in ports}
    for seen in question.span.of(MediaWindow):
        if seen.event.call_id in windows:
            windows[seen.event.call_id].append(seen)
    whose = {port.tones: port.line for port in ports}
    idle = [port for port in ports if port.call_id not in opened]
    in_call = [port for port in ports if port.call_id in opened]
    heard = {
        port.line: _heard(windows[port.call_id], sorted({hz for tones in whose for hz in tones}), deviation)
        for port in in_call
    }
    right = [port for port in in_call if port.tones in _pairs(heard[port.line])]
    others = [(port, line) for port in in_call if port not in right and (line := _other(heard[port.line], whose))]
    wrong = [port for port, _ in others]
    deaf = [port for port in in_call if port not in right and port not in wrong]
    sent = sum(seen.event.sent_packets for own in windows.values() for seen in own)
    due = sum(seen.event.duration_s for own in windows.values() for seen in own) / _PACKET_S
    received = sum(seen.event.packets for own in windows.values() for seen in own)
    lost = sum(seen.event.lost for own in windows.values() for seen in own)
    measurements = (
        Measurement("ports_in_calls", len(in_call), "ports"),
        Measurement("ports_with_own_audio", len(right), "ports"),
        Measurement("rtp_packets_received", received, "packets"),
        Measurement("rtp_packets_lost", lost, "packets"),
    )
    evidence = [seen.evidence for port in (wrong or deaf)[:2] for seen in windows[port.call_id][-1:]]
    if others:
        port, line = others[0]
        return question.failed(
            "ports-audio-crossed",
            f"{len(others)} of {len(ports)} ports give back another's audio; line {port.line} that of line {line}",
            "on each port what its own far end plays",
            *evidence,
            hint="Each port's RTP has its own address, port and key: look at what the device tells them apart by.",
            measurements=measurements,
        )
    if (idle or deaf) and sent < _SENT_AT_LEAST * due:
        return question.unknown(
            "bench-too-slow", f"the bench sent {sent} of {due:.0f} packets that were due: this machine is too busy"
        )
    if idle:
        return question.failed(
            "ports-not-in-calls",
            f"{len(in_call)} of {len(ports)} ports came into a call; not {named([port.line for port in idle])}",
            "a call on each port at once",
            hint="Look for a limit on calls, on RTP ports or on SRTP sessions in the device's configuration.",
            settled=False,
            measurements=measurements,
        )
    if deaf:
        return question.failed(
            "ports-audio-missing",
            f"{len(right)} of {len(ports)} ports give back what their far ends play; not "
            f"{named([port.line for port in deaf])}",
            "on each port what its own far end plays",
            *evidence,
            hint="Calls that are set up and silent point to the device's signal processors or SRTP at their limit.",
            settled=False,
            limit=question.limits["audio_s"],
            measurements=measurements,
        )
    if len(ports) < (lines := int(question.params.get("lines", len(ports)))):
        return question.unknown(
            "not-all-called", f"{len(ports)} of {lines} ports were called: the others were not registered"
        )
    return question.passed(*(seen.evidence for seen in windows[ports[0].call_id][-1:]), measurements=measurements)


def _heard(windows: list[Seen[MediaWindow]], tones: list[float], deviation: float) -> list[float]:
    """The tones that were heard, in order, each once for as long as it lasts."""
    heard: list[float] = []
    for seen in windows:
        for tone in tones:
            if is_heard(seen.event, tone, deviation):
                if not heard or heard[-1] != tone:
                    heard.append(tone)
                break
    return heard


def _pairs(heard: list[float]) -> set[_Tones]:
    return {(first, second) for at, first in enumerate(heard) for second in heard[at + 1 :]}


def _other(heard: list[float], whose: dict[_Tones, int]) -> int:
    """Another port whose two tones were heard; 0 if there is none."""
    return next((whose[pair] for pair in sorted(_pairs(heard)) if pair in whose), 0)
