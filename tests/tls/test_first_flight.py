from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.tls.first_flight import FirstFlight, StopAfter

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def bodies(stream: bytes) -> list[tuple[int, bytes]]:
    found = []
    while stream:
        end = 5 + int.from_bytes(stream[3:5], "big")
        found.append((stream[0], stream[5:end]))
        stream = stream[end:]
    return found


HELLO = message(2, b"\x03\x03" + b"r" * 32 + b"\0\x13\x01\0")
CERTIFICATE = message(11, b"c" * 700)
CHANGE = record(20, b"\x01")
FINISHED = record(22, b"e" * 40)
"Encrypted in TLS 1.2, and of the same type as what is not."


@given(size=st.integers(1, 900), step=st.integers(1, 900), together=st.booleans())
def test_what_is_said_stays_the_same_in_smaller_records(size: int, step: int, together: bool) -> None:
    flight = FirstFlight(fragment=size)
    clear = record(22, HELLO + CERTIFICATE) if together else record(22, HELLO) + record(22, CERTIFICATE)
    stream = clear + CHANGE + FINISHED
    out = bodies(b"".join(flight.take(stream[start : start + step]) for start in range(0, len(stream), step)))
    assert out[-2:] == bodies(CHANGE + FINISHED)
    assert b"".join(body for _, body in out[:-2]) == HELLO + CERTIFICATE
    assert all(0 < len(body) <= size for _, body in out[:-2])
    assert not flight.stopped


@pytest.mark.parametrize("stream", [record(22, HELLO + CERTIFICATE), record(22, HELLO) + record(22, CERTIFICATE)])
def test_stopping_after_the_server_hello(stream: bytes) -> None:
    flight = FirstFlight(stop_after=StopAfter.SERVER_HELLO)
    assert flight.take(stream + CHANGE) == record(22, HELLO)
    assert flight.stopped
    assert flight.take(FINISHED) == b""


def test_a_request_for_another_client_hello_is_no_greeting() -> None:
    retry = record(22, message(2, b"\x03\x03" + RETRY + b"\0\x13\x01\0")) + CHANGE
    for stop in (StopAfter.SERVER_HELLO, StopAfter.SERVER_FLIGHT):
        flight = FirstFlight(stop_after=stop, fragment=1000)
        assert flight.take(retry) == retry
        assert not flight.stopped
        assert flight.take(record(22, HELLO) + CHANGE)
        assert flight.stopped


def test_stopping_after_the_whole_flight() -> None:
    flight = FirstFlight(stop_after=StopAfter.SERVER_FLIGHT)
    stream = record(22, HELLO) + record(22, CERTIFICATE)
    assert flight.take(stream) == stream
    assert flight.stopped
    assert flight.take(CHANGE + FINISHED) == b""


def test_an_alert_passes() -> None:
    alert = record(21, b"\x02\x28")
    assert FirstFlight(stop_after=StopAfter.SERVER_HELLO, fragment=1).take(alert) == alert
