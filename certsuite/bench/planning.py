"""The order of cases, and how long a run will take: from declarations, profile and limits, before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from certsuite.bench.device import cheapest_means
from certsuite.bench.dns_control import TTL_S, quiet_in_silence_s
from certsuite.bench.failover import DOWN_EXPIRIES, TIMES_LATE, WATCHED_EXPIRIES
from certsuite.checks.diagnosis import STEPS
from certsuite.core.cases import Case, Disturbance, State, Wait
from certsuite.core.limits import Limits
from certsuite.devices.profile import DeviceProfile
from certsuite.edge.failing import FAILURES
from certsuite.sip.session_timer import SessionTimer

BENCH_S = 1.0
"What raising and lowering the bench takes."
_CASE_S = 0.03
_CALL_S = 0.1
_HEARD_S = 0.4
"How long is listened in a call about its media."
_START_S = 0.5
"What a program takes to end and start, beside the profile's ``boot_s``."
_CONNECT_S = 0.05
"Question to DNS, handshake and registration of all lines."
_REFRESH_SHARE = 0.5
"Share of what was granted after which devices refresh: half of it is usual."
_BEYOND_EXPIRY = 1.1
_STEP_OF = {case: number for number, (case, _) in enumerate(STEPS)}

ALONE: dict[Wait, str] = {
    Wait.REFRESH: "the device meets the failure at its own refresh, and any other case would meet it too",
    Wait.TIME_OUT: "the device is without service until it gives the silent server up",
    Wait.OWN_RETRY: "the device is without service until it tries again by itself",
    Wait.WAY_BACK: "how long it takes is measured, and the next case needs the device at the primary",
    Wait.BOTH_DOWN: "no target serves meanwhile",
    Wait.WATCHED: "whatever made the device connect anew would look like its wandering",
    Wait.LATE_ANSWERS: "every answer of the primary is late meanwhile",
    Wait.RETRY_AFTER: "the edge must be left alone until then",
    Wait.SILENCE: "nothing must come meanwhile, and any other case would make the device register",
    Wait.SLOW_HANDSHAKE: "the device is without service until the handshake is done",
    Wait.TTL: "the device has to keep its connection until then, and to lose it afterwards",
    Wait.DNS_SILENCE: "the device is without service until it asks DNS no more",
    Wait.KEEP_ALIVE: "no refresh may be in sight, and any other case would make the device say something",
    Wait.EXPIRY: "the next case disturbs the registration",
    Wait.SESSION_REFRESH: "the device is in the call, and any other case would make it act there or elsewhere",
    Wait.SESSION_END: "the device is in the call, and any other case would make it act there or elsewhere",
}
"Why nothing else can be done while a case that disturbs the registration, or has a call, waits so."
_IN_A_CALL = (Wait.SESSION_REFRESH, Wait.SESSION_END)


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One case in its place in a run."""

    case: Case
    applies: bool
    why_not: str
    restarts: int
    "Expected restarts of the device."
    seconds: float
    "Expected duration when nothing goes wrong; of what is waited for beside other cases only what is left over."
    waits: tuple[tuple[Wait, float], ...] = ()
    "For what it waits, and for how many seconds."
    shared: bool = False
    "Whether it waits beside other cases."


def in_order(cases: Iterable[Case]) -> list[Case]:
    """Cases in the order in which they run: each disturbance is paid once, and what explains others comes first."""
    return sorted(cases, key=_rank)


def plan(cases: Iterable[Case], profile: DeviceProfile, limits: Limits) -> list[PlannedCase]:
    """The cases of a run in order, with what each is expected to cost on this device."""
    planned: list[PlannedCase] = []
    started = False
    walked = False
    for case in in_order(cases):
        missing = [claim for claim in case.claims if not profile.claims(claim)]
        if missing:
            why_not = f"the profile does not claim {', '.join(missing)}"
            planned.append(PlannedCase(case, applies=False, why_not=why_not, restarts=0, seconds=0.0))
            continue
        waits = tuple((wait, _length(wait, case, profile, limits)) for wait in case.waits)
        restarts, seconds = _moves(case, profile, walked=walked)
        walked = walked or bool(case.presents)
        shared = bool(waits) and not case.disturbs and not any(wait in _IN_A_CALL for wait in case.waits)
        seconds += 0.0 if shared else sum(length for _, length in waits)
        if not started and case.needs is not State.STOPPED:
            seconds += profile.values.boot_s + _START_S
            started = True
        planned.append(PlannedCase(case, True, "", restarts, seconds, waits, shared))
    return _with_what_is_left_over(planned)


