"""One connection of a hand-made SIP client, on the standard library's TLS, which is another OpenSSL than the edge's.

It does what no decent client does when told to: resets, half-closes, stops reading, sends anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import deque

from certsuite.sip.framer import Framed, Garbage, KeepAlive, StreamFramer
from certsuite.sip.message import SipMessage

PATIENCE_S = 10.0


def client_context(root_pem: bytes) -> ssl.SSLContext:
    """Verifies as a compliant device does, with this root alone."""
    return ssl.create_default_context(cadata=root_pem.decode())


def shake_hands(address: tuple[str, int], context: ssl.SSLContext, host: str) -> None:
    """A handshake and an end in order, blocking: unlike asyncio, the client sends its alert when it fails."""
    with (
        socket.create_connection(address, timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


class Wire:
    """A connection, over TLS or in the clear. Every wait ends after :data:`PATIENCE_S` with an error."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = StreamFramer()
        self._inbox: deque[SipMessage | KeepAlive] = deque()

    @classmethod
    async def connect(
        cls,
        address: tuple[str, int],
        context: ssl.SSLContext | None = None,
        host: str | None = None,
        *,
        receives: int = 65_536,
        source: str | None = None,
    ) -> Wire:
        """Connect; without a context in the clear. ``receives`` is how much is taken in before anyone reads it."""
        plain = socket.socket()
        plain.setblocking(False)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        if source is not None:
            plain.bind((source, 0))
        async with asyncio.timeout(PATIENCE_S):
            try:
                await asyncio.get_running_loop().sock_connect(plain, address)
                reader, writer = await asyncio.open_connection(
                    sock=plain, ssl=context, server_hostname=host if context else None, limit=receives
                )
            except BaseException:
                plain.close()
                raise
        return cls(reader, writer)

    @property
    def local(self) -> tuple[str, int]:
        """Our end."""
        name = self._writer.get_extra_info("sockname")
        return name[0], name[1]

    def send(self, data: bytes | SipMessage) -> None:
        """Send bytes, or a message."""
        self._writer.write(data if isinstance(data, bytes) else data.to_bytes())

    async def next(self) -> SipMessage | KeepAlive:
        """What comes next."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._inbox:
                data = await self._reader.read(65_536)
                if not data:
                    raise EOFError("the edge closed the connection")
                for framed in self._framer.feed(data):
                    assert not isinstance(framed, Garbage), framed
                    self._inbox.append(SipMessage.parse(framed.raw) if isinstance(framed, Framed) else framed)
        return self._inbox.popleft()

    async def message(self) -> SipMessage:
        """The next message; keep-alives are passed over."""
        while True:
            item = await self.next()
            if isinstance(item, SipMessage):
                return item

    async def response(self, method: str, *, final: bool = True) -> SipMessage:
        """The next response to a request of ours."""
        while True:
            message = await self.message()
            if not message.is_request and message.cseq[1] == method and (message.status >= 200 or not final):
                return message

    async def request(self, method: str) -> SipMessage:
        """The next request of the edge, which must be this one."""
        while True:
            message = await self.message()
            if message.is_request:
                assert message.method == method, message
                return message

    async def ended(self) -> str:
        """How the edge ended the connection: ``fin`` or ``rst``."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self._reader.read(65_536):
                    pass
            except ConnectionResetError:
                return "rst"
        return "fin"

    async def drain(self) -> None:
        """Wait until what was sent is on its way, or until there is no one to send it to."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def ask_options(self) -> SipMessage:
        """OPTIONS without anything odd, and its answer: whether the edge is well."""
        host, port = self.local
        headers = (
            ("Via", f"SIP/2.0/TLS {host}:{port};branch=z9hG4bKwell"),
            ("From", "<sip:someone@lab.example>;tag=a"),
            ("To", "<sip:lab.example>"),
            ("Call-ID", "well"),
            ("CSeq", "1 OPTIONS"),
        )
        self.send(SipMessage("OPTIONS", "sip:lab.example", headers=headers))
        return await self.response("OPTIONS")

    def finish(self) -> None:
        """Say no more, and go on listening: over TLS a close_notify, else a FIN."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
        else:
            self._writer.close()

    def close(self) -> None:
        """End it in order: close_notify, where there is TLS, and FIN."""
        self._writer.close()

    def disappear(self) -> None:
        """End it by FIN, without a close_notify."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """End it by RST."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
