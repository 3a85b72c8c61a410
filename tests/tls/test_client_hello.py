from __future__ import annotations

import contextlib
import ssl
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.events import ClientHelloSeen
from certsuite.tls.client_hello import HELLO_LIMIT, ClientHelloReader, NotTls, offers_session, parse_client_hello


def hello_of_openssl(
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> bytes:
    """The bytes with which the standard library's client opens a connection."""
    context = ssl.create_default_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = lowest, highest
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.set_alpn_protocols(["sip/2"])
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="obp.lab.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size, "big") + data


def handshake(
    *,
    version: int = 0x0303,
    suites: bytes = b"\xc0\x2f\xc0\x30",
    extensions: tuple[tuple[int, bytes], ...] | None = None,
) -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + vector(1, b"") + vector(2, suites) + vector(1, b"\0")
    if extensions is not None:
        body += vector(2, b"".join(number.to_bytes(2, "big") + vector(2, data) for number, data in extensions))
    return b"\x01" + vector(3, body)


def records(message: bytes, size: int) -> bytes:
    return b"".join(
        b"\x16\x03\x01" + vector(2, message[start : start + size]) for start in range(0, len(message), size)
    )


def read(stream: bytes) -> ClientHelloSeen:
    seen = ClientHelloReader().feed(stream)
    assert isinstance(seen, ClientHelloSeen)
    return seen


def test_openssls_hello() -> None:
    stream = hello_of_openssl()
    hello = read(stream)

    assert hello.raw == stream[5:]
    assert hello.legacy_version == "TLSv1.2"
    assert hello.versions == ("TLSv1.3", "TLSv1.2")
    assert hello.server_name == "obp.lab.example"
    assert hello.alpn == ("sip/2",)
    assert 0x1301 in hello.cipher_suites
    assert 0xC02F in hello.cipher_suites
    assert 0x001D in hello.groups
    assert 0x0804 in hello.signature_algorithms
    assert {0, 10, 13, 43} <= set(hello.extensions)
    assert hello.compression_methods == (0,)


def test_a_hello_without_supported_versions_offers_what_is_below_its_version() -> None:
    old = read(hello_of_openssl(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1))
    assert old.versions == ("TLSv1.1", "TLSv1")
    assert parse_client_hello(handshake(version=0x0303)).versions == ("TLSv1.2", "TLSv1.1", "TLSv1")
    assert parse_client_hello(handshake(version=0x0300)).versions == ("SSLv3",)
    assert parse_client_hello(handshake(version=0x0200)).versions == ("0x0200",)
    assert parse_client_hello(handshake(version=0x0505)).legacy_version == "0x0505"


def test_grease_is_no_version() -> None:
    offered = vector(1, b"\x2a\x2a\x03\x04\x03\x03\x7f\x1c")
    hello = parse_client_hello(handshake(suites=b"\x0a\x0a\x13\x01", extensions=((0x0A0A, b""), (43, offered))))

    assert hello.versions == ("TLSv1.3", "TLSv1.2", "0x7f1c")
    assert hello.cipher_suites == (0x0A0A, 0x1301)
    assert hello.extensions == (0x0A0A, 43)


def test_a_name_that_is_not_ascii_is_escaped() -> None:
    name = b"\xff\x1b" + b"a"
    hello = parse_client_hello(handshake(extensions=((0, vector(2, b"\0" + vector(2, name))),)))
    assert hello.server_name == "\\xff\x1ba"


def test_no_extensions_at_all() -> None:
    hello = parse_client_hello(handshake())
    assert (hello.server_name, hello.alpn, hello.groups, hello.signature_algorithms) == (None, (), (), ())


@given(size=st.integers(1, 700), step=st.integers(1, 700))
def test_any_division_into_records_and_reads(size: int, step: int) -> None:
    message = handshake(extensions=((0, vector(2, b"\0" + vector(2, b"obp.lab.example"))), (21, bytes(300))))
    stream = records(message, size)
    reader = ClientHelloReader()
    seen = [reader.feed(stream[start : start + step]) for start in range(0, len(stream), step)]
    found = [one for one in seen if one is not None]
    assert len(found) == 1
    assert isinstance(found[0], ClientHelloSeen)
    assert found[0].raw == message
    assert reader.done


@pytest.mark.parametrize("stream", [b"R", b"\x80\x2e\x01\x03\x01", b"\x15\x03\x01\x00\x02\x02\x28"])
def test_what_is_no_tls(stream: bytes) -> None:
    reader = ClientHelloReader()
    assert reader.feed(b"") is None
    assert reader.feed(stream) == NotTls(stream)
    assert reader.feed(b"more") is None


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"\x16\x02\x00\x00\x01\x01", "version 2.0"),
        (b"\x16\x03\x01\x00\x00", "record of 0 bytes"),
        (b"\x16\x03\x01\xff\xff", "record of 65535 bytes"),
        (b"\x16\x03\x01\x00\x01\x02", "handshake message 2"),
        (b"\x16\x03\x01\x00\x01\x01\x15\x03\x01\x00\x02\x02\x28", "record of type 21"),
        (records(b"\x01" + (HELLO_LIMIT).to_bytes(3, "big"), 4), "at most"),
        (records(b"\x01\x00\x00\x00", 4), "legacy_version"),
        (records(b"\x01\x00\x00\x01\x03", 5), "legacy_version"),
        (records(handshake(suites=b"\xc0"), 100), "cipher_suites"),
        (records(handshake(extensions=((43, b"\x03\x03\x04"),)), 100), "list needs 3 bytes"),
        (records(handshake(extensions=((10, b""), (10, b""))), 100), "stands twice"),
        (records(handshake(extensions=((0, b"\x00\x09\x00\x00\x20a"),)), 100), "needs"),
    ],
)
def test_reasons_of_refusal(stream: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ClientHelloReader().feed(stream)


@pytest.mark.parametrize("message", [handshake() + b"\0", handshake()[:-1], b"", b"\x02"])
def test_a_message_must_be_whole(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"too many|needs|where a ClientHello"):
        parse_client_hello(message)


@given(message=st.binary(max_size=200), at=st.integers(0, 60), junk=st.binary(max_size=20))
def test_garbage_is_refused_by_value_error_alone(message: bytes, at: int, junk: bytes) -> None:
    whole = handshake(extensions=((0, vector(2, b"\0" + vector(2, b"a"))), (43, b"\x02\x03\x04")))
    for broken in (message, whole[:at] + junk + whole[at:], b"\x01" + vector(3, message)):
        with contextlib.suppress(ValueError):
            assert parse_client_hello(broken).raw == broken


def test_what_offers_a_session() -> None:
    """A ticket that is there, a pre-shared key, or in TLS 1.2 a session's id."""

    def offers(session_id: bytes, *extensions: tuple[int, bytes]) -> bool:
        block = b"".join(kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data for kind, data in extensions)
        body = b"\x03\x03" + bytes(32) + bytes([len(session_id)]) + session_id + b"\x00\x02\xc0\x2f\x01\x00"
        body += len(block).to_bytes(2, "big") + block
        return offers_session(parse_client_hello(b"\x01" + len(body).to_bytes(3, "big") + body))

    tls13 = (43, b"\x02\x03\x04")
    assert not offers(b"", (35, b""))
    assert offers(b"", (35, b"ticket"))
    assert offers(b"id")
    assert not offers(b"id", tls13)
    assert offers(b"id", tls13, (41, b"key"))
