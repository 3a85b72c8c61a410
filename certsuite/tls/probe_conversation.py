"""A step of a root probe for any TLS client: the probe's engine in the shape of a listener's conversation."""

from __future__ import annotations

from dataclasses import dataclass

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.client_hello import NotTls
from certsuite.tls.conversation import EndedBy
from certsuite.tls.probe_chains import Mode, ProbeChains, Role, ServedChain, schedule
from certsuite.tls.probe_server import PATIENCE_S, Answer, ProbeEvent, probe_engine

_RESOLUTION_S = 0.001
"By how much a timer may come early."


@dataclass(frozen=True, eq=False, slots=True)
class ProbeOffer:
    """One step of a root probe, offered as often as a client comes for it."""

    mode: Mode
    role: Role
    chain: ServedChain
    patience_s: float = PATIENCE_S
    "How long silence takes after the server's flight."

    @property
    def name(self) -> str:
        """As ``spoof-1.2-unknown``."""
        return f"{self.mode.technique}-{self.mode.version.removeprefix('TLSv')}-{self.role}"


def probe_offers(chains: ProbeChains, *, patience_s: float = PATIENCE_S) -> tuple[ProbeOffer, ...]:
    """Every mode that there are chains for, with each of its three roles."""
    return tuple(
        ProbeOffer(one.mode, one.role, chains.chain(one.mode, one.role), patience_s)
        for one in schedule(chains.modes, rounds=1)
    )


@dataclass(frozen=True, slots=True)
class ProbeTold:
    """What is known of a connection."""

    offer: ProbeOffer
    answer: Answer | None
    "None if the connection was ended from this side, or by the network, before the client had answered."
    hello: ClientHelloSeen | None = None
    cleartext: bytes = b""
    "Of a client that does not speak TLS: how it began."
    detail: str = ""
    "More about the answer, in words."


class ProbeConversation:
    """Drives the engine of one step. Once :attr:`over` the connection is to be closed, and :meth:`tell` says what it
    was."""

    def __init__(self, offer: ProbeOffer) -> None:
        self._offer = offer
        self._engine = probe_engine(offer.mode, offer.chain, patience_s=offer.patience_s)
        self._hello: ClientHelloSeen | None = None
        self._cleartext = b""
        self._given_up = False

    @property
    def over(self) -> bool:
        """Whether there is nothing more to learn."""
        return self._given_up or self._engine.outcome is not None

    @property
    def established(self) -> bool:
        """Whether the client has been asked, so that its silence counts."""
        return self.deadline is not None

    @property
    def deadline(self) -> float | None:
        """When silence is an answer."""
        return self._engine.deadline

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the socket. ``now`` is in seconds, of any clock that does not go back."""
        if not self.over:
            self._take(self._engine.receive(data, now))
            self._end()

    def eof(self, now: float) -> None:
        """The client closed its side."""
        if not self.over:
            self._take(self._engine.eof(now))
            self._end()

    def lost(self, now: float) -> None:
        """The client reset the connection."""
        self.eof(now)

    def give_up(self, why: EndedBy, now: float) -> None:
        """It is ended from this side: that is the client's answer if it has been silent for long enough."""
        if self.over:
            return
        if why is EndedBy.PATIENCE:
            self._take(self._engine.tick(now + _RESOLUTION_S))
        self._given_up = True
        self._end()

    def output(self) -> bytes:
        """What is to be written to the socket now."""
        return self._engine.output()

    def tell(self, acknowledged: int) -> ProbeTold:
        """What is known. How many bytes the client's TCP has acknowledged is of no account: silence is no refusal."""
        outcome = self._engine.outcome
        return ProbeTold(
            offer=self._offer,
            answer=None if outcome is None else outcome.answer,
            hello=self._hello,
            cleartext=self._cleartext,
            detail="" if outcome is None else outcome.detail,
        )

    def _end(self) -> None:
        if self.over:
            self._engine.close()

    def _take(self, events: list[ProbeEvent]) -> None:
        for event in events:
            match event:
                case ClientHelloSeen():
                    self._hello = event
                case NotTls():
                    self._cleartext = event.data[:200]
                case _:
                    pass
