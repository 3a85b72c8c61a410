"""Bad devices, bad surroundings and sudden ends: each has a clear word, an exit code and a readable record."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from certsuite.bench.strangers import RECORDED_AT_MOST
from certsuite.core.events import (
    BindingChanged,
    CaseStarted,
    DeviceExited,
    FlowOpened,
    LoopLag,
    MediaOpened,
    StrangersCounted,
)
from certsuite.core.places import PROFILES
from certsuite.evidence.record import read_record
from certsuite.sip.passwords import SPECIAL_CHARACTERS
from tests.conftest import Finished, certsuite
from tests.waiting import until

FAST = ("--time-scale", "0.1")


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """A run in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "certsuite.cli", "run", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


def has_come_to(folder: Path, case: str) -> bool:
    """Whether a run has begun a case."""
    record = folder / "record.jsonl"
    return record.exists() and f'"case":"{case}"' in record.read_text(encoding="utf-8")


def processes_with(text: str) -> list[int]:
    """Processes with this in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if text in (entry / "cmdline").read_bytes().decode("utf-8", "replace"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


# --- devices


def test_a_device_that_sends_nothing_is_inconclusive_in_everything(certify: Callable[..., Finished]) -> None:
    run = certify("--fault", "silent", "--time-scale", "0.05")
    assert run.exit_code == 5, run.output
    assert run.results["outcome"] == "incomplete"
    assert {case["verdict"] for case in run.results["cases"]} <= {"inconclusive", "not-applicable"}
    assert all(case["reason"] for case in run.results["cases"])


def test_a_device_that_fails_at_one_step_fails_the_case_of_that_step(certify: Callable[..., Finished]) -> None:
    run = certify("--fault", "wrong-digest", *FAST)
    assert run.exit_code == 1, run.output
    assert run.verdicts("fail") == ["WXC-REG-010"]
    dependent = [case for case in run.results["cases"] if case["verdict"] == "inconclusive"]
    assert len(dependent) > 10
    assert {case["explained_by"] for case in dependent} == {"WXC-REG-010"}


@pytest.mark.parametrize("fault", ["exits-at-start", "exits-when-dialling"])
def test_a_device_that_exits_is_told_as_such(fault: str, certify: Callable[..., Finished]) -> None:
    run = certify("--fault", fault, *FAST, "--plan", "smoke")
    assert run.exit_code == 5, run.output
    assert "ended by itself" in run.output
    assert not run.verdicts("error")
    seen = read_record(run.folder / "record.jsonl").observations
    exited = [one.seq for one in seen if isinstance(one.event, DeviceExited)]
    bound = {one.line for one in seen if isinstance(one.event, BindingChanged) and one.seq < exited[0]}
    assert bound == (set() if fault == "exits-at-start" else {1, 2})


def test_a_device_that_floods_the_edge_with_garbage(certify: Callable[..., Finished]) -> None:
    run = certify("--fault", "floods-garbage", *FAST, "--plan", "smoke")
    assert not run.verdicts("error"), run.output
    record = read_record(run.folder / "record.jsonl")
    assert [one for one in record.observations if one.event.kind == "sip-garbage"]
    assert (run.folder / "record.jsonl").stat().st_size < 5_000_000


@pytest.mark.parametrize("fault", ["hostile-user-agent", "huge-user-agent", "nul-user-agent"])
def test_a_hostile_user_agent_is_live_nowhere(fault: str, certify: Callable[..., Finished]) -> None:
    run = certify("--fault", fault, "--case", "WXC-UA-015", "--case", "WXC-REG-010", *FAST)
    assert "WXC-UA-015" in run.verdicts("fail", "inconclusive"), run.output
    written = [run.folder / name for name in ("index.html", "junit.xml", "results.json")]
    written += (run.folder / "evidence").glob("*.svg")
    written += (run.folder / "allure-results").iterdir()
    texts = [path.read_text(encoding="utf-8") for path in written]
    assert not any("<script" in text for path, text in zip(written, texts, strict=True) if path.suffix != ".json")
    for text in [run.output, *texts]:
        assert "\x1b" not in text
        assert "\x00" not in text
        assert "\u202e" not in text
    assert len(run.output) < 20_000


def test_a_device_that_does_not_end_when_told_to_is_ended(certify: Callable[..., Finished]) -> None:
    run = certify("--fault", "ignores-sigterm", "--case", "WXC-DNS-010")
    assert run.exit_code == 0, run.output
    assert not processes_with(f"{run.folder}")


OF_EACH_KIND = (
    *("WXC-DNS-010", "WXC-TLS-080", "WXC-REG-010", "WXC-CALL-010", "WXC-CALL-060", "WXC-MED-030", "WXC-FO-005"),
    *("WXC-TLS-010", "WXC-TLS-020", "WXC-TLS-100", "WXC-TLS-110", "WXC-TLS-120", "WXC-TLS-150", "WXC-PW-020"),
)
"Cases that need a state, change one, or lead the device past others."


def test_a_device_that_boots_slowly_is_restarted_seldom(certify: Callable[..., Finished], tmp_path: Path) -> None:
    profile = tmp_path / "reference.yaml"
    profile.write_text(f"extends: {PROFILES / 'reference.yaml'}\nvalues: {{boot_s: 20}}\n", encoding="utf-8")
    chosen = [part for case in OF_EACH_KIND for part in ("--case", case)]
    run = certify(str(profile), *chosen)
    assert run.exit_code == 0, run.output
    assert sum(case["restarts"] for case in run.results["cases"]) <= 3


def test_twenty_lines_of_a_phone_are_called_at_once(certify: Callable[..., Finished], tmp_path: Path) -> None:
    profile = tmp_path / "reference.yaml"
    profile.write_text(f"extends: {PROFILES / 'reference.yaml'}\nlines: 20\n", encoding="utf-8")
    run = certify(str(profile), "--case", "WXC-CALL-154")
    assert run.verdicts("pass") == ["WXC-CALL-154"], run.output
    answered = {
        (one.event.call_id, one.line)
        for one in read_record(run.folder / "record.jsonl").observations
        if isinstance(one.event, MediaOpened)
    }
    assert len({call_id for call_id, _ in answered}) == 20
    assert {line for _, line in answered} == set(range(1, 21))


# --- surroundings


def test_others_that_flood_every_port_decide_nothing(tmp_path: Path) -> None:
    connections, datagrams = 4000, 4000
    with start("--plan", "smoke", "--out", tmp_path / "run") as run:
        told = subprocess.run(
            [sys.executable, "-m", "tests.clients.flood", str(run.pid), str(connections), str(datagrams)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        output, _ = run.communicate(timeout=120)
    assert run.returncode == 0, output
    finished = Finished(run.returncode, output, tmp_path / "run")
    assert {case["verdict"] for case in finished.results["cases"]} == {"pass"}
    seen = read_record(finished.folder / "record.jsonl").observations
    counted = [one.event for one in seen if isinstance(one.event, StrangersCounted)]
    opened = [one.event.owner for one in seen if isinstance(one.event, FlowOpened)]
    # The device may have had to connect twice; all the others were known as such, and most of them only counted.
    assert 1 <= opened.count("device") <= 3
    assert 0 < opened.count("foreign") <= RECORDED_AT_MOST
    made = int(told.stdout.split()[0])
    assert made > 1000, told.stdout
    assert sum(event.connections for event in counted) > 0
    assert len(seen) < 3000
    assert (finished.folder / "record.jsonl").stat().st_size < 2_000_000
    assert (finished.folder / "evidence" / "run.pcapng").stat().st_size < 2_000_000
    assert [one for one in seen if isinstance(one.event, LoopLag)]


def test_a_program_that_is_not_here(tmp_path: Path) -> None:
    profile = tmp_path / "absent.yaml"
    profile.write_text(
        f"extends: {PROFILES / 'baresip.yaml'}\ncontrol: {{start: [no-such-phone], install: get some-phone}}\n",
        encoding="utf-8",
    )
    done = certsuite("run", profile, "--out", tmp_path / "run")
    assert done.returncode == 4, done.stdout
    assert "no-such-phone" in done.stdout
    assert "get some-phone" in done.stdout


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = certsuite("run", "--out", tmp_path / "file" / "run")
    assert done.returncode == 4
    assert "--out" in done.stdout


def test_a_folder_that_holds_a_run(certify: Callable[..., Finished]) -> None:
    first = certify("--case", "WXC-DNS-010")
    before = (first.folder / "record.jsonl").read_bytes()
    again = certify("--case", "WXC-DNS-010", out=first.folder)
    assert again.exit_code == 4
    assert (first.folder / "record.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        ("certsuite.cli", "run", "--plan", "calls"),
        ("pytest", "testcases", "--device", "reference", "--plan", "calls"),
    ],
    ids=["certsuite", "plain pytest"],
)
def test_a_disk_that_is_full(command: tuple[str, ...], tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """pytest stops early, and calls that an interruption: it is none."""
    folder = tmp_path / "run"

    # Enough for the roots that the device is given, too little for the capture of a run.
    room = Path("/etc/ssl/certs/ca-certificates.crt").stat().st_size + 20_000

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = subprocess.run(
        [sys.executable, "-m", *command, "--out", folder],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=little_room,
    )
    assert done.returncode == 3, done.stdout
    assert "cannot be written" in done.stdout
    assert str(folder) in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    record = read_record(folder / "record.jsonl")
    assert record.observations
    assert not record.complete


def test_a_port_that_is_in_use(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("unshare and ip are needed to have a network where the port is in use")
    holder = (
        "import socket,subprocess,sys;s=socket.socket();s.bind(('0.0.0.0',8934));s.listen();"
        "sys.exit(subprocess.call(sys.argv[1:]))"
    )
    command = [
        sys.executable,
        "-c",
        holder,
        sys.executable,
        "-m",
        "certsuite.cli",
        "run",
        "--out",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "port 8934: another program has it" in done.stdout
    assert not read_record(tmp_path / "run" / "record.jsonl").complete


# --- sudden ends


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda sent: sent.name)
def test_a_signal_ends_a_run_in_order(sent: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, a build server that gives up, a terminal that goes."""
    folder, private = tmp_path / "run", tmp_path / "private"
    private.mkdir()
    process = start("--out", folder, TMPDIR=str(private))
    until(lambda: has_come_to(folder, "WXC-CALL-010"))
    assert list(private.iterdir())
    process.send_signal(sent)
    output, _ = process.communicate(timeout=30)
    assert not processes_with(str(private))
    assert not list(private.iterdir()), "what the run had for itself is gone"
    assert process.returncode == 2, output
    record = read_record(folder / "record.jsonl")
    assert not record.complete
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert (results["outcome"], results["complete"]) == ("incomplete", False)
    assert "Traceback" not in output


