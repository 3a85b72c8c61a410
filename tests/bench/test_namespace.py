"""The bench in namespaces of its own, with real ones: whole runs, their ends, and what the kernel refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from certsuite.bench.namespace import enter, find_way, inside, plain_nsswitch
from certsuite.core.errors import UsageError
from certsuite.core.places import PROFILES
from certsuite.devices.check import check_profile
from certsuite.evidence.record import read_record
from tests.conftest import Finished, certsuite
from tests.waiting import until

SMOKE = ("--plan", "smoke", "--bench", "netns")
SYSTEM_RESOLVER = f"""\
extends: {PROFILES}/baresip.yaml
config: {{templates: templates/}}
control: {{resolver: system}}
"""


@pytest.fixture
def namespaces() -> None:
    """For tests that need the kernel's leave."""
    try:
        find_way()
    except UsageError as error:
        pytest.skip(str(error))


needs_namespaces = pytest.mark.usefixtures("namespaces")
needs_baresip = pytest.mark.skipif(shutil.which("baresip") is None, reason="install baresip-core")
needs_linphone = pytest.mark.skipif(shutil.which("linphone-daemon") is None, reason="install linphone-cli")


def as_a_user() -> list[str]:
    """What makes a program see itself as a user without rights; what is root's outside stays readable to it."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.geteuid() == 0 else []


def with_no_namespaces_left() -> list[str]:
    """What gives a program a kernel that refuses namespaces, by the switch that administrators use."""
    script = 'for one in user net; do echo 0 > "/proc/sys/user/max_${one}_namespaces"; done; exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--", "sh", "-c", script, "sh"]


def run_after(before: list[str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    """A Python module's program, run by another one."""
    return subprocess.run(
        [*before, sys.executable, "-m", *map(str, command)], capture_output=True, text=True, timeout=120, check=False
    )


