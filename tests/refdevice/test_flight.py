"""A server's flight in the clear, made by the suite's engine and read by the reference device's own reader."""

from __future__ import annotations

import pytest

from certsuite.refdevice.flight import Flight, Fragmented, client_answer

_MARK = b"DOWNGRD\x01"


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes([kind]) + b"\x03\x03" + len(content).to_bytes(2, "big") + content


def server_hello(tail: bytes = bytes(8)) -> bytes:
    return message(2, b"\x03\x03" + bytes(24) + tail + b"\x00\xc0\x2f\x00")


def test_messages_are_put_together_from_records_and_chunks() -> None:
    flight = Flight()
    whole = server_hello() + message(14, b"")
    stream = b"".join(record(whole[at : at + 3]) for at in range(0, len(whole), 3))
    for at in range(len(stream)):
        flight.take(stream[at : at + 1])
    assert [one[0] for one in flight.messages] == [2, 14]
    assert flight.complete
    assert not flight.downgraded


def test_what_is_encrypted_is_left_alone() -> None:
    flight = Flight()
    flight.take(record(server_hello()) + record(b"\x01", 20) + record(b"\xff\xff", 23))
    flight.take(record(server_hello()))
    assert flight.done
    assert len(flight.messages) == 1


def test_a_message_that_spans_records_is_refused_where_it_must_not() -> None:
    Flight().take(record(server_hello() + message(14, b"")), whole_messages=True)
    with pytest.raises(Fragmented):
        Flight().take(record(server_hello()[:10]), whole_messages=True)


@pytest.mark.parametrize(("group", "length"), [(29, 32), (23, 65), (24, 97), (25, 133)])
def test_it_goes_on_past_the_mark_of_a_downgrade(group: int, length: int) -> None:
    flight = Flight()
    exchange = message(12, b"\x03" + group.to_bytes(2, "big") + b"\x00")
    flight.take(record(server_hello(_MARK)) + record(exchange) + record(message(14, b"")))
    assert flight.downgraded
    answer = client_answer(flight)
    assert answer[5:10] == b"\x10" + (length + 1).to_bytes(3, "big") + bytes([length])
    assert answer[10 + length : 16 + length] == record(b"\x01", 20)


def test_a_group_that_it_does_not_have_is_no_key_exchange() -> None:
    with pytest.raises(ValueError, match="group 0"):
        client_answer(Flight())
