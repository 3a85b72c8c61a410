"""The program's start and end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio


async def test_deregisters_and_hangs_up_on_sigterm(lab: Lab) -> None:
    device, registrar, _, _ = await lab.called()
    device.process.send_signal(signal.SIGTERM)
    await registrar.next("BYE")
    assert await device.end() == 0
    assert [heard.message.get("Expires") for heard in registrar.heard if heard.message.method == "REGISTER"][-1] == "0"


async def test_ends_on_sigterm_while_nothing_answers(lab: Lab) -> None:
    device, registrar = await lab.registered()
    registrar.silent = True
    device.process.send_signal(signal.SIGTERM)
    assert await device.end() == 0


async def test_ignores_sigterm_if_so_faulty(lab: Lab) -> None:
    device, _ = await lab.registered("ignores-sigterm")
    device.process.send_signal(signal.SIGTERM)
    assert (await device.command("status")).startswith("ok status")
    assert device.process.returncode is None
    await device.command("stop")
    assert await device.end() == 0


async def test_ends_at_its_start_if_so_faulty(lab: Lab) -> None:
    device = await lab.start("exits-at-start")
    assert await device.end() == 1
    assert not lab.zone.asked


async def test_ends_when_it_is_to_dial_if_so_faulty(lab: Lab) -> None:
    device, _ = await lab.registered("exits-when-dialling")
    assert device.process.stdin is not None
    device.process.stdin.write(b"dial 100\n")
    assert await device.end() == 1


async def test_is_silent_if_so_faulty(lab: Lab) -> None:
    device = await lab.start("silent")
    assert await device.command("status") == "ok status registered=0/1 target=none call=none"
    await device.command("stop")
    assert await device.end() == 0
    assert not lab.zone.asked


async def test_passwords_are_not_logged(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    device, _ = await lab.registered()
    await device.command("stop")
    await device.end()
    written = capfd.readouterr()
    assert "S3cret" not in written.err + written.out
    assert "registered at" in written.err