def start(folder: Path, private: Path) -> subprocess.Popen[str]:
    """A full run in the background that has come to its first call."""
    process = subprocess.Popen(
        [sys.executable, "-m", "certsuite.cli", "run", "--bench", "netns", "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(private)},
    )
    record = folder / "record.jsonl"
    try:
        until(lambda: record.exists() and '"case":"WXC-CALL-010"' in record.read_text(encoding="utf-8"), 60.0)
    except AssertionError:
        process.kill()
        raise
    return process


def in_namespace(name: str) -> list[int]:
    """Processes in that network namespace."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and os.readlink(entry / "ns" / "net") == name:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


# --- whole runs


@needs_namespaces
@pytest.mark.parametrize(
    "device",
    ["reference", pytest.param("baresip", marks=needs_baresip), pytest.param("linphone", marks=needs_linphone)],
)
def test_a_device_passes_the_smoke_plan(device: str, certify: Callable[..., Finished]) -> None:
    resolver = Path("/etc/resolv.conf").read_bytes()
    run = certify(device, *SMOKE)
    assert run.exit_code == 0, run.output
    assert run.results["bench"] == "netns"
    assert "netns" in (run.folder / "index.html").read_text(encoding="utf-8")
    record = (run.folder / "record.jsonl").read_text(encoding="utf-8")
    assert "198.51.100.11:8934" in record
    assert Path("/etc/resolv.conf").read_bytes() == resolver


@needs_namespaces
def test_an_ordinary_user_needs_no_root_and_owns_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = run_after(as_a_user(), "certsuite.cli", "run", *SMOKE, "--out", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.stat().st_uid for path in (folder, *folder.rglob("*"))} == {os.getuid()}


@needs_namespaces
@needs_baresip
def test_a_device_that_asks_the_systems_resolver_alone(certify: Callable[..., Finished], tmp_path: Path) -> None:
    shutil.copytree(PROFILES / "baresip", tmp_path / "templates")
    template = tmp_path / "templates" / "config.j2"
    lines = template.read_text(encoding="utf-8").splitlines(keepends=True)
    template.write_text("".join(line for line in lines if not line.startswith("dns_server")), encoding="utf-8")
    profile = tmp_path / "system.yaml"
    profile.write_text(SYSTEM_RESOLVER, encoding="utf-8")
    assert not check_profile(str(profile), PROFILES).problems
    run = certify(str(profile), *SMOKE)
    assert run.exit_code == 0, run.output
    elsewhere = certify(str(profile), "--plan", "smoke", out=tmp_path / "loopback")
    assert elsewhere.exit_code == 4
    assert "--bench netns" in elsewhere.output


@needs_namespaces
def test_plain_pytest_enters_them_too_and_keeps_its_output(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "testcases", "--device", "reference", *SMOKE, "--out", tmp_path / "run"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
    assert json.loads((tmp_path / "run" / "results.json").read_text())["bench"] == "netns"


@needs_namespaces
def test_what_only_a_process_inside_can_try(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Addresses that are lost, packets that are dropped: the tests of that file, in namespaces."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "tests/bench/inside_namespace.py",
            "--bench",
            "netns",
            "-p",
            "no:cacheprovider",
        ],
        cwd=pytestconfig.rootpath,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@needs_namespaces
def test_a_mark_of_another_process_is_not_believed(certify: Callable[..., Finished]) -> None:
    resolver = Path("/etc/resolv.conf").read_bytes()
    run = certify(*SMOKE, CERTSUITE_NAMESPACE=f"{os.getpid()} net:[1]")
    assert run.exit_code == 0, run.output
    assert Path("/etc/resolv.conf").read_bytes() == resolver
    assert not inside()


@needs_namespaces
def test_a_run_is_resumed_on_the_bench_where_it_was_begun(certify: Callable[..., Finished]) -> None:
    first = certify("--case", "WXC-DNS-010", "--bench", "netns")
    assert first.exit_code == 0, first.output
    again = certsuite("run", "--resume", first.folder, "--case", "WXC-DNS-010")
    assert again.returncode == 4
    assert "another bench" in " ".join(again.stdout.split())
    assert certsuite("run", "--resume", first.folder, "--case", "WXC-DNS-010", "--bench", "netns").returncode == 0


# --- ends


@needs_namespaces
def test_ctrl_c_ends_a_run_in_order(tmp_path: Path) -> None:
    folder, private = tmp_path / "run", tmp_path / "private"
    private.mkdir()
    process = start(folder, private)
    name = os.readlink(f"/proc/{process.pid}/ns/net")
    assert len(in_namespace(name)) > 1, "the device is in it"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2, output
    assert "Traceback" not in output
    assert not list(private.iterdir())
    assert not in_namespace(name)
    assert not read_record(folder / "record.jsonl").complete


@needs_namespaces
def test_a_killed_run_leaves_nothing_but_a_folder_that_doctor_removes(tmp_path: Path) -> None:
    folder, private = tmp_path / "run", tmp_path / "private"
    private.mkdir()
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    interfaces = sorted(os.listdir("/sys/class/net"))
    process = start(folder, private)
    name = os.readlink(f"/proc/{process.pid}/ns/net")
    assert name != os.readlink("/proc/self/ns/net")
    assert len(in_namespace(name)) > 1, "the device is in it"
    process.kill()
    process.communicate(timeout=30)
    until(lambda: not in_namespace(name))
    assert Path("/proc/self/mounts").read_text(encoding="utf-8") == mounts
    assert sorted(os.listdir("/sys/class/net")) == interfaces
    # A namespace that no process and no mount holds is gone.
    (left,) = private.iterdir()
    done = certsuite("doctor", "--clean", TMPDIR=str(private))
    assert f"removed {left}" in done.stdout
    assert not left.exists()


# --- refusals


@needs_namespaces
@pytest.mark.parametrize(
    "command", [("certsuite.cli", "run"), ("pytest", "testcases", "--device", "reference")], ids=["certsuite", "pytest"]
)
def test_a_kernel_that_refuses_is_told_with_exit_code_4(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run_after(with_no_namespaces_left(), *command, *SMOKE, "--out", tmp_path / "run")
    assert done.returncode == 4, done.stdout + done.stderr
    told = " ".join(done.stderr.split())
    assert "tried unshare --net --mount -- ip link set lo up: unshare: unshare failed: No space left on device" in told
    assert "and unshare --user --map-root-user --net --mount -- ip" in told
    assert "/proc/sys/user/max_user_namespaces is 0; as root: sysctl -w user.max_user_namespaces=" in told
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "run").exists()


@needs_namespaces
def test_doctor_tells_what_the_kernel_refuses() -> None:
    assert "yes bench netns" in certsuite("doctor").stdout
    done = run_after(with_no_namespaces_left(), "certsuite.cli", "doctor")
    assert done.returncode == 0, "nothing that is needed"
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("no  bench netns")]
    assert "max_user_namespaces" in line


def test_programs_that_are_missing_are_named_with_their_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("certsuite.bench.namespace.find_program", lambda name: "" if name in ("ip", "mount") else name)
    with pytest.raises(UsageError, match="needs ip and mount; apt-get install iproute2 mount"):
        enter()


def test_a_machine_without_a_resolver_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr("certsuite.bench.namespace._RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr("certsuite.bench.namespace.find_program", lambda name: name)
    with pytest.raises(UsageError, match=r"resolv\.conf, which is not there; make an empty one"):
        find_way()


# --- files


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", "hosts: files dns\n"),
        ("passwd: files\n", "passwd: files\nhosts: files dns\n"),
        ("hosts: files resolve [!UNAVAIL=return] dns\npasswd: files\n", "passwd: files\nhosts: files dns\n"),
        ("passwd: files\n  hosts:\tmdns4\n# hosts: x", "passwd: files\n# hosts: x\nhosts: files dns\n"),
    ],
)
def test_host_names_come_from_files_and_dns_alone(text: str, plain: str) -> None:
    assert plain_nsswitch(text) == plain
