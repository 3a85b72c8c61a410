"""A ``127.a.b.0/24`` of the run's own, without root and without leftovers."""

from __future__ import annotations

import secrets
import socket

from certsuite.core.errors import AddressUnavailable

_LOCK_PORT = 47_611
"UDP port whose holder on 127.a.b.1 owns the network; it is free again when the process ends, however it ends."
_TRIES = 200


class LoopbackNet:
    """A loopback network that no other run on this machine has."""

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
        """Address of a host, 1 to 254."""
        return f"{self._prefix}{number}"

    def release(self) -> None:
        """Give the network back."""
        self._lock.close()
