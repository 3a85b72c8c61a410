"""The process driver against real programs: small scripts that behave as devices do, well and badly."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from certsuite.core import events
from certsuite.core.errors import ActionFailed, DeviceExited, ProgramMissing, RecordError, UsageError
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import Observation
from certsuite.devices.drivers.process import ProcessDriver
from certsuite.devices.profile import load_profile
from certsuite.devices.settings import DeviceSettings
from tests.devices.drivers.programs import (
    ASKED_ACTIONS,
    ASKED_PHONE,
    CLOCKS,
    PHONE,
    SOCKET_ACTIONS,
    SOCKET_PHONE,
    STDIN_ACTIONS,
)

Make = Callable[..., ProcessDriver]


@pytest.fixture
def journal() -> Journal:
    return Journal(SystemClock())


@pytest.fixture
def make(search: Path, small_profile: str, settings: DeviceSettings, journal: Journal, tmp_path: Path) -> Make:
    """Makes a driver for a Python script; arguments become fields of ``control``."""

    def maker(
        script: str, *arguments: str, port: int = 4444, values: dict[str, Any] | None = None, **control: Any
    ) -> ProcessDriver:
        data = yaml.safe_load(small_profile)
        start = [sys.executable, "-I", "-S", "-c", textwrap.dedent(script), *arguments]
        data["control"] = {"driver": "process", "start": start, **control}
        data["values"] = values or {"boot_s": 0.0}
        (search / "made.yaml").write_text(yaml.safe_dump(data))
        config_dir = tmp_path / "config"
        config_dir.mkdir(exist_ok=True)
        profile = load_profile("made", search)
        log = tmp_path / "device.log"
        return ProcessDriver(profile, settings, journal, config_dir=config_dir, log=log, control_port=port)

    return maker


def seen(journal: Journal, kind: type[events.Event]) -> list[Any]:
    return [observation.event for observation in journal.since(0) if isinstance(observation.event, kind)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


async def gone(pid: int) -> None:
    """Wait until a process that is no child of ours has ended."""
    if not alive(pid):
        return
    descriptor = os.pidfd_open(pid)
    try:
        await asyncio.to_thread(select.select, [descriptor], [], [], 10)
    finally:
        os.close(descriptor)
    assert not alive(pid)


@pytest.mark.asyncio
async def test_drives_a_program_by_its_standard_input(make: Make, journal: Journal, tmp_path: Path) -> None:
    driver = make(PHONE, channel={"stdin": True}, ready="ready", actions=STDIN_ACTIONS)
    assert driver.pids() == set()
    await driver.start()
    assert driver.running
    assert len(driver.pids()) == 1
    assert await driver.do("dial", uri="sip:a+b@c", line=2) == {}
    assert await driver.do("conference", uri="x") == {"call": "4711", "state": "up"}
    pid = driver.pids().pop()
    await driver.stop()
    assert not driver.running
    assert not alive(pid)
    assert (tmp_path / "device.log").read_text().startswith("ready\nnoise\nok dial sip:a+b@c 2 user2\n")
    (started,) = seen(journal, events.DeviceStarted)
    assert started.pid == pid
    (ended,) = seen(journal, events.DeviceExited)
    assert (ended.status, ended.asked) == (-signal.SIGTERM, True)
    first = seen(journal, events.DriverAction)[0]
    assert replace(first, took_s=0.0) == events.DriverAction("dial", {"uri": "sip:a+b@c", "line": "2"}, ok=True)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_drives_a_program_by_netstrings_on_a_socket(make: Make, kind: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    channel = {
        "tcp": {"tcp": "127.0.0.1:{control_port}", "framing": "netstring"},
        "unix": {"unix": "{config_dir}/socket", "framing": "netstring"},
    }[kind]
    where = {"tcp": "{control_port}", "unix": "{config_dir}/socket"}[kind]
    driver = make(SOCKET_PHONE, kind, where, port=port, channel=channel, actions=SOCKET_ACTIONS)
    await driver.start()
    for _ in range(3):
        await driver.do("dial", uri="x")
    with pytest.raises(ActionFailed, match="hold: the device refused"):
        await driver.do("hold")
    await driver.stop()


@pytest.mark.asyncio
async def test_asks_again_until_it_is_so_and_uses_what_it_captured(make: Make, tmp_path: Path) -> None:
    driver = make(ASKED_PHONE, "{config_dir}/socket", channel={"unix": "{config_dir}/socket"}, actions=ASKED_ACTIONS)
    await driver.start()
    assert await driver.do("resume") == {"call": "7"}
    assert await driver.do("resume") == {"call": "8"}
    await driver.do("reregister")
    with pytest.raises(
        ActionFailed, match=r"resume: no answer like \^held \(\?P<call>\[0-9\]\+\)\$ within 0\.5 s; it said"
    ):
        await driver.do("resume")
    await driver.stop()


@pytest.mark.asyncio
async def test_presses_digits_one_by_one_and_looks_at_what_is_printed(make: Make, tmp_path: Path) -> None:
    driver = make(ASKED_PHONE, "{config_dir}/socket", channel={"unix": "{config_dir}/socket"}, actions=ASKED_ACTIONS)
    await driver.start()
    await driver.do("dtmf", digits="11*#")
    await driver.stop()
    assert (tmp_path / "device.log").read_text() == "sent 1\nsent 1\nsent *\nsent #\n"


@pytest.mark.asyncio
async def test_actions_that_fail_say_why(make: Make, journal: Journal, settings: DeviceSettings) -> None:
    driver = make(PHONE, channel={"stdin": True}, actions=STDIN_ACTIONS)
    with pytest.raises(DeviceExited, match="does not run"):
        await driver.do("hold")
    await driver.start()
    with pytest.raises(ActionFailed, match=r"hold: the device refused: .*error hold unknown"):
        await driver.do("hold")
    with pytest.raises(ActionFailed, match=r"resume: no answer like ok within 0\.01 s"):
        await driver.do("resume")
    with pytest.raises(ActionFailed, match="describes no action 'reject'"):
        await driver.do("reject")
    with pytest.raises(ActionFailed, match="control sign"):
        await driver.do("dial", uri="sip:a\ndial b")
    with pytest.raises(UsageError, match=r"takes \['uri'\] and line, and was given \['url'\]"):
        await driver.do("dial", url="x")
    with pytest.raises(UsageError, match="no line 9"):
        await driver.do("dial", uri="x", line=9)
    with pytest.raises(ActionFailed) as caught:
        await driver.do("transfer", uri=settings.lines[0].password.reveal())
    assert str(caught.value) == "transfer: the device refused: error *** unknown"
    assert settings.lines[0].password.reveal() not in str(caught.value)
    with pytest.raises(DeviceExited, match="exit code 3"):
        await driver.do("hangup")
    assert driver.exited.is_set()
    actions = seen(journal, events.DriverAction)
    assert not any(event.ok for event in actions)
    assert next(event for event in actions if event.action == "resume").took_s >= 0.01
    (ended,) = seen(journal, events.DeviceExited)
    assert (ended.status, ended.asked) == (3, False)
    assert "error hold unknown" in ended.last_output
    assert settings.lines[0].password.reveal() not in "".join(obs.to_json() for obs in journal.since(0))


@pytest.mark.asyncio
async def test_restart_gives_a_new_process(make: Make, journal: Journal) -> None:
    driver = make(PHONE, channel={"stdin": True}, ready="ready", actions=STDIN_ACTIONS)
    await driver.do("start")
    before = driver.pids()
    await driver.do("restart")
    assert driver.pids().isdisjoint(before)
    await driver.do("dial", uri="x")
    await driver.do("stop")
    await driver.do("stop")
    assert len(seen(journal, events.DeviceStarted)) == len(seen(journal, events.DeviceExited)) == 2


@pytest.mark.asyncio
async def test_a_process_that_it_starts_later_is_the_device_s_too(make: Make) -> None:
    script = """
    import subprocess, sys
    print("ready", flush=True)
    for line in sys.stdin:
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        print("started", flush=True)
    """
    actions = {"dial": [{"send": "start one"}, {"expect": "started"}]}
    driver = make(script, channel={"stdin": True}, ready="ready", actions=actions)
    await driver.start()
    counts = [len(driver.pids())]
    for _ in range(2):
        await driver.do("dial", line=1, uri="x")
        counts += [len(driver.pids()), len(driver.pids())]
    await driver.stop()
    assert counts == [1, 2, 2, 3, 3]


@pytest.mark.asyncio
async def test_a_program_that_ends_at_its_start(make: Make, journal: Journal) -> None:
    driver = make("import sys; print('no such account'); sys.exit(1)", channel={"tcp": "127.0.0.1:9"})
    with pytest.raises(DeviceExited, match=r"ended by itself \(exit code 1\); its last output: no such account"):
        await driver.start()
    assert not driver.running
    assert seen(journal, events.DeviceExited)[0].last_output == "no such account"


def test_a_missing_program_is_told_with_how_to_get_it(make: Make) -> None:
    driver = make("pass")
    driver.check()
    missing = make("pass", install="apt-get install no-such-phone")
    missing._control = missing._control.model_copy(update={"start": ("no-such-phone",)})
    with pytest.raises(ProgramMissing, match=r"'no-such-phone' .* install: apt-get install no-such-phone"):
        missing.check()


@pytest.mark.asyncio
async def test_a_program_that_ignores_the_signal_is_killed_with_its_children(
    make: Make, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certsuite.devices.drivers.process._TERMINATION_S", 0.1)
    script = """
    import os, signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    same = subprocess.Popen(["sleep", "1000"])
    own = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    print("ready", flush=True)
    signal.pause()
    """
    driver = make(script, ready="ready")
    await driver.start()
    pids = driver.pids()
    assert len(pids) == 3
    await driver.stop()
    for pid in pids:
        await gone(pid)
    assert seen(journal, events.DeviceExited)[0].status == -signal.SIGKILL


@pytest.mark.asyncio
async def test_a_flood_of_output_is_kept_small(make: Make, tmp_path: Path) -> None:
    script = """
    import os, sys
    block = b"flood \\x1b[1m" * 6000 + b"\\n"
    for _ in range(170):
        os.write(1, block)
    print("ready", flush=True)
    sys.stdin.read()
    """
    driver = make(script, channel={"stdin": True}, ready="ready")
    await driver.start()
    assert (tmp_path / "device.log").stat().st_size < 11 * 1024 * 1024
    await driver.stop()


@pytest.mark.asyncio
async def test_what_the_program_gets(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBEX_TOKEN", "secret-token")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "passwords").write_text("first\nsecond\n")
    script = """
    import json, os, sys
    facts = {"stdin": sys.stdin.read(), "environment": dict(os.environ), "cwd": os.getcwd()}
    open("facts", "w").write(json.dumps(facts))
    print("ready", flush=True)
    sys.stdin.read()
    """
    driver = make(
        script, standard_input="{config_dir}/passwords", environment={"PORT": "p{control_port}"}, ready="ready"
    )
    await driver.start()
    await driver.stop()
    facts = json.loads((tmp_path / "config" / "facts").read_text())
    assert facts["stdin"] == "first\nsecond\n"
    assert facts["cwd"] == str(tmp_path / "config")
    assert facts["environment"]["PORT"] == "p4444"
    assert facts["environment"]["HOME"] == str(tmp_path / "config")
    assert "WEBEX_TOKEN" not in facts["environment"]


RESOLV_CONF = Path("/etc/resolv.conf").read_bytes() if Path("/etc/resolv.conf").exists() else b""


def can_unshare() -> bool:
    return subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.asyncio
@pytest.mark.skipif(not can_unshare(), reason="this machine allows no mount namespaces of one's own")
async def test_a_private_resolver_is_seen_by_the_program_alone(make: Make, tmp_path: Path) -> None:
    script = """
    import ctypes, signal
    print(open("/etc/resolv.conf").read(), end="")
    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(number))  # PR_GET_PDEATHSIG
    print("dies by", number.value, flush=True)
    signal.pause()
    """
    driver = make(script, resolver="private", ready="dies by")
    await driver.start()
    await driver.stop()
    assert (tmp_path / "device.log").read_text() == "nameserver [127.0.0.53]:5300\ndies by 9\n"
    assert Path("/etc/resolv.conf").read_bytes() == RESOLV_CONF  # noqa: ASYNC240


@pytest.mark.asyncio
async def test_a_program_that_asks_the_systems_resolver_needs_a_bench_that_is_one(make: Make) -> None:
    with pytest.raises(UsageError, match=r"asks the system's resolver .* use --bench netns"):
        make("pass", resolver="system").check()


def test_works_on_a_loop_in_another_thread(make: Make) -> None:
    done: list[dict[str, str]] = []

    async def run() -> None:
        driver = make(PHONE, channel={"stdin": True}, actions=STDIN_ACTIONS)
        await driver.start()
        done.append(await driver.do("conference", uri="x"))
        await driver.stop()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    assert done == [{"call": "4711", "state": "up"}]


@pytest.mark.asyncio
async def test_the_program_dies_with_the_harness(search: Path, small_profile: str, tmp_path: Path) -> None:
    """The harness is killed, from which nothing of it can recover; only the kernel can end the device then."""
    data = yaml.safe_load(small_profile)
    data["control"] = {"driver": "process", "start": [shutil.which("sleep"), "1000"]}
    (search / "sleeper.yaml").write_text(yaml.safe_dump(data))
    (tmp_path / "config").mkdir()
    harness = f"""
    import asyncio
    from pathlib import Path
    from certsuite.core.journal import Journal, SystemClock
    from certsuite.devices.check import sample_settings
    from certsuite.devices.drivers.process import ProcessDriver
    from certsuite.devices.profile import load_profile

    async def main():
        folder = Path({str(tmp_path)!r})
        profile = load_profile("sleeper", Path({str(search)!r}))
        settings = sample_settings(profile, folder)
        driver = ProcessDriver(profile, settings, Journal(SystemClock()), config_dir=folder / "config",
                               log=folder / "log", control_port=1)
        await driver.start()
        print(*driver.pids(), flush=True)
        await driver.exited.wait()

    asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(harness), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert alive(pid)
    process.kill()
    await process.wait()
    await gone(pid)


