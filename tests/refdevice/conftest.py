"""A small network side of the tests' own: DNS by dnspython, TLS by the standard library's ``ssl``, SRTP by libsrtp."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import re
import secrets
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certsuite.sip.framer import Framed, KeepAlive, StreamFramer
from certsuite.sip.message import SipMessage, parameter
from tests.refdevice.party import PATIENCE_S, Party

PROXY = "hs17.lab.example"
_DATAGRAM = 512
"Bytes of a DNS answer over UDP to who does not ask for more (RFC 1035 section 2.3.4)."


class Authority:
    """A root of the tests and the certificates under it."""

    def __init__(self, directory: Path, name: str = "Test Root") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._root = self._certificate(self._name, self._key.public_key(), root=True)
        self.bundle = directory / "bundle.pem"
        self.bundle.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, root: bool = False, san: tuple[str, ...] = ()
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        )
        if san:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in san]), False)
        return builder.sign(self._key, hashes.SHA256())

    def leaf(self, *names: str, common_name: str = "") -> tuple[bytes, bytes]:
        """A certificate (DER) and a PEM of it with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        certificate = self._certificate(subject, key.public_key(), san=names)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        der = certificate.public_bytes(serialization.Encoding.DER)
        return der, certificate.public_bytes(serialization.Encoding.PEM) + private

    def server_context(self, *names: str) -> ssl.SSLContext:
        path = self._directory / f"{'-'.join(names)}.pem"
        path.write_bytes(self.leaf(*names)[1])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


