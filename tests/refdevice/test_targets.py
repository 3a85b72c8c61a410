"""From the outbound proxy's name to targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.dns import DnsError, Resolver
from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.targets import TargetList, find_targets
from certsuite.refdevice.transport import Target

if TYPE_CHECKING:
    from tests.refdevice.conftest import Zone

_PROXY = "hs17.lab.example"


async def _found(zone: Zone, *faults: str) -> list[tuple[str, str, int]]:
    resolver = Resolver(("127.0.0.1", zone.port), "127.0.0.1")
    found = await find_targets(_PROXY, resolver, behaviour_with(faults))
    return [(target.host, target.address, target.port) for target in found.targets]


@pytest.mark.asyncio
async def test_all_addresses_of_a_target_come_before_the_next(zone: Zone) -> None:
    zone.srv((10, "b.example", 8934), (5, "a.example", 8935))
    zone.records["a.example.", "A"] = ["127.0.0.1", "127.0.0.2"]
    found = await _found(zone)
    assert sorted(found[:2]) == [("a.example", "127.0.0.1", 8935), ("a.example", "127.0.0.2", 8935)]
    assert found[2:] == [("b.example", "127.0.0.1", 8934)]


@pytest.mark.asyncio
async def test_without_srv_the_name_is_the_host(zone: Zone) -> None:
    zone.records[f"{_PROXY}.", "A"] = ["127.0.0.1"]
    assert await _found(zone) == [(_PROXY, "127.0.0.1", 5061)]


@pytest.mark.asyncio
async def test_faults(zone: Zone) -> None:
    zone.srv((10, "b.example", 8934), (5, "a.example", 8935))
    assert [host for host, _, _ in await _found(zone, "ignores-srv-priority")] == ["b.example", "a.example"]
    assert {port for _, _, port in await _found(zone, "ignores-srv-port")} == {5061}
    zone.records[f"{_PROXY}.", "A"] = ["127.0.0.1"]
    with pytest.raises(DnsError, match="no SRV"):
        await _found(zone, "asks-sip-tls")


@pytest.mark.asyncio
async def test_twenty_targets_are_all_there_in_their_order(zone: Zone) -> None:
    hosts = [f"target-{number:02}.some.where.example" for number in range(1, 21)]
    zone.srv(*((number, host, 8934) for number, host in enumerate(hosts, 1)))
    assert [host for host, _, _ in await _found(zone)] == hosts


@pytest.mark.asyncio
async def test_a_service_that_is_not_there_has_no_address_either(zone: Zone) -> None:
    zone.records[f"_sips._tcp.{_PROXY}.", "SRV"] = ["0 0 0 ."]
    zone.records[f"{_PROXY}.", "A"] = ["127.0.0.1"]
    with pytest.raises(DnsError, match="not there"):
        await _found(zone)
    assert await _found(zone, "ignores-no-service") == [(_PROXY, "127.0.0.1", 5061)]


@pytest.mark.asyncio
async def test_faults_of_order_and_number(zone: Zone) -> None:
    zone.srv((10, "b.example", 8934), (5, "a.example", 8935))
    zone.records["a.example.", "A"] = ["127.0.0.1", "127.0.0.2"]
    assert [host for host, _, _ in await _found(zone, "takes-answer-order")] == ["b.example", "a.example", "a.example"]
    assert len(await _found(zone, "takes-first-address-only")) == 2
    name = f"_sips._tcp.{_PROXY}."
    zone.records[name, "SRV"] = ["5 100 8934 a.example.", "5 0 8934 b.example."]
    assert [host for host, _, _ in await _found(zone, "ignores-weight")] == ["b.example", "a.example", "a.example"]
    del zone.records[name, "SRV"]
    zone.records[f"{_PROXY}.", "A"] = ["127.0.0.1"]
    with pytest.raises(DnsError, match="no SRV"):
        await _found(zone, "no-address-fallback")


@pytest.mark.asyncio
async def test_a_name_that_leads_nowhere(zone: Zone) -> None:
    with pytest.raises(DnsError, match="no address"):
        await find_targets(_PROXY, Resolver(("127.0.0.1", zone.port), "127.0.0.1"), Behaviour())


def test_better_is_a_lower_priority_value_or_anything_when_no_longer_listed() -> None:
    first, second, equal = (
        Target(host, "127.0.0.1", 1, priority) for host, priority in (("a", 5), ("b", 10), ("c", 10))
    )
    listed = TargetList((first, second, equal), 0.0)
    assert listed.better_than(second) == listed.better_than(equal) == [first]
    assert listed.better_than(first) == []
    assert listed.better_than(Target("gone", "127.0.0.1", 1, 1)) == [first, second, equal]
