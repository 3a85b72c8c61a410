"""Requests of every kind from the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio


async def _status(lab: Lab, method: str, *extra: tuple[str, str], **given: str) -> dict[str, str]:
    _, registrar = await lab.registered()
    registrar.ask(method, *extra, body=b"", **given)
    message = (await registrar.next(*map(str, range(200, 700)))).message
    assert message.user_agent
    return {"status": str(message.status)} | {name.lower(): value for name, value in message.headers}


@pytest.mark.parametrize(
    ("method", "extra", "status"),
    [
        ("OPTIONS", (), 200),
        ("NOTIFY", (("Event", "message-summary"),), 200),
        ("INFO", (), 200),
        ("INFO", (("Info-Package", "x-broadworks-client-session-info"),), 469),
        ("INVITE", (("Require", "100rel"),), 420),
        ("BYE", (), 481),
        ("UPDATE", (), 481),
        ("CANCEL", (), 481),
        ("SUBSCRIBE", (), 501),
        ("MESSAGE", (), 501),
        ("BOGUS", (), 501),
    ],
)
async def test_a_request_outside_a_call(lab: Lab, method: str, extra: tuple[tuple[str, str], ...], status: int) -> None:
    assert (await _status(lab, method, *extra))["status"] == str(status)


async def test_what_is_not_supported_is_named(lab: Lab) -> None:
    assert (await _status(lab, "INVITE", ("Require", "100rel")))["unsupported"] == "100rel"


async def test_another_user_is_not_here(lab: Lab) -> None:
    assert (await _status(lab, "INVITE", uri="sip:nobody@127.0.0.1"))["status"] == "404"


async def test_a_dialog_that_is_not_here(lab: Lab) -> None:
    assert (await _status(lab, "INVITE", to_value="<sip:line1@x>;tag=old"))["status"] == "481"


@pytest.mark.parametrize(
    "given", [{"from_value": "<sip:a@b>"}, {"cseq": "none"}, {"cseq_method": "BYE"}, {"call_id": ""}]
)
async def test_a_request_that_is_not_whole(lab: Lab, given: dict[str, str]) -> None:
    assert (await _status(lab, "OPTIONS", **given))["status"] == "400"


async def test_a_body_that_is_no_sdp(lab: Lab) -> None:
    _, registrar = await lab.registered()
    request = registrar.ask("OPTIONS")
    body = b"Content-Type: text/plain\r\nContent-Length: 5"
    changed = request.to_bytes().replace(b"OPTIONS", b"INVITE").replace(b"Content-Length: 0", body)
    registrar.connections[-1].write(changed + b"hello")
    assert (await registrar.next("415")).message.cseq[1] == "INVITE"


async def test_status(lab: Lab) -> None:
    device, registrar = await lab.registered()
    assert (
        await device.command("status")
        == f"ok status registered=1/1 target=sip-a.lab.example:{registrar.port} call=none"
    )