def _with_what_is_left_over(planned: list[PlannedCase]) -> list[PlannedCase]:
    """What is waited for beside other cases has to be over when a case disturbs the registration."""
    disturbs = next((n for n, one in enumerate(planned) if one.case.disturbs), len(planned))
    waiting = [n for n, one in enumerate(planned) if one.shared]
    if not waiting:
        return planned
    length = {n: sum(seconds for _, seconds in planned[n].waits) for n in waiting}
    beside = {n: sum(one.seconds for one in planned[n + 1 : disturbs]) for n in waiting}
    last = max(waiting, key=lambda n: length[n] - beside[n])
    left = max(length[last] - beside[last], 0.0)
    return [replace(one, seconds=one.seconds + left) if n == last else one for n, one in enumerate(planned)]


def _length(wait: Wait, case: Case, profile: DeviceProfile, limits: Limits) -> float:
    """How many seconds a case waits so on this device."""
    values = profile.values
    granted = values.failover_expiry if case.family == "FO" else values.granted_expiry_s
    refresh = _REFRESH_SHARE * granted
    late_s = max(failure.late_s for failure in FAILURES.values())
    asked_s = max(failure.retry_after_s or 0 for failure in FAILURES.values())
    match wait:
        case Wait.REFRESH:
            return refresh
        case Wait.TIME_OUT:
            return values.failover_s if values.gives_up_s is None else values.gives_up_s
        case Wait.OWN_RETRY:
            return values.registration_retry_s or 0.0
        case Wait.WAY_BACK:
            return min(refresh if values.looks_back_s is None else values.looks_back_s, values.failback_s)
        case Wait.BOTH_DOWN:
            return max(values.both_down_s, DOWN_EXPIRIES * granted)
        case Wait.WATCHED:
            return WATCHED_EXPIRIES * granted
        case Wait.LATE_ANSWERS:
            # Until it refreshes, and then as long as one line after another takes.
            return _REFRESH_SHARE * max(TIMES_LATE * late_s, granted) + profile.lines * late_s
        case Wait.RETRY_AFTER:
            return asked_s if case.family == "FO" else max(granted // 3, 2)
        case Wait.SILENCE:
            return limits["pause_after_refusal_s"].value
        case Wait.SLOW_HANDSHAKE:
            return limits["slow_handshake_s"].value
        case Wait.TTL:
            return TTL_S
        case Wait.DNS_SILENCE:
            return quiet_in_silence_s(values)
        case Wait.KEEP_ALIVE:
            return values.keep_alive_s
        case Wait.EXPIRY:
            return _BEYOND_EXPIRY * granted
        case Wait.SESSION_REFRESH:
            return _REFRESH_SHARE * values.session_interval_s
        case Wait.SESSION_END:
            return SessionTimer(values.session_interval_s, "").over_after_s


def _moves(case: Case, profile: DeviceProfile, *, walked: bool) -> tuple[int, float]:
    """(restarts, seconds) of what a case makes the device do, when nothing goes wrong."""
    start = profile.values.boot_s + _START_S
    if Disturbance.CONFIGURATION in case.disturbs:
        batches = -(-2 // profile.lines)
        return batches, _CASE_S + batches * (start + _CONNECT_S)
    if case.presents and walked and case.reconnects == 1:
        # The walk of the first such case has shown the device what this one wants.
        return 0, _CASE_S
    if Disturbance.REGISTRATION in case.disturbs:
        by_restart = cheapest_means(profile) == "restart"
        if case.family == "FO" and case.needs is State.REGISTERED:
            # In failover it mostly is where it should be.
            by_restart = False
        if by_restart:
            return case.reconnects, _CASE_S + case.reconnects * (start + _CONNECT_S)
        pause_s = (
            0.0 if profile.can("reregister") or case.family == "FO" else profile.values.registration_retry_s or 1.0
        )
        return 0, _CASE_S + case.reconnects * (pause_s + _CONNECT_S)
    if case.needs is State.IN_CALL or case.family in ("CALL", "MED"):
        return 0, _CASE_S + _CALL_S + (_HEARD_S if case.family == "MED" else 0.0)
    return 0, _CASE_S


def _rank(case: Case) -> tuple[int, int, int, str, str]:
    if Disturbance.CONFIGURATION in case.disturbs:
        stage = 4
    elif case.disturbs:
        stage = 3
    elif case.needs in (State.STOPPED, State.STARTED):
        stage = 0
    else:
        # What waits for a refresh begins first, so that the others run meanwhile.
        stage = 1 if case.family == "REG" else 2
    secondary = int(case.needs is State.REGISTERED_SECONDARY)
    return stage, secondary, _STEP_OF.get(case.id, len(_STEP_OF)), case.id, case.variant
