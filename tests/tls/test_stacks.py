"""The known stacks: each row is measured anew with the client that it names, where its version is on this machine."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which

import pytest

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.client_hello import ClientHelloReader
from certsuite.tls.fingerprint import fingerprint
from certsuite.tls.stacks import Stack, likeness, stacks
from tests.clients.tls_stacks import ADDRESS, STACKS

ROOT = Path(__file__).resolve().parents[1] / "data" / "chains" / "globalsign-root-r3.pem"
HOST = "phone.lab.example"
ENDS_S = 60.0


def of_command(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def of_nss() -> str:
    version = ctypes.CDLL("libnss3.so").NSS_GetVersion
    version.restype = ctypes.c_char_p
    return str(version().decode("ascii"))


def of_header(path: str, name: str) -> Callable[[], str]:
    return lambda: "".join(re.findall(rf'{name}\s+"([^"]+)"', Path(path).read_text(encoding="utf-8")))


VERSIONS: Mapping[str, Callable[[], str]] = {
    "OpenSSL": lambda: of_command("openssl", "version"),
    "Python": lambda: ssl.OPENSSL_VERSION,
    "GnuTLS": lambda: of_command("gnutls-cli", "--version"),
    "NSS": of_nss,
    "mbedTLS": of_header("/usr/include/mbedtls/version.h", "MBEDTLS_VERSION_STRING"),
    "wolfSSL": of_header("/usr/include/wolfssl/version.h", "LIBWOLFSSL_VERSION_STRING"),
    "JSSE": lambda: of_command("java", "-version"),
}
"Text with the library's version in it, by the name of ``tests.clients.tls_stacks``."
CLIENTS = {"openssl": "OpenSSL", "ssl.create": "Python", "gnutls": "GnuTLS", "tstclnt": "NSS"} | {
    "a client of mbedtls": "mbedTLS",
    "a client of wolfSSL": "wolfSSL",
    "a client of SSLContext": "JSSE",
}
"How a row names its client, and who that is."


def short(version: str) -> str:
    """The two first numbers: what a row's name is about."""
    found = re.search(r"\d+\.\d+", version)
    return found[0] if found else ""


def first_hello(command: Callable[[int], list[str]], **environment: str) -> ClientHelloSeen:
    """Start a client, and read the first ClientHello that it sends."""
    with socket.create_server((ADDRESS, 0)) as listener:
        listener.settimeout(ENDS_S)
        process = subprocess.Popen(
            command(listener.getsockname()[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(ENDS_S)
                reader = ClientHelloReader()
                while not isinstance(seen := reader.feed(connection.recv(65_536)), ClientHelloSeen):
                    assert seen is None
                return seen
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("row", stacks().values(), ids=lambda row: f"{row.client.split(';')[0]}-{row.names_server}")
def test_a_row_is_what_its_client_sends(row: Stack, tmp_path: Path) -> None:
    name = next(name for start, name in CLIENTS.items() if row.client.startswith(start))
    stack = next(one for one in STACKS if one.name == name)
    if stack.missing:
        pytest.skip(f"{name}: {', '.join(stack.missing)} missing ({stack.package})")
    if short(VERSIONS[name]()) != short(row.version):
        pytest.skip(f"{name} is {VERSIONS[name]().strip()} here, and was measured as {row.version}")
    if name == "Python" and sys.version_info[:2] != (3, 11):
        pytest.skip("it was measured with Python 3.11")
    commands = stack.prepare(tmp_path)
    store = stack.store(ROOT, tmp_path / "store") if stack.store else ROOT

    def command(port: int) -> list[str]:
        if row.client.startswith("openssl s_client -noservername"):
            return ["openssl", "s_client", "-noservername", "-connect", f"{ADDRESS}:{port}"]
        return commands(store, HOST if row.names_server else ADDRESS, [port])[0]

    hello = first_hello(command)
    assert fingerprint(hello) == row.fingerprint
    assert (hello.server_name is not None) is row.names_server


@pytest.mark.skipif(which("baresip") is None, reason="baresip is not installed")
def test_baresip_is_like_openssl(tmp_path: Path) -> None:
    if short(VERSIONS["OpenSSL"]()) != "3.0":
        pytest.skip("another OpenSSL was measured")

    def command(port: int) -> list[str]:
        (tmp_path / "config").write_text(
            f"sip_listen {ADDRESS}:0\nnet_interface {ADDRESS}\nmodule_path /usr/lib/baresip/modules\n"
            "module g711.so\nmodule_tmp account.so\nmodule_app menu.so\n",
            encoding="ascii",
        )
        to = f"sip:{ADDRESS}:{port};transport=tls"
        account = f'<sip:u@{ADDRESS};transport=tls>;outbound="{to}";auth_pass=x;regint=60\n'
        (tmp_path / "accounts").write_text(account, encoding="ascii")
        (tmp_path / "contacts").touch()
        return ["baresip", "-f", str(tmp_path)]

    assert likeness(fingerprint(first_hello(command))).startswith("like OpenSSL 3.0 in its own settings")


@pytest.mark.skipif(which("linphone-daemon") is None, reason="linphone-daemon is not installed")
def test_linphone_is_like_mbedtls(tmp_path: Path) -> None:
    def command(port: int) -> list[str]:
        to = f"<sip:{ADDRESS}:{port};transport=tls>"
        sections = {
            "sip": f"sip_port=0\nsip_tcp_port=0\nsip_tls_port=-1\nbind_address={ADDRESS}\n"
            "register_only_when_network_is_up=0",
            "storage": "uri=null",
            "video": "enabled=0",
            "sound": "rtp_io=1\nhold_music=none",
            "proxy_0": f"reg_proxy={to}\nreg_route={to}\nreg_identity=<sip:u@{ADDRESS}>\nreg_expires=60\n"
            "reg_sendregister=1\npublish=0",
        }
        config = tmp_path / "linphonerc"
        config.write_text("".join(f"[{name}]\n{rows}\n" for name, rows in sections.items()), encoding="ascii")
        return ["linphone-daemon", "--pipe", f"..{tmp_path}/control", "--config", str(config)]

    known = likeness(fingerprint(first_hello(command, HOME=str(tmp_path))))
    assert known.startswith("like mbedTLS 2.28 in its own settings")


def test_an_unknown_one_says_nothing() -> None:
    known = next(iter(stacks()))
    assert likeness(known).startswith("like OpenSSL 3.0")
    assert likeness(known[:-1]) == likeness(known.upper()) == likeness("0" * 32) == likeness("") == ""


def test_no_fingerprint_stands_for_two_and_each_is_whole() -> None:
    text = (Path(__file__).resolve().parents[2] / "certsuite" / "tls" / "stacks.tsv").read_text(encoding="ascii")
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(rows) == len(stacks())
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in stacks())