@pytest.mark.asyncio
@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not here: apt-get install faketime")
@pytest.mark.parametrize("offset_s", [0, -220_000_000, 40_000_000])
async def test_the_clock_of_a_program_is_set_and_its_timers_run_on(make: Make, offset_s: int, tmp_path: Path) -> None:
    driver = make(CLOCKS, channel={"stdin": True}, ready="clock", clock="faketime")
    driver.set_clock(offset_s)
    await driver.start()
    now = time.time()
    await driver.stop()
    _, own, childs, lasted = (tmp_path / "device.log").read_text().split("\n")[0].split()
    for told in (own, childs):
        assert abs(float(told) - now - offset_s) < 60, "within what a slow machine takes to start a program"
    assert 0.05 <= float(lasted) < 60


@pytest.mark.asyncio
@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not here: apt-get install faketime")
async def test_a_clock_is_set_while_the_program_runs(make: Make) -> None:
    tells = {"hold": [{"send": "now"}, {"capture": r"now (?P<now>-?\d+)"}]}
    driver = make(CLOCKS, channel={"stdin": True}, ready="clock", clock="faketime", actions=tells)
    driver.set_clock(-1_000_000_000)
    await driver.start()
    before = int((await driver.do("hold"))["now"])
    driver.set_clock(0)
    after = int((await driver.do("hold"))["now"])
    await driver.stop()
    assert abs(after - time.time()) < 60
    assert abs(after - before - 1_000_000_000) < 60


@pytest.mark.asyncio
async def test_a_clock_that_cannot_be_set_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = make(CLOCKS, channel={"stdin": True})
    with pytest.raises(ActionFailed, match=r"cannot be set \(control\.clock"):
        driver.set_clock(-5)
    driver = make(CLOCKS, channel={"stdin": True}, clock="faketime")
    monkeypatch.setattr("certsuite.devices.drivers.faketime.is_here", lambda: False)
    driver.check()
    with pytest.raises(ActionFailed, match="'faketime', which is not on this machine"):
        driver.set_clock(-5)


@pytest.mark.asyncio
async def test_a_device_can_be_stopped_although_its_end_cannot_be_recorded(make: Make, journal: Journal) -> None:
    def full(observation: Observation) -> None:
        if isinstance(observation.event, events.DeviceExited):
            raise RecordError("the disk is full")

    driver = make(CLOCKS, channel={"stdin": True}, ready="clock")
    await driver.start()
    journal.subscribe(full)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with asyncio.timeout(20):
        await driver.stop()
    assert not driver.running
