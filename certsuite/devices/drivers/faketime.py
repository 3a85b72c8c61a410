"""A program's clock, set by libfaketime: its timers run on the monotonic clock, which stays as it is."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

_LIBRARY = "/usr/$LIB/faketime/libfaketimeMT.so.1"
"As Debian packages it; the dynamic linker fills in ``$LIB``, the folder of this machine's libraries below /usr."
_SEGMENTS = Path("/dev/shm")
_NAMED = re.compile(r"(?:sem\.faketime_sem|faketime_shm)_(\d+)")


def is_here() -> bool:
    """Whether this machine has it."""
    return shutil.which("faketime") is not None


def environment(offset_s: int, file: Path) -> dict[str, str]:
    """What a program is started with so that its clock is off by that much, and by what :func:`write` writes later on;
    nothing for none."""
    if not offset_s:
        return {}
    clear_segments()
    write(offset_s, file)
    return {
        "LD_PRELOAD": _LIBRARY,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def write(offset_s: int, file: Path) -> None:
    """Set the clock of a program that runs with this file. It is replaced as a whole: who reads it sees one offset."""
    new = file.with_suffix(".new")
    new.write_text(f"{offset_s:+d}\n", encoding="ascii")
    new.replace(file)


def clear_segments(folder: Path = _SEGMENTS) -> None:
    """Remove the shared memory of processes that are gone.

    The library names it after its process and leaves it behind when that is killed. The next process of that number
    would end as it starts, since the name is taken.
    """
    for entry in list(folder.iterdir()) if folder.is_dir() else ():
        named = _NAMED.fullmatch(entry.name)
        if named and not Path("/proc", named[1]).exists():
            # Another user's may not be removed.
            with contextlib.suppress(OSError):
                os.unlink(entry)
