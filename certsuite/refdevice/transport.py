"""Flows: one connection to a target, the SIP messages on it and the transactions that wait for them.

Over a reliable transport a transaction sends its request once (RFC 3261 section 17), so all that is left of the
transaction layer is to give each response to the request with its branch.
"""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
import time
from dataclasses import dataclass
from typing import Protocol

from certsuite.refdevice.behaviour import RefusesBy
from certsuite.refdevice.tls import Channel
from certsuite.sip.framer import Framed, Garbage, KeepAlive, StreamFramer
from certsuite.sip.message import SipMessage

log = logging.getLogger("refdevice.transport")

_SILENCE_S = 1.0
"How long a device that refuses by silence stays with a target."
_SILENT_OPEN_S = 10.0
"How long it leaves the connection open then."


@dataclass(frozen=True, slots=True)
class Target:
    """One address at which the outbound proxy may be."""

    host: str
    address: str
    port: int
    priority: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class FlowFailed(Exception):
    """The connection could not be made, or was lost."""


class TlsFailed(FlowFailed):
    """The TLS handshake did not complete."""


class HandshakeBroken(TlsFailed):
    """The server closed the connection in the TLS handshake."""


class Listener(Protocol):
    """Takes what a flow receives that no transaction waits for."""

    def request_received(self, flow: Flow, request: SipMessage) -> None: ...

    def response_received(self, flow: Flow, response: SipMessage) -> None: ...

    def flow_lost(self, flow: Flow) -> None: ...


class ClientTransaction:
    """A request that was sent; gives its responses in their order."""

    def __init__(self, flow: Flow, request: SipMessage) -> None:
        self.request = request
        self._flow = flow
        self._responses: asyncio.Queue[SipMessage | None] = asyncio.Queue()

    def take(self, response: SipMessage | None) -> None:
        """Take a response from the flow; ``None`` is the end of the flow."""
        self._responses.put_nowait(response)

    async def response(self, timeout: float | None = None) -> SipMessage:
        """The next response. Raises :class:`TimeoutError`, and :class:`FlowFailed` when the flow is lost."""
        async with asyncio.timeout(timeout):
            response = await self._responses.get()
        if response is None:
            raise FlowFailed(self._flow.reason)
        return response

    async def final(self, timeout: float | None = None) -> SipMessage:
        """The final response, within ``timeout`` seconds in all. Raises as :meth:`response` does."""
        async with asyncio.timeout(timeout):
            while (response := await self.response()).status < 200:
                pass
        self.close()
        return response

    def close(self) -> None:
        """Wait for no more responses; later ones go to the listener."""
        self._flow.forget(self)


