"""Writes to a connection in pieces with pauses between them, as a slow server or network does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_PIECES = 8


class SlowWriter:
    """Keeps the order of what is written, at once or slowly. It belongs to one connection, which cancels it."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._waiting: list[tuple[bytes, float]] = []
        "(bytes, seconds before they are written)."
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes, *, over_s: float = 0.0) -> None:
        """Write ``data`` after all that still waits, spread over so many seconds."""
        if not data:
            return
        size = -(-len(data) // _PIECES) if over_s > 0 else len(data)
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        self._waiting += [(piece, over_s / len(pieces)) for piece in pieces]
        if self._timer is None:
            self._go_on()

    def cancel(self) -> None:
        """Drop what still waits."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._timer = None
        while self._waiting:
            piece, pause = self._waiting[0]
            if pause > 0:
                self._timer = asyncio.get_running_loop().call_later(pause, self._due)
                return
            del self._waiting[0]
            self._write(piece)

    def _due(self) -> None:
        piece, _ = self._waiting.pop(0)
        self._write(piece)
        self._go_on()
