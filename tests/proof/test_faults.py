"""The suite is itself proved: each fault of the reference device comes to exactly what ``faults.yaml`` says.

By default a fault is run against the smoke plan and the cases that it fails or that warn: of many, those that the
fewest faults are caught by. With ``--full-plan`` it is run against everything; a fault that takes a device with a
hundred lines is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from certsuite.catalogue import load_catalogue
from certsuite.pytest_plugin.collected import collect_cases
from certsuite.pytest_plugin.faults import TABLE, Fault, fault_table
from certsuite.pytest_plugin.options import REFERENCE
from certsuite.refdevice.faults import FAULTS
from tests.conftest import Finished

TIME_SCALE = "0.2"
VERDICTS = ("fail", "inconclusive", "warn", "pass", "error", "needs-review")
"All but those of a case that does not apply."
NOTED = {"FO-POLICY", "NET-DSCP", "PROV-NOTED", "TLS-NOTED", "TLS-WALK"}
"Requirements to know something, which a device cannot fail."
ALL_CASES = {case.id for case in collect_cases()}


AT_MOST = 12
"Cases that catch a fault, of those that it is run against without ``--full-plan``."


def caught_by(fault: Fault) -> set[str]:
    """Cases that catch a fault: a case that at most warns, by a warning."""
    return {*fault.fail, *fault.warn}


@cache
def faults_of_cases() -> Counter[str]:
    """How many faults each case catches."""
    return Counter(case for fault in fault_table().values() for case in caught_by(fault))


def asked_for(fault: Fault, full_plan: bool) -> set[str]:
    """Cases that a fault is run against."""
    if full_plan:
        return ALL_CASES
    rarest_first = sorted(caught_by(fault), key=lambda case: (faults_of_cases()[case], case))
    return {*load_catalogue().plans["smoke"].cases, *rarest_first[:AT_MOST]}


def test_a_good_device_passes_everything(certify: Callable[..., Finished]) -> None:
    """The longest by far, so the first: nothing is to wait for it in the end."""
    run = certify()
    assert (run.exit_code, run.results["outcome"]) == (0, "qualified"), run.output
    assert set(run.verdicts("pass", "not-applicable")) == ALL_CASES
    # The phone is no gateway, neither addresses nor packets can be lost on loopback, the device holds no connection to
    # the secondary, nobody supplied credentials, and no stapled answer is asked for.
    absent = [
        "WXC-CALL-280",
        "WXC-FO-010",
        "WXC-FO-010",
        "WXC-FO-130",
        "WXC-PW-010",
        "WXC-REG-154",
        "WXC-REG-170",
        "WXC-TLS-202",
    ]
    assert run.verdicts("not-applicable") == absent


@pytest.mark.parametrize("fault", fault_table().values(), ids=lambda fault: fault.name)
def test_a_fault_comes_to_what_the_table_says(
    fault: Fault, certify: Callable[..., Finished], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    full_plan = request.config.getoption("--full-plan", default=False) and fault.device == REFERENCE
    cases = asked_for(fault, full_plan)
    chosen = [] if full_plan else [part for case in sorted(cases) for part in ("--case", case)]
    # What comes out otherwise with patience cut short is decided with patience: this machine may be busy.
    # A hundred lines take their time in any case.
    for time_scale in (TIME_SCALE, "1") if fault.device == REFERENCE else ("1",):
        run = certify(
            fault.device, "--fault", fault.name, "--time-scale", time_scale, *chosen, out=tmp_path / time_scale
        )
        seen = {word: set(run.verdicts(word)) for word in VERDICTS}
        # Of a case with several forms one may not apply, or pass where another fails.
        applicable = set().union(*seen.values())
        expected = {"error": set(), "needs-review": set(), **fault.expected(applicable)}
        seen["pass"] -= expected["fail"] | expected["inconclusive"] | expected["warn"]
        if seen == expected:
            break
    assert seen == expected, run.output
    if full_plan:
        assert run.exit_code == fault.exit_code, run.output
    assert {case["id"] for case in run.results["cases"]} == cases


def test_every_case_that_can_fail_has_a_fault() -> None:
    # Also by default.
    caught = {case for fault in fault_table().values() for case in caught_by(fault) & asked_for(fault, full_plan=False)}
    noted = {case.id for case in collect_cases() if set(case.requirements) <= NOTED}
    assert caught == ALL_CASES - noted


def test_the_table_and_the_device_know_the_same_faults() -> None:
    of_the_device = {name: fault.about for name, fault in fault_table().items() if fault.is_the_devices}
    assert of_the_device == {name: fault.description for name, fault in FAULTS.items()}
    # YAML keeps the last of two of one name.
    names = re.findall(r"^([\w-]+):$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) == len(fault_table())


def test_the_printed_table_is_the_table(pytestconfig: pytest.Config) -> None:
    """``docs/faults.md`` is written from the data; the module that makes it says how."""
    from certsuite.cli.faults_page import faults_page

    page = Path(pytestconfig.rootpath) / "docs" / "faults.md"
    assert page.read_text(encoding="utf-8") == faults_page()
