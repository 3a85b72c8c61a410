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
    """With both targets up, the device connects first to the one with the lowest priority value, wherever it stands."""
    await bench.expect_of_attempt("dns.lowest-priority-first", edge="primary")


@case("WXC-DNS-050", requirements=["DNS-WEIGHT"], disturbs=["registration"])
async def test_weight_counts_among_equals(bench: Bench, phone: Phone) -> None:
    """Of two targets of one priority, the one with all the weight is taken; the other stands first in the answer."""
    bench.dns.gives_all_weight_to("secondary")
    await bench.dns.spreads_by_weight("secondary")


@case("WXC-DNS-060", requirements=["DNS-ADDRESSES"], disturbs=["registration"])
async def test_tries_every_address_of_a_target(bench: Bench, phone: Phone) -> None:
    """Of five addresses of the best target only the third answers, and the device goes there first."""
    bench.dns.has_dead_addresses_beside_the_primary()
    await phone.reconnects()
    await bench.dns.leads_to(
        "primary",
        finding="dns-one-address-alone",
        hint="RFC 3263 section 4.3: every address of a target is tried before the next target.",
    )


@case("WXC-DNS-080", requirements=["DNS-NO-REGISTRAR"], needs="started")
async def test_needs_no_address_of_the_registrar(bench: Bench, phone: Phone) -> None:
    """The registrar's domain resolves nowhere, and the device registers over its outbound proxy."""
    await bench.expect_of_attempt("dns.needs-no-registrar", registrar_domain=bench.registrar_domain)


@case("WXC-DNS-090", requirements=["DNS-NO-REGISTRAR"], needs="started")
async def test_register_names_the_registrar(bench: Bench, phone: Phone) -> None:
    """REGISTER is sent to the outbound proxy and has the registrar's domain in its URI, From and To."""
    await bench.expect_of_attempt("dns.names-registrar", registrar_domain=bench.registrar_domain)


@case("WXC-DNS-110", requirements=["DNS-TTL"], disturbs=["registration"], waits=["ttl"])
async def test_heeds_the_ttl(bench: Bench, phone: Phone) -> None:
    """A connection that is made after the records' TTL is over goes where DNS says then."""
    bench.dns.shortens_ttl()
    await phone.reconnects()
    await bench.dns.is_asked()
    await phone.is_registered()
    await bench.dns.records_are_over()
    bench.dns.moves_to_the_secondary()
    await phone.loses_its_connection()
    await bench.dns.is_kept_no_longer_than_it_may("secondary")


@case("WXC-DNS-012", requirements=["DNS-ADDRESS-FALLBACK"], disturbs=["registration"])
async def test_asks_for_addresses_without_srv(bench: Bench, phone: Phone) -> None:
    """Without SRV records the device asks for the addresses of the outbound proxy; what else it asks is recorded."""
    bench.dns.answers_nothing(type="SRV")
    await phone.reconnects()
    await bench.dns.is_fallen_back_from()


@case("WXC-DNS-160", requirements=["DNS-NO-SERVICE"], disturbs=["registration"], waits=["own-retry"])
async def test_a_service_that_is_not_there(bench: Bench, phone: Phone) -> None:
    """When SRV says that the service is not there, the device connects nowhere until SRV says otherwise."""
    bench.dns.denies_the_service()
    await phone.reconnects()
    await bench.dns.is_believed_that_there_is_no_service()
