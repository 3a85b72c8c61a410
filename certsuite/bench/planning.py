"""The order of cases, and how long a run will take: from the declarations and the profile, before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from certsuite.checks.diagnosis import STEPS
from certsuite.core.cases import Case, Disturbance, State
from certsuite.devices.profile import DeviceProfile

_CASE_S = 0.05
_CALL_S = 1.5
_STEP_OF = {case: number for number, (case, _) in enumerate(STEPS)}


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One case in its place in a run."""

    case: Case
    applies: bool
    why_not: str
    restarts: int
    "Expected restarts of the device."
    seconds: float
    "Expected duration when nothing goes wrong; what is deferred runs beside other cases and is not counted."


def in_order(cases: Iterable[Case]) -> list[Case]:
    """Cases in the order in which they run: each disturbance is paid once, and what explains others comes first."""
    return sorted(cases, key=_rank)


def plan(cases: Iterable[Case], profile: DeviceProfile) -> list[PlannedCase]:
    """The cases of a run in order, with what each is expected to cost on this device."""
    planned = []
    started = False
    for case in in_order(cases):
        missing = [claim for claim in case.claims if not profile.claims(claim)]
        seconds, restarts = 0.0, 0
        if not missing:
            seconds, restarts = _cost(case, profile)
            if not started and case.needs is not State.STOPPED:
                seconds += profile.values.boot_s
                started = True
        why_not = f"the profile does not claim {', '.join(missing)}" if missing else ""
        planned.append(PlannedCase(case, not missing, why_not, restarts, seconds))
    return planned


def reconnects_by_restart(profile: DeviceProfile) -> bool:
    """Whether a restart is the cheapest way to have this device connect anew."""
    values = profile.values
    retry = values.registration_retry_s
    if profile.can("reregister") and values.boot_s > 1:
        return False
    return retry is None or values.boot_s < retry


def _cost(case: Case, profile: DeviceProfile) -> tuple[float, int]:
    """(seconds, restarts) of one case when nothing goes wrong."""
    values = profile.values
    if Disturbance.CONFIGURATION in case.disturbs:
        batches = -(-2 // profile.lines)
        return _CASE_S + batches * (values.boot_s + 1.0), batches
    if Disturbance.REGISTRATION in case.disturbs and case.family == "FO":
        # It notices at a refresh at the latest, and at another it goes back.
        return _CASE_S + values.failover_expiry + (values.failover_s if case.times_out else 0.0), 0
    if Disturbance.REGISTRATION in case.disturbs:
        if reconnects_by_restart(profile):
            return _CASE_S + case.reconnects * (values.boot_s + 0.5), case.reconnects
        return _CASE_S + case.reconnects * (values.registration_retry_s or 1.0), 0
    if case.needs is State.IN_CALL or case.family in ("CALL", "MED"):
        return _CASE_S + _CALL_S, 0
    return _CASE_S, 0


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
