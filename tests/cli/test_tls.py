"""``certsuite tls`` as a user types it, with real clients."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner, Result

from certsuite.cli.main import app
from certsuite.tls.keys import KeyPool
from certsuite.tls.pki import Names, Pki
from certsuite.tls.probe_roots import certificates_of_pem
from certsuite.tls.stacks import likeness
from tests.clients.listens import ADDRESS, ENDS_S, listens
from tests.clients.tls_clients import careless, says, speaks
from tests.conftest import certsuite

ANY = ("--port-from", "0")


def typed(*arguments: object) -> Result:
    """A command that ends by itself, in this process."""
    return CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "200"})


def test_a_client_that_verifies_is_judged_live_and_in_the_end(tmp_path: Path) -> None:
    with listens(tmp_path / "out", *ANY) as running:
        speaks(running.at("expired"), running.context(), "localhost")
        line = running.reads_until(" expired ")
        assert "fatal alert 45 (certificate_expired), handshake not complete, no data" in line
        assert "inconclusive" in line
        assert "no control yet" in line
        running.reads_until(rf"settled once the client has connected to good \(port {running.ports['good']}\)")
        speaks(running.at("good"), running.context(), "localhost")
        assert "pass" in running.reads_until(" good ")
        assert re.search("pass +expired of 127.0.0.1 is decided by this", running.reads_until("expired of"))
        speaks(running.at("wrong-host"), running.context(), "localhost")
        assert "pass" in running.reads_until(" wrong-host ")
        running.ends()
    assert running.exit_code == 0
    assert "Exit code 0" in running.output
    assert re.search(r"pass +expired +1 refused; alert 45 \(certificate_expired\)", running.output)
    assert re.search(r"offers TLSv1\.3, TLSv1\.2; cipher suites: .*fingerprint [0-9a-f]{32}", running.output)
    (client,) = running.result["clients"]
    assert (client["address"], client["control"], client["connections"]) == (ADDRESS, True, 3)
    verdicts = {name: one["verdict"] for name, one in client["verdicts"].items()}
    assert verdicts == {"expired": "pass", "good": "pass", "wrong-host": "pass"}
    assert client["verdicts"]["expired"]["alerts"] == [{"number": 45, "name": "certificate_expired", "count": 1}]
    (hello,) = client["client_hellos"]
    assert hello["server_name"] == "localhost"
    known = likeness(hello["fingerprint"])
    assert hello["like"] == (known or None)
    assert known in running.output
    assert running.result["exit_code"] == 0


def test_a_client_that_does_not_verify_ends_with_1(tmp_path: Path) -> None:
    with listens(tmp_path / "out", *ANY, "--only", "unknown-root") as running:
        assert list(running.ports) == ["good", "unknown-root"]
        speaks(running.at("unknown-root"), careless(), "localhost")
        line = running.reads_until(" unknown-root ")
        assert "data: it sent data, and had to refuse (RFC 5280 section 6.1" in line
        running.ends()
    assert running.exit_code == 1
    assert "Exit code 1" in running.output


def test_nothing_and_noise_end_with_5(tmp_path: Path) -> None:
    with listens(tmp_path / "out", *ANY, "--only", "good") as running:
        says(running.at("good"), b"GET /\x1b[2J HTTP/1.1\r\n\r\n")
        assert r"no TLS: 'GET /\x1b[2J" in running.reads_until(" good ")
        running.ends()
    assert running.exit_code == 5
    assert "\x1b" not in running.output
    assert "not judged: 1 connection: it does not speak TLS here" in running.output


def test_one_port(tmp_path: Path) -> None:
    with listens(tmp_path / "out", "--one-port", "0", "--only", "expired", "--host", "Phone.lab.example") as running:
        found = re.search(r"connect to phone\.lab\.example port (\d+) again and again", running.output)
        assert found is not None
        for name in ("good", "expired", "good", "expired"):
            speaks((ADDRESS, int(found[1])), running.context(), "phone.lab.example")
            assert "pass" in running.reads_until(f" {name} ")
        running.ends()
    assert running.exit_code == 0


def test_curl_and_the_line_that_is_printed_for_it(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with listens(tmp_path / "out", *ANY, "--host", "phone.lab.example", "--only", "good") as running:
        found = re.search(r"To try it:  (curl .*)", running.output)
        assert found is not None
        done = subprocess.run(found[1].split(), capture_output=True, text=True, check=False, timeout=ENDS_S)
        assert "this client sent data to good" in done.stdout
        assert "pass" in running.reads_until(" good ")


def test_an_address_as_the_name(tmp_path: Path) -> None:
    with listens(tmp_path / "out", *ANY, "--host", ADDRESS) as running:
        assert "wildcard" not in running.ports
        for name in ("good", "wrong-host"):
            speaks(running.at(name), running.context(), ADDRESS)
            assert "pass" in running.reads_until(f" {name} ")


def test_a_thousand_connections_are_counted(tmp_path: Path) -> None:
    with listens(tmp_path / "out", *ANY, "--only", "good") as running:
        for _ in range(1000):
            with socket.create_connection(running.at("good"), timeout=ENDS_S) as one:
                one.sendall(b"x")
        speaks(running.at("good"), running.context(), "localhost")
        running.ends()
    assert running.result["clients"][0]["connections"] + running.result["connections_over_the_limit"] == 1001


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--address", "phone.lab"), "--address must be an IP address of this machine, not phone.lab"),
        (("--address", "0.0.0.0"), "say by --host what the device connects to"),
        (("--host", "a b"), "--host must be a host name in ASCII or an IP address, not a b"),
        (("--port-from", "9000", "--one-port", "9000"), "exclude each other"),
        (("--only", "exspired"), "nothing is named 'exspired'; there are good, unknown-root"),
    ],
)
def test_wrong_usage_of_listen(tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
    done = typed("tls", "listen", "--out", tmp_path / "out", *options)
    assert done.exit_code == 4
    assert problem in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server((ADDRESS, 0)) as other:
        port = other.getsockname()[1]
        done = typed("tls", "listen", "--out", tmp_path / "out", "--only", "good", "--one-port", port)
    assert done.exit_code == 3
    assert f"cannot listen on {ADDRESS} port {port} for the cycle: another program has it" in done.stderr


# --- fetch-chain


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    with KeyPool() as keys:
        yield Pki.mint(datetime.now(UTC), Names("edge.lab.example"), keys)


@contextmanager
def tls_server(pki: Pki, folder: Path) -> Iterator[int]:
    """A TLS server with a chain of three; gives its port."""
    shown = pki.presentation("path-length-exceeded")
    key = shown.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(key + shown.chain_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server((ADDRESS, 0)) as listener:

        def serves() -> None:
            with listener.accept()[0] as plain:
                plain.settimeout(ENDS_S)
                try:
                    with context.wrap_socket(plain, server_side=True) as tls:
                        tls.recv(4096)
                except OSError:
                    return

        thread = threading.Thread(target=serves, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(ENDS_S)


def test_fetch_chain_writes_what_a_server_presents(pki: Pki, tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    with tls_server(pki, tmp_path) as port:
        done = certsuite("tls", "fetch-chain", f"{ADDRESS}:{port}", "--out", file)
    assert done.returncode == 0, done.stderr
    shown = pki.presentation("path-length-exceeded").chain
    written = x509.load_pem_x509_certificates(file.read_bytes())
    assert tuple(written) == shown
    assert len(certificates_of_pem(file.read_bytes())) == 3
    assert "certificate 1 (leaf)\n  subject      CN=edge.lab.example\n" in done.stdout
    assert "names        edge.lab.example" in done.stdout
    assert done.stdout.count("SHA-256 ") == 3
    assert "which is none of those that certsuite brings along" in done.stdout
    assert f"certsuite run PROFILE --root ROOT.pem --chain {file}" in done.stdout


def test_fetch_chain_says_why_it_cannot(tmp_path: Path) -> None:
    with socket.create_server((ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]
    done = typed("tls", "fetch-chain", f"{ADDRESS}:{port}", "--out", tmp_path / "chain.pem")
    assert done.exit_code == 3
    assert f"cannot connect to {ADDRESS} port {port}: nobody listens there" in done.stderr
    assert not (tmp_path / "chain.pem").exists()


@pytest.mark.parametrize(
    "arguments",
    [("a b",), ("host:port",), ("host:99999",), ("host:0",), ("host:5061", "--srv"), ("127.0.0.1", "--srv"), ("",)],
)
def test_wrong_usage_of_fetch_chain(arguments: tuple[str, ...]) -> None:
    done = typed("tls", "fetch-chain", *arguments)
    assert done.exit_code == 4
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("certsuite: ")
