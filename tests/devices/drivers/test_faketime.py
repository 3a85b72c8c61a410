from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from certsuite.devices.drivers import faketime

needs_faketime = pytest.mark.skipif(not faketime.is_here(), reason="faketime is not here: apt-get install faketime")


@needs_faketime
def test_what_a_killed_program_left_is_cleared(tmp_path: Path) -> None:
    environment = {**os.environ, **faketime.environment(-100, tmp_path / "clock")}
    with subprocess.Popen(["sh", "-c", "echo up; read _"], stdin=-1, stdout=-1, env=environment) as program:
        assert program.stdout is not None
        program.stdout.readline()
        segments = [Path("/dev/shm", name.format(program.pid)) for name in ("sem.faketime_sem_{}", "faketime_shm_{}")]
        faketime.clear_segments()
        assert all(one.exists() for one in segments), "those of a program that runs stay"
        program.send_signal(signal.SIGKILL)
    assert all(one.exists() for one in segments), "else there is nothing to clear"
    faketime.clear_segments()
    assert not any(one.exists() for one in segments)


def test_other_files_stay(tmp_path: Path) -> None:
    gone = 2**30
    names = [f"faketime_shm_{os.getpid()}", "faketime_shm_x", f"faketime_shm_{gone}.old", "something"]
    for name in (*names, f"faketime_shm_{gone}", f"sem.faketime_sem_{gone}"):
        (tmp_path / name).touch()
    faketime.clear_segments(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(names)
    faketime.clear_segments(tmp_path / "nowhere")


def test_no_offset_needs_no_library(tmp_path: Path) -> None:
    assert faketime.environment(0, tmp_path / "clock") == {}
    assert not (tmp_path / "clock").exists()
