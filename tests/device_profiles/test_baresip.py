"""The baresip profiles on the real program: a registrar of the test's own looks at what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certsuite.core.journal import Journal, SystemClock
from certsuite.core.redaction import Secret
from certsuite.devices.drivers.process import ProcessDriver
from certsuite.devices.generate import generate
from certsuite.devices.profile import load_profile
from certsuite.devices.settings import DeviceSettings, LineSettings
from tests.conftest import Finished

pytestmark = pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip is not here: install baresip-core")

SHIPPED = Path(__file__).parents[2] / "device_profiles"
PROXY = "hs17.lab.example"
DOMAIN = "98079822.lab.invalid"
ADDRESS = "127.0.47.2"
PASSWORDS = ("Aa1!@#$%^&*()_+-={}[]:;\"'<>?,./", ";Bb2 \\%s$HOME`~|")
PATIENCE_S = 20


class Authority:
    """A root and one certificate under it."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.root = folder / f"{name}-root.pem"
        self.chain = folder / f"{name}.pem"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} root")])
        root = self._builder(subject, subject, key.public_key(), ca=True).sign(key, hashes.SHA256())
        leaf_subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PROXY)])
        builder = self._builder(leaf_subject, subject, leaf_key.public_key(), ca=False)
        names = x509.SubjectAlternativeName([x509.DNSName(PROXY)])
        leaf = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        private = leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + private)

    @staticmethod
    def _builder(
        subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )


class Resolver(asyncio.DatagramProtocol):
    """Answers for the outbound proxy alone."""

    def __init__(self, port: int) -> None:
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        question = query.question[0]
        name = question.name.to_text()
        if (name, question.rdtype) == (f"_sips._tcp.{PROXY}.", dns.rdatatype.SRV):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", f"5 0 {self._port} sse1.{PROXY}."))
        elif (name, question.rdtype) == (f"sse1.{PROXY}.", dns.rdatatype.A):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", ADDRESS))
        self._transport.sendto(answer.to_wire(), addr)