class Zone(asyncio.DatagramProtocol):
    """Answers from records; a log of what was asked."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        "(name, type) to records as text."
        self.truncates = False
        self.rcode = dns.rcode.NOERROR
        self.asked: list[tuple[str, str, str]] = []
        "(transport, name, type)."
        self.port = 0
        self._was_asked = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None

    async def asked_srv(self, times: int) -> set[str]:
        """Wait for so many SRV queries; gives their names."""
        return await self.asked_for("SRV", times)

    async def asked_for(self, wanted: str, times: int) -> set[str]:
        """The same of another type."""
        async with asyncio.timeout(PATIENCE_S):
            while len(names := [name for _, name, type_ in self.asked if type_ == wanted]) < times:
                self._was_asked.clear()
                await self._was_asked.wait()
        return set(names)

    def srv(self, *records: tuple[int, str, int], weight: int = 0) -> None:
        """Put (priority, host, port) under the outbound proxy; every host is 127.0.0.1."""
        name = f"_sips._tcp.{PROXY}."
        self.records[name, "SRV"] = [f"{priority} {weight} {port} {host}." for priority, host, port in records]
        for _, host, _ in records:
            self.records[f"{host}.", "A"] = ["127.0.0.1"]

    def reply(self, data: bytes, transport: str) -> bytes:
        asked = dns.message.from_wire(data)
        question = asked.question[0]
        name, type_ = str(question.name), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((transport, name, type_))
        self._was_asked.set()
        reply = dns.message.make_response(asked)
        reply.set_rcode(self.rcode)
        texts = self.records.get((name.lower(), type_), [])
        if self.truncates and transport == "udp":
            reply.flags |= dns.flags.TC
        elif texts:
            reply.answer.append(dns.rrset.from_text(name, 30, "IN", type_, *texts))
        wire = reply.to_wire(want_shuffle=False)
        if transport == "udp" and len(wire) > _DATAGRAM:
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            return reply.to_wire()
        return wire

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
            self.port = self._transport.get_extra_info("sockname")[1]
            try:
                self._server = await asyncio.start_server(self._over_tcp, "127.0.0.1", self.port)
            except OSError:
                self._transport.close()
                continue
            return

    async def close(self) -> None:
        assert self._transport is not None
        assert self._server is not None
        self._transport.close()
        self._server.close()
        await self._server.wait_closed()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(self.reply(data, "udp"), addr)

    async def _over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        reply = self.reply(await reader.readexactly(length), "tcp")
        writer.write(len(reply).to_bytes(2, "big") + reply)
        writer.close()


@dataclass
class Heard:
    """A message from the device, and the connection that it came over."""

    message: SipMessage
    writer: asyncio.StreamWriter


@dataclass
class Registrar:
    """One TLS registrar: challenges, grants, keeps what it hears."""

    expires: int = 60
    status: int = 200
    "What it answers to an authorised REGISTER."
    challenges: bool = True
    silent: bool = False
    hangs_up: str = ""
    "How it ends a connection on which a REGISTER has come: by ``FIN`` or ``RST``; empty: it answers."
    retry_after: str = ""
    min_expires: str = ""
    port: int = 0
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    pongs: bool = True
    "Whether it answers keep-alives."
    pings: int = 0
    bytes_heard: int = 0
    failures: list[str] = field(default_factory=list)
    "Handshakes that failed, by their reason."
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: asyncio.Server | None = None
    _at: int = 0
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self, context: ssl.SSLContext | None, port: int = 0, address: str = "127.0.0.1") -> None:
        self._server = await asyncio.start_server(self._serve, address, port, ssl=context, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in self.connections:
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections.append(writer)
        framer = StreamFramer()
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65_536):
                self.bytes_heard += len(data)
                for part in framer.feed(data):
                    if isinstance(part, Framed):
                        await self._take(SipMessage.parse(part.raw), writer)
                    elif isinstance(part, KeepAlive) and part.form == "ping":
                        self.pings += 1
                        if self.pongs:
                            writer.write(b"\r\n")
                async with self._changed:
                    self._changed.notify_all()
        writer.close()
        async with self._changed:
            self._changed.notify_all()

    async def _take(self, message: SipMessage, writer: asyncio.StreamWriter) -> None:
        self.heard.append(Heard(message, writer))
        async with self._changed:
            self._changed.notify_all()
        if message.method != "REGISTER" or self.silent:
            return
        if self.hangs_up:
            self._hang_up(writer)
            return
        if self.challenges and not message.get("Authorization"):
            challenge = 'Digest realm="BroadWorks",nonce="BroadWorksX1BW",algorithm=MD5,qop="auth"'
            self.reply(writer, message, 401, ("WWW-Authenticate", challenge))
        else:
            contact = f"{message.get('Contact')};expires={self.expires}"
            extra = [("Retry-After", self.retry_after)] if self.retry_after else []
            extra += [("Min-Expires", self.min_expires)] if self.min_expires else []
            self.reply(writer, message, self.status, ("Contact", contact), *extra)

    def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        if self.hangs_up == "FIN":
            writer.close()
            return
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    @staticmethod
    def reply(
        writer: asyncio.StreamWriter, request: SipMessage, status: int, *extra: tuple[str, str], body: bytes = b""
    ) -> None:
        kept = ("Via", "From", "Call-ID", "CSeq")
        headers = [(name, value) for name in kept for value in request.all(name)]
        to_value = request.get("To") or ""
        headers.append(("To", to_value if request.to_tag or status == 100 else f"{to_value};tag=far"))
        if body:
            headers.append(("Content-Type", "application/sdp"))
        response = SipMessage(status=status, reason="R", headers=(*headers, *extra), body=body)
        writer.write(response.to_bytes(compact=True))

    async def next(self, *methods: str) -> Heard:
        """The next message with one of these methods; a response is named by its status."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            while True:
                while self._at < len(self.heard):
                    heard = self.heard[self._at]
                    self._at += 1
                    if (heard.message.method or str(heard.message.status)) in methods:
                        return heard
                await self._changed.wait()

    async def until(self, predicate: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(predicate)

    def ask(self, method: str, *extra: tuple[str, str], body: bytes = b"", **given: str) -> SipMessage:
        """Send a request to the device over its last flow, in the manner of BroadWorks; gives what was sent."""
        contact = next(
            heard.message.contact_uri for heard in reversed(self.heard) if heard.message.method == "REGISTER"
        )
        branch = given.get("branch", f"z9hG4bKBroadworksSSE.-127.0.0.1V0-0-{secrets.token_hex(4)}")
        headers = [
            ("Via", f"SIP/2.0/TLS 127.0.0.1:8934;branch={branch}"),
            ("From", given.get("from_value", '"Colleague"<sip:2001@lab.invalid>;tag=far')),
            ("To", given.get("to_value", f"<{contact}>")),
            ("Call-ID", given.get("call_id", "SSE1-1@127.0.0.1")),
            ("CSeq", f"{given.get('cseq', '1')} {given.get('cseq_method', method)}"),
            ("Contact", "<sip:127.0.0.1:8934;transport=tls>"),
            ("Recv-Info", "x-broadworks-client-session-info,x-cisco-mute-status"),
            ("Supported", ""),
            ("X-BroadWorks-Correlation-Info", "1"),
            ("Max-Forwards", "69"),
        ]
        headers += [("Content-Type", "application/sdp")] if body else []
        request = SipMessage(method=method, uri=given.get("uri", contact), headers=(*headers, *extra), body=body)
        self.connections[-1].write(request.to_bytes(compact=True))
        return request


@dataclass
class Device:
    """The reference device as a process."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def line(self, pattern: str) -> str:
        """The next line of its output that a pattern matches from its beginning."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while text := (await self.process.stdout.readline()).decode().rstrip("\n"):
                self.lines.append(text)
                if re.match(pattern, text):
                    return text
        raise AssertionError(f"the device ended before {pattern}; it said {self.lines}")

    async def command(self, text: str) -> str:
        """Give a command and wait for its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        return await self.line(rf"(ok|error) {text.split()[0]}\b")

    async def end(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@dataclass
class Lab:
    """The network side and the device of one test."""

    authority: Authority
    directory: Path
    zone: Zone = field(default_factory=Zone)
    registrars: list[Registrar] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)

    async def registrar(self, *names: str, **values: Any) -> Registrar:
        made = Registrar(**values)
        await made.open(self.authority.server_context(*(names or (PROXY,))))
        self.registrars.append(made)
        return made

    def configure(self, password: str = 'S3cret!%&"', lines: int = 1, retry_s: float = 0.05, **more: float) -> None:
        head = "".join(f"{name} = {value}\n" for name, value in more.items())
        head += f"""
            boot_s = 0.0
            retry_s = {retry_s}
            resolver = "127.0.0.1:{self.zone.port}"
            address = "127.0.0.1"
            outbound_proxy = "{PROXY}"
            trusted_roots = "{self.authority.bundle}"
            {more}
        """
        for number in range(1, lines + 1):
            head += f"""
            [[lines]]
            user = "line{number}"
            domain = "98079822.lab.invalid"
            auth_user = "205555010{number}"
            password = '{password}'
            display_name = "Line {number}"
            """
        (self.directory / "phone.toml").write_text(head)

    async def start(self, *faults: str) -> Device:
        if not (self.directory / "phone.toml").exists():
            self.configure()
        arguments = [part for fault in faults for part in ("--fault", fault)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "certsuite.refdevice",
            "--config",
            str(self.directory),
            "--verbose",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        device = Device(process)
        self.devices.append(device)
        return device

    async def party(self) -> Party:
        made = Party()
        await made.open()
        self.parties.append(made)
        return made

    async def called(self, *faults: str) -> tuple[Device, Registrar, Party, SipMessage]:
        """A device in an answered call to it; the last is its 200."""
        device, registrar = await self.registered(*faults)
        party = await self.party()
        registrar.ask("INVITE", body=party.sdp())
        await device.line("event ringing")
        assert await device.command("answer") == "ok answer"
        response = (await registrar.next("200")).message
        party.listen(response.body)
        registrar.ask("ACK", to_value=response.get("To") or "")
        await device.line("event established")
        return device, registrar, party, response

    async def calling(self, *faults: str) -> tuple[Device, Registrar, Party, Heard]:
        """A device that has placed a call; the last is its INVITE."""
        device, registrar = await self.registered(*faults)
        party = await self.party()
        assert await device.command("dial 2001") == "ok dial"
        invite = await registrar.next("INVITE")
        party.listen(invite.message.body)
        return device, registrar, party, invite

    async def registered(self, *faults: str, **values: Any) -> tuple[Device, Registrar]:
        """A device that is registered at a single registrar."""
        registrar = await self.registrar(**values)
        self.zone.srv((5, "sip-a.lab.example", registrar.port))
        device = await self.start(*faults)
        await device.line("event registered 1")
        return device, registrar


@pytest.fixture
def authorization_is_right() -> Callable[[SipMessage, str, str], bool]:
    return _authorization_is_right


def _authorization_is_right(request: SipMessage, username: str, password: str) -> bool:
    """Compute a digest from the definition (RFC 2617), apart from the device's own way."""
    value = request.get("Authorization") or request.get("Proxy-Authorization") or ""
    given = {
        name: parameter(";" + value.partition(" ")[2].replace(", ", ";"), name)
        for name in ("username", "realm", "nonce", "uri", "response", "nc", "cnonce", "qop")
    }

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    ha1 = md5(f"{username}:{given['realm']}:{password}")
    ha2 = md5(f"{request.method}:{given['uri']}")
    expected = md5(f"{ha1}:{given['nonce']}:{given['nc']}:{given['cnonce']}:auth:{ha2}")
    return given["username"] == username and given["response"] == expected and given["uri"] == request.uri


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest_asyncio.fixture
async def zone() -> AsyncIterator[Zone]:
    made = Zone()
    await made.open()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def lab(authority: Authority, zone: Zone, tmp_path: Path) -> AsyncIterator[Lab]:
    made = Lab(authority, tmp_path, zone)
    yield made
    for device in made.devices:
        if device.process.returncode is None:
            device.process.kill()
        await device.process.communicate()
    for registrar in made.registrars:
        await registrar.close()
    for party in made.parties:
        party.close()
