"""The control channel."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.control import Output

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab


def test_an_event_is_one_line_whatever_is_in_it() -> None:
    stream = io.StringIO()
    Output(stream).event("ringing sip:a\n\x1b[31m@b")
    assert stream.getvalue() == "event ringing sip:a??[31m@b\n"


@pytest.mark.asyncio
async def test_what_is_no_command(lab: Lab) -> None:
    device, _ = await lab.registered()
    assert (await device.command("frobnicate")).startswith("error frobnicate unknown command; there are dial, answer")
    assert await device.command("dial") == "error dial dial NUMBER-OR-URI [LINE]"
    assert await device.command("dial 1 x") == "error dial dial NUMBER-OR-URI [LINE]"


@pytest.mark.asyncio
async def test_the_end_of_the_input_is_not_the_end_of_the_device(lab: Lab) -> None:
    device, registrar = await lab.registered()
    assert device.process.stdin is not None
    device.process.stdin.close()
    registrar.ask("OPTIONS")
    await registrar.next("200")
    assert device.process.returncode is None


@pytest.mark.asyncio
async def test_a_line_that_is_too_long(lab: Lab) -> None:
    device, _ = await lab.registered()
    assert device.process.stdin is not None
    device.process.stdin.write(b"x" * 200_000 + b"\n")
    await device.line("error command line too long")
    assert (await device.command("status")).startswith("ok status")


@pytest.mark.asyncio
async def test_a_configuration_that_is_wrong_is_an_error(lab: Lab) -> None:
    device, _ = await lab.registered()
    (lab.directory / "phone.toml").write_text("address = 3")
    assert "lines: at least one" in await device.command("resync")
    assert (await device.command("status")).startswith("ok status registered=1/1")