class Registrar:
    """Challenges, checks the digest, and keeps what it saw."""

    def __init__(self, passwords: dict[str, str]) -> None:
        self._passwords = passwords
        self.registered: dict[str, str] = {}
        self.invites: list[str] = []
        self.refused: list[str] = []
        self.news = asyncio.Condition()
        self._handlers: set[asyncio.Task[None]] = set()

    async def wait_for(self, fact: str) -> None:
        async with asyncio.timeout(PATIENCE_S), self.news:
            await self.news.wait_for(lambda: getattr(self, fact))

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await reader.readexactly(int(self._value(head, "Content-Length")))
                async with self.news:
                    if not head.startswith("ACK"):
                        writer.write(self._answer(head).encode())
                    self.news.notify_all()
        writer.close()

    async def close(self) -> None:
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers)

    def _answer(self, head: str) -> str:
        method = head.split()[0]
        extra = f"Contact: {self._value(head, 'Contact')};expires=20\r\n" if method == "REGISTER" else ""
        status = "200 OK"
        if method == "INVITE":
            self.invites.append(head)
            status = "486 Busy Here"
        elif method == "REGISTER" and not self._authorized(head):
            status = "401 Unauthorized"
            extra = 'WWW-Authenticate: Digest realm="BroadWorks",nonce="x1",qop="auth",algorithm=MD5\r\n'
        copied = "".join(f"{name}: {self._value(head, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        return f"SIP/2.0 {status}\r\n{copied}To: {self._value(head, 'To')};tag=x\r\n{extra}Content-Length: 0\r\n\r\n"

    def _authorized(self, head: str) -> bool:
        given = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', head)}
        if "response" not in given:
            return False
        first = _md5(f"{given['username']}:BroadWorks:{self._passwords[given['username']]}")
        second = _md5(f"REGISTER:{given['uri']}")
        middle = ":".join(given[key] for key in ("nonce", "nc", "cnonce", "qop"))
        if given["response"] != _md5(f"{first}:{middle}:{second}"):
            self.refused.append(given["username"])
            return False
        self.registered[given["username"]] = head
        return True

    @property
    def all_registered(self) -> bool:
        return set(self.registered) == set(self._passwords) or bool(self.refused)

    @staticmethod
    def _value(head: str, name: str) -> str:
        match = re.search(rf"(?im)^{name}\s*:\s*(.*?)\r?$", head)
        return match.group(1) if match else "0"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextlib.asynccontextmanager
async def bench(profile_name: str, presented: str, folder: Path) -> AsyncIterator[tuple[Registrar, ProcessDriver]]:
    """A running baresip that trusts the root ``trusted``, and a registrar whose root is the one named."""
    authorities = {name: Authority(folder, name) for name in ("trusted", "unknown")}
    lines = tuple(
        LineSettings(number, f"aor{number}", DOMAIN, f"20555501{number:02}", Secret(password), f"Line {number}")
        for number, password in enumerate(PASSWORDS, 1)
    )
    registrar = Registrar({line.auth_user: line.password.reveal() for line in lines})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authorities[presented].chain)
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(registrar.accepted, ADDRESS, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    resolver, _ = await loop.create_datagram_endpoint(lambda: Resolver(port), local_addr=(ADDRESS, 0))
    with socket.socket() as free:
        free.bind(("127.0.47.100", 0))
        control_port = free.getsockname()[1]
    root = authorities["trusted"].root
    settings = DeviceSettings(PROXY, resolver.get_extra_info("sockname"), "127.0.47.100", lines, 240, root, root)
    profile = load_profile(profile_name, SHIPPED)
    await asyncio.to_thread(generate, profile, settings, folder / "config", control_port=control_port)
    driver = ProcessDriver(
        profile,
        settings,
        Journal(SystemClock()),
        config_dir=folder / "config",
        log=folder / "device.log",
        control_port=control_port,
    )
    await driver.start()
    try:
        yield registrar, driver
    finally:
        await driver.stop()
        resolver.close()
        server.close()
        await registrar.close()
        await server.wait_closed()


@pytest.mark.asyncio
async def test_registers_every_line_whatever_signs_a_password_has(tmp_path: Path) -> None:
    async with bench("baresip", "trusted", tmp_path) as (registrar, driver):
        await registrar.wait_for("all_registered")
        assert registrar.refused == []
        profile = load_profile("baresip", SHIPPED)
        for number, head in enumerate(registrar.registered.values(), 1):
            assert f"<sip:aor{number}@{DOMAIN}>" in head
            agent = Registrar._value(head, "User-Agent")
            assert re.search(profile.identity.user_agent, agent)
        await driver.do("dial", uri=f"sip:colleague@{DOMAIN}", line=2)
        await registrar.wait_for("invites")
        assert f"<sip:aor2@{DOMAIN}>" in registrar.invites[0]
    log = (tmp_path / "device.log").read_text()
    assert all(password not in log for password in PASSWORDS)


@pytest.mark.asyncio
async def test_an_unknown_root_is_refused_when_the_chain_is_verified(tmp_path: Path) -> None:
    async with bench("baresip", "unknown", tmp_path) as (registrar, driver):
        assert driver._run is not None
        await driver._run.output.find("tls: connect: error(.|\n)*Register: Protocol error", None, PATIENCE_S)
        assert registrar.registered == {}
        assert registrar.refused == []


@pytest.mark.parametrize(("profile", "verdict"), [("baresip", "pass"), ("baresip-without-identrust", "fail")])
def test_the_root_of_webex_is_found_or_missed(profile: str, verdict: str, certify: Callable[..., Finished]) -> None:
    run = certify(profile, "--case", "WXC-TLS-160")
    assert run.verdicts(verdict) == ["WXC-TLS-160"], run.output


@pytest.mark.asyncio
async def test_an_unknown_root_is_taken_when_it_is_not(tmp_path: Path) -> None:
    async with bench("baresip-unverified", "unknown", tmp_path) as (registrar, _):
        await registrar.wait_for("all_registered")
        assert registrar.refused == []


def test_it_registers_with_every_sign_takes_another_password_and_calls(certify: Callable[..., Finished]) -> None:
    works = ("WXC-PW-020", "WXC-PW-030", "WXC-PW-040", "WXC-CALL-060")
    run = certify("baresip", *(part for case in (*works, "WXC-UA-020") for part in ("--case", case)))
    assert set(run.verdicts("pass")) == set(works), run.output
    # Its User-Agent has no model.
    (finding,) = run.case("WXC-UA-020")["findings"]
    assert finding["observed"].endswith("with which Control Hub is likely to show 'Partner Managed Phone'")
