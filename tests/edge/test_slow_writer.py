"""Writing in pieces: order, what is dropped, and that nothing waits that need not."""

from __future__ import annotations

import asyncio

import pytest

from certsuite.edge.slow_writer import SlowWriter

pytestmark = pytest.mark.asyncio


class Wire:
    """Takes what is written, and tells when so many bytes have come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.news = asyncio.Event()
        self.writer = SlowWriter(self._take)

    def _take(self, data: bytes) -> None:
        self.pieces.append(data)
        self.news.set()

    async def has(self, size: int) -> None:
        async with asyncio.timeout(10):
            while sum(map(len, self.pieces)) < size:
                self.news.clear()
                await self.news.wait()


async def test_nothing_waits_unless_it_is_told_to() -> None:
    wire = Wire()
    wire.writer.write(b"one")
    wire.writer.write(b"")
    wire.writer.write(b"two")
    assert wire.pieces == [b"one", b"two"]


async def test_it_comes_in_pieces_and_in_order() -> None:
    wire = Wire()
    slow = bytes(range(100))
    wire.writer.write(slow, over_s=0.04)
    wire.writer.write(b"after")
    assert wire.pieces == []
    await wire.has(105)
    assert b"".join(wire.pieces) == slow + b"after"
    assert len(wire.pieces) == 9
    wire.writer.write(b"at once")
    assert wire.pieces[-1] == b"at once"


async def test_even_less_than_one_byte_a_piece() -> None:
    wire = Wire()
    wire.writer.write(b"abc", over_s=0.003)
    await wire.has(3)
    assert wire.pieces == [b"a", b"b", b"c"]


async def test_what_waits_is_dropped_when_it_is_cancelled() -> None:
    wire, other = Wire(), Wire()
    wire.writer.write(b"0123456789", over_s=0.01)
    wire.writer.cancel()
    wire.writer.cancel()
    other.writer.write(b"0123456789", over_s=0.02)
    await other.has(10)
    assert wire.pieces == []
    wire.writer.write(b"new")
    assert wire.pieces == [b"new"]
