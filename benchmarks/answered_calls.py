"""How many calls a second the edge answers, beside SIPp's own UAS: both over TLS, both called by SIPp."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import shutil
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import Cpu
from certsuite.bench.network import REGISTRAR_DOMAIN, SIP_PORT, Network
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.redaction import Secret
from certsuite.edge.accounts import Account
from certsuite.edge.call_leg import CallLeg
from certsuite.edge.flow import DEVICE
from certsuite.evidence.pcapng import PcapngWriter
from certsuite.evidence.record import RecordWriter

_SCENARIOS = Path(__file__).parent / "scenarios"
_CALLER, _ANSWERER = 21, 22
"Hosts of the bench's network."
_UAS_PORT, _TLS_PORT = 5070, 5071
_TO_EDGE, _TO_UAS = 5072, 5073
_AT_ONCE = 20
_STARTED_S = 10.0
PROGRAMS = ("sipp", "stunnel4")


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls that were answered, and how long that took."""

    calls: int
    seconds: float
    failed: int

    @property
    def per_s(self) -> float:
        return self.calls / self.seconds

    def __str__(self) -> str:
        return f"{self.per_s:.0f} calls a second ({self.calls} in {self.seconds:.1f} s, {self.failed} failed)"


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it."""

    edge: Rate
    uas: Rate
    cpu: str

    def __str__(self) -> str:
        return "\n".join(
            (
                f"the edge       {self.edge}",
                f"SIPp's own UAS {self.uas}",
                f"ratio          {self.edge.per_s / self.uas.per_s:.3f} of SIPp's, {self.cpu}",
            )
        )


class OpenNetwork(Network):
    """A bench's network that takes every flow for the device's: it is SIPp's."""

    def owner_of(
        self, remote: tuple[str, int], local: tuple[str, int], transport: str, said: Callable[[], bytes]
    ) -> str:
        return DEVICE


async def measure(calls: int) -> Figures:
    """Call one after the other, each so often. Raises :class:`RuntimeError` if a program does not do as it should."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(SystemClock())
        account = Account(1, "sipp1", REGISTRAR_DOMAIN, "auth1", Secret(secrets.token_hex(12)), "SIPp")
        with RecordWriter(folder / "record.jsonl") as writer:
            journal.subscribe(writer)
            capture = PcapngWriter(folder / "run.pcapng")
            network = OpenNetwork(
                journal=journal, capture=capture, accounts=[account], granted_expiry_s=60, folder=folder
            )
            network.control.on_call = _answer
            await network.start()
            try:
                return await _both(network, account, folder, calls)
            finally:
                await network.stop()
                await asyncio.sleep(0)
                capture.close()


def _answer(leg: CallLeg, number: str) -> None:
    leg.ring()
    leg.accept()


async def _both(network: Network, account: Account, folder: Path, calls: int) -> Figures:
    caller, answerer = network.net.host(_CALLER), network.net.host(_ANSWERER)
    _write_scenarios(folder, account)
    _write_tunnels(folder, network, caller, answerer)
    before = Cpu.now()
    uas = ["sipp", "-sf", f"{folder}/answerer.xml", "-i", answerer, "-p", str(_UAS_PORT), "-t", "t1", "-nostdin"]
    async with _running(folder, "stunnel4", f"{folder}/stunnel.conf"), _running(folder, *uas):
        for host, port in ((answerer, _UAS_PORT), (answerer, _TLS_PORT), (caller, _TO_EDGE), (caller, _TO_UAS)):
            await _listens(host, port)
        edge = await _called(folder, caller, _TO_EDGE, calls)
        own = await _called(folder, caller, _TO_UAS, calls)
    return Figures(edge, own, Cpu.now().since(before))


def _write_scenarios(folder: Path, account: Account) -> None:
    values = {
        "USER": account.user,
        "DOMAIN": account.domain,
        "AUTH_USER": account.auth_user,
        "PASSWORD": account.password.reveal(),
        "KEY": b64encode(secrets.token_bytes(30)).decode(),
    }
    for scenario in _SCENARIOS.glob("*.xml"):
        text = scenario.read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        (folder / scenario.name).write_text(text)


def _write_tunnels(folder: Path, network: Network, caller: str, answerer: str) -> None:
    """SIPp as Debian has it speaks no TLS: at both its ends a tunnel does."""
    chain = network.pki.presentation("good")
    (folder / "tunnel.pem").write_bytes(chain.key_pem + chain.chain_pem)
    edge = network.edges["primary"].address
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsyslog = no\n"
        f"[edge]\nclient = yes\naccept = {caller}:{_TO_EDGE}\nconnect = {edge}:{SIP_PORT}\n"
        f"[uas]\nclient = yes\naccept = {caller}:{_TO_UAS}\nconnect = {answerer}:{_TLS_PORT}\n"
        f"[server]\naccept = {answerer}:{_TLS_PORT}\nconnect = {answerer}:{_UAS_PORT}\ncert = {folder}/tunnel.pem\n"
    )


@contextlib.asynccontextmanager
async def _running(folder: Path, *command: str) -> AsyncIterator[None]:
    """A program, for as long as it is needed."""
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null, cwd=folder)
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _listens(host: str, port: int) -> None:
    """Wait until something takes connections there."""
    async with asyncio.timeout(_STARTED_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


async def _called(folder: Path, caller: str, tunnel: int, calls: int) -> Rate:
    """SIPp calls through a tunnel, as fast as calls are answered."""
    command = ["sipp", "-sf", f"{folder}/caller.xml", "-i", caller, "-t", "t1", "-m", str(calls), "-l", str(_AT_ONCE)]
    command += ["-r", "10000", "-nostdin", "-timeout", "300", "-timeout_error", f"{caller}:{tunnel}"]
    null = asyncio.subprocess.DEVNULL
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=null, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder
    )
    out, _ = await process.communicate()
    seconds = time.monotonic() - began
    failed = _total(out.decode("utf-8", "replace"), "Failed call")
    answered = _total(out.decode("utf-8", "replace"), "Successful call")
    if process.returncode not in (0, 1) or not answered:
        raise RuntimeError(f"sipp ended with {process.returncode}: {out[-2000:].decode('utf-8', 'replace')}")
    return Rate(answered, seconds, failed)


def _total(screen: str, name: str) -> int:
    """The cumulative count of SIPp's last screen."""
    rows = [row for row in screen.splitlines() if row.strip().startswith(name)]
    return int(rows[-1].split("|")[-1]) if rows else 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    given = parser.parse_args(arguments)
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        sys.exit(f"answered_calls: there is no {' and no '.join(missing)}; install Debian's sip-tester and stunnel4")
    print(asyncio.run(measure(given.calls)))  # noqa: T201


if __name__ == "__main__":
    main()
