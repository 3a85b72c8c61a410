"""Failover: the secondary, and the way back."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-FO-005", requirements=["FO-SECONDARY"], disturbs=["registration"])
async def test_uses_the_secondary_when_the_primary_refuses(bench: Bench, phone: Phone) -> None:
    """When the primary refuses connections, the device registers at the secondary."""
    await bench.primary.refuses_connections()
    await phone.connects_anew()
    await bench.expect("fo.uses-secondary", lines=len(phone.lines))


@case("WXC-FO-060", requirements=["FO-FAILBACK"], needs="registered-secondary", disturbs=["registration"])
async def test_returns_to_the_primary(bench: Bench, phone: Phone) -> Deferred:
    """Once the primary accepts connections again, the device returns to it by itself."""
    await bench.primary.comes_back()
    return bench.until_back_on_primary()
