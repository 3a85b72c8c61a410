"""TLS clients on several libraries, as a root probe meets them, and the listener that probes them.

Each client verifies chain and host name as its library does by default, with a CA file in place of every other store.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from shutil import which

from certsuite.tls.probe_chains import Mode, ProbeChains, Role
from certsuite.tls.probe_server import Answer, probe_engine
from tests.clients.faked import faked

ADDRESS = "127.0.0.1"
SOURCES = Path(__file__).resolve().parents[1] / "data" / "stacks"
_ENDS_S = 60.0

Commands = Callable[[Path, str, Sequence[int]], list[list[str]]]
"""CA file, host name and ports: the command lines that connect to each port once."""


@dataclass(frozen=True)
class Stack:
    """A TLS library, and how it is made to connect."""

    name: str
    needs: tuple[str, ...]
    "Programs and headers without which it is not there."
    package: str
    "Debian's packages that bring them."
    prepare: Callable[[Path], Commands]
    "Builds what must be built in a folder."
    store: Callable[[Path, Path], Path] | None = None
    "Makes the library's own kind of store out of a CA file, in a folder."
    own_clock: bool = False
    "Whether the client reads CLIENT_CLOCK of its environment; others are started under ``faketime``."

    @property
    def missing(self) -> tuple[str, ...]:
        """What this machine lacks for it."""
        return tuple(one for one in self.needs if not (which(one) or Path(one).exists()))


def _each(command: Callable[[Path, str, int], list[str]]) -> Commands:
    return lambda roots, host, ports: [command(roots, host, port) for port in ports]


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _openssl(_: Path) -> Commands:
    return _each(
        lambda roots, host, port: [
            *("openssl", "s_client", "-connect", f"{ADDRESS}:{port}", "-servername", host, "-verify_hostname", host),
            *("-CAfile", str(roots), "-no-CApath", "-no-CAstore", "-verify_return_error"),
        ]
    )


def _python(_: Path) -> Commands:
    client = str(SOURCES / "python_client.py")
    return lambda roots, host, ports: [[sys.executable, client, str(roots), host, ADDRESS, *map(str, ports)]]


def _gnutls(_: Path) -> Commands:
    return _each(
        lambda roots, host, port: [
            *("gnutls-cli", "--x509cafile", str(roots), "--sni-hostname", host, "--verify-hostname", host),
            *("-p", str(port), ADDRESS),
        ]
    )


def _nss(_: Path) -> Commands:
    return _each(
        lambda roots, host, port: [
            *("tstclnt", "-h", ADDRESS, "-p", str(port), "-a", host, "-d", f"sql:{roots}", "-O", "-Q"),
        ]
    )


def _nss_store(roots: Path, folder: Path) -> Path:
    """A database with every root of the file, trusted for TLS servers."""
    folder.mkdir()
    _run("certutil", "-N", "-d", f"sql:{folder}", "--empty-password")
    lines = []
    blocks = roots.read_text(encoding="ascii").split("-----END CERTIFICATE-----")[:-1]
    for number, block in enumerate(blocks):
        file = folder / f"{number}.pem"
        file.write_text(block.strip() + "\n-----END CERTIFICATE-----\n", encoding="ascii")
        lines.append(f"-A -n root{number} -t C,, -a -i {file}")
    batch = folder / "batch"
    batch.write_text("\n".join(lines) + "\n", encoding="ascii")
    _run("certutil", "-B", "-i", batch, "-d", f"sql:{folder}")
    return folder


def _compiled(source: str, *libraries: str) -> Callable[[Path], Commands]:
    def prepare(folder: Path) -> Commands:
        program = folder / Path(source).stem
        _run("cc", "-O1", "-o", program, SOURCES / source, *libraries)
        return _each(lambda roots, host, port: [str(program), str(roots), host, ADDRESS, str(port)])

    return prepare


def _jsse(folder: Path) -> Commands:
    _run("javac", "-d", folder, SOURCES / "JsseClient.java")
    # One compiler and one collector: it does not live long.
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", str(folder), "JsseClient"]
    return lambda roots, host, ports: [[*java, str(roots), host, ADDRESS, *map(str, ports)]]


STACKS: tuple[Stack, ...] = (
    Stack("OpenSSL", ("openssl",), "openssl", _openssl),
    Stack("Python", (), "python3", _python),
    Stack("GnuTLS", ("gnutls-cli",), "gnutls-bin", _gnutls),
    Stack("NSS", ("tstclnt", "certutil"), "libnss3-tools", _nss, _nss_store),
    Stack(
        "mbedTLS",
        ("cc", "/usr/include/mbedtls/ssl.h"),
        "gcc libc6-dev libmbedtls-dev",
        _compiled("mbedtls_client.c", "-lmbedtls", "-lmbedx509", "-lmbedcrypto"),
    ),
    Stack(
        "wolfSSL",
        ("cc", "/usr/include/wolfssl/ssl.h"),
        "gcc libc6-dev libwolfssl-dev",
        _compiled("wolfssl_client.c", "-lwolfssl"),
    ),
    Stack("JSSE", ("java", "javac"), "default-jdk-headless", _jsse, own_clock=True),
)


# --- the listener


Key = tuple[Mode, Role]


class _Connection(asyncio.Protocol):
    """One probed connection."""

    def __init__(
        self, chains: ProbeChains, key: Key, patience_s: float, answered: Callable[[Key, Answer], None]
    ) -> None:
        self._key = key
        self._answered = answered
        self._engine = probe_engine(key[0], chains.chain(*key), patience_s=patience_s)
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._told = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._engine.receive(data, self._loop.time())
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._engine.eof(self._loop.time())
        self._go_on()

    def _tick(self) -> None:
        self._timer = None
        self._engine.tick(self._loop.time())
        self._go_on()

    def _go_on(self) -> None:
        self._transport.write(self._engine.output())
        if self._engine.outcome is not None and not self._told:
            self._told = True
            self._answered(self._key, self._engine.outcome.answer)
            self._transport.close()
        elif self._timer is None and self._engine.deadline is not None:
            self._timer = self._loop.call_at(self._engine.deadline, self._tick)


@dataclass
class Probed:
    """The answers of one client."""

    answers: dict[Key, list[Answer]] = field(default_factory=dict)

    def of(self, mode: Mode, role: Role) -> tuple[Answer, ...]:
        return tuple(self.answers.get((mode, role), ()))


async def probe_client(
    chains: ProbeChains,
    commands: Callable[[Sequence[int]], list[list[str]]],
    *,
    modes: Iterable[Mode],
    clock: datetime | None,
    own_clock: bool,
    patience_s: float,
    gate: asyncio.Semaphore,
) -> Probed:
    """Let a client connect to every mode with every chain, once each, and gather its answers.

    ``gate`` bounds the processes that run at once; ``clock`` is what they take for the time.
    """
    loop = asyncio.get_running_loop()
    probed = Probed()
    keys = [(mode, role) for mode in modes for role in Role]
    waiting: dict[Key, asyncio.Future[None]] = {key: loop.create_future() for key in keys}

    def answered(key: Key, answer: Answer) -> None:
        probed.answers.setdefault(key, []).append(answer)
        if not waiting[key].done():
            waiting[key].set_result(None)

    servers = [
        await loop.create_server(partial(_Connection, chains, key, patience_s, answered), ADDRESS, 0) for key in keys
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    prefix: list[str] = []
    if clock is not None and own_clock:
        environment["CLIENT_CLOCK"] = str(int(clock.timestamp()))
    elif clock is not None:
        prefix = faked(clock.strftime("@%Y-%m-%d %H:%M:%S"))

    async def run(command: list[str]) -> None:
        async with gate:
            process = await asyncio.create_subprocess_exec(
                *prefix,
                *command,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            await asyncio.wait_for(process.wait(), _ENDS_S)

    try:
        async with asyncio.TaskGroup() as group:
            for command in commands(ports):
                group.create_task(run(command))
        async with asyncio.timeout(_ENDS_S):
            await asyncio.gather(*waiting.values())
    finally:
        for server in servers:
            server.close()
    return probed
