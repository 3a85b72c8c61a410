"""``certsuite tls listen --root`` as a user types it, with OpenSSL as the client that has the root or lacks it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from certsuite.cli.main import app
from tests.clients.faked import faked
from tests.clients.listens import ADDRESS, ENDS_S, Listens, listens
from tests.clients.tls_clients import careless, says, speaks

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
ROOT, CHAIN = CHAINS / "globalsign-root-r3.pem", CHAINS / "www.python.org-to-2027-02.pem"
LACKS, HAS = "127.0.0.2", "127.0.0.3"
"Clients are told apart by their address."
CLOCK = "@2026-06-01 00:00:00"
"A time at which the chain is valid."
SPOOFS = [f"spoof-{version}-{role}" for version in ("1.2", "1.3") for role in ("unknown", "trusted", "probed")]

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
needs_faketime = pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")


def openssl(to: tuple[str, int], roots: Path, host: str, source: str, clock: str = "") -> None:
    """A client that verifies chain and host name, and says nothing."""
    command = [
        *faked(clock),
        *("openssl", "s_client", "-connect", f"{to[0]}:{to[1]}", "-bind", f"{source}:0"),
        *("-servername", host, "-verify_hostname", host, "-verify_return_error"),
        *("-CAfile", str(roots), "-no-CApath", "-no-CAstore"),
    ]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=ENDS_S)


def stores(running: Listens, folder: Path) -> dict[str, Path]:
    """What the client of each address trusts."""
    lab = running.folder / "lab-root.pem"
    both = folder / "both.pem"
    both.write_bytes(lab.read_bytes() + ROOT.read_bytes())
    return {LACKS: lab, HAS: both}


def connects(running: Listens, steps: Iterable[str], folder: Path, host: str, clock: str = "") -> None:
    """Let both clients connect to each step once."""
    with ThreadPoolExecutor(4) as pool:
        for source, roots in stores(running, folder).items():
            for step in steps:
                pool.submit(openssl, running.at(step), roots, host, source, clock)


def readings(running: Listens) -> dict[str, dict[str, str]]:
    """What each mode said, by client."""
    return {
        client["address"]: {one["mode"]: one["reading"] for one in client["root_probe"]["modes"]}
        for client in running.result["clients"]
    }


def trust(running: Listens) -> dict[str, str]:
    return {client["address"]: client["root_probe"]["trust"] for client in running.result["clients"]}


@needs_openssl
def test_each_client_is_read_live_as_soon_as_a_mode_is_complete(tmp_path: Path) -> None:
    with listens(tmp_path / "out", "--port-from", "0", "--only", "good", "--root", str(ROOT)) as running:
        assert list(running.ports) == ["good", *SPOOFS]
        assert "making a key of 2048 bits for the root probe" in running.output
        roots = stores(running, tmp_path)
        for source, said in (
            (LACKS, "fail .*: not-trusted: the device does not"),
            (HAS, "pass .*: trusted: the device"),
        ):
            for step in SPOOFS[:3]:
                openssl(running.at(step), roots[source], "localhost", source)
            assert "shown by spoof TLSv1.2\n" in running.reads_until(f"{said} trusts? GlobalSign")
        connects(running, SPOOFS, tmp_path, "localhost")
        running.ends()
    assert running.exit_code == 1
    assert trust(running) == {LACKS: "not-trusted", HAS: "trusted"}
    assert readings(running)[HAS] == {"spoof TLSv1.2": "trusted", "spoof TLSv1.3": "trusted"}
    # Where each role was answered twice alike, that is said no more.
    assert (
        len(re.findall("asked once, which does not show whether it is steady: spoof TLSv1.3$", running.output, re.M))
        == 2
    )
    (probe,) = [client["root_probe"] for client in running.result["clients"] if client["address"] == HAS]
    assert probe["modes"][0]["answers"]["probed"] == ["alert 51 (decrypt_error)"] * 2
    assert running.result["root_probe"]["ports"]["spoof-1.2-probed"] == running.ports["spoof-1.2-probed"]


@needs_openssl
@needs_faketime
def test_with_a_genuine_chain_every_mode_tells(tmp_path: Path) -> None:
    options = ("--port-from", "0", "--only", "good", "--root", str(ROOT), "--chain", str(CHAIN))
    with listens(tmp_path / "out", *options, clock=CLOCK) as running:
        assert "not valid on" not in running.output
        steps = [name for name in running.ports if name != "good"]
        assert len(steps) == 21
        connects(running, steps, tmp_path, "www.python.org", CLOCK)
        running.ends()
    assert running.result["host"] == "www.python.org"
    assert trust(running) == {LACKS: "not-trusted", HAS: "trusted"}
    for source, said in trust(running).items():
        assert set(readings(running)[source].values()) == {said}


def test_who_sends_data_under_a_root_that_nobody_knows_fails_at_once(tmp_path: Path) -> None:
    with listens(tmp_path / "out", "--port-from", "0", "--only", "good", "--root", "identrust") as running:
        assert "making a key of 4096 bits" in running.output
        speaks(running.at("spoof-1.2-unknown"), careless(), "localhost")
        assert "sent data under a root that nobody knows" in running.reads_until("fail +root probe of")
        says(running.at("spoof-1.2-unknown"), b"GET / HTTP/1.1\r\n\r\n")
        running.reads_until("it does not speak TLS here")
        running.ends()
    assert running.exit_code == 1
    (client,) = running.result["clients"]
    assert client["root_probe"]["accepts_unknown_root"]
    assert client["not_judged"] == {"it does not speak TLS here": 1}


def test_all_on_one_port(tmp_path: Path) -> None:
    with listens(tmp_path / "out", "--one-port", "0", "--only", "good", "--root", str(ROOT)) as running:
        found = re.search(r"connect to localhost port (\d+) again and again", running.output)
        assert found is not None
        assert "6 steps that ask whether it trusts GlobalSign" in running.output
        for _ in range(12):
            speaks((ADDRESS, int(found[1])), running.context(), "localhost")
        running.reads_until("fail +root probe of 127.0.0.1: not-trusted: .* shown by spoof TLSv1.2, spoof TLSv1.3")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--chain", str(CHAIN)), "say by --root which root the chain is under"),
        (("--root", "nobody"), "--root nobody: no file, and none of the names identrust"),
        (("--root", "identrust", "--chain", str(CHAIN)), "not issued by the root"),
    ],
)
def test_wrong_usage(tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
    done = CliRunner().invoke(app, ["tls", "listen", "--out", str(tmp_path / "out"), *options])
    assert done.exit_code == 4
    assert problem in done.stderr
    assert not (tmp_path / "out").exists()