def test_a_killed_run_leaves_a_record_and_no_device_and_can_be_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start("--out", folder, "--plan", "smoke")
    until(lambda: has_come_to(folder, "WXC-CALL-060"))
    private = f"certsuite-{process.pid}-"
    assert processes_with(private)
    process.kill()
    process.communicate(timeout=30)
    until(lambda: not processes_with(private))
    record = read_record(folder / "record.jsonl")
    assert not record.complete
    begun = {one.case for one in record.observations if isinstance(one.event, CaseStarted)}
    assert "WXC-CALL-010" in begun
    if shutil.which("tshark"):
        shown = subprocess.run(
            ["tshark", "-r", str(folder / "evidence" / "run.pcapng"), "-Y", "sip"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "REGISTER" in shown.stdout
    resumed = certsuite("run", "--resume", folder, "--plan", "smoke")
    assert resumed.returncode == 0, resumed.stdout
    record = read_record(folder / "record.jsonl")
    assert (record.complete, len(record.segments)) == (True, 2)
    second = [one for one in record.observations if one.segment == 1 and isinstance(one.event, CaseStarted)]
    assert "WXC-CALL-010" not in {one.case for one in second}
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["outcome"] == "passed"


@pytest.mark.parametrize("options", [("--plan", "smoke"), ("--case", "WXC-DNS-010", "--time-scale", "0.5")])
def test_a_run_is_resumed_as_it_was_begun(
    options: tuple[str, ...], certify: Callable[..., Finished], tmp_path: Path
) -> None:
    first = certify("--case", "WXC-DNS-010")
    before = (first.folder / "record.jsonl").read_bytes()
    again = certsuite("run", "--resume", first.folder, *options)
    assert again.returncode == 4, again.stdout
    assert "resume it with the same options" in " ".join(again.stdout.split())
    assert (first.folder / "record.jsonl").read_bytes() == before
    assert certsuite("run", "--resume", first.folder, "--case", "WXC-DNS-010").returncode == 0


# --- evidence and secrets


def test_the_capture_holds_every_sip_message_of_the_record(certify: Callable[..., Finished]) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    run = certify("--plan", "smoke")
    shown = subprocess.run(
        ["tshark", "-r", str(run.folder / "evidence" / "run.pcapng"), "-Y", "sip"],
        capture_output=True,
        text=True,
        check=False,
    )
    record = read_record(run.folder / "record.jsonl")
    messages = [one for one in record.observations if one.event.kind == "sip"]
    assert len(shown.stdout.splitlines()) == len(messages) > 20


def test_supplied_passwords_are_nowhere(certify: Callable[..., Finished], tmp_path: Path) -> None:
    planted = {1: "Planted-One.7391xyQ", 2: f"Planted2{SPECIAL_CHARACTERS[:6]}Zz"}
    file = tmp_path / "credentials.yaml"
    file.write_text(
        json.dumps({str(line): text for line, text in planted.items()}).replace('"1"', "1").replace('"2"', "2")
    )
    file.chmod(0o600)
    run = certify("--credentials", str(file), "--plan", "security")
    assert run.case("WXC-PW-010")["verdict"] == "pass", run.output
    texts = {"the terminal": run.output}
    for path in run.folder.rglob("*"):
        if path.is_file():
            texts[str(path)] = path.read_bytes().decode("latin-1")
    if shutil.which("tshark"):
        texts["the decrypted capture"] = subprocess.run(
            ["tshark", "-r", str(run.folder / "evidence" / "run.pcapng"), "-d", "tls.port==8934,sip", "-V"],
            capture_output=True,
            check=False,
        ).stdout.decode("latin-1")
    for password in planted.values():
        for name, text in texts.items():
            assert password not in text, f"a password stands in {name}"


def test_weak_passwords_fail_and_are_not_shown(certify: Callable[..., Finished], tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text('1: "short"\n2: "short"\n', encoding="utf-8")
    file.chmod(0o600)
    run = certify("--credentials", str(file), "--case", "WXC-PW-010")
    assert run.exit_code == 1, run.output
    (finding,) = run.case("WXC-PW-010")["findings"]
    assert "line 1: 5 characters" in finding["observed"]
    assert "the same as line 2" in finding["observed"]
    assert "short" not in json.dumps(run.results["cases"])


@pytest.mark.parametrize("lines", [(1, 2, 3), (1, 3), (1,)])
def test_credentials_are_for_the_lines_that_there_are(lines: tuple[int, ...], tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text("".join(f'{line}: "Secret-Word.{line}"\n' for line in lines), encoding="utf-8")
    file.chmod(0o600)
    done = certsuite("run", "--credentials", file, "--case", "WXC-PW-010", "--out", tmp_path / "run")
    assert done.returncode == 4, done.stdout
    assert f"for lines {list(lines)}; the device has 1 to 2" in done.stdout
    assert "Secret-Word" not in done.stdout + done.stderr


def test_credentials_that_others_can_read_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text('1: "Secret-Word.1"\n', encoding="utf-8")
    file.chmod(0o644)
    done = certsuite("run", "--credentials", file, "--out", tmp_path / "run")
    assert done.returncode == 4
    assert "chmod 600" in done.stdout
    assert "Secret-Word" not in done.stdout + done.stderr


# --- the root probe


@pytest.mark.parametrize(("faults", "verdict"), [((), "pass"), (("--fault", "lacks-identrust"), "fail")])
def test_the_trust_in_webexs_root_is_judged_from_the_record_alone(
    faults: tuple[str, ...], verdict: str, certify: Callable[..., Finished]
) -> None:
    run = certify(*faults, "--case", "WXC-TLS-160", "--time-scale", "0.3")
    assert run.verdicts(verdict) == ["WXC-TLS-160"], run.output
    (requirement,) = run.case("WXC-TLS-160")["requirements"]
    assert (requirement["id"], requirement["verdict"]) == ("TLS-ROOT", verdict)
    again = certsuite("rejudge", run.folder)
    assert again.returncode == run.exit_code
    assert "the same verdicts" in again.stdout


def test_a_chain_within_the_projects_folder_is_no_test_of_its(certify: Callable[..., Finished]) -> None:
    """pytest takes a path among its arguments for tests, and would read the settings that lie near it."""
    chain = Path(__file__).parents[1] / "data" / "chains" / "identrust.com-expired-2020.pem"
    run = certify("--case", "WXC-DNS-010", "--chain", str(chain))
    assert run.verdicts("pass") == ["WXC-DNS-010"], run.output
    refused = certsuite("run", "--case", "WXC-DNS-010", "--root", "godaddy", "--chain", chain)
    assert refused.returncode == 4
    assert "is not issued by the root" in refused.stdout


# --- plain pytest


def test_plain_pytest_runs_a_case_too_and_qualifies_nothing_by_it(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "testcases/test_dns.py",
            "-k",
            "test_asks_for_sips_srv",
            "--device",
            "reference",
            "--out",
            tmp_path / "run",
        ],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "outcome: passed" in done.stdout
