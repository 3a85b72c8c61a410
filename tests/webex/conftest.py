"""A client, an emulator at real sockets, and a clock that passes only when someone sleeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from certsuite.core.redaction import Secret
from certsuite.edge.webex_emulator import WebexEmulator
from certsuite.edge.webex_state import Organization, Someone
from certsuite.webex.client import WebexClient
from certsuite.webex.tokens import Credentials
from certsuite.webex.wire import Wire
from tests.openapi import problems

NOON = 1_795_000_000.0
PATIENCE_S = 0.3
"For an answer that does not come; every other one comes at once."


@dataclass
class FakeClock:
    """Time passes by sleeping alone, and at once."""

    passed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.passed

    def utc(self) -> float:
        return NOON + self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds


@dataclass
class Lab:
    """An organization with one owner, its emulator, and a client of it."""

    clock: FakeClock
    organization: Organization
    emulator: WebexEmulator
    owner: Someone
    open_wire: Callable[..., Wire]
    token: Secret

    def client(self, **credentials: Secret) -> WebexClient:
        """A client with these credentials, or with a token that is good."""
        return self.client_of(self.open_wire(), **credentials)

    def client_of(self, wire: Wire, **credentials: Secret) -> WebexClient:
        return WebexClient(wire, Credentials(**(credentials or {"access_token": self.token})))


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[Lab]:
    """At its end every request and answer is held against the official description."""
    clock = FakeClock()
    organization = Organization(clock.utc)
    emulator = WebexEmulator(organization, page=3)
    await emulator.start()
    wires: list[Wire] = []

    def open_wire(**options: object) -> Wire:
        options = {"clock": clock, "patience_s": PATIENCE_S} | options
        wires.append(Wire(emulator.base_url, **options))  # type: ignore[arg-type]
        return wires[-1]

    token = Secret(organization.mint()["access_token"])
    yield Lab(clock, organization, emulator, organization.someone("Anna", "Berg"), open_wire, token)
    for wire in wires:
        await wire.__aexit__(None, None, None)
    emulator.stop()
    assert problems(emulator.exchanges) == []


@pytest.fixture
def password() -> Secret:
    return Secret("Test4Password123&")
