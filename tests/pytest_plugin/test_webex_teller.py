"""The emulator hears of a registration while the bench runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from certsuite.bench.loop import BenchLoop
from certsuite.core.errors import UsageError
from certsuite.core.events import BindingChanged, Note, SipMessageSeen
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.observations import IN, OUT
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.edge.webex_state import Held, Organization
from certsuite.pytest_plugin.webex_teller import WebexTeller, emulator_url
from certsuite.sip.message import SipMessage
from tests.waiting import until

MAC = "001A2B3C4D5E"


@pytest.fixture
def emulator() -> Iterator[WebexEmulator]:
    served = WebexEmulator(Organization(time.time))
    loop = BenchLoop()
    loop.run(served.start())
    yield served
    loop.run(stopped(served))
    loop.stop()


async def stopped(emulator: WebexEmulator) -> None:
    emulator.stop()


@pytest.fixture
def device(emulator: WebexEmulator) -> Held:
    organization = emulator.organization
    person = organization.someone("Anna")
    organization.create({"mac": MAC, "model": "Partner Managed Phone", "personId": person.id, "password": "First1!x"})
    return next(iter(organization.devices.values()))


def registers(journal: Journal, agent: str, *, line: int = 1, granted_s: int = 60) -> None:
    request = SipMessage("REGISTER", "sip:x", headers=(("User-Agent", agent), ("Call-ID", "c")))
    journal.record(SipMessageSeen(request.to_bytes()), line=line, direction=IN)
    answer = SipMessage(status=200, reason="OK", headers=(("Server", "Edge 1.0"),))
    journal.record(SipMessageSeen(answer.to_bytes()), line=line, direction=OUT)
    journal.record(BindingChanged("a@x", "sip:a@y", granted_s), line=line)


def test_it_is_told_at_once_and_again_when_the_device_calls_itself_otherwise(
    emulator: WebexEmulator, device: Held
) -> None:
    journal = Journal(SystemClock())
    teller = WebexTeller(journal, emulator_url(emulator.base_url), MAC.lower())
    registers(journal, "Yealink SIP-T46U 108.86.0.20", granted_s=0)
    assert device.connection == "activating"
    registers(journal, "Yealink SIP-T46U 108.86.0.20")
    until(lambda: device.connection == "connected")
    assert device.product == "Partner Managed Phone - Yealink SIP-T46U"
    registers(journal, "Yealink SIP-T48U 108.86.0.20", line=2)
    until(lambda: device.product.endswith("T48U"))
    teller.close()
    registers(journal, "Yealink SIP-T40G 108.86.0.20")
    assert device.product.endswith("T48U")
    assert not [one for one in journal.since(0) if isinstance(one.event, Note)]


def test_an_emulator_that_is_gone_is_noted() -> None:
    journal = Journal(SystemClock())
    teller = WebexTeller(journal, "http://127.0.0.1:9/v1", MAC)
    registers(journal, "Yealink SIP-T46U 1.0")
    teller.close()
    (noted,) = [one.event.text for one in journal.since(0) if isinstance(one.event, Note)]
    assert "was not told: " in noted


def test_a_device_that_the_emulator_does_not_have_is_noted(emulator: WebexEmulator) -> None:
    journal = Journal(SystemClock())
    teller = WebexTeller(journal, emulator.base_url, MAC)
    registers(journal, "Yealink SIP-T46U 1.0")
    teller.close()
    (noted,) = [one.event.text for one in journal.since(0) if isinstance(one.event, Note)]
    assert "404" in noted


@pytest.mark.parametrize("url", ["http://198.51.100.1/v1", "https://127.0.0.1:8443/v1", "webexapis.com"])
def test_only_an_emulator_on_this_machine_is_told(url: str) -> None:
    with pytest.raises(UsageError):
        emulator_url(url)
