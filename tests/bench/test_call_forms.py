"""Forms of a call by name."""

from __future__ import annotations

import pytest

from certsuite.bench.call_forms import FORMS
from certsuite.sip.message import SipMessage
from certsuite.sip.strict import strict_error

INVITE = SipMessage(
    "INVITE",
    "sip:a@x",
    headers=(
        ("Via", "SIP/2.0/TLS 192.0.2.1:8934;branch=z9hG4bK1"),
        ("From", '"C"<sip:c@x>;tag=7'),
        ("To", "<sip:a@x>"),
        ("Call-ID", "c"),
        ("CSeq", "1 INVITE"),
        ("Max-Forwards", "69"),
        ("Allow", "ACK,BYE"),
        ("P-Asserted-Identity", "<sip:c@x>"),
        ("Privacy", "none"),
    ),
)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_differs_and_is_legal(form: str) -> None:
    edited = FORMS[form](INVITE)
    assert edited != INVITE
    assert edited.from_tag == "7"
    raw = edited.to_bytes()
    assert SipMessage.parse(raw).call_id == "c"
    # The strict parser knows no folded headers, which RFC 3261 section 7.3.1 allows.
    assert form == "folded and long headers" or not strict_error(raw)
