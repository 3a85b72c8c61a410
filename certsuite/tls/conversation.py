"""One connection of any TLS client to a listener, without I/O: bytes in and out, and in the end what is known of it.

Unlike the edges' flows it speaks no protocol above TLS. The first application data ends it: that is all there is to
learn from a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from certsuite.core.events import ClientHelloSeen, TlsAlert, TlsEstablished, TlsFailed
from certsuite.core.observations import IN
from certsuite.tls.alerts import CLOSE_NOTIFY, FATAL
from certsuite.tls.client_hello import NotTls
from certsuite.tls.offers import Offer
from certsuite.tls.server import AlertSeen, ApplicationData, PeerClosed, TlsEvent, TlsServer

_KEPT = 200
"Bytes kept of what a client said."
_HTTP_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS / ", b"OPTIONS * HTTP")


class EndedBy(StrEnum):
    """Who ended a connection."""

    CLIENT = "client"
    LISTENER = "listener"
    "It has learnt what there is to learn, or TLS failed on its side."
    PATIENCE = "patience"
    STOP = "stop"
    "The listener was stopped."


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a connection."""

    offer: Offer
    received: int = 0
    "Bytes from the client."
    cleartext: bytes = b""
    "Of a client that does not speak TLS: how it began."
    hello: ClientHelloSeen | None = None
    alert: TlsAlert | None = None
    "The client's, that of an orderly end left out."
    own_alert: TlsAlert | None = None
    established: TlsEstablished | None = None
    alert_after_handshake: bool = False
    data: bytes = b""
    "How application data began; empty if there was none."
    problem: str = ""
    "Why TLS failed, in OpenSSL's words."
    shown: bool = False
    "Whether as many bytes as the certificates have were sent, and the client's TCP acknowledged them."
    ended_by: EndedBy = EndedBy.CLIENT
    stayed_s: float = 0.0
    "Seconds from the end of the handshake to that of the connection."
    how: str = ""
    "``close_notify``, ``fin``, ``rst`` or ``alert``, if the client ended it."


class Conversation:
    """Drives the server's side. Once :attr:`over` the connection is to be closed, and :meth:`tell` says what it was."""

    deadline: Final = None
    "It has no patience of its own: the listener's counts."

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._tls = TlsServer(offer.behaviour)
        self._received = 0
        self._cleartext = b""
        self._hello: ClientHelloSeen | None = None
        self._alert: TlsAlert | None = None
        self._own_alert: TlsAlert | None = None
        self._established: TlsEstablished | None = None
        self._alert_after_handshake = False
        self._data = b""
        self._problem = ""
        self._end: tuple[EndedBy, str] | None = None
        self._now = 0.0
        self._established_at = 0.0
        self._ended_at = 0.0

    @property
    def over(self) -> bool:
        """Whether there is nothing more to learn."""
        return self._end is not None

    @property
    def established(self) -> bool:
        """Whether the handshake is complete."""
        return self._established is not None

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the socket. ``now`` is in seconds, of any clock that does not go back."""
        self._now = now
        self._received += len(data)
        if not self.over:
            self._take(self._tls.receive(data))

    def eof(self, now: float) -> None:
        """The client closed its side."""
        self._now = now
        self._ended(EndedBy.CLIENT, "fin")
        self._take(self._tls.eof())

    def lost(self, now: float) -> None:
        """The client reset the connection."""
        self._now = now
        self._ended(EndedBy.CLIENT, "rst")

    def give_up(self, why: EndedBy, now: float) -> None:
        """It is ended from this side, by impatience or because the listener stops."""
        self._now = now
        self._ended(why, "")
        self._tls.close()

    def output(self) -> bytes:
        """What is to be written to the socket now."""
        return self._tls.output()

    def tell(self, acknowledged: int) -> Told:
        """What is known, given how many bytes the client's TCP has acknowledged."""
        by, how = self._end or (EndedBy.LISTENER, "")
        return Told(
            offer=self._offer,
            received=self._received,
            cleartext=self._cleartext,
            hello=self._hello,
            alert=self._alert,
            own_alert=self._own_alert,
            established=self._established,
            alert_after_handshake=self._alert_after_handshake,
            data=self._data,
            problem=self._problem,
            shown=self._hello is not None and acknowledged >= self._size_of_chain(),
            ended_by=by,
            stayed_s=self._ended_at - self._established_at if self.established else 0.0,
            how=how,
        )

    def _size_of_chain(self) -> int:
        return sum(len(one.public_bytes(Encoding.DER)) for one in self._offer.behaviour.presentation.chain)

    def _take(self, events: list[TlsEvent]) -> None:
        for event in events:
            match event:
                case ClientHelloSeen():
                    self._hello = event
                case NotTls():
                    self._cleartext = event.data[:_KEPT]
                    self._ended(EndedBy.LISTENER, "")
                case AlertSeen(alert, direction) if direction != IN:
                    if alert.description != CLOSE_NOTIFY:
                        self._own_alert = alert
                case AlertSeen(alert):
                    self._take_alert(alert)
                case TlsEstablished():
                    self._established, self._established_at = event, self._now
                case ApplicationData() if event.data and not self._data:
                    self._data = event.data[:_KEPT]
                    self._answer()
                    self._ended(EndedBy.LISTENER, "")
                case PeerClosed():
                    self._ended(EndedBy.CLIENT, "close_notify")
                case TlsFailed():
                    self._problem = event.reason
                    self._ended(*((EndedBy.CLIENT, "alert") if self._alert else (EndedBy.LISTENER, "")))
                case _:
                    pass

    def _take_alert(self, alert: TlsAlert) -> None:
        if alert.description == CLOSE_NOTIFY:
            self._ended(EndedBy.CLIENT, "close_notify")
            return
        self._alert = alert
        self._alert_after_handshake = self.established
        if alert.level == FATAL:
            self._ended(EndedBy.CLIENT, "alert")

    def _answer(self) -> None:
        """A browser's user is told what it was; others learn no more than that the connection ends."""
        if self._data.startswith(_HTTP_METHODS):
            text = f"certsuite: this client sent data to {self._offer.name} ({self._offer.what}).\n".encode()
            head = (
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
                f"Connection: close\r\nContent-Length: {len(text)}\r\n\r\n"
            )
            self._tls.send(head.encode("ascii") + text)
        self._tls.close()

    def _ended(self, by: EndedBy, how: str) -> None:
        """Who ended it is who began to."""
        if self._end is None:
            self._end, self._ended_at = (by, how), self._now
