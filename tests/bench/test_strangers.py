"""What the record keeps of other programs: a few of them, and how many there were."""

from __future__ import annotations

import asyncio

import pytest

from certsuite.bench import strangers
from certsuite.bench.expecting import Watch
from certsuite.bench.strangers import RECORDED_AT_MOST, Strangers
from certsuite.core.events import StrangersCounted
from certsuite.core.journal import Journal

EDGE, DNS = ("127.1.2.11", 8934), ("127.1.2.53", 5300)


def counted(journal: Journal) -> list[StrangersCounted]:
    return [seen.event for seen in journal.since(0) if isinstance(seen.event, StrangersCounted)]


@pytest.mark.asyncio
async def test_the_first_are_admitted_and_the_others_counted(journal: Journal) -> None:
    some = Strangers(journal)
    assert all(some.admits(("127.0.0.1", port), EDGE, "tcp") for port in range(RECORDED_AT_MOST))
    # Connections take no room from datagrams.
    assert all(some.admits(("127.0.0.1", port), DNS, "udp") for port in range(RECORDED_AT_MOST))
    some.tell()
    assert counted(journal) == []
    assert not any(some.admits(("127.0.0.1", port), EDGE, "tcp") for port in range(3))
    assert not any(some.admits(("127.0.0.2", port), DNS, "udp") for port in range(2))
    some.tell()
    some.tell()
    assert counted(journal) == [
        StrangersCounted(3, 2, {"127.0.0.1": 3, "127.0.0.2": 2}, {"127.1.2.11:8934": 3, "127.1.2.53:5300": 2})
    ]


@pytest.mark.asyncio
async def test_ten_thousand_addresses_are_one_short_line(journal: Journal) -> None:
    some = Strangers(journal)
    for number in range(10_000):
        some.admits((f"127.0.{number // 250}.{number % 250}", 1), EDGE, "tcp")
    some.tell()
    (event,) = counted(journal)
    assert event.connections == 10_000 - RECORDED_AT_MOST
    assert sum(event.sources.values()) == event.connections
    assert len(event.sources) <= 17
    assert event.sources["others"] > 9_000


@pytest.mark.asyncio
async def test_what_was_counted_is_told_after_a_while(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "_TOLD_EVERY_S", 0.01)
    monkeypatch.setattr(strangers, "RECORDED_AT_MOST", 0)
    some = Strangers(journal)
    watch = Watch(journal)
    for round_ in (1, 2):
        some.admits(("127.0.0.1", 1), EDGE, "tcp")
        deadline = asyncio.get_running_loop().time() + 10
        assert await watch.until(lambda: len(counted(journal)) == round_, deadline)  # noqa: B023 - called in this turn
