"""Framing, escape sequences, and looking for answers."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.errors import ActionFailed, DeviceExited
from certsuite.devices.drivers.channel import (
    LINE_AT_MOST,
    TRANSCRIPT_AT_MOST,
    LineFraming,
    NetstringFraming,
    Transcript,
    without_ansi,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[32mOK \x1b[;m", "OK "),
        ("\x1b]0;title\x07a", "a"),
        ("\x1b]0;title\x1b\\a", "a"),
        ("\x1b(Ba\x1b[?25l\x1b=b", "ab"),
        ("no escape", "no escape"),
    ],
)
def test_escape_sequences_are_taken_out(text: str, plain: str) -> None:
    assert without_ansi(text) == plain


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)), st.integers(1, 7))
def test_lines_come_back_however_they_are_cut(lines: list[str], size: int) -> None:
    framing = LineFraming()
    data = b"".join(framing.wrap(line) for line in lines)
    got: list[str] = []
    for at in range(0, len(data), size):
        got += framing.feed(data[at : at + size])
    assert got == lines


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]))), st.integers(1, 7), st.sampled_from([b"", b"x,:"])
)
def test_netstrings_come_back_however_they_are_cut(texts: list[str], size: int, garbage: bytes) -> None:
    framing = NetstringFraming()
    data = garbage + b"".join(framing.wrap(text) for text in texts)
    got: list[str] = []
    for at in range(0, len(data), size):
        got += framing.feed(data[at : at + size])
    assert got == texts


def test_a_prompt_is_seen_without_its_end() -> None:
    framing = LineFraming()
    assert framing.feed(b"a\r\n\x1b[1mlogin: ") == ["a"]
    assert framing.rest() == "login: "


def test_what_never_ends_is_cut() -> None:
    lines = LineFraming()
    assert sum(map(len, lines.feed(b"x" * 1_000_000))) >= 1_000_000 - LINE_AT_MOST
    assert len(lines.rest()) <= LINE_AT_MOST
    netstrings = NetstringFraming()
    for _ in range(20):
        assert netstrings.feed(b"9999999:" + b"99:" + b"x" * 60_000) == []
        assert len(netstrings._pending) <= 60_000
    assert netstrings.feed(b",2:ok,") == ["ok"]


@pytest.mark.asyncio
async def test_steps_consume_what_they_find() -> None:
    transcript = Transcript()
    transcript.add(["ok 0"], "")
    transcript.mark()
    with pytest.raises(ActionFailed, match="it said nothing"):
        await transcript.find("ok", None, 0.001)
    asyncio.get_running_loop().call_soon(transcript.add, ["event", "ok 1", "ok 2"], "")
    assert await transcript.find(r"ok (?P<number>\d)", None, 5) == {"number": "1"}
    assert await transcript.find(r"ok (?P<number>\d)", None, 5) == {"number": "2"}


@pytest.mark.asyncio
async def test_a_refusal_ends_the_wait_unless_the_answer_came_first() -> None:
    transcript = Transcript()
    transcript.add(["error dial busy"], "")
    with pytest.raises(ActionFailed, match="refused: error dial busy"):
        await transcript.find("ok", "error", 5)
    transcript.mark()
    transcript.add(["ok", "error"], "")
    assert await transcript.find("ok", "error", 5) == {}


@pytest.mark.asyncio
async def test_a_prompt_can_be_expected() -> None:
    transcript = Transcript()
    transcript.add([], "login: ")
    assert await transcript.find("login: $", None, 5) == {}


@pytest.mark.asyncio
async def test_news_are_what_comes_next_or_the_end() -> None:
    transcript = Transcript()
    transcript.add(["old"], "")
    async with asyncio.timeout(5):
        asyncio.get_running_loop().call_soon(transcript.add, [], "busy>")
        await transcript.news()
        assert await transcript.find("busy>", None, 1) == {}
        asyncio.get_running_loop().call_soon(transcript.close, DeviceExited("gone"))
        await transcript.news()
        await transcript.news()


@pytest.mark.asyncio
async def test_the_end_of_the_device_ends_the_wait() -> None:
    transcript = Transcript()
    transcript.add(["last words ok"], "")
    transcript.close(DeviceExited("it ended"))
    assert await transcript.find("ok", None, 5) == {}
    with pytest.raises(DeviceExited):
        await transcript.find("ok", None, 5)


@pytest.mark.asyncio
async def test_a_flood_keeps_its_end() -> None:
    transcript = Transcript()
    transcript.add(["early"], "")
    transcript.mark()
    for _ in range(40):
        transcript.add(["x" * 10_000], "")
    transcript.add(["late"], "")
    assert len(transcript._text) <= TRANSCRIPT_AT_MOST
    assert await transcript.find("late", None, 5) == {}
