"""The order of cases and what they cost."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from certsuite.bench import planning
from certsuite.bench.planning import ALONE, PlannedCase, in_order
from certsuite.catalogue import load_catalogue
from certsuite.core.cases import Case, Disturbance, State, Wait
from certsuite.devices.profile import DeviceProfile
from certsuite.pytest_plugin.collected import collect_cases
from certsuite.tls.policies import WEBEX_SERVICES, cipher_policy
from tests.bench.conftest import reference

LIMITS = load_catalogue().limits


def plan(cases: Iterable[Case], profile: DeviceProfile) -> list[PlannedCase]:
    return planning.plan(cases, profile, LIMITS)


def case(id: str, *disturbs: Disturbance, needs: State = State.REGISTERED, claims: tuple[str, ...] = ()) -> Case:
    return Case(id, "title", ("REQ",), claims, needs, disturbs)


START = case("WXC-TLS-080", needs=State.STARTED)
DNS = case("WXC-DNS-010", needs=State.STARTED)
REG = case("WXC-REG-060")
CALL = case("WXC-CALL-010")
TLS = case("WXC-TLS-100", Disturbance.REGISTRATION)
BACK = case("WXC-FO-060", Disturbance.REGISTRATION, needs=State.REGISTERED_SECONDARY)
PASSWORD = case("WXC-PW-020", Disturbance.REGISTRATION, Disturbance.CONFIGURATION)
DTMF = case("WXC-MED-090", needs=State.IN_CALL, claims=("dtmf",))
ALL = (DNS, START, REG, CALL, DTMF, TLS, BACK, PASSWORD)


def test_each_disturbance_is_paid_once_and_what_explains_others_comes_first() -> None:
    for seed in range(20):
        mixed = random.Random(seed).sample(ALL, len(ALL))
        assert in_order(mixed) == list(ALL)


def test_the_order_does_not_depend_on_how_cases_were_given() -> None:
    twins = (case("WXC-TLS-110"), case("WXC-TLS-105"))
    for pair in itertools.permutations(twins):
        assert [one.id for one in in_order(pair)] == ["WXC-TLS-105", "WXC-TLS-110"]


@pytest.mark.parametrize(
    ("profile", "restarts"),
    [
        (reference(boot_s=0.1, registration_retry_s=1.0), False),
        (reference(boot_s=0.1, registration_retry_s=1.0, without=("reregister",)), True),
        (reference(boot_s=20.0, registration_retry_s=60.0), False),
        (reference(boot_s=20.0, registration_retry_s=60.0, without=("reregister",)), True),
        (reference(boot_s=60.0, registration_retry_s=20.0, without=("reregister",)), False),
        (reference(boot_s=60.0, registration_retry_s=None, without=("reregister",)), True),
    ],
    ids=[
        "quick-with-reregister",
        "quick-without",
        "slow-with-reregister",
        "slow-without",
        "retries-sooner",
        "never-retries",
    ],
)
def test_a_device_is_restarted_only_when_it_has_no_better_means(profile: DeviceProfile, restarts: bool) -> None:
    costs = {one.case.id: one.restarts for one in plan(ALL, profile)}
    assert costs["WXC-TLS-100"] == int(restarts)
    assert costs["WXC-PW-020"] == 1
    assert costs["WXC-CALL-010"] == 0


def test_a_device_that_boots_for_long_has_at_most_three_restarts_in_a_run() -> None:
    planned = plan(
        [*ALL, *(case(f"WXC-TLS-{n}", Disturbance.REGISTRATION) for n in range(200, 220))], reference(boot_s=20.0)
    )
    assert sum(one.restarts for one in planned) <= 3
    assert planned[0].seconds > 20
    assert sum(one.seconds for one in planned) < 120


def test_what_is_not_claimed_is_in_the_plan_and_costs_nothing() -> None:
    profile = reference()
    without = profile.model_copy(update={"capabilities": profile.capabilities.model_copy(update={"dtmf": False})})
    planned = {one.case.id: one for one in plan(ALL, without)}
    dtmf = planned["WXC-MED-090"]
    assert (dtmf.applies, dtmf.seconds, dtmf.restarts) == (False, 0.0, 0)
    assert dtmf.why_not == "the profile does not claim dtmf"
    assert planned["WXC-CALL-010"].applies


def test_a_configuration_takes_a_restart_for_each_batch_of_passwords() -> None:
    two, one = (next(iter(plan([PASSWORD], reference(lines=lines)))) for lines in (2, 1))
    assert (two.restarts, one.restarts) == (1, 2)
    assert two.seconds < one.seconds


def test_a_case_costs_as_many_reconnects_as_it_declares() -> None:
    each_suite = replace(TLS, reconnects=5)
    quick = reference(boot_s=0.1, registration_retry_s=1.0, without=("reregister",))
    slow = reference(boot_s=20.0, registration_retry_s=60.0)
    for profile, restarts in ((quick, 5), (slow, 0)):
        (one,), (five,) = plan([TLS], profile), plan([each_suite], profile)
        assert five.restarts == restarts
        assert (five.seconds - one.seconds) / 4 > (profile.values.boot_s if restarts else 0)


def test_what_offers_each_suite_alone_costs_a_reconnect_each() -> None:
    (suites,) = plan([one for one in collect_cases() if one.id == "WXC-TLS-060"], reference(without=("reregister",)))
    assert suites.restarts == len(cipher_policy(WEBEX_SERVICES).suites) > 1


def waiting(*waits: Wait, id: str = "WXC-FO-010", disturbs: bool = True) -> Case:
    return replace(case(id, *[Disturbance.REGISTRATION] * disturbs), waits=waits)


@pytest.mark.parametrize(
    ("wait", "values", "seconds"),
    [
        (Wait.REFRESH, {"failover_expiry_s": 20}, 10),
        (Wait.TIME_OUT, {"gives_up_s": None, "failover_s": 64.0}, 64),
        (Wait.TIME_OUT, {"gives_up_s": 32.0, "failover_s": 64.0}, 32),
        (Wait.OWN_RETRY, {"registration_retry_s": 15.0}, 15),
        (Wait.OWN_RETRY, {"registration_retry_s": None}, 0),
        (Wait.WAY_BACK, {"looks_back_s": 3.0}, 3),
        (Wait.WAY_BACK, {"looks_back_s": None, "failover_expiry_s": 20}, 10),
        (Wait.WAY_BACK, {"looks_back_s": None, "failover_expiry_s": 20, "failback_s": 4.0}, 4),
        (Wait.BOTH_DOWN, {"both_down_s": 20.0, "failover_expiry_s": 2}, 20),
        (Wait.BOTH_DOWN, {"both_down_s": 2.0, "failover_expiry_s": 20}, 30),
        (Wait.WATCHED, {"failover_expiry_s": 20}, 30),
        (Wait.LATE_ANSWERS, {"failover_expiry_s": 20}, 11),
        (Wait.LATE_ANSWERS, {"failover_expiry_s": 1}, 2),
    ],
)
def test_a_wait_is_as_long_as_the_profile_says(wait: Wait, values: dict[str, Any], seconds: float) -> None:
    profile = reference(boot_s=0.0, **values)
    (without,), (within,) = plan([waiting()], profile), plan([waiting(wait)], profile)
    assert within.seconds - without.seconds == pytest.approx(seconds)
    ((kind, length),) = within.waits
    assert (kind, round(length, 6)) == (wait, seconds)
    (twice,) = plan([waiting(wait, wait)], profile)
    assert twice.seconds - without.seconds == pytest.approx(2 * seconds)


@pytest.mark.parametrize(
    ("wait", "limit"), [(Wait.SILENCE, "pause_after_refusal_s"), (Wait.SLOW_HANDSHAKE, "slow_handshake_s")]
)
def test_a_wait_is_as_long_as_its_limit(wait: Wait, limit: str) -> None:
    (one,) = plan([waiting(wait, id="WXC-REG-110")], reference())
    assert one.waits == ((wait, LIMITS[limit].value),)


def test_outside_of_failover_it_is_the_usual_grant_that_counts() -> None:
    profile = reference(granted_expiry_s=60, failover_expiry_s=2)
    (one,) = plan([waiting(Wait.RETRY_AFTER, id="WXC-REG-120")], profile)
    assert one.waits == ((Wait.RETRY_AFTER, 20),)


def test_what_disturbs_nothing_waits_beside_others_until_something_is_disturbed() -> None:
    profile = reference(boot_s=0.0, granted_expiry_s=60)
    early = waiting(Wait.EXPIRY, id="WXC-REG-060", disturbs=False)
    twin = waiting(Wait.EXPIRY, id="WXC-REG-062", disturbs=False)
    calls = [case(f"WXC-CALL-{n:03}") for n in range(100)]
    for cases, left in (([early], 66.0), ([early, twin], 66.0), ([early, *calls], 66.0 - sum_of(calls))):
        planned = plan([*cases, TLS], profile)
        assert all(one.shared for one in planned if one.waits)
        assert sum_of(cases, profile) == pytest.approx(
            left + sum_of([replace(one, waits=()) for one in cases], profile), 0.01
        )
        assert not planned[-1].shared


def sum_of(cases: list[Case], profile: DeviceProfile | None = None) -> float:
    return sum(one.seconds for one in plan(cases, profile or reference(boot_s=0.0, granted_expiry_s=60)))


def test_every_wait_of_a_case_that_disturbs_has_a_reason_not_to_be_shared() -> None:
    assert set(ALONE) == set(Wait)
    used = {wait for one in collect_cases() for wait in one.waits}
    assert used == set(Wait)


@pytest.mark.parametrize(
    ("wait", "interval_s", "seconds"),
    [(Wait.SESSION_REFRESH, 90, 45), (Wait.SESSION_END, 90, 60), (Wait.SESSION_END, 1800, 1768)],
)
def test_what_is_waited_for_in_a_call_is_waited_for_alone(wait: Wait, interval_s: int, seconds: float) -> None:
    early = waiting(Wait.EXPIRY, id="WXC-REG-060", disturbs=False)
    session = waiting(wait, id="WXC-CALL-134", disturbs=False)
    first, second = plan([session, early], reference(granted_expiry_s=30, session_interval_s=interval_s))
    assert (first.shared, second.shared) == (True, False)
    assert second.waits == ((wait, seconds),)
    assert second.seconds >= seconds
    # What waits beside others is over by then.
    assert first.seconds < 1
