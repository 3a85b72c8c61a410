"""Listens for any TLS client, an offer on each port or all of them in turn on one, and tells what came of it."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from certsuite.core.errors import AddressUnavailable
from certsuite.edge.flow import ends
from certsuite.tls.conversation import Conversation, EndedBy, Told
from certsuite.tls.offers import GOOD, Offer
from certsuite.tls.probe_conversation import ProbeConversation, ProbeOffer, ProbeTold

PATIENCE_S = 30.0
"How long a client may take for its handshake, and then for its first data."
OPEN_LIMIT = 256
"Connections at a time; one more is closed at once, and counted."
_TURNS_LIMIT = 1000
"Addresses whose place in the cycle is kept; the one that was not heard of for the longest is forgotten."
_PORT_LIMIT = 65_535

_BYTES_ACKED = 120
"Where ``tcpi_bytes_acked`` is in Linux' ``struct tcp_info``."
_TCP_INFO_SIZE = 192

Offered = Offer | ProbeOffer

Teller = Callable[[tuple[str, int], int, Told], None]
"Is called with (remote address, port here, what is known) when a connection has nothing more to tell."
AnswerTeller = Callable[[tuple[str, int], int, ProbeTold], None]
"The same for a connection to a step of a root probe."


class TlsListener:
    """All the listening ports of ``certsuite tls listen``."""

    def __init__(
        self,
        address: str,
        offers: Sequence[Offered],
        on_told: Teller = lambda remote, port, told: None,
        *,
        on_answered: AnswerTeller = lambda remote, port, told: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.address = address
        self.on_told = on_told
        self.on_answered = on_answered
        self.ports: dict[str, int] = {}
        "The port of each offer, by name; the same of all on one port."
        self.too_many = 0
        "Connections that were closed at once, since there were too many."
        self.patience_s = patience_s
        self._offers = tuple(offers)
        self._servers: list[asyncio.Server] = []
        self._open: set[_Connection] = set()
        self._cycle = Cycle(self._offers)

    async def start(self, first_port: int) -> None:
        """Listen for each offer on a port of its own, from ``first_port`` on; 0 takes any that are free.

        Raises :class:`AddressUnavailable` if one cannot be had; then none is listened on.
        """
        for number, offer in enumerate(self._offers):
            port = first_port + number if first_port else 0
            self.ports[offer.name] = await self._listen(port, offer.name, _always(offer))

    async def start_on_one_port(self, port: int) -> None:
        """Listen on one port: the offers come in turn for each client, with the good one before each other.

        Raises :class:`AddressUnavailable` if it cannot be had.
        """
        taken = await self._listen(port, "the cycle", self._cycle.next)
        self.ports = {offer.name: taken for offer in self._offers}

    async def stop(self) -> None:
        """Stop listening; what is known of connections that are still open is told."""
        for server in self._servers:
            server.close()
        for connection in list(self._open):
            connection.give_up(EndedBy.STOP)
        # Connections that were accepted and not yet made, and the ends of those that were.
        for _ in range(2):
            await asyncio.sleep(0)

    async def _listen(self, port: int, what: str, offer_for: Callable[[str], Offered]) -> int:
        if port > _PORT_LIMIT:
            await self.stop()
            raise AddressUnavailable(f"there is no port {port} for {what}: begin with a lower one")
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self, offer_for), self.address, port, backlog=512
            )
        except OSError as error:
            await self.stop()
            match error.errno:
                case errno.EADDRINUSE:
                    reason = "another program has it"
                case errno.EADDRNOTAVAIL:
                    reason = "this machine has no such address"
                case _:
                    reason = error.strerror or str(error)
            raise AddressUnavailable(f"cannot listen on {self.address} port {port} for {what}: {reason}") from error
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    # --- connections' calls

    def opened(self, connection: _Connection) -> bool:
        """Whether there is room for a connection."""
        if len(self._open) >= OPEN_LIMIT:
            self.too_many += 1
            return False
        self._open.add(connection)
        return True

    def closed(self, connection: _Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)

    def told(self, remote: tuple[str, int], port: int, told: Told | ProbeTold) -> None:
        """A connection has told what it can."""
        if told.hello is None:
            self._cycle.again(remote[0], told.offer)
        if isinstance(told, Told):
            self.on_told(remote, port, told)
        else:
            self.on_answered(remote, port, told)


def _conversation(offer: Offered) -> Conversation | ProbeConversation:
    return Conversation(offer) if isinstance(offer, Offer) else ProbeConversation(offer)


def _always(offer: Offered) -> Callable[[str], Offered]:
    return lambda address: offer


class Cycle:
    """Whose turn it is: for each client every offer, with the good one before each of the others."""

    def __init__(self, offers: Sequence[Offered]) -> None:
        good = [offer for offer in offers if offer.name == GOOD]
        others = [offer for offer in offers if offer.name != GOOD]
        self._round = tuple(one for other in others for one in (*good, other)) or tuple(good)
        self._turns: dict[str, deque[Offered]] = {}

    def next(self, address: str) -> Offered:
        """What the client of this address is offered now."""
        turns = self._turns.pop(address, None) or deque(self._round)
        if len(self._turns) >= _TURNS_LIMIT:
            del self._turns[next(iter(self._turns))]
        self._turns[address] = turns
        return turns.popleft()

    def again(self, address: str, offer: Offered) -> None:
        """It did not look at the offer: that comes again."""
        turns = self._turns.get(address)
        if turns is not None and len(turns) < len(self._round):
            turns.appendleft(offer)


class _Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, listener: TlsListener, offer_for: Callable[[str], Offered]) -> None:
        self._listener = listener
        self._offer_for = offer_for
        self._remote: tuple[str, int] = ("", 0)
        self._port = 0
        self._transport: asyncio.Transport | None = None
        self._conversation: Conversation | ProbeConversation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._was_established = False
        self._told = False
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._listener.opened(self):
            transport.abort()
            return
        (_, self._port), self._remote = ends(transport)
        self._conversation = _conversation(self._offer_for(self._remote[0]))
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._conversation is None:
            return
        self._conversation.receive(data, self._loop.time())
        self._go_on()

    def eof_received(self) -> bool:
        if self._conversation is not None:
            self._conversation.eof(self._loop.time())
            self._go_on()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.closed(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._conversation is not None:
            if exc is None or isinstance(exc, ConnectionError):
                self._conversation.lost(self._loop.time())
            else:
                # The network's doing: the client may be gone, and has refused nothing.
                self._conversation.give_up(EndedBy.PATIENCE, self._loop.time())
            self._tell(self._conversation)

    def give_up(self, why: EndedBy) -> None:
        """End it from this side."""
        if self._conversation is not None:
            self._conversation.give_up(why, self._loop.time())
            self._go_on()

    def _go_on(self) -> None:
        conversation, transport = self._conversation, self._transport
        if conversation is None or transport is None:
            return
        transport.write(conversation.output())
        if conversation.over:
            self._tell(conversation)
            transport.close()
        elif conversation.established and not self._was_established:
            self._was_established = True
            self._wait()

    def _wait(self) -> None:
        """Patience begins anew."""
        if self._timer is not None:
            self._timer.cancel()
        own = None if self._told or self._conversation is None else self._conversation.deadline
        until = self._loop.time() + self._listener.patience_s if own is None else own
        self._timer = self._loop.call_at(until, self._out_of_patience)

    def _out_of_patience(self) -> None:
        if self._told and self._transport is not None:
            # It does not take what is still to be sent, so it would stay for ever.
            self._transport.abort()
        else:
            self.give_up(EndedBy.PATIENCE)
            self._wait()

    def _tell(self, conversation: Conversation | ProbeConversation) -> None:
        if not self._told and self._transport is not None:
            self._told = True
            told = conversation.tell(_acknowledged(self._transport))
            self._listener.told(self._remote, self._port, told)


def _acknowledged(transport: asyncio.Transport) -> int:
    """How many bytes the far end's TCP has acknowledged, as the kernel knows it; of a reset connection too."""
    raw = transport.get_extra_info("socket")
    info = b""
    with suppress(OSError):
        info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    if len(info) < _BYTES_ACKED + 8:
        return 0
    acknowledged: int = struct.unpack_from("=Q", info, _BYTES_ACKED)[0]
    return acknowledged
