"""The profile of Linphone on the real program, by whole runs of some cases: what works, and what it does wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certsuite.devices.check import check_profile
from tests.conftest import Finished, certsuite

pytestmark = pytest.mark.skipif(shutil.which("linphone-daemon") is None, reason="install linphone-cli")

SHIPPED = Path(__file__).parents[2] / "device_profiles"
AUDIO_CASES = ("WXC-CALL-010", "WXC-CALL-060", "WXC-MED-090", "WXC-MED-100")


def certified(profile: str, cases: tuple[str, ...], out: Path) -> dict[str, dict[str, Any]]:
    """The results of these cases, by their ids."""
    options = [option for case in cases for option in ("--case", case)]
    done = certsuite("run", profile, *options, "--out", out)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    results = json.loads((out / "results.json").read_text())
    return {case["id"]: case for case in results["cases"]}


def test_the_profile_has_no_mistakes() -> None:
    report = check_profile("linphone", SHIPPED)
    assert (report.problems, report.notes, report.files) == ((), (), ("linphonerc",))


def test_audio_both_ways_digits_and_hold(tmp_path: Path) -> None:
    cases = certified("linphone", AUDIO_CASES, tmp_path / "run")
    assert {name: case["verdict"] for name, case in cases.items()} == dict.fromkeys(AUDIO_CASES, "pass")
    log = (tmp_path / "run" / "evidence" / "device.log").read_text(errors="replace")
    assert "SSL handshake finished" in log


def test_it_takes_tls_1_1_and_no_wrong_certificate(tmp_path: Path) -> None:
    cases = certified("linphone", ("WXC-TLS-020", "WXC-TLS-100", "WXC-TLS-120"), tmp_path / "run")
    assert [cases[name]["verdict"] for name in ("WXC-TLS-100", "WXC-TLS-120")] == ["pass", "pass"]
    assert cases["WXC-TLS-020"]["verdict"] == "fail"
    (finding,) = cases["WXC-TLS-020"]["findings"]
    assert "sent SIP over TLSv1.1" in finding["observed"]


def test_it_follows_an_answer_in_tls_1_1_and_cannot_put_fragments_together(tmp_path: Path) -> None:
    cases = certified("linphone", ("WXC-TLS-022", "WXC-TLS-152"), tmp_path / "run")
    found = [finding["id"] for case in cases.values() for finding in case["findings"]]
    assert sorted(found) == ["tls-fails-on-fragments", "tls-followed-old-version"]


def test_without_verification_it_takes_every_certificate(tmp_path: Path) -> None:
    cases = certified("linphone-unverified", ("WXC-TLS-100", "WXC-TLS-120"), tmp_path / "run")
    assert {name: [one["id"] for one in case["findings"]] for name, case in cases.items()} == {
        "WXC-TLS-100": ["tls-accepted-unknown-root"],
        "WXC-TLS-120": ["tls-accepted-wrong-host"],
    }


def test_by_spoofing_alone_nothing_is_said_of_the_root_of_webex(certify: Callable[..., Finished]) -> None:
    run = certify("linphone", "--case", "WXC-TLS-160")
    assert run.verdicts("inconclusive") == ["WXC-TLS-160"], run.output
    reason = run.case("WXC-TLS-160")["reason"]
    assert "The controls are alike" in reason
    assert "--chain FILE" in reason


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not here: apt-get install faketime")
def test_by_a_chain_at_its_own_time_the_root_of_webex_is_found(certify: Callable[..., Finished]) -> None:
    chain = Path(__file__).parents[1] / "data" / "chains" / "identrust.com-expired-2020.pem"
    run = certify("linphone", "--case", "WXC-TLS-160", "--chain", str(chain))
    assert run.verdicts("pass") == ["WXC-TLS-160"], run.output


def test_it_fetches_its_accounts_over_https_and_calls_with_them(certify: Callable[..., Finished]) -> None:
    works = ("WXC-PROV-010", "WXC-PROV-012", "WXC-REG-010", "WXC-CALL-060", "WXC-PW-020", "WXC-PW-030")
    asked = [part for case in (*works, "WXC-PW-040") for part in ("--case", case)]
    run = certify("linphone-provisioned", *asked)
    assert set(run.verdicts("pass")) == set(works), run.output
    # What it fetches it prints, with the passwords in it.
    (finding,) = run.case("WXC-PW-040")["findings"]
    assert finding["observed"] == "the password of a line in log: what the device's program prints"
