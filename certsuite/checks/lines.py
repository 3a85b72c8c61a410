"""Devices with many lines: whether each registers, how soon all do, and how much of it comes at once."""

from __future__ import annotations

from dataclasses import replace

from certsuite.checks.outage import most_in
from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen, SeenMessage
from certsuite.core.events import BindingChanged
from certsuite.core.findings import Judgement, Measurement
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict

_BURST_S = 0.1
_NAMED = 5
"Lines that are named at most."


def _first_bindings(question: Question) -> dict[int, Seen[BindingChanged]]:
    """The first binding of each line."""
    first: dict[int, Seen[BindingChanged]] = {}
    for seen in question.span.of(BindingChanged):
        if seen.event.granted_s > 0 and seen.at.line is not None:
            first.setdefault(seen.at.line, seen)
    return first


def _first_registers(question: Question) -> dict[int, SeenMessage]:
    """The first REGISTER of each line."""
    first: dict[int, SeenMessage] = {}
    for seen in question.span.messages(method="REGISTER"):
        if seen.at.line is not None:
            first.setdefault(seen.at.line, seen)
    return first


@check("reg.lines", limits=("lines_registered_s",))
def all_register(question: Question) -> Judgement:
    """Every line is bound (REG-ALL-LINES), and how long that took from the first REGISTER on."""
    lines = int(question.param("lines"))
    asked, bound = question.span.messages(method="REGISTER"), _first_bindings(question)
    if not asked or not bound:
        # What keeps every line from registering is what other cases are about.
        return question.unknown("never-registered", "no line was registered")
    missing = [line for line in range(1, lines + 1) if line not in bound]
    if missing:
        tried = _first_registers(question)
        silent = [line for line in missing if line not in tried]
        refused = [line for line in missing if line in tried]
        parts = [
            *([f"no REGISTER came of {named(silent)}"] if silent else []),
            *([f"none was accepted of {named(refused)}"] if refused else []),
        ]
        return question.failed(
            "lines-not-registered",
            f"{len(bound)} of {lines} lines registered; {'; '.join(parts)}",
            "a registration of each line, for its own address and with its own credentials",
            *(tried[line].evidence for line in refused[:1]),
            asked[-1].evidence,
            hint="Look at what the configuration gives the first line that is missing: address, authentication user "
            "and password are each line's own.",
            settled=False,
        )
    last = max(bound.values(), key=lambda seen: seen.at.seq)
    judged = question.timed(
        "lines_registered_after",
        last.at.t - asked[0].at.t,
        question.limits["lines_registered_s"],
        "lines-late",
        f"{lines} lines were registered after",
        asked[0].evidence,
        last.evidence,
        hint="Register lines beside each other: none has to wait until the one before it is registered.",
    )
    return replace(judged, measurements=(*judged.measurements, Measurement("lines", lines, "lines")))


def named(lines: list[int]) -> str:
    """The first of these lines, and how many more there are."""
    more = f" and {len(lines) - _NAMED} more" if lines[_NAMED:] else ""
    return f"line{'s' if lines[1:] else ''} {', '.join(map(str, lines[:_NAMED]))}{more}"


@check("reg.one-port", passive=True)
def one_port(question: Question) -> Judgement:
    """No line is registered by two ports, which take turns over one flow with a Call-ID each (REG-ONE-PORT)."""
    used: dict[tuple[int, str | None], list[SeenMessage]] = {}
    for seen in question.span.messages(method="REGISTER"):
        if seen.at.line is None:
            continue
        own = used.setdefault((seen.at.line, seen.at.flow), [])
        if own and own[-1].message.call_id == seen.message.call_id:
            continue
        if any(before.message.call_id == seen.message.call_id for before in own):
            return question.failed(
                "line-on-two-ports",
                f"line {seen.at.line} is registered by turns with Call-ID "
                f"{printable(own[-1].message.call_id, at_most=80)} and {printable(seen.message.call_id, at_most=80)}",
                "one port a line",
                own[-1].evidence,
                seen.evidence,
                hint="A gateway's line has one appearance: give each port a line of its own.",
            )
        own.append(seen)
    bound = _first_bindings(question)
    if not bound:
        return question.unknown("never-registered", "no line was registered")
    return question.passed(
        *(seen.evidence for seen in list(bound.values())[:1]),
        measurements=(Measurement("lines_with_one_port", len(bound), "lines"),),
    )


@check("reg.spread", limits=("lines_registered_s", "registers_in_100_ms"))
def spread(question: Question) -> Judgement:
    """After a start lines do not come all in one moment (REG-SPREAD)."""
    lines, limit = int(question.param("lines")), question.limits["registers_in_100_ms"]
    first = _first_registers(question)
    if len(first) < lines:
        return question.unknown("lines-missing", f"{len(first)} of {lines} lines sent a REGISTER")
    ordered = sorted(first.values(), key=lambda seen: seen.at.seq)
    times = [seen.at.t for seen in ordered]
    most = most_in(_BURST_S, times)
    measured = (
        Measurement("registers_in_100_ms", most, "REGISTERs", limit.value),
        Measurement("lines_spread_over", round(times[-1] - times[0], 3), "s"),
    )
    ends = (ordered[0].evidence, ordered[-1].evidence)
    if limit.judge(most) is Verdict.PASS:
        return question.passed(*ends, measurements=measured)
    return question.failed(
        "registers-in-a-burst",
        f"{most} lines sent their first REGISTER within 100 ms",
        f"at most {limit.value:g} in 100 ms",
        *ends,
        hint="Space the lines out, at random: after a power failure a site's gateways all start at once.",
        verdict=limit.judge(most),
        limit=limit,
        measurements=measured,
    )
