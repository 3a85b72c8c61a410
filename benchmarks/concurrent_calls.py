"""A hundred calls with SRTP at once: how late packets leave, what is lost, whose audio is on each."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import BareTimer, Cpu, cpu_of
from certsuite.bench.bench import Bench
from certsuite.bench.expecting import ExpectationNotMet
from certsuite.bench.phone import Phone
from certsuite.bench.run import Run, RunOptions
from certsuite.catalogue import load_catalogue
from certsuite.checks.judge import judge_one
from certsuite.core.cases import Case, State
from certsuite.core.events import MediaClosed
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.places import PROFILES
from certsuite.core.results import CaseResult
from certsuite.devices.profile import load_profile
from certsuite.evidence.pcapng import PcapngWriter
from certsuite.evidence.record import RecordWriter
from certsuite.media.pacing import Lateness

_CASE = Case("WXC-CALL-280", "calls on every port", ("CALL-ALL-PORTS",), (), State.REGISTERED, ())
_ALLOWED_MS = 2.0
_GRANTED_S = 240
"What Webex grants. The reference gateway's profile has 8 s, so that its runs are short: ports refresh all the time."


@dataclass
class Figures:
    """What came of it."""

    calls: int
    result: CaseResult | None = None
    lateness: str = ""
    late_ms: float = 0.0
    "99 % of the packets were at most so late."
    timer_ms: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left_out: int = 0
    lost: int = 0
    dropped: int = 0
    "Datagrams that the kernel dropped, since the bench did not fetch them."
    cpu: str = ""
    used: tuple[float, float] = (0.0, 0.0)
    "Seconds of a processor that bench and device took, each second."

    def __str__(self) -> str:
        values = {one.name: one.value for one in self.result.measurements} if self.result else {}
        own = int(values.get("ports_with_own_audio", 0))
        half, most, all_ = self.timer_ms
        over = self.late_ms - most
        verdict = "within" if over <= _ALLOWED_MS else "beyond"
        return "\n".join(
            (
                f"{self.calls} calls with SRTP at once, {self.cpu}",
                f"processor time     bench {self.used[0]:.2f} s, gateway {self.used[1]:.2f} s, each second",
                f"send lateness      {self.lateness}",
                f"bare timer loop    half at most {half:.2f} ms late, 99 % {most:.2f} ms, all {all_:.2f} ms",
                f"99th percentile    {over:+.2f} ms beside the timer's, {verdict} the {_ALLOWED_MS:g} ms",
                f"audio identity     right on {2 * own} of {2 * self.calls} directions",
                f"lost by the bench  {self.dropped} datagrams not fetched, {self.left_out} periods not sent; "
                f"{self.lost} packets missing of those that came",
            )
        )


def measure(calls: int, seconds: float) -> Figures:
    """Run it: the bench's own threads and evidence, and the reference gateway as a program of its own."""
    figures = Figures(calls)
    profile = load_profile("reference-gateway", PROFILES)
    values = profile.values.model_copy(update={"granted_expiry_s": _GRANTED_S})
    profile = profile.model_copy(update={"lines": calls, "values": values})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "evidence").mkdir()
        journal = Journal(SystemClock())
        with RecordWriter(folder / "record.jsonl") as writer:
            journal.subscribe(writer)
            capture = PcapngWriter(folder / "evidence" / "run.pcapng")
            run = Run(profile, load_catalogue(), journal=journal, capture=capture, folder=folder, options=RunOptions())
            try:
                run.open()
                run.run_case(_CASE, lambda bench, phone: _measured(bench, phone, seconds, figures))
            finally:
                run.close(complete=True)
                capture.close()
        figures.result = judge_one(_CASE.id, "", journal.since(0), load_catalogue(), 1.0)
        figures.lost = sum(seen.event.lost for seen in journal.since(0) if isinstance(seen.event, MediaClosed))
    return figures


async def _measured(bench: Bench, phone: Phone, seconds: float, figures: Figures) -> None:
    media = bench.network.media
    address = bench.network.edges["primary"].address
    timer = BareTimer()
    # What was heard is in the record, and printed.
    with contextlib.suppress(ExpectationNotMet):
        await bench.ports.are_all_called()
    before, media.lateness = Cpu.now(), Lateness()
    used, device = time.process_time(), cpu_of(bench.device.driver.pids())
    timer.begin()
    await asyncio.sleep(seconds)
    figures.late_ms, figures.lateness = media.lateness.percentile_ms(99), str(media.lateness)
    figures.used = (time.process_time() - used) / seconds, (cpu_of(bench.device.driver.pids()) - device) / seconds
    figures.timer_ms = await asyncio.to_thread(timer.stop)
    figures.left_out, figures.dropped = media.left_out, _dropped(address)
    figures.cpu = Cpu.now().since(before)
    await bench.ports.all_end()


def _dropped(address: str) -> int:
    """Datagrams that the kernel dropped on the UDP sockets of an address (proc(5), /proc/net/udp)."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if row[1].startswith(wanted))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args(arguments)
    print(measure(given.calls, given.seconds))  # noqa: T201


if __name__ == "__main__":
    main()
