"""DNS: how the device finds its edge."""

from certsuite.bench import Bench, Phone, case


@case("WXC-DNS-010", requirements=["DNS-SRV"], needs="started")
async def test_asks_for_sips_srv(bench: Bench, phone: Phone) -> None:
    """The device asks for SRV _sips._tcp of its outbound proxy."""
    await bench.expect_of_attempt("dns.asks-sips-srv", outbound_proxy=bench.outbound_proxy)


@case("WXC-DNS-020", requirements=["DNS-SRV-PORT"], needs="started")
async def test_uses_the_srv_port(bench: Bench, phone: Phone) -> None:
    """The device connects to the port of the SRV record, which is none of the default ones."""
    await bench.expect_of_attempt("dns.uses-srv-port", port=bench.sip_port)


@case("WXC-DNS-040", requirements=["DNS-SRV-PRIORITY"], needs="started")
async def test_lowest_priority_value_first(bench: Bench, phone: Phone) -> None:
    """With both targets up, the device connects to the one with the lowest priority value first."""
    await bench.expect_of_attempt("dns.lowest-priority-first", edge="primary")
