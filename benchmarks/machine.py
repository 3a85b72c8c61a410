"""What the machine did meanwhile, and how exact its timers were."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from certsuite.media.pacing import SLOT_NS, Lateness


@dataclass(frozen=True, slots=True)
class Cpu:
    """Jiffies of all processors since the machine started."""

    total: int
    steal: int
    idle: int

    @classmethod
    def now(cls) -> Cpu:
        fields = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return cls(sum(fields), fields[7], fields[3] + fields[4])

    def since(self, before: Cpu) -> str:
        """In words: how busy the machine was, and how much its host took away."""
        total = max(self.total - before.total, 1)
        busy = 100 * (1 - (self.idle - before.idle) / total)
        steal = 100 * (self.steal - before.steal) / total
        return f"{os.cpu_count()} processors {busy:.0f} % busy, {steal:.1f} % stolen"


def cpu_of(pids: Iterable[int]) -> float:
    """Seconds of processor time that these processes took so far (proc(5))."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


class BareTimer:
    """A program that does nothing but sleep until its next deadline, one each millisecond."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.machine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self) -> None:
        """Count from here."""
        assert self._process.stdin is not None
        self._process.stdin.write("x")
        self._process.stdin.flush()

    def stop(self) -> tuple[float, float, float]:
        """(median, 99th percentile, most) by how many milliseconds it woke late."""
        out, _ = self._process.communicate("")
        half, most, all_ = (float(one) for one in out.split())
        return half, most, all_


def _keep_time() -> None:
    """Until standard input ends."""
    os.set_blocking(0, False)
    lateness, due = Lateness(), time.monotonic_ns()
    while True:
        due += SLOT_NS
        time.sleep(max(due - time.monotonic_ns(), 0) / 1e9)
        lateness.add(time.monotonic_ns() - due)
        try:
            if not os.read(0, 1):
                break
            lateness = Lateness()
        except BlockingIOError:
            continue
    print(lateness.percentile_ms(50), lateness.percentile_ms(99), lateness.max_ms)  # noqa: T201


if __name__ == "__main__":
    _keep_time()
