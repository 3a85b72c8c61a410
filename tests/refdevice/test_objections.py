"""Forms of an INVITE that a faulty device refuses."""

from __future__ import annotations

import pytest

from certsuite.refdevice.objections import FORMS, objection
from certsuite.sip.message import SipMessage

PLAIN = (("From", '"C"<sip:c@x>;tag=1'), ("P-Asserted-Identity", "<sip:c@x>"))


@pytest.mark.parametrize(
    ("form", "headers", "body", "status"),
    [
        ("anonymous", (("From", "<sip:anonymous@anonymous.invalid>"),), b"", 433),
        ("unicode", (("From", '"\u5c71"<sip:c@x>'),), b"", 400),
        ("unasserted", (("From", "<sip:c@x>"),), b"", 403),
        ("tel-identity", (("P-Asserted-Identity", "<tel:+1>"),), b"", 400),
        ("diverted", (("Diversion", "<sip:a@x>"),), b"", 400),
        ("alert-info", (("Alert-Info", "<http://x>"),), b"", 400),
        ("extensions", (("Session-Expires", "1800"),), b"", 420),
        ("long-headers", (("X", "a" * 4096),), b"", 400),
        ("long-sdp", PLAIN, b"x" * 9000, 413),
    ],
)
def test_each_form_is_known(form: str, headers: tuple[tuple[str, str], ...], body: bytes, status: int) -> None:
    assert objection(SipMessage("INVITE", "sip:a@x", headers=headers, body=body), [form]) == status
    assert objection(SipMessage("INVITE", "sip:a@x", headers=headers, body=body), []) == 0


def test_a_plain_invite_is_in_none_of_them() -> None:
    assert objection(SipMessage("INVITE", "sip:a@x", headers=PLAIN, body=b"v=0"), FORMS) == 0
