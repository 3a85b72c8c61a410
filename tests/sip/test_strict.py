"""What the strict parser says of messages."""

from __future__ import annotations

from certsuite.sip.strict import strict_error

GOOD = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.7:40001;branch=z9hG4bK-1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n"
)


def test_what_a_strict_parser_says() -> None:
    assert strict_error(GOOD) == ""
    assert "missing header" in strict_error(b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\n\r\n")
    assert strict_error(b"OPTIONS  sip:a@b SIP/2.0\r\n\r\n")
    assert strict_error(GOOD.replace(b"CSeq: 1", b"CSeq: one"))
