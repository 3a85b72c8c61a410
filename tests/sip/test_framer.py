"""The framer: what a stream holds must not depend on how it was cut into chunks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.sip.framer import MESSAGE_LIMIT, Framed, Garbage, KeepAlive, StreamFramer

OPTIONS = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n"
NOTIFY = b"NOTIFY sip:a@b SIP/2.0\r\nl : 9\r\nCall-ID: 2\r\n\r\nA\r\n\r\nB\r\n\r"
BARE_LF = b"BYE sip:a@b SIP/2.0\nCall-ID: 3\nContent-Length: 2\n\nhi"
NO_LENGTH = b"SIP/2.0 200 OK\r\nCall-ID: 4\r\n\r\n"
WHOLE = [OPTIONS, NOTIFY, BARE_LF, NO_LENGTH]


def fed(*chunks: bytes) -> list[Framed | KeepAlive | Garbage]:
    framer = StreamFramer()
    return [part for chunk in chunks for part in framer.feed(chunk)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:stop] for start, stop in itertools.pairwise(edges)]


def messages(parts: list[Framed | KeepAlive | Garbage]) -> list[bytes]:
    return [part.raw for part in parts if isinstance(part, Framed)]


def problems(parts: list[Framed | KeepAlive | Garbage]) -> list[str]:
    return [part.problem for part in parts if isinstance(part, Garbage)]


@given(
    stream=st.lists(st.sampled_from([*WHOLE, b"\r\n", b"\r\n\r\n", b"\n"])),
    tail=st.sampled_from(
        [b"", b"\x16\x03\x01\x00", b"hello\r\n", b"INVITE  sip:a", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 200]
    ),
    places=st.lists(st.integers(0, 2000), max_size=12),
)
def test_any_chunking_gives_the_same(stream: list[bytes], tail: bytes, places: list[int]) -> None:
    whole = b"".join(stream) + tail
    at_once, in_pieces = fed(whole), fed(*cut(whole, places))
    assert messages(at_once) == [part for part in stream if part in WHOLE] + ([tail] if tail.startswith(b"GET") else [])
    assert messages(in_pieces) == messages(at_once)
    assert problems(in_pieces) == problems(at_once)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_any_bytes_are_taken(stream: bytes, places: list[int]) -> None:
    at_once, in_pieces = fed(stream), fed(*cut(stream, places))
    assert messages(in_pieces) == messages(at_once)
    assert problems(in_pieces) == problems(at_once)


def test_keep_alives_are_told_from_messages() -> None:
    assert fed(b"\r\n\r\n") == [KeepAlive("ping")]
    assert fed(b"\r\n" + OPTIONS) == [KeepAlive("pong"), Framed(OPTIONS)]
    assert fed(b"\r", b"\n\r\n") == [KeepAlive("ping")]
    assert fed(OPTIONS + b"\r\n\r\n" + OPTIONS) == [Framed(OPTIONS), KeepAlive("ping"), Framed(OPTIONS)]


def test_a_message_comes_with_its_last_byte() -> None:
    framer = StreamFramer()
    for byte in NOTIFY[:-1]:
        assert list(framer.feed(bytes([byte]))) == []
    assert list(framer.feed(NOTIFY[-1:])) == [Framed(NOTIFY)]


@pytest.mark.parametrize("spaces", [1, 2, 8])
def test_several_spaces_in_the_start_line_are_forgiven(spaces: int) -> None:
    for line in (b"BYE sip:a@b SIP/2.0", b"SIP/2.0 200 OK"):
        raw = line.replace(b" ", b" " * spaces) + b"\r\n\r\n"
        assert fed(raw) == [Framed(raw)]


@pytest.mark.parametrize(
    "stream",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n",
        b" BYE sip:a@b SIP/2.0\r\n",
        b"BYE\r\n\r\n",
        b"x" * 129,
    ],
)
def test_what_is_no_start_line_is_garbage(stream: bytes) -> None:
    assert fed(stream) == [Garbage(stream, "does not begin with a SIP start line")]


def test_after_garbage_nothing_more_is_taken() -> None:
    framer = StreamFramer()
    assert [type(part) for part in framer.feed(OPTIONS + b"\0\r\n" + OPTIONS)] == [Framed, Garbage]
    assert framer.broken
    for _ in range(3):
        assert list(framer.feed(OPTIONS * 100)) == []
    assert not framer._buffer, "a flood behind garbage must not be kept"


@pytest.mark.parametrize("chunk", [1 << 20, 4096, 1])
def test_the_header_section_is_limited(chunk: int) -> None:
    start = b"BYE sip:a@b SIP/2.0\r\nX: "

    def headers(size: int) -> bytes:
        return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"

    def chunks(raw: bytes) -> list[bytes]:
        # Only the last bytes are given one by one: all of them would search the buffer 65536 times.
        head, rest = (raw[:-20], raw[-20:]) if chunk == 1 else (b"", raw)
        return [head, *(rest[at : at + chunk] for at in range(0, len(rest), chunk))]

    largest = headers(MESSAGE_LIMIT)
    assert fed(*chunks(largest)) == [Framed(largest)]
    assert problems(fed(*chunks(headers(MESSAGE_LIMIT + 1)))) == [
        f"no end of the header section within {MESSAGE_LIMIT} bytes"
    ]


def test_the_body_is_limited() -> None:
    def headers(size: int) -> bytes:
        return b"BYE sip:a@b SIP/2.0\r\nContent-Length: %d\r\n\r\n" % size

    raw = headers(MESSAGE_LIMIT) + b"x" * MESSAGE_LIMIT
    assert fed(raw) == [Framed(raw)]
    [garbage] = fed(headers(MESSAGE_LIMIT + 1))
    assert isinstance(garbage, Garbage)
    assert str(MESSAGE_LIMIT + 1) in garbage.problem
