"""The commands as a user types them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from certsuite import __version__
from certsuite.catalogue import load_catalogue, loader
from certsuite.cli.main import app
from certsuite.core.places import PROFILES
from certsuite.pytest_plugin.collected import collect_cases
from certsuite.report.results_json import results_schema
from tests.conftest import Finished, certsuite

SMOKE_AND_FAILOVER = tuple(
    part
    for case in ("WXC-DNS-010", "WXC-DNS-020", "WXC-DNS-040", "WXC-FO-005", "WXC-FO-060")
    for part in ("--case", case)
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of the reference device, made once."""
    folder = tmp_path_factory.mktemp("made") / "run"
    done = certsuite("run", "reference", *SMOKE_AND_FAILOVER, "--out", folder)
    return Finished(done.returncode, done.stdout + done.stderr, folder)


@pytest.fixture
def run_folder(finished: Finished, tmp_path: Path) -> Path:
    """A copy of that run, to do with as a test likes."""
    copy = tmp_path / "copy"
    shutil.copytree(finished.folder, copy)
    return copy


def test_a_run_says_what_it_does_and_where_the_report_is(finished: Finished) -> None:
    assert finished.exit_code == 0
    assert "raising the bench" in finished.output
    assert "WXC-FO-005" in finished.output
    assert "outcome: passed" in finished.output
    assert f"report: {finished.folder / 'index.html'}" in finished.output
    assert "overhead" in finished.output


def test_a_run_leaves_every_file_of_its_folder(finished: Finished) -> None:
    for name in (
        "results.json",
        "record.jsonl",
        "junit.xml",
        "index.html",
        "evidence/run.pcapng",
        "evidence/device.log",
    ):
        assert (finished.folder / name).stat().st_size > 0, name
    assert list((finished.folder / "allure-results").glob("*-result.json"))
    assert list((finished.folder / "evidence").glob("ladder-*.svg"))
    assert "***" in (finished.folder / "config" / "phone.toml").read_text(encoding="utf-8")


def test_results_are_as_the_schema_says(finished: Finished) -> None:
    jsonschema.validate(finished.results, results_schema())
    assert finished.results["outcome"] == "passed"
    assert finished.results["complete"] is True


