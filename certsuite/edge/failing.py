"""Ways in which an edge fails, by name: what becomes of its open flows, of new connections, and of SIP over them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum, auto

_FILLERS = 3
"Connections of our own that fill a backlog of none, with one to spare."


class Listening(Enum):
    """What becomes of a new connection."""

    ACCEPTS = auto()
    REFUSES = auto()
    "Nothing listens: the kernel answers with RST."
    IGNORES = auto()
    "Its SYN is answered by nothing: the backlog is full, and nobody takes from it (tcp(7), listen(2))."


class Handshake(Enum):
    """How far TLS comes on a connection that is accepted."""

    DONE = auto()
    UNANSWERED = auto()
    "Nothing is ever sent."
    STALLED = auto()
    "The ServerHello is sent, and nothing after it."


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail. The defaults are an edge that serves."""

    name: str = ""
    "The phase in which the device meets it; permanent, since the record and the variants of cases have it."
    description: str = ""
    "What the edge does, after 'the primary'."
    listening: Listening = Listening.ACCEPTS
    handshake: Handshake = Handshake.DONE
    presents: str = "good"
    "Name of the certificate chain that it presents."
    ends_open: str = ""
    "How flows that are open are ended when it begins: ``fin``, ``rst`` or not at all."
    on_open: bool = True
    "Whether it is about SIP on flows that were open before."
    on_new: bool = True
    "Whether it is about connections that come after it began."
    silent: bool = False
    "Whether nothing that comes over a flow is answered, keep-alives included."
    status: int = 0
    "Final response to each request; 0 is what the call control says."
    reason: str = ""
    retry_after_s: int | None = None
    ends_at_request: str = ""
    "How a flow is ended when a request comes over it, without an answer: ``fin`` or ``rst``."
    late_s: float = 0.0
    "Seconds by which each message is taken too late."

    @property
    def serves(self) -> bool:
        """Whether a request over a flow under it is served, be it late."""
        return not (self.silent or self.status or self.ends_at_request)


SERVES = Failure()

FAILURES: dict[str, Failure] = {
    one.name: one
    for one in (
        Failure("reset", "resets its connections and refuses new ones", listening=Listening.REFUSES, ends_open="rst"),
        Failure("closed", "closes its connections and refuses new ones", listening=Listening.REFUSES, ends_open="fin"),
        Failure(
            "forgotten", "has forgotten its open connections and says so on none of them", on_new=False, silent=True
        ),
        Failure("syn-lost", "answers no SYN", listening=Listening.IGNORES, ends_open="rst"),
        Failure(
            "tcp-silent", "accepts TCP and sends nothing", handshake=Handshake.UNANSWERED, silent=True, ends_open="rst"
        ),
        Failure(
            "tls-stalled",
            "sends a ServerHello and nothing after it",
            handshake=Handshake.STALLED,
            silent=True,
            ends_open="rst",
        ),
        Failure(
            "bad-certificate", "presents a chain to a root that nobody trusts", presents="unknown-root", ends_open="rst"
        ),
        Failure("silent", "answers nothing that comes over SIP", silent=True),
        Failure("closes-at-request", "closes the connection at each request", ends_at_request="fin"),
        Failure("resets-at-request", "resets the connection at each request", ends_at_request="rst"),
        Failure("late", "answers each request half a second late", late_s=0.5),
        Failure("503", "answers 503 without Retry-After", status=503, reason="Service Unavailable"),
        Failure(
            "503-retry-after",
            "answers 503 with a Retry-After of 1 s",
            status=503,
            reason="Service Unavailable",
            retry_after_s=1,
        ),
        Failure("500", "answers 500", status=500, reason="Server Internal Error"),
        Failure("408", "answers 408", status=408, reason="Request Timeout"),
        Failure("430", "answers 430", status=430, reason="Flow Failed"),
    )
}
"Every failure by its name."


class SynHole:
    """A listening port whose SYNs are lost: connections hang until they time out, as behind a dead router."""

    def __init__(self, address: str, port: int) -> None:
        """Raises :class:`OSError` if the port is taken."""
        self._listener = socket.socket()
        self._fillers: list[socket.socket] = []
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((address, port))
            self._listener.listen(0)
        except OSError:
            self._listener.close()
            raise
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            self._fillers.append(filler)

    @property
    def ports(self) -> frozenset[int]:
        """Where our own connections come from."""
        return frozenset(one.getsockname()[1] for one in self._fillers)

    def close(self) -> None:
        """Be gone: what waits in the backlog is reset."""
        for one in (*self._fillers, self._listener):
            one.close()
