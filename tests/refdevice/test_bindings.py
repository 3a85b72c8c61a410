"""REGISTER and what is granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.bindings import granted_expiry, retry_after
from certsuite.refdevice.faults import behaviour_with
from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

_OWN = "sip:user@127.0.0.2:4711;transport=tls"


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ([("Contact", "<sip:user@127.0.0.2:4711;transport=tls>;expires=60")], 60),
        ([("Contact", f'<sip:user@127.0.0.2:9>;expires=10, "a, b" <{_OWN}>;q=0.5;expires=20')], 20),
        ([("m", "<sip:user@127.0.0.2:9>;expires=10"), ("m", f"<{_OWN}>;expires=30")], 30),
        ([("Contact", f"<{_OWN}>"), ("Expires", "40")], 40),
        ([("Contact", "<sip:user@127.0.0.2:9>;expires=10")], 240),
        ([("Expires", "soon")], 240),
    ],
)
def test_the_grant_of_the_own_contact_counts(headers: list[tuple[str, str]], granted: int) -> None:
    assert granted_expiry(SipMessage(status=200, headers=tuple(headers)), _OWN, 240) == granted


@pytest.mark.parametrize(
    ("fault", "contact", "granted"),
    [
        ("ignores-expires-header", f"<{_OWN}>", 240),
        ("ignores-expires-header", f"<{_OWN}>;expires=20", 20),
        ("prefers-expires-header", f"<{_OWN}>;expires=20", 60),
    ],
)
def test_who_reads_the_grant_in_the_wrong_place(fault: str, contact: str, granted: int) -> None:
    response = SipMessage(status=200, headers=(("Contact", contact), ("Expires", "60")))
    assert granted_expiry(response, _OWN, 240, behaviour_with([fault])) == granted


def test_retries_come_a_little_later_each_time() -> None:
    times = [retry_after(2.0, failures) for failures in range(1, 2000)]
    assert times[0] == 2.0
    assert times == sorted(times)
    assert times[1] == 2.5
    assert times[-1] == 10.0


# --- many lines


@pytest.mark.asyncio
async def test_who_has_one_password_for_all_lines_has_one_user_too(lab: Lab) -> None:
    lab.configure(lines=3)
    _, registrar = await lab.registered("first-credentials-for-all-lines")
    await registrar.until(lambda: len(registrar.heard) == 6)
    given = {one.message.get("Authorization") or "" for one in registrar.heard}
    assert all('username="2055550101"' in value for value in given if value)
    assert len({one.message.get("To") for one in registrar.heard}) == 3


@pytest.mark.asyncio
async def test_who_registers_the_first_line_only(lab: Lab) -> None:
    lab.configure(lines=3)
    device, registrar = await lab.registered("registers-first-line-only")
    assert "registered=1/1" in await device.command("status")
    assert {one.message.call_id for one in registrar.heard} == {registrar.heard[0].message.call_id}


@pytest.mark.asyncio
async def test_who_registers_each_line_from_two_ports(lab: Lab) -> None:
    lab.configure(lines=2)
    _, registrar = await lab.registered("registers-lines-twice")
    await registrar.until(lambda: len(registrar.heard) == 8)
    ports = {(one.message.get("To"), one.message.call_id) for one in registrar.heard}
    assert len(ports) == 4
    assert len({to for to, _ in ports}) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(("faults", "waits"), [((), True), (("registers-all-at-once",), False)])
async def test_lines_wait_for_their_turn_or_come_at_once(lab: Lab, faults: tuple[str, ...], waits: bool) -> None:
    lab.configure(lines=3, line_spacing_s=600.0)
    _, registrar = await lab.registered(*faults)
    if not waits:
        await registrar.until(lambda: len(registrar.heard) == 6)
        return
    await registrar.until(lambda: len(registrar.heard) == 2)
    assert len({one.message.get("To") for one in registrar.heard}) == 1
