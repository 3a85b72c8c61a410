"""The interface of the capture: edges give it bytes, and get back the number of the frame that holds them."""

from __future__ import annotations

from typing import Protocol

Endpoint = tuple[str, int]
"(IP address, port)"
Datagram = tuple[Endpoint, Endpoint, bytes, int]
"(source, destination, what is in it, UTC in nanoseconds since 1970)"


class Capture(Protocol):
    """A live packet capture. May be called from any thread; ``t_ns`` is UTC in nanoseconds since 1970."""

    def tcp_opened(self, flow: str, device: Endpoint, bench: Endpoint, t_ns: int) -> None:
        """A TCP connection was accepted: its handshake is written."""

    def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        """Bytes of a TCP connection as on the wire; returns the number of the first frame that holds them."""

    def tcp_closed(self, flow: str, *, by_device: bool, reset: bool, t_ns: int) -> None:
        """A TCP connection ended."""

    def tls_secret(self, line: str) -> None:
        """A line of an NSS key log; written before the frames that need it."""

    def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
        """A SIP message of a TLS flow in the clear, as a frame of its own; returns the frame's number."""

    def udp(self, *datagrams: Datagram) -> int:
        """UDP datagrams, one after the other; returns the number of the first one's frame."""