def test_version() -> None:
    done = certsuite("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"certsuite {__version__}")


def test_cases_lists_every_case_with_its_source() -> None:
    done = certsuite("cases")
    assert done.returncode == 0
    for case in collect_cases():
        assert case.id in done.stdout
    assert "mandatory, primary" in done.stdout
    assert "help.webex.com" in done.stdout


def test_cases_as_json_with_a_profile(tmp_path: Path) -> None:
    profile = tmp_path / "mute.yaml"
    profile.write_text(f"extends: {PROFILES / 'reference.yaml'}\ncapabilities: {{hold: false}}\n", encoding="utf-8")
    done = certsuite("cases", "--json", profile)
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert rows["WXC-MED-100"]["applies"] is False
    assert "hold" in rows["WXC-MED-100"]["why_not"]
    assert rows["WXC-MED-090"]["applies"] is True


def test_plan_tells_order_restarts_and_duration() -> None:
    done = certsuite("plan", "reference")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[1].startswith("WXC-DNS-010")
    assert f"{len(collect_cases()) - done.stdout.count('not applicable:')} cases" in done.stdout
    assert "WXC-REG-170 not applicable: the profile does not claim gateway" in [
        " ".join(line.split()) for line in lines
    ]
    assert "restarts" in done.stdout
    assert "WXC-FO-040[503]" in done.stdout
    assert "refresh 0.5, way-back 0.06" in done.stdout
    assert "the next case needs the device at the primary" in done.stdout
    assert "(beside others)" in next(line for line in lines if line.startswith("WXC-REG-060"))


def test_profile_check_of_every_shipped_profile() -> None:
    for name in sorted(file.stem for file in PROFILES.glob("*.yaml")):
        done = certsuite("profile", "check", name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "valid" in done.stdout


def test_a_wrong_field_is_told_with_file_and_line(tmp_path: Path) -> None:
    profile = tmp_path / "wrong.yaml"
    profile.write_text(f"extends: {PROFILES / 'reference.yaml'}\nvalues:\n  boot_x: 1\n", encoding="utf-8")
    for command in (("profile", "check"), ("run",), ("cases",), ("plan",)):
        done = certsuite(*command, profile)
        assert done.returncode == 4, done.stdout + done.stderr
        assert f"{profile}:3: values.boot_x: unknown field" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--case", "WXC-TLS-999"), "there is no case WXC-TLS-999"),
        (("--plan", "everything"), "there is no plan everything"),
        (("--plan", "smoke", "--case", "WXC-TLS-010"), "exclude each other"),
        (("--bench", "moon"), "--bench moon"),
        (("--fault", "wrong-digets"), "did you mean wrong-digest?"),
        (("--time-scale", "7"), "--time-scale 7"),
        (("--credentials", "/nonexistent/file"), "/nonexistent/file"),
        (("--resume", "/nonexistent/run"), "/nonexistent/run"),
    ],
)
def test_what_cannot_be_done_is_told_with_exit_code_4(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = certsuite("run", "reference", "--out", tmp_path / "never", *arguments)
    assert done.returncode == 4, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nope",),
        ("nope",),
        ("plan",),
        ("run", "--nope"),
        ("run", "--time-scale", "fast"),
        ("tls", "nope"),
        ("tls", "listen", "--nope"),
        ("profile", "check"),
        ("review", "RUN", "CASE", "--verdict", "fine"),
    ],
)
def test_what_is_mistyped_ends_every_command_with_exit_code_4(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 4


def test_an_unknown_profile_names_the_known_ones() -> None:
    done = certsuite("run", "bareship")
    assert done.returncode == 4
    assert "baresip" in done.stdout + done.stderr


def test_faults_are_for_the_reference_device_only(tmp_path: Path) -> None:
    done = certsuite("run", "baresip", "--fault", "silent", "--out", tmp_path / "never")
    assert done.returncode == 4


def test_provision_writes_a_configuration_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "made"
    done = certsuite("provision", "reference", "--out", out)
    assert done.returncode == 0, done.stderr
    written = out / "config" / "phone.toml"
    assert str(written) in done.stdout
    assert written.stat().st_mode & 0o077 == 0
    again = certsuite("provision", "reference", "--out", out)
    assert again.returncode == 4
    assert "not empty" in again.stderr


def test_report_makes_the_same_reports_again(run_folder: Path) -> None:
    names = ("results.json", "junit.xml", "index.html")
    before = {name: (run_folder / name).read_bytes() for name in names}
    for name in names:
        (run_folder / name).unlink()
    done = certsuite("report", run_folder)
    assert done.returncode == 0, done.stderr
    assert {name: (run_folder / name).read_bytes() for name in names} == before


def test_rejudge_gives_the_same_verdicts_and_keeps_them(run_folder: Path) -> None:
    before = (run_folder / "results.json").read_bytes()
    done = certsuite("rejudge", run_folder)
    assert (done.returncode, "the same verdicts" in done.stdout) == (0, True), done.stdout + done.stderr
    assert (run_folder / "results.json").read_bytes() == before
    (line,) = (run_folder / "judgements.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["verdicts"]["WXC-FO-005"] == "pass"


def test_with_one_limit_changed_only_what_depends_on_it_changes(run_folder: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue"
    shutil.copytree(Path(loader.__file__).parent, catalogue)
    limits = catalogue / "limits.yaml"
    limits.write_text(
        limits.read_text(encoding="utf-8").replace("failover_s: {value: 60", "failover_s: {value: 0.001"),
        encoding="utf-8",
    )
    assert load_catalogue(catalogue).limits["failover_s"].value == 0.001
    done = certsuite("rejudge", run_folder, "--catalogue", catalogue)
    changed = [line for line in done.stdout.splitlines() if "→" in line]
    # The limit is inferred, so the device is warned of and not failed.
    assert [line.split()[0] for line in changed] == ["WXC-FO-005"], done.stdout + done.stderr
    assert "pass → warn" in changed[0]


def test_compare_tells_what_changed(run_folder: Path, finished: Finished) -> None:
    results = finished.results
    for case in results["cases"]:
        if case["id"] == "WXC-FO-005":
            case["verdict"] = "fail"
    (run_folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    worse = certsuite("compare", finished.folder, run_folder)
    assert worse.returncode == 1
    assert "WXC-FO-005" in worse.stdout
    same = certsuite("compare", finished.folder, finished.folder)
    assert same.returncode == 0


def test_compare_with_no_run_is_told(tmp_path: Path) -> None:
    done = certsuite("compare", tmp_path, tmp_path)
    assert done.returncode == 4
    assert "results.json" in done.stderr


def test_a_baseline_is_what_the_offer_is_compared_with(finished: Finished, tmp_path: Path) -> None:
    words = ("run", "reference", "--case", "WXC-TLS-080", "--fault", "tls12-only", "--time-scale", "0.1")
    done = certsuite(*words, "--baseline", finished.folder, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    assert "compared with the baseline: not worse" in done.stdout
    assert "What the device offered\n  Versions: added up to TLSv1.2; gone TLSv1.3, TLSv1.2" in done.stdout
    page = (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    before = json.loads((finished.folder / "results.json").read_text(encoding="utf-8"))["run"]
    assert f"Difference to the earlier run {before}" in page
    assert certsuite("report", tmp_path / "run").returncode == 0
    assert (tmp_path / "run" / "index.html").read_text(encoding="utf-8") == page
    compared = certsuite("compare", finished.folder, tmp_path / "run")
    assert "What the device offered\n  Versions: added up to TLSv1.2" in compared.stdout


def test_a_baseline_that_is_none_is_told_before_the_run(tmp_path: Path) -> None:
    done = certsuite("run", "reference", "--baseline", tmp_path / "none", "--out", tmp_path / "run")
    assert done.returncode == 4
    assert "the folder of a run is expected" in done.stdout
    assert not (tmp_path / "run").exists()


def test_only_an_open_case_can_be_reviewed(run_folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"not really")
    words = ("--verdict", "pass", "--evidence", picture, "--by", "A. Person")
    done = certsuite("review", run_folder, "WXC-FO-005", *words)
    assert done.returncode == 4
    assert "WXC-FO-005 is pass: only what needs review or is inconclusive can be settled by a person" in done.stderr
    done = certsuite("review", run_folder, "WXC-FO-005[x]", *words)
    assert done.returncode == 4
    assert "the run has no case WXC-FO-005[x]; it has WXC-FO-005" in done.stderr
    assert not (run_folder / "evidence" / "reviews").exists()


def test_a_review_settles_what_was_inconclusive(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = certsuite(
        "run", "reference", "--fault", "silent", "--time-scale", "0.05", "--case", "WXC-DNS-010", "--out", folder
    )
    assert first.returncode == 5, first.stdout
    before = tmp_path / "before"
    shutil.copytree(folder, before)
    picture = tmp_path / "trace.txt"
    picture.write_text("seen on another analyser", encoding="utf-8")

    def review(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return certsuite("review", folder, "WXC-DNS-010", *words)

    empty = tmp_path / "empty"
    empty.touch()
    for words, reason in (
        (("--verdict", "pass", "--evidence", empty, "--by", "A. Person"), "is empty"),
        (("--verdict", "pass", "--evidence", tmp_path / "none", "--by", "A. Person"), "No such file"),
        (("--verdict", "error", "--evidence", picture, "--by", "A. Person"), "a person decides pass, warn, fail"),
        (("--verdict", "pass", "--evidence", picture, "--by", " "), "--by: a name is needed"),
    ):
        refused = review(*words)
        assert (refused.returncode, reason in refused.stderr) == (4, True), refused.stderr
    assert review("--verdict", "fail", "--evidence", picture, "--by", "B. First").returncode == 0
    done = review("--verdict", "pass", "--evidence", picture, "--by", "A. Person")
    assert done.returncode == 0, done.stderr
    assert "Settled by a person" in done.stdout
    assert "this replaces fail by B. First" in done.stdout
    (case,) = json.loads((folder / "results.json").read_text(encoding="utf-8"))["cases"]
    assert (case["verdict"], case["review"]["by"], case["review"]["before"]["verdict"]) == (
        "pass",
        "A. Person",
        "inconclusive",
    )
    kept = folder / case["review"]["evidence"]
    assert list((folder / "evidence" / "reviews").iterdir()) == [kept]
    assert kept.read_bytes() == picture.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0
    assert case["review"]["sha256"] == hashlib.sha256(kept.read_bytes()).hexdigest()
    compared = certsuite("compare", before, folder)
    assert "WXC-DNS-010  inconclusive → pass (settled by A. Person)" in compared.stdout


def test_brackets_in_a_help_text_are_shown() -> None:
    assert "with its [variant] if it has one" in certsuite("review", "--help").stdout


def test_doctor_says_how_to_get_what_is_missing() -> None:
    done = certsuite("doctor")
    assert done.returncode == 0, done.stdout
    assert "baresip" in done.stdout
    missing = certsuite("doctor", PATH="/nonexistent")
    assert missing.returncode == 1
    assert "apt-get install --no-install-recommends baresip-core" in missing.stdout
    assert "apt-get install faketime" in missing.stdout


def test_doctor_cleans_up_after_killed_runs_alone(tmp_path: Path) -> None:
    left, alive = tmp_path / "certsuite-999999999-abc", tmp_path / "certsuite-1-abc"
    left.mkdir()
    alive.mkdir()
    done = certsuite("doctor", "--clean", TMPDIR=str(tmp_path))
    assert f"removed {left}" in done.stdout
    assert not left.exists()
    assert alive.exists()
