"""The fingerprint, against one that was worked out by hand."""

from __future__ import annotations

import hashlib

import pytest

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.client_hello import extension_data, parse_client_hello
from certsuite.tls.fingerprint import fingerprint, fingerprint_text


def _vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size, "big") + data


def _hello(suites: bytes, *extensions: tuple[int, bytes]) -> ClientHelloSeen:
    block = b"".join(number.to_bytes(2, "big") + _vector(2, data) for number, data in extensions)
    body = b"\x03\x03" + bytes(32) + b"\x00" + _vector(2, suites) + b"\x01\x00" + _vector(2, block)
    return parse_client_hello(b"\x01" + _vector(3, body))


def test_five_lists_in_decimal_without_grease() -> None:
    hello = _hello(
        b"\x0a\x0a\xc0\x2f\x00\x2f",
        (0x1A1A, b""),
        (10, b"\x00\x06\x2a\x2a\x00\x1d\x00\x17"),
        (11, b"\x02\x00\x01"),
        (35, b""),
    )
    assert fingerprint_text(hello) == "771,49199-47,10-11-35,29-23,0-1"
    assert fingerprint(hello) == hashlib.md5(b"771,49199-47,10-11-35,29-23,0-1").hexdigest()
    assert extension_data(hello.raw)[11] == b"\x02\x00\x01"


def test_what_is_not_there_is_an_empty_list() -> None:
    assert fingerprint_text(_hello(b"\x13\x01")) == "771,4865,,,"


def test_bytes_that_are_no_hello() -> None:
    with pytest.raises(ValueError, match="ClientHello"):
        fingerprint(ClientHelloSeen(b"\x01", "TLSv1.2", ("TLSv1.2",), (1,)))
