"""The addresses of a bench: a loopback network of the run's own, without root and without leftovers."""

from __future__ import annotations

import secrets
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from certsuite.core.errors import AddressUnavailable, BenchError

DNS_HOST = 53
DEVICE_HOST = 100
_LOCK_PORT = 47_611
"UDP port whose holder on 127.a.b.1 owns the network; it is free again when the process ends, however it ends."
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Drop:
    """Packets of one host that are swallowed."""

    host: int
    way: Literal["to", "from", "both"] = "both"
    "Seen from the host."
    transport: Literal["tcp", "udp"] | None = None
    "All of them if None, whatever their transport."
    port: int | None = None
    "The host's own port; all if None."


class BenchNet(ABC):
    """What every network of a bench has. Losing addresses and packets is for those that can (``can_drop``)."""

    kind: str
    "As ``--bench`` names it."
    dns_port: int
    cannot_drop = "this bench cannot lose addresses or packets: it needs --bench netns"
    "Why not; empty where it can."

    @property
    def can_drop(self) -> bool:
        """Whether addresses and packets can be lost."""
        return not self.cannot_drop

    @property
    def faulty(self) -> bool:
        """Whether an address or packets are being lost now."""
        return False

    @abstractmethod
    def host(self, number: int) -> str:
        """IPv4 address of a host, 1 to 254."""

    def host6(self, number: int) -> str:
        """Its IPv6 address. Raises :class:`BenchError` where there is none."""
        raise BenchError("this bench has no IPv6 addresses: it needs --bench netns")

    async def lose_address(self, number: int) -> None:
        """Take a host's addresses away: whoever sends there is told that there is no route, and its flows fall silent.

        Raises :class:`BenchError` where that cannot be done, as all that follow do.
        """
        raise BenchError(self.cannot_drop)

    async def restore_address(self, number: int) -> None:
        """Give it its addresses again."""
        raise BenchError(self.cannot_drop)

    async def drop(self, drop: Drop) -> None:
        """Swallow these packets from now on, without a word to their sender."""
        raise BenchError(self.cannot_drop)

    async def undrop(self, drop: Drop) -> None:
        """Let them through again."""
        raise BenchError(self.cannot_drop)

    async def narrow(self, size: int) -> str:
        """Let no packet through that has more than so many bytes, where that can be done; gives what is so now."""
        return f"packets of any length: {self.kind} has no others"

    @abstractmethod
    async def restore(self) -> None:
        """Give back every address, and let every packet through, whatever its length."""

    @abstractmethod
    def release(self) -> None:
        """Give the network back."""


class LoopbackNet(BenchNet):
    """A ``127.a.b.0/24`` that no other run on this machine has."""

    kind = "loopback"
    dns_port = 5300

    def __init__(self) -> None:
        self._lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(_TRIES):
            a, b = 16 + secrets.randbelow(224), secrets.randbelow(256)
            try:
                self._lock.bind((f"127.{a}.{b}.1", _LOCK_PORT))
            except OSError:
                continue
            self._prefix = f"127.{a}.{b}."
            return
        self._lock.close()
        raise AddressUnavailable(f"none of {_TRIES} loopback networks could be locked (UDP port {_LOCK_PORT})")

    def host(self, number: int) -> str:
        return f"{self._prefix}{number}"

    async def restore(self) -> None:
        """Nothing is ever lost here."""

    def release(self) -> None:
        self._lock.close()
