"""SIP messages in one line."""

from __future__ import annotations

import pytest

from certsuite.evidence.sip_text import message_text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"INVITE sip:a SIP/2.0\r\nCSeq: 2 INVITE\r\n\r\n", ("INVITE sip:a \xb7 CSeq 2", "plain")),
        (b"BYE sip:a SIP/2.0\r\n\r\n", ("BYE sip:a \xb7 no CSeq", "plain")),
        (b"SIP/2.0 486 Busy Here\r\nCSeq: 2 INVITE\r\n\r\n", ("486 Busy Here \xb7 2 INVITE", "bad")),
        (b"SIP/2.0 407 \r\nCSeq: 2 INVITE\r\n\r\n", ("407 \xb7 2 INVITE", "plain")),
        (
            b"REFER sip:a SIP/2.0\r\nCSeq: 3 REFER\r\nRefer-To: <sip:b@c>\r\n\r\n",
            ("REFER to <sip:b@c> \xb7 sip:a \xb7 CSeq 3", "plain"),
        ),
        (b"REFER sip:a SIP/2.0\r\nCSeq: 3 REFER\r\n\r\n", ("REFER to nobody \xb7 sip:a \xb7 CSeq 3", "plain")),
        (
            b"NOTIFY sip:a SIP/2.0\r\nCSeq: 4 NOTIFY\r\nSubscription-State: active\r\n\r\nSIP/2.0 486 Busy\x07\n",
            ("NOTIFY of 486 Busy\\x07, active \xb7 sip:a \xb7 CSeq 4", "plain"),
        ),
        (b"NOTIFY sip:a SIP/2.0\r\nCSeq: 4 NOTIFY\r\n\r\nVoicemail: yes", ("NOTIFY sip:a \xb7 CSeq 4", "plain")),
    ],
)
def test_a_line_says_what_a_message_is_about(raw: bytes, expected: tuple[str, str]) -> None:
    assert message_text(raw) == expected
