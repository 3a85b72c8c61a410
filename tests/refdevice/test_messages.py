"""How requests and responses are written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from certsuite.refdevice.config import Config, Line
from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.messages import Composer, quoted
from certsuite.refdevice.transport import Flow
from certsuite.sip.message import SipMessage
from certsuite.sip.strict import strict_error

_LINE = Line("user", "d.invalid", "auth", "p", 'The "first"')
_FLOW = cast(Flow, SimpleNamespace(local=("127.0.0.2", 4711), secure=True))


def _composer(*faults: str) -> Composer:
    config = Config("127.0.0.2", "hs17.lab.example", ("127.0.0.1", 53), Path("none"), (_LINE,))
    return Composer(config, behaviour_with(faults))


def _request(composer: Composer, method: str = "INVITE") -> SipMessage:
    return composer.request(
        method,
        "sip:2001@d.invalid",
        _FLOW,
        from_value=composer.from_value(_LINE, "t1"),
        to_value="<sip:2001@d.invalid>",
        call_id="c1",
        cseq=5,
        routes=[composer.route],
        extra=[("Contact", f"<{composer.contact_uri(_LINE, _FLOW)}>")],
        sdp=b"v=0\r\n",
    )


def test_a_request() -> None:
    request = _request(_composer())
    assert strict_error(request.to_bytes()) == ""
    assert request.cseq == (5, "INVITE")
    assert request.get("Route") == "<sip:hs17.lab.example;transport=tls;lr>"
    assert request.get("From") == '"The \\"first\\"" <sip:user@d.invalid>;tag=t1'
    assert request.contact_uri == "sip:user@127.0.0.2:4711;transport=tls"
    assert request.has_sdp
    assert request.branch.startswith("z9hG4bK")


def test_a_response() -> None:
    composer = _composer()
    request = _request(composer).with_headers([("Record-Route", "<sip:a;lr>"), ("Via", "SIP/2.0/TLS b;branch=2")])
    response = composer.response(request, 200, tag="mine")
    assert response.to_tag == "mine"
    assert response.all("Via") == request.all("Via")
    assert response.get("Record-Route") == "<sip:a;lr>"
    assert response.get("Server") == "Certsuite ReferencePhone/1.0"
    assert strict_error(response.to_bytes()) == ""
    assert composer.response(request, 100).to_tag == ""
    assert composer.response(request, 404).to_tag


@pytest.mark.parametrize(
    ("fault", "method", "user_agent"),
    [
        ("user-agent-without-model", "INVITE", "Certsuite"),
        ("user-agent-of-other-model", "REGISTER", "Certsuite OtherPhone/1.0"),
        ("user-agent-register-only", "REGISTER", "Certsuite ReferencePhone/1.0"),
        ("user-agent-register-only", "INVITE", ""),
    ],
)
def test_faults_of_identity(fault: str, method: str, user_agent: str) -> None:
    assert _request(_composer(fault), method).user_agent == user_agent


def test_no_server_if_only_register_has_a_user_agent() -> None:
    composer = _composer("user-agent-register-only")
    assert composer.response(_request(composer), 200).user_agent == ""


def test_a_sips_contact_if_so_faulty() -> None:
    assert _composer("uses-sips-uri").contact_uri(_LINE, _FLOW).startswith("sips:user@")


def test_quoting() -> None:
    assert quoted('a"\\') == '"a\\"\\\\"'