class Flow(asyncio.Protocol):
    """One connection (RFC 5626): TLS, or plain TCP if there is no channel."""

    def __init__(
        self,
        target: Target,
        listener: Listener,
        channel: Channel | None,
        refuses_by: RefusesBy = RefusesBy.ALERT,
        joins_pieces: bool = True,
    ) -> None:
        self.target = target
        self.secure = channel is not None
        self.alive = False
        self.reason = ""
        "Why it is no longer alive."
        self.local: tuple[str, int] = ("", 0)
        self._listener = listener
        self._channel = channel
        self._refuses_by = refuses_by
        self._is_silent = False
        "Whether the server's certificate was refused by silence."
        self._framer = StreamFramer()
        self._joins_pieces = joins_pieces
        self._pinged_at = -math.inf
        self._unanswered_since: float | None = None
        self._transactions: dict[tuple[str, str], ClientTransaction] = {}
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._silence: asyncio.Timeout | None = None
        "Runs out when nothing has come for so long that the server is given up, until the flow is ready."
        self._silence_s: float | None = None

    @classmethod
    async def connect(
        cls,
        target: Target,
        listener: Listener,
        *,
        local_address: str,
        channel: Channel | None,
        timeout_s: float | None,
        silence_s: float | None = None,
        refuses_by: RefusesBy = RefusesBy.ALERT,
        joins_pieces: bool = True,
    ) -> Flow:
        """Connect from ``local_address`` and complete the handshake, within ``timeout_s`` in all.

        Nothing may be missing from the server for longer than ``silence_s``. ``refuses_by`` is what the server sees if
        its certificate is not accepted; ``joins_pieces``, whether a message may come in several.

        Raises :class:`FlowFailed`, or :class:`TlsFailed` if TCP was there and TLS was not.
        """
        flow = cls(target, listener, channel, refuses_by, joins_pieces)
        try:
            async with asyncio.timeout(timeout_s), asyncio.timeout(silence_s) as silence:
                flow._silence, flow._silence_s = silence, silence_s
                await asyncio.get_running_loop().create_connection(
                    lambda: flow, target.address, target.port, local_addr=(local_address, 0)
                )
                await flow._ready
        except OSError as error:  # TimeoutError is one
            flow._abort("timed out" if isinstance(error, TimeoutError) else error.strerror or str(error))
            if flow._transport is None:
                raise FlowFailed(flow.reason) from error
            broken = isinstance(error, ConnectionResetError)
            raise (HandshakeBroken if broken else TlsFailed)(flow.reason) from error
        except BaseException:
            flow._abort("given up")
            raise
        return flow

    def __str__(self) -> str:
        return f"{self.target} from port {self.local[1]}"

    # --- sending

    def send(self, message: SipMessage) -> None:
        """Send a message. Raises :class:`FlowFailed` if the flow is no longer alive."""
        log.debug("to %s: %s", self.target, message.method or message.status)
        self.send_bytes(message.to_bytes())

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are. Raises :class:`FlowFailed` if the flow is no longer alive."""
        if not self.alive or self._transport is None:
            raise FlowFailed(self.reason or "not connected")
        if self._channel is None:
            self._transport.write(data)
            return
        self._channel.send(data)
        self._transport.write(self._channel.to_send())

    def transact(self, request: SipMessage) -> ClientTransaction:
        """Send a request and wait for its responses. Raises :class:`FlowFailed`."""
        transaction = ClientTransaction(self, request)
        self._transactions[request.branch, request.method] = transaction
        try:
            self.send(request)
        except FlowFailed:
            self.forget(transaction)
            raise
        return transaction

    def forget(self, transaction: ClientTransaction) -> None:
        """Wait for no more responses to this request."""
        self._transactions.pop((transaction.request.branch, transaction.request.method), None)

    def keep_alive(self, every_s: float, pong_s: float) -> float:
        """Send a double CRLF if it is time, and end a flow on which the last one was not answered within ``pong_s``.
        Gives when to look again, on the monotonic clock (RFC 5626 section 4.4.1).
        """
        now = time.monotonic()
        if self._unanswered_since is not None and now >= self._unanswered_since + pong_s:
            self._end("a keep-alive was not answered")
        if not self.alive:
            return now
        if now >= self._pinged_at + every_s:
            self._pinged_at = now
            self.send_bytes(b"\r\n\r\n")
            if self._unanswered_since is None:
                # On a busy machine that may have taken a while, which is none of the server's.
                self._unanswered_since = time.monotonic()
        due = self._pinged_at + every_s
        return due if self._unanswered_since is None else min(due, self._unanswered_since + pong_s)

    def close(self) -> None:
        """End the connection in good order."""
        if self._transport is not None and self.alive and self._channel is not None:
            self._channel.close()
            self._transport.write(self._channel.to_send())
        self._end("closed by the device")

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard()
        self.local = transport.get_extra_info("sockname")[:2]
        if self._channel is None:
            self._established()
        else:
            self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._heard()
        if self._is_silent:
            return
        if self._channel is None:
            self._plaintext(data)
            return
        try:
            plaintext = self._channel.receive(data)
        except ssl.SSLError as error:
            self._refuse(error, self._channel)
            return
        if self._channel.established and not self._ready.done():
            self._established()
        self._transport.write(self._channel.to_send())
        self._plaintext(plaintext)
        if self._channel.ended:
            self._end("closed by the server")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectionResetError("closed during the handshake"))
        self._end(str(exc) if exc else "closed by the server")

    # --- within

    def _heard(self) -> None:
        """Something came from the server, which now has the whole time again."""
        silence, silence_s = self._silence, self._silence_s
        if silence is not None and silence_s is not None and not (self._ready.done() or silence.expired()):
            silence.reschedule(asyncio.get_running_loop().time() + silence_s)

    def _refuse(self, error: ssl.SSLError, channel: Channel) -> None:
        assert self._transport is not None
        # An error of the device's own has neither of the attributes that the library gives to its own.
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error.args[-1])
        how = self._refuses_by if isinstance(error, ssl.SSLCertVerificationError) else RefusesBy.ALERT
        if how is RefusesBy.ALERT:
            self._transport.write(channel.to_send())
        if self._ready.done():
            self._end(f"TLS: {reason}")
        elif how is RefusesBy.SILENCE:
            self._is_silent = True
            loop = asyncio.get_running_loop()
            loop.call_later(_SILENCE_S, self._fail, f"TLS: {reason}")
            loop.call_later(_SILENT_OPEN_S, self._transport.close)
        else:
            self._fail(f"TLS: {reason}")
            self._transport.close()

    def _fail(self, reason: str) -> None:
        """The handshake has come to nothing."""
        if not self._ready.done():
            self._ready.set_exception(OSError(reason))

    def _established(self) -> None:
        self.alive = True
        if not self._ready.done():
            self._ready.set_result(None)
        log.info("flow to %s%s", self, f", {self._channel.version}" if self._channel else ", not secure")

    def _plaintext(self, data: bytes) -> None:
        if not self._joins_pieces:
            self._framer = StreamFramer()
        for part in self._framer.feed(data):
            if not self.alive:
                return
            if isinstance(part, Framed):
                self._message(part.raw)
            elif isinstance(part, KeepAlive) and part.form == "pong":
                self._unanswered_since = None
            elif isinstance(part, KeepAlive) and part.form == "ping":
                self.send_bytes(b"\r\n")
            elif isinstance(part, Garbage) and self._joins_pieces:
                self._end(f"the server sent garbage: {part.problem}")

    def _message(self, raw: bytes) -> None:
        try:
            message = SipMessage.parse(raw)
        except ValueError as error:
            log.warning("from %s: a message that cannot be read: %s", self.target, error)
            return
        log.debug("from %s: %s", self.target, message.method or message.status)
        if message.is_request:
            self._listener.request_received(self, message)
        elif transaction := self._transactions.get((message.branch, message.cseq[1])):
            transaction.take(message)
        else:
            self._listener.response_received(self, message)

    def _end(self, reason: str) -> None:
        was_alive, self.alive = self.alive, False
        self.reason = self.reason or reason
        if self._transport is not None:
            self._transport.close()
        for transaction in list(self._transactions.values()):
            transaction.take(None)
        self._transactions.clear()
        if was_alive:
            log.info("flow to %s ended: %s", self, self.reason)
            self._listener.flow_lost(self)

    def _abort(self, reason: str) -> None:
        self.reason = reason
        if self._ready.done() and not self._ready.cancelled():
            self._ready.exception()  # has been reported by whoever aborts
        if self._transport is not None and not self._is_silent:
            self._transport.close()
